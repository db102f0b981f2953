"""Folders for trainers and for the Hub: a file for each split that has pairs, and what their reader wants beside them.

All files are of one unchanging view of the data, which is read once. The row with most keys stands first in its file,
so that loaders which look at the beginning alone see all keys.
"""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, Any

import msgspec

from app.core.bundles import BUNDLES, MANIFEST, ORDER, Facts, Features, OrderKeeper, Part, as_json, count_keys
from app.core.errors import Invalid
from app.core.formats import FORMATS
from app.core.formats.jsonl import encode_line
from app.core.record import SPLITS, Record
from app.core.spool import require_space
from app.core.stored import StoredEntry
from app.services.export.manifest import Tally, build_manifest, name_snapshot
from app.services.export.options import ExportOptions
from app.services.export.planning import begin_reckoning
from app.services.export.proof import Proof, add_trips
from app.services.export.rendering import Rendering
from app.version import __version__

_CHECKED_ROWS = 20_000
# The same bytes for the same rows: files of an archive have no time of their own.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass
class SplitRows:
    """The rows of one split as they come, put aside as lines of JSON."""

    lines: IO[bytes]
    rows: int = 0
    # The place of the row with most keys, and how many it has.
    richest: tuple[int, int] = (0, 0)

    def add(self, row: Mapping[str, Any]) -> None:
        """Put a row aside."""
        self.lines.write(encode_line(row))
        keys = count_keys(row)
        if keys > self.richest[1]:
            self.richest = (self.rows, keys)
        self.rows += 1

    def in_order(self) -> Iterator[bytes]:
        """The lines, the richest row first."""
        self.lines.seek(0)
        first = self.richest[0]
        for place, line in enumerate(self.lines):
            if place == first:
                yield line
                break
        self.lines.seek(0)
        for place, line in enumerate(self.lines):
            if place != first:
                yield line


