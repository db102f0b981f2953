"""The search: normal forms, equal ones first, then near ones among what is left, then what they differ in.

A join on pairs of rare tokens, verified by RapidFuzz. It does not find every near pair: texts whose common words are
all frequent may be passed over, and of very large groups only neighbours are compared. Few texts are compared each
with each.
"""

from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from app.core.duplicates import families, join
from app.core.duplicates.answers import compare_answers, compare_both_sides
from app.core.duplicates.base import (
    DIFFERENCES,
    EXACT,
    NORMALISED,
    UNKNOWN,
    Family,
    Found,
    Options,
    Others,
    Pairs,
    Progress,
    Texts,
)
from app.core.duplicates.differences import difference_bits, find_differences, find_other_words
from app.core.duplicates.index import index_of
from app.core.duplicates.join import I32
from app.core.duplicates.keys import Keys, count_tokens, make_keys
from app.core.duplicates.marks import MARKED, sum_marks, sum_names
from app.core.duplicates.normal import normalise_texts, strip_politeness
from app.core.duplicates.scores import score_pairs
from app.core.duplicates.tokens import U32, U64, Tokens, tokenise_texts

SHARD = 25_000
DEFAULT = Options()
# Keys are joined in so many parts, one after the other in each thread, so that little memory is needed at a time.
PARTS = 8
# So few different texts are compared each with each: their words are too seldom to tell which ones are rare.
FEW = 200
# Below this score a word that only one text has counts as a difference without a look at how it is spelt.
LOOKED_AT = 90
_WORD = np.uint8(1 << DIFFERENCES.index("word"))
_NAME = np.uint8(1 << DIFFERENCES.index("name"))

T = TypeVar("T")
R = TypeVar("R")


# Pairs of texts that mean the same, by their places.
Meaning = Callable[[Texts, Progress], Pairs]


def search_texts(
    texts: Texts,
    *,
    answers: Others | None = None,
    options: Options = DEFAULT,
    meaning: Meaning | None = None,
    progress: Progress | None = None,
) -> Found:
    """Find what is alike. ``answers`` gives the answers beside the texts, where questions are compared.

    ``meaning`` adds pairs that are alike in other words. Takes about a gigabyte for a million questions. ``progress``
    may raise to stop it.
    """
    tell = progress or (lambda share, what: None)
    with ThreadPoolExecutor(options.threads) as pool:
        if options.side != "pair" or answers is None:
            return _Search(texts, options, pool, tell).run(answers, meaning)
        found = _Search(texts, options, pool, lambda share, what: tell(share / 2, what)).run(answers, meaning)
        return _with_wholes(texts, found, answers, options, pool, lambda share, what: tell(0.5 + share / 2, what))


def _with_wholes(
    texts: Texts, found: Found, answers: Others, options: Options, pool: ThreadPoolExecutor, tell: Progress
) -> Found:
    """What was found, with the pairs that share rare words in question or answer.

    Of many answers to one question not all are compared with all, and a question of common words alone is passed
    over; the words of both find these. Each side is compared by itself all the same.
    """
    everything = range(len(texts))
    wholes = [f"{text}\n{answer}" for text, answer in zip(texts, answers(everything), strict=True)]
    left, right, compared = _Search(wholes, options, pool, tell).near_pairs()
    del wholes
    new = ~np.isin(_pack_pairs(left, right), _pack_pairs(found.pairs.left, found.pairs.right))
    family_of = np.full(len(texts), -1, np.int32)
    for number, family in enumerate(found.families):
        family_of[list(family.members)] = number
    more = compare_both_sides(texts, left[new], right[new], family_of, answers, threads=options.threads)
    return Found(_join_pairs([found.pairs, more]), found.families, found.compared + compared, found.index)


