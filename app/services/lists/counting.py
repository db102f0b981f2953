"""How many pairs there are of what: facets that respect all filters but their own, and histograms."""

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any, TypeVar

import numpy as np

from app.core.filters import HERE, QUESTIONS, Filters, check_choices
from app.models import Entry, read_ids
from app.services import entries
from app.services.lists.columns import UNKNOWN, Array, Columns

T = TypeVar("T")
BARS = 24
# Names of a facet that has very many are listed up to here, the most frequent ones first.
MOST_NAMES = 40
_KEPT = 40
# What the columns do not tell is asked of the database.
_ASKED = ("text", "ids", "answered", "left_out")


@dataclass(frozen=True, slots=True)
class Histogram:
    """How many pairs lie where: ``counts`` of ``step`` wide parts from 0, and in the last one all above."""

    step: int
    counts: tuple[int, ...]
    low: int
    middle: int
    high: int


@dataclass(frozen=True, slots=True)
class Facets:
    """Counts of each value, of pairs that match all filters but those of the same thing; ``total`` match all.

    ``unknown`` pairs are missing in counts of facts, as these are not kept yet.
    """

    total: int
    unknown: int
    statuses: dict[str, int]
    splits: dict[str, int]
    tags: dict[str, int]
    imports: dict[str, int]
    sources: dict[str, int]
    findings: dict[str, int]
    languages: dict[str, int]
    turns: dict[str, int]
    tools: dict[str, int]
    length: Histogram | None
    tokens: Histogram | None


def matching(columns: Columns, dataset_id: int, filters: Filters) -> Array:
    """Which rows the filters mean. Raises BadUsage for what there is not."""
    check_choices(filters)

    def make() -> Array:
        mask = columns.visible.copy()
        for _, one in _conditions(columns, dataset_id, filters):
            mask &= one
        return mask

    return _keep(columns, ("matching", filters), make)


def is_at_hand(columns: Columns, filters: Filters) -> bool:
    """Whether counting needs nothing but the columns. All that hold a common word are many to ask for."""
    return ("asked", _asked_of(filters)) in columns.kept or _asked_of(filters) == Filters()


def _asked_of(filters: Filters) -> Filters:
    return replace(Filters(), **{name: getattr(filters, name) for name in _ASKED})


def count_facets(columns: Columns, dataset_id: int, filters: Filters) -> Facets:
    """All counts of a list. Raises BadUsage for what there is not."""

    def make() -> Facets:
        whole = matching(columns, dataset_id, filters)
        conditions = list(_conditions(columns, dataset_id, filters))

        def others(kind: str) -> Array:
            if all(name != kind for name, _ in conditions):
                return whole
            mask = columns.visible.copy()
            for name, one in conditions:
                if name != kind:
                    mask &= one
            return mask

        return _count(columns, filters, whole, others)

    return _keep(columns, ("facets", filters), make)


def _keep(columns: Columns, key: tuple[Any, ...], make: Callable[[], T]) -> T:
    """What was worked out before, or is now. Others may keep and forget something at the same time."""
    found: T | None = columns.kept.get(key)
    if found is None:
        found = make()
        by_filters = [one for one in list(columns.kept) if one[0] in ("matching", "asked", "facets")]
        for old in by_filters[:-_KEPT]:
            columns.kept.pop(old, None)
        columns.kept[key] = found
    return found


def _conditions(columns: Columns, dataset_id: int, filters: Filters) -> Iterator[tuple[str, Array]]:
    """The conditions by what they are about."""
    for one in filters.said():
        kind, is_not = one.name.removeprefix("not_"), one.name.startswith("not_")
        value = getattr(filters, one.name)
        if kind in _ASKED:
            continue
        if kind in ("length_from", "length_to", "tokens_from", "tokens_to"):
            name, _, end = kind.partition("_")
            cells = columns.chars if name == "length" else columns.tokens
            yield name, (cells >= value) if end == "from" else ((cells <= value) & (cells != UNKNOWN))
        elif kind == "tools":
            yield kind, columns.has_tools == int(value)
        else:
            named = _named(columns, kind, set(value))
            yield kind, ~named if is_not else named
    asked = _asked_of(filters)
    if asked != Filters():

        def ask() -> Array:
            found = entries.find_text(dataset_id, asked.text) if asked == Filters(text=asked.text) else None
            mask = found.pick(columns.ids) if found is not None else None
            if mask is None:
                mask = np.zeros(len(columns.ids), bool)
                mask[columns.places(read_ids(entries.select_entries(dataset_id, asked, (Entry.id,))))] = True
            return mask

        yield "asked", _keep(columns, ("asked", asked), ask)


