"""Snapshots: what was frozen stays as it was, whatever happens to its pairs, and says so by its hash."""

import pytest
from sqlalchemy import update

from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filters
from app.core.record import Record
from app.core.stored import COLUMNS
from app.models import KeptEntry, db, transaction
from app.services import backups, datasets, entries, history, jobs, pairs, snapshots, tasks
from app.services.pairs import Selection
from app.services.snapshots import FreezeRun, RestoreRun, freezing, restoring

FIELDS = tuple(name for name in COLUMNS if name not in ("content_hash", "version"))


def freeze(dataset_id: int, **run):
    """A new snapshot."""
    made = snapshots.freeze(FreezeRun(dataset_id, **run), jobs.Unwatched())
    return snapshots.find_snapshot(dataset_id, made["snapshot"])


def held(snapshot, **how):
    """The rows of a snapshot, without what may be computed later."""
    rows = (row for part in snapshots.stream(snapshot, **how) for row in part)
    return [tuple(getattr(entries.as_entry(row), name) for name in FIELDS) for row in rows]


def add(dataset_id: int, *texts: str, **more):
    """Add pairs; their ids."""
    records = [Record(f"{text}?", f"{text}.", **more) for text in texts]
    history.create(dataset_id, records, summary="Add")
    return [entry.id for entry in entries.stream_entries(dataset_id)][-len(texts) :]


def answers(snapshot):
    """The answers of a snapshot, in order."""
    return [row[FIELDS.index("answer")] for row in held(snapshot)]


def edit(dataset_id: int, entry_id: int, answer: str):
    """Write another answer."""
    entry = entries.get(dataset_id, entry_id)
    pairs.save_pair(dataset_id, entry_id, {"answer": answer}, version=entry.version)


def test_a_snapshot_holds_what_was_there(dataset_id) -> None:
    first, second = add(dataset_id, "one", "two")
    frozen = freeze(dataset_id, name="first", note="As it came")
    edit(dataset_id, first, "Uno.")
    history.delete(dataset_id, [second])
    add(dataset_id, "three")
    assert answers(frozen) == ["one.", "two."]
    assert (frozen.number, frozen.name, frozen.note, frozen.records) == (1, "first", "As it came", 2)


