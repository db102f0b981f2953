"""Looking again at the pairs that changed since a scan, without searching everything: their candidates by rare words.

Around each changed pair the groups are made anew from stored and new pairs; all others stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core import duplicates
from app.core.changes import chunks_of
from app.core.duplicates import Group, Options
from app.core.errors import Conflict
from app.core.text import clip, plural
from app.models import DuplicateScan, Entry, db, end_reading
from app.models.base import now
from app.services import datasets, entries, history
from app.services.duplicates import dismissed, hinting, listing, neighbours, scanning, since, storing
from app.services.duplicates.neighbours import Edge, Neighbourhood, OldGroup
from app.services.duplicates.storing import NewGroup, new_group
from app.services.duplicates.wishes import Wish
from app.services.entries import Filters
from app.services.jobs import Unwatched, Watch

# Where more pairs changed, or hang together, everything is searched: that is quicker. So it is where meanings were
# compared, which no rare words find again.
LARGEST_SHARE, LEAST_LARGEST = 0.1, 2_000
LARGEST_REACH = 50_000
RECENT, EQUAL = 20_000, 20_000
# Of so few pairs all are candidates, as in a new scan.
FEW = 200
NO_SCAN = "There is no scan to bring up to date. Search for duplicates first."


@dataclass(frozen=True, slots=True)
class Rechecked:
    """What a re-check did: pairs looked at, groups made and dropped; ``whole`` where everything was searched."""

    scan_id: int
    pairs: int
    made: int = 0
    dropped: int = 0
    whole: bool = False

    @property
    def sentence(self) -> str:
        """What happened, in one sentence."""
        if self.whole:
            return f"{plural(self.pairs, 'pair')} changed, so everything was searched again."
        news = f" {plural(self.made, 'group')} came, {self.dropped:,} went."
        return f"{plural(self.pairs, 'changed pair')} looked at.{news if self.made or self.dropped else ''}"


@dataclass(slots=True)
class _Texts:
    """Live pairs by id: question, answer and content hash."""

    by_id: dict[int, tuple[str, str, int]] = field(default_factory=dict)

    def load(self, dataset_id: int, ids: Sequence[int]) -> "_Texts":
        columns = (Entry.id, Entry.question, Entry.answer, Entry.content_hash)
        for part in chunks_of([one for one in ids if one not in self.by_id], 500):
            for row in db.session.execute(entries.select_entries(dataset_id, Filters(ids=tuple(part)), columns)):
                self.by_id[row[0]] = (row[1], row[2], row[3] or 0)
        return self

    def text(self, one: int, side: str) -> str:
        question, answer, _ = self.by_id[one]
        return duplicates.text_of(side, question, answer)


def recheck(dataset_id: int, watch: Watch | None = None, *, job_id: int | None = None) -> Rechecked:
    """Look again at what changed since the dataset's own scan. Raises Conflict where there is none."""
    watch = watch or Unwatched()
    scan = listing.latest(dataset_id)
    if scan is None:
        raise Conflict(NO_SCAN, code="no_scan")
    history.rehash(dataset_id)
    end_reading()
    seen = scan.last_set
    mark = since.mark(dataset_id)
    ids = since.changed_ids(scan)
    if "semantic" in scan.scope or len(ids) > max(LEAST_LARGEST, scan.entry_count * LARGEST_SHARE):
        return _whole(scan, len(ids), watch, job_id)
    plan = _plan(scan, ids, watch)
    if plan is None:
        return _whole(scan, len(ids), watch, job_id)
    with watch.publish() as publication:
        row = publication.session.get(DuplicateScan, scan.id, populate_existing=True)
        if row is None or row.state != "current" or row.last_set != seen:
            raise Conflict("This scan was replaced or looked at again elsewhere. Nothing was done.", code="replaced")
        neighbours.remove_edges(publication.session, row, plan.stale)
        storing.remove_groups(publication.session, [old.row.id for old in plan.drop])
        storing.add_groups(publication.session, row.id, plan.make)
        storing.add_pairs(publication.session, row.id, plan.edges)
        row.last_set, row.hidden, row.checked_at = *mark, now()
        result = Rechecked(row.id, len(ids), len(plan.make), len(plan.drop))
        publication.result.update(as_dict(result), dataset_id=dataset_id)
    return result


def as_dict(result: Rechecked) -> dict[str, object]:
    """The result as programs see it."""
    return {
        "scan": result.scan_id,
        "pairs": result.pairs,
        "made": result.made,
        "dropped": result.dropped,
        "whole": result.whole,
        "summary": result.sentence,
    }


def _whole(scan: DuplicateScan, changed: int, watch: Watch, job_id: int | None) -> Rechecked:
    found = scanning.scan(scan.dataset_id, Wish(scan.side, semantic="semantic" in scan.scope), watch, job_id)
    return Rechecked(found.id, changed, whole=True)


@dataclass(frozen=True, slots=True)
class _Plan:
    """What is written at the end. ``stale`` are the nodes whose stored pairs go; ``edges`` come instead."""

    stale: frozenset[int]
    edges: Sequence[Edge]
    drop: Sequence[OldGroup]
    make: Sequence[NewGroup]


