"""What all layouts share: rows in and out, the notes that make a row come back as it was, refusals of rows."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import count
from typing import Any, NamedTuple

import msgspec

from app.core.errors import Invalid
from app.core.layouts.sample import Claim, Row, Sample
from app.core.record import Message, Record, message_from_json, message_to_json
from app.core.text import PLAIN_STARTS, is_blank

# Key of ``Record.extra`` under which layouts note how a row looked where a record has no place for it: original
# parts of joined texts, weights and names of the question and answer messages, messages behind the answer.
NOTES = "_layout"

# What a question or answer message may carry besides its text.
NOTED = ("name", "weight", "tool_calls", "tool_call_id")

_encode = msgspec.json.Encoder().encode


class RowError(Invalid):
    """A row that cannot become a record, in the words that stand behind its place: ``Row 7 (line 9): …``.

    Its code is one of ``BAD_ROW_TITLES``.
    """

    code = "bad_row"


# What is wrong with all rows of one code.
BAD_ROW_TITLES = {
    "bad_row": "The row cannot be taken",
    "blank_question": "The question is empty",
    "blank_answer": "The answer is empty",
    "no_messages": "There is no list of messages",
    "no_answer": "There is no assistant message",
    "no_question": "There is no user message",
    "no_rejected_answer": "There is no rejected answer",
    "bad_message": "A message is not in the usual form",
    "bad_role": "A message has an unknown role",
    "bad_history": "The history is no list of questions and answers",
    "not_text": "A text is expected, and something else is there",
    "not_exact": "It could not be written back as it is",
    "reserved_name": "A column has a name that is taken",
    "tool_call_answer": "The answer is a tool call",
}


@dataclass(frozen=True)
class LayoutOptions:
    """How rows are understood and written.

    ``mapping`` gives columns by target (question, answer, system, tags, status, split, passage, rejected_answer).
    ``alpaca_input`` says how instruction and input are joined: newline, blank-line or system.
    ``system`` is a constant prompt for rows without one. ``keep_extra`` writes columns that a layout does not know and
    an unedited row as it came; without it a row is written in the layout's usual form.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    allow_unanswered: bool = False
    alpaca_input: str = "newline"
    system: str | None = None
    tags: tuple[str, ...] = ()
    keep_extra: bool = False


DEFAULT = LayoutOptions()


class Preset(NamedTuple):
    """A file that people often want in a layout: a format, how it is called, and what is in it."""

    format: str
    title: str
    hint: str


def never(sample: Sample) -> Claim | None:
    """Recognises nothing: for layouts that are written, and read under the name of another."""
    return None


@dataclass(frozen=True)
class Layout:
    """What a row means. ``holds`` names what it can carry besides question and answer; the rest is a loss.

    ``recognises`` says whether the first rows of a file are of this layout, ``example`` is a row of it, ``presets`` are
    the files offered by name. ``needs`` names what a record must have to be written, ``alternates`` says that earlier
    turns must be pairs.
    """

    name: str
    title: str
    parse: Callable[[Row, LayoutOptions], Record]
    render: Callable[[Record, LayoutOptions], dict[str, Any]]
    holds: frozenset[str]
    keys: tuple[str, ...]
    example: Mapping[str, Any]
    recognises: Callable[[Sample], Claim | None] = never
    presets: tuple[Preset, ...] = ()
    needs: frozenset[str] = frozenset()
    alternates: bool = False


AFTER = "messages after the answer"
CARRIES = (
    "system",
    "turns",
    "trace",
    "reasoning",
    "tools",
    "weights",
    "rejected answer",
    AFTER,
    "tags",
    "other columns",
)


def checked(record: Record, options: LayoutOptions) -> Record:
    """The record with the options' system prompt and tags. Raises RowError on a blank question or answer."""
    # The first letter settles it for nearly every text; millions of rows pass here.
    if record.question[:1] not in PLAIN_STARTS and is_blank(record.question):
        raise RowError("The question is empty.", code="blank_question")
    if not (record.answer[:1] in PLAIN_STARTS or options.allow_unanswered or record.answered):
        raise RowError("The answer is empty.", code="blank_answer")
    if options.system is None and not options.tags:
        return record
    system = options.system if record.system is None else record.system
    tags = tuple(dict.fromkeys((*record.tags, *options.tags)))
    return Record(
        record.question,
        record.answer,
        system,
        record.turns,
        record.trace,
        record.rejected_answer,
        tags,
        record.extra,
        record.reasoning,
    )


def text_of(value: Any, what: str) -> str:
    """A value as text: numbers and true/false as JSON writes them, a list of texts by lines. Raises RowError."""
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return _encode(value).decode()
    if isinstance(value, list):
        return "\n".join(text_of(item, what) for item in value)
    raise RowError(f"The {what} is an object, not a text. Choose the field inside it.", code="not_text")


