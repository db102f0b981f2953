"""Counting records one by one, in memory that does not grow with their number."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from heapq import heappush, heapreplace
from random import Random
from typing import Any

from app.core.layouts.base import messages_of
from app.core.options import option
from app.core.record import Message, Record
from app.core.stats.kinds import find_kind
from app.core.text import clip, squeeze_blanks
from app.core.tokens import ESTIMATE, FAMILIES, Spread, Tokenizer, vocabulary_of
from app.core.validation.lints.languages import tell_language
from app.core.validation.lints.sets import Labels
from app.core.validation.training import count_around, write_chatml

# Up to so many records are looked at for their language and kind: of larger sets a sample, drawn by chance.
SAMPLE = 5_000
# So many different tags or sources are counted, and so many of them told.
MOST_NAMES, MOST_TOLD = 10_000, 100
# Up to so many different answers are counted exactly; of more their number is estimated, to about one percent.
EXACT_ANSWERS = 10_000
MOST_TURNS = 50
UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class StatsOptions:
    """Whose tokens are counted, and from how many on a record is too long."""

    family: str = option(
        "all",
        "Models",
        f"Families of models whose tokens are counted, with commas between them, or all: {', '.join(FAMILIES)},"
        f" {ESTIMATE} (for others).",
        metavar="F,F…",
    )
    length: int | None = option(
        None,
        "Length",
        "Tell how many records have more tokens than this, and which are the longest.",
        metavar="N",
        between=(1, 10_000_000),
    )


class Names:
    """How often each of some names occurs; names beyond the first ``MOST_NAMES`` are counted together."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._records = self._others = self._without = 0

    def add(self, names: Iterable[str]) -> None:
        """Take in the names of a record."""
        self._records += 1
        found = False
        for name in names:
            found = True
            if name in self._counts or len(self._counts) < MOST_NAMES:
                self._counts[name] += 1
            else:
                self._others += 1
        self._without += not found

    def as_dict(self) -> dict[str, Any]:
        """The most frequent ones, how often others occur, how many differ, and how many records have none."""
        told = self._counts.most_common(MOST_TOLD)
        return {
            "counts": {clip(name, 200): count for name, count in told},
            "others": self._counts.total() - sum(count for _, count in told) + self._others,
            "different": len(self._counts),
            "all_counted": not self._others,
            "without": self._without,
        }


class Different:
    """How many of some texts are different: exactly for few, else by how close the smallest hashes are.

    Source of the estimate: Bar-Yossef et al., Counting distinct elements in a data stream (2002).
    """

    def __init__(self, most: int = EXACT_ANSWERS) -> None:
        self._most = most
        self._smallest: list[int] = []
        self._known: set[int] = set()

    def add(self, text: str) -> None:
        """Take in a text; blanks at its ends and between words are not looked at, nor is case."""
        folded = squeeze_blanks(text).casefold().encode("utf-8", "replace")
        mark = int.from_bytes(blake2b(folded, digest_size=8).digest(), "big")
        if mark in self._known:
            return
        if len(self._smallest) < self._most:
            heappush(self._smallest, -mark)
            self._known.add(mark)
        elif mark < -self._smallest[0]:
            self._known.remove(-heapreplace(self._smallest, -mark))
            self._known.add(mark)

    @property
    def is_exact(self) -> bool:
        """Whether the number is exact."""
        return len(self._smallest) < self._most

    def number(self) -> int:
        """How many are different, or about how many."""
        if self.is_exact:
            return len(self._smallest)
        return round((self._most - 1) * 2**64 / -self._smallest[0])


