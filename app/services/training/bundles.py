"""Take-away bundles: a run as a .zip for a machine that this program cannot reach, and what was measured there.

The same run gives the same bytes. Data is written from the snapshot in the shape that the trainer reads; for TRL it is
the run's own.
"""

import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.core.bundles import Facts, Features, Part
from app.core.bundles.training import Trainer, find_trainer, name_run, write_files
from app.core.errors import Conflict, Invalid
from app.core.record import Record
from app.core.spool import require_space
from app.core.stored import StoredEntry
from app.core.targets import EXPORT_TARGETS
from app.core.text import plural
from app.core.training import RunSpec, count_steps, decode_spec
from app.core.training.folder import Event, write_whole
from app.core.training.foreign import MOST_BYTES, Brought, read_brought, require_same_run
from app.core.training.points import encode_points, find_best
from app.core.training.zipping import stream_zip
from app.models import TrainingRun
from app.providers.tuning import PlaceState
from app.providers.tuning.bundle import BundlePlace
from app.services import export, snapshots
from app.services.export.bundles import SplitRows, write_part
from app.services.training.data import FILES, export_options, find_division, hash_file
from app.services.training.folders import EVENTS, METRICS, SAMPLES, STATE, folder_of
from app.services.training.listing import ACTIVE, require_run
from app.services.training.records import read_spec
from app.services.training.running import finish_run
from app.version import __version__

_PIECE = 1024 * 1024


def find_place(name: str) -> BundlePlace | None:
    """Another machine, by the name of its place."""
    return BundlePlace() if name == BundlePlace.name else None


def list_places() -> list[BundlePlace]:
    """Another machine."""
    return [BundlePlace()]


@dataclass(frozen=True, slots=True)
class MadeBundle:
    """A bundle that was written: its trainer, its files with their digests, and the name that it is sent under."""

    trainer: Trainer
    run: str
    files: dict[str, str]
    rows: dict[str, int]
    name: str

    def as_dict(self) -> dict[str, Any]:
        """The bundle as programs see it."""
        return {"trainer": self.trainer.name, "run_hash": self.run, "rows": self.rows, "files": self.files}


def stream_bundle(run_id: int, trainer: str) -> tuple[MadeBundle, Iterator[bytes]]:
    """A run as a .zip for a trainer, in pieces. Raises NotFound, Invalid where the trainer cannot do what the run asks
    for, and Conflict where its data is not there, or not as it was."""
    stack = ExitStack()
    with stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="ltt-")))
        made = _write_folder(run_id, trainer, folder)
        kept = stack.pop_all()

    def pieces() -> Iterator[bytes]:
        with kept:
            yield from stream_zip(folder, made.name, compression=zipfile.ZIP_DEFLATED)

    return made, pieces()


def write_bundle(run_id: int, trainer: str, target: Path) -> MadeBundle:
    """The same as a file where the name ends in .zip, which replaces what lies there; else as a new or empty folder."""
    if target.suffix.lower() != ".zip":
        if target.is_file() or (target.is_dir() and any(target.iterdir())):
            said = f"{target} is there already. Name a folder that is empty or new, or a file that ends in .zip."
            raise Conflict(said, code="target_exists")
        with tempfile.TemporaryDirectory(prefix="ltt-") as temporary:
            made = _write_folder(run_id, trainer, Path(temporary))
            shutil.copytree(temporary, target, dirs_exist_ok=True)
        return made
    made, pieces = stream_bundle(run_id, trainer)
    part = Path(f"{target}.part")
    try:
        with part.open("wb") as out:
            for piece in pieces:
                out.write(piece)
        part.replace(target)
    finally:
        part.unlink(missing_ok=True)
    return made


def _write_folder(run_id: int, name: str, target: Path) -> MadeBundle:
    """Write the files of a bundle into an empty folder."""
    run = require_run(run_id)
    said = _require_spec(run)
    spec, number = decode_spec(said), name_run(said)
    trainer = find_trainer(name, spec)
    title = f"Run {run.number} of {spec.snapshot.dataset}"
    if trainer.targets[spec.method] == spec.target:
        parts, features = _copy_data(run, spec, trainer, target), Features()
    else:
        parts, features = _render_data(run, spec, trainer, target)
    facts = Facts(title, EXPORT_TARGETS[trainer.targets[spec.method]].layout, __version__, parts, features)
    digests = {part.path: part.sha256 for part in parts}
    bring_back = f"ltt run {run.id} import-metrics FILE"
    for path, content in write_files(trainer, spec, said, facts, bring_back).items():
        (target / path).parent.mkdir(exist_ok=True)
        (target / path).write_bytes(content)
        digests[path] = hash_file(target / path)
    return MadeBundle(trainer, number, digests, {part.split: part.rows for part in parts}, f"{facts.slug}_{name}")


def _require_spec(run: TrainingRun) -> bytes:
    """``run.json`` of a run whose data lies here."""
    if not (folder_of(run) / FILES["train"]).is_file():
        said = f"The data of run {run.number} is not on this computer: it was not written yet, or its files are gone."
        raise Conflict(said, code="no_files")
    return read_spec(run)


