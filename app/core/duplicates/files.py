"""Duplicates of a file without a database: its records, their groups as lines, and the file without surplus copies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.core.duplicates.base import (
    WHAT,
    Family,
    Group,
    Options,
    Pairs,
    Progress,
    compares_answers,
    text_of,
)
from app.core.duplicates.groups import group_pairs
from app.core.duplicates.search import Meaning, search_texts
from app.core.record import Record


@dataclass
class ComparedRecords:
    """The texts of records, each known by its row or id. ``own`` of them belong to the file that is looked at."""

    side: str = "question"
    names: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    own: int = 0

    def add_record(self, name: int, question: str, answer: str) -> None:
        """Take in one record."""
        self.names.append(name)
        self.texts.append(text_of(self.side, question, answer))
        self.answers.append(answer)

    def add_records(self, records: Iterable[tuple[int, Record]]) -> None:
        """Take in the records of a file."""
        for number, record in records:
            self.add_record(number, record.question, record.answer)


@dataclass(frozen=True, slots=True)
class FileDuplicates:
    """What was found at one level."""

    records: ComparedRecords
    pairs: Pairs
    families: Sequence[Family]
    copies: list[Group]
    conflicts: list[Group]
    variants: list[Group]

    @property
    def surplus(self) -> set[int]:
        """Positions of the file's own records that can go: all copies but the first; all where another file has it."""
        gone: set[int] = set()
        for group in self.copies:
            own = [member for member in group.members if member < self.records.own]
            gone.update(own if len(own) < len(group.members) else own[1:])
        return gone

    def describe_groups(self) -> Iterator[dict[str, object]]:
        """The groups as programs see them, numbered from 1: copies, conflicts, then variants; families at last."""
        names, columns = self.records.names, (self.pairs.left, self.pairs.right, self.pairs.score)
        scores: dict[int, list[tuple[int, float]]] = {}
        for left, right, score in zip(*(column.tolist() for column in columns), strict=True):
            scores.setdefault(left, []).append((right, score))
        for number, group in enumerate((*self.copies, *self.conflicts, *self.variants), 1):
            members = set(group.members)
            yield {
                "group": number,
                "kind": "near" if group.kind == "variant" else group.kind,
                **self._name_members(group.members),
                "pairs": [
                    [names[left], names[right], round(score, 1)]
                    for left in group.members
                    for right, score in scores.get(left, ())
                    if right in members
                ],
                "differs": list(group.differs),
            }
        for number, family in enumerate(self.families, 1):
            yield {"family": number, "frame": family.frame, **self._name_members(family.members)}

    def _name_members(self, members: Sequence[int]) -> dict[str, object]:
        """The records by their rows; those of another file apart."""
        names, own = self.records.names, self.records.own
        mine = [names[member] for member in members if member < own]
        theirs = [names[member] for member in members if member >= own]
        return {"records": mine, **({"against": theirs} if theirs else {})}


def find_duplicates(
    records: ComparedRecords, level: int, *, meaning: Meaning | None = None, progress: Progress | None = None
) -> FileDuplicates:
    """The groups of some records at one level; with another file's records among them, only groups with both."""
    answers = None
    if compares_answers(records.side):
        answers = lambda places: [records.answers[place] for place in places]  # noqa: E731
    options = Options(side=records.side)
    found = search_texts(records.texts, answers=answers, options=options, meaning=meaning, progress=progress)
    sides = None
    if records.own < len(records.names):
        sides = (np.arange(len(records.names)) >= records.own).astype(np.uint8)
    at_level = []
    for what in WHAT:
        every = group_pairs(found.pairs, what, sides=sides, families=found.families, by_meaning=meaning is not None)
        here = [one for one in every if one.lowest <= level <= one.highest]
        at_level.append(sorted(here, key=lambda group: (-len(group.members), group.members)))
    return FileDuplicates(records, found.pairs, () if sides is not None else found.families, *at_level)
