"""Previews that were made: kept in the data folder for an hour, found again by what they were asked."""

import hashlib
import json
import os
import re
import secrets
import time
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from app import config
from app.core.errors import Conflict
from app.services import datasets
from app.services.cleaning.options import CleaningOptions
from app.services.cleaning.scanning import CleaningScan

KEEP_SECONDS = 3600
GONE = "This preview is no longer kept. Look at it again, then apply it."
_TOKEN = re.compile(r"[0-9a-f]{32}")
_ARRAYS = ("ids", "versions", "flags", "sizes", "same")
_NUMBERS = ("total", "seen", "complete", "seconds", "created")


@dataclass(frozen=True, slots=True)
class CleaningPreview:
    """A scan with what was asked and the state of the dataset that it saw."""

    token: str
    dataset_id: int
    revision: int
    wish: CleaningOptions
    scan: CleaningScan


def token_of(dataset_id: int, revision: int, wish: CleaningOptions) -> str:
    """The name of the preview of a wish, for one state of a dataset."""
    asked = json.dumps([dataset_id, revision, wish.as_dict()], sort_keys=True)
    return hashlib.sha256(asked.encode("utf-8", "surrogatepass")).hexdigest()[:32]


def previews_folder() -> Path:
    """Where previews lie."""
    path = config.data_dir(current_app.config) / "previews"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def save_preview(preview: CleaningPreview) -> None:
    """Keep a preview, readable by its owner only. A complete one is never replaced by one that is not."""
    scan = preview.scan
    head = {
        "dataset_id": preview.dataset_id,
        "revision": preview.revision,
        "wish": preview.wish.as_dict(),
        "length": len(scan.ids),
        **{name: getattr(scan, name) for name in _NUMBERS},
    }
    part = previews_folder() / f"{preview.token}.{secrets.token_hex(4)}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        out.write(json.dumps(head).encode() + b"\n")
        for name in _ARRAYS:
            out.write(getattr(scan, name).tobytes())
    os.replace(part, previews_folder() / preview.token)


def find_preview(token: str) -> CleaningPreview | None:
    """A kept preview."""
    if not _TOKEN.fullmatch(token):
        return None
    try:
        with (previews_folder() / token).open("rb") as source:
            head = json.loads(source.readline())
            scan = CleaningScan(**{name: head[name] for name in _NUMBERS})
            for name in _ARRAYS:
                getattr(scan, name).frombytes(source.read(head["length"] * getattr(scan, name).itemsize))
    except FileNotFoundError:
        return None
    return CleaningPreview(token, head["dataset_id"], head["revision"], CleaningOptions.from_dict(head["wish"]), scan)


def get_preview(dataset_id: int, token: str) -> CleaningPreview:
    """A kept preview of a dataset. Raises Conflict where it is gone."""
    found = find_preview(token)
    if found is None or found.dataset_id != dataset_id:
        raise Conflict(GONE, code="preview_gone")
    return found


def preview_of(dataset_id: int, wish: CleaningOptions) -> tuple[str, int, CleaningPreview | None]:
    """The token of a wish and the dataset's revision as it is now, with the preview if it is kept."""
    revision = datasets.get(dataset_id).revision
    token = token_of(dataset_id, revision, wish)
    return token, revision, find_preview(token)


def remove_old_previews(keep: Container[str] = ()) -> None:
    """Remove previews that are older than an hour."""
    for path in previews_folder().iterdir():
        try:
            if path.name not in keep and time.time() - path.stat().st_mtime > KEEP_SECONDS:
                path.unlink()
        except FileNotFoundError:
            continue
