"""Exports of snapshots: the same bytes each time, in every layout, whatever was done since, and they are named."""

import pytest

from app.core.filters import Filters
from app.core.record import Message, Record
from app.services import datasets, entries, export, history, jobs, pairs, snapshots
from app.services.export import ExportOptions
from app.services.pairs import Selection
from app.services.snapshots import FreezeRun, listing

SHAPES = [
    ("jsonl", "openai"),
    ("csv", "columns"),
    ("json", "alpaca"),
    ("jsonl", "sharegpt"),
    ("xlsx", "columns"),
    ("parquet", "columns"),
    ("sqlite", "columns"),
    ("tsv", "columns"),
]


@pytest.fixture
def frozen(dataset_id):
    """A snapshot of a dataset of which everything is changed afterwards."""
    datasets.update_dataset(dataset_id, system_prompt="Be kind.")
    turns = (Message("user", "Before?"), Message("assistant", "Yes."))
    records = [
        Record(f"q{n}", f"a{n}", tags=("x",), turns=turns if n % 3 == 0 else (), extra={"n": n}) for n in range(9)
    ]
    history.create(dataset_id, records, summary="Add", status="approved")
    made = snapshots.freeze(FreezeRun(dataset_id, "first"), jobs.Unwatched())
    return snapshots.find_snapshot(dataset_id, made["snapshot"])


def test_of_each_kind_the_newest_uses_are_remembered(frozen, monkeypatch):
    monkeypatch.setattr(listing, "USES_KEPT", 2)
    snapshots.add_use(frozen.id, "training", "A run")
    for n in range(4):
        snapshots.add_use(frozen.id, "export", f"Export {n}")
    assert [one.title for one in snapshots.uses_of(frozen.id)] == ["Export 3", "Export 2", "A run"]


def change_everything(dataset_id: int) -> None:
    """Edit, delete, add, relabel, rename and undo."""
    ids = [entry.id for entry in entries.stream_entries(dataset_id)]
    entry = entries.get(dataset_id, ids[4])
    pairs.save_pair(dataset_id, entry.id, {"answer": "Other."}, version=entry.version)
    history.delete(dataset_id, ids[:2])
    pairs.set_status(dataset_id, Selection(tuple(ids[2:4])), "rejected")
    history.create(dataset_id, [Record("new", "new", extra={"other": 1})], summary="Add", status="approved")
    datasets.update_dataset(dataset_id, name="Renamed", system_prompt="Be curt.")
    history.undo(dataset_id, 1)


@pytest.mark.parametrize(("kind", "layout"), SHAPES)
def test_the_same_snapshot_gives_the_same_bytes(dataset_id, frozen, kind, layout) -> None:
    options = ExportOptions(kind, layout, snapshot="first")
    now = ExportOptions(kind, layout)
    before = b"".join(export.stream_export(dataset_id, now))
    plan = export.plan_export(dataset_id, options)
    assert b"".join(export.stream_export(dataset_id, options)) == before
    first = b"".join(export.stream_export(dataset_id, options))
    change_everything(dataset_id)
    assert b"".join(export.stream_export(dataset_id, options)) == first
    again = export.plan_export(dataset_id, options)
    assert (again.records, again.lines) == (plan.records, plan.lines)
    assert again.records != export.plan_export(dataset_id, now).records


def test_filters_choose_among_what_was_frozen(dataset_id, frozen) -> None:
    change_everything(dataset_id)
    options = ExportOptions("jsonl", "openai", snapshot="v1", filters=Filters(text="a4"))
    assert b'"a4"' in b"".join(export.stream_export(dataset_id, options))