def test_each_snapshot_holds_its_own(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    found = [freeze(dataset_id)]
    for text in ("two", "two", "three", "four"):
        edit(dataset_id, entry_id, text)
        found.append(freeze(dataset_id))
    assert [answers(one) for one in found] == [["one."], ["two"], ["two"], ["three"], ["four"]]
    assert found[1].hash == found[2].hash


def test_what_was_undone_or_redone_since_changes_nothing(dataset_id) -> None:
    add(dataset_id, "one", "two")
    history.undo(dataset_id)
    add(dataset_id, "three")
    frozen = freeze(dataset_id)
    history.redo(dataset_id, 1)
    assert answers(frozen) == ["three."]
    both = freeze(dataset_id)
    history.undo(dataset_id, 1)
    history.undo(dataset_id, 2)
    assert answers(frozen) == ["three."]
    assert answers(both) == ["one.", "two.", "three."]


def test_an_edit_of_before_that_is_undone_and_done_again_changes_nothing(dataset_id) -> None:
    first, second = add(dataset_id, "one", "two")
    edit(dataset_id, first, "Uno.")
    pairs.tag_pairs(dataset_id, Selection((first, second)), add=["new"])
    frozen = freeze(dataset_id)
    before = held(frozen)
    history.undo(dataset_id, 2)
    undone = freeze(dataset_id)
    history.undo(dataset_id, 3)
    history.redo(dataset_id, 2)
    assert held(frozen) == before and answers(undone) == ["one.", "two."]


def test_compacting_takes_nothing_from_snapshots(dataset_id) -> None:
    first, _ = add(dataset_id, "one", "two")
    frozen = freeze(dataset_id)
    history.delete(dataset_id, [first])
    history.undo(dataset_id, 1)
    history.compact(dataset_id, 2)
    assert answers(frozen) == ["one.", "two."]


def test_what_no_snapshot_shows_is_not_kept_when_history_is_compacted(dataset_id) -> None:
    first, _ = add(dataset_id, "secret", "two")
    history.delete(dataset_id, [first])
    add(dataset_id, "also secret")
    history.undo(dataset_id)
    freeze(dataset_id)
    history.compact(dataset_id, 3)
    assert db.session.query(KeptEntry).count() == 0


def test_the_hash_says_what_is_held_whatever_its_order_and_its_dataset(dataset_id) -> None:
    add(dataset_id, "one", "two", tags=("b", "a"))
    other = datasets.create_dataset("Other").id
    add(other, "nought")
    add(other, "two", "one", tags=("a", "b"))
    assert freeze(dataset_id).hash != freeze(other).hash
    history.delete(other, [next(entries.stream_entries(other)).id])
    assert freeze(dataset_id).hash == freeze(other).hash


@pytest.mark.parametrize(
    "write",
    [
        lambda dataset_id, chosen: pairs.set_status(dataset_id, Selection(chosen), "approved"),
        lambda dataset_id, chosen: pairs.tag_pairs(dataset_id, Selection(chosen), add=["new"]),
        lambda dataset_id, chosen: history.delete(dataset_id, chosen),
        lambda dataset_id, chosen: edit(dataset_id, chosen[0], "Other."),
        lambda dataset_id, chosen: add(dataset_id, "one"),
        lambda dataset_id, chosen: datasets.update_dataset(dataset_id, system_prompt="Be kind."),
    ],
)
def test_the_hash_tells_what_a_trainer_would_get_otherwise(dataset_id, write) -> None:
    chosen = tuple(add(dataset_id, "one", "two"))
    before = freeze(dataset_id).hash
    write(dataset_id, chosen[:1])
    assert freeze(dataset_id).hash != before


def test_a_filter_is_frozen_by_what_it_found(dataset_id) -> None:
    ids = add(dataset_id, *(f"n{number}" for number in range(9)))
    pairs.set_status(dataset_id, Selection((ids[1], ids[2], ids[5])), "approved")
    frozen = freeze(dataset_id, filters=Filters(statuses=("approved",)))
    pairs.set_status(dataset_id, Selection((ids[0], ids[5])), "approved")
    pairs.set_status(dataset_id, Selection((ids[1],)), "rejected")
    assert answers(frozen) == ["n1.", "n2.", "n5."]
    assert frozen.statuses == {"approved": 3}


def test_rows_of_a_snapshot_can_be_filtered_as_those_of_a_dataset(dataset_id) -> None:
    ids = add(dataset_id, "one", "two", "three")
    frozen = freeze(dataset_id)
    edit(dataset_id, ids[0], "Nothing of it.")
    assert [row[0] for row in held(frozen, filters=Filters(text="ONE."))] == ["one?"]
    assert held(frozen, filters=Filters(text="nothing")) == []
    assert [row[FIELDS.index("id")] for row in held(frozen, where=[entries.Entry.id > ids[0]])] == ids[1:]


def test_deleting_a_snapshot_leaves_the_others_as_they_are(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    first, second = freeze(dataset_id), freeze(dataset_id)
    edit(dataset_id, entry_id, "two")
    third = freeze(dataset_id)
    edit(dataset_id, entry_id, "three")
    snapshots.delete_snapshot(second.id)
    assert answers(first) == ["one."] and answers(third) == ["two"]
    snapshots.delete_snapshot(third.id)
    edit(dataset_id, entry_id, "four")
    assert answers(first) == ["one."]
    snapshots.delete_snapshot(first.id)
    assert db.session.query(KeptEntry).count() == 0
    assert freeze(dataset_id).number == 4


def test_a_snapshot_is_found_by_name_number_and_hash(dataset_id) -> None:
    add(dataset_id, "one")
    frozen = freeze(dataset_id, name="Before the break")
    for which in ("Before the break", "v1", "V1", 1, frozen.hash, frozen.hash[:8].upper()):
        assert snapshots.find_snapshot(dataset_id, which).id == frozen.id
    for which in ("v2", "0", "Before", frozen.hash[:5], "fffffffff", ""):
        with pytest.raises(NotFound):
            snapshots.find_snapshot(dataset_id, which)
    assert snapshots.find_snapshot(dataset_id, freeze(dataset_id).hash).number == 2


@pytest.mark.parametrize("name", ["now", "V3", "12", "x" * 201, "a\x00b"])
def test_a_name_that_would_mislead_is_refused(dataset_id, name) -> None:
    add(dataset_id, "one")
    with pytest.raises(Invalid):
        freeze(dataset_id, name=name)
    assert freeze(dataset_id).number == 1


def test_a_name_is_given_once(dataset_id) -> None:
    add(dataset_id, "one")
    freeze(dataset_id, name="first")
    with pytest.raises(Conflict, match="v1 is named 'first'"):
        freeze(dataset_id, name=" first ")


def test_nothing_cannot_be_frozen(dataset_id) -> None:
    add(dataset_id, "one")
    with pytest.raises(Invalid, match="no pair is chosen"):
        freeze(dataset_id, filters=Filters(text="nowhere"))
    assert snapshots.list_snapshots(dataset_id) == [] and freeze(dataset_id).number == 1


def test_texts_that_a_snapshot_holds_are_not_said_to_be_forgotten(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "secret")
    frozen = freeze(dataset_id)
    edit(dataset_id, entry_id, "masked")
    with pytest.raises(Conflict, match="1 snapshot of this dataset still holds what is to be forgotten: v1"):
        history.forget(dataset_id, 2)
    snapshots.delete_snapshot(frozen.id)
    freeze(dataset_id)
    assert history.forget(dataset_id, 2) == 1


def test_what_was_kept_for_a_deleted_snapshot_is_forgotten_too(dataset_id, monkeypatch) -> None:
    (entry_id,) = add(dataset_id, "one")
    edit(dataset_id, entry_id, "secret")
    frozen = freeze(dataset_id)
    edit(dataset_id, entry_id, "plain")
    with monkeypatch.context() as killed:
        killed.setattr(history, "release_kept", lambda dataset_id: 0)
        snapshots.delete_snapshot(frozen.id)
    history.forget(dataset_id, 3)
    assert db.session.query(KeptEntry).count() == 0


def test_a_restored_backup_brings_its_snapshots_and_gives_no_number_again(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    frozen = freeze(dataset_id)
    before = held(frozen)
    edit(dataset_id, entry_id, "two")
    backup = backups.make_backup()
    freeze(dataset_id)
    backups.restore_backup(backup)
    assert [one.number for one in snapshots.list_snapshots(dataset_id)] == [1]
    assert held(snapshots.find_snapshot(dataset_id, 1)) == before
    assert freeze(dataset_id).number == 3
    backups.restore_backup(backups.make_backup())
    assert snapshots.newest_of_now(dataset_id).number == 3


def test_a_snapshot_that_still_is_the_dataset_is_known(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    frozen = freeze(dataset_id)
    assert snapshots.newest_of_now(dataset_id).id == frozen.id
    edit(dataset_id, entry_id, "two")
    assert snapshots.newest_of_now(dataset_id) is None


def differing(dataset_id: int, before, after=None):
    """The ids that a comparison names, by kind."""
    found = snapshots.compare(dataset_id, before, after)
    return {kind: list(ids) for kind, ids in found.ids.items() if ids}


def test_a_comparison_names_what_came_went_and_changed(dataset_id) -> None:
    first, second, third = add(dataset_id, "one", "two", "three")
    before = freeze(dataset_id)
    edit(dataset_id, first, "Uno.")
    history.delete(dataset_id, [second])
    (fourth,) = add(dataset_id, "four")
    after = freeze(dataset_id)
    history.undo(dataset_id)
    there = {"changed": [first], "removed": [second], "added": [fourth]}
    assert differing(dataset_id, before, after) == there
    assert differing(dataset_id, after, before) == {"changed": [first], "removed": [fourth], "added": [second]}
    assert differing(dataset_id, before) == {"changed": [first], "removed": [second]}
    assert snapshots.compare(dataset_id, before, after).same == 1
    [changed] = snapshots.list_differences(snapshots.compare(dataset_id, before, after), [first])
    assert changed.fields == {"answer": ("one.", "Uno.")} and third not in there.values()


def test_what_was_written_and_written_back_is_the_same(dataset_id) -> None:
    first, second = add(dataset_id, "one", "two")
    before = freeze(dataset_id)
    edit(dataset_id, first, "Uno.")
    edit(dataset_id, first, "one.")
    history.delete(dataset_id, [second])
    add(dataset_id, "two")
    assert differing(dataset_id, before) == {} and freeze(dataset_id).hash == before.hash


def test_an_import_that_is_undone_and_done_again_is_seen_by_comparisons(dataset_id) -> None:
    first, second = add(dataset_id, "one", "two")
    both = freeze(dataset_id)
    history.undo(dataset_id)
    assert differing(dataset_id, both) == {"removed": [first, second]}
    (third,) = add(dataset_id, "three")
    other = freeze(dataset_id)
    history.redo(dataset_id, 1)
    assert differing(dataset_id, other) == {"added": [first, second]}
    assert differing(dataset_id, both, other) == {"removed": [first, second], "added": [third]}


def test_a_frozen_filter_is_compared_with_what_it_finds_now(dataset_id) -> None:
    first, second, third = add(dataset_id, "one", "two", "three")
    pairs.set_status(dataset_id, Selection((first, second)), "approved")
    frozen = freeze(dataset_id, filters=Filters(statuses=("approved",)))
    assert differing(dataset_id, frozen) == {}
    edit(dataset_id, first, "Uno.")
    pairs.set_status(dataset_id, Selection((second,)), "rejected")
    pairs.set_status(dataset_id, Selection((third,)), "approved")
    assert differing(dataset_id, frozen) == {"changed": [first], "removed": [second], "added": [third]}
    assert differing(dataset_id, frozen, freeze(dataset_id)) == {"changed": [first, second], "added": [third]}


def restore(dataset_id: int, snapshot):
    """Bring the dataset back to a snapshot."""
    return tasks.start(snapshots.RESTORE, snapshots.RestoreRun(dataset_id, snapshot.number)).result


def test_a_dataset_is_brought_back_in_one_step_that_can_be_undone(dataset_id) -> None:
    first, second, _ = add(dataset_id, "one", "two", "three")
    frozen, digest = freeze(dataset_id), datasets.compute_digest(dataset_id)
    edit(dataset_id, first, "Uno.")
    history.delete(dataset_id, [second])
    add(dataset_id, "four", "five")
    later = datasets.compute_digest(dataset_id)
    result = restore(dataset_id, frozen)
    assert (result["changed"], result["added"], result["removed"]) == (1, 1, 2)
    assert datasets.compute_digest(dataset_id) == digest and datasets.get(dataset_id).counts == {"review": 3}
    assert differing(dataset_id, frozen) == {}
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == later and datasets.get(dataset_id).counts == {"review": 4}
    history.redo(dataset_id)
    assert datasets.compute_digest(dataset_id) == digest


def test_pairs_that_are_gone_for_good_come_back_as_new_ones(dataset_id) -> None:
    first, _ = add(dataset_id, "one", "two")
    frozen = freeze(dataset_id)
    history.delete(dataset_id, [first])
    history.compact(dataset_id, 2)
    restore(dataset_id, frozen)
    assert differing(dataset_id, frozen) == {} and freeze(dataset_id).hash == frozen.hash
    assert restore(dataset_id, frozen)["change_set"] is None


def test_going_back_to_a_snapshot_that_is_deleted_meanwhile_changes_nothing(dataset_id, monkeypatch) -> None:
    first, second = add(dataset_id, "one", "two")
    frozen = freeze(dataset_id)
    edit(dataset_id, first, "Uno.")
    history.delete(dataset_id, [second])
    list_differences = restoring.list_differences

    def delete_and_list(found, ids):
        if snapshots.count_snapshots(dataset_id):
            snapshots.delete_snapshot(frozen.id)
        return list_differences(found, ids)

    monkeypatch.setattr(restoring, "list_differences", delete_and_list)
    with pytest.raises(NotFound, match="no snapshot"):
        restoring.restore(RestoreRun(dataset_id, 1), jobs.Unwatched())
    assert [entry.answer for entry in entries.stream_entries(dataset_id)] == ["Uno."]
    assert history.newest_number(dataset_id) == 3


def test_a_comparison_is_at_hand_for_later_sessions(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    freeze(dataset_id)
    edit(dataset_id, entry_id, "Uno.")
    for name in ("first", "second"):
        frozen = snapshots.name_snapshot(snapshots.find_snapshot(dataset_id, 1).id, name=name)
        compared = snapshots.recall_comparison(dataset_id, frozen, None)
        assert compared.before.name == name and compared.as_dict()["changed"] == 1
        db.session.remove()


def test_going_back_past_an_undone_import_leaves_it_to_be_redone(dataset_id) -> None:
    add(dataset_id, "one", "two")
    frozen = freeze(dataset_id)
    history.undo(dataset_id)
    restore(dataset_id, frozen)
    assert differing(dataset_id, frozen) == {}
    history.undo(dataset_id)
    assert list(entries.stream_entries(dataset_id)) == []
    history.redo(dataset_id, 1)
    assert differing(dataset_id, frozen) == {}


def test_going_back_to_a_part_leaves_the_rest_alone(dataset_id) -> None:
    first, second, third = add(dataset_id, "one", "two", "three")
    pairs.set_status(dataset_id, Selection((first, second)), "approved")
    frozen = freeze(dataset_id, filters=Filters(statuses=("approved",)))
    pairs.set_status(dataset_id, Selection((first, third)), "rejected")
    history.delete(dataset_id, [second])
    restore(dataset_id, frozen)
    found = {entry.id: entry.status for entry in entries.stream_entries(dataset_id)}
    assert found == {first: "approved", second: "approved", third: "rejected"}


def test_a_dataset_is_made_from_a_snapshot(dataset_id) -> None:
    (first, _) = add(dataset_id, "one", "two")
    datasets.update_dataset(dataset_id, system_prompt="Be kind.")
    frozen = freeze(dataset_id)
    edit(dataset_id, first, "Uno.")
    datasets.update_dataset(dataset_id, system_prompt="Be curt.")
    made = tasks.start(snapshots.COPY, snapshots.CopyRun(dataset_id, frozen.number)).result["dataset_id"]
    assert datasets.get(made).name == "Tests (v1)"
    assert freeze(made).hash == frozen.hash


def test_verify_finds_a_snapshot_that_was_tampered_with(dataset_id) -> None:
    (first, _) = add(dataset_id, "one", "two")
    freeze(dataset_id)
    edit(dataset_id, first, "Uno.")
    assert backups.verify_database() == []
    with transaction() as session:
        session.execute(update(KeptEntry).values(answer="Other."))
    assert backups.verify_database() == [f"Snapshot v1 of dataset {dataset_id} no longer holds what was frozen."]


def test_verify_does_not_call_a_snapshot_damaged_that_is_deleted_meanwhile(dataset_id, monkeypatch) -> None:
    (entry_id,) = add(dataset_id, "one")
    freeze(dataset_id)
    edit(dataset_id, entry_id, "Uno.")

    def delete_and_stream(snapshot, **how):
        snapshots.delete_snapshot(snapshot.id)
        yield from snapshots.stream(snapshot, **how)

    monkeypatch.setattr(freezing, "stream", delete_and_stream)
    assert backups.verify_database() == []


def test_a_killed_freeze_is_swept_with_what_was_kept_for_it(dataset_id, monkeypatch) -> None:
    (entry_id,) = add(dataset_id, "one")
    kept = freeze(dataset_id)
    begun = snapshots.freezing._begin(FreezeRun(dataset_id), None, "you")
    edit(dataset_id, entry_id, "two")
    assert [one.id for one in snapshots.list_snapshots(dataset_id)] == [kept.id] != [begun]
    snapshots.freezing.sweep()
    assert answers(kept) == ["one."] and freeze(dataset_id).number == 2


def test_edits_while_it_freezes_are_in_nothing_or_in_all_of_it(dataset_id, monkeypatch) -> None:
    ids = add(dataset_id, *(f"n{number}" for number in range(30)))
    before = freeze(dataset_id)
    monkeypatch.setattr(snapshots.freezing, "SIZE", 10)

    class Meddler(jobs.Unwatched):
        def progress(self, done, total=None, message=""):
            edit(dataset_id, ids[done % 30], f"Meanwhile {done}.")
            history.delete(dataset_id, [ids[(done + 1) % 30]])
            add(dataset_id, f"new {done}")

    made = snapshots.freeze(FreezeRun(dataset_id), Meddler())
    assert (made["records"], made["hash"]) == (30, before.hash)
    assert held(snapshots.find_snapshot(dataset_id, 2)) == held(before)


def test_the_hash_is_the_same_in_every_version_and_on_every_database(dataset_id) -> None:
    add(dataset_id, "three", "one", "two", tags=("a",))
    assert freeze(dataset_id).hash == "da7ac5fbab0fc9ff752508f9599903584a253d77175e796c7623ead4a371719d"


def test_snapshots_of_what_hardly_changes_take_hardly_any_room(dataset_id) -> None:
    ids = add(dataset_id, *(f"n{number}" for number in range(50)))
    for number in range(10):
        freeze(dataset_id)
        edit(dataset_id, ids[number], "Other.")
        pairs.set_status(dataset_id, Selection((ids[number],)), "approved")
    assert db.session.query(KeptEntry).count() == 10


def test_a_deleted_dataset_brings_its_snapshots_back(dataset_id) -> None:
    (entry_id,) = add(dataset_id, "one")
    frozen = freeze(dataset_id)
    edit(dataset_id, entry_id, "two")
    datasets.delete_dataset(dataset_id)
    datasets.restore_dataset(dataset_id)
    assert answers(snapshots.find_snapshot(dataset_id, 1)) == answers(frozen) == ["one."]
