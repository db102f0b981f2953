"""Splits of a dataset: whole groups, one step, what keeps its place, and leaks found and mended."""

import random

import pytest

from app.core.changes import Change
from app.core.errors import BadUsage, Conflict, Invalid
from app.core.record import Message, Record
from app.core.splits import SplitOptions
from app.models import ChangeSet, db
from app.services import datasets, duplicates, entries, history, jobs, pairs, splits, tasks
from app.services.duplicates import ScanRun
from app.services.pairs import Selection
from app.services.splits import MoveRun, SplitRun

WORDS = """lamp chair table window garden kettle basket ladder bottle carpet hammer pillow blanket curtain drawer faucet
gutter handle mirror napkin""".split()
TOPICS = ("refund", "shipping", "invoice", "password", "warranty")
BY_SOURCE = SplitOptions(group_by=("source",))


def documents(first, last):
    """Five pairs of each document; the first two are wordings of one question."""
    for doc in range(first, last):
        for number, topic in enumerate(TOPICS):
            family = f"f{doc}" if number < 2 else None
            answer = f"{topic} of {doc}: {doc * 31 + number}"
            yield Record(f"What is said of {topic} in manual {doc}?", answer, source=f"d{doc}", family=family)


def split(dataset_id, options=BY_SOURCE):
    return tasks.start(splits.SPLIT, SplitRun(dataset_id, options)).result


def sides(dataset_id):
    return {one.id: one.split for one in entries.stream_entries(dataset_id)}


def moved(before, after):
    return [one for one, side in before.items() if after[one] != side]


def scan(dataset_id):
    tasks.start(duplicates.SCAN, ScanRun(dataset_id))


@pytest.fixture
def hundred(dataset_id):
    """A hundred documents with five pairs each."""
    history.create(dataset_id, documents(0, 100), summary="Add")
    return dataset_id


def test_documents_and_families_stay_whole_and_more_pairs_move_none(hundred):
    done = split(hundred)
    assert done["train"] + done["validation"] + done["test"] == done["placed"] == 500 and done["groups"] == 100
    assert min(done["train"], done["validation"], done["test"]) > 0 and done["leaks"] == []
    before = sides(hundred)
    history.create(hundred, [*documents(3, 5), *documents(200, 202)], summary="Add")
    for options in (
        BY_SOURCE,
        SplitOptions(group_by=("source",), lock=False),
        SplitOptions(group_by=("source",), lock=True),
    ):
        done = split(hundred, options)
        assert moved(before, sides(hundred)) == [] and done["moved"] == 0
    placed = {(one.source, one.split) for one in entries.stream_entries(hundred)}
    assert len(placed) == 102


def test_it_is_one_step_that_can_be_undone(hundred):
    before = datasets.compute_digest(hundred)
    done = split(hundred)
    assert (
        history.step(hundred, done["change_set"]).summary == "Split 500 pairs 80 / 10 / 10 by source document, seed 42"
    )
    after = datasets.compute_digest(hundred)
    assert (after.content, after.all == before.all) == (before.content, False)
    history.undo(hundred)
    assert datasets.compute_digest(hundred) == before and splits.last_split(hundred) is None
    history.redo(hundred)
    assert datasets.compute_digest(hundred) == after


def test_another_database_gets_the_same_split(hundred):
    split(hundred)
    other = datasets.create_dataset("Other").id
    pairs.add_pair(other, "first", "a")
    history.delete(other, [next(iter(sides(other)))])
    history.create(other, documents(0, 100), summary="Add")
    split(other)
    assert list(sides(other).values()) == list(sides(hundred).values())


def test_the_preview_is_what_happens_and_changes_nothing(hundred):
    before = datasets.compute_digest(hundred)
    plan = splits.plan_split(hundred, BY_SOURCE)
    assert datasets.compute_digest(hundred) == before
    done = split(hundred)
    assert plan.assignment.counts == (done["train"], done["validation"], done["test"])


def test_while_the_rule_stays_pairs_put_elsewhere_by_hand_stay_there(hundred):
    split(hundred)
    [first, *_] = [one.id for one in entries.stream_entries(hundred) if one.split == "train"]
    pairs.set_split(hundred, Selection((first,)), "test")
    assert split(hundred)["change_set"] is None and entries.get(hundred, first).split == "test"
    anew = SplitOptions(group_by=("source",), lock=False)
    assert split(hundred, anew)["moved"] == 1 and entries.get(hundred, first).split == "train"


