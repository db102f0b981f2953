"""Tokens: which family of models counts how, and how lengths are spread."""

from bisect import bisect_right
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from heapq import heappush, heapreplace
from itertools import accumulate
from typing import Protocol

from app.core.errors import BadUsage


@dataclass(frozen=True, slots=True)
class Family:
    """Models that share a vocabulary. ``models`` are beginnings of their names, in lower case."""

    name: str
    title: str
    encoding: str
    models: tuple[str, ...]


# Source: the tables of tiktoken, and the model cards of Meta and Qwen, for which family has which vocabulary.
FAMILIES = {
    one.name: one
    for one in (
        Family(
            "openai", "OpenAI GPT-4o, 4.1 and later", "o200k_base", ("gpt-4o", "gpt-4.1", "gpt-5", "o1", "o3", "o4")
        ),
        Family("openai-cl100k", "OpenAI GPT-3.5 and GPT-4", "cl100k_base", ("gpt-3.5", "gpt-4", "gpt-35")),
        Family("gpt-oss", "gpt-oss", "o200k_harmony", ("gpt-oss",)),
        Family("llama3", "Llama 3", "llama3", ("llama-3", "llama3", "meta-llama-3")),
        Family("qwen", "Qwen 2, 2.5 and 3", "qwen3", ("qwen2", "qwen3", "qwen-2", "qwen-3")),
    )
}
ESTIMATE = "estimate"
# What an estimate counts by. On nine real sets in six scripts the families differ from it by up to a fifth, but for
# Hindi, Arabic and Chinese, for which older vocabularies need up to three times as many tokens.
USUAL = "openai"
# Texts of so many letters are remembered with their tokens.
MOST_REMEMBERED = 1 << 20
# So many of the longest records are told.
MOST_LONGEST = 20


class Tokenizer(Protocol):
    """Counts the tokens of texts. Where it is not ``exact``, its ``family`` is ``estimate``: it counts as others do."""

    family: str
    exact: bool

    def count(self, text: str) -> int:
        """The number of tokens; marks of a chat template inside the text count as ordinary text."""


class Counts:
    """The tokens of texts by one vocabulary. Each text is counted once while it is looked at for one target after the
    other, and what stands around all of them is remembered."""

    def __init__(self, count: Callable[[str], int]) -> None:
        self._count = count
        self._known: dict[str, int] = {}
        self._letters = 0

    def count(self, text: str) -> int:
        """The number of tokens of a text."""
        tokens = self._known.get(text)
        if tokens is None:
            self._letters += len(text)
            if self._letters > MOST_REMEMBERED:
                self._known.clear()
                self._letters = len(text)
            tokens = self._known[text] = self._count(text)
        return tokens


@dataclass(slots=True)
class Counted:
    """A tokenizer that shares its counts with others of the same vocabulary."""

    family: str
    exact: bool
    count: Callable[[str], int]


def share_counts(load_tokenizer: Callable[[str], Tokenizer]) -> Callable[[str], Tokenizer]:
    """The same tokenizers, where those of one vocabulary count each text together."""
    shared: dict[str, Counts] = {}

    def load_counted(family: str) -> Tokenizer:
        tokenizer = load_tokenizer(family)
        counts = shared.setdefault(vocabulary_of(family), Counts(tokenizer.count))
        return Counted(tokenizer.family, tokenizer.exact, counts.count)

    return load_counted


def find_family(model: str) -> str:
    """The family of a model by its name, with or without who made it (``Qwen/Qwen3-8B``); empty where it is unknown."""
    name = model.lower().rpartition("/")[2]
    fitting = [(len(start), one.name) for one in FAMILIES.values() for start in one.models if name.startswith(start)]
    return max(fitting)[1] if fitting else ""


def choose_families(said: str) -> list[str]:
    """The families that a text names, with commas between them; ``all`` is every one and the estimate.

    Raises BadUsage.
    """
    known = [*FAMILIES, ESTIMATE]
    names = list(dict.fromkeys(name.strip() for name in said.split(",") if name.strip()))
    if names == ["all"]:
        return known
    for name in names or [""]:
        if name not in known:
            raise BadUsage(
                f"There is no family of models {name!r}. Use all, or some of {', '.join(known)}.", code="no_family"
            )
    return names


def vocabulary_of(family: str) -> str:
    """The vocabulary that a family counts by, which others may share; for an unknown family that of the estimate."""
    return FAMILIES[family if family in FAMILIES else USUAL].encoding.partition("_")[0]


@dataclass(frozen=True, slots=True)
class Lengths:
    """How the lengths of a set are spread, in tokens or characters."""

    total: int
    median: int
    p95: int
    longest: int


class Spread:
    """Lengths in tokens or characters, kept as how often each occurs.

    So sums and percentiles are exact in little memory: lengths that differ are few, at most about the square root of
    twice their sum. The records with the greatest are kept as well.
    """

    def __init__(self) -> None:
        self._counts: Counter[int] = Counter()
        self._longest: list[tuple[int, int]] = []

    def add(self, length: int, record: int | None = None) -> None:
        """Take in one length; ``record`` is the number of whose it is."""
        self._counts[length] += 1
        if record is None:
            return
        if len(self._longest) < MOST_LONGEST:
            heappush(self._longest, (length, -record))
        elif length > self._longest[0][0]:
            heapreplace(self._longest, (length, -record))

    def measure(self) -> Lengths:
        """Sum, median, 95th percentile and maximum; without any length zeros. Percentiles are lengths that occur."""
        ordered = sorted(self._counts.items())
        if not ordered:
            return Lengths(0, 0, 0, 0)
        upto = list(accumulate(count for _, count in ordered))
        median, p95 = (upto[-1] - 1) // 2, -(-95 * upto[-1] // 100) - 1
        return Lengths(
            sum(length * count for length, count in ordered),
            ordered[bisect_right(upto, median)][0],
            ordered[bisect_right(upto, p95)][0],
            ordered[-1][0],
        )

    def bins(self, number: int = 24) -> tuple[int, list[int]]:
        """How many lengths fall into each of equal steps up to a little above the 95th percentile, the others last.

        Returns the width of a step, a round number, and the counts.
        """
        least = max(self.measure().p95 * 1.25 / (number - 1), 1)
        power = 10 ** (len(str(int(least))) - 1)
        width = next(one * power for one in (1, 2, 5, 10) if one * power >= least)
        counts = [0] * number
        for length, count in self._counts.items():
            counts[min(length // width, number - 1)] += count
        return width, counts

    def count_over(self, limit: int) -> int:
        """How many lengths are greater than a limit."""
        return sum(count for length, count in self._counts.items() if length > limit)

    def sum_within(self, limit: int | None, *, cuts: bool = True) -> int:
        """The sum of all lengths; what is over a limit counts as the limit where it is cut, else not at all."""
        if limit is None:
            return sum(length * count for length, count in self._counts.items())
        beyond = limit if cuts else 0
        return sum((length if length <= limit else beyond) * count for length, count in self._counts.items())

    def longest(self) -> list[dict[str, int]]:
        """The records with the greatest lengths, the longest first: ``record`` and ``length``."""
        return [{"record": -record, "length": length} for length, record in sorted(self._longest, reverse=True)]
