"""Which pairs of a dataset are meant, as every list, export and cleaning can be told."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.errors import Invalid
from app.core.options import option
from app.core.record import SPLITS, STATUSES
from app.core.text import clip, is_number

MOST_IDS = 10_000


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


_STATUSES, _SPLITS = ({one: one for one in choices} for choices in (STATUSES, SPLITS))


@dataclass(frozen=True, slots=True)
class Filters:
    """Which entries: all conditions together. ``text`` is a literal substring; ``tags`` any of them."""

    text: str = option("", "Text", "Only pairs that hold this text.", flag="--query", word="q", metavar="Q")
    statuses: tuple[str, ...] = option(
        (),
        "Status",
        "Only pairs of this status; can be given again.",
        choices=dict(zip(STATUSES, STATUSES, strict=True)),
        flag="--status",
    )
    splits: tuple[str, ...] = option(
        (), "Split", "Only pairs of this split; can be given again.", choices=_SPLITS, flag="--split"
    )
    tags: tuple[str, ...] = option((), "Tags", "Only pairs with this tag; can be given again.", flag="--tag")
    ids: tuple[int, ...] | None = option(
        None, "Pairs", "Only pairs of these numbers, such as 3,5,8-12.", metavar="N", parse=read_ids, say=write_ids
    )
    import_id: int | None = option(None, "Import", "Only pairs of this import.", flag="--import", metavar="N")
    answered: bool | None = option(None, "With an answer", flag="")
    finding: str = option("", "Finding", "Only pairs in which the last check found this.", metavar="CODE")
    left_out: str = option("", "Left out", "Only pairs that a count of an export names.", metavar="N:CODE")

    @property
    def active(self) -> int:
        """How many kinds of condition are set."""
        return sum(
            bool(x)
            for x in (self.text, self.statuses, self.splits, self.tags, self.import_id, self.finding, self.left_out)
        ) + (self.answered is not None)


EVERY = Filters()
