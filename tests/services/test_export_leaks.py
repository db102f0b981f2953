"""Leaks between splits at an export: found, told with pairs, and no file before they are mended or allowed."""

import zipfile

import pytest

from app.core.changes import Change
from app.core.errors import Conflict
from app.core.filters import Filters
from app.core.record import Record
from app.core.splits import SplitOptions
from app.services import datasets, duplicates, entries, export, history, snapshots, splits, tasks
from app.services.export import ExportOptions, FileRun
from app.services.splits import MoveRun, SplitRun

TRAIN, TEST = (ExportOptions(filters=Filters(splits=(one,))) for one in ("train", "test"))
FOLDER = ExportOptions(layout="hugging-face", target="huggingface")
REST = ExportOptions(filters=Filters(not_splits=("train", "validation")))
EACH = (TRAIN, TEST, FOLDER, REST)


def place(dataset_id, *sides):
    """Put the pairs into splits, in their order."""
    found = zip(entries.stream_entries(dataset_id), sides, strict=True)
    changes = [Change(one.id, {"split": (one.split, side)}) for one, side in found if one.split != side]
    history.apply(dataset_id, changes, summary="Place", kind="edit")


def write(dataset_id, options, folder):
    """Make a file, or a folder."""
    if not options.bundle:
        return tasks.start(export.MAKE, FileRun(dataset_id, options)).result
    export.require_no_leaks(dataset_id, options)
    return export.write_folder(dataset_id, options, folder / "set.zip")


@pytest.fixture
def repeated(dataset_id):
    """A hundred test questions, of which 94 are trained as well."""
    asked = [Record(f"How many boxes are on shelf {n}?", f"There are {n} boxes.") for n in range(100)]
    others = [Record(f"Who opens gate {n} in the morning?", f"The guard with number {n}.") for n in range(6)]
    history.create(dataset_id, [*asked, *asked[:94], *others], summary="Add")
    place(dataset_id, *["test"] * 100, *["train"] * 100)
    return dataset_id


@pytest.mark.parametrize("options", EACH, ids=("train", "test", "folder", "rest"))
def test_what_is_tested_and_trained_is_found_and_no_file_is_made(repeated, options, tmp_path):
    found = export.find_split_leaks(repeated, options)
    assert found.counts == {"exact": 94} and found.total == 94
    left, its, right, other, why = found.named[0]
    assert (abs(right - left), {its, other}, why) == (100, {"train", "test"}, "exact")
    with pytest.raises(Conflict, match=f"94 leaks .*pair {left} .{its}. and pair {right} .{other}") as refused:
        write(repeated, options, tmp_path)
    assert refused.value.code == "leaks" and len(refused.value.details["leaks"]) == 20
    assert not (tmp_path / "set.zip").exists()


@pytest.mark.parametrize("options", EACH, ids=("train", "test", "folder", "rest"))
def test_both_ways_out_lead_to_a_file(repeated, options, tmp_path):
    allowed = ExportOptions(layout=options.layout, target=options.target, filters=options.filters, allow_leaks=True)
    assert write(repeated, allowed, tmp_path)["records"] > 0
    tasks.start(splits.MOVE, MoveRun(repeated))
    assert export.find_split_leaks(repeated, options).total == 0
    assert write(repeated, options, tmp_path)["records"] > 0


def test_a_file_of_no_split_has_no_sides(repeated):
    assert export.find_split_leaks(repeated, ExportOptions()) is None
    assert tasks.start(export.MAKE, FileRun(repeated, ExportOptions())).result["records"] == 200


def test_pairs_that_do_not_go_out_leak_nothing(repeated):
    for entry in list(entries.stream_entries(repeated)):
        status = "approved" if entry.split == "test" else "draft"
        history.apply(repeated, [Change(entry.id, {"status": (entry.status, status)})], summary="x", kind="edit")
    assert export.find_split_leaks(repeated, TEST).total == 0
    both = ExportOptions(filters=Filters(splits=("test",), statuses=("approved", "draft")))
    assert export.find_split_leaks(repeated, both).total == 94


