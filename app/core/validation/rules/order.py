"""Rules on who speaks when."""

from collections.abc import Iterable

from app.core.validation.profiles import Profile
from app.core.validation.rules.base import FileFacts, Problem, Problems, Row, can_join, chat, place_of, rule
from app.core.validation.shapes import ROLES, Seen, Talk

_ASKED = {"role": "user", "content": "What is a tare weight?"}
_SAID = {"role": "assistant", "content": "The weight of an empty container."}
_SYSTEM = {"role": "system", "content": "Answer briefly."}
_GOOD = chat(_SYSTEM, _ASKED, _SAID)
_NAMES = {"user": "the user", "assistant": "the assistant", "system": "the system", "tool": "a tool"}


def _blocks(*roles: str) -> Row:
    said = [{"role": role, "content": [{"text": "Tare is the weight of an empty container."}]} for role in roles]
    return {"schemaVersion": "bedrock-conversation-2024", "messages": said}


def _chats(seen: Seen, *kinds: str) -> list[Talk]:
    """The lists of messages of these kinds that hold any."""
    return [talk for talk in seen.talks if talk.said and talk.kind in kinds]


@rule(
    "no-assistant",
    "No answer of the assistant",
    "Only what the assistant says is learned.",
    good=_GOOD,
    bad=chat(_SYSTEM, _ASKED),
)
def check_answers(seen: Seen, profile: Profile) -> Problems:
    """Conversations without a message of the assistant."""
    for talk in _chats(seen, "chat"):
        if not any(said.role == "assistant" for said in talk.said):
            yield Problem(talk.path, "There is no message of the assistant: nothing can be learned.")


@rule(
    "no-user",
    "No question of the user",
    "An answer to nothing is rarely meant.",
    good=_GOOD,
    bad=chat(_SYSTEM, _SAID),
    refused=False,
)
def check_questions(seen: Seen, profile: Profile) -> Problems:
    """Conversations without a message of the user."""
    for talk in _chats(seen, "chat", "prompt"):
        if not any(said.role == "user" for said in talk.said):
            yield Problem(talk.path, "There is no message of the user.")


@rule(
    "nothing-trained",
    "Nothing is trained",
    "Where every answer has the weight 0, the record costs tokens and teaches nothing.",
    good=chat(_ASKED, {**_SAID, "weight": 0}, _ASKED, {**_SAID, "weight": 1}),
    bad=chat(_ASKED, {**_SAID, "weight": 0}),
    refused=False,
)
def check_trained(seen: Seen, profile: Profile) -> Problems:
    """Conversations whose answers all have the weight 0, or the flag of the target that says the same."""
    key = profile.weight_key
    # A weight is a number, a flag is true or false: each kind of target looks over the other.
    kind, said_so = (int, "the weight 0") if key == "weight" else (bool, f"{key}: false")
    for talk in _chats(seen, "chat"):
        weights = [said.message.get(key) for said in talk.said if said.role == "assistant"]
        if weights and all(type(weight) is kind and not weight for weight in weights):
            yield Problem(talk.path, f"All answers have {said_so}: nothing is trained.")


@rule(
    "last-role",
    "The wrong one speaks last",
    "What stands after the last answer is never learned; where the target makes the answer itself, none may be there.",
    good=_GOOD,
    bad=chat(_ASKED, _SAID, _ASKED),
)
def check_last(seen: Seen, profile: Profile) -> Problems:
    """Conversations that end with somebody else's message."""
    for talk in _chats(seen, "chat"):
        role = talk.said[-1].role
        if profile.last and role is not None and role not in profile.last:
            wanted = " or ".join(_NAMES[one] for one in profile.last)
            fix = "drop-trailing" if "assistant" in profile.last else None
            yield Problem(talk.said[-1].path, f"The last message is by {_NAMES[role]}; it must be by {wanted}.", fix)


