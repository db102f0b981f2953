"""Whether like questions have like answers: what tells copies from conflicts.

Answers are asked for only where questions are alike. Of the copies of one question, those with one answer are held
together first; then one of each answer is compared with the others.
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import combinations, pairwise, product

import numpy as np
import numpy.typing as npt

from app.core.duplicates.base import DIFFERENCES, EXACT, FLOOR, NORMALISED, Others, Pairs, Texts
from app.core.duplicates.differences import difference_bits, find_differences
from app.core.duplicates.join import I32
from app.core.duplicates.normal import normalise_texts
from app.core.duplicates.scores import ratios_of_pairs, score_forms
from app.core.sets import distinct_numbers

# So many answers to one question are compared each with each; of more, each with the next.
MANY = 12
# So many answers of each of two like questions are compared with those of the other.
SOME = 6
# What answers of at most so many characters differ in is named even where they are not alike.
SHORT = 60
SHARD = 25_000
_WORD = 1 << DIFFERENCES.index("word")

Edge = tuple[int, int, int, float, int]
U8 = npt.NDArray[np.uint8]


class NumberedTexts:
    """The texts of one side of some records, each known by one number as written and one by its normal form."""

    def __init__(self, members: I32, get: Others) -> None:
        texts: dict[str, int] = {}
        forms: dict[str, int] = {}
        text_ids, form_ids = np.zeros(len(members), np.int32), np.zeros(len(members), np.int32)
        for begin in range(0, len(members), SHARD):
            shard = get(members[begin : begin + SHARD].tolist())
            text_ids[begin : begin + SHARD] = [texts.setdefault(text, len(texts)) for text in shard]
            form_ids[begin : begin + SHARD] = [forms.setdefault(form, len(forms)) for form in normalise_texts(shard)]
        self.members, self._text_ids, self._form_ids = members, text_ids, form_ids
        self.texts, self.forms = list(texts), list(forms)

    def text_ids(self, members: I32) -> I32:
        """The numbers of records' texts as written."""
        return self._text_ids[np.searchsorted(self.members, members)]

    def form_ids(self, members: I32) -> I32:
        """The numbers of their normal forms."""
        return self._form_ids[np.searchsorted(self.members, members)]


def compare_answers(
    texts: Texts, near: Pairs, classes: Mapping[int, Sequence[int]], get: Others, *, threads: int
) -> Pairs:
    """Pairs of like questions with how alike their answers are.

    ``near`` holds pairs of different questions by their first records, ``classes`` the records of each question that
    occurs more than once, by the first. Where questions differ in what matters, answers are not looked at.
    """
    alike = np.flatnonzero(near.differs == 0)
    inside = np.array([one for mine in classes.values() for one in mine], np.int32)
    answers = NumberedTexts(distinct_numbers(np.concatenate((near.left[alike], near.right[alike], inside))), get)
    # Of each question the first record of each answer to it.
    of_question: dict[int, tuple[int, ...]] = {}
    for question, members in classes.items():
        first: dict[int, int] = {}
        for member, form in zip(members, answers.form_ids(np.array(members, np.int32)).tolist(), strict=True):
            first.setdefault(form, member)
        of_question[question] = tuple(first.values())
    several = np.isin(near.left, list(classes)) | np.isin(near.right, list(classes))
    plain = np.flatnonzero((near.differs != 0) | ~several)
    edges = [*_pairs_of_one_question(texts, classes, of_question, answers)]
    columns = (near.left, near.right, near.level, near.score)
    asked = np.flatnonzero((near.differs == 0) & several)
    for left, right, level, score in zip(*(column[asked].tolist() for column in columns), strict=True):
        for one, other in product(of_question.get(left, (left,))[:SOME], of_question.get(right, (right,))[:SOME]):
            edges.append((min(one, other), max(one, other), level, score, 0))
    more = _as_pairs(edges)
    found = Pairs(
        np.concatenate((near.left[plain], more.left)),
        np.concatenate((near.right[plain], more.right)),
        np.concatenate((near.level[plain], more.level)),
        np.concatenate((near.score[plain], more.score)),
        np.concatenate((near.differs[plain], more.differs)),
        np.zeros(len(plain) + len(edges), np.uint8),
        np.zeros(len(plain) + len(edges), np.uint8),
    )
    _score_answers(found, answers, threads)
    return found


