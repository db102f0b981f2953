"""Looking again at the pairs that changed since a scan, without searching everything: their candidates by rare words.

Around each changed pair the groups are made anew from stored and new pairs; all others stay as they are.
"""

from collections.abc import Sequence
from dataclasses import dataclass, field

from app.core import duplicates
from app.core.changes import chunks_of
from app.core.errors import Conflict
from app.core.filters import Filters
from app.core.text import clip, plural
from app.models import DuplicateScan, Entry, db, end_reading
from app.models.base import now
from app.services import datasets, entries, history
from app.services.duplicates import neighbours, since, store
from app.services.duplicates.dismissals import dismissed_hashes
from app.services.duplicates.groups import is_settled, latest_scan
from app.services.duplicates.hint import ids_by_words
from app.services.duplicates.neighbours import Edge, Neighbourhood, OldGroup
from app.services.duplicates.options import ScanOptions
from app.services.duplicates.scan import LONGEST_TITLE, scan_dataset
from app.services.duplicates.store import NewGroup, new_group
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

    def as_dict(self) -> dict[str, object]:
        """The result as programs see it."""
        counts = {"scan": self.scan_id, "pairs": self.pairs, "made": self.made, "dropped": self.dropped}
        return {**counts, "whole": self.whole, "summary": self.sentence}


@dataclass(slots=True)
class LiveTexts:
    """Live pairs by id: question, answer and content hash."""

    by_id: dict[int, tuple[str, str, int]] = field(default_factory=dict)

    def load_pairs(self, dataset_id: int, ids: Sequence[int]) -> None:
        """Read those of the pairs that are live and not known yet."""
        columns = (Entry.id, Entry.question, Entry.answer, Entry.content_hash)
        for part in chunks_of([one for one in ids if one not in self.by_id], 500):
            for row in db.session.execute(entries.select_entries(dataset_id, Filters(ids=tuple(part)), columns)):
                self.by_id[row[0]] = (row[1], row[2], row[3] or 0)

    def compared_text(self, one: int, side: str) -> str:
        """What is compared of a pair."""
        question, answer, _ = self.by_id[one]
        return duplicates.text_of(side, question, answer)


@dataclass(frozen=True, slots=True)
class RecheckPlan:
    """What is written at the end. ``stale`` are the nodes whose stored pairs go; ``edges`` come instead."""

    stale: frozenset[int]
    edges: Sequence[Edge]
    drop: Sequence[OldGroup]
    make: Sequence[NewGroup]


def recheck_changed(dataset_id: int, watch: Watch | None = None) -> Rechecked:
    """Look again at what changed since the dataset's own scan. Raises Conflict where there is none."""
    watch = watch or Unwatched()
    scan = latest_scan(dataset_id)
    if scan is None:
        raise Conflict(NO_SCAN, code="no_scan")
    history.rehash(dataset_id)
    end_reading()
    seen = scan.last_set
    mark = since.read_mark(dataset_id)
    ids = since.changed_ids(scan)
    by_meaning = "semantic" in scan.scope
    few = len(ids) <= max(LEAST_LARGEST, scan.entry_count * LARGEST_SHARE)
    plan = _plan_recheck(scan, ids, watch) if few and not by_meaning else None
    if plan is None:
        found = scan_dataset(dataset_id, ScanOptions(scan.side, semantic=by_meaning), watch)
        return Rechecked(found.id, len(ids), whole=True)
    with watch.publish() as publication:
        row = publication.session.get(DuplicateScan, scan.id, populate_existing=True)
        if row is None or row.state != "current" or row.last_set != seen:
            raise Conflict("This scan was replaced or looked at again elsewhere. Nothing was done.", code="replaced")
        neighbours.remove_edges(publication.session, row, plan.stale)
        store.remove_groups(publication.session, [old.row.id for old in plan.drop])
        store.add_groups(publication.session, row.id, plan.make)
        store.add_pairs(publication.session, row.id, plan.edges)
        row.last_set, row.hidden, row.checked_at = *mark, now()
        result = Rechecked(row.id, len(ids), len(plan.make), len(plan.drop))
        publication.result.update(result.as_dict(), dataset_id=dataset_id)
    return result


