"""What all layouts share: rows in and out, the notes that make a row come back as it was, refusals of rows."""

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from itertools import count
from typing import Any

import msgspec

from app.core.errors import Invalid
from app.core.layouts.functions import tools_in
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row
from app.core.names import normal_name
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.reasoning import with_thinking
from app.core.record import Message, Record, message_from_json, message_to_json
from app.core.stored import CONTENT
from app.core.text import PLAIN_STARTS, is_blank

# Key of ``Record.extra`` under which layouts note how a row looked where a record has no place for it: original
# parts of joined texts, weights and names of the question and answer messages, messages behind the answer.
NOTES = "_layout"

# What a question or answer message may carry besides its text.
NOTED = ("name", "weight", "tool_calls", "tool_call_id")

# What a record may carry besides question and answer, as losses are named.
SYSTEM_AMONG = "system messages among the turns"
UNPAIRED = "turns without a partner"
IDS = "ids of tool calls"
KEYS = "other keys of messages"
AFTER = "messages after the answer"
ANSWERS = "other answers"
PICTURES = "pictures"
# What has a place in messages of OpenAI's form.
CHAT = frozenset({"system", "turns", "trace", "reasoning", "tools", IDS, "weights", KEYS})

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
    "no_label": "There is no label whether the answer is good",
    "no_rejected_answer": "There is no rejected answer",
    "only_rejected": "There is only an answer labelled as bad",
    "bad_message": "A message is not in the usual form",
    "bad_role": "A message has an unknown role",
    "bad_history": "The history is no list of questions and answers",
    "not_text": "A text is expected, and something else is there",
    "not_exact": "It could not be written back as it is",
    "reserved_name": "A column has a name that is taken",
    "tool_call_answer": "The answer is a tool call",
    "not_written": "The layout can only be read",
}


@dataclass(frozen=True)
class LayoutOptions:
    """How rows are understood and written.

    ``mapping`` gives columns, or paths into them, by target (question, answer, system, history, tags, status, split,
    passage, rejected_answer, source, family). ``columns`` are those that were there when it was made: others, which
    come late, are taken by their names; None means that none are late. ``objects`` says whether objects are taken as
    JSON text.
    ``alpaca_input`` says how instruction and input are joined: newline, blank-line or system.
    ``oasst_paths`` says whether of a tree of messages the best path is taken, or all. ``allow_empty_prompt`` takes
    texts without a question. ``system`` is a constant prompt for rows without one. ``keep_extra`` writes columns that
    a layout does not know and an unedited row as it came; without it a row is written in the layout's usual form.
    """

    mapping: Mapping[str, str] = field(default_factory=dict)
    columns: frozenset[str] | None = None
    objects: bool = False
    allow_unanswered: bool = False
    alpaca_input: str = "newline"
    system: str | None = None
    tags: tuple[str, ...] = ()
    oasst_paths: str = "best"
    allow_empty_prompt: bool = False
    keep_extra: bool = False


DEFAULT = LayoutOptions()
KEEPING = LayoutOptions(keep_extra=True)


def never(sample: Sample) -> Claim | None:
    """Recognises nothing: for layouts that are written, and read under the name of another."""
    return None


def not_written(record: Record, options: LayoutOptions) -> dict[str, Any]:
    """The ``render`` of a layout that is read and not written."""
    raise RowError("This layout can be read, but not written.", code="not_written")


@dataclass(frozen=True)
class Grouping:
    """How rows become others before they are records, for layouts in which a row is not a record.

    ``group_of`` names the group of a row (None: rows that follow one another, until one ``begins`` another), ``join``
    makes one row of the rows of a group, ``expand`` makes several of one row. ``group_of`` may keep in a dict what it
    has seen in a file.
    """

    group_of: Callable[[Row, LayoutOptions, dict[str, str]], str | None]
    join: Callable[[Sequence[Row], LayoutOptions], dict[str, Any]]
    expand: Callable[[Row, LayoutOptions], Iterator[dict[str, Any]]] | None = None
    begins: Callable[[Row, LayoutOptions], bool] = lambda row, options: True


