"""Messages of people as conversations: who answers, when a conversation ends, and what of it is no text."""

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from itertools import chain, islice, pairwise
from typing import Any, BinaryIO, NamedTuple

from app.core.errors import Invalid
from app.core.formats.base import BadRow, ReadOptions, Row, Rows
from app.core.formats.json import parsed_records
from app.core.formats.jsonl import has_nul
from app.core.formats.limits import Limits, too_long, too_many_rows
from app.core.formats.nesting import Shallow

# Who answers is judged by so many messages.
SAMPLE = 2000
KIND = "This chat"
MEDIA, NOTICES, TOOLS, REASONING = "media", "notices", "tool messages", "reasoning"
_SHOWN_NAMES = 12


class Said(NamedTuple):
    """A message: who wrote what, and when, in seconds.

    ``role`` is user or assistant where the export says it. ``talk`` changes with the chat, where an export has several;
    ``thread`` names a conversation inside of it. ``left_out`` names what stood there that is no text.
    """

    author: str
    text: str
    at: float | None = None
    role: str = ""
    talk: str = ""
    thread: str = ""
    is_bot: bool = False
    is_reply: bool = False
    left_out: tuple[str, ...] = ()
    line: int | None = None


@dataclass
class _Conversation:
    """A conversation that is being read: the roles with their texts by turns, and what was left out."""

    turns: list[tuple[str, list[str]]] = field(default_factory=list)
    left_out: Counter[str] = field(default_factory=Counter)
    line: int | None = None
    last: float | None = None
    size: int = 0

    def add(self, said: Said, role: str) -> None:
        """Add a message; what one side writes in a row is one turn."""
        self.left_out.update(said.left_out)
        self.line = self.line or said.line
        self.last = said.at if said.at is not None else self.last
        text = said.text.strip()
        if text and self.turns and self.turns[-1][0] == role:
            self.turns[-1][1].append(text)
        elif text:
            self.turns.append((role, [text]))

    @property
    def values(self) -> dict[str, Any]:
        messages = [{"role": role, "content": "\n".join(texts)} for role, texts in self.turns]
        return {"messages": messages, **({"left_out": dict(self.left_out)} if self.left_out else {})}


def read_objects(stream: BinaryIO, path: str, limits: Limits) -> Iterator[dict[str, Any]]:
    """The objects at a path of a JSON document. Raises Invalid where it breaks off, TooLarge for one over the limit."""
    import ijson

    counted = Shallow(b"", stream, limits)
    items = parsed_records(ijson.items(counted, path, use_float=True), counted, "The chat breaks off, or is no JSON")
    return (item for item in items if isinstance(item, dict))


def of_whole_chats(limits: Limits) -> Limits:
    """The limits where whole chats are read, and not their messages one by one."""
    return replace(limits, line_bytes=limits.line_bytes * 4)


def object_of(value: Any) -> dict[str, Any]:
    """The value where it is an object, else an empty one."""
    return value if isinstance(value, dict) else {}


def list_of(value: Any) -> list[Any]:
    """The value where it is a list, else an empty one."""
    return value if isinstance(value, list) else []


def text_of(*values: Any) -> str:
    """The first of the values that says something: a text that is not empty, or a number."""
    return next((str(value) for value in values if isinstance(value, (str, int, float)) and value), "")


def read_conversations(messages: Iterator[Said], options: ReadOptions) -> Rows:
    """One row with ``messages`` for each conversation. What holds no text at all is a bad row.

    A conversation ends where nobody writes for ``options.pause_hours``; a thread is one of its own. Raises Invalid
    where nobody is there who could answer.
    """
    sample = list(islice(messages, SAMPLE))
    answers = who_answers(sample, options.who_answers)[0]
    for number, conversation in enumerate(_split(chain(sample, messages), answers, options), 1):
        if number > options.limits.rows:
            raise too_many_rows(KIND, options.limits)
        values = conversation.values
        if has_nul(values):
            reason = f"{_place(number, conversation)} holds the character U+0000, which no database keeps. Remove it."
            yield BadRow(number, conversation.line, "nul", reason)
        elif conversation.turns:
            yield Row(number, conversation.line, values)
        else:
            what = ", ".join(f"{count} {kind}" for kind, count in conversation.left_out.items())
            reason = f"{_place(number, conversation)} holds no text, only {what}."
            yield BadRow(number, conversation.line, "no_text", reason, what)


def _place(number: int, conversation: _Conversation) -> str:
    return f"Conversation {number}" + (f" (line {conversation.line})" if conversation.line else "")


def _split(messages: Iterable[Said], answers: str, options: ReadOptions) -> Iterator[_Conversation]:
    pause, most = options.pause_hours * 3600, of_whole_chats(options.limits)
    talk = ""
    notices: Counter[str] = Counter()
    going: dict[str, _Conversation] = {}
    for said in messages:
        if said.talk != talk:
            yield from going.values()
            going, talk = {}, said.talk
        if not said.author:
            latest = next(reversed(going.values()), None)
            (latest.left_out if latest else notices).update(said.left_out)
            continue
        found = going.get(said.thread)
        if (
            found
            and not said.thread
            and said.at is not None
            and found.last is not None
            and said.at - found.last > pause
        ):
            yield going.pop("")
            found = None
        if found is None:
            found = going[said.thread] = _Conversation()
        found.left_out.update(notices)
        notices.clear()
        found.size += len(said.text) + 1
        if found.size > most.line_bytes:
            raise too_long(KIND, "a conversation", most)
        role = "assistant" if said.author == answers else "user"
        found.add(said, said.role if said.role and not options.who_answers else role)
    yield from going.values()


def who_answers(sample: Sequence[Said], wanted: str | None) -> tuple[str, str]:
    """Who is taken for the assistant where the export does not say it, and why; nobody where it always does.

    Raises Invalid where nobody of that name is there, or only one person writes.
    """
    written = Counter(said.author for said in sample if said.author)
    if wanted:
        named = next((name for name in written if name.casefold() == wanted.strip().casefold()), None)
        if named is None:
            raise Invalid(
                f"Nobody in this chat is called “{wanted}”. There are: {_listed(written)}.", code="no_answerer"
            )
        return named, "chosen"
    known = Counter(said.author for said in sample if said.role == "assistant")
    if known:
        is_always = all(said.role for said in sample if said.author)
        return ("", "the export says who it is") if is_always else (known.most_common(1)[0][0], "it is their account")
    if len(written) < 2:
        who = f"Only “{next(iter(written))}” writes" if written else "Nobody writes"
        raise Invalid(f"{who} in this chat, so there is nobody who answers.", code="no_answerer")
    bots = Counter(said.author for said in sample if said.is_bot)
    if bots and len(bots) < len(written):
        return bots.most_common(1)[0][0], "it is a bot"
    texts = [said for said in sample if said.author and said.text]
    points: Counter[str] = Counter(said.author for said in texts if said.is_reply)
    for before, said in pairwise(texts):
        if before.author != said.author and before.talk == said.talk and before.text.rstrip()[-1:] in "?？؟":
            points[said.author] += 1
    lengths: Counter[str] = Counter()
    for said in texts:
        lengths[said.author] += len(said.text)
    order = list(written)
    best = max(order, key=lambda name: (points[name], lengths[name] / written[name], -order.index(name)))
    return best, "most questions of others are followed by a message of theirs"


def _listed(written: Counter[str]) -> str:
    names = [f"{name} ({count:,})" for name, count in written.most_common(_SHOWN_NAMES)]
    more = len(written) - len(names)
    return ", ".join(names) + (f" and {more:,} more" if more > 0 else "")
