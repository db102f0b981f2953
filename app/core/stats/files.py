"""Statistics of a file: read once, record by record, without a database."""

from collections.abc import Callable
from typing import Any

from app.core.formats import BadRow, Source
from app.core.layouts.columns import split_of
from app.core.reading import ReadSettings, layout_options, plan_reading, read_records
from app.core.stats.counting import Statistics, StatsOptions
from app.core.tokens import Tokenizer, choose_families


def measure_file(
    source: Source, settings: ReadSettings, options: StatsOptions, load_tokenizer: Callable[[str], Tokenizer]
) -> dict[str, Any]:
    """The statistics of a file. Rows that are no record are counted as ``quarantined``.

    Raises Invalid where it cannot be read, or somebody has to say which column is what.
    """
    families = choose_families(options.family)
    settings, _ = plan_reading(source, settings)
    understood = layout_options(settings)
    found = Statistics({family: load_tokenizer(family) for family in families})
    refused = 0
    for item in read_records(source, settings):
        if isinstance(item, BadRow):
            refused += 1
            continue
        row, record = item
        found.see(record, row.number, split=split_of(row.values, understood))
    return {**found.close(length=options.length), "quarantined": refused}
