"""Folders for trainers and for the Hub: a file for each split that has pairs, and what their reader wants beside them.

All files are of one unchanging view of the data, which is read once. The row with most keys stands first in its file,
so that loaders which look at the beginning alone see all keys.
"""

import hashlib
import os
import shutil
import tempfile
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

import msgspec
from sqlalchemy import select

from app import __version__
from app.core.bundles import BUNDLES, MANIFEST, Facts, Features, Part, as_json, count_keys
from app.core.digests import PairHasher, hash_pairs
from app.core.errors import Invalid
from app.core.filters import EVERY
from app.core.formats import FORMATS
from app.core.formats.jsonl import encode_line
from app.core.layouts import CARRIES, losses
from app.core.options import encode
from app.core.record import SPLITS, Record
from app.core.spool import require_space
from app.core.stored import StoredEntry
from app.core.targets import EXPORT_TARGETS
from app.models import Entry
from app.providers.tokenizers import load_tokenizer
from app.services import datasets, snapshots, splits
from app.services.export.options import ExportOptions, goes_out
from app.services.export.picking import count_tokens
from app.services.export.planning import plan_export
from app.services.export.rendering import Rendering

NO_SPLIT = "without a split, while others have one"
_CHECKED_ROWS = 20_000
# The same bytes for the same rows: files of an archive have no time of their own.
_ZIP_TIME = (1980, 1, 1, 0, 0, 0)


@dataclass
class _Split:
    """The rows of one split as they come, put aside as lines of JSON."""

    lines: IO[bytes]
    pairs: int = 0
    rows: int = 0
    tokens: int = 0
    tags: Counter[str] = field(default_factory=Counter)
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
    dataset_id: int, options: ExportOptions, folder: Path, read_old: Callable[[str], bytes | None]
) -> dict[str, Any]:
    """Write the files of a bundle into an empty folder; returns what programs see of it.

    ``read_old`` gives what lies at a path where the bundle goes to, so that what people wrote by hand is kept. Pairs
    without a split go out as train where none has one, else not at all. Raises Invalid where nothing is left to write.
    """
    bundle, hasher, tokenizer = BUNDLES[options.bundle], PairHasher(), load_tokenizer()
    features, lost, found, hashes = Features(), Counter[str](), dict[str, _Split](), list[bytes]()
    with ExitStack() as stack:

        def see(row: StoredEntry, record: Record, rows: list[dict[str, Any]]) -> None:
            name = row.split or "train"
            if name not in found:
                found[name] = _Split(stack.enter_context(tempfile.TemporaryFile(prefix="ltt-")))
            part = found[name]
            for one in rows:
                features.see(one)
                part.add(one)
            part.pairs += 1
            part.tokens += count_tokens(record, tokenizer)
            part.tags.update(row.tag_list)
            hashes.append(hasher.hash_pair(row))
            lost.update(losses(record, run.layout, run.how))
            if run.pairs % _CHECKED_ROWS == 0:
                require_space(0)

        run = stack.enter_context(Rendering(dataset_id, options, seen=see))
        assert run.connection is not None
        goes = goes_out(dataset_id, options, run.connection)
        splitless = select(Entry.id).where(goes, Entry.split.is_(None))
        is_split = run.connection.execute(select(Entry.id).where(goes, Entry.split.is_not(None)).limit(1)).first()
        without = len(run.connection.execute(splitless).all()) if is_split else 0
        for _ in run.rendered(*([Entry.split.is_not(None)] if is_split else [])):
            pass
        if not found:
            raise Invalid("There is nothing to write: no pair is left.", code="nothing_exported")
        parts = [
            _write_part(folder, bundle.splits[name], name, found[name], options.format)
            for name in SPLITS
            if name in found
        ]
    facts = Facts(run.title, options.layout, __version__, parts, features)
    for path, write in bundle.beside.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_bytes(write(facts, read_old(path)))
    left_out = plan_export(dataset_id, options).as_dict()["left_out"]
    result = {
        "files": [
            {"path": part.path, "split": part.split, "records": part.pairs}
            | {name: getattr(part, name) for name in ("rows", "bytes", "sha256", "tokens")}
            for part in parts
        ],
        "records": sum(part.pairs for part in parts),
        "left_out": [*left_out, *([{"reason": NO_SPLIT, "records": without}] if without else [])],
        "losses": [{"what": name, "records": lost[name]} for name in CARRIES if lost[name]],
        "snapshot": _snapshot_of(dataset_id),
    }
    manifest = _manifest(dataset_id, options, result, {name: dict(one.tags) for name, one in found.items()})
    manifest["pairs_hash"] = hash_pairs(hashes, datasets.get(dataset_id).system_prompt)
    (folder / MANIFEST).parent.mkdir(exist_ok=True)
    (folder / MANIFEST).write_bytes(as_json(manifest))
    return result