class _Search:
    """One search. Positions of texts are ``member``, positions among the different normal forms are ``form``."""

    def __init__(self, texts: Texts, options: Options, pool: ThreadPoolExecutor, tell: Progress) -> None:
        self.texts, self.options, self.pool, self.tell = texts, options, pool, tell
        self.forms: list[str] = []
        self.cores: list[str] = []
        self.first: I32 = np.zeros(0, np.int32)
        self.form_of: I32 = np.zeros(0, np.int32)

    def run(self, answers: Others | None, meaning: Meaning | None) -> Found:
        parts, frequency, keyed, bits_needed = self._make_keys()
        index = None
        if self.options.index:
            rarest = _stack_arrays([part.rarest for part in keyed], self.options.rarest)
            index = index_of(rarest, frequency, self.first)
            del rarest
        left, right, score, compared = self._score_candidates(keyed, parts, bits_needed)
        meant = np.zeros(0, np.uint64)
        if meaning is not None:
            left, right, score, meant = self._add_meant(left, right, score, meaning)
        self.tell(0.75, "looking at what differs")
        differs = self._find_differences(left, right, score, parts, np.isin(_pack_pairs(left, right), meant))
        found = self._find_families(left, right, differs, parts)
        self.tell(0.85, "comparing answers" if answers else "putting pairs together")
        pairs = self._make_pairs(left, right, score, differs, answers)
        return Found(pairs, tuple(found), compared, index)

    def near_pairs(self) -> tuple[I32, I32, int]:
        """The first texts of each two near normal forms, and how many were scored."""
        parts, _, keyed, bits_needed = self._make_keys()
        left, right, _, compared = self._score_candidates(keyed, parts, bits_needed)
        return self.first[left], self.first[right], compared

    def _make_keys(self) -> tuple[list[Tokens], U32, list[Keys], int]:
        """The tokens and the keys of all forms in shards, how frequent tokens are, and the bits of a position."""
        self.tell(0.0, "reading the texts")
        self._fold_texts()
        self.tell(0.25, "comparing rare words")
        parts = self._map_shards(
            lambda at: tokenise_texts("\0".join(self.cores[at : at + SHARD]).encode("utf-8", "replace"))
        )
        frequency = count_tokens(parts)
        bits_needed = max(len(self.forms), 1).bit_length()
        rarest = self.options.rarest
        keyed = self._map_shards(
            lambda at: make_keys(parts[at // SHARD], frequency, at, rarest=rarest, bits=bits_needed)
        )
        return parts, frequency, keyed, bits_needed

    def _map_shards(self, work: Callable[[int], R]) -> list[R]:
        """What the threads make of each shard of the forms, in order; ``work`` is given where it begins."""
        return list(self.pool.map(work, range(0, len(self.forms), SHARD)))

    def _fold_texts(self) -> None:
        """Give every text its normal form; equal ones are looked at once from here on."""
        known: dict[str, int] = {}
        form_of = np.empty(len(self.texts), np.int32)
        begins = range(0, len(self.texts), SHARD)
        shards = self.pool.map(lambda at: normalise_texts(self.texts[at : at + SHARD]), begins)
        for begin, shard in zip(begins, shards, strict=True):
            form_of[begin : begin + len(shard)] = [known.setdefault(form, len(known)) for form in shard]
            self.tell(0.25 * begin / len(self.texts), "reading the texts")
        first = np.empty(len(known), np.int32)
        # Written from behind, so that of several the first stays.
        first[form_of[::-1]] = np.arange(len(form_of) - 1, -1, -1, dtype=np.int32)
        self.forms, self.first, self.form_of = list(known), first, form_of
        self.cores = [strip_politeness(form) for form in self.forms]

    def _score_candidates(
        self, keyed: list[Keys], parts: list[Tokens], bits_needed: int
    ) -> tuple[I32, I32, npt.NDArray[np.float32], int]:
        """Pairs of forms that reach the lowest level, with their scores, and how many were scored."""
        signatures = _stack_arrays([part.signatures for part in keyed], 4)
        for part in keyed:
            part.signatures.resize(0, refcheck=False)
            part.rarest.resize(0, refcheck=False)
        lengths = _join_arrays([part.lengths for part in parts], np.int32)
        letters = _stack_arrays([part.letters for part in parts], 32)

        def keep_reachable(found: U64) -> U64:
            return found[join.can_reach(*_unpack_pairs(found), letters, self.options.lowest)]

        if len(self.forms) <= FEW:
            found = keep_reachable(join.every_pair(signatures, lengths))
        else:
            buckets = _split_keys(keyed)

            def find_in_bucket(place: int) -> U64:
                mine, buckets[place] = buckets[place], np.zeros(0, np.uint64)
                return keep_reachable(
                    join.find_candidates(mine, signatures, lengths, cap=self.options.cap, bits=bits_needed)
                )

            found = join.sort_unique(_join_arrays(list(self.pool.map(find_in_bucket, range(len(buckets)))), np.uint64))
        self.tell(0.5, "scoring")
        left, right = _unpack_pairs(found)
        score = score_pairs(
            self.cores,
            left,
            right,
            signatures,
            lowest=self.options.lowest,
            threads=self.options.threads,
            tell=self.tell,
        )
        kept = np.flatnonzero(score >= self.options.lowest)
        return left[kept], right[kept], score[kept], len(found)

    def _add_meant(
        self, left: I32, right: I32, score: npt.NDArray[np.float32], meaning: Meaning
    ) -> tuple[I32, I32, npt.NDArray[np.float32], U64]:
        """The pairs of forms with those that mean the same, as far as they are not among them; then all the latter."""
        more = meaning([self.texts[member] for member in self.first.tolist()], self.tell)
        meant = _pack_pairs(more.left, more.right)
        new = ~np.isin(meant, _pack_pairs(left, right))
        return (
            np.concatenate((left, more.left[new])),
            np.concatenate((right, more.right[new])),
            np.concatenate((score, more.score[new])),
            meant,
        )

    def _find_differences(
        self,
        left: I32,
        right: I32,
        score: npt.NDArray[np.float32],
        parts: list[Tokens],
        meant: npt.NDArray[np.bool_],
    ) -> npt.NDArray[np.uint8]:
        """What pairs differ in, as bits; the words are looked at only where their sums differ.

        Pairs that mean the same are ``meant``: other words are no difference then, but opposites are.
        """
        marked = _stack_arrays(self._map_shards(lambda at: sum_marks(parts[at // SHARD])), len(MARKED))
        written = self._map_shards(
            lambda at: sum_names([self.texts[member] for member in self.first[at : at + SHARD].tolist()])
        )
        named = _join_arrays(written, np.uint64)
        differs = np.where(named[left] != named[right], _NAME, np.uint8(0))
        for column, bit in enumerate(MARKED):
            differs[marked[left, column] != marked[right, column]] |= np.uint8(bit)
        # Beyond ASCII marked words may stand without spaces.
        forms, cores, lefts, rights = self.forms, self.cores, left.tolist(), right.tolist()
        wide = np.zeros(len(left), bool)
        wide[:] = [
            not (forms[one].isascii() or forms[other].isascii()) for one, other in zip(lefts, rights, strict=True)
        ]
        for place in np.flatnonzero(wide | ((differs > 0) & (score >= LOOKED_AT))).tolist():
            one, other = lefts[place], rights[place]
            mine, theirs = self.texts[self.first[one]], self.texts[self.first[other]]
            found = find_differences(mine, theirs, forms[one], forms[other], strict=False if meant[place] else None)
            differs[place] = difference_bits(found)
        for place in np.flatnonzero(~wide & (differs == 0)).tolist():
            one, other = lefts[place], rights[place]
            if any(find_other_words(cores[one], cores[other], strict=False if meant[place] else None)):
                differs[place] = _WORD
        return differs

    def _find_families(
        self, left: I32, right: I32, differs: npt.NDArray[np.uint8], parts: list[Tokens]
    ) -> list[Family]:
        """The families, as positions of texts. Pairs inside one differ in a word, unless it is the same misspelt."""
        hashes = _join_arrays([part.hashes for part in parts], np.uint32)
        counts = _join_arrays([part.counts for part in parts], np.int32)
        found = families.find_frames(left, right, hashes, counts)
        result = []
        family_of = np.full(len(self.forms), -1, np.int32)
        for number, (pair, mine) in enumerate(families.find_members(found, left, right, smallest=self.options.family)):
            family_of[mine] = number
            words = families.words_of(self.cores[int(left[pair])], int(found.before[pair]), int(found.after[pair]))
            result.append((words, mine))
        inside = (family_of[left] >= 0) & (family_of[left] == family_of[right]) & (differs == 0)
        for place in np.flatnonzero(inside).tolist():
            if any(find_other_words(self.cores[left[place]], self.cores[right[place]], strict=True)):
                differs[place] = _WORD
        members = self._members_of()
        return [Family(words, tuple(one for form in mine.tolist() for one in members(form))) for words, mine in result]

    def _members_of(self) -> Callable[[int], Sequence[int]]:
        """Gives the texts of a form."""
        order = np.argsort(self.form_of, kind="stable")
        border = np.searchsorted(self.form_of[order], np.arange(len(self.forms) + 1))
        return lambda form: order[border[form] : border[form + 1]].tolist()

    def _make_pairs(
        self,
        left: I32,
        right: I32,
        score: npt.NDArray[np.float32],
        differs: npt.NDArray[np.uint8],
        answers: Others | None,
    ) -> Pairs:
        many = np.flatnonzero(np.bincount(self.form_of, minlength=len(self.forms)) > 1)
        members = self._members_of()
        classes = {form: members(form) for form in many.tolist()}
        near = Pairs(
            self.first[left],
            self.first[right],
            score.astype(np.uint8),
            score,
            differs,
            np.full(len(left), UNKNOWN, np.uint8),
            np.zeros(len(left), np.uint8),
        )
        if answers is not None:
            of_first = {int(self.first[form]): mine for form, mine in classes.items()}
            return compare_answers(self.texts, near, of_first, answers, threads=self.options.threads)
        return _join_pairs([near, _pairs_of_equal(self.texts, classes.values())])


def _pairs_of_equal(texts: Texts, classes: Iterable[Sequence[int]]) -> Pairs:
    """The pairs that hold texts of one normal form together: copies first, then one of each to the first."""
    left: list[int] = []
    right: list[int] = []
    level: list[int] = []
    for members in classes:
        seen: dict[str, int] = {texts[members[0]]: members[0]}
        for member in members[1:]:
            copy = seen.setdefault(texts[member], member)
            left.append(copy if copy != member else members[0])
            right.append(member)
            level.append(EXACT if copy != member else NORMALISED)
    number = len(left)
    return Pairs(
        np.array(left, np.int32),
        np.array(right, np.int32),
        np.array(level, np.uint8),
        np.full(number, 100, np.float32),
        np.zeros(number, np.uint8),
        np.full(number, UNKNOWN, np.uint8),
        np.zeros(number, np.uint8),
    )


def _join_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Several lists of pairs as one."""
    names_ = ("left", "right", "level", "score", "differs", "answer_level", "answer_differs")
    return Pairs(*(np.concatenate([getattr(part, name) for part in parts]) for name in names_))


def _pack_pairs(left: I32, right: I32) -> U64:
    return (left.astype(np.uint64) << np.uint64(32)) | right.astype(np.uint64)


def _unpack_pairs(pairs: U64) -> tuple[I32, I32]:
    return (pairs >> np.uint64(32)).astype(np.int32), (pairs & np.uint64(0xFFFFFFFF)).astype(np.int32)


def _split_keys(keyed: list[Keys]) -> list[U64]:
    """All keys in parts by their highest bits: equal keys lie in one part."""
    shift = np.uint64(64 - PARTS.bit_length() + 1)
    buckets: list[list[U64]] = [[] for _ in range(PARTS)]
    for part in keyed:
        bucket = part.keys >> shift
        for place in range(PARTS):
            buckets[place].append(part.keys[bucket == place])
        part.keys.resize(0, refcheck=False)
    return [_join_arrays(parts, np.uint64) for parts in buckets]


def _join_arrays(parts: "Sequence[npt.NDArray[T]]", kind: type[T]) -> "npt.NDArray[T]":  # type: ignore[type-var]
    return np.concatenate(parts) if len(parts) else np.zeros(0, kind)


def _stack_arrays(parts: "Sequence[npt.NDArray[T]]", width: int) -> "npt.NDArray[T]":  # type: ignore[type-var]
    return np.concatenate(parts) if len(parts) else np.zeros((0, width), np.uint32)  # type: ignore[return-value]