@rule(
    "first-role",
    "The wrong one speaks first",
    "The template of the model begins with a question.",
    good=_blocks("user", "assistant"),
    bad=_blocks("assistant", "user", "assistant"),
    profile="bedrock-nova",
)
def check_first(seen: Seen, profile: Profile) -> Problems:
    """Conversations that somebody else begins."""
    for talk in _chats(seen, "chat", "prompt"):
        first = next((said for said in talk.said if said.role != "system"), None)
        if first is not None and profile.first and first.role is not None and first.role not in profile.first:
            wanted = " or ".join(_NAMES[one] for one in profile.first)
            yield Problem(first.path, f"The first message is by {_NAMES[first.role]}; it must be by {wanted}.")


@rule(
    "system-place",
    "A system message that is not the first",
    "Later ones have no place in the target's template.",
    good=_GOOD,
    bad=chat(_ASKED, _SAID, _SYSTEM, _ASKED, _SAID),
    profile="fireworks",
)
def check_system_place(seen: Seen, profile: Profile) -> Problems:
    """System messages that are not the first message."""
    for talk in _chats(seen, "chat", "prompt"):
        for said in talk.said[1:]:
            if said.role == "system":
                yield Problem(said.path, f"{place_of(said.path)} is a system message; it must be the first.")


@rule(
    "same-role",
    "Somebody speaks twice in a row",
    "The target wants user and assistant in turn.",
    good=_blocks("user", "assistant"),
    bad=_blocks("user", "user", "assistant"),
    profile="bedrock-nova",
)
def check_alternation(seen: Seen, profile: Profile) -> Problems:
    """Neighbours with one role; several results of tools may follow one another."""
    for talk in _chats(seen, "chat", "prompt"):
        for before, said in zip(talk.said, talk.said[1:], strict=False):
            if said.role is not None and said.role == before.role and said.role != "tool":
                text = f"{place_of(said.path)} is by {_NAMES[said.role]}, as the one before it is."
                yield Problem(said.path, text, "join-messages" if can_join(before, said) else None)


@rule(
    "two-answers",
    "The assistant answers twice in a row",
    "A call and its text must be one message, or the results of the call must stand between them.",
    good=_GOOD,
    bad=chat(_ASKED, _SAID, _SAID),
    profile="azure",
)
def check_two_answers(seen: Seen, profile: Profile) -> Problems:
    """Two messages of the assistant without anything between them."""
    for talk in _chats(seen, "chat"):
        for before, said in zip(talk.said, talk.said[1:], strict=False):
            if said.role == before.role == "assistant":
                text = f"{place_of(said.path)} is by the assistant, as the one before it is."
                yield Problem(said.path, text, "join-messages" if can_join(before, said) else None)


@rule(
    "some-systems",
    "Some conversations have a system message, others none",
    "A model is best asked as it was trained: with the same system message, or always without.",
    good=[_GOOD, _GOOD],
    bad=[_GOOD, chat(_ASKED, _SAID)],
    level="set",
    refused=False,
)
class WatchSystems:
    """How many conversations have a system message."""

    def __init__(self, profile: Profile) -> None:
        self._with = 0
        self._without = 0
        self._first: tuple[int | None, int | None] = (None, None)

    def see(self, seen: Seen, number: int, line: int | None) -> Iterable[Problem]:
        """Count a conversation."""
        if seen.form is not None:
            has = ROLES.get(seen.form[0]) == "system" if seen.form else False
        else:
            has = any(said.role == "system" for talk in seen.talks for said in talk.said)
        self._with += has
        self._without += not has
        if not has and self._without == 1:
            self._first = (number, line)
        return ()

    def close(self, facts: FileFacts) -> Problems:
        """Both kinds are there."""
        if self._with and self._without:
            total = self._with + self._without
            have = "has" if self._without == 1 else "have"
            text = f"{self._without:,} of {total:,} records {have} no system message, the others have one."
            yield Problem("", text, record=self._first[0], line=self._first[1])