def test_near_duplicates_count_once_a_search_found_them(dataset_id):
    said = "The warranty of the coffee machine lasts for two years from the day on which you bought it."
    texts = [f"{said} Keep the receipt of shop {n}." for n in (1, 1)]
    history.create(
        dataset_id,
        [Record("How long is the warranty of the coffee machine?", texts[0]),
         Record("How long is the warranty of a coffee machine?", texts[1])],
        summary="Add",
    )  # fmt: skip
    place(dataset_id, "train", "test")
    before = export.find_split_leaks(dataset_id, TEST)
    assert (before.total, before.searched) == (0, False)
    tasks.start(duplicates.SCAN, duplicates.ScanRun(dataset_id))
    after = export.find_split_leaks(dataset_id, TEST)
    assert (after.counts, after.searched) == ({"near": 1}, True)


def test_a_split_that_no_leak_touches_goes_out(dataset_id):
    same = Record("How many boxes are on shelf 7?", "There are 12 boxes.")
    history.create(dataset_id, [same, same, Record("Who opens the gate?", "The guard.")], summary="Add")
    place(dataset_id, "validation", "test", "train")
    assert export.find_split_leaks(dataset_id, TRAIN).total == 0
    assert export.find_split_leaks(dataset_id, TEST).total == 1


def test_a_snapshot_is_judged_by_what_it_holds(repeated):
    tasks.start(snapshots.FREEZE, snapshots.FreezeRun(repeated, "leaking"))
    tasks.start(splits.MOVE, MoveRun(repeated))
    frozen = ExportOptions(filters=Filters(splits=("test",)), snapshot="v1")
    assert export.find_split_leaks(repeated, TEST).total == 0
    assert export.find_split_leaks(repeated, frozen).counts == {"exact": 94}


def test_a_kept_count_forgets_leaks_that_were_mended(repeated, monkeypatch):
    monkeypatch.setattr(export.ledgers, "AT_ONCE", 0)
    tasks.start(export.COUNT, export.CountRun(repeated, TEST), here=True)
    assert export.view_counts(repeated, TEST).plan.leaks.total == 94
    tasks.start(splits.MOVE, MoveRun(repeated))
    assert not export.view_counts(repeated, TEST).is_current
    tasks.start(export.COUNT, export.CountRun(repeated, TEST), here=True)
    assert export.view_counts(repeated, TEST).plan.leaks.total == 0


@pytest.mark.parametrize("options", [TEST, REST], ids=("test", "rest"))
def test_a_kept_count_is_old_once_a_search_may_have_found_leaks(repeated, monkeypatch, options):
    place(repeated, *["test"] * 200)
    monkeypatch.setattr(export.ledgers, "AT_ONCE", 0)
    tasks.start(export.COUNT, export.CountRun(repeated, options), here=True)
    assert export.view_counts(repeated, options).is_current
    tasks.start(duplicates.SCAN, duplicates.ScanRun(repeated), here=True)
    assert not export.view_counts(repeated, options).is_current


def test_a_split_of_groups_leads_to_no_leak(dataset_id, tmp_path):
    same = [Record(f"How many boxes are on shelf {n % 40}?", f"There are {n % 40} boxes.") for n in range(80)]
    history.create(dataset_id, same, summary="Add")
    tasks.start(splits.SPLIT, SplitRun(dataset_id, SplitOptions()))
    assert export.find_split_leaks(dataset_id, FOLDER).total == 0
    write(dataset_id, FOLDER, tmp_path)
    with zipfile.ZipFile(tmp_path / "set.zip") as made:
        assert any(name.startswith("data/train") or name.startswith("train") for name in made.namelist())
    assert datasets.get(dataset_id).entry_count == 80
