"""Uploaded files: streamed to the data folder under a token, readable by their owner only, kept for a while.

A file's own name is data and never a path: on disk stand generated names alone.
"""

import hashlib
import io
import json
import os
import re
import secrets
import shutil
import threading
import time
import zipfile
from collections import OrderedDict
from collections.abc import Callable, Container, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, BinaryIO, TypeVar, cast

from flask import current_app, has_request_context

from app import config
from app.core.errors import DiskFull, Gone, Invalid, TooLarge
from app.core.formats import Limits, Source
from app.core.formats.source import GZIP, ZIP
from app.core.options import encode
from app.core.reading import Detected, ReadSettings, detect_file
from app.core.reading.detection import ROW_SETTINGS, drop_answered
from app.services import bounded

CHUNK = 1024 * 1024
MB = 1024 * 1024
# An import needs room for the file, the pairs and the log of the database.
ROOM = 3
MAX_NAME = 255
_TOKEN = re.compile(r"[A-Za-z0-9_-]{32}")
_PART_SECONDS = 900
# Plain text up to this size is looked at in this process: there is too little of it to take long.
HERE_BYTES = 64 * 1024
# How long a request may take for going through a whole file.
WHOLE_SECONDS = 300
# What a result leaves of the disk.
_SPARE_BYTES = 64 * MB
_NEW = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_BINARY", 0)
# How many findings are remembered: a page asks for the same one at each choice that changes nothing in it.
_REMEMBERED = 32
_detected: OrderedDict[str, Detected] = OrderedDict()
_lock = threading.Lock()
R = TypeVar("R")
GONE = "The uploaded file is no longer kept. Upload it again."


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was uploaded: its token, the name it came with, size and SHA-256."""

    token: str
    name: str
    size: int
    sha256: str

    @property
    def path(self) -> Path:
        """Where its bytes lie."""
        return folder() / self.token


def folder() -> Path:
    """Where uploads lie."""
    path = config.data_dir(current_app.config) / "uploads"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def save(read: Callable[[int], bytes], name: str, *, announced_bytes: int | None = None) -> Upload:
    """Keep what ``read(size)`` gives until it gives nothing. Raises TooLarge, DiskFull, or Invalid when it is empty."""
    limit = int(current_app.config["LTT_MAX_UPLOAD_MB"]) * MB
    if announced_bytes is not None:
        if announced_bytes > limit:
            raise _too_large(limit)
        require_room(folder(), announced_bytes * ROOM)
    return _keep(name, lambda part: _copy(read, part, limit))


def save_text(text: str, name: str = "pasted text") -> Upload:
    """Keep pasted text as a file; line ends of a browser's text area become LF."""
    return save(io.BytesIO(text.replace("\r\n", "\n").encode("utf-8", "surrogatepass")).read, name)


def save_files(files: Sequence[tuple[str, Callable[[int], bytes]]], name: str) -> Upload:
    """Keep several files as one: an archive that is not compressed, whose members have the given paths.

    Raises like ``save``; an empty one among them stays.
    """
    limit = int(current_app.config["LTT_MAX_UPLOAD_MB"]) * MB

    def pack(part: Path) -> tuple[int, str]:
        with os.fdopen(os.open(part, _NEW, 0o600), "wb") as out:
            digest = _Hashed(out)
            with zipfile.ZipFile(cast(BinaryIO, digest), "w", zipfile.ZIP_STORED) as archive:
                for path, read in files:
                    # On Linux a name may hold bytes that are no text.
                    said = path.encode("utf-8", "replace").decode("utf-8")
                    with archive.open(zipfile.ZipInfo(said), "w", force_zip64=True) as member:
                        while block := read(CHUNK):
                            member.write(block)
                            if digest.size > limit:
                                raise _too_large(limit)
        return digest.size, digest.sha256.hexdigest()

    return _keep(name, pack)


def _keep(name: str, write: Callable[[Path], tuple[int, str]]) -> Upload:
    """Keep the file that ``write`` makes at a path, and gives the size and SHA-256 of; nothing stays where it fails."""
    part = new_part()
    try:
        return keep_part(part, name, *write(part))
    except BaseException:
        part.unlink(missing_ok=True)
        _facts_path(part.stem).unlink(missing_ok=True)
        raise


