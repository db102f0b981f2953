"""Bringing a dataset back to a snapshot, as one step of its history, and a new dataset of the pairs of one."""

import json
from dataclasses import dataclass

from sqlalchemy import or_, select

from app.core.changes import chunks_of
from app.core.errors import LttError
from app.core.filters import EVERY
from app.core.stored import StoredEntry, as_entry
from app.core.text import plural
from app.models import ChangeSet, Dataset, Entry, Snapshot, db, reading, transaction
from app.services import datasets, entries, history
from app.services.history import ACTOR, StagedRow
from app.services.jobs import Watch
from app.services.snapshots.comparing import COMPARED, SIZE, Difference, compare, list_differences
from app.services.snapshots.frozen import is_whole, stream
from app.services.snapshots.listing import find_snapshot, get_snapshot, label_of
from app.services.work import Work, work

KIND = "snapshot"


@dataclass(frozen=True, slots=True)
class RestoreRun:
    """Which snapshot to bring its dataset back to, by its number."""

    dataset_id: int
    snapshot: int

    def check(self) -> None:
        """Raise NotFound where there is none."""
        find_snapshot(self.dataset_id, self.snapshot)


@dataclass(frozen=True, slots=True)
class CopyRun:
    """Of which snapshot to make a new dataset, and its name."""

    dataset_id: int
    snapshot: int
    name: str = ""

    def check(self) -> None:
        """Raise NotFound where there is no such snapshot, Invalid for a name that cannot be."""
        find_snapshot(self.dataset_id, self.snapshot)
        if self.name:
            datasets.clean_name(self.name)


def restore(run: RestoreRun, watch: Watch, *, actor: str = ACTOR) -> dict[str, object]:
    """Make the dataset hold what the snapshot holds; returns what programs see of the step.

    A pair whose row is there gets its texts and labels back, one that was removed for good comes as a new one. What a
    snapshot of a part does not hold stays as it is. Pairs that are edited meanwhile are left alone and listed.
    """
    snapshot = _take_snapshot(run)
    label, whole = label_of(snapshot), is_whole(snapshot)
    with work(KIND, run.dataset_id, watch, actor=actor) as w:
        found = compare(
            run.dataset_id,
            None,
            snapshot,
            EVERY,
            told=lambda done, total: watch.progress(done, total, "pairs compared"),
        )
        kinds = ("removed", "changed", "added") if whole else ("changed", "added")
        total, done = sum(len(found.ids[kind]) for kind in kinds), 0
        for kind in kinds:
            for part in chunks_of(found.ids[kind], SIZE):
                if kind == "removed":
                    w.change([(one, "live", "1", "0") for one in part], len(part))
                else:
                    _put_back(w, run.dataset_id, list_differences(found, part))
                done += len(part)
                w.report(done, total, "pairs brought back")
        counts = found.counts if whole else {**found.counts, "removed": 0}
        with w.publishing() as publication:
            # What was kept for one that was deleted meanwhile is gone, so that other texts were found.
            get_snapshot(snapshot.id)
            name = f" “{snapshot.name}”" if snapshot.name else ""
            applied = w.publish(f"Go back to snapshot {label}{name}")
            facts = {"snapshot": label, "hash": snapshot.hash, **counts}
            if applied.step is not None:
                skipped = [[one.entry_id, one.reason] for one in applied.skipped]
                details = {**facts, "skipped_count": applied.skipped_count, "skipped": skipped}
                publication.session.get_one(ChangeSet, applied.step.id).details = json.dumps(details)
            publication.result.update({**history.applied_dict(applied), **facts, "dataset_id": run.dataset_id})
            if applied.step is None:
                publication.result["summary"] = f"The dataset is as in snapshot {label}."
            return dict(publication.result)


def _take_snapshot(run: RestoreRun | CopyRun) -> Snapshot:
    """The snapshot as it is now, not to be looked up again by each transaction: somebody may delete it meanwhile."""
    snapshot = find_snapshot(run.dataset_id, run.snapshot)
    db.session.expunge(snapshot)
    return snapshot


def _put_back(w: Work, dataset_id: int, differences: list[Difference]) -> None:
    """Give pairs their texts and labels back, and bring those back that are not there."""
    gone = [one.entry_id for one in differences if one.before is None]
    deleted = {entry.id: entry for entry in _deleted_rows(dataset_id, gone)}
    rows: list[StagedRow] = []
    for one in differences:
        now, then = one.before or deleted.get(one.entry_id), one.after
        if now is None or then is None:
            continue
        if one.before is None:
            rows.append((one.entry_id, "live", "0", "1"))
        sides = ((name, getattr(now, name), getattr(then, name)) for name in COMPARED)
        rows += [(one.entry_id, name, old, new) for name, old, new in sides if old != new]
    w.change(rows, len({row[0] for row in rows}))
    w.create(one.after for one in differences if one.after and not one.before and one.entry_id not in deleted)


def _deleted_rows(dataset_id: int, ids: list[int]) -> list[StoredEntry]:
    """The entries among them that were deleted, and that only that hides."""
    with reading() as connection:
        hidden = entries.hidden_sets(dataset_id, connection)
        shown = or_(Entry.batch_id.is_(None), Entry.batch_id.not_in(hidden))
        mine = Entry.dataset_id == dataset_id, Entry.id.in_(ids), Entry.deleted_in.is_not(None), shown
        return list(map(as_entry, connection.execute(select(*entries.COLUMNS).where(*mine))))


def copy(run: CopyRun, watch: Watch, *, actor: str = ACTOR) -> dict[str, object]:
    """Make a new dataset of what a snapshot holds; returns what programs see of it."""
    snapshot = _take_snapshot(run)
    label = label_of(snapshot)
    # It shows with its pairs, or not at all: what a killed process leaves of it is swept.
    name = run.name or f"{snapshot.title} ({label})"[: datasets.MAX_NAME]
    made = datasets.create_dataset(name, system_prompt=snapshot.system_prompt, begun=True, job_id=watch.job_id)
    dataset_id, summary = made.id, f"Copy {plural(snapshot.records, 'pair')} of {snapshot.title}, {label}"
    try:
        with work("copy", dataset_id, watch, actor=actor) as w:
            done = 0
            for rows in stream(snapshot, size=SIZE):
                done += w.create(entry._replace(import_id=None, source_row=None) for entry in map(as_entry, rows))
                w.report(done, snapshot.records, "pairs copied")
            with w.publishing() as publication:
                applied = w.publish(summary)
                datasets.confirm_dataset(dataset_id)
                publication.result.update(history.applied_dict(applied), dataset_id=dataset_id, dataset=dataset_id)
                return dict(publication.result)
    except (LttError, OSError):
        with transaction() as session:
            session.delete(session.get_one(Dataset, dataset_id))
        raise