def _named(columns: Columns, kind: str, value: set[str]) -> Array:
    if kind == "statuses":
        return columns.statuses.chosen(value.__contains__)[columns.status]
    if kind == "splits":
        return columns.splits.chosen(value.__contains__)[columns.split]
    if kind == "sources":
        return columns.sources.chosen(value.__contains__)[columns.source]
    if kind == "languages":
        codes = {"" if one == "?" else one for one in value}
        chosen = columns.languages.chosen(codes.__contains__)
        in_one: Array = chosen[columns.language] & (columns.language != UNKNOWN)
        return in_one
    if kind == "tags":
        tags = [not value.isdisjoint(columns.tags_of(one)) for one in range(len(columns.tag_sets.texts))]
        return np.asarray(tags, bool)[columns.tags]
    if kind == "imports":
        return np.isin(columns.imports, entries.import_numbers(value))
    if kind == "turns":
        asked: Array = np.logical_or.reduce([_between(columns.turns, *QUESTIONS[one]) for one in value])
        return asked
    mask = np.zeros(len(columns.ids), bool)
    for code in value & columns.found.keys():
        mask[_places_of_finding(columns, code)] = True
    return mask


def _between(cells: Array, low: int, high: int) -> Array:
    return (cells >= low) & (cells <= high)


def _places_of_finding(columns: Columns, code: str) -> Array:
    """The pairs that have the finding and whose texts are those of the check."""

    def make() -> Array:
        ids, hashes = columns.found[code]
        places, is_there = columns.find(ids)
        places, hashes = places[is_there], hashes[is_there]
        return np.unique(places[columns.hashes[places] == hashes])

    return _keep(columns, ("finding", code), make)


def find_unused(columns: Columns) -> frozenset[str]:
    """Which of ``tags``, ``split`` and ``finding`` no pair of the dataset has."""

    def make() -> frozenset[str]:
        visible = columns.visible
        tagged = np.flatnonzero(np.bincount(columns.tags[visible])).tolist()
        sides = np.flatnonzero(np.bincount(columns.split[visible])).tolist()
        used = {
            "tags": any(map(columns.tags_of, tagged)),
            "split": any(columns.splits.texts[one] is not None for one in sides),
            "finding": any(bool(visible[_places_of_finding(columns, code)].any()) for code in columns.found),
        }
        return frozenset(name for name, is_used in used.items() if not is_used)

    return _keep(columns, ("unused",), make)


def _count(columns: Columns, filters: Filters, whole: Array, others: Any) -> Facets:
    def by_name(kind: str, cells: Array, texts: list[str | None]) -> dict[str, int]:
        chosen = cells[others(kind)]
        numbers = np.bincount(chosen[chosen != UNKNOWN], minlength=len(texts)).tolist()
        return {text: n for text, n in zip(texts, numbers, strict=False) if text is not None and n}

    def most(kind: str, counted: dict[str, int]) -> dict[str, int]:
        """The most frequent names, and all that are chosen."""
        named = {*getattr(filters, kind), *getattr(filters, f"not_{kind}")}
        order = sorted(counted, key=lambda one: (-counted[one], one))
        listed = [*order[:MOST_NAMES], *(one for one in order[MOST_NAMES:] if one in named)]
        return {**{one: counted[one] for one in listed}, **dict.fromkeys(sorted(named - counted.keys()), 0)}

    tags: Counter[str] = Counter()
    for number, n in enumerate(np.bincount(columns.tags[others("tags")], minlength=1).tolist()):
        if n:
            for tag in columns.tags_of(number):
                tags[tag] += n
    numbers, counts = np.unique(columns.imports[others("imports")], return_counts=True)
    imports = {str(one) if one else HERE: n for one, n in zip(numbers.tolist(), counts.tolist(), strict=True)}
    with_findings = others("findings")
    findings = {code: int(with_findings[_places_of_finding(columns, code)].sum()) for code in columns.found}
    turns = columns.turns[others("turns")]
    tools = columns.has_tools[others("tools")]
    languages = by_name("languages", columns.language, columns.languages.texts)
    return Facets(
        total=int(whole.sum()),
        unknown=columns.unknown,
        statuses=by_name("statuses", columns.status, columns.statuses.texts),
        splits=by_name("splits", columns.split, columns.splits.texts),
        tags=most("tags", tags),
        imports=most("imports", imports),
        sources=most("sources", by_name("sources", columns.source, columns.sources.texts)),
        findings=most("findings", {code: n for code, n in findings.items() if n}),
        languages=most("languages", {code or "?": n for code, n in languages.items()}),
        turns={name: int(_between(turns, low, high).sum()) for name, (low, high) in QUESTIONS.items()},
        tools={"1": int((tools == 1).sum()), "0": int((tools == 0).sum())},
        length=make_histogram(columns.chars[others("length")]),
        tokens=make_histogram(columns.tokens[others("tokens")]),
    )


def make_histogram(cells: Array) -> Histogram | None:
    """The histogram of numbers from 0, in steps that people count in; None of none. What is not known is -1."""
    cells = cells[cells != UNKNOWN]
    if not len(cells):
        return None
    middle, most = (int(np.partition(cells, place)[place]) for place in (len(cells) // 2, int(len(cells) * 0.98)))
    step = next(
        one for power in range(9) for one in (10**power, 2 * 10**power, 5 * 10**power) if one * (BARS - 1) > most
    )
    counts = np.bincount(np.minimum(cells // step, BARS - 1), minlength=BARS)
    last = int(np.flatnonzero(counts)[-1])
    return Histogram(step, tuple(counts[: last + 1].tolist()), int(cells.min()), middle, int(cells.max()))
