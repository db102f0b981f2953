"""What a rule is. One is a small function, registered with what people read about it and an example of each kind."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any, NamedTuple, Protocol

from app.core.text import is_blank
from app.core.validation.profiles import Profile
from app.core.validation.shapes import Said, Seen
from app.core.validation.training import Trained

Row = Mapping[str, Any]


class Problem(NamedTuple):
    """What a rule found: where in the row, a sentence, and a safe fix.

    Rules of sets and files may name record and line, and one that is graver at times than its profile says, how grave.
    """

    path: str
    message: str
    fix: str | None = None
    record: int | None = None
    line: int | None = None
    severity: str | None = None


@dataclass(slots=True)
class FileFacts:
    """What is known of a file beside its rows; a dataset has no name."""

    name: str = ""
    size: int | None = None
    format: str = "jsonl"
    encoding: str = "utf-8"
    compression: str = ""
    has_mark: bool = False
    is_file: bool = True
    # Whether its rows are checked as they stand there.
    is_own: bool = True
    blank_lines: int = 0
    first_blank: int | None = None
    crowded_lines: int = 0
    first_crowded: int | None = None
    wrapped: bool = False
    # Those that were read, and those that came to a profile.
    records: int = 0
    rows: int = 0
    # About how many bytes of it were read so far.
    bytes_read: int = 0
    model: str = ""
    today: date = date.min


class TwoFiles(NamedTuple):
    """Rows of a file, and those of another one that it is compared with."""

    rows: Sequence[Row]
    other: Sequence[Row]


# Rows of a file, or what makes them where they are large; its bytes, what is known of it, or two of them; or what a
# template made of a record.
Example = Sequence[Row] | Callable[[], Sequence[Row]] | bytes | FileFacts | TwoFiles | Trained
Problems = Iterator[Problem]
RowCheck = Callable[[Seen, Profile], Problems]
FileCheck = Callable[[FileFacts, Profile], Problems]


class Watcher(Protocol):
    """A rule that has to see all rows: each in turn, then the file."""

    def see(self, seen: Seen, number: int, line: int | None) -> Iterable[Problem]:
        """What is wrong with a row, given those before it."""

    def close(self, facts: FileFacts) -> Iterable[Problem]:
        """What is wrong with all of them."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A rule with what people read of it.

    Its ``level`` says what it looks at: a ``row``, the ``texts`` of a row (also where messages are plain), all rows
    (``set``) or the ``file``. ``shapes`` are the forms it is for, all where there are none. A rule that is not
    ``refused`` is our own judgement: the target takes such a row. One ``at_loading`` is found by the target before it
    drops any row. ``good`` and ``bad`` are examples for ``profile``.
    """

    code: str
    title: str
    why: str
    level: str
    check: Any
    profile: str
    good: Example
    bad: Example
    shapes: tuple[str, ...] = ()
    refused: bool = True
    at_loading: bool = False


RULES: dict[str, Rule] = {}
# Forms whose messages are those of OpenAI.
CHAT = ("messages", "prompts", "preference", "chosen-rejected", "labelled", "prompt-completion")
SHAREGPT = ("sharegpt", "sharegpt-preference", "sharegpt-labelled")


def rule(
    code: str,
    title: str,
    why: str,
    *,
    good: Row | Example,
    bad: Row | Example,
    level: str = "row",
    profile: str = "openai-sft",
    shapes: tuple[str, ...] = (),
    refused: bool = True,
    at_loading: bool = False,
) -> Callable[[Any], Any]:
    """Register a function as a rule. An example that is one row stands for a file of it."""

    def register(check: Any) -> Any:
        files: list[Example] = [[one] if isinstance(one, Mapping) else one for one in (good, bad)]
        if code in RULES:
            raise ValueError(code)
        RULES[code] = Rule(code, title, why, level, check, profile, files[0], files[1], shapes, refused, at_loading)
        return check

    return register


def chat(*messages: Row | str, **more: Any) -> Row:
    """A row of messages for examples: texts are said by user and assistant in turn."""
    roles = ("user", "assistant")
    said = [
        {"role": roles[place % 2], "content": one} if isinstance(one, str) else dict(one)
        for place, one in enumerate(messages)
    ]
    return {"messages": said, **more}


def place_of(path: str) -> str:
    """The beginning of a sentence on a message: ``Message 3`` for ``messages[2]``."""
    name, _, number = path.rpartition("[")
    if not number.rstrip("]").isdigit():
        return f"“{path}”"
    where = "" if name in ("messages", "conversations", "contents") else f" of “{name}”"
    return f"Message {int(number.rstrip(']')) + 1}{where}"


def can_join(before: Said, said: Said, key: str = "content") -> bool:
    """Whether two messages have texts, or lists of parts, and are alike in all else: they can be joined."""
    other, message = dict(before.message), dict(said.message)
    texts = other.pop(key, None), message.pop(key, None)
    if all(type(text) is list and all(type(part) is dict for part in text) for text in texts):
        return other == message
    return all(type(text) is str and not is_blank(text) for text in texts) and other == message
