"""Mending rows where that is safe: a copy of a file in which only what was found wrong is written otherwise."""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from copy import deepcopy
from dataclasses import dataclass, field, replace
from datetime import date
from typing import Any, BinaryIO

import msgspec

from app.core.errors import Invalid
from app.core.formats import FORMATS, BadRow, Source, WriteOptions
from app.core.layouts import LAYOUTS, Layout, LayoutOptions, RowError
from app.core.layouts.base import NOTES, notes_of, with_notes
from app.core.layouts.functions import join_results
from app.core.reading import ReadSettings
from app.core.record import Record
from app.core.stored import CONTENT
from app.core.validation.checking import ValidateOptions, Validation
from app.core.validation.files import start_validation
from app.core.validation.findings import Finding
from app.core.validation.profiles import Profile
from app.core.validation.rules import FileFacts

Row = dict[str, Any]
_encode = msgspec.json.Encoder().encode
_PART = re.compile(r"\[(\d+)\]")
# So often a row is looked at again: what one mend brings to light, another one puts right.
_ROUNDS = 8
_READING = LayoutOptions(allow_unanswered=True, allow_empty_prompt=True)


@dataclass
class Mended:
    """What was mended: how often each mend was made, in how many rows, and how many rows the copy has.

    ``left_out`` are rows that cannot be read: the copy has none of them.
    """

    mends: Counter[str] = field(default_factory=Counter)
    mended: int = 0
    written: int = 0
    left_out: int = 0

    def as_dict(self) -> dict[str, Any]:
        """The counts as programs see them."""
        counts = {"mended": self.mended, "written": self.written, "left_out": self.left_out}
        return {**counts, "mends": dict(self.mends.most_common())}


def mend_file(
    source: Source,
    settings: ReadSettings,
    options: ValidateOptions,
    profiles: Sequence[Profile],
    out: BinaryIO,
    *,
    today: date,
) -> Mended:
    """Write a copy of a file for its targets, with each row mended where that is safe.

    The copy is UTF-8 without blank lines, one record a line, unless all targets read a list and the file is one.
    Raises Invalid where the file is not in the own form of each target: there are no rows to mend then.
    """
    run, rows = start_validation(source, settings, options, profiles, today=today)
    strange = [one.title for one in profiles if one.name not in run.own]
    if strange:
        said = f"The file is not in the form of {strange[0]}, so there is nothing to mend in its rows."
        raise Invalid(f"{said} Write it in that form first: ltt convert, or import it and export it.", code="no_form")
    done = Mended()
    is_list = run.facts.format == "json" and all(one.format == "json" for one in profiles)
    marked = all("no-byte-order-mark" in one.rules for one in profiles)
    FORMATS["json" if is_list else "jsonl"].write(  # type: ignore[misc]
        _mend_rows(run, rows, done), out, WriteOptions(bom=marked)
    )
    if done.left_out and not done.written:
        raise Invalid("No row of the file can be read, so there is nothing to mend.", code="no_rows")
    return done


def _mend_rows(run: Validation, rows: Iterable[Any], done: Mended) -> Iterator[Row]:
    found: list[Finding] = []
    # What one target wants as text and another as an object can be mended for neither.
    torn: list[str] = []
    if len({one.arguments for one in run.profiles} - {"any"}) > 1:
        torn += ["arguments-to-text", "arguments-to-object"]
    if len({one.tools for one in run.profiles} - {"any"}) > 1:
        torn += ["tools-to-text", "tools-to-list"]
    run.findings.told = lambda one: None if one.fix in torn else found.append(one)
    for row in rows:
        if isinstance(row, BadRow):
            done.left_out += 1
            continue
        values, mends = _mend_until_done(run, row.values, found, row.number, row.line)
        done.mends += mends
        done.mended += bool(mends)
        if "drop-repeats" not in mends:
            done.written += 1
            yield values


def _mend_until_done(
    run: Validation, row: Row, found: list[Finding], number: int, line: int | None = None, code: str = ""
) -> tuple[Row, Counter[str]]:
    """The row mended, and what was done to it. ``code`` leaves it at what one rule finds."""
    mends = Counter[str]()
    for _ in range(_ROUNDS):
        found.clear()
        run.see(number, line, row)
        if not code and any(one.fix == "drop-repeats" for one in found):
            return row, Counter({"drop-repeats": 1})
        row, made = mend_row(row, [one for one in found if code in ("", one.code)])
        if not made:
            break
        mends += made
    return row, mends


class RecordMender:
    """Puts right in records what one rule finds in the rows that are made of them for some targets."""

    def __init__(self, code: str, profiles: Sequence[Profile]) -> None:
        self._code = code
        self._found: list[Finding] = []
        self._runs: list[tuple[Layout, Validation]] = []
        for one in profiles:
            if code in one.rules and one.layout:
                facts = FileFacts(is_file=False)
                run = Validation([one], ValidateOptions(lint=False), facts, {one.name: one.shapes[0]})
                run.findings.told = self._found.append
                self._runs.append((LAYOUTS[one.layout], run))

    def mend(self, record: Record, number: int) -> Record:
        """The record with what was found put right; the same object where nothing is, or it cannot be told apart.

        What a target's row does not hold stays as it was.
        """
        for layout, run in self._runs:
            with suppress(RowError):
                [row] = layout.rows_of(record, LayoutOptions())
                mended, mends = _mend_until_done(run, row, self._found, number, code=self._code)
                if mends:
                    base, new = (layout.parse(one, _READING) for one in (row, mended))
                    record = _carry_over(record, base, new)
        return record


