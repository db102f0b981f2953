"""The sample dataset: pairs of our own about preparing fine-tuning data."""

from dataclasses import replace
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
    """Make a dataset of the sample pairs: most are approved, the others hold what there is to find and to decide."""
    with transaction():
        dataset = datasets.create_dataset(
            NAME, description="Try everything here; it can be undone.", system_prompt=PROMPT
        )
        for status, records in sample_records().items():
            history.create(
                dataset.id,
                records,
                summary=lambda number: f"Add {plural(number, 'sample pair')}",
                status=status,
                kind="sample",
            )
        return dataset


def sample_records() -> dict[str, list[Record]]:
    """The sample pairs by the status that they get. One without an answer becomes a draft."""
    source, layout = Source.of_path(_FILE), LAYOUTS["openai"]
    found: dict[str, list[Record]] = {}
    for row in read(source, detect(source), ReadOptions()):
        assert isinstance(row, Row)
        values = row.values
        options = LayoutOptions(tags=tuple(values["tags"]), allow_unanswered=True)
        record = layout.parse({"messages": values["messages"]}, options)
        record = replace(record, rejected_answer=values.get("rejected_answer"))
        found.setdefault(values.get("status", "approved"), []).append(record)
    return found
