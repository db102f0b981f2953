"""The texts that a scan compares, read as ids and texts only, and what stands beside them."""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core import duplicates
from app.core.changes import chunks_of
from app.core.filters import Filters
from app.core.formats import BadRow
from app.core.reading import ReadSettings, read_records, require_mapping, resolve_settings
from app.core.record import SPLITS, dump_json
from app.core.stored import stored_entry
from app.models import Entry, reading
from app.services import entries, uploads
from app.services.duplicates.options import ScanOptions

# From this share of all pairs on it is quicker to read all answers than to ask for some.
MOST = 0.25
# Told how many texts were read so far.
ReadProgress = Callable[[int], None]


@dataclass(slots=True)
class DatasetTexts:
    """The live pairs of a dataset. ``hashes`` are those of their contents, ``sides`` tell their splits apart."""

    dataset_id: int
    ids: "array[int]" = field(default_factory=lambda: array("q"))
    texts: list[str] = field(default_factory=list)
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    sides: bytearray = field(default_factory=bytearray)

    def read_pairs(self, side: str, splits: Sequence[str], progress: ReadProgress) -> "DatasetTexts":
        """Read all pairs, or those of some splits."""
        columns = (Entry.id, Entry.content_hash, Entry.split, Entry.answer if side == "answer" else Entry.question)
        numbers = {name: number for number, name in enumerate(SPLITS)}
        for rows in entries.stream(self.dataset_id, Filters(splits=tuple(splits)), columns=columns, size=5000):
            self.ids.extend(row[0] for row in rows)
            self.hashes.extend(row[1] or 0 for row in rows)
            self.sides.extend(numbers.get(row[2], len(SPLITS)) for row in rows)
            self.texts.extend(row[3] for row in rows)
            progress(len(self.ids))
        return self

    def read_answers(self, places: Sequence[int]) -> list[str]:
        """The answers of the pairs at ascending places; empty where the pair was deleted meanwhile."""
        columns = (Entry.id, Entry.answer)
        ids = [self.ids[place] for place in places]
        answers = dict.fromkeys(ids, "")
        if len(ids) > len(self.ids) * MOST:
            for rows in entries.stream(self.dataset_id, columns=columns, size=5000):
                answers.update((row[0], row[1]) for row in rows if row[0] in answers)
        else:
            with reading() as connection:
                for part in chunks_of(ids, 500):
                    query = entries.select_entries(self.dataset_id, Filters(ids=tuple(part)), columns, connection)
                    answers.update((row[0], row[1]) for row in connection.execute(query))
        return [answers[one] for one in ids]

    def describe_other(self, place: int) -> dict[str, object]:
        """The pair, as the other side of a scan keeps it; its texts are looked up when it is shown."""
        return {"dataset": self.dataset_id, "entry": self.ids[place], "hash": self.hashes[place]}


@dataclass(slots=True)
class FileTexts:
    """The records of a file; ``bad`` counts its rows that are none."""

    name: str
    texts: list[str] = field(default_factory=list)
    hashes: "array[int]" = field(default_factory=lambda: array("q"))
    pairs: list[tuple[str, str, int]] = field(default_factory=list)
    bad: int = 0

    def read_rows(self, token: str, side: str, progress: ReadProgress) -> "FileTexts":
        """Read all rows. Raises what reading the file raises."""
        upload = uploads.get(token)
        settings = ReadSettings(allow_unanswered=True)
        found = uploads.detect(upload, settings)
        require_mapping(settings, found)
        for item in read_records(uploads.source_of(upload), resolve_settings(settings, found)):
            if isinstance(item, BadRow):
                self.bad += 1
                continue
            row, record = item
            self.pairs.append((record.question, record.answer, row.number))
            self.texts.append(duplicates.text_of(side, record.question, record.answer))
            self.hashes.append(stored_entry(record).content_hash or 0)
            if len(self.texts) % 5000 == 0:
                progress(len(self.texts))
        return self

    def read_answers(self, places: Sequence[int]) -> list[str]:
        """The answers of the rows at these places."""
        return [self.pairs[place][1] for place in places]

    def describe_other(self, place: int) -> dict[str, object]:
        """The row as a group keeps it."""
        question, answer, number = self.pairs[place]
        where = f"{self.name}, row {number}"
        return {"question": question, "answer": answer, "where": where, "hash": self.hashes[place]}


@dataclass(slots=True)
class Corpus:
    """All records of a scan by position: first the dataset's own pairs, then those of the other side, if any.

    A *node* is how stored pairs know a record: the id of an own pair, or the negative number of another record.
    """

    own: DatasetTexts
    rest: DatasetTexts | FileTexts | None
    by_split: bool = False

    def take_texts(self) -> list[str]:
        """The texts that are compared. The lists they come from are emptied: there may be a million."""
        texts, self.own.texts = self.own.texts, []
        if self.rest is not None:
            texts.extend(self.rest.texts)
            self.rest.texts = []
        return texts

    def join_hashes(self) -> Any:
        """The content hashes of all records."""
        import numpy as np

        parts = [self.own.hashes] if self.rest is None else [self.own.hashes, self.rest.hashes]
        return np.concatenate([np.frombuffer(part, np.int64) if part else np.zeros(0, np.int64) for part in parts])

    def number_sides(self) -> Any:
        """Which side each record is on, or None where all are on one."""
        import numpy as np

        if self.by_split:
            return np.frombuffer(bytes(self.own.sides), np.uint8)
        if self.rest is None:
            return None
        return np.repeat(np.array([0, 1], np.uint8), [len(self.own.ids), len(self.rest.hashes)])

    def read_answers(self, positions: Sequence[int]) -> list[str]:
        """The answers of the records at ascending positions."""
        positions = [int(one) for one in positions]
        border = bisect_left(positions, len(self.own.ids))
        answers = self.own.read_answers(positions[:border])
        if self.rest is not None and border < len(positions):
            answers += self.rest.read_answers([one - len(self.own.ids) for one in positions[border:]])
        return answers

    def node_at(self, position: int) -> int:
        """How stored pairs know the record at a position."""
        count = len(self.own.ids)
        return self.own.ids[position] if position < count else count - position - 1

    def member_at(self, position: int) -> tuple[int | None, str | None]:
        """The record as a member of a group: the id of an own pair, or JSON of a record of the other side."""
        place = position - len(self.own.ids)
        if place < 0 or self.rest is None:
            return self.own.ids[position], None
        return None, dump_json({"node": -place - 1, **self.rest.describe_other(place)})


def read_corpus(dataset_id: int, options: ScanOptions, progress: ReadProgress) -> Corpus:
    """Read what a scan compares."""
    own = DatasetTexts(dataset_id).read_pairs(options.side, options.compared_splits, progress)
    rest: DatasetTexts | FileTexts | None = None
    if options.dataset is not None:
        rest = DatasetTexts(options.dataset).read_pairs(options.side, (), progress)
    elif options.file is not None:
        rest = FileTexts(uploads.get(options.file).name).read_rows(options.file, options.side, progress)
    return Corpus(own, rest, options.kind == "splits")