def _carry_over(record: Record, base: Record, new: Record) -> Record:
    """The record with what changed between two others, where it had what the first of them has."""
    fields: dict[str, Any] = {
        name: getattr(new, name)
        for name in CONTENT
        if getattr(new, name) != getattr(base, name) == getattr(record, name)
    }
    notes, before, after = (dict(notes_of(one)) for one in (record, base, new))
    for name in before.keys() | after.keys():
        # What the notes do not hold yet is of the target's form, and not of the record's.
        if before.get(name) != after.get(name) and notes.pop(name, None) is not None and name in after:
            notes[name] = after[name]
    gone = base.extra.keys() - new.extra.keys()
    extra = {name: value for name, value in record.extra.items() if name != NOTES and name not in gone}
    extra = with_notes(extra, {name: value for name, value in notes.items() if name != "came"})
    if extra != record.extra and (notes != notes_of(record) or gone):
        fields["extra"] = extra
    return replace(record, **fields) if fields else record


def mend_row(row: Row, found: Iterable[Finding]) -> tuple[Row, Counter[str]]:
    """The row with what its findings allow put right, and how often each mend was made; the row itself without any.

    Mends that take messages away come last, one at a time: they move the places of others.
    """
    wanted = dict.fromkeys((one.fix, one.path) for one in found if one.fix in _MENDS)
    made = Counter[str]()
    mended: Row | None = None
    for fix, path in sorted(wanted, key=lambda one: one[0] in _MOVES):
        if fix in _MOVES and made:
            break
        mended = deepcopy(row) if mended is None else mended
        place = _find_place(mended, path)
        if place is not None and _MENDS[str(fix)](*place):
            made[str(fix)] += 1
    return (mended, made) if mended is not None and made else (row, made)


def _find_place(row: Row, path: str) -> tuple[Any, Any] | None:
    """What holds the value at a path, and its key or number there. Keys may hold dots and brackets themselves."""
    holder: Any = row
    while True:
        if isinstance(holder, dict):
            if path in holder:
                return holder, path
            key = max((key for key in holder if path.startswith((f"{key}.", f"{key}["))), key=len, default=None)
            if key is None:
                return None
            rest = path[len(key) :].removeprefix(".")
        elif isinstance(holder, list) and (part := _PART.match(path)) and int(part[1]) < len(holder):
            key, rest = int(part[1]), path[part.end() :].removeprefix(".")
            if not rest:
                return holder, key
        else:
            return None
        holder, path = holder[key], rest


def _drop_key(holder: Any, key: Any) -> bool:
    del holder[key]
    return True


def _null_to_empty(holder: Any, key: Any) -> bool:
    holder[key] = ""
    return True


def _weight_to_number(holder: Any, key: Any) -> bool:
    holder[key] = int(holder[key])
    return True


def _to_text(holder: Any, key: Any) -> bool:
    holder[key] = _encode(holder[key]).decode()
    return True


def _from_text(holder: Any, key: Any) -> bool:
    with suppress(msgspec.DecodeError, TypeError):
        holder[key] = msgspec.json.decode(holder[key])
        return True
    return False


def _to_messages(holder: Any, key: Any) -> bool:
    role = "assistant" if key in ("completion", "chosen", "rejected") else "user"
    holder[key] = [{"role": role, "content": holder[key]}]
    return True


def _join_results(holder: Any, key: Any) -> bool:
    """Join the result at a place, and those that follow, with the one before it."""
    text = next((name for name in ("value", "content") if type(holder[key].get(name)) is str), None)
    name = "from" if "from" in holder[key] else "role"
    last = key
    while last < len(holder) and isinstance(holder[last], dict) and holder[last].get(name) == holder[key].get(name):
        last += 1
    texts = [one.get(text) for one in holder[key - 1 : last]] if text and key else []
    if not texts or not all(type(one) is str for one in texts):
        return False
    holder[key - 1][text] = join_results(texts)
    del holder[key:last]
    return True


def _drop_message(holder: Any, key: Any) -> bool:
    """Leave a message out, unless it is the only one."""
    if not isinstance(holder, list) or len(holder) < 2:
        return False
    del holder[key]
    return True


def _join_messages(holder: Any, key: Any) -> bool:
    """Join a message with the one before it: texts with a blank line between them, parts one behind the other.

    Nothing where what stands right before it is no message with a text.
    """
    name = "content" if "content" in holder[key] else "value"
    if not (isinstance(holder[key - 1], dict) and name in holder[key - 1]):
        return False
    before, after = holder[key - 1][name], holder[key][name]
    if isinstance(after, list):
        breaks = [{**after[0], "text": "\n\n"}] if after and isinstance(after[0].get("text"), str) else []
        holder[key - 1][name] = [*before, *breaks, *after]
    else:
        holder[key - 1][name] = f"{before}\n\n{after}"
    del holder[key]
    return True


def _drop_trailing(holder: Any, key: Any) -> bool:
    """Leave out what stands behind the last answer; nothing where there is none."""
    answers = [at for at, one in enumerate(holder) if isinstance(one, dict) and one.get("role") == "assistant"]
    if not answers or answers[-1] >= key:
        return False
    del holder[answers[-1] + 1 :]
    return True


_MENDS: dict[str, Callable[[Any, Any], bool]] = {
    "drop-key": _drop_key,
    "null-to-empty": _null_to_empty,
    "weight-to-number": _weight_to_number,
    "arguments-to-text": _to_text,
    "arguments-to-object": _from_text,
    "tools-to-text": _to_text,
    "tools-to-list": _from_text,
    "to-messages": _to_messages,
    "join-results": _join_results,
    "drop-message": _drop_message,
    "join-messages": _join_messages,
    "drop-trailing": _drop_trailing,
}
_MOVES = ("join-results", "drop-message", "join-messages", "drop-trailing")
