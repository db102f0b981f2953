"""The runs over stored pairs and over uploads."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from flask import current_app
from sqlalchemy import or_

from app import config
from app.core.reading import ReadSettings
from app.core.validation import FileFacts, Profile, ValidateOptions, Validation, choose_profiles, load_profiles
from app.core.validation.files import validate_file
from app.models import Entry
from app.models.base import now
from app.providers.tokenizers import load_tokenizer
from app.services import datasets, entries, uploads
from app.services.jobs import Watch
from app.services.uploads import Upload

FOLDER = "profiles"
# What a child may answer, and what a job keeps, is bounded.
MOST_LISTED = 10_000
UNANSWERED = "without an answer"


def known_profiles() -> dict[str, Profile]:
    """Every profile, those in the data folder in place of ours. Raises Invalid for a file that is none."""
    return load_profiles(config.data_dir(current_app.config) / FOLDER)


def validate_dataset(dataset_id: int, options: ValidateOptions, watch: Watch) -> dict[str, Any]:
    """What is wrong with the pairs of a dataset, as they would be exported for each target.

    Pairs that are rejected or have no answer are not exported. A finding names its pair as ``record``.
    """
    dataset = datasets.get(dataset_id)
    if watch.job_id is not None and (options.limit or 0) > MOST_LISTED:
        options = replace(options, limit=MOST_LISTED)
    profiles = choose_profiles(options.profile, known_profiles())
    facts = FileFacts(is_file=False, model=options.model, today=now().date())
    run = Validation(profiles, options, facts, load_tokenizer=load_tokenizer)
    left_out = 0
    is_exported = or_(Entry.status.is_(None), Entry.status != "rejected")
    for rows in entries.stream_rows(dataset_id, where=(is_exported,)):
        for entry in rows:
            record = entry.record()
            if not record.answered and record.rejected_answer is None:
                left_out += 1
                continue
            if record.system is None and dataset.system_prompt is not None:
                record = replace(record, system=dataset.system_prompt)
            run.see_record(entry.id, record, entry.content_hash)
        watch.progress(run.facts.records + left_out, dataset.entry_count, "pairs checked")
    found = [{"reason": UNANSWERED, "records": left_out}] if left_out else []
    return {**run.close(), "left_out": found}


def validate_upload(upload: Upload, settings: ReadSettings, options: ValidateOptions) -> dict[str, Any]:
    """What is wrong with an uploaded file, with up to ``MOST_LISTED`` findings. Raises what reading it raises."""
    profiles = choose_profiles(options.profile, known_profiles())
    if (options.limit or 0) > MOST_LISTED:
        options = replace(options, limit=MOST_LISTED)
    return uploads.look(upload, _validate_source, upload, settings, options, profiles, whole=True)


def _validate_source(
    upload: Upload, settings: ReadSettings, options: ValidateOptions, profiles: Sequence[Profile]
) -> dict[str, Any]:
    source, today = uploads.source_of(upload), now().date()
    return validate_file(source, settings, options, profiles, today=today, load_tokenizer=load_tokenizer)