def unpacked(value: Any) -> Any:
    """A list or object that a table could only hold as JSON text, as itself again; anything else as it is."""
    if type(value) is str and value[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except msgspec.MsgspecError:
            return value
    return value


def notes_of(record: Record) -> dict[str, Any]:
    """The layout notes of a record."""
    notes = record.extra.get(NOTES)
    return notes if isinstance(notes, dict) else {}


def with_notes(extra: dict[str, Any], notes: dict[str, Any]) -> dict[str, Any]:
    """``extra`` with the notes under their key, if there are any."""
    return {**extra, NOTES: notes} if notes else extra


def columns_of(row: Row, used: Iterable[str]) -> dict[str, Any]:
    """The columns of a row that have no place of their own. Raises RowError where one has the name of our notes."""
    if NOTES in row:
        raise RowError(f"The name “{NOTES}” is taken by this program. Rename that column.", code="reserved_name")
    return {key: value for key, value in row.items() if key not in used}


def with_columns(
    row: dict[str, Any], record: Record, options: LayoutOptions, own: Iterable[str] = ()
) -> dict[str, Any]:
    """The row with the columns of ``extra``: the layout's own always, all others with ``keep_extra``.

    A column that would take the place of what is there gets a number behind its name.
    """
    for key, value in record.extra.items():
        if key == NOTES or not (options.keep_extra or key in own):
            continue
        if key not in row:
            row[key] = value
        elif options.keep_extra:
            row[_free_name(key, row)] = value
    return row


def _free_name(key: str, row: Row) -> str:
    return next(name for number in count(2) if (name := f"{key} ({number})") not in row)


def text_answer(record: Record, title: str) -> str:
    """The answer as text. Raises RowError where it is a tool call, for layouts that have no place for one."""
    if record.answer == "" and record.trace and record.answered:
        raise RowError(f"The answer is a tool call, which {title} cannot hold.", code="tool_call_answer")
    return record.answer


def trailing_of(record: Record) -> tuple[Message, ...]:
    """The messages that stood after the answer."""
    return tuple(message_from_json(message) for message in notes_of(record).get("trailing", ()))


def trailing_note(messages: Sequence[Message]) -> list[dict[str, Any]]:
    """Messages after the answer as they are noted."""
    return [message_to_json(message) for message in messages]


def messages_of(record: Record) -> tuple[Message, ...]:
    """Turns, question, trace and answer as one conversation, without the system prompt."""
    notes = notes_of(record)
    question = _noted("user", record.question, notes.get("question"))
    messages = (*record.turns, question, *record.trace)
    if record.answer or not record.answered or not record.trace:
        messages = (*messages, _noted("assistant", record.answer, notes.get("answer")))
    return messages


def _noted(role: str, text: str, note: Any) -> Message:
    if not isinstance(note, dict):
        return Message(role, text)
    known = {key: note[key] for key in NOTED if key in note}
    return Message(role, text, extra=note.get("extra", {}), **known)


def losses(record: Record, layout: Layout, options: LayoutOptions) -> list[str]:
    """What of a record the layout cannot carry, as names from ``CARRIES``."""
    plain = not (record.extra or record.turns or record.trace or record.tags) and record.rejected_answer is None
    if plain and record.reasoning is None and (record.system is None or "system" in layout.holds):
        return []
    present = {
        "system": record.system is not None,
        "turns": bool(record.turns) and not (layout.alternates and _alternate(record.turns)),
        "trace": bool(record.trace),
        "reasoning": _reasoned(record),
        "tools": bool(record.extra.get("tools") or record.extra.get("functions")),
        "weights": _weighted(record),
        "rejected answer": record.rejected_answer is not None,
        AFTER: "trailing" in notes_of(record) and not options.keep_extra,
        "tags": bool(record.tags),
        "other columns": any(key not in (NOTES, "tools", "functions", *layout.keys) for key in record.extra)
        and not options.keep_extra,
    }
    return [name for name in CARRIES if present[name] and name not in layout.holds]


def _alternate(turns: Sequence[Message]) -> bool:
    return len(turns) % 2 == 0 and all(
        message.role == ("user", "assistant")[place % 2] and message.text is not None and not message.tool_calls
        for place, message in enumerate(turns)
    )


def question_and_answer_turns(record: Record) -> list[tuple[str, str]]:
    """The earlier turns as pairs of texts, for layouts that know nothing else; what is no pair is left out."""
    pairs: list[tuple[str, str]] = []
    asked: str | None = None
    for message in record.turns:
        if message.role == "user":
            asked = message.text or ""
        elif message.role == "assistant" and asked is not None:
            pairs.append((asked, message.text or ""))
            asked = None
    return pairs


def _reasoned(record: Record) -> bool:
    return record.reasoning is not None or any(m.reasoning is not None for m in (*record.turns, *record.trace))


def _weighted(record: Record) -> bool:
    notes = notes_of(record)
    noted = any(isinstance(notes.get(side), dict) and "weight" in notes[side] for side in ("question", "answer"))
    return noted or any(message.weight is not None for message in (*record.turns, *record.trace))
