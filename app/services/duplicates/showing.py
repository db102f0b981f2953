"""One group as somebody decides about it: its members beside the pair that is suggested to be kept."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from sqlalchemy import select

from app.core.duplicates import Difference, Match, compare, compares_answers, text_of
from app.core.errors import Invalid
from app.core.record import load_json
from app.models import ChangeSet, Dataset, DuplicateGroup, DuplicateMember, DuplicateScan, db
from app.services import entries
from app.services.duplicates import choosing, listing, sources
from app.services.duplicates.sources import Origin
from app.services.entries import StoredEntry

# More members are not shown one by one.
SHOWN = 200


@dataclass(frozen=True, slots=True)
class OtherView:
    """A member that is no pair of this dataset: a row of a file, or a pair of another dataset."""

    question: str
    answer: str
    where: str
    node: int
    hash: int


@dataclass(frozen=True, slots=True)
class MemberView:
    """A member beside the kept one. ``entry`` is None for a member of the other side, which is in ``other``.

    ``match`` compares the texts that the scan compared, ``answer_match`` the answers where questions were; both are
    None for the kept member. ``leaves``: it goes by default, when the kept one is kept.
    """

    entry: StoredEntry | None
    other: OtherView | None
    source: str
    created_at: datetime | None
    match: Match | None
    answer_match: Match | None
    leaves: bool

    @property
    def id(self) -> int:
        """The entry's id, or the negative number of a member of the other side."""
        return self.entry.id if self.entry else self.other.node if self.other else 0

    @property
    def question(self) -> str:
        """The question."""
        return self.entry.question if self.entry else self.other.question if self.other else ""

    @property
    def answer(self) -> str:
        """The answer."""
        return self.entry.answer if self.entry else self.other.answer if self.other else ""

    @property
    def score(self) -> float | None:
        """How much of the compared text agrees with the kept member's, 0 to 100."""
        return self.match.score if self.match else None

    @property
    def differs(self) -> tuple[Difference, ...]:
        """What it differs in from the kept member, its answer included."""
        return tuple(one for match in (self.match, self.answer_match) if match for one in match.differs)

    @property
    def why(self) -> str:
        """Why it was found, in one sentence."""
        return self.match.why if self.match else ""


@dataclass(frozen=True, slots=True)
class GroupView:
    """A group with the members that are still there (the first ``SHOWN`` of ``size``).

    ``keep`` is the id of the pair to keep: the suggested or the chosen one, None where only the other side is left.
    ``state``: open, changed, dismissed or settled; ``step`` is the number of the step that settled it.
    """

    scan: DuplicateScan
    group: DuplicateGroup
    members: list[MemberView]
    size: int
    keep: int | None
    state: str
    step: int | None

    @property
    def leaving(self) -> list[int]:
        """The ids of the pairs that go by default."""
        return [one.id for one in self.members if one.leaves]

    @property
    def versions(self) -> dict[int, int]:
        """The versions of the shown pairs, to be sent back with a decision."""
        return {one.entry.id: one.entry.version for one in self.members if one.entry}


def group(scan: DuplicateScan, group_id: int, *, keep: int | None = None, rule: str = "approved") -> GroupView:
    """A group, its members compared with the one that is kept: ``keep``, or the one that the rule suggests."""
    _, row = listing.get(scan.dataset_id, group_id)
    size = listing.live_sizes(scan, [row.id])[row.id]
    own, rest = members(scan, row, limit=SHOWN)
    kept = own.get(keep) if keep is not None else choosing.best(rule, own.values())
    if kept is None and keep is not None:
        raise Invalid(f"Pair {keep} is not in this group any more.", code="not_in_group")
    found = sources.origins(own)
    views = [_own(scan, row, one, kept, found.get(one.id, Origin())) for one in own.values()]
    views += [_rest(scan, one, kept) for one in rest]
    step = _step(scan, row)
    state = "settled" if step is not None else row.state
    return GroupView(scan, row, views, size, kept.id if kept else None, state, step)


def members(
    scan: DuplicateScan, row: DuplicateGroup, *, limit: int | None = None
) -> tuple[dict[int, StoredEntry], list[OtherView]]:
    """The live pairs of a group in its order, and its members of the other side."""
    query = select(DuplicateMember.entry_id, DuplicateMember.other).where(DuplicateMember.group_id == row.id)
    rows = db.session.execute(query.order_by(DuplicateMember.position).limit(limit and limit * 5)).all()
    own = entries.by_ids(scan.dataset_id, [one[0] for one in rows if one[0] is not None])
    shown = [own[one[0]] for one in rows if one[0] in own][:limit]
    others = [load_json(one[1], {}) for one in rows if one[1]][:limit]
    return {one.id: one for one in shown}, _others(others)


def _others(found: Sequence[dict[str, Any]]) -> list[OtherView]:
    """Members of the other side; pairs of another dataset are looked up and left out once they are deleted."""
    by_dataset: dict[int, list[int]] = {}
    for one in found:
        if "entry" in one:
            by_dataset.setdefault(one["dataset"], []).append(one["entry"])
    texts = {dataset: entries.by_ids(dataset, ids) for dataset, ids in by_dataset.items()}
    names = _names(by_dataset)
    result = []
    for one in found:
        if "entry" not in one:
            result.append(OtherView(one["question"], one["answer"], one["where"], one["node"], one["hash"]))
        elif entry := texts[one["dataset"]].get(one["entry"]):
            where = f"{names.get(one['dataset'], 'another dataset')}, pair {entry.id}"
            result.append(OtherView(entry.question, entry.answer, where, one["node"], one["hash"]))
    return result


def _names(ids: Iterable[int]) -> dict[int, str]:
    rows = db.session.execute(select(Dataset.id, Dataset.name).where(Dataset.id.in_(list(ids))))
    return {row[0]: row[1] for row in rows}


def _own(
    scan: DuplicateScan, row: DuplicateGroup, one: StoredEntry, kept: StoredEntry | None, origin: Origin
) -> MemberView:
    match, answer = matches(scan.side, kept, one) if kept else (None, None)
    gone = kept is not None and leaves(row, kept, one, match, answer)
    return MemberView(one, None, origin.source, origin.created_at, match, answer, gone)


def _rest(scan: DuplicateScan, one: OtherView, kept: StoredEntry | None) -> MemberView:
    match, answer = matches(scan.side, kept, one) if kept else (None, None)
    return MemberView(None, one, one.where, None, match, answer, False)


def matches(side: str, kept: StoredEntry, one: StoredEntry | OtherView) -> tuple[Match | None, Match | None]:
    """How a member compares with the kept one: the compared texts, and the answers where questions were compared."""
    if one is kept:
        return None, None
    texts = (text_of(side, each.question, each.answer) for each in (kept, one))
    return compare(*texts), compare(kept.answer, one.answer, strict=True) if compares_answers(side) else None


def leaves(row: DuplicateGroup, kept: StoredEntry, one: StoredEntry, match: Match | None, answer: Match | None) -> bool:
    """Whether a member goes by default when another is kept: a copy that differs in something named stays."""
    if one.id == kept.id or row.kind in ("variant", "family"):
        return False
    if row.kind == "conflict":
        return True
    return not (match and match.differs) and not (answer and answer.differs)


def _step(scan: DuplicateScan, row: DuplicateGroup) -> int | None:
    if row.settled_in is None or not listing.is_settled(scan, row):
        return None
    number = db.session.execute(select(ChangeSet.number).where(ChangeSet.id == row.settled_in)).scalar()
    return number or 0
