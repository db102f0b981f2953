"""Running an import: rows are staged hidden, chunk by chunk, and published by one row. Or nothing of it is kept."""

from collections import Counter
from dataclasses import dataclass, field
from functools import partial

from sqlalchemy import delete, insert, select

from app.core.changes import Change
from app.core.errors import Invalid, LttError, NotFound
from app.core.formats import BadRow
from app.core.garbage import rare_collection
from app.core.text import plural
from app.models import Import, Job, QuarantinedRow, db, end_reading, transaction
from app.models.base import now
from app.services import history, jobs, uploads
from app.services.history import Applied
from app.services.imports import ahead
from app.services.imports.building import PLAIN_STATUS
from app.services.imports.settings import Settings, from_dict
from app.services.imports.staging import Sorted, Sorter
from app.services.jobs import Cancelled, Watch
from app.services.work import Work, work

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
    dataset_id = _forget_earlier_run(import_id)
    with work("import", dataset_id, watch, stopped=partial(_abandon, import_id)) as w:
        row = _begin(import_id, w.set_id)
        tally = _stage(row, w)
        w.commit()
        _refuse_nothing(row, tally)
        with w.publishing() as publication:
            publication.result.update(_publish(import_id, tally, w))
        return dict(publication.result)


@dataclass(frozen=True, slots=True)
class RunningImport:
    """What an import that runs needs to know of itself."""

    id: int
    dataset_id: int
    upload: str
    settings: Settings
    rows: int | None

    def expected(self, tally: Tally) -> int | None:
        """How many rows there seem to be, where that was estimated."""
        return max(self.rows, tally.rows_in) if self.rows else None


def _forget_earlier_run(import_id: int) -> int:
    """Remove what a run left that was interrupted; returns the id of the dataset."""
    with transaction() as session:
        row = get(import_id)
        earlier, row.change_set_id = row.change_set_id, None
        session.flush()
        if earlier is not None:
            history.discard(earlier)
        session.execute(delete(QuarantinedRow).where(QuarantinedRow.import_id == row.id))
        row.rows_in = row.imported = row.updated = row.skipped = row.quarantined = 0
        return row.dataset_id


def _begin(import_id: int, set_id: int) -> RunningImport:
    with transaction():
        row = get(import_id)
        row.change_set_id, row.state, row.message = set_id, "running", None
        settings = from_dict(row.settings)
        rows = row.detected.get("rows")
        return RunningImport(
            row.id, row.dataset_id, row.upload or "", settings, rows if isinstance(rows, int) else None
        )


def get(import_id: int) -> Import:
    """The import as it stands now. Raises NotFound."""
    row = db.session.get(Import, import_id, populate_existing=True)
    if row is None:
        raise NotFound(f"There is no import {import_id}.", import_id=import_id)
    return row


def _stage(row: RunningImport, w: Work) -> Tally:
    """Keep the new entries and the bad rows, hidden, and count all."""
    source = uploads.source_of(uploads.get(row.upload))
    sorter = Sorter(row.dataset_id, row.settings, import_id=row.id, batch_id=w.set_id)
    if sorter.look:
        history.rehash(row.dataset_id)
    tally = Tally()
    with rare_collection():
        for built in ahead.parts(source, row.settings, row.id):
            part = sorter.sort_built(built)
            # What was looked up must not hold back the write-ahead log while the next rows are parsed.
            end_reading()
            tally.add(part)
            w.create(part.new)
            if part.plain is not None:
                w.create_columns(len(part.plain), *part.plain.columns())
            if part.bad:
                bad = [{"import_id": row.id, **_quarantined(one)} for one in part.bad]
                w.begin().execute(insert(QuarantinedRow), bad)
            w.report(tally.rows_in, row.expected(tally), "rows")
    w.watch.progress(tally.rows_in, row.expected(tally), "rows")
    return tally


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


def _refuse_nothing(row: RunningImport, tally: Tally) -> None:
    if not tally.rows_in:
        raise Invalid("There are no rows in this file.", code="no_rows")
    bad, first = tally.quarantined, tally.first_bad
    if first is None or not (row.settings.strict or bad == tally.rows_in):
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


def _publish(import_id: int, tally: Tally, w: Work) -> dict[str, object]:
    row = get(import_id)
    # The set goes where nothing is new: the import must not point to it then.
    row.change_set_id = None
    db.session.flush()

    def summary(applied: Applied) -> str:
        if not applied.changed:
            return f"Import {plural(tally.new, 'pair')} from {row.file_name}"
        updated = f"Update {plural(applied.changed, 'pair')} from {row.file_name}"
        return f"{updated} and import {plural(tally.new, 'pair')}" if tally.new else updated

    applied = w.publish(summary, statuses=tally.statuses, changes=tally.changes)
    # Pairs that were edited while the file was read are left alone: their rows count as skipped.
    row.updated = len(tally.changes) - applied.skipped_count
    row.imported = tally.new + row.updated
    row.skipped = tally.skipped + applied.skipped_count
    row.quarantined, row.rows_in = tally.quarantined, tally.rows_in
    row.state, row.message, row.finished_at = "done", None, now()
    row.change_set_id = applied.step.id if applied.step else None
    db.session.flush()
    return result_of(row, applied.step.number if applied.step else None)


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


def _abandon(import_id: int, set_id: int, error: LttError | OSError) -> None:
    """Record why nothing was imported. Bad rows stay with a file that was refused because of them."""
    with transaction() as session:
        row = get(import_id)
        if row.change_set_id != set_id:
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


def give_up_dead() -> None:
    """Say of imports whose process was killed that they failed, and forget uploads that nobody will import."""
    with transaction() as session:
        active = select(Job.id).where(Job.state.in_(jobs.ACTIVE))
        dead = select(Import).where(Import.state == "running", Import.job_id.not_in(active))
        for row in session.execute(dead).scalars():
            row.state, row.message, row.finished_at = "failed", INTERRUPTED, now()
            row.change_set_id = None
            session.execute(delete(QuarantinedRow).where(QuarantinedRow.import_id == row.id))
    resumable = select(Job.id).where(Job.state.in_((*jobs.ACTIVE, "interrupted")))
    needed = select(Import.upload).where(Import.job_id.in_(resumable))
    keep = {token for token in db.session.execute(needed).scalars() if token}
    end_reading()
    uploads.sweep(keep=keep)
    with transaction() as session:
        for row in session.execute(select(Import).where(Import.state == "waiting")).scalars():
            if not uploads.is_kept(row.upload):
                session.delete(row)
