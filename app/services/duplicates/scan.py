"""The scan: read, search, group, store hidden, publish. Or nothing is kept."""

import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from app.core import duplicates
from app.core.changes import chunks_of
from app.core.duplicates import Family, Group, Pairs
from app.core.text import clip, plural
from app.models import DuplicateScan, end_reading, transaction
from app.services import history
from app.services.duplicates import store
from app.services.duplicates.corpus import Corpus, read_corpus
from app.services.duplicates.dismissals import dismissed_hashes, split_dismissed
from app.services.duplicates.options import ScanOptions, require_model
from app.services.duplicates.since import read_mark
from app.services.duplicates.store import NewGroup, new_group
from app.services.jobs import Unwatched, Watch
from app.services.work import HiddenWork, hidden_work

# Shares of the work, for the progress bar.
READ, SEARCHED, GROUPED = 5, 75, 80
LONGEST_TITLE = 160
Groups = Sequence[Group | Family]


@dataclass(frozen=True, slots=True)
class ScanResult:
    """What a search found, as groups of positions by list. ``dismissed`` are those that were dismissed earlier."""

    groups: dict[str, Groups]
    dismissed: dict[str, Groups]
    pairs: Pairs

    @property
    def by_state(self) -> Iterator[tuple[str, str, Groups]]:
        """The groups of each list with the state in which they are kept, and what the list shows."""
        yield from (("open", what, groups) for what, groups in self.groups.items())
        yield from (("dismissed", what, groups) for what, groups in self.dismissed.items())


def scan_dataset(dataset_id: int, options: ScanOptions, watch: Watch | None = None) -> DuplicateScan:
    """Search a dataset for duplicates. Raises what stopped it; nothing is kept then."""
    watch = watch or Unwatched()
    options.check(dataset_id)
    history.rehash(dataset_id)
    began = time.monotonic()
    scan_id = begin_scan(dataset_id, options, watch.job_id)
    with hidden_work(watch, lambda: store.discard_scan(scan_id)) as w:
        corpus = read_corpus(dataset_id, options, lambda done: watch.progress(1, 100, f"{plural(done, 'text')} read"))
        texts = corpus.take_texts()
        found = duplicates.search_texts(
            texts,
            answers=corpus.read_answers if duplicates.compares_answers(options.side) else None,
            options=duplicates.Options(side=options.side, index=options.kind == "own"),
            meaning=duplicates.semantic.by_meaning(require_model()) if options.semantic else None,
            progress=lambda share, step: watch.progress(READ + int(share * (SEARCHED - READ)), 100, step),
        )
        if options.kind == "own" and found.index is not None:
            found.index.save(store.index_folder(scan_id), corpus.own.ids)
        watch.check_cancelled()
        dismissed = dismissed_hashes(dataset_id)
        end_reading()
        result = group_pairs(found, corpus, dismissed, by_meaning=options.semantic)
        watch.progress(SEARCHED, 100, "groups being kept")
        _store(scan_id, result, corpus, texts, w)
        with w.publishing() as publication:
            scan = store.require_staging(publication.session, scan_id)
            scan.entry_count, scan.compared = len(corpus.own.ids), found.compared
            scan.seconds, scan.counts = round(time.monotonic() - began, 2), count_groups(result)
            if bad := getattr(corpus.rest, "bad", 0):
                scan.scope = {**scan.scope, "left_out": bad}
            store.replace_current(publication.session, scan)
            publication.session.flush()
            publication.result.update(report_scan(scan))
            return scan


def begin_scan(dataset_id: int, options: ScanOptions, job_id: int | None) -> int:
    """Make a scan that is hidden until it is published; returns its id."""
    with transaction() as session:
        # Read before the pairs are: what is changed meanwhile counts as changed since.
        last, hidden = read_mark(dataset_id)
        scan = DuplicateScan(
            dataset_id=dataset_id, side=options.side, kind=options.kind, scope=options.scope, job_id=job_id
        )
        scan.last_set = scan.index_set = last
        scan.hidden = hidden
        session.add(scan)
        session.flush()
        return scan.id


