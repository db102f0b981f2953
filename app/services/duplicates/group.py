"""One group as somebody decides about it: its members beside the pair that a rule suggests to keep."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import datetime

import msgspec
from sqlalchemy import select

from app.core.changes import chunks_of
from app.core.duplicates import Difference, Match, compare_texts, compares_answers, text_of
from app.core.errors import BadUsage, Invalid
from app.core.record import load_json
from app.core.stored import StoredEntry
from app.models import ChangeSet, Dataset, DuplicateGroup, DuplicateMember, DuplicateScan, Entry, Import, db
from app.services import entries
from app.services.duplicates.groups import count_members, get_group, is_settled

# More members are not shown one by one.
SHOWN = 200
_STATUS = {"approved": 3, "review": 2, "draft": 1, "rejected": 0}
Rank = tuple[int, ...]
# Which pair of a group to keep: rules by name, each with the newest pair where it leaves a choice.
_RANKS: dict[str, Callable[[StoredEntry], Rank]] = {
    "approved": lambda entry: (_STATUS.get(entry.status, 0), entry.id),
    "newest": lambda entry: (entry.id,),
    "longest": lambda entry: (len(entry.answer), entry.id),
    "most-tags": lambda entry: (len(entry.tag_list), entry.id),
}
RULES = tuple(_RANKS)


def rank_by(rule: str) -> Callable[[StoredEntry], Rank]:
    """How a rule orders pairs: the highest is kept. Raises BadUsage."""
    if rule not in _RANKS:
        raise BadUsage(f"There is no rule {rule!r}. Use one of {', '.join(RULES)}.", code="bad_rule")
    return _RANKS[rule]


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pair came from (empty where it was written by hand) and when it was added."""

    source: str = ""
    created_at: datetime | None = None


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


def view_group(scan: DuplicateScan, group_id: int, *, keep: int | None = None, rule: str = "approved") -> GroupView:
    """A group, its members compared with the one that is kept: ``keep``, or the one that the rule suggests."""
    _, group = get_group(scan.dataset_id, group_id)
    size = count_members(scan, [group.id])[group.id]
    own, rest = read_members(scan, group, limit=SHOWN)
    kept = own.get(keep) if keep is not None else max(own.values(), key=rank_by(rule), default=None)
    if kept is None and keep is not None:
        raise Invalid(f"Pair {keep} is not in this group any more.", code="not_in_group")
    origins = read_origins(own)
    views = []
    for entry in own.values():
        match, answer = compare_members(scan.side, kept, entry)
        origin = origins.get(entry.id, Origin())
        leaves = kept is not None and leaves_by_default(group, kept, entry, match, answer)
        views.append(MemberView(entry, None, origin.source, origin.created_at, match, answer, leaves))
    for other in rest:
        views.append(MemberView(None, other, other.where, None, *compare_members(scan.side, kept, other), False))
    step = None
    if group.settled_in is not None and is_settled(scan, group):
        step = db.session.execute(select(ChangeSet.number).where(ChangeSet.id == group.settled_in)).scalar() or 0
    state = "settled" if step is not None else group.state
    return GroupView(scan, group, views, size, kept.id if kept else None, state, step)


def read_members(
    scan: DuplicateScan, group: DuplicateGroup, *, limit: int | None = None
) -> tuple[dict[int, StoredEntry], list[OtherView]]:
    """The live pairs of a group in its order, and its members of the other side.

    Pairs of another dataset are looked up, and left out once they are deleted.
    """
    query = select(DuplicateMember.entry_id, DuplicateMember.other).where(DuplicateMember.group_id == group.id)
    rows = db.session.execute(query.order_by(DuplicateMember.position).limit(limit and limit * 5)).all()
    own = entries.by_ids(scan.dataset_id, [row[0] for row in rows if row[0] is not None])
    shown = [own[row[0]] for row in rows if row[0] in own][:limit]
    others = [load_json(row[1], {}) for row in rows if row[1]][:limit]
    by_dataset: dict[int, list[int]] = {}
    for other in others:
        if "entry" in other:
            by_dataset.setdefault(other["dataset"], []).append(other["entry"])
    texts = {dataset: entries.by_ids(dataset, ids) for dataset, ids in by_dataset.items()}
    named = db.session.execute(select(Dataset.id, Dataset.name).where(Dataset.id.in_(list(by_dataset))))
    names = {row[0]: row[1] for row in named}
    rest = []
    for other in others:
        if "entry" not in other:
            rest.append(msgspec.convert(other, OtherView))
        elif entry := texts[other["dataset"]].get(other["entry"]):
            where = f"{names.get(other['dataset'], 'another dataset')}, pair {entry.id}"
            rest.append(OtherView(entry.question, entry.answer, where, other["node"], other["hash"]))
    return {one.id: one for one in shown}, rest


def compare_members(
    side: str, kept: StoredEntry | None, one: StoredEntry | OtherView
) -> tuple[Match | None, Match | None]:
    """How a member compares with the kept one: the compared texts, and the answers where questions were compared."""
    if kept is None or one is kept:
        return None, None
    texts = (text_of(side, each.question, each.answer) for each in (kept, one))
    return compare_texts(*texts), compare_texts(kept.answer, one.answer, strict=True) if compares_answers(
        side
    ) else None


def leaves_by_default(
    group: DuplicateGroup, kept: StoredEntry, one: StoredEntry, match: Match | None, answer: Match | None
) -> bool:
    """Whether a member goes by default when another is kept: a copy that differs in something named stays."""
    if one.id == kept.id or group.kind in ("variant", "family"):
        return False
    if group.kind == "conflict":
        return True
    return not (match and match.differs) and not (answer and answer.differs)


def read_origins(ids: Iterable[int]) -> dict[int, Origin]:
    """The origins of pairs."""
    columns = (Entry.id, Import.file_name, Entry.source_row, ChangeSet.created_at)
    query = select(*columns).outerjoin(Import, Import.id == Entry.import_id)
    query = query.outerjoin(ChangeSet, ChangeSet.id == Entry.created_in)
    origins: dict[int, Origin] = {}
    for part in chunks_of(ids, 500):
        for row in db.session.execute(query.where(Entry.id.in_(part))):
            origins[row[0]] = Origin(name_source(row[1], row[2]), row[3])
    return origins


def name_source(file_name: str | None, row: int | None) -> str:
    """``faq.csv, row 12``; nothing where a pair was written by hand."""
    if not file_name:
        return ""
    return f"{file_name}, row {row:,}" if row else file_name
