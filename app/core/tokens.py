"""Tokens: which family of models counts how, and how lengths are spread."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol


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


class Tokenizer(Protocol):
    """Counts the tokens of texts. Where it is not ``exact``, its ``family`` is ``estimate``: it counts as others do."""

    family: str
    exact: bool

    def count(self, text: str) -> int:
        """The number of tokens; marks of a chat template inside the text count as ordinary text."""


def find_family(model: str) -> str:
    """The family of a model by its name, with or without who made it (``Qwen/Qwen3-8B``); empty where it is unknown."""
    name = model.lower().rpartition("/")[2]
    fitting = [(len(start), one.name) for one in FAMILIES.values() for start in one.models if name.startswith(start)]
    return max(fitting)[1] if fitting else ""


@dataclass(frozen=True, slots=True)
class Lengths:
    """How the lengths of a set are spread, in tokens or characters."""

    total: int
    median: int
    p95: int
    longest: int


def measure_lengths(lengths: Sequence[int]) -> Lengths:
    """Sum, median, 95th percentile and maximum; of an empty set zeros. Percentiles are lengths that occur."""
    ordered = sorted(lengths)
    if not ordered:
        return Lengths(0, 0, 0, 0)
    return Lengths(
        sum(ordered), ordered[(len(ordered) - 1) // 2], ordered[-(-95 * len(ordered) // 100) - 1], ordered[-1]
    )


def spread_lengths(lengths: Sequence[int], p95: int, bins: int = 24) -> tuple[int, list[int]]:
    """How many lengths fall into each of equal steps up to a little above the 95th percentile, the longer ones last.

    Returns the width of a step, a round number, and the counts.
    """
    least = max(p95 * 1.25 / (bins - 1), 1)
    power = 10 ** (len(str(int(least))) - 1)
    width = next(one * power for one in (1, 2, 5, 10) if one * power >= least)
    counts = [0] * bins
    for length in lengths:
        counts[min(length // width, bins - 1)] += 1
    return width, counts
