"""The proof of a file: it is read back, and what was read is compared with what was sent, record by record."""

from array import array
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path
from typing import Any

import msgspec

from app.core.formats import FORMATS, BadRow, Source
from app.core.formats.csv import cells_of
from app.core.layouts import CARRIES, LAYOUTS, NOTES, LayoutOptions, RowError, losses
from app.core.layouts.base import IDS
from app.core.layouts.columns import join_tags
from app.core.layouts.functions import with_plain_arguments
from app.core.layouts.shapes import unpacked
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.reasoning import with_thinking
from app.core.record import Message, Record
from app.core.stored import CONTENT, StoredEntry, stored_fields
from app.core.text import plural
from app.services.export.options import ExportOptions

READ_AS = LayoutOptions(allow_unanswered=True)
UNREADABLE = -2
# What a file may not hold of a pair.
FIELDS = (*CARRIES, "status", "split")


@dataclass(frozen=True, slots=True)
class RoundTrip:
    """How a file came back. ``differences`` are records that do not mean what was sent, are missing or too many;
    ``losses`` count by kind the pairs of which the layout holds not all."""

    sent: int
    back: int
    differences: int
    losses: tuple[tuple[str, int], ...]

    def as_dict(self) -> dict[str, Any]:
        """The result as programs see it."""
        lost = [{"what": what, "records": number} for what, number in self.losses]
        return {"records": self.sent, "back": self.back, "differences": self.differences, "losses": lost}

    @classmethod
    def of_dict(cls, told: Mapping[str, Any]) -> "RoundTrip":
        """The inverse of ``as_dict``."""
        lost = tuple((one["what"], one["records"]) for one in told["losses"])
        return cls(told["records"], told["back"], told["differences"], lost)

    def __str__(self) -> str:
        return f"{self.sent:,} out, {self.back:,} back, {plural(self.differences, 'difference')}"


def add_trips(trips: Sequence[RoundTrip]) -> RoundTrip:
    """How several files came back together."""
    lost = Counter[str]()
    for one in trips:
        lost.update(dict(one.losses))
    sent, back = sum(one.sent for one in trips), sum(one.back for one in trips)
    kinds = tuple((name, lost[name]) for name in FIELDS if lost[name])
    return RoundTrip(sent, back, sum(one.differences for one in trips), kinds)