def _write_part(folder: Path, stem: str, split: str, rows: _Split, kind: str) -> Part:
    path = folder / f"{stem}{FORMATS[kind].extensions[0]}"
    digest = hashlib.sha256()
    with path.open("wb") as file:
        for place, line in enumerate(rows.in_order()):
            if kind == "json":
                line = (b",\n" if place else b"[\n") + line.rstrip(b"\n")
            file.write(line)
            digest.update(line)
        if kind == "json":
            file.write(b"\n]\n")
            digest.update(b"\n]\n")
    size = path.stat().st_size
    return Part(split, path.name, rows.pairs, rows.rows, size, digest.hexdigest(), rows.tokens)


def _snapshot_of(dataset_id: int) -> dict[str, Any] | None:
    """The snapshot that holds what the dataset holds now, if there is one."""
    newest = snapshots.newest_of_now(dataset_id)
    return {"snapshot": snapshots.label_of(newest), "name": newest.name, "hash": newest.hash} if newest else None


def _manifest(
    dataset_id: int, options: ExportOptions, result: Mapping[str, Any], tags: Mapping[str, dict[str, int]]
) -> dict[str, Any]:
    """What was exported and how, without a time: the same pairs give the same manifest."""
    divided = splits.last_split(dataset_id)
    return {
        "made_by": {"name": "LLM Training Tools", "version": __version__},
        "dataset": datasets.get(dataset_id).name,
        "snapshot": result["snapshot"],
        "pairs_hash": "",
        "target": options.target,
        "profile": EXPORT_TARGETS[options.target].profile,
        "layout": options.layout,
        "filter": {} if options.filters == EVERY else encode(options.filters, only_changed=True),
        "options": {
            name: value
            for name, value in encode(options, only_changed=True).items()
            if name not in ("filters", "format", "layout", "target")
        },
        "split_seed": divided[1].seed if divided else None,
        "records": result["records"],
        "files": result["files"],
        "tags": tags,
        "left_out": result["left_out"],
        "losses": result["losses"],
    }


def write_folder(dataset_id: int, options: ExportOptions, target: Path) -> dict[str, Any]:
    """Write a bundle as a folder, or as a .zip where the name says so; returns what programs see of it.

    What lies in the folder already stays, but for the files that this program wrote there and that are no longer part
    of it.
    """
    with tempfile.TemporaryDirectory(prefix="ltt-") as temporary:
        made = Path(temporary)
        if target.suffix.lower() == ".zip":
            result = write_bundle(dataset_id, options, made, lambda path: None)
            part = Path(f"{target}.part")
            try:
                _zip_folder(made, part)
                part.replace(target)
            finally:
                part.unlink(missing_ok=True)
            return result
        if target.exists() and not target.is_dir():
            raise Invalid(f"{target} is a file. Name a folder, or a file that ends in .zip.", code="no_folder")
        before = _written_before(target)
        result = write_bundle(dataset_id, options, made, lambda path: _read(target / path))
        target.mkdir(parents=True, exist_ok=True)
        names = [path.relative_to(made) for path in sorted(made.rglob("*")) if path.is_file()]
        for name in names:
            (target / name).parent.mkdir(exist_ok=True)
            part = target / f"{name}.part"
            shutil.copyfile(made / name, part)
            os.replace(part, target / name)
        for stale in before - {name.as_posix() for name in names}:
            (target / stale).unlink(missing_ok=True)
    return result


def _read(path: Path) -> bytes | None:
    return path.read_bytes() if path.is_file() else None


def _written_before(folder: Path) -> set[str]:
    """The data files that an earlier export wrote into a folder, by the manifest in it."""
    try:
        files = msgspec.json.decode(_read(folder / MANIFEST) or b"{}").get("files", [])
        return {name for one in files if isinstance(name := one["path"], str) and Path(name).name == name}
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