class Statistics:
    """The run over all records of a file or a dataset."""

    def __init__(self, tokenizers: Mapping[str, Tokenizer] | None = None) -> None:
        self.records = 0
        self._tokenizers = tokenizers or {}
        self._tokens = {family: Spread() for family in self._tokenizers}
        self._vocabularies = {family: vocabulary_of(family) for family in self._tokenizers}
        self._around: dict[tuple[str, bool], int] = {}
        self._lengths = {name: Spread() for name in ("question", "answer", "reasoning", "record")}
        self._turns: Counter[int] = Counter()
        self._has: Counter[str] = Counter(dict.fromkeys(("system", "tools", "reasoning", "rejected_answer"), 0))
        self._splits: Counter[str] = Counter()
        self._tags, self._sources = Names(), Names()
        self._labels, self._answers = Labels(), Different()
        self._families = 0
        # The sample: for each record drawn its language and the kind of its answer.
        self._sample: list[tuple[str, str]] = []
        self._chance = Random(20)

    def see(self, record: Record, number: int, *, split: str | None = None) -> None:
        """Take in a record."""
        self.records += 1
        lengths, has = self._lengths, self._has
        question, answer = len(record.question), len(record.answer)
        size, turns, has_calls = question + answer + len(record.system or ""), 1, False
        if record.turns or record.trace:
            others = (*record.turns, *record.trace)
            turns += sum(one.role == "user" for one in record.turns)
            size += sum(len(one.text or "") for one in others)
            has_calls = any(one.tool_calls for one in others)
        if record.reasoning:
            has["reasoning"] += 1
            lengths["reasoning"].add(len(record.reasoning))
            size += len(record.reasoning)
        lengths["question"].add(question)
        lengths["answer"].add(answer)
        lengths["record"].add(size)
        self._turns[min(turns, MOST_TURNS)] += 1
        if record.system:
            has["system"] += 1
        if has_calls or (record.extra and record.extra.get("tools")):
            has["tools"] += 1
        if record.rejected_answer is not None:
            has["rejected_answer"] += 1
        if split:
            self._splits[split] += 1
        self._tags.add(record.tags)
        self._sources.add((record.source,) if record.source else ())
        self._families += record.family is not None
        self._labels.add(record.answer)
        self._answers.add(record.answer)
        self._draw(record)
        if self._tokenizers:
            self._count_tokens(record, number)

    def _draw(self, record: Record) -> None:
        """Take a record into the sample, or not: each of all has the same chance."""
        place = len(self._sample) if self.records <= SAMPLE else self._chance.randrange(self.records)
        if place >= SAMPLE:
            return
        # The answer is what the model learns to speak; a short one says too little.
        language = tell_language(record.answer) or tell_language(f"{record.question} {record.answer}")
        drawn = (language or UNKNOWN, find_kind(record, language))
        if place == len(self._sample):
            self._sample.append(drawn)
        else:
            self._sample[place] = drawn

    def _count_tokens(self, record: Record, number: int) -> None:
        is_plain = not (record.turns or record.trace or record.extra) and record.reasoning is None
        system = record.system
        if is_plain:
            texts = [record.question, record.answer] if system is None else [system, record.question, record.answer]
        else:
            texts, marks = _texts_and_marks(record)
        counted: dict[str, int] = {}
        for family, tokenizer in self._tokenizers.items():
            vocabulary = self._vocabularies[family]
            tokens = counted.get(vocabulary)
            if tokens is None:
                if is_plain:
                    # What stands around the texts of plain pairs is always the same.
                    key = vocabulary, system is None
                    marks = self._around.get(key) or self._around.setdefault(
                        key, count_around(tokenizer, has_system=system is not None)
                    )
                tokens = counted[vocabulary] = marks + sum(map(tokenizer.count, texts))
            self._tokens[family].add(tokens, number)

    def close(self, *, length: int | None = None) -> dict[str, Any]:
        """The result object of commands and of the API."""
        kinds, languages = Counter(kind for _, kind in self._sample), Counter(one for one, _ in self._sample)
        tokens = {
            family: {"exact": self._tokenizers[family].exact, **as_dict(spread), **_over(spread, length)}
            for family, spread in self._tokens.items()
        }
        return {
            "records": self.records,
            "tokens": tokens,
            "lengths": {name: as_dict(spread) for name, spread in self._lengths.items()},
            "languages": dict(languages.most_common()),
            "labels": dict(self._labels.counts.most_common()) if self._labels.found else None,
            "turns": {str(turns): self._turns[turns] for turns in sorted(self._turns)},
            "splits": dict(self._splits),
            "tags": self._tags.as_dict(),
            "sources": self._sources.as_dict(),
            "has": dict(self._has),
            "families": self._families,
            "answers": {"different": self._answers.number(), "exact": self._answers.is_exact},
            "kinds": dict(kinds.most_common()),
            # Of how many records languages and kinds were told: of more than these, a sample.
            "sample": len(self._sample),
        }


def _texts_and_marks(record: Record) -> tuple[list[str], int]:
    """What of the written conversation is counted as text, and how many marks stand around it."""
    tools, system = record.extra.get("tools"), record.system
    messages = messages_of(record) if system is None else (Message("system", system), *messages_of(record))
    pieces = write_chatml(messages, tools if isinstance(tools, list) else ())
    return [one.text for one in pieces if not one.mark], sum(one.mark for one in pieces)


def as_dict(spread: Spread) -> dict[str, Any]:
    """Lengths as programs read them: sum, median, 95th percentile, maximum, and the counts of a chart."""
    found, (width, counts) = spread.measure(), spread.bins()
    sums = {"total": found.total, "median": found.median, "p95": found.p95, "max": found.longest}
    return {**sums, "width": width, "counts": counts}


def _over(spread: Spread, limit: int | None) -> dict[str, Any]:
    """How many are over a limit, where there is one, and the longest."""
    longest: Sequence[Mapping[str, int]] = spread.longest()
    if limit is None:
        return {"longest": longest}
    over = {"limit": limit, "over": spread.count_over(limit)}
    return {**over, "longest": [one for one in longest if one["length"] > limit]}
