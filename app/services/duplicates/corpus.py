"""The texts that a scan compares, read as ids and texts only, and what stands beside them."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from app.core import conversion, duplicates
from app.core.changes import chunks_of
from app.core.formats import BadRow, ReadOptions, Source
from app.core.layouts import LayoutOptions
from app.core.record import SPLITS, Record, content_hash, dump_json, dump_messages
from app.core.spec import parse_spec
from app.models import Entry, reading
from app.services import entries, limits, uploads
from app.services.duplicates.wishes import Wish
from app.services.entries import Filters

# From this share of all pairs on it is quicker to read all answers than to ask for some.
MOST = 0.25
Say = Callable[[int], None]


class Part(Protocol):
    """The records of one side of a scan."""

    texts: list[str]
    hashes: "array[int]"

    def answers(self, places: Sequence[int]) -> list[str]:
        """The answers of the records at ascending places."""

    def other(self, place: int) -> dict[str, object]:
        """What a group keeps of a record that is no pair of the scanned dataset."""


@dataclass(slots=True)
class Pairs:
    """The live pairs of a dataset. ``hashes`` are those of their contents, ``sides`` tell their splits apart."""

    dataset_id: int
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    texts: list[str] = field(default_factory=list)
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    sides: bytearray = field(default_factory=bytearray)

    def read(self, side: str, splits: Sequence[str], say: Say) -> "Pairs":
        """Read all pairs, or those of some splits."""
        columns = (Entry.id, Entry.content_hash, Entry.split, *_texts_of(side))
        numbers = {name: number for number, name in enumerate(SPLITS)}
        for rows in entries.stream(self.dataset_id, Filters(splits=tuple(splits)), columns=columns, size=5000):
            self.ids.extend(row[0] for row in rows)
            self.hashes.extend(row[1] or 0 for row in rows)
            self.sides.extend(numbers.get(row[2], len(SPLITS)) for row in rows)
            self.texts.extend(f"{row[3]}\n{row[4]}" if side == "pair" else row[3] for row in rows)
            say(len(self.ids))
        return self

    def answers(self, places: Sequence[int]) -> list[str]:
        """The answers of the pairs at ascending places; empty where the pair was deleted meanwhile."""
        wanted = [self.ids[place] for place in places]
        found = dict.fromkeys(wanted, "")
        for row in _answers(self.dataset_id, wanted, all_count=len(self.ids)):
            found[row[0]] = row[1]
        return [found[one] for one in wanted]

    def other(self, place: int) -> dict[str, object]:
        """The pair, as the other side of a scan keeps it; its texts are looked up when it is shown."""
        return {"dataset": self.dataset_id, "entry": self.ids[place], "hash": self.hashes[place]}


def _texts_of(side: str) -> tuple[Any, ...]:
    return {"question": (Entry.question,), "answer": (Entry.answer,)}.get(side, (Entry.question, Entry.answer))


def _answers(dataset_id: int, wanted: Sequence[int], *, all_count: int) -> Iterator[Sequence[Any]]:
    columns = (Entry.id, Entry.answer)
    if len(wanted) > all_count * MOST:
        known = set(wanted)
        for rows in entries.stream(dataset_id, columns=columns, size=5000):
            yield from (row for row in rows if row[0] in known)
        return
    with reading() as connection:
        for part in chunks_of(wanted, 500):
            yield from connection.execute(
                entries.select_entries(dataset_id, Filters(ids=tuple(part)), columns, connection)
            )


@dataclass(slots=True)
class Rows:
    """The records of a file; ``bad`` counts its rows that are none."""

    name: str
    texts: list[str] = field(default_factory=list)
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    pairs: list[tuple[str, str, int]] = field(default_factory=list)
    bad: int = 0

    def read(self, token: str, side: str, say: Say) -> "Rows":
        """Read all rows. Raises what reading the file raises."""
        for number, record in _records(token):
            if record is None:
                self.bad += 1
                continue
            self.pairs.append((record.question, record.answer, number))
            self.texts.append(duplicates.text_of(side, record.question, record.answer))
            self.hashes.append(_hash_of(record))
            if len(self.texts) % 5000 == 0:
                say(len(self.texts))
        return self

    def answers(self, places: Sequence[int]) -> list[str]:
        """The answers of the rows at these places."""
        return [self.pairs[place][1] for place in places]

    def other(self, place: int) -> dict[str, object]:
        """The row as a group keeps it."""
        question, answer, number = self.pairs[place]
        where = f"{self.name}, row {number}"
        return {"question": question, "answer": answer, "where": where, "hash": self.hashes[place]}


def _records(token: str) -> Iterator[tuple[int, Record | None]]:
    upload = uploads.get(token)
    source = Source.of_path(upload.path, name=upload.name, limits=limits.of_files())
    options = LayoutOptions(allow_unanswered=True)
    plan = conversion.plan(source, parse_spec(None), ReadOptions(limits=source.limits), options)
    conversion.check_mapping(plan, conversion.columns_seen(source, plan))
    for item in conversion.records(source, plan):
        yield (item.number, None) if isinstance(item, BadRow) else (item[0].number, item[1])


def _hash_of(record: Record) -> int:
    turns, trace = dump_messages(record.turns), dump_messages(record.trace)
    return content_hash(record.system, turns, record.question, trace, record.answer, record.rejected_answer)


@dataclass(slots=True)
class Corpus:
    """All records of a scan by position: first the dataset's own pairs, then those of the other side, if any.

    A *node* is how stored pairs know a record: the id of an own pair, or the negative number of another record.
    """

    own: Pairs
    rest: Pairs | Rows | None
    by_split: bool = False

    @property
    def texts(self) -> list[str]:
        """The texts that are compared. The lists they come from are emptied: there may be a million."""
        texts, self.own.texts = self.own.texts, []
        if self.rest is not None:
            texts.extend(self.rest.texts)
            self.rest.texts = []
        return texts

    def hashes(self) -> Any:
        """The content hashes of all records."""
        import numpy as np

        parts = [self.own.hashes] if self.rest is None else [self.own.hashes, self.rest.hashes]
        return np.concatenate([np.frombuffer(part, np.int64) if part else np.zeros(0, np.int64) for part in parts])

    def sides(self) -> Any:
        """Which side each record is on, or None where all are on one."""
        import numpy as np

        if self.by_split:
            return np.frombuffer(bytes(self.own.sides), np.uint8)
        if self.rest is None:
            return None
        return np.repeat(np.array([0, 1], np.uint8), [len(self.own.ids), len(self.rest.hashes)])

    def answers(self, positions: Sequence[int]) -> list[str]:
        """The answers of the records at ascending positions."""
        positions = [int(one) for one in positions]
        border = bisect_left(positions, len(self.own.ids))
        found = self.own.answers(positions[:border])
        if self.rest is not None and border < len(positions):
            found += self.rest.answers([one - len(self.own.ids) for one in positions[border:]])
        return found

    def node(self, position: int) -> int:
        """How stored pairs know the record at a position."""
        count = len(self.own.ids)
        return self.own.ids[position] if position < count else count - position - 1

    def other(self, position: int) -> str | None:
        """What a group keeps of a record of the other side, as JSON; None for an own pair."""
        place = position - len(self.own.ids)
        if place < 0 or self.rest is None:
            return None
        return dump_json({"node": -place - 1, **self.rest.other(place)})


def read(dataset_id: int, wish: Wish, say: Say) -> Corpus:
    """Read what a wish compares."""
    own = Pairs(dataset_id).read(wish.side, wish.splits, say)
    rest: Pairs | Rows | None = None
    if wish.kind == "dataset" and wish.other:
        rest = Pairs(wish.other[1]).read(wish.side, (), say)
    elif wish.kind == "file" and wish.other:
        rest = Rows(uploads.get(wish.other[1]).name).read(wish.other[1], wish.side, say)
    return Corpus(own, rest, wish.kind == "splits")