def write_bundle(
    dataset_id: int,
    options: ExportOptions,
    folder: Path,
    read_old: Callable[[str], bytes | None],
    proofs: dict[str, Proof] | None = None,
) -> dict[str, Any]:
    """Write the files of a bundle into an empty folder; returns what programs see of it.

    ``read_old`` gives what lies at a path where the bundle goes to, so that what people wrote by hand is kept. Pairs
    without a split go out as train where none has one, else not at all. ``proofs`` gets what is expected of each data
    file, by its path. Raises Invalid where nothing is left to write.
    """
    bundle, features, tally, order = BUNDLES[options.bundle], Features(), Tally(), OrderKeeper()
    found, expected = dict[str, SplitRows](), dict[str, Proof]()
    with ExitStack() as stack:

        def see(row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
            name = row.split or "train"
            if name not in found:
                found[name] = SplitRows(stack.enter_context(tempfile.TemporaryFile(prefix="ltt-")))
                expected[name] = Proof(options, name)
            if proofs is not None:
                expected[name].expect(row, record, rows)
            for one in rows:
                features.see(one)
                found[name].add(one)
            order.add(name, len(rows))
            tally.add(row, record, rows, name)
            counted.see(row, record, rows)
            if run.pairs % _CHECKED_ROWS == 0:
                require_space(0)

        run = stack.enter_context(Rendering(dataset_id, options, seen=see))
        counted = begin_reckoning(run)
        for _ in run.rendered():
            pass
        if not found:
            raise Invalid("There is nothing to write: no pair is left.", code="nothing_exported")
        parts = []
        for name in (name for name in SPLITS if name in found):
            path = folder / f"{bundle.splits[name]}{FORMATS[options.format].extensions[0]}"
            size, digest = write_part(path, found[name], options.format)
            pairs, tokens = tally.pairs[name], tally.tokens[name]
            if proofs is not None:
                expected[name].expect_first(found[name].richest[0])
                proofs[path.name] = expected[name]
            parts.append(Part(name, path.name, pairs, found[name].rows, size, digest, tokens))
    facts = Facts(run.origin.title, options.layout, __version__, parts, features)
    for beside, write in bundle.beside.items():
        (folder / beside).parent.mkdir(exist_ok=True)
        (folder / beside).write_bytes(write(facts, read_old(beside)))
    result = {
        "files": [
            {"path": part.path, "split": part.split, "records": part.pairs}
            | {name: getattr(part, name) for name in ("rows", "bytes", "sha256", "tokens")}
            for part in parts
        ],
        "records": sum(part.pairs for part in parts),
        **{name: counted.as_plan().as_dict()[name] for name in ("left_out", "losses", "changed")},
        "snapshot": name_snapshot(dataset_id, options, run.revision),
    }
    manifest = build_manifest(dataset_id, options, result, tally)
    result |= {"revision": run.revision, "pairs_hash": manifest["pairs_hash"]}
    (folder / MANIFEST).parent.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(as_json(manifest))
    paths, first = {part.split: part.path for part in parts}, {name: one.richest[0] for name, one in found.items()}
    (folder / ORDER).write_bytes(order.as_json(paths, first, divided=run.origin.is_divided))
    return result


def write_part(path: Path, rows: SplitRows, kind: str) -> tuple[int, str]:
    """Write the file of a split; returns its size and its SHA-256."""
    digest = hashlib.sha256()
    lines = chain(_in_list(rows.in_order()), [b"\n]\n"]) if kind == "json" else rows.in_order()
    with path.open("wb") as file:
        for line in lines:
            file.write(line)
            digest.update(line)
    return path.stat().st_size, digest.hexdigest()


def _in_list(lines: Iterator[bytes]) -> Iterator[bytes]:
    for place, line in enumerate(lines):
        yield (b",\n" if place else b"[\n") + line.rstrip(b"\n")


def write_folder(dataset_id: int, options: ExportOptions, target: Path, *, prove: bool = False) -> dict[str, Any]:
    """Write a bundle as a folder, or as a .zip where the name says so; returns what programs see of it.

    With ``prove`` each data file is read back from where it lies then, and compared.

    What lies in the folder already stays, but for the files that this program wrote there and that are no longer part
    of it.
    """
    with tempfile.TemporaryDirectory(prefix="ltt-") as temporary:
        made = Path(temporary)
        proofs: dict[str, Proof] | None = {} if prove else None
        if target.suffix.lower() == ".zip":
            result = write_bundle(dataset_id, options, made, lambda path: None, proofs)
            part = Path(f"{target}.part")
            try:
                _zip_folder(made, part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            if proofs is not None:
                with zipfile.ZipFile(target) as archive:
                    trips = [one.compare(Path(archive.extract(name, made))) for name, one in proofs.items()]
                result["round_trip"] = add_trips(trips).as_dict()
            return result
        if target.exists() and not target.is_dir():
            raise Invalid(f"{target} is a file. Name a folder, or a file that ends in .zip.", code="no_folder")
        before = find_written(_read(target / MANIFEST))
        result = write_bundle(dataset_id, options, made, lambda path: _read(target / path), proofs)
        target.mkdir(parents=True, exist_ok=True)
        names = [path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file()]
        for name in names:
            (target / name).parent.mkdir(exist_ok=True)
            part = target / f"{name}.part"
            shutil.copyfile(made / name, part)
            os.replace(part, target / name)
        for stale in before - {name.as_posix() for name in names}:
            (target / stale).unlink(missing_ok=True)
        if proofs is not None:
            trips = [one.compare(target / name) for name, one in proofs.items()]
            result["round_trip"] = add_trips(trips).as_dict()
    return result


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def find_written(manifest: bytes | None) -> set[str]:
    """The data files that an earlier export wrote, by its manifest; none where that is none of ours.

    Others may write a manifest: no name counts but those that are ours, whatever patterns or ways out stand in it.
    """
    stems = {stem for bundle in BUNDLES.values() for stem in bundle.splits.values()}
    ours = {f"{stem}{kind.extensions[0]}" for stem in stems for kind in FORMATS.values() if kind.write}
    try:
        files = msgspec.json.decode(manifest or b"{}").get("files", [])
        return {name for one in files if isinstance(name := one["path"], str) and name in ours}
    except (msgspec.MsgspecError, AttributeError, TypeError, KeyError):
        return set()


def _zip_folder(folder: Path, target: Path) -> None:
    with zipfile.ZipFile(target, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(folder.rglob("*")):
            if path.is_file():
                entry = zipfile.ZipInfo(path.relative_to(folder).as_posix(), _ZIP_TIME)
                entry.compress_type, entry.external_attr = zipfile.ZIP_DEFLATED, 0o644 << 16
                with path.open("rb") as file, archive.open(entry, "w", force_zip64=True) as out:
                    shutil.copyfileobj(file, out, 1024 * 1024)