@dataclass(frozen=True)
class Layout:
    """What a row means. ``holds`` names what it can carry besides question and answer, ``keeps`` what it carries only
    together with other columns, ``columns`` the columns of ``Record.extra`` that are its own; the rest is a loss.
    ``bare`` are the messages of which it holds the text alone. ``came`` is the name under which it notes rows that it
    gives back as they came.

    ``recognises`` says whether the first rows of a file are of this layout, ``example`` is a row of it. ``needs`` names
    what a record must have to be written, ``alternates`` says that earlier turns must be pairs. ``labels`` is for
    layouts with a row for each answer and a label whether it is good: it makes the rows of a record, the answer's
    first, and a worse answer alone is enough. ``grouping`` is for layouts whose rows are not one record each.

    ``message_keys`` are the keys of messages that it carries, where it does not carry all of them; ``unrolls`` is for
    targets whose chat templates take the reasoning of earlier turns away, ``is_chat`` for layouts in which a plain pair
    is ``{"messages": […]}`` and nothing else.
    """

    name: str
    title: str
    parse: Callable[[Row, LayoutOptions], Record]
    render: Callable[[Record, LayoutOptions], dict[str, Any]]
    holds: frozenset[str]
    keys: tuple[str, ...]
    example: Mapping[str, Any]
    recognises: Callable[[Sample], Claim | None] = never
    needs: frozenset[str] = frozenset()
    alternates: bool = False
    labels: Callable[[Record, LayoutOptions], list[dict[str, Any]]] | None = None
    columns: frozenset[str] = frozenset()
    keeps: frozenset[str] = frozenset()
    bare: frozenset[str] = frozenset()
    came: str = ""
    grouping: Grouping | None = None
    message_keys: frozenset[str] = frozenset()
    unrolls: bool = False
    is_chat: bool = False

    @property
    def is_written(self) -> bool:
        """Whether records can be written in it; if not, files in it can be read all the same."""
        return self.render is not not_written

    def rows_of(self, record: Record, options: LayoutOptions) -> list[dict[str, Any]]:
        """The rows of a record, nearly always one; with ``keep_extra`` they have its tags, source and family as well.

        Raises RowError where it cannot be written.
        """
        if self.labels is not None:
            rows = self.labels(record, options)
        # What holds all columns has a place for a worse answer alone.
        elif record.rejected_answer is not None and "other columns" not in self.holds and not record.answered:
            raise RowError("It has only an answer that is labelled as bad, and no good one.", code="only_rejected")
        else:
            rows = [self.render(one, options) for one in (unrolled(record) if self.unrolls else (record,))]
        if options.keep_extra and record.tags and "tags" not in self.holds:
            for row in rows:
                row["tags" if "tags" not in row else free_name("tags", row)] = list(record.tags)
        if options.keep_extra and (record.source is not None or record.family is not None):
            for name, value in (("source", record.source), ("family", record.family)):
                if value is not None and name not in self.holds:
                    for row in rows:
                        row[name if name not in row else free_name(name, row)] = value
        return rows


