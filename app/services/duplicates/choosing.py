"""Which pair of a group to keep: rules by name, each with the newest pair where it leaves a choice."""

from collections.abc import Callable, Iterable

from app.core.errors import Invalid
from app.services.entries import StoredEntry

_STATUS = {"approved": 3, "review": 2, "draft": 1, "rejected": 0}
Rank = tuple[int, ...]

_RANKS: dict[str, Callable[[StoredEntry], Rank]] = {
    "approved": lambda entry: (_STATUS.get(entry.status, 0), entry.id),
    "newest": lambda entry: (entry.id,),
    "longest": lambda entry: (len(entry.answer), entry.id),
    "most-tags": lambda entry: (len(entry.tag_list), entry.id),
}
RULES = tuple(_RANKS)


def rank(rule: str) -> Callable[[StoredEntry], Rank]:
    """How a rule orders pairs: the highest is kept. Raises Invalid."""
    if rule not in _RANKS:
        raise Invalid(f"There is no rule {rule!r}. Use one of {', '.join(RULES)}.", code="bad_rule")
    return _RANKS[rule]


def best(rule: str, found: Iterable[StoredEntry]) -> StoredEntry | None:
    """The pair that a rule keeps."""
    return max(found, key=rank(rule), default=None)
