"""Exports as bytes: streamed, or written to disk and proved. One unchanging view of the data."""

import hashlib
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, BinaryIO

from sqlalchemy import func, select

from app.core.formats import FORMATS
from app.core.formats.compress import compress_pieces
from app.core.record import Record
from app.core.spool import require_space
from app.core.stored import StoredEntry
from app.models import Entry, db
from app.services import datasets
from app.services.export.bundles import write_folder
from app.services.export.manifest import Tally
from app.services.export.options import ExportOptions
from app.services.export.planning import begin_reckoning, plan_export
from app.services.export.proof import Proof, RoundTrip
from app.services.export.rendering import CHUNK_BYTES, Rendering, in_chunks

# For an estimate of how large a file will be: how many pairs are looked at, and what a record adds to its texts.
SAMPLE, RECORD_BYTES = 500, 100
SMALL_BYTES = 1024 * 1024
# The pairs of a download are hashed where the dataset has so many at most.
HASHED_AT_ONCE = 2_000


@dataclass(frozen=True, slots=True)
class Written:
    """A file that was written: its pairs and rows, its size and its SHA-256.

    ``counts`` are what went out, what stayed and what was changed in the view that was written, as programs see them;
    ``revision`` is the dataset's in that view, ``hash`` that of the pairs where they were hashed.
    """

    pairs: int
    rows: int
    bytes: int
    sha256: str
    counts: dict[str, Any]
    revision: int
    hash: str | None = None

    def as_dict(self) -> dict[str, Any]:
        """The facts as programs see them."""
        return {"records": self.pairs, "rows": self.rows, "bytes": self.bytes, "sha256": self.sha256}


@dataclass(slots=True)
class Sent:
    """What a stream has sent, known when it is at its end. ``hash`` is that of the pairs, where they were few."""

    pairs: int = 0
    revision: int = 0
    bytes: int = 0
    sha256: str = ""
    hash: str | None = None


def stream_export(
    dataset_id: int, options: ExportOptions, done: Callable[[Sent], object] | None = None
) -> Iterator[bytes]:
    """The file in pieces of about 64 KB, from one unchanging view of the data, in constant memory.

    ``done`` is told what was sent once all of it was taken. Raises Invalid for options that do not fit together.
    """
    options, sent, digest = options.checked(), Sent(), hashlib.sha256()
    pieces = in_chunks(compress_pieces(_stream(dataset_id, options, sent, done is not None), options.compression))
    if done is None:
        yield from pieces
        return
    for piece in pieces:
        digest.update(piece)
        sent.bytes += len(piece)
        yield piece
    sent.sha256 = digest.hexdigest()
    done(sent)


def _stream(dataset_id: int, options: ExportOptions, sent: Sent, is_hashed: bool) -> Iterator[bytes]:
    if options.bundle:
        with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
            path = Path(folder) / "bundle.zip"
            made = write_folder(dataset_id, options, path)
            sent.pairs, sent.revision, sent.hash = made["records"], made["revision"], made["pairs_hash"]
            with path.open("rb") as file:
                yield from _parts_of(file)
        return
    # To hash pairs takes the time of a look at each of them.
    tally = Tally() if is_hashed and datasets.get(dataset_id).entry_count <= HASHED_AT_ONCE else None
    with Rendering(dataset_id, options, seen=tally.add if tally else None) as run:
        yield from _pieces_of(run)
        sent.pairs, sent.revision = run.pairs, run.revision
        sent.hash = tally.hash_pairs(run.origin.system_prompt) if tally else None


def _pieces_of(run: Rendering) -> Iterator[bytes]:
    if FORMATS[run.options.format].stream is not None:
        yield from run.pieces()
        return
    # What cannot be streamed is written to a temporary file first.
    with tempfile.TemporaryFile(prefix="ltt-") as file:
        run.write(file)
        file.seek(0)
        yield from _parts_of(file)


def _parts_of(file: BinaryIO) -> Iterator[bytes]:
    while part := file.read(CHUNK_BYTES):
        yield part


def require_space_for(dataset_id: int) -> None:
    """Raise DiskFull where a file of all pairs would not fit into the folder for temporary files."""
    texts = func.length(Entry.question) + func.length(Entry.answer) + func.coalesce(func.length(Entry.trace), 0)
    some = select((texts + RECORD_BYTES).label("size")).where(Entry.dataset_id == dataset_id).limit(SAMPLE).subquery()
    average = db.session.execute(select(func.avg(some.c.size))).scalar() or 0
    size = int(average) * datasets.get(dataset_id).entry_count
    if size > SMALL_BYTES:
        require_space(size)


def write_export(
    dataset_id: int,
    options: ExportOptions,
    out: BinaryIO,
    proof: Proof | None = None,
    tally: Tally | None = None,
    show: Callable[[int, int | None, str], object] = lambda done, total, message: None,
) -> Written:
    """Write the file and say what it is. ``proof`` and ``tally`` are told what is sent, ``show`` how far it is."""
    told = [one for one in (proof and proof.expect, tally and tally.add) if one]
    plan, digest, size = None, hashlib.sha256(), 0
    with Rendering(dataset_id, options) as run:
        view = run.connection
        if not told:
            counted = plan_export(dataset_id, options, view)
            # A long count lets go of the database where it is written to much. Pairs are counted as they go out then.
            plan = counted if view is not None and view.in_transaction() else None
        if plan is None:
            reckoning = begin_reckoning(run)

            def see(row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
                for tell in (*told, reckoning.see):
                    tell(row, record, rows)

            run.seen = see
        for piece in in_chunks(compress_pieces(_pieces_of(run), options.compression)):
            out.write(piece)
            digest.update(piece)
            size += len(piece)
            show(run.pairs, None, "pairs written")
        counts = (plan or reckoning.as_plan()).as_dict()
        hashed = tally.hash_pairs(run.origin.system_prompt) if tally else None
        return Written(run.pairs, run.rows, size, digest.hexdigest(), counts, run.revision, hashed)


def prove_export(dataset_id: int, options: ExportOptions, path: Path) -> tuple[Written, RoundTrip]:
    """Write the file, read it back, and say what it is and how it came back. The name of an archive ends in .zip."""
    if not options.bundle:
        proof = Proof(options)
        with path.open("wb") as out:
            written = write_export(dataset_id, options, out, proof)
        return written, proof.compare(path)
    told = write_folder(dataset_id, options, path, prove=True)
    with path.open("rb") as archive:
        digest = hashlib.file_digest(archive, "sha256").hexdigest()
    rows = sum(one["rows"] for one in told["files"])
    counts = {name: told[name] for name in ("records", "left_out", "losses", "changed")} | {"formulas": 0}
    facts = told["records"], rows, path.stat().st_size, digest, counts, told["revision"], told["pairs_hash"]
    return Written(*facts), RoundTrip.of_dict(told["round_trip"])