def test_after_an_undo_the_rule_before_counts(hundred):
    split(hundred)
    first = sides(hundred)
    other = SplitOptions(group_by=("source",), seed=1)
    split(hundred, other)
    second = sides(hundred)
    history.undo(hundred)
    assert split(hundred)["change_set"] is None and sides(hundred) == first
    split(hundred, other)
    assert sides(hundred) == second


def test_a_pair_that_joins_two_documents_of_different_splits_moves_nothing_and_is_listed(hundred):
    split(hundred)
    before = sides(hundred)
    side_of = {one.source: one.split for one in entries.stream_entries(hundred)}
    test = next(name for name, side in side_of.items() if side == "test")
    train = next(name for name, side in side_of.items() if side == "train")
    new = [Record("New?", "One.", source=train, family="both"), Record("Newer?", "Two.", source=test, family="both")]
    history.create(hundred, new, summary="Add")
    done = split(hundred)
    assert moved(before, sides(hundred)) == [] and done["torn"] == 1
    assert [leak[3] for leak in done["leaks"]] == ["source"]
    families = {one.split for one in entries.stream_entries(hundred) if one.family == "both"}
    assert len(families) == 1
    tasks.start(splits.MOVE, MoveRun(hundred))
    assert splits.present_leaks(hundred)[1].counts == {}


def test_a_locked_pair_draws_its_document_along(hundred):
    first = next(iter(sides(hundred)))
    pairs.set_split(hundred, Selection((first,)), "test")
    split(hundred, SplitOptions(group_by=("source",), lock=True))
    assert {one.split for one in entries.stream_entries(hundred) if one.source == "d0"} == {"test"}


def test_fifty_near_duplicates_in_other_splits_are_found_and_mended(dataset_id):
    draw = random.Random(1)
    plain = [
        Record(f"How would {' and '.join(draw.sample(WORDS, 5))} fit?", f"By step {n} of {draw.random()}.")
        for n in range(150)
    ]
    history.create(dataset_id, plain, summary="Add", split="train")
    near = [Record(one.question.replace("How would", "How wuld"), one.answer + " ") for one in plain[:50]]
    history.create(dataset_id, near, summary="Add", split="test")
    scan(dataset_id)
    rows, leaks = splits.present_leaks(dataset_id)
    found = {(one, other) for one, other, _, why in leaks.as_dict(rows)["leaks"] if why == "near"}
    assert len(found) == 50 and leaks.counts == {"near": 50}
    before = datasets.compute_digest(dataset_id)
    done = tasks.start(splits.MOVE, MoveRun(dataset_id)).result
    assert done["moved"] == 50 and done["leak_counts"] == {}
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before
    together = split(dataset_id, SplitOptions(group_by=("duplicates",)))
    assert together["leak_counts"] == {} and together["groups"] == 150


def test_a_test_split_that_mostly_stands_in_train_is_named_pair_by_pair(dataset_id):
    train = [Record(f"What is part {n} of the {WORDS[n % 20]}?", f"Part {n} is a bolt.") for n in range(300)]
    history.create(dataset_id, train, summary="Add", split="train")
    own = [Record(f"Which nut fits the {WORDS[n]}?", f"Nut number {n} of it.") for n in range(6)]
    copies = [Record(one.question, one.answer, extra={"copy": True}) for one in train[:94]]
    history.create(dataset_id, copies + own, summary="Add", split="test")
    rows, leaks = splits.present_leaks(dataset_id)
    named = {(one, other) for one, other, *_ in leaks.as_dict(rows)["leaks"]}
    assert len(named) == 94
    ids = {one.question: one.id for one in entries.stream_entries(dataset_id) if one.split == "train"}
    assert {min(pair) for pair in named} == {ids[one.question] for one in train[:94]}


def test_one_leak_can_be_mended_alone(dataset_id):
    history.create(dataset_id, documents(0, 2), summary="Add", split="train")
    ids = list(sides(dataset_id))
    pairs.set_split(dataset_id, Selection((ids[0], ids[5])), "test")
    assert splits.present_leaks(dataset_id)[1].counts == {"family": 2}
    assert splits.present_leaks(dataset_id, ("source",))[1].counts == {"family": 2, "source": 2}
    tasks.start(splits.MOVE, MoveRun(dataset_id, ("source",), (ids[0],)))
    assert list(sides(dataset_id).values()) == ["train"] * 5 + ["test"] + ["train"] * 4


