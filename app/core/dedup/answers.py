"""Whether like questions have like answers: what tells copies from conflicts.

Answers are asked for only where questions are alike. Of the copies of one question, those with one answer are held
together first; then one of each answer is compared with the others.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product

import numpy as np

from app.core.dedup.base import DIFFERENCES, EXACT, FLOOR, NORMALISED, Others, Pairs, Texts
from app.core.dedup.differences import bits, differences, is_misspelt
from app.core.dedup.normal import normalised_shard
from app.core.dedup.scores import ratios

# So many answers to one question are compared each with each; of more, each with the next.
MANY = 12
# So many answers of each of two like questions are compared with those of the other.
SOME = 6
# What answers of at most so many characters differ in is named even where they are not alike.
SHORT = 60
SHARD = 25_000
_WORD = 1 << DIFFERENCES.index("word")

Edge = tuple[int, int, int, float, int, int]


class Answers:
    """The answers of some records, each known by one number as written and one by its normal form."""

    def __init__(self, members: Sequence[int], get: Others) -> None:
        self._place = {member: place for place, member in enumerate(members)}
        self.texts: list[str] = []
        self.forms: list[str] = []
        self._text_ids: list[int] = []
        self._form_ids: list[int] = []
        texts: dict[str, int] = {}
        forms: dict[str, int] = {}
        for begin in range(0, len(members), SHARD):
            shard = get(members[begin : begin + SHARD])
            self._text_ids += [texts.setdefault(text, len(texts)) for text in shard]
            self._form_ids += [forms.setdefault(form, len(forms)) for form in normalised_shard(shard)]
        self.texts, self.forms = list(texts), list(forms)

    def text_id(self, member: int) -> int:
        """The number of a record's answer as written."""
        return self._text_ids[self._place[member]]

    def form_id(self, member: int) -> int:
        """The number of its normal form."""
        return self._form_ids[self._place[member]]

    def level(self, one: int, other: int) -> int:
        """EXACT or NORMALISED for equal answers, else 0."""
        if self.text_id(one) == self.text_id(other):
            return EXACT
        return NORMALISED if self.form_id(one) == self.form_id(other) else 0


def with_answers(
    texts: Texts, near: Pairs, classes: Mapping[int, Sequence[int]], get: Others, *, threads: int
) -> Pairs:
    """Pairs of like questions with how alike their answers are.

    ``near`` holds pairs of different questions by their first records, ``classes`` the records of each question that
    occurs more than once, by the first.
    """
    ends = np.unique(np.concatenate((near.left, near.right))).tolist()
    members = sorted({*ends, *(one for mine in classes.values() for one in mine)})
    answers = Answers(members, get)
    edges = list(_inside(texts, classes.values(), answers))
    edges += _between(near, classes, answers)
    return _scored(edges, answers, threads)


def _inside(texts: Texts, classes: Iterable[Sequence[int]], answers: Answers) -> Iterator[Edge]:
    """Pairs of one question: copies of each answer, and the answers among each other."""
    for members in classes:
        copies: dict[tuple[str, int], int] = {}
        different: dict[int, int] = {}
        for member in members:
            copy = copies.setdefault((texts[member], answers.text_id(member)), member)
            like = different.setdefault(answers.form_id(member), member)
            if copy != member:
                yield copy, member, EXACT, 100.0, 0, EXACT
            elif like != member:
                yield _same(texts, like, member, answers)
        for one, other in _each_with_each(list(different.values())):
            yield _same(texts, one, other, answers)


def _same(texts: Texts, one: int, other: int, answers: Answers) -> Edge:
    level = EXACT if texts[one] == texts[other] else NORMALISED
    return one, other, level, 100.0, 0, answers.level(one, other)


def _each_with_each(members: Sequence[int]) -> Iterable[tuple[int, int]]:
    return combinations(members, 2) if len(members) <= MANY else pairwise(members)


def _between(near: Pairs, classes: Mapping[int, Sequence[int]], answers: Answers) -> Iterator[Edge]:
    """Pairs of like questions, for each of the answers that either has."""
    different = {first: _first_of_each(members, answers) for first, members in classes.items()}
    rows = zip(
        near.left.tolist(),
        near.right.tolist(),
        near.level.tolist(),
        near.score.tolist(),
        near.differs.tolist(),
        strict=True,
    )
    for left, right, level, score, differs in rows:
        if left not in different and right not in different:
            yield left, right, level, score, differs, answers.level(left, right)
            continue
        for one, other in product(different.get(left, (left,))[:SOME], different.get(right, (right,))[:SOME]):
            yield min(one, other), max(one, other), level, score, differs, answers.level(one, other)


def _first_of_each(members: Sequence[int], answers: Answers) -> tuple[int, ...]:
    found: dict[int, int] = {}
    for member in members:
        found.setdefault(answers.form_id(member), member)
    return tuple(found.values())


def _scored(edges: Sequence[Edge], answers: Answers, threads: int) -> Pairs:
    """The pairs as arrays; answers that are not equal are scored and looked at."""
    columns = list(zip(*edges, strict=True)) if edges else [()] * 6
    left, right = (np.array(column, np.int32) for column in columns[:2])
    level, score, differs = (
        np.array(columns[2], np.uint8),
        np.array(columns[3], np.float32),
        np.array(columns[4], np.uint8),
    )
    answer_level = np.array(columns[5], np.uint8)
    open_ = np.flatnonzero(answer_level == 0)
    ids = [[answers.form_id(member) for member in side[open_].tolist()] for side in (left, right)]
    one, other = (np.array(side, np.int32) for side in ids)
    answer_level[open_] = ratios(answers.forms, one, other, FLOOR, threads).astype(np.uint8)
    answer_differs = np.zeros(len(left), np.uint8)
    for place in open_.tolist():
        answer_differs[place] = _answer_bits(int(left[place]), int(right[place]), int(answer_level[place]), answers)
    return Pairs(left, right, level, score, differs, answer_level, answer_differs)


def _answer_bits(one: int, other: int, level: int, answers: Answers) -> int:
    """What two unequal answers differ in. A word more is another answer, unless it is one misspelt."""
    left, right = answers.texts[answers.text_id(one)], answers.texts[answers.text_id(other)]
    if level < FLOOR and max(len(left), len(right)) > SHORT:
        return _WORD
    forms = answers.forms[answers.form_id(one)], answers.forms[answers.form_id(other)]
    found = bits(differences(left, right, *forms))
    return found or (0 if level >= FLOOR and is_misspelt(*forms) else _WORD)
