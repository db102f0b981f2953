"""Counting an export so that the count is kept, and writing one to a file that is proved: small ones at once."""

import io
import shutil
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from app.core.text import plural
from app.services import datasets, uploads
from app.services.export.leaks import require_no_leaks
from app.services.export.ledgers import CountRun, count_and_keep, is_small, sweep_ledgers
from app.services.export.manifest import Tally, name_snapshot
from app.services.export.options import ExportOptions, file_name, find_origin
from app.services.export.proof import Proof
from app.services.export.records import record_sent
from app.services.export.writing import Sent, prove_export, write_export
from app.services.jobs import Watch
from app.services.tasks import Task, TaskLimits, declare


@dataclass(frozen=True, slots=True)
class FileRun:
    """What to write to a file: an export of a dataset."""

    dataset_id: int
    options: ExportOptions = field(default_factory=ExportOptions)


def make_file(run: FileRun, watch: Watch) -> Mapping[str, object]:
    """Write an export to a file that is kept like an upload, read it back, and say what it is and how it came back."""
    origin, total = find_origin(run.dataset_id, run.options), datasets.get(run.dataset_id).entry_count
    watch.progress(0, total, "pairs written")
    part = uploads.new_part()
    try:
        with io.BufferedRandom(uploads.ResultFile(part), uploads.CHUNK) as out:
            if run.options.bundle:
                # An archive is made of files that lie in a folder first, and is proved there.
                with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
                    archive = Path(folder) / "bundle.zip"
                    written, trip = prove_export(run.dataset_id, run.options, archive)
                    with archive.open("rb") as made:
                        shutil.copyfileobj(made, out, uploads.CHUNK)
            else:
                proof = Proof(run.options)
                written = write_export(run.dataset_id, run.options, out, proof, Tally(), show=watch.progress)
                watch.progress(written.pairs, written.pairs, "pairs written, being read back")
                out.flush()
                trip = proof.compare(part)
        name = file_name(origin.title, run.options)
        kept = uploads.keep_part(part, name, written.bytes, written.sha256)
    finally:
        part.unlink(missing_ok=True)
    facts = {**written.as_dict(), "file": kept.token, "name": kept.name, "round_trip": trip.as_dict()}
    counts = {name: value for name, value in written.counts.items() if name != "records"}
    facts |= {"dataset_id": run.dataset_id, "snapshot": name_snapshot(run.dataset_id, run.options, written.revision)}
    sent = Sent(written.pairs, written.revision, written.bytes, written.sha256, written.hash)
    record_sent(run.dataset_id, run.options, sent, way="file")
    return {**counts, **facts, "summary": f"{plural(written.pairs, 'pair')} written. Round trip: {trip}."}


def _require_fit(run: CountRun | FileRun) -> None:
    find_origin(run.dataset_id, run.options.checked())
    if isinstance(run, FileRun):
        require_no_leaks(run.dataset_id, run.options)


COUNT = declare(
    Task(
        "export-count",
        CountRun,
        count_and_keep,
        title=lambda run: "Count what an export leaves out",
        result_page=("export.counted", ("dataset_id", "job_id")),
        small=lambda run: is_small(run.dataset_id),
        limits=TaskLimits(memory_mb=512, cpu_seconds=3600, stall_seconds=600),
        check=_require_fit,
        alike=("dataset_id", "options"),
        sweep=sweep_ledgers,
    )
)
MAKE = declare(
    Task(
        "export",
        FileRun,
        make_file,
        title=lambda run: f"Export to {run.options.target or run.options.format + ':' + run.options.layout}",
        result_page=("export.made", ("dataset_id", "job_id")),
        small=lambda run: is_small(run.dataset_id),
        limits=TaskLimits(memory_mb=1024, cpu_seconds=7200, stall_seconds=1200),
        check=_require_fit,
    )
)
