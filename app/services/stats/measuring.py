"""The runs over stored pairs and over uploads."""

from typing import Any

from app.core.filters import Filters
from app.core.reading import ReadSettings
from app.core.stats import Statistics, StatsOptions
from app.core.stats.files import measure_file
from app.core.tokens import choose_families
from app.providers.tokenizers import load_tokenizer
from app.services import datasets, entries, uploads, validation
from app.services.jobs import Watch
from app.services.uploads import Upload


def measure_dataset(dataset_id: int, options: StatsOptions, watch: Watch) -> dict[str, Any]:
    """The statistics of the pairs that would be exported; a record is named by the number of its pair.

    ``statuses`` counts all pairs, ``left_out`` says why some are not among the records.
    """
    dataset = datasets.get(dataset_id)
    found = Statistics({family: load_tokenizer(family) for family in choose_families(options.family)})
    left_out = 0
    for rows in entries.stream_rows(dataset_id, Filters(statuses=entries.exported_statuses(dataset.counts))):
        for entry in rows:
            record = validation.as_exported(entry, dataset.system_prompt)
            if record is None:
                left_out += 1
            else:
                found.see(record, entry.id, split=entry.split)
        watch.progress(found.records + left_out, dataset.entry_count, "pairs counted")
    counted = found.close(length=options.length)
    reasons = [{"reason": validation.UNANSWERED, "records": left_out}] if left_out else []
    return {**counted, "statuses": dict(dataset.counts or {}), "left_out": reasons}


def measure_upload(upload: Upload, settings: ReadSettings, options: StatsOptions) -> dict[str, Any]:
    """The statistics of an uploaded file. Raises what reading it raises."""
    choose_families(options.family)
    return uploads.look(upload, _measure_source, upload, settings, options, whole=True)


def _measure_source(upload: Upload, settings: ReadSettings, options: StatsOptions) -> dict[str, Any]:
    return measure_file(uploads.source_of(upload), settings, options, load_tokenizer)
