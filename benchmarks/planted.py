"""Questions with planted duplicates of known kinds; the same seed gives the same file."""

import json
import random
from collections.abc import Callable
from itertools import accumulate
from pathlib import Path

KINDS = ("exact", "case", "typo", "reorder", "polite", "truncated", "word")
SHARE = 0.01
_LEADS = ("Please tell me: ", "Hello, ", "Could you please tell me ", "Question: ")
_SYLLABLES = (
    "ba",
    "cor",
    "den",
    "fil",
    "gan",
    "hos",
    "ith",
    "jun",
    "kel",
    "lom",
    "mar",
    "nor",
    "pes",
    "quo",
    "rin",
    "sto",
    "tur",
    "vel",
    "wim",
    "zan",
)
_COMMON = (
    "how",
    "do",
    "i",
    "the",
    "a",
    "my",
    "is",
    "it",
    "in",
    "of",
    "to",
    "for",
    "what",
    "can",
    "when",
    "and",
    "with",
    "on",
)


class _Words:
    """Words as frequent as words are: the second half as often as the first, and so on (Zipf's law)."""

    def __init__(self, chance: random.Random, number: int = 20_000) -> None:
        made: dict[str, None] = dict.fromkeys(_COMMON)
        while len(made) < number:
            made["".join(chance.choices(_SYLLABLES, k=chance.randint(1, 4)))] = None
        self._words = list(made)
        self._weights = list(accumulate(1 / (place + 10) for place in range(number)))
        self._chance = chance

    def some(self, number: int) -> list[str]:
        """So many words."""
        return self._chance.choices(self._words, cum_weights=self._weights, k=number)


def _typo(words: list[str], chance: random.Random) -> list[str]:
    place = max(range(len(words)), key=lambda one: (len(words[one]), chance.random()))
    word = words[place]
    cut = chance.randrange(1, len(word))
    return [*words[:place], word[: cut - 1] + word[cut:], *words[place + 1 :]]


def _reorder(words: list[str], chance: random.Random) -> list[str]:
    cut = chance.randrange(1, len(words))
    return words[cut:] + words[:cut]


def _word(words: list[str], chance: random.Random) -> list[str]:
    place = chance.randrange(len(words))
    return [*words[:place], "".join(chance.choices(_SYLLABLES, k=2)), *words[place + 1 :]]


CHANGES: dict[str, Callable[[list[str], random.Random], list[str]]] = {
    "typo": _typo,
    "reorder": _reorder,
    "truncated": lambda words, chance: words[: -max(1, len(words) // 8)],
    "word": _word,
}


def _changed(text: str, kind: str, chance: random.Random) -> str:
    if kind == "exact":
        return text
    if kind == "case":
        return text.upper().replace("?", " ?!")
    if kind == "polite":
        return chance.choice(_LEADS) + text[0].lower() + text[1:]
    return _sentence(CHANGES[kind](text[:-1].lower().split(), chance))


def _sentence(words: list[str]) -> str:
    return " ".join(words).capitalize() + "?"


def questions(number: int, seed: int) -> tuple[list[str], list[tuple[int, int, str]]]:
    """``number`` questions of 7 to 25 words, and the planted pairs among them with their kinds: 1 % of each kind."""
    chance = random.Random(seed)
    words = _Words(chance)
    planted = int(number * SHARE)
    texts = [
        _sentence(words.some(chance.choice((7, 9, 11, 13, 15, 18, 25)))) for _ in range(number - planted * len(KINDS))
    ]
    sources = chance.sample(range(len(texts)), planted * len(KINDS))
    pairs = []
    for place, source in enumerate(sources):
        kind = KINDS[place % len(KINDS)]
        pairs.append((source, len(texts), kind))
        texts.append(_changed(texts[source], kind, chance))
    return texts, pairs


def answers(number: int, pairs: list[tuple[int, int, str]], seed: int) -> list[str]:
    """Answers of 10 to 60 words; planted questions have those of their sources."""
    chance = random.Random(seed + 1)
    words = _Words(chance)
    found = [_sentence(words.some(chance.randint(10, 60))) for _ in range(number)]
    for source, copy, _ in pairs:
        found[copy] = found[source]
    return found


def write(folder: Path, number: int, seed: int) -> Path:
    """A file with a question and an answer on each line as a JSON list, and beside it the truth."""
    texts, pairs = questions(number, seed)
    path = folder / f"planted-{number}-{seed}.jsonl"
    with path.open("w", encoding="utf-8") as file:
        for question, answer in zip(texts, answers(number, pairs, seed), strict=True):
            file.write(json.dumps([question, answer]) + "\n")
    path.with_suffix(".truth.json").write_text(json.dumps(pairs), encoding="utf-8")
    return path
