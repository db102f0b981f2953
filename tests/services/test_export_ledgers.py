"""Counts of exports that are kept: found again, followed by what changed, shown pair by pair, swept."""

import hashlib
import zipfile

import pytest
from sqlalchemy import func, select

from app.core.filters import EVERY, Filters
from app.core.record import Message, Record
from app.core.spec import parse_target
from app.models import Ledger, LedgerRow, db
from app.services import datasets, entries, export, history, jobs, pairs, snapshots, tasks, uploads, validation
from app.services.export import CountRun, ExportOptions, FileRun, following, ledgers, planning
from app.services.validation import CheckRun

CALL = Message("assistant", tool_calls=[{"function": {"name": "f"}}])


@pytest.fixture
def large(dataset_id, monkeypatch):
    """Thirty pairs in a dataset that is not counted at each look: some with tags, tool calls, no answer."""
    monkeypatch.setattr(ledgers, "AT_ONCE", 5)
    records = [Record(f"q{n}", f"a{n}", tags=("t",) if n % 3 == 0 else ()) for n in range(20)]
    records += [Record(f"c{n}", "", trace=(CALL,), extra={"k": "=x"}) for n in range(6)]
    records += [Record(f"e{n}", "") for n in range(4)]
    history.create(dataset_id, records, summary="Add")
    return dataset_id


def count(dataset_id, options):
    return tasks.start(export.COUNT, CountRun(dataset_id, options), here=True).result


def told(plan):
    return plan.records, plan.formulas, {line.code: line.pairs for line in plan.lines}


def asked(dataset_id, text):
    return next(one for one in entries.stream_entries(dataset_id) if one.question == text)


def save(dataset_id, text, **values):
    one = asked(dataset_id, text)
    pairs.save_pair(dataset_id, one.id, values, version=one.version)


def test_nothing_is_counted_at_a_look_and_a_count_is_found_again(large):
    options = ExportOptions(layout="alpaca")
    assert export.view_counts(large, options).plan is None
    count(large, options)
    seen = export.view_counts(large, options)
    assert seen.is_current and not seen.followed and told(seen.plan) == told(export.plan_export(large, options))
    assert seen.plan.size.rows == 20 and len(seen.plan.shown) == 3
    assert export.view_counts(large, ExportOptions(layout="sharegpt")).plan is None


