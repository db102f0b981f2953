"""Mending an uploaded file: a copy with its rows mended where that is safe, kept like an upload."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path, PurePath
from typing import Any

from app.core.reading import ReadSettings
from app.core.validation import Profile, ValidateOptions, choose_profiles
from app.core.validation.mending import Mended, mend_file
from app.models.base import now
from app.services import uploads
from app.services.uploads import Upload
from app.services.validation.checking import MOST_LISTED, validate_upload
from app.services.validation.choices import known_profiles


def mend_upload(upload: Upload, settings: ReadSettings, options: ValidateOptions) -> tuple[Upload, Mended]:
    """Write a copy of an uploaded file with its rows mended, and keep it for an hour. Raises what reading it raises."""
    profiles = choose_profiles(options.profile, known_profiles())
    part = uploads.new_part()
    try:
        done = uploads.look(upload, _write_mended, part, upload, settings, options, profiles, whole=True)
        with part.open("rb") as file:
            start = file.read(1)
            file.seek(0)
            stem = PurePath(upload.name.removesuffix(".gz")).stem or "rows"
            return uploads.save(file.read, f"{stem}.mended.{'json' if start == b'[' else 'jsonl'}"), done
    finally:
        part.unlink(missing_ok=True)


def _write_mended(
    part: Path, upload: Upload, settings: ReadSettings, options: ValidateOptions, profiles: Sequence[Profile]
) -> Mended:
    with io.BufferedRandom(uploads.ResultFile(part), uploads.CHUNK) as out:
        return mend_file(uploads.source_of(upload), settings, options, profiles, out, today=now().date())


def mend_and_check(upload: Upload, settings: ReadSettings, options: ValidateOptions) -> tuple[Upload, dict[str, Any]]:
    """Mend an uploaded file. Returns the copy, and what is wrong with it still, with what was mended as ``fixed``."""
    kept, done = mend_upload(upload, settings, options)
    listed = replace(options, limit=MOST_LISTED if options.limit is None else options.limit)
    report = validate_upload(kept, ReadSettings(allow_unanswered=True), listed)
    return kept, {**report, "fixed": done.as_dict()}