def test_pairs_of_one_conversation_stay_together(dataset_id):
    talk = [Message("user", "hello"), Message("assistant", "hi"), Message("user", "and?"), Message("assistant", "so")]
    records = [
        Record("hello", "hi"),
        Record("and?", "so", turns=tuple(talk[:2])),
        Record("bye", "bye", turns=tuple(talk)),
    ]
    records += [Record("other", "talk", extra={"conversation_id": n // 2}) for n in range(4)]
    history.create(dataset_id, records, summary="Add")
    assert split(dataset_id, SplitOptions(group_by=("conversation",)))["groups"] == 3


def test_imported_files_are_kept_together_only_where_that_is_chosen(app, hundred):
    rows = splits.read_rows(hundred)
    assert rows.count_groups("file") == (0, 0) and rows.count_groups("source") == (100, 5)


def test_duplicates_cannot_be_kept_together_before_a_search(hundred):
    options = SplitOptions(group_by=("duplicates",))
    with pytest.raises(Conflict):
        split(hundred, options)
    with pytest.raises(Conflict):
        splits.plan_split(hundred, options)
    scan(hundred)
    assert split(hundred, options)["change_set"]


def test_what_was_said_to_be_no_duplicates_is_no_leak(dataset_id):
    history.create(dataset_id, [Record("Where is my order now?", "It is on its way.")], summary="Add", split="train")
    history.create(dataset_id, [Record("Where is my ordr now?", "It is on its way!")], summary="Add", split="test")
    scan(dataset_id)
    assert splits.present_leaks(dataset_id)[1].counts == {"near": 1}
    [group] = duplicates.list_groups(duplicates.latest_scan(dataset_id), duplicates.Filter("variants")).groups
    duplicates.dismiss_group(dataset_id, group.id)
    pairs.tag_pairs(dataset_id, Selection(tuple(sides(dataset_id))), add=["seen"])
    assert splits.present_leaks(dataset_id)[1].counts == {}


def test_a_deleted_pair_is_no_leak_and_no_part_of_a_split(hundred):
    scan(hundred)
    gone = next(iter(sides(hundred)))
    history.delete(hundred, [gone])
    assert split(hundred)["placed"] == 499
    assert gone not in splits.read_rows(hundred).names


def test_a_pair_edited_while_the_split_is_made_is_left_alone(hundred, monkeypatch):
    first = next(iter(sides(hundred)))
    assign = splits.dividing.assign_splits

    def edit_meanwhile(*arguments, **more):
        history.apply(hundred, [Change(first, {"split": (None, "test")})], summary="By hand", kind="label")
        return assign(*arguments, **more)

    monkeypatch.setattr("app.services.splits.dividing.assign_splits", edit_meanwhile)
    job = jobs.get(tasks.enqueue(splits.SPLIT, SplitRun(hundred, BY_SOURCE)).id)
    done = tasks.run_now(job.id).result
    assert done["skipped_count"] == 1 and entries.get(hundred, first).split == "test"


def test_a_step_keeps_how_it_was_made(hundred):
    split(hundred, SplitOptions(ratios="70/15/15", group_by=("source",), seed=5))
    step, options = splits.last_split(hundred)
    assert options == SplitOptions(ratios="70/15/15", group_by=("source",), seed=5)
    assert db.session.get(ChangeSet, step.id).kind == "split"


def test_documents_that_were_not_kept_together_are_no_leak_and_do_not_move(hundred):
    split(hundred, SplitOptions())
    leaks = splits.present_leaks(hundred)[1]
    assert leaks.counts == {} and leaks.documents > 10
    before = sides(hundred)
    done = tasks.start(splits.MOVE, MoveRun(hundred)).result
    assert done["change_set"] is None and sides(hundred) == before


def test_a_rejected_pair_is_no_leak_until_it_is_taken_again(dataset_id):
    same = Record("Where is the harbour office?", "On the pier.")
    for side in ("train", "train", "validation", "test"):
        history.create(dataset_id, [same], summary="Add", split=side)
    *_, last = sides(dataset_id)
    pairs.set_status(dataset_id, Selection((last,)), "rejected")
    assert splits.present_leaks(dataset_id)[1].counts == {"exact": 1}
    assert splits.plan_move(MoveRun(dataset_id)) == ((2, 1, 1), (3, 0, 1), True)
    done = tasks.start(splits.MOVE, MoveRun(dataset_id)).result
    assert (done["train"], done["test"], done["notes"]) == (3, 1, ["Validation is empty."])
    pairs.set_status(dataset_id, Selection((last,)), "approved")
    assert splits.present_leaks(dataset_id)[1].counts == {"exact": 1}


def test_a_kind_of_leak_that_there_is_not_is_refused(hundred):
    with pytest.raises(Invalid):
        tasks.start(splits.MOVE, MoveRun(hundred, ("colour",)))
    with pytest.raises(BadUsage):
        SplitOptions(group_by=("colour",))