CHANGES = {
    "an edit": lambda one: save(one, "q1", answer="=1+1"),
    "a tag": lambda one: save(one, "q1", tags='["new"]'),
    "an answer that goes": lambda one: save(one, "q1", answer=""),
    "an answer that comes": lambda one: save(one, "e1", answer="here"),
    "a rejection": lambda one: pairs.set_status(one, pairs.Selection((asked(one, "c1").id,)), "rejected"),
    "a deletion": lambda one: pairs.delete_pairs(one, pairs.Selection((asked(one, "q3").id, asked(one, "c2").id))),
    "new pairs": lambda one: history.create(one, [Record("n", "a", tags=("t",)), Record("m", "")], summary="More"),
    "two edits of one": lambda one: (save(one, "q2", answer="x"), save(one, "q2", answer="+y", tags=None)),
    "an undo": lambda one: (save(one, "q2", answer="x"), history.undo(one)),
    "a new pair that is edited": lambda one: (
        pairs.add_pair(one, "late", "a", tags=["t"]),
        save(one, "late", answer="-"),
    ),
    "a new pair that goes": lambda one: (
        pairs.add_pair(one, "late", "a"),
        pairs.delete_pairs(one, pairs.Selection((asked(one, "late").id,))),
    ),
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("layout", ["jsonl:alpaca", "csv:columns", "jsonl:preference"])
def test_a_count_follows_what_changed_without_another_look_at_all_pairs(large, layout, change, monkeypatch):
    kind, name = layout.split(":")
    options = ExportOptions(kind, name)
    pairs.set_status(large, pairs.Selection((asked(large, "q4").id,)), "draft")
    count(large, options)
    CHANGES[change](large)
    expected = told(export.plan_export(large, options))
    monkeypatch.setattr(ledgers, "count_ledger", None)
    seen = export.view_counts(large, options)
    assert seen.is_current and seen.followed and told(seen.plan) == expected


def test_an_undo_of_what_was_counted_is_followed(large):
    options = ExportOptions(layout="alpaca")
    save(large, "q1", tags='["new"]')
    count(large, options)
    history.undo(large)
    seen = export.view_counts(large, options)
    assert seen.is_current and told(seen.plan) == told(export.plan_export(large, options))
    history.redo(large)
    again = export.view_counts(large, options)
    assert again.is_current and told(again.plan) == told(export.plan_export(large, options))


@pytest.mark.parametrize(
    "change",
    [
        lambda one: pairs.set_status(one, pairs.Selection((asked(one, "q1").id,)), "approved"),
        lambda one: datasets.update_dataset(one, system_prompt="Be kind."),
        lambda one: history.create(one, [Record(f"n{n}", "a") for n in range(301)], summary="Many"),
    ],
)
def test_what_changes_much_is_counted_again(large, change):
    options = ExportOptions(layout="alpaca")
    count(large, options)
    change(large)
    seen = export.view_counts(large, options)
    assert not seen.is_current and seen.plan is not None
    count(large, options)
    assert told(export.view_counts(large, options).plan) == told(export.plan_export(large, options))
    assert following.MOST_FOLLOWED == 300


def test_the_pairs_of_a_line_are_listed(large):
    options = ExportOptions(layout="alpaca")
    ledger = export.name_pairs(large, options, lambda: count(large, options))
    listed = entries.list_page(large, Filters(left_out=f"{ledger.id}:refused-tool_call_answer"), order="oldest").entries
    assert [one.question for one in listed] == [f"c{n}" for n in range(6)]
    assert entries.count_entries(large, Filters(left_out=f"{ledger.id}:unanswered")) == 4
    assert entries.count_entries(large, Filters(left_out="x:y")) == 0


def test_old_counts_are_swept(large, monkeypatch):
    monkeypatch.setattr(ledgers, "KEPT", 2)
    for layout in ("alpaca", "openai", "alpaca", "squad"):
        count(large, ExportOptions(layout=layout))
    assert db.session.execute(select(func.count()).select_from(Ledger)).scalar_one() == 2
    kept = select(func.count(LedgerRow.ledger_id.distinct()))
    assert db.session.execute(kept).scalar_one() == 2


def test_a_file_that_a_task_writes_is_proved(large):
    result = tasks.start(export.MAKE, FileRun(large, ExportOptions("csv", "columns")), here=True).result
    assert result["records"] == 26 and result["round_trip"]["differences"] == 0 and result["round_trip"]["back"] == 26
    assert result["snapshot"] is None and result["bytes"] > 100


def test_a_snapshot_is_exported_as_it_was(large):
    from app.services import snapshots
    from app.services.snapshots import FreezeRun

    tasks.start(snapshots.FREEZE, FreezeRun(large, "before"), here=True)
    then = b"".join(export.stream_export(large, ExportOptions("csv", "columns")))
    save(large, "q1", answer="other")
    pairs.set_status(large, pairs.Selection((asked(large, "q2").id,)), "approved")
    options = ExportOptions("csv", "columns", snapshot="before")
    assert b"".join(export.stream_export(large, options)) == then
    assert export.plan_export(large, options).records == 26
    result = tasks.start(export.MAKE, FileRun(large, options), here=True).result
    assert result["snapshot"]["snapshot"] == "v1" and result["round_trip"]["differences"] == 0
    count(large, options)
    assert export.view_counts(large, options).plan.records == 26


def test_the_count_of_a_snapshot_stays_what_it_is_whatever_is_written(large):
    snapshots.freeze(snapshots.FreezeRun(large, "First"), jobs.Unwatched())
    options = ExportOptions(layout="alpaca", snapshot="First")
    count(large, options)
    before = told(export.view_counts(large, options).plan)
    save(large, "q1", answer="")
    history.create(large, [Record("new", "a")], summary="Add")
    seen = export.view_counts(large, options)
    assert seen.is_current and told(seen.plan) == before == told(export.plan_export(large, options))


@pytest.mark.parametrize("part", ["_count_left_out", "_count_plain"])
def test_what_is_written_while_a_count_is_made_is_not_added_to_it_again(large, monkeypatch, part):
    options, inner = ExportOptions(layout="alpaca"), getattr(planning, part)

    def interrupted(*args):
        save(large, "q1", answer="")
        return inner(*args)

    monkeypatch.setattr(planning, part, interrupted)
    count(large, options)
    assert not export.view_counts(large, options).is_current
    monkeypatch.undo()


def test_plans_of_pairs_with_a_finding_follow_the_last_check(dataset_id):
    history.create(dataset_id, [Record("How heavy is box A7?", "TBD"), Record("q2", "a2")], summary="Add")
    options = ExportOptions(filters=Filters(findings=("placeholder",)))
    assert export.view_counts(dataset_id, options).plan.records == 0
    tasks.start(validation.CHECK, CheckRun(dataset_id, "plain"), here=True)
    assert export.view_counts(dataset_id, options).plan.records == 1


@pytest.mark.parametrize("target", ["huggingface", "mlx", "llama-factory"])
def test_an_archive_that_a_task_writes_is_proved_and_kept(large, target):
    options = ExportOptions().complete(parse_target(target), EVERY)
    result = tasks.start(export.MAKE, FileRun(large, options), here=True).result
    trip = result["round_trip"]
    assert (trip["records"], trip["back"], trip["differences"]) == (26, 26, 0) and result["name"].endswith(".zip")
    kept = uploads.get(result["file"])
    assert zipfile.is_zipfile(kept.path) and kept.path.stat().st_size == result["bytes"]
    assert hashlib.sha256(kept.path.read_bytes()).hexdigest() == result["sha256"]


def test_a_small_archive_is_proved_at_once(dataset_id):
    history.create(dataset_id, [Record("q1", "a1"), Record("q2", "a2", tags=("t",))], summary="Add")
    trip = export.plan_at_hand(dataset_id, ExportOptions().complete(parse_target("mlx"), EVERY)).round_trip
    assert (trip.sent, trip.back, trip.differences) == (2, 2, 0) and ("tags", 1) in trip.losses
