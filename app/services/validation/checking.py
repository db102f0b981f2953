"""The runs over stored pairs and over uploads."""

from collections.abc import Container, Iterator, Sequence
from dataclasses import replace
from itertools import islice
from typing import Any

from app.core.errors import NotFound
from app.core.filters import Filters
from app.core.garbage import rare_collection
from app.core.reading import ReadSettings
from app.core.record import Record
from app.core.stats import Statistics
from app.core.stored import StoredEntry
from app.core.validation import FileFacts, Profile, ValidateOptions, Validation, choose_profiles
from app.core.validation.files import see_rows, start_validation, validate_file
from app.core.validation.training import Template
from app.models import Dataset
from app.models.base import now
from app.providers.tokenizers import load_tokenizer
from app.services import datasets, entries, uploads
from app.services.jobs import Watch
from app.services.uploads import Upload
from app.services.validation.choices import known_profiles, read_choices
from app.services.validation.templates import open_template

# What a child may answer, and what a job keeps, is bounded.
MOST_LISTED = 10_000
# What is listed of a single record.
MOST_SHOWN = 50
UNANSWERED = "without an answer"


def validate_dataset(dataset_id: int, options: ValidateOptions, watch: Watch) -> dict[str, Any]:
    """What is wrong with the pairs of a dataset, as they would be exported for each target.

    All that could be trained on is looked at, approved or not: rejected pairs and those without an answer are left
    out. A finding names its pair as ``record``.
    """
    if watch.job_id is not None and (options.limit or 0) > MOST_LISTED:
        options = replace(options, limit=MOST_LISTED)
    dataset = datasets.get(dataset_id)
    with open_template(options.template or read_choices(dataset).template) as template:
        run = DatasetValidation(dataset, options, template=template)
        for _ in run.parts():
            watch.progress(run.seen, run.dataset.entry_count, "pairs checked")
        return run.close()


def view_trained(dataset_id: int, entry_id: int, options: ValidateOptions) -> dict[str, Any]:
    """What becomes of one pair for each target: the result of a validation of it alone, with what is trained."""
    dataset, entry = datasets.get(dataset_id), entries.get(dataset_id, entry_id)
    options = replace(options, trained=True, limit=MOST_SHOWN)
    with open_template(options.template or read_choices(dataset).template) as template:
        run = DatasetValidation(dataset, options, template=template)
        run.see(entry)
        return _of_one(run.close())


def as_exported(entry: StoredEntry, system_prompt: str | None) -> Record | None:
    """A pair as it would be exported, with the system prompt of its dataset; None where it has no answer."""
    record = entry.record()
    if not record.answered and record.rejected_answer is None:
        return None
    if record.system is None and system_prompt is not None:
        return replace(record, system=system_prompt)
    return record


class DatasetValidation:
    """One run over the pairs of a dataset, part by part."""

    def __init__(
        self,
        dataset: Dataset,
        options: ValidateOptions,
        off: Container[str] = (),
        stats: Statistics | None = None,
        template: Template | None = None,
    ) -> None:
        self.dataset = dataset
        self.stats = stats
        profiles = choose_profiles(options.profile, known_profiles())
        facts = FileFacts(is_file=False, model=options.model, today=now().date())
        self.validation = Validation(
            profiles, options, facts, load_tokenizer=load_tokenizer, off=off, template=template
        )
        self.left_out = 0

    @property
    def seen(self) -> int:
        """How many pairs were looked at so far."""
        return self.validation.facts.records + self.left_out

    def parts(self) -> Iterator[list[StoredEntry]]:
        """Check all pairs; gives those of each part once they are checked."""
        with rare_collection():
            for rows in entries.stream_rows(self.dataset.id, Filters(statuses=entries.TRAINABLE)):
                for entry in rows:
                    self.see(entry)
                yield rows

    def takes(self, entry: StoredEntry) -> bool:
        """Whether a pair is checked: it could be exported."""
        return entry.status in entries.TRAINABLE and as_exported(entry, None) is not None

    def see(self, entry: StoredEntry) -> None:
        """Check one pair as it would be exported."""
        record = as_exported(entry, self.dataset.system_prompt)
        if record is None:
            self.left_out += 1
            return
        if self.stats is not None:
            self.stats.see(record, entry.id, split=entry.split)
        self.validation.see_record(entry.id, record, entry.content_hash)

    def close(self) -> dict[str, Any]:
        """Check what all pairs are together. Returns the result object."""
        left_out = [{"reason": UNANSWERED, "records": self.left_out}] if self.left_out else []
        return {**self.validation.close(), "left_out": left_out}


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
    with open_template(options.template) as template:
        return validate_file(
            source, settings, options, profiles, today=today, load_tokenizer=load_tokenizer, template=template
        )


def view_trained_upload(
    upload: Upload, settings: ReadSettings, options: ValidateOptions, number: int
) -> dict[str, Any]:
    """What becomes of one record of an uploaded file for each target, with what is trained of it. Raises NotFound."""
    profiles = choose_profiles(options.profile, known_profiles())
    options = replace(options, trained=True, limit=MOST_SHOWN)
    found = uploads.look(upload, _look_at_one, upload, settings, options, profiles, number, whole=True)
    if not found["records"]:
        raise NotFound(f"This file has no record {number:,}.", code="no_record")
    return found


def _look_at_one(
    upload: Upload, settings: ReadSettings, options: ValidateOptions, profiles: Sequence[Profile], number: int
) -> dict[str, Any]:
    source, today = uploads.source_of(upload), now().date()
    with open_template(options.template) as template:
        run, rows = start_validation(
            source, settings, options, profiles, today=today, load_tokenizer=load_tokenizer, template=template
        )
        see_rows(run, islice((row for row in rows if row.number == number), 1))
        return _of_one(run.close())


def _of_one(report: dict[str, Any]) -> dict[str, Any]:
    """The result without what is said of all records together."""
    return {**report, "findings": [one for one in report["findings"] if one["record"] is not None]}