def group_pairs(
    found: duplicates.Found, corpus: Corpus, dismissed: frozenset[tuple[int, int]], *, by_meaning: bool
) -> ScanResult:
    """The groups of what was found, and those of pairs that were said to be no duplicates."""
    likely, refused = split_dismissed(found.pairs, corpus.join_hashes(), dismissed)
    sides = corpus.number_sides()
    families = found.families if sides is None else ()

    def by_list(pairs: Pairs, families: Sequence[Family]) -> dict[str, Groups]:
        return {
            what: duplicates.group_pairs(pairs, what, sides=sides, families=families, by_meaning=by_meaning)
            for what in duplicates.WHAT
            if len(pairs)
        }

    return ScanResult({**by_list(likely, families), "families": families}, by_list(refused, ()), found.pairs)


def _store(scan_id: int, result: ScanResult, corpus: Corpus, texts: Sequence[str], w: HiddenWork) -> None:
    """Keep groups and pairs under the hidden scan."""
    total = sum(len(groups) for _, _, groups in result.by_state) or 1
    done = 0
    for part in chunks_of(new_groups(result, corpus, texts), store.CHUNK):
        session = w.begin()
        store.require_staging(session, scan_id)
        store.add_groups(session, scan_id, part)
        done += len(part)
        w.report(GROUPED + 10 * done // total, 100, f"{plural(done, 'group')} kept")
    for rows in chunks_of(pair_rows(result, corpus), store.CHUNK * 4):
        store.add_pairs(w.begin(), scan_id, rows)
        w.report(95, 100, "pairs kept")


def new_groups(result: ScanResult, corpus: Corpus, texts: Sequence[str]) -> Iterator[NewGroup]:
    """The groups as they are kept."""
    for state, what, groups in result.by_state:
        for group in groups:
            members = [corpus.member_at(position) for position in group.members]
            title = clip(texts[group.members[0]], LONGEST_TITLE)
            yield new_group(what, group, members, title=title, state=state)


def pair_rows(result: ScanResult, corpus: Corpus) -> Iterator[tuple[object, ...]]:
    """The pairs that lie in groups, as they are kept, in the order of the table."""
    import numpy as np

    pairs = result.pairs
    if not len(pairs):
        return
    grouped = np.zeros(int(pairs.right.max()) + 1, bool)
    for _, what, groups in result.by_state:
        if what != "families":
            for group in groups:
                grouped[np.asarray(group.members, np.int64)] = True
    kept = np.flatnonzero(grouped[pairs.left] & grouped[pairs.right])
    kept = kept[np.lexsort((pairs.right[kept], pairs.left[kept]))]
    for places in np.array_split(kept, max(1, len(kept) // 50_000)):
        part = pairs.take(places)
        columns = (part.level, part.score, part.differs, part.answer_level, part.answer_differs)
        ends = ([corpus.node_at(one) for one in side.tolist()] for side in (part.left, part.right))
        yield from zip(*ends, *(column.tolist() for column in columns), strict=True)


def count_groups(result: ScanResult) -> dict[str, dict[str, int]]:
    """How many groups of each list there are at each level, with the levels as JSON keeps them."""
    counts = {what: duplicates.count_by_level(groups) for what, groups in result.groups.items() if what != "families"}  # type: ignore[arg-type]
    counts["families"] = {duplicates.FLOOR: len(result.groups["families"])}
    return {what: {str(level): number for level, number in levels.items()} for what, levels in counts.items()}


def report_scan(scan: DuplicateScan) -> dict[str, object]:
    """The result of a scan as programs see it."""
    default = str(duplicates.DEFAULT_LEVEL)
    totals = {what: levels.get(default, 0) for what, levels in scan.counts.items() if what != "families"}
    totals["families"] = next(iter(scan.counts.get("families", {}).values()), 0)
    copies = plural(totals.get("copies", 0), "group") + " of copies"
    return {
        "scan": scan.id,
        "dataset_id": scan.dataset_id,
        "side": scan.side,
        "with": {"kind": scan.kind, **scan.scope},
        "entries": scan.entry_count,
        "compared": scan.compared,
        "seconds": scan.seconds,
        "level": duplicates.DEFAULT_LEVEL,
        "groups": totals,
        "summary": f"{copies} and {plural(totals.get('conflicts', 0), 'conflict')} among {scan.entry_count:,} pairs.",
    }
