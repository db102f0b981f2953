"""Which pairs of a dataset are meant, as every list, export and cleaning can be told."""

from dataclasses import dataclass

from app.core.options import option
from app.core.record import SPLITS, STATUSES

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
    splits: tuple[str, ...] = option((), "Split", choices=_SPLITS, flag="", word="split")
    tags: tuple[str, ...] = option((), "Tags", "Only pairs with this tag; can be given again.", flag="--tag")
    ids: tuple[int, ...] | None = option(None, flag="")
    import_id: int | None = option(None, "Import", flag="", word="import")
    answered: bool | None = option(None, "With an answer", flag="")
    finding: str = option("", "Finding", "Only pairs in which the last check found this.", flag="", metavar="CODE")

    @property
    def active(self) -> int:
        """How many kinds of condition are set."""
        return sum(
            bool(x) for x in (self.text, self.statuses, self.splits, self.tags, self.import_id, self.finding)
        ) + (self.answered is not None)


EVERY = Filters()