def compare_both_sides(
    texts: Texts, left: I32, right: I32, family_of: npt.NDArray[np.int32], get: Others, *, threads: int
) -> Pairs:
    """Of pairs that are alike as a whole those with like questions, with how alike their answers are.

    ``family_of`` numbers the families of records, -1 for none.
    """
    members = distinct_numbers(np.concatenate((left, right)))
    questions = NumberedTexts(members, lambda places: [texts[place] for place in places])
    answers = NumberedTexts(members, get)
    one, other = questions.form_ids(left).tolist(), questions.form_ids(right).tolist()
    same = questions.text_ids(left) == questions.text_ids(right)
    edges: list[Edge] = []
    for place, (first, second) in enumerate(zip(left.tolist(), right.tolist(), strict=True)):
        form, against = questions.forms[one[place]], questions.forms[other[place]]
        if form == against:
            edges.append((first, second, EXACT if same[place] else NORMALISED, 100.0, 0))
        elif (alike := score_forms(form, against)) >= FLOOR:
            in_family = family_of[first] >= 0 and family_of[first] == family_of[second]
            found = find_differences(texts[first], texts[second], form, against, strict=True if in_family else None)
            edges.append((first, second, int(alike), alike, difference_bits(found)))
    pairs = _as_pairs(edges)
    _score_answers(pairs, answers, threads)
    return pairs


def _as_pairs(edges: Sequence[Edge]) -> Pairs:
    """Edges as pairs whose answers were not compared yet."""
    left, right, level, score, differs = zip(*edges, strict=True) if edges else ((),) * 5
    return Pairs(
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(level, np.uint8),
        np.array(score, np.float32),
        np.array(differs, np.uint8),
        np.zeros(len(edges), np.uint8),
        np.zeros(len(edges), np.uint8),
    )


def _pairs_of_one_question(
    texts: Texts,
    classes: Mapping[int, Sequence[int]],
    of_question: Mapping[int, Sequence[int]],
    answers: NumberedTexts,
) -> Iterator[Edge]:
    """Pairs of one question: copies of each answer, and the answers among each other."""
    for question, members in classes.items():
        different = of_question[question]
        mine = np.array(members, np.int32)
        forms = answers.form_ids(mine).tolist()
        like = dict(zip(answers.form_ids(np.array(different, np.int32)).tolist(), different, strict=True))
        copies: dict[tuple[str, int], int] = {}
        for member, form, text in zip(members, forms, answers.text_ids(mine).tolist(), strict=True):
            copy = copies.setdefault((texts[member], text), member)
            if copy != member:
                yield _link_equal(texts, copy, member)
            elif like[form] != member:
                yield _link_equal(texts, like[form], member)
        for one, other in combinations(different, 2) if len(different) <= MANY else pairwise(different):
            yield _link_equal(texts, one, other)


def _link_equal(texts: Texts, one: int, other: int) -> Edge:
    return one, other, EXACT if texts[one] == texts[other] else NORMALISED, 100.0, 0


def _score_answers(pairs: Pairs, answers: NumberedTexts, threads: int) -> None:
    """Say of each pair how alike the answers are, and what they differ in."""
    alike = np.flatnonzero(pairs.differs == 0)
    left, right = pairs.left[alike], pairs.right[alike]
    one, other = answers.form_ids(left), answers.form_ids(right)
    text_one, text_other = answers.text_ids(left), answers.text_ids(right)
    pairs.answer_level[alike] = np.where(text_one == text_other, EXACT, np.where(one == other, NORMALISED, 0))
    open_ = np.flatnonzero(one != other)
    level = ratios_of_pairs(answers.forms, one[open_], other[open_], FLOOR, threads).astype(np.uint8)
    pairs.answer_level[alike[open_]] = level
    pairs.answer_differs[alike[open_]] = _WORD
    sizes = np.fromiter(map(len, answers.forms), np.int64, len(answers.forms))
    short = np.maximum(sizes[one[open_]], sizes[other[open_]]) <= SHORT
    for place in open_[(level >= FLOOR) | short].tolist():
        texts = answers.texts[text_one[place]], answers.texts[text_other[place]]
        forms = answers.forms[one[place]], answers.forms[other[place]]
        # However long they are, another word makes another answer.
        pairs.answer_differs[alike[place]] = difference_bits(find_differences(*texts, *forms, strict=True))