def _plan_recheck(scan: DuplicateScan, ids: Sequence[int], watch: Watch) -> RecheckPlan | None:
    """What the changed pairs change; None where too many hang together with them."""
    texts = LiveTexts()
    texts.load_pairs(scan.dataset_id, ids)
    changed = frozenset(ids)
    near = {node for edge in neighbours.read_edges(scan, changed) for node in edge[:2]} - changed
    # Pairs that hung together through one that changed or is gone are compared with each other again.
    texts.load_pairs(scan.dataset_id, sorted(near))
    again = sorted(one for one in changed | near if one in texts.by_id)
    stale = frozenset(changed | set(again))
    edges = _new_edges(scan, again, texts, watch)
    begin = changed | near | set(again)
    reach = neighbours.read_neighbourhood(scan, begin, edges, stale, largest=LARGEST_REACH)
    if reach is None:
        return None
    texts.load_pairs(scan.dataset_id, sorted(reach.nodes))
    drop, make = _compare_groups(scan, changed, neighbours.read_groups(scan, reach.nodes | changed), reach, texts)
    return RecheckPlan(stale, edges, drop, make)


def _new_edges(scan: DuplicateScan, again: Sequence[int], texts: LiveTexts, watch: Watch) -> list[Edge]:
    """The pairs of the changed ones with everything that may be like them."""
    candidates = set(since.recent_ids(scan, RECENT))
    if datasets.get(scan.dataset_id).entry_count <= FEW:
        candidates.update(
            one for (one,) in db.session.execute(entries.select_entries(scan.dataset_id, Filters(), (Entry.id,)))
        )
    for place, one in enumerate(again):
        candidates.update(ids_by_words(scan, texts.compared_text(one, scan.side)) or ())
        watch.progress(place, len(again), "pairs looked at")
    # The index knows one of several equal texts; stored pairs lead to the others.
    candidates |= neighbours.equal_nodes(scan, candidates, largest=len(candidates) + EQUAL)
    texts.load_pairs(scan.dataset_id, sorted(candidates))
    if not again:
        return []
    ids = sorted({one for one in (*again, *candidates) if one in texts.by_id})
    answers = None
    if duplicates.compares_answers(scan.side):
        answers = lambda places: [texts.by_id[ids[int(place)]][1] for place in places]  # noqa: E731
    compared = [texts.compared_text(one, scan.side) for one in ids]
    pairs = duplicates.search_texts(compared, answers=answers, options=duplicates.Options(side=scan.side)).pairs
    columns = (pairs.level, pairs.score, pairs.differs, pairs.answer_level, pairs.answer_differs)
    ends = ([ids[place] for place in side.tolist()] for side in (pairs.left, pairs.right))
    edges = zip(*ends, *(column.tolist() for column in columns), strict=True)
    fresh = frozenset(again)
    return [edge for edge in edges if edge[0] in fresh or edge[1] in fresh]


def _make_groups(scan: DuplicateScan, reach: Neighbourhood, texts: LiveTexts) -> list[NewGroup]:
    """The groups of a neighbourhood, of the pairs that are live and not said to be no duplicates."""
    nodes = sorted(one for one in reach.nodes if one in texts.by_id)
    positions = {one: place for place, one in enumerate(nodes)}
    dismissed = dismissed_hashes(scan.dataset_id)
    edges = []
    for edge in reach.edges.values():
        if edge[0] in positions and edge[1] in positions:
            low, high = sorted((texts.by_id[edge[0]][2], texts.by_id[edge[1]][2]))
            if (low, high) not in dismissed:
                edges.append(edge)
    pairs, families = neighbours.pairs_of_edges(edges, positions), neighbours.read_families(scan, positions)
    groups = []
    for what in duplicates.WHAT:
        for group in duplicates.group_pairs(pairs, what, families=families):
            members = [(nodes[position], None) for position in group.members]
            title = clip(texts.by_id[members[0][0]][0], LONGEST_TITLE)
            groups.append(new_group(what, group, members, title=title))
    return groups


def _compare_groups(
    scan: DuplicateScan, changed: frozenset[int], stored: Sequence[OldGroup], reach: Neighbourhood, texts: LiveTexts
) -> tuple[list[OldGroup], list[NewGroup]]:
    """Which stored groups go and which come. Equal ones stay, and so does what was decided and still holds."""
    coming = {}
    for new in _make_groups(scan, reach, texts):
        what, _, lowest, highest, *_ = new.values
        coming[what, lowest, highest, frozenset(member for member, _ in new.members)] = new
    kept: set[int] = set()
    reopened: set[int] = set()
    for old in stored:
        if old.row.state == "dismissed" or is_settled(scan, old.row):
            # A decision holds no more where one of several members that are there has changed.
            if changed & old.members and sum(one in texts.by_id for one in old.members) > 1:
                reopened |= old.members
            else:
                kept.add(old.row.id)
        elif coming.pop((old.row.what, old.row.lowest, old.row.highest, old.members), None):
            kept.add(old.row.id)
    make = []
    for (*_, members), new in coming.items():
        if members & reopened and members & changed:
            new = NewGroup((*new.values[:-1], "changed"), new.members)
        make.append(new)
    return [old for old in stored if old.row.id not in kept], make