class _Hashed:
    """A file that is written from its beginning to its end, hashed on the way."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self.size, self.sha256 = 0, hashlib.sha256()

    def write(self, data: bytes) -> int:
        self.size += len(data)
        self.sha256.update(data)
        return self._out.write(data)

    def flush(self) -> None:
        self._out.flush()


def _copy(read: Callable[[int], bytes], part: Path, limit: int) -> tuple[int, str]:
    size, digest = 0, hashlib.sha256()
    descriptor = os.open(part, _NEW, 0o600)
    with os.fdopen(descriptor, "wb") as out:
        while block := read(CHUNK):
            size += len(block)
            if size > limit:
                raise _too_large(limit)
            digest.update(block)
            out.write(block)
    if not size:
        raise Invalid("The file is empty: there are no rows in it.", code="no_rows")
    return size, digest.hexdigest()


def require_room(folder: Path, needed: int) -> None:
    """Raise DiskFull where the disk of ``folder`` has fewer bytes free than taking a file needs."""
    free = shutil.disk_usage(folder).free
    if free < needed:
        raise DiskFull(
            f"The disk has {free // MB:,} MB free; taking this file needs about {-(-needed // MB):,} MB. "
            "Nothing was kept; free some space and try again.",
            needed_bytes=needed,
            free_bytes=free,
        )


def _too_large(limit: int) -> TooLarge:
    return TooLarge(
        f"The file is larger than {limit // MB:,} MB. LTT_MAX_UPLOAD_MB raises this limit.", limit="LTT_MAX_UPLOAD_MB"
    )


def clean_name(name: str) -> str:
    """The last part of the name, for people to read. It is never used as a path."""
    last = re.split(r"[\\/]", name)[-1]
    visible = "".join(c for c in last if c.isprintable()).strip()
    return visible[-MAX_NAME:] or "file"


def get(token: str) -> Upload:
    """The upload of that token. Raises Gone where it is not kept any more."""
    try:
        if not _TOKEN.fullmatch(token):
            raise Gone(GONE)
        facts = json.loads(_facts_path(token).read_text(encoding="utf-8"))
        upload = Upload(**facts)
    except (OSError, ValueError, TypeError) as error:
        raise Gone(GONE) from error
    if not upload.path.exists():
        raise Gone(GONE)
    return upload


def file_limits() -> Limits:
    """The limits on files that are read, from the settings."""
    config = current_app.config
    return Limits(
        field_bytes=config["LTT_MAX_FIELD_MB"] * MB,
        line_bytes=config["LTT_MAX_LINE_MB"] * MB,
        columns=config["LTT_MAX_COLUMNS"],
        rows=config["LTT_MAX_ROWS"],
        depth=config["LTT_MAX_DEPTH"],
        ratio=config["LTT_MAX_RATIO"],
        decoded_bytes=config["LTT_MAX_DECODED_MB"] * MB,
        workbook_bytes=config["LTT_MAX_WORKBOOK_MB"] * MB,
    )


def source_of(upload: Upload) -> Source:
    """The upload as a source; its name may help to tell what it is."""
    return Source.of_path(upload.path, name=upload.name, limits=file_limits())


def look(upload: Upload, function: Callable[..., R], *arguments: object, whole: bool = False) -> R:
    """Call a function that reads the upload, in a bounded child where a page waits for it; ``whole`` takes its time.

    Commands and jobs are processes of their own and call it as it is; so are small plain texts read.
    """
    if not has_request_context() or _is_small_text(upload):
        return function(*arguments)
    if whole:
        return bounded.run_bounded(function, *arguments, seconds=WHOLE_SECONDS, slots=bounded.RUNS)
    return bounded.run_bounded(function, *arguments)


def _is_small_text(upload: Upload) -> bool:
    if upload.size > HERE_BYTES:
        return False
    try:
        data = upload.path.read_bytes()
    except FileNotFoundError as error:
        raise Gone(GONE) from error
    return b"\x00" not in data and not data.startswith((GZIP, ZIP))


def detect(upload: Upload, settings: ReadSettings) -> Detected:
    """How the upload will be read with these settings. It is looked at once for each of them."""
    said = {name: value for name, value in encode(settings).items() if name in ROW_SETTINGS}
    key = json.dumps([upload.token, upload.name, said, asdict(file_limits())])
    with _lock:
        known = _detected.get(key)
    if known is None:
        # Which column is what may change from one look to the next.
        known = look(upload, _detect, upload, replace(settings, mapping={}))
        with _lock:
            _detected[key] = known
            while len(_detected) > _REMEMBERED:
                _detected.popitem(last=False)
    return drop_answered(known, settings)


def _detect(upload: Upload, settings: ReadSettings) -> Detected:
    return detect_file(source_of(upload), settings)


class ResultFile(io.FileIO):
    """A file to write a result to, in the folder of uploads. It stops growing at a limit, and before the disk is full.

    What a killed process leaves of it is swept with broken uploads.
    """

    def __init__(self, path: Path) -> None:
        super().__init__(path, "w+")
        self._most = int(current_app.config["LTT_MAX_DECODED_MB"]) * MB
        self._room = shutil.disk_usage(path.parent).free - _SPARE_BYTES

    def write(self, data: Any) -> int:
        """Raises TooLarge past LTT_MAX_DECODED_MB, DiskFull where the disk has not so much."""
        size = self.tell() + len(data)
        if size > self._most:
            raise TooLarge(f"The result is larger than {self._most // MB:,} MB. LTT_MAX_DECODED_MB raises this limit.")
        if size > self._room:
            raise DiskFull(f"The disk has no room for a result of more than {self._room // MB:,} MB. Free some space.")
        return super().write(data)


def new_part() -> Path:
    """A path for a file that is being written."""
    return folder() / f"{secrets.token_urlsafe(24)}.part"


def keep_part(part: Path, name: str, size: int, sha256: str) -> Upload:
    """Keep what was written to ``new_part`` under a name."""
    upload = Upload(part.stem, clean_name(name), size, sha256)
    _write_facts(upload)
    part.rename(upload.path)
    return upload


def is_kept(token: str | None) -> bool:
    """Whether the file is still there."""
    return bool(token and _TOKEN.fullmatch(token) and (folder() / token).exists())


def remove(token: str) -> None:
    """Forget an upload."""
    if _TOKEN.fullmatch(token):
        (folder() / token).unlink(missing_ok=True)
        _facts_path(token).unlink(missing_ok=True)


def sweep(*, keep: Container[str] = ()) -> int:
    """Remove uploads that have waited longer than they are kept, and what broken uploads left. Returns how many."""
    oldest = time.time() - int(current_app.config["LTT_UPLOAD_KEEP_MINUTES"]) * 60
    removed = 0
    for path in folder().iterdir():
        token = path.name.partition(".")[0]
        limit = time.time() - _PART_SECONDS if path.suffix == ".part" else oldest
        if token not in keep and path.stat().st_mtime < limit:
            path.unlink(missing_ok=True)
            removed += path.suffix == ""
    return removed


def _facts_path(token: str) -> Path:
    return folder() / f"{token}.json"


def _write_facts(upload: Upload) -> None:
    descriptor = os.open(_facts_path(upload.token), _NEW, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as out:
        json.dump(asdict(upload), out)
