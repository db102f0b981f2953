"""Rules on whole rows: their keys, and the lists of messages that they must have."""

from app.core.text import clip
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import SHAREGPT, Problem, Problems, TwoFiles, chat, rule
from app.core.validation.shapes import Seen

_GOOD = chat("What is a tare weight?", "The weight of an empty container.")


@rule(
    "no-messages",
    "No list of messages",
    "A trainer looks for the conversation under one name; a row without it teaches nothing.",
    good=_GOOD,
    bad={"messages": []},
    shapes=("messages", "prompts", "preference", *SHAREGPT, "contents", "scored", "converse"),
)
def check_lists(seen: Seen, profile: Profile) -> Problems:
    """Each list of messages must be there, be a list and hold something."""
    found = {talk.path: talk for talk in seen.talks}
    for path in seen.shape.lists:
        talk = found.get(path)
        if talk is None or (path.count(".") == 0 and seen.row.get(path) == []):
            name = path.rpartition(".")[2]
            value = seen.row.get(path) if "." not in path else None
            if value == [] and "empty-messages" in profile.rules:
                continue
            if value == []:
                yield Problem(path, f"“{name}” is an empty list; it must hold at least one message.")
            elif value is not None:
                yield Problem(path, f"“{name}” must be a list of messages.")
            else:
                yield Problem(path, f"There is no list of messages under “{path}”.")
        elif not talk.said and "." in path:
            yield Problem(path, f"“{path}” holds no message.")


@rule(
    "unknown-key",
    "A key that is not known",
    "Keys that a target does not know are ignored by some, and refused by others.",
    good=_GOOD,
    bad={**_GOOD, "source": "handbook"},
)
def check_row_keys(seen: Seen, profile: Profile) -> Problems:
    """Keys beside those that the target knows in this form."""
    known = profile.row_keys.get(seen.shape.name)
    if known is None:
        return
    for name in seen.row:
        if name not in known:
            said = f"The key “{clip(name, 40)}” is not known here; known are {', '.join(known)}."
            yield Problem(name, said, "drop-key")


@rule(
    "text-or-messages",
    "Neither a text nor messages",
    "Anything else, such as a number or an object, cannot be put before a model.",
    good={"prompt": "Tare?", "completion": "The weight of an empty container."},
    bad={"prompt": "Tare?", "completion": 7},
    profile="trl",
    shapes=("prompt-completion", "labelled", "chosen-rejected"),
)
def check_text_or_messages(seen: Seen, profile: Profile) -> Problems:
    """Each side of a pair is a text or a list of messages."""
    for name in seen.shape.lists:
        value = seen.row.get(name)
        if value is None and name == "prompt" and seen.shape.name == "chosen-rejected":
            # The prompt may stand inside both answers.
            continue
        if type(value) is str:
            if name != "prompt" and not value.strip():
                yield Problem(name, f"“{name}” is empty: there is nothing to learn.")
        elif type(value) is not list or not value:
            yield Problem(name, f"“{name}” must be a text or a list of messages.")


@rule(
    "no-text",
    "No running text",
    "Without text there is nothing to learn.",
    good={"text": "Tare is the weight of an empty container."},
    bad={"text": " "},
    profile="trl",
    shapes=("text",),
)
def check_text(seen: Seen, profile: Profile) -> Problems:
    """The text must be a text, and say something."""
    text = seen.row.get("text")
    if type(text) is not str:
        yield Problem("text", "“text” must be a text.")
    elif not text.strip():
        yield Problem("text", "“text” is empty: there is nothing to learn.")


@rule(
    "repeated-row",
    "Equal to an earlier row",
    "A row that stands there twice is trained twice, and is paid for twice.",
    good=_GOOD,
    bad=[_GOOD, _GOOD],
    level="texts",
    refused=False,
)
def check_repeats(seen: Seen, profile: Profile) -> Problems:
    """The row is equal to an earlier one."""
    if seen.same_as is not None:
        yield Problem("", f"The row is equal to record {seen.same_as:,}.", "drop-repeats")


@rule(
    "in-both-files",
    "Stands in the other file too",
    "A model that has seen the test questions in training is measured too well.",
    good=TwoFiles([_GOOD], [chat("What is a gross weight?", "Container and content.")]),
    bad=TwoFiles([_GOOD], [_GOOD]),
    level="texts",
    refused=False,
)
def check_other_file(seen: Seen, profile: Profile) -> Problems:
    """The record stands in the file that it is compared with (``--against``)."""
    if seen.stands_in == "record":
        yield Problem("", "The record stands in the other file too, with the same question and answer.")


@rule(
    "question-in-both-files",
    "Its question stands in the other file too",
    "A question that is asked in both files leaks from one to the other; blanks and capitals do not matter.",
    good=TwoFiles([_GOOD], [chat("What is a gross weight?", "Container and content.")]),
    bad=TwoFiles([_GOOD], [chat("what is a  tare weight?", "I do not know.")]),
    level="texts",
    refused=False,
)
def check_other_questions(seen: Seen, profile: Profile) -> Problems:
    """The question stands in the file that it is compared with (``--against``), with another answer."""
    if seen.stands_in == "question":
        yield Problem("", "The question stands in the other file too, with another answer.")
