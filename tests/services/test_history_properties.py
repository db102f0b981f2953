"""Whatever is done, undoing all of it returns the first digest and redoing all of it the last one."""

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.record import Record
from app.services import datasets, entries, history, pairs
from app.services.pairs import Selection

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30)
ACTION = st.tuples(st.sampled_from(["add", "edit", "delete", "status", "tag", "undo", "redo"]), st.integers(0, 9), TEXT)


def perform(dataset_id, action, number, text):
    alive = [entry.id for entry in entries.stream_entries(dataset_id)]
    chosen = tuple(alive[number % len(alive) :][:3]) if alive else ()
    if action == "add":
        records = [Record(f"q {n} {text}", text, reasoning=text or None) for n in range(number % 3 + 1)]
        history.create(dataset_id, records, summary="Add")
    elif action in ("undo", "redo"):
        undone_or_redone(dataset_id, action)
    elif chosen:
        change(dataset_id, action, chosen, number, text)


def undone_or_redone(dataset_id, action):
    if action == "undo" and history.next_undo(dataset_id):
        history.undo(dataset_id)
    elif action == "redo" and history.next_redo(dataset_id):
        history.redo(dataset_id)


def change(dataset_id, action, chosen, number, text):
    if action == "edit":
        entry = entries.get(dataset_id, chosen[0])
        pairs.save_pair(
            dataset_id, entry.id, {"answer": text, "question": f"Q{text}", "reasoning": text[1:]}, version=entry.version
        )
    elif action == "delete":
        history.delete(dataset_id, chosen)
    elif action == "status":
        status = ("draft", "review", "approved", "rejected")[number % 4]
        pairs.set_status(dataset_id, Selection(chosen), status)
    elif action == "tag":
        pairs.tag_pairs(dataset_id, Selection(chosen), add=["t" + str(number)])


def kept_counts_hold(dataset_id):
    found = {}
    for entry in entries.stream_entries(dataset_id):
        found[entry.status] = found.get(entry.status, 0) + 1
    assert datasets.get(dataset_id).counts == found


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(actions=st.lists(ACTION, max_size=20))
def test_undo_all_and_redo_all(app, actions):
    with app.app_context():
        dataset_id = datasets.create_dataset("Any").id
        empty = datasets.compute_digest(dataset_id)
        for action, number, text in actions:
            perform(dataset_id, action, number, text)
            kept_counts_hold(dataset_id)
        full = datasets.compute_digest(dataset_id)
        undone = [step.number for step in history.steps(dataset_id) if step.state == "applied"]
        for _ in undone:
            assert history.undo(dataset_id).skipped_count == 0
        assert datasets.compute_digest(dataset_id) == empty and datasets.get(dataset_id).counts == {}
        for number in reversed(undone):
            assert history.redo(dataset_id, number).skipped_count == 0
        assert datasets.compute_digest(dataset_id) == full
        kept_counts_hold(dataset_id)