def unrolled(record: Record) -> Sequence[Record]:
    """The record itself; where an earlier turn has reasoning, a record for each question that was answered.

    Each ends with the last answer to its question, and only there it has reasoning: Qwen3 and others take that of
    earlier turns away, so that in one row it would never be trained. Earlier answers get the weight 0: they are trained
    in rows of their own.
    """
    if not any(message.role == "assistant" and message.reasoning is not None for message in record.turns):
        return (record,)
    asked = [place for place, message in enumerate(record.turns) if message.role == "user" and message.text is not None]
    found = []
    for place, end in zip(asked, (*asked[1:], len(record.turns)), strict=True):
        said = record.turns[place + 1 : end]
        answered = [at for at, message in enumerate(said) if message.role == "assistant" and message.weight != 0]
        if not answered:
            continue
        *trace, last = said[: answered[-1] + 1]
        is_call = bool(last.tool_calls)
        notes = {"answer": {key: value for key, value in (("name", last.name), ("extra", last.extra)) if value}}
        extra = {key: value for key, value in record.extra.items() if key != NOTES}
        found.append(
            Record(
                record.turns[place].text or "",
                "" if is_call else last.text or "",
                record.system,
                _untrained(record.turns[:place]),
                (*trace, last) if is_call else tuple(trace),
                None,
                record.tags,
                with_notes(extra, notes if notes["answer"] and not is_call else {}),
                None if is_call else last.reasoning,
                record.source,
                record.family,
            )
        )
    return (*found, replace(record, turns=_untrained(record.turns)))


def _untrained(turns: Sequence[Message]) -> tuple[Message, ...]:
    return tuple(
        replace(message, reasoning=None, weight=0) if message.role == "assistant" else message for message in turns
    )


def checked(record: Record, options: LayoutOptions) -> Record:
    """The record with the options' system prompt and tags. Raises RowError on a blank question or answer."""
    # The first letter settles it for nearly every text; millions of rows pass here.
    if record.question[:1] not in PLAIN_STARTS and is_blank(record.question) and not options.allow_empty_prompt:
        said = "The question is empty. Texts without one are taken by choice (--allow-empty-prompt)."
        raise RowError(said, code="blank_question")
    if not (record.answer[:1] in PLAIN_STARTS or options.allow_unanswered or record.answered or record.rejected_answer):
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
        record.source,
        record.family,
    )


def text_of(value: Any, what: str, options: LayoutOptions = DEFAULT, column: str = "") -> str:
    """A value as text: numbers and true/false as JSON writes them, a list of texts by lines, objects where it is said.

    Raises RowError for an object, with a path into ``column``.
    """
    if type(value) is str:
        return value
    if value is None:
        return ""
    if isinstance(value, (int, float)):
        return _encode(value).decode()
    if isinstance(value, list):
        return "\n".join(text_of(item, what, options, f"{column}[{place}]") for place, item in enumerate(value))
    if options.objects:
        return _encode(value).decode()
    path = f"{column or what}.{next(iter(value), 'field')}"
    raise RowError(
        f"The {what} is an object, not a text. Choose the field inside it, such as {path}, or take objects as JSON "
        "text (--objects).",
        code="not_text",
    )


def with_usual_names(row: Row, names: Collection[str]) -> Row:
    """The row with the columns that are called so in other letters (Instruction, chosen-response); else itself."""
    usual = {name: plain for name in row if name not in names and (plain := normal_name(name)) in names}
    usual = {name: plain for name, plain in usual.items() if plain not in row}
    return {usual.get(name, name): value for name, value in row.items()} if usual else row


def note_as_came(record: Record, row: Row, layout: str, render: Callable[[Record, LayoutOptions], Row]) -> Record:
    """The record, with its row in the notes where ``render`` would write it otherwise than it came."""
    if render(record, KEEPING) == row:
        return record
    used = {name: value for name, value in row.items() if name not in record.extra}
    # Columns that were only called otherwise than usual.
    renamed = [name for name in record.extra if name not in row and name != NOTES]
    notes = {**notes_of(record), "came": {"layout": layout, "row": used, **({"renamed": renamed} if renamed else {})}}
    return replace(record, extra=with_notes(record.extra, notes))


def as_came(record: Record, layout: str, parse: Callable[[Row, LayoutOptions], Record]) -> dict[str, Any] | None:
    """The row as it came, where it was noted and still says all that the record says; else None."""
    came = notes_of(record).get("came")
    if not isinstance(came, dict) or came.get("layout") != layout:
        return None
    gone = (NOTES, *came.get("renamed", ()))
    row = {**came["row"], **{name: value for name, value in record.extra.items() if name not in gone}}
    again = parse(row, LayoutOptions(allow_unanswered=True, allow_empty_prompt=True))
    return row if content_of(again) == content_of(record) and notes_of(again) == notes_of(record) else None


