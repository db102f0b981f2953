"""Running an import: rows are staged hidden, chunk by chunk, and published by one row. Or nothing of it is kept."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.core.changes import Change
from app.core.errors import Conflict, Invalid, LttError
from app.core.formats import BadRow
from app.core.garbage import rare_collection
from app.core.text import plural
from app.models import ChangeSet, Import, Job, QuarantinedRow, Turns, db, end_reading, transaction
from app.models.base import now
from app.services import history, jobs, uploads
from app.services.history import Applied
from app.services.imports import ahead, detecting, reading
from app.services.imports.building import PLAIN_STATUS, Built
from app.services.imports.settings import Settings, from_dict
from app.services.imports.staging import Sorted, Sorter
from app.services.jobs import Cancelled, Publication, Unwatched, Watch

# How long staged rows share one transaction while nobody else wants to write.
LONGEST_SECONDS = 1.0
INTERRUPTED = "The program ended while this file was imported. Nothing of it was kept."


@dataclass(slots=True)
class Tally:
    """What became of the rows so far. ``rows_in = imported + skipped + quarantined`` at any time."""

    new: int = 0
    skipped: int = 0
    quarantined: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    changes: list[Change] = field(default_factory=list)
    first_bad: BadRow | None = None

    @property
    def imported(self) -> int:
        """New pairs and changed ones."""
        return self.new + len(self.changes)

    @property
    def rows_in(self) -> int:
        """All rows of the file."""
        return self.imported + self.skipped + self.quarantined

    def add(self, part: Sorted) -> None:
        """Count a chunk."""
        self.new += len(part.new)
        self.skipped += len(part.same)
        self.quarantined += len(part.bad)
        self.changes += [one.change for one in part.updates]
        self.statuses.update(one.status for one in part.new)
        if part.plain is not None:
            self.new += len(part.plain)
            self.statuses[PLAIN_STATUS] += len(part.plain)
        self.first_bad = self.first_bad or next(iter(part.bad), None)


def run(import_id: int, watch: Watch | None = None) -> dict[str, object]:
    """Bring the file in. Raises what is wrong with it; nothing is visible then.

    The result has the counts, the step and what is needed to show it.
    """
    watch = watch or Unwatched()
    record = _begin(import_id)
    try:
        tally = _stage(record, watch)
        _refuse_nothing(record, tally)
        with watch.publish() as publication:
            publication.result.update(_publish(publication, import_id, tally))
        return dict(publication.result)
    except (LttError, OSError) as error:
        _abandon(record, error)
        raise


@dataclass(frozen=True, slots=True)
class _Begun:
    """An import that is running."""

    id: int
    dataset_id: int
    change_set_id: int
    upload: str
    file_name: str
    settings: Settings
    rows: int | None


def _begin(import_id: int) -> _Begun:
    with transaction() as session:
        row = get(import_id)
        _forget_earlier_run(session, row)
        staged = history.stage(row.dataset_id, kind="import")
        row.change_set_id, row.state, row.message = staged, "running", None
        settings = detecting.resolved(from_dict(row.settings), row.detected)
        rows = row.detected.get("rows")
        total = rows if isinstance(rows, int) else None
        return _Begun(row.id, row.dataset_id, staged, row.upload or "", row.file_name, settings, total)


def get(import_id: int) -> Import:
    """The import as it stands now. Raises NotFound."""
    row = db.session.get(Import, import_id, populate_existing=True)
    if row is None:
        raise detecting.not_found(import_id)
    return row


def _forget_earlier_run(session: Session, row: Import) -> None:
    if row.change_set_id is not None:
        earlier = row.change_set_id
        row.change_set_id = None
        session.flush()
        history.discard(earlier)
    session.execute(delete(QuarantinedRow).where(QuarantinedRow.import_id == row.id))
    row.rows_in = row.imported = row.updated = row.skipped = row.quarantined = 0


def _stage(record: _Begun, watch: Watch) -> Tally:
    upload = uploads.get(record.upload)
    source = reading.source_of(upload)
    found = ahead.parts(source, record.settings, record.id)
    sorter = Sorter(record.dataset_id, record.settings, import_id=record.id, batch_id=record.change_set_id)
    if sorter.look:
        history.rehash(record.dataset_id)
    tally = Tally()
    with rare_collection(), Turns(LONGEST_SECONDS, trusted=True) as turns:
        for part in _parts(found, sorter):
            tally.add(part)
            _keep(turns.begin(), record, part)
            if turns.is_over:
                _tell(watch, record, tally)
                turns.pause()
        _tell(watch, record, tally)
    return tally


def _tell(watch: Watch, record: _Begun, tally: Tally) -> None:
    watch.progress(tally.rows_in, max(record.rows, tally.rows_in) if record.rows else None, "rows")


def _parts(found: Iterator[Built], sorter: Sorter) -> Iterator[Sorted]:
    for built in found:
        part = sorter.sort_built(built)
        # What was looked up must not hold back the write-ahead log while the next rows are parsed.
        end_reading()
        yield part


def _keep(session: Session, record: _Begun, part: Sorted) -> None:
    """Store the new entries, hidden, and the bad rows."""
    change_set = session.get(ChangeSet, record.change_set_id)
    if change_set is None or change_set.state != "staging":
        raise Conflict("This import was started again elsewhere. Nothing of this run is kept.")
    history.add_rows(session, change_set, part.new)
    if part.plain is not None:
        history.add_columns(session, change_set, len(part.plain), *part.plain.columns())
    bad = [{"import_id": record.id, **_quarantined(row)} for row in part.bad]
    if bad:
        session.execute(insert(QuarantinedRow), bad)


def _quarantined(row: BadRow) -> dict[str, object]:
    return {
        "row": row.number,
        "line": row.line,
        "code": row.code[:40],
        "reason": row.reason,
        # What the database cannot hold is shown as its code, as in \ud83d.
        "raw": row.raw.replace("\x00", "\\u0000").encode("utf-8", "backslashreplace").decode(),
        "state": "open",
    }


def _refuse_nothing(record: _Begun, tally: Tally) -> None:
    if not tally.rows_in:
        raise Invalid("There are no rows in this file.", code="no_rows")
    bad, first = tally.quarantined, tally.first_bad
    if first is None or not (record.settings.strict or bad == tally.rows_in):
        return
    if bad == tally.rows_in:
        start = (
            f"None of the {plural(bad, 'row')} could be imported." if bad > 1 else "The only row cannot be imported."
        )
    else:
        start = f"Nothing was imported: {bad:,} of {plural(tally.rows_in, 'row')} cannot be."
    code = "nothing_imported" if bad == tally.rows_in else "strict"
    raise Refused(f"{start} {first.reason}", tally, code=code, rows_in=tally.rows_in, quarantined=bad)


class Refused(Invalid):
    """Nothing was imported because of bad rows; they are kept with the import."""

    def __init__(self, message: str, tally: Tally, **details: object) -> None:
        super().__init__(message, **details)  # type: ignore[arg-type]
        self.tally = tally


def _publish(publication: Publication, import_id: int, tally: Tally) -> dict[str, object]:
    row = get(import_id)
    statuses = dict(tally.statuses)

    def summary(applied: Applied) -> str:
        return _summary(row.file_name, tally.new, applied.changed)

    staged, row.change_set_id = row.change_set_id, None
    assert staged is not None
    publication.session.flush()
    applied = history.publish(staged, summary=summary, statuses=statuses, changes=tally.changes)
    # Pairs that were edited while the file was read are left alone: their rows count as skipped.
    row.updated = len(tally.changes) - applied.skipped_count
    row.imported = tally.new + row.updated
    row.skipped = tally.skipped + applied.skipped_count
    row.quarantined, row.rows_in = tally.quarantined, tally.rows_in
    row.state, row.message, row.finished_at = "done", None, now()
    row.change_set_id = applied.step.id if applied.step else None
    publication.session.flush()
    return result_of(row, applied.step.number if applied.step else None)


def _summary(name: str, new: int, changed: int) -> str:
    if not changed:
        return f"Import {plural(new, 'pair')} from {name}"
    updated = f"Update {plural(changed, 'pair')} from {name}"
    return f"{updated} and import {plural(new, 'pair')}" if new else updated


def result_of(row: Import, step: int | None) -> dict[str, object]:
    """The counts of an import as programs see them."""
    return {
        "import_id": row.id,
        "dataset_id": row.dataset_id,
        "summary": f"{row.imported:,} imported, {row.skipped:,} skipped, {row.quarantined:,} in quarantine.",
        "change_set": step,
        "rows_in": row.rows_in,
        "imported": row.imported,
        "updated": row.updated,
        "skipped": row.skipped,
        "quarantined": row.quarantined,
    }


def _abandon(record: _Begun, error: LttError | OSError) -> None:
    """Record why nothing was imported. Bad rows stay with a file that was refused because of them."""
    with transaction() as session:
        row = get(record.id)
        if row.change_set_id != record.change_set_id:
            return
        row.state = "cancelled" if isinstance(error, Cancelled) else "failed"
        row.message = error.message if isinstance(error, LttError) else "The file could not be read to its end."
        row.finished_at, row.change_set_id = now(), None
        row.imported = row.updated = row.skipped = row.quarantined = row.rows_in = 0
        if isinstance(error, Refused):
            row.rows_in, row.quarantined = error.tally.rows_in, error.tally.quarantined
            row.skipped = row.rows_in - row.quarantined
        else:
            session.execute(delete(QuarantinedRow).where(QuarantinedRow.import_id == row.id))
    history.discard(record.change_set_id)


def sweep() -> int:
    """Remove what killed imports left: staged rows, uploads, and imports that nobody will run. Returns rows removed."""
    with transaction() as session:
        active = select(Job.id).where(Job.state.in_(jobs.ACTIVE))
        dead = select(Import).where(Import.state == "running", Import.job_id.not_in(active))
        for row in session.execute(dead).scalars():
            row.state, row.message, row.finished_at = "failed", INTERRUPTED, now()
            row.change_set_id = None
            session.execute(delete(QuarantinedRow).where(QuarantinedRow.import_id == row.id))
        session.flush()
        running = select(Import.change_set_id).where(Import.state == "running", Import.change_set_id.is_not(None))
        left = select(ChangeSet.id).where(
            ChangeSet.kind == "import", ChangeSet.state == "staging", ChangeSet.id.not_in(running)
        )
        staged = list(session.execute(left).scalars())
    removed = sum(history.discard(set_id) for set_id in staged)
    _sweep_uploads()
    return removed


def _sweep_uploads() -> None:
    resumable = select(Job.id).where(Job.state.in_((*jobs.ACTIVE, "interrupted")))
    needed = select(Import.upload).where(Import.job_id.in_(resumable))
    keep = {token for token in db.session.execute(needed).scalars() if token}
    end_reading()
    uploads.sweep(keep=keep)
    with transaction() as session:
        waiting = session.execute(select(Import).where(Import.state == "waiting")).scalars()
        for row in waiting:
            if not uploads.is_kept(row.upload):
                session.delete(row)