def _copy_data(run: TrainingRun, spec: RunSpec, trainer: Trainer, target: Path) -> list[Part]:
    """The run's own files, which must be as they were when it was made."""
    parts = []
    for split, path in FILES.items():
        if path not in spec.files:
            continue
        source, copy = folder_of(run) / path, target / trainer.files[split]
        if hash_file(source) != spec.files[path]:
            said = f"{path} of run {run.number} was changed since the run was made, or is gone."
            raise Conflict(said, code="data_changed")
        copy.parent.mkdir(exist_ok=True)
        require_space(source.stat().st_size)
        shutil.copyfile(source, copy)
        parts.append(_part_of(split, trainer, _count_lines(copy), spec.splits[split], copy, spec.files[path]))
    return parts


def _render_data(run: TrainingRun, spec: RunSpec, trainer: Trainer, target: Path) -> tuple[list[Part], Features]:
    """The same pairs from the snapshot, in the shape that the trainer reads. The richest row stands first: loaders
    that look at the beginning alone see all keys."""
    snapshot, features, pairs = snapshots.get_snapshot(run.snapshot_id), Features(), Counter[str]()
    chosen = export_options(snapshot, spec.target)
    division = find_division(run.dataset_id, chosen, seed=spec.seed, held_out=spec.held_out)
    options = export_options(snapshot, trainer.targets[spec.method])
    found = dict[str, SplitRows]()
    with ExitStack() as stack:

        def see(row: StoredEntry, record: Record, written: list[dict[str, Any]]) -> None:
            split = division.find_split(row)
            if split not in FILES:
                return
            if split not in found:
                found[split] = SplitRows(stack.enter_context(tempfile.TemporaryFile(prefix="ltt-")))
            pairs[split] += 1
            for one in written:
                features.see(one)
                found[split].add(one)

        with export.Rendering(run.dataset_id, options, seen=see) as rendering:
            for _ in rendering.rendered():
                pass
        if "train" not in found:
            raise Invalid(f"No pair of this run can be written for {trainer.title}.", code="nothing_exported")
        parts = []
        for split in (split for split in FILES if split in found):
            path = target / trainer.files[split]
            path.parent.mkdir(exist_ok=True)
            _, digest = write_part(path, found[split], options.format)
            parts.append(_part_of(split, trainer, found[split].rows, pairs[split], path, digest))
    return parts, features


def _part_of(split: str, trainer: Trainer, rows: int, pairs: int, path: Path, digest: str) -> Part:
    return Part(split, trainer.files[split], pairs, rows, path.stat().st_size, digest, 0)


def _count_lines(path: Path) -> int:
    with path.open("rb") as file:
        return sum(piece.count(b"\n") for piece in iter(lambda: file.read(_PIECE), b""))


def import_metrics(run_id: int, file: Path, name: str = "") -> TrainingRun:
    """Take in what a bundle measured: points, or sample answers, from a file called ``name``. The last one counts.

    The run is done once the file goes to its end; until then it waits for more. Raises Invalid for a broken file and
    for that of another run, Conflict where the run is not a bundle.
    """
    run, name = require_run(run_id), name or file.name
    if run.place != BundlePlace.name or run.state in ACTIVE:
        said = f"Run {run.number} was not taken away as a bundle, so nothing is brought back to it."
        if run.state in ACTIVE:
            said = f"Run {run.number} is {run.state}. Wait until its data is written."
        raise Conflict(said, code="not_a_bundle")
    said_spec = _require_spec(run)
    folder, spec = folder_of(run), decode_spec(said_spec)
    with file.open("rb") as opened:
        brought = read_brought(opened.read(MOST_BYTES + 1))
    planned = count_steps(_count_lines(folder / FILES["train"]), spec.settings)[1]
    require_same_run(brought, name_run(said_spec), spec, planned)
    if brought.samples:
        lines = [msgspec.json.encode(one) + b"\n" for one in brought.samples]
        write_whole(folder / SAMPLES, b"".join(lines))
        _tell(folder, f"{plural(len(lines), 'sample answer')} brought back from {name}.")
        return run
    best, last = find_best(brought.points), brought.points[-1]
    steps = brought.steps or (last.step if brought.is_finished else planned)
    is_done = brought.is_finished or last.step >= steps
    told = {"step": best.step, "validation_loss": best.validation_loss} if best else None
    state = {"phase": "done" if is_done else "training", "step": last.step, "steps": steps, "epoch": last.epoch or 0.0}
    write_whole(folder / METRICS, encode_points(brought.points))
    write_whole(folder / STATE, msgspec.json.encode({**state, "best": told, "message": "", "code": ""}))
    _tell(folder, _say_brought(brought, name), last.step)
    ended = PlaceState("done" if is_done else "waiting", last.step, steps, result={"best": told, "brought": name})
    finish_run(run.id, BundlePlace(), ended)
    return require_run(run_id)


def _say_brought(brought: Brought, name: str) -> str:
    validated = sum(one.validation_loss is not None for one in brought.points)
    rest = f", validation at {validated:,} of them" if validated else ", none of them with validation"
    return f"{plural(len(brought.points), 'point')} brought back from {name}{rest}."


def _tell(folder: Path, message: str, step: int | None = None) -> None:
    event = Event(datetime.now(UTC).isoformat(timespec="seconds"), "note", message, step)
    with (folder / EVENTS).open("ab") as file:
        file.write(msgspec.json.encode(event) + b"\n")