def content_of(record: Record) -> tuple[object, ...]:
    """What is learned from a record."""
    return tuple(getattr(record, name) for name in CONTENT)


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
    row: dict[str, Any],
    record: Record,
    options: LayoutOptions,
    own: Iterable[str] = (),
    reserved: Iterable[str] = (),
) -> dict[str, Any]:
    """The row with the columns of ``extra``: the layout's own always, all others with ``keep_extra``.

    A column that would take the place of what is there, or that only bears the name of one of the layout's
    (``reserved``), gets a number behind its name, so that no trainer takes it for what it is not.
    """
    for key, value in record.extra.items():
        if key == NOTES:
            continue
        if key in own and key not in row and fits_own_column(key, value):
            row[key] = value
        elif options.keep_extra:
            is_free = key not in row and not (has_value(value) and (key in own or key in reserved))
            row[key if is_free else free_name(key, {**record.extra, **row})] = value
    return row


def fits_own_column(name: str, value: Any) -> bool:
    """Whether a column holds what trainers look for under its name: tools, a weight, whether calls may be parallel."""
    if name in ("tools", "functions"):
        return bool(tools_in(value))
    if name == "weight":
        return isinstance(value, (int, float)) and not isinstance(value, bool)
    return name != "parallel_tool_calls" or isinstance(value, bool)


def has_value(value: Any) -> bool:
    """Whether a value says anything: it is not null and not empty."""
    return value not in (None, "", [], {})


def free_name(key: str, taken: Row) -> str:
    """The name with a number behind it that no column has."""
    return next(name for number in count(2) if (name := f"{key} ({number})") not in taken)


def take_reasoning(extra: dict[str, Any]) -> str | None:
    """The reasoning that stands as a column beside a pair, taken out of ``extra``; None where there is none."""
    name = next((name for name in REASONING_KEYS if isinstance(extra.get(name), str) and extra[name]), None)
    return None if name is None else str(extra.pop(name))


def text_answer(record: Record, title: str) -> str:
    """The answer as text, without its reasoning. Raises RowError where it is a tool call, for layouts without any."""
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
    if record.answer or not record.answered or not record.trace:
        answer = _noted("assistant", record.answer, notes.get("answer"), record.reasoning)
        return (*record.turns, question, *record.trace, answer)
    *trace, last = record.trace
    if record.reasoning is not None:
        # Written by hand for a pair whose answer is a tool call.
        before = f"{last.reasoning}\n\n" if last.reasoning else ""
        last = replace(last, reasoning=before + record.reasoning)
    return (*record.turns, question, *trace, last)


def _noted(role: str, text: str, note: Any, reasoning: str | None = None) -> Message:
    if type(note) is not dict:
        return Message(role, text, reasoning=reasoning)
    known = {key: note[key] for key in NOTED if key in note}
    return Message(role, text, extra=note.get("extra", {}), reasoning=reasoning, **known)


def paired_turns(turns: Sequence[Message]) -> list[tuple[Message, Message]]:
    """The earlier turns as questions with their answers, for layouts that know nothing else.

    What is no text of a user or an assistant, or has no partner, is left out.
    """
    pairs: list[tuple[Message, Message]] = []
    asked: Message | None = None
    for message in turns:
        if message.role == "user" and message.text is not None:
            asked = message
        elif message.role == "assistant" and message.text is not None and asked is not None:
            pairs.append((asked, message))
            asked = None
    return pairs


def answer_text(message: Message) -> str:
    """The text of an answer with its reasoning, for layouts that have no other place for it."""
    return with_thinking(message.reasoning, message.text or "")