def _plan(scan: DuplicateScan, ids: Sequence[int], watch: Watch) -> _Plan | None:
    texts = _Texts().load(scan.dataset_id, ids)
    changed = frozenset(ids)
    old = list(neighbours.edges_of(scan, changed))
    near = {node for edge in old for node in edge[:2]} - changed
    # Pairs that hung together through one that changed or is gone are compared with each other again.
    texts.load(scan.dataset_id, sorted(near))
    again = sorted(one for one in changed | near if one in texts.by_id)
    stale = frozenset(changed | set(again))
    edges = _new_edges(scan, again, texts, watch)
    reach = neighbours.around(scan, changed | near | set(again), edges, stale, largest=LARGEST_REACH)
    if reach is None:
        return None
    texts.load(scan.dataset_id, sorted(reach.nodes))
    make = _groups(scan, reach, texts)
    stored = neighbours.groups_of(scan, reach.nodes | changed)
    return _difference(scan, stored, make, texts, changed, stale, edges)


def _new_edges(scan: DuplicateScan, again: Sequence[int], texts: _Texts, watch: Watch) -> list[Edge]:
    """The pairs of the changed ones with everything that may be like them."""
    candidates = set(since.recent_ids(scan, RECENT))
    if datasets.get(scan.dataset_id).entry_count <= FEW:
        candidates.update(
            one for (one,) in db.session.execute(entries.select_entries(scan.dataset_id, Filters(), (Entry.id,)))
        )
    for place, one in enumerate(again):
        candidates.update(hinting.by_words(scan, texts.text(one, scan.side)) or ())
        watch.progress(place, len(again), "pairs looked at")
    # The index knows one of several equal texts; stored pairs lead to the others.
    candidates |= neighbours.equal_to(scan, candidates, largest=len(candidates) + EQUAL)
    texts.load(scan.dataset_id, sorted(candidates))
    return _search(scan, sorted({one for one in (*again, *candidates) if one in texts.by_id}), frozenset(again), texts)


def _search(scan: DuplicateScan, ids: Sequence[int], again: frozenset[int], texts: _Texts) -> list[Edge]:
    if not again:
        return []
    answers = None
    if scan.side == "question":
        answers = lambda places: [texts.by_id[ids[int(place)]][1] for place in places]  # noqa: E731
    found = duplicates.search(
        [texts.text(one, scan.side) for one in ids], answers=answers, options=Options(side=scan.side)
    )
    pairs = found.pairs
    columns = (pairs.level, pairs.score, pairs.differs, pairs.answer_level, pairs.answer_differs)
    ends = ([ids[place] for place in side.tolist()] for side in (pairs.left, pairs.right))
    edges = zip(*ends, *(column.tolist() for column in columns), strict=True)
    return [edge for edge in edges if edge[0] in again or edge[1] in again]


def _groups(scan: DuplicateScan, reach: Neighbourhood, texts: _Texts) -> list[NewGroup]:
    """The groups of a neighbourhood, of the pairs that are live and not said to be no duplicates."""
    nodes = sorted(one for one in reach.nodes if one in texts.by_id)
    positions = {one: place for place, one in enumerate(nodes)}
    refused = dismissed.known(scan.dataset_id)
    edges = [
        edge
        for edge in reach.edges.values()
        if edge[0] in positions and edge[1] in positions and not _is_refused(edge, texts, refused)
    ]
    pairs, families = neighbours.as_pairs(edges, positions), neighbours.families_of(scan, positions)
    return [
        _new(what, one, nodes, texts)
        for what in duplicates.WHAT
        for one in duplicates.groups(pairs, what, families=families)
    ]


def _is_refused(edge: Edge, texts: _Texts, refused: dismissed.Known) -> bool:
    one, other = texts.by_id[edge[0]][2], texts.by_id[edge[1]][2]
    return (min(one, other), max(one, other)) in refused


def _new(what: str, group: Group, nodes: Sequence[int], texts: _Texts) -> NewGroup:
    members = [(nodes[position], None) for position in group.members]
    title = clip(texts.by_id[nodes[group.members[0]]][0], scanning.LONGEST_TITLE)
    return new_group(what, group, members, title=title)


def _difference(
    scan: DuplicateScan,
    stored: Sequence[OldGroup],
    wanted: Sequence[NewGroup],
    texts: _Texts,
    changed: frozenset[int],
    stale: frozenset[int],
    edges: Sequence[Edge],
) -> _Plan:
    """Which stored groups go and which come. Equal ones stay, and so does what was decided and still holds."""
    settled = {old.row.id for old in stored if listing.is_settled(scan, old.row)}
    decided = [old for old in stored if old.row.id in settled or old.row.state == "dismissed"]
    kept = {old.row.id for old in decided if not _is_over(old, texts, changed)}
    coming = {_key(one): one for one in wanted}
    for old in stored:
        key = (old.row.what, old.row.lowest, old.row.highest, old.members)
        if old.row.id not in settled and old.row.state != "dismissed" and key in coming:
            del coming[key]
            kept.add(old.row.id)
    reopened = frozenset(one for old in decided if old.row.id not in kept for one in old.members)
    make = [_reopened(one, reopened, changed) for one in coming.values()]
    return _Plan(stale, edges, [old for old in stored if old.row.id not in kept], make)


def _is_over(old: OldGroup, texts: _Texts, changed: frozenset[int]) -> bool:
    """Whether a decision holds no more: one of several members that are there has changed."""
    there = [one for one in old.members if one in texts.by_id]
    return len(there) > 1 and bool(changed & old.members)


def _key(one: NewGroup) -> tuple[object, ...]:
    what, _, lowest, highest, *_ = one.values
    return what, lowest, highest, frozenset(member for member, _ in one.members)


def _reopened(one: NewGroup, reopened: frozenset[int], changed: frozenset[int]) -> NewGroup:
    members = {member for member, _ in one.members}
    if members & reopened and members & changed:
        return NewGroup((*one.values[:-1], "changed"), one.members)
    return one
