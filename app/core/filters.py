"""Which pairs of a dataset are meant, as every list, export and cleaning can be told."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from app.core.errors import BadUsage, Invalid
from app.core.options import Option, option, options_of
from app.core.record import SPLITS, STATUSES
from app.core.text import clip, is_number

MOST_IDS = 10_000
MOST_NAMED = 50


def read_ids(text: str) -> tuple[int, ...] | None:
    """The numbers of pairs of a text such as ``3,5,8-12``; None of an empty one. Raises Invalid for anything else."""
    found: list[int] = []
    for part in filter(None, text.replace(" ", "").split(",")):
        first, dash, last = part.partition("-")
        if not is_number(first) or (dash and not is_number(last)):
            raise Invalid(f"Numbers of pairs are written 3,5,8-12, not {clip(part, 40)!r}.", code="no_number")
        if int(last or first) - int(first) + len(found) >= MOST_IDS:
            raise Invalid(f"Name at most {MOST_IDS:,} pairs by their numbers. Use a filter for more.", code="many_ids")
        found.extend(range(int(first), int(last or first) + 1))
    return tuple(dict.fromkeys(found)) or None


def write_ids(ids: Iterable[int]) -> str:
    """The numbers as ``read_ids`` takes them, those that follow one another as ``8-12``."""
    runs: list[list[int]] = []
    for one in sorted(ids):
        if runs and one <= runs[-1][1] + 1:
            runs[-1][1] = one
        else:
            runs.append([one, one])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


HERE = "here"
# How many questions a conversation has, the last one counted.
QUESTIONS = {"1": (1, 1), "2": (2, 2), "3-4": (3, 4), "5+": (5, 10**9)}
_OF_FACTS = ("length_from", "length_to", "tokens_from", "tokens_to", "tools", "turns", "languages")
_STATUSES, _SPLITS = ({one: one for one in choices} for choices in (STATUSES, SPLITS))


def _any_of(label: str, what: str, flag: str, **more: Any) -> Any:
    return option((), label, f"Only pairs {what}; can be given again.", flag=f"--{flag}", **more)


def _none_of(label: str, what: str, flag: str, **more: Any) -> Any:
    return option((), f"Not: {label.lower()}", f"No pairs {what}; can be given again.", flag=f"--not-{flag}", **more)


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries: all conditions together. ``text`` is what the search box takes.

    Of what is named several times a pair has any; what is named by ``not_…`` it has none of. ``imports`` are numbers of
    imports, or ``here`` for pairs that were not imported. Lengths and tokens are facts of ``core.search``.
    """

    text: str = option(
        "",
        "Text",
        "Only pairs that answer this search, such as tare -refund is:empty.",
        flag="--query",
        word="q",
        metavar="Q",
    )
    statuses: tuple[str, ...] = _any_of("Status", "of this status", "status", choices=_STATUSES)
    splits: tuple[str, ...] = _any_of("Split", "of this split", "split", choices=_SPLITS)
    tags: tuple[str, ...] = _any_of("Tags", "with this tag", "tag")
    ids: tuple[int, ...] | None = option(
        None, "Pairs", "Only pairs of these numbers, such as 3,5,8-12.", metavar="N", parse=read_ids, say=write_ids
    )
    imports: tuple[str, ...] = _any_of("Import", "of this import, or 'here' for no import", "import", metavar="N")
    answered: bool | None = option(None, "With an answer", flag="")
    findings: tuple[str, ...] = _any_of("Finding", "in which the last check found this", "finding", metavar="CODE")
    left_out: str = option("", "Left out", "Only pairs that a count of an export names.", metavar="N:CODE")
    sources: tuple[str, ...] = _any_of("Source", "of this source", "source")
    languages: tuple[str, ...] = _any_of("Language", "in this language, such as de; ? where it is not sure", "language")
    turns: tuple[str, ...] = _any_of(
        "Questions", "with so many questions", "turns", choices={one: one for one in QUESTIONS}
    )
    tools: bool | None = option(None, "With tools", "Only pairs with tools or calls of tools, or only those without.")
    length_from: int | None = option(None, "Shortest", "Only pairs of at least so many characters.", metavar="N")
    length_to: int | None = option(None, "Longest", "Only pairs of at most so many characters.", metavar="N")
    tokens_from: int | None = option(None, "Fewest tokens", "Only pairs of about so many tokens or more.", metavar="N")
    tokens_to: int | None = option(None, "Most tokens", "Only pairs of about so many tokens or fewer.", metavar="N")
    not_statuses: tuple[str, ...] = _none_of("Status", "of this status", "status", choices=_STATUSES)
    not_splits: tuple[str, ...] = _none_of("Split", "of this split", "split", choices=_SPLITS)
    not_tags: tuple[str, ...] = _none_of("Tags", "with this tag", "tag")
    not_imports: tuple[str, ...] = _none_of("Import", "of this import", "import", metavar="N")
    not_findings: tuple[str, ...] = _none_of("Finding", "in which the last check found this", "finding", metavar="CODE")
    not_sources: tuple[str, ...] = _none_of("Source", "of this source", "source")

    not_languages: tuple[str, ...] = _none_of("Language", "in this language", "language")
    not_turns: tuple[str, ...] = _none_of(
        "Questions", "with so many questions", "turns", choices={one: one for one in QUESTIONS}
    )

    @property
    def active(self) -> int:
        """How many kinds of condition are set: what is wanted and what is not of one thing count as one."""
        kinds = {one.name.removeprefix("not_").removesuffix("_from").removesuffix("_to") for one in self.said()}
        return len(kinds - {"ids"})

    def said(self) -> list[Option]:
        """The conditions that are set."""
        return [one for one in options_of(type(self)) if getattr(self, one.name) != one.default]

    @property
    def asks_facts(self) -> bool:
        """Whether a condition is set that only facts of ``core.search`` tell, beside the text."""
        return any(one.name.removeprefix("not_") in _OF_FACTS for one in self.said())


def check_choices(filters: Filters) -> None:
    """Raise BadUsage where something is named that there is not, or too much."""
    for one in filters.said():
        unknown = {*getattr(filters, one.name)} - one.choices.keys() if one.choices and one.kind == "texts" else ()
        if unknown:
            word = one.word.removeprefix("not_")
            raise BadUsage(f"There is no {word} {sorted(unknown)[0]!r}. Use one of {', '.join(one.choices)}.")
        if one.kind == "texts" and (number := len(getattr(filters, one.name))) > MOST_NAMED:
            raise BadUsage(f"That asks for {number:,} {one.name.removeprefix('not_')}. Choose at most {MOST_NAMED}.")


EVERY = Filters()
