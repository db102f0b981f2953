"""Duplicates of a file without a database: its records, their groups as lines, and the file without surplus copies."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field

import numpy as np

from app.core.duplicates.base import (
    DEFAULT_LEVEL,
    EXACT,
    NORMALISED,
    WHAT,
    Found,
    Group,
    Options,
    Progress,
    compares_answers,
    text_of,
)
from app.core.duplicates.groups import groups
from app.core.duplicates.search import Meaning, search
from app.core.record import Record

METHODS = ("exact", "normalised", "near", "semantic")


def level_of(method: str, threshold: int | None) -> int:
    """The level at which a method puts texts together."""
    return {"exact": EXACT, "normalised": NORMALISED}.get(method, threshold or DEFAULT_LEVEL)


@dataclass
class Texts:
    """The texts of records, each known by its row or id. ``own`` of them belong to the file that is looked at."""

    side: str = "question"
    names: list[int] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)
    answers: list[str] = field(default_factory=list)
    own: int = 0

    def add(self, name: int, question: str, answer: str) -> None:
        """Take in one record."""
        self.names.append(name)
        self.texts.append(text_of(self.side, question, answer))
        self.answers.append(answer)

    def add_records(self, records: Iterable[tuple[int, Record]]) -> None:
        """Take in the records of a file."""
        for number, record in records:
            self.add(number, record.question, record.answer)

    def search(self, meaning: Meaning | None = None, progress: Progress | None = None) -> Found:
        """Search them; answers are compared where questions are."""
        answers = self.answers
        get = (lambda places: [answers[place] for place in places]) if compares_answers(self.side) else None
        return search(self.texts, answers=get, options=Options(side=self.side), meaning=meaning, progress=progress)


@dataclass(frozen=True, slots=True)
class Duplicates:
    """What was found at one level."""

    records: Texts
    found: Found
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

    def lines(self) -> Iterator[dict[str, object]]:
        """The groups as programs see them, numbered from 1: copies, conflicts, then variants."""
        scores = _scores(self.found, self.records)
        for number, group in enumerate((*self.copies, *self.conflicts, *self.variants), 1):
            yield self._line(number, group, scores)
        for number, family in enumerate(self.found.families, 1):
            named = self._names(family.members)
            yield {"family": number, "frame": family.frame, **named}

    def _line(self, number: int, group: Group, scores: dict[int, list[tuple[int, float]]]) -> dict[str, object]:
        members = set(group.members)
        names = self.records.names
        pairs = [
            [names[left], names[right], round(score, 1)]
            for left in group.members
            for right, score in scores.get(left, ())
            if right in members
        ]
        kind = "near" if group.kind == "variant" else group.kind
        return {
            "group": number,
            "kind": kind,
            **self._names(group.members),
            "pairs": pairs,
            "differs": list(group.differs),
        }

    def _names(self, members: Sequence[int]) -> dict[str, object]:
        """The records by their rows; those of another file apart."""
        names, own = self.records.names, self.records.own
        mine = [names[member] for member in members if member < own]
        theirs = [names[member] for member in members if member >= own]
        return {"records": mine, **({"against": theirs} if theirs else {})}


def _scores(found: Found, records: Texts) -> dict[int, list[tuple[int, float]]]:
    pairs = found.pairs
    result: dict[int, list[tuple[int, float]]] = {}
    for left, right, score in zip(pairs.left.tolist(), pairs.right.tolist(), pairs.score.tolist(), strict=True):
        result.setdefault(left, []).append((right, score))
    return result


def duplicates(
    records: Texts, level: int, *, meaning: Meaning | None = None, progress: Progress | None = None
) -> Duplicates:
    """The groups of some records at one level; with another file's records among them, only groups with both."""
    found = records.search(meaning, progress)
    sides = None
    if records.own < len(records.names):
        sides = (np.arange(len(records.names)) >= records.own).astype(np.uint8)
    at_level = []
    for what in WHAT:
        every = groups(found.pairs, what, sides=sides, families=found.families, by_meaning=meaning is not None)
        chosen = [one for one in every if one.lowest <= level <= one.highest]
        at_level.append(sorted(chosen, key=lambda group: (-len(group.members), group.members)))
    families = () if sides is not None else found.families
    return Duplicates(records, Found(found.pairs, families, found.compared, None), *at_level)
