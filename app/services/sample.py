"""The sample dataset: pairs of our own about preparing fine-tuning data."""

from collections.abc import Iterator
from pathlib import Path

from app.core.formats import ReadOptions, Row, Source, detect, read
from app.core.layouts import LAYOUTS, LayoutOptions
from app.core.record import Record
from app.core.text import plural
from app.models import Dataset, transaction
from app.services import datasets, history

NAME = "Sample: preparing fine-tuning data"
PROMPT = "You are a patient guide for people who prepare fine-tuning data. Answer in plain words."
_FILE = Path(__file__).resolve().parent.parent / "data" / "sample.jsonl"


def load_sample() -> Dataset:
    """Make a dataset of the sample pairs, all approved."""
    with transaction():
        dataset = datasets.create_dataset(
            NAME, description="Try everything here; it can be undone.", system_prompt=PROMPT
        )
        history.create(
            dataset.id,
            sample_records(),
            summary=lambda number: f"Add {plural(number, 'sample pair')}",
            status="approved",
            kind="sample",
        )
        return dataset


def sample_records() -> Iterator[Record]:
    """The sample pairs."""
    source = Source.of_path(_FILE)
    layout, options = LAYOUTS["openai"], LayoutOptions()
    for row in read(source, detect(source), ReadOptions()):
        assert isinstance(row, Row)
        tags = tuple(row.values["tags"])
        yield layout.parse({"messages": row.values["messages"]}, LayoutOptions(tags=tags) if tags else options)