class Proof:
    """What is expected of a file: 64 bits for each of its records, so that a million take little memory.

    ``expect`` is told of each pair while it is written; ``compare`` reads the file. A record that is lost nothing of
    must come back as it is stored, any other as its row says, and each row with all that stands in it. ``split`` is the
    one whose pairs alone go into the file: its name tells it then.
    """

    def __init__(self, options: ExportOptions, split: str = "") -> None:
        self.options = options
        self._layout, self._how = LAYOUTS[options.layout], LayoutOptions(keep_extra=options.keep_extra)
        self._has_ids = IDS in self._layout.holds
        self._is_table = FORMATS[options.format].tabular
        self._shows_labels = self._layout.name == "columns" and options.keep_extra
        self._split = split
        self._expected = array("q")
        self._losses = Counter[str]()

    def expect(self, row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
        """Take in what is sent of a pair."""
        lost = losses(record, self._layout, self._how)
        is_kept = len(rows) == 1 and (not lost or self._layout.name == "columns")
        self._losses.update(lost)
        if not self._shows_labels:
            self._losses.update(["status"] if row.split is None or self._split else ["status", "split"])
        for one in rows:
            # A table gives every cell back as a text.
            written = dict(zip(one, cells_of(one.values()), strict=True)) if self._is_table else one
            try:
                meant = record if is_kept else self._layout.parse(written, READ_AS)
            except RowError:
                # It cannot be read, and so it does not come back.
                self._expected.append(UNREADABLE)
            else:
                is_whole = self._is_beside(row, record, written, lost)
                self._expected.append(self._hash(meant, written) if is_whole else UNREADABLE)

    def _is_beside(self, row: StoredEntry, record: Record, written: Mapping[str, Any], lost: Sequence[str]) -> bool:
        """Whether the row that is written has all that stands beside the texts of a pair and is not said to be lost."""
        if self._shows_labels:
            if written["status"] != row.status or (row.split is not None and written["split"] != row.split):
                return False
            if not all(name in written or f"{name} (2)" in written for name in record.extra if name != NOTES):
                return False
        values = [*written.values()]
        for name in ("source", "family"):
            text = getattr(record, name)
            if text is not None and name not in lost and text not in values:
                return False
        tags = list(record.tags)
        return not tags or "tags" in lost or tags in values or join_tags(record.tags) in values

    def expect_first(self, place: int) -> None:
        """Expect the row at a place before all others."""
        self._expected.insert(0, self._expected.pop(place))

    def compare(self, path: Path) -> RoundTrip:
        """Read the file back. Raises what reading it raises."""
        back = differences = 0
        for expected, found in zip_longest(self._expected, self._read(path)):
            back += found is not None
            differences += expected is None or found is None or expected != found
        lost = tuple((name, self._losses[name]) for name in FIELDS if self._losses[name])
        return RoundTrip(len(self._expected), back, differences, lost)

    def _read(self, path: Path) -> Iterator[int | None]:
        """The hashes of the records of a file; of a row that is none, one that nothing has."""
        if not self._expected or not path.stat().st_size:
            return
        source = Source.of_path(path)
        named = ReadSettings(
            self.options.format,
            self.options.layout,
            spreadsheet_safe=self.options.spreadsheet_safe,
            allow_unanswered=True,
        )
        settings, _ = plan_reading(source, named)
        for item in read_records(source, settings):
            yield UNREADABLE - 1 if isinstance(item, BadRow) else self._hash(item[1], item[0].values)

    def _hash(self, record: Record, row: Mapping[str, Any]) -> int:
        """What a record means and what stands in its row: of a table, cells that are not empty."""
        cells = sorted((name, cell) for name, cell in row.items() if cell not in ("", None)) if self._is_table else row
        return hash((_hash(record, ids=self._has_ids), msgspec.json.encode(cells)))


def _hash(record: Record, *, ids: bool) -> int:
    if record.turns or record.trace:
        turns, trace = (tuple(_plain_message(one, ids=ids) for one in part) for part in (record.turns, record.trace))
        record = replace(record, turns=turns, trace=trace)
    if record.reasoning is not None:
        record = replace(record, reasoning=None, answer=with_thinking(record.reasoning, record.answer))
    fields = stored_fields(record)
    return hash(tuple(fields[name] for name in CONTENT))


def _plain_message(message: Message, *, ids: bool) -> Message:
    """The message in one form: arguments are objects in some layouts and JSON text in others, no text beside a call may
    be written as an empty one; layouts without ids name results by their function, and may have them as objects.

    Reasoning stands beside its text in some layouts, and as a block before it in others.
    """
    calls, result = message.tool_calls, message.tool_call_id
    if message.extra.get("content", "") is None:
        # It came as null: that it has no text is said by its text.
        message = replace(message, extra={name: value for name, value in message.extra.items() if name != "content"})
    if message.reasoning is not None:
        message = replace(message, reasoning=None, text=with_thinking(message.reasoning, message.text or ""))
    if calls:
        calls = with_plain_arguments(calls)
        message = replace(message, text=message.text or None)
    if not ids:
        result = None
        if message.role == "tool":
            message = replace(message, name=None)
        if message.role == "tool" and isinstance(found := unpacked(message.text), dict):
            message = replace(message, text=msgspec.json.encode(found).decode())
        calls = calls and [
            {key: value for key, value in call.items() if key != "id"} if isinstance(call, dict) else call
            for call in calls
        ]
    return replace(message, tool_calls=calls, tool_call_id=result)
