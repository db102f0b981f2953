"""Rules on whole rows: their keys, and the lists of messages that they must have."""

from typing import Any

from app.core.text import clip
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import SHAREGPT, FileFacts, Problem, Problems, TwoFiles, chat, rule
from app.core.validation.shapes import Seen

# What ``datasets.load_dataset`` reads at once, and takes the columns from.
FIRST_BYTES = 10 << 20
# From so many records on it is no chance that all are alike.
_NO_CHANCE = 10
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
        if type(value) is not str and (type(value) is not list or not value):
            yield Problem(name, f"“{name}” must be a text or a list of messages.")


@rule(
    "no-text",
    "No running text",
    "Anything else than a text, such as a number or a list, cannot be put before a model.",
    good={"text": "Tare is the weight of an empty container."},
    bad={"text": None},
    profile="trl",
    shapes=("text",),
)
def check_text(seen: Seen, profile: Profile) -> Problems:
    """The text must be a text."""
    if type(seen.row.get("text")) is not str:
        yield Problem("text", "“text” must be a text.")


@rule(
    "blank-text",
    "An empty text",
    "Without text there is nothing to learn.",
    good={"text": "Tare is the weight of an empty container."},
    bad={"text": " "},
    profile="trl",
    shapes=("text", "prompt-completion", "labelled", "chosen-rejected"),
)
def check_blank_text(seen: Seen, profile: Profile) -> Problems:
    """Texts, and completions or answers that are texts, which say nothing."""
    for name in ("text", "completion", "chosen", "rejected"):
        value = seen.row.get(name)
        if type(value) is str and not value.strip():
            yield Problem(name, f"“{name}” is empty: there is nothing to learn.")


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


@rule(
    "all-alike",
    "All questions or all answers are equal",
    "A model that always hears the same, or is always to say the same, learns nothing else.",
    good=[_GOOD, chat("What is a gross weight?", "Container and content.")],
    bad=[chat(f"What is word {number}?", "The weight of an empty container.") for number in range(10)],
    level="set",
    refused=False,
)
class WatchAlike:
    """The last question and the last answer of each row against those of the first."""

    def __init__(self, profile: Profile) -> None:
        self._first: dict[str, Any] = {}
        self._rows = 0

    def see(self, seen: Seen, number: int, line: int | None) -> tuple[Problem, ...]:
        """Forget what differs."""
        self._rows += 1
        if self._rows == 1:
            self._first = {"user": self._last_text(seen, "user"), "assistant": self._last_text(seen, "assistant")}
        else:
            for role, text in tuple(self._first.items()):
                if text is None or self._last_text(seen, role) != text:
                    del self._first[role]
        return ()

    def _last_text(self, seen: Seen, role: str) -> Any:
        texts = [seen.text(said) for talk in seen.talks for said in talk.said if said.role == role]
        return texts[-1] if texts else None

    def close(self, facts: FileFacts) -> Problems:
        """What never differed."""
        for role, text in self._first.items():
            if self._rows >= _NO_CHANCE and text is not None:
                what = "questions" if role == "user" else "answers"
                yield Problem("", f"All {self._rows:,} {what} are equal.")


@rule(
    "late-key",
    "A key that comes late",
    "Loaders go by the first 10 MB of a file: they fail at a key that comes later, and spoil lists among texts.",
    good=[_GOOD, {**_GOOD, "tools": []}],
    bad=lambda: [chat("What is a tare weight?", "Of an empty container. " * 500_000), {**_GOOD, "tools": []}],
    level="set",
    profile="trl",
    refused=False,
)
class WatchKeys:
    """The keys of rows and messages, and whether content is a text or a list: which come after the first 10 MB."""

    def __init__(self, profile: Profile) -> None:
        self._known: set[str] = set()
        self._forms: set[tuple[str, ...]] = set()

    def see(self, seen: Seen, number: int, line: int | None) -> Problems:
        """Keys that no earlier row has."""
        if seen.form in self._forms:
            return
        if seen.form is not None and len(self._forms) < 10_000:
            self._forms.add(seen.form)
        found = dict.fromkeys(seen.row, "")
        for talk in seen.talks:
            for said in talk.said:
                for name, value in said.message.items():
                    kind = f"{name} as a list" if name == seen.shape.text and isinstance(value, list) else name
                    found.setdefault(f"{talk.path}[].{kind}", said.path)
        new = [path for path in found if path not in self._known] if len(self._known) < 10_000 else []
        self._known.update(new)
        for path in new if seen.offset > FIRST_BYTES else ():
            text = f"“{path}” stands here for the first time, after 10 MB. Put the record that has most keys first."
            yield Problem(found[path] or path, text)

    def close(self, facts: FileFacts) -> Problems:
        """All is told row by row."""
        return iter(())
