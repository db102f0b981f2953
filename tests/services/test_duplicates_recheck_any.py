"""Whatever happens to a small dataset, looking at what changed finds what a new scan finds."""

from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from app.core.record import Record
from app.services import datasets, entries, history, pairs
from app.services.duplicates import ScanOptions
from tests.services.duplicates import alive, check, fill, same_as_a_new_scan, scanned

TEXT = st.builds(
    lambda start, middle, end: f"{start} {middle} {end}",
    st.sampled_from(["How do I", "how do i", "Where can we"]),
    st.sampled_from(
        ["reset the password of my account", "reset the pasword of my account", "order 3 lamps", "order 4 lamps"]
    ),
    st.sampled_from(["today?", "today", "quickly on a Monday?", "now please?"]),
)
ACTION = st.tuples(st.sampled_from(["add", "question", "answer", "delete", "undo", "check"]), st.integers(0, 20), TEXT)


def perform(dataset_id, action, number, text):
    ids = alive(dataset_id)
    one = ids[number % len(ids)] if ids else 0
    if action == "add" or not ids:
        fill(dataset_id, Record(text, f"Choose {text}"))
    elif action in ("question", "answer"):
        pairs.save_pair(dataset_id, one, {action: text}, version=entries.get(dataset_id, one).version)
    elif action == "delete":
        history.delete(dataset_id, [one])
    elif action == "undo" and history.next_undo(dataset_id).number > 1:
        history.undo(dataset_id)
    elif action == "check":
        check(dataset_id)


# Found by chance: on a scan of the first two alone, too few words were common to tell which ones are rare.
BETWEEN = [
    "How do I reset the password of my account today?",
    "How do I reset the pasword of my account quickly on a Monday?",
]


@example(side="question", texts=BETWEEN, actions=[("add", 0, "Where can we reset the pasword of my account today?")])
@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    side=st.sampled_from(["question", "pair"]),
    texts=st.lists(TEXT, min_size=2, max_size=8),
    actions=st.lists(ACTION, max_size=8),
)
def test_a_recheck_finds_what_a_new_scan_finds(app, side, texts, actions):
    with app.app_context():
        dataset_id = datasets.create_dataset("Any").id
        scanned(dataset_id, *[Record(text, "Choose Settings.") for text in texts], options=ScanOptions(side))
        for action, number, text in actions:
            perform(dataset_id, action, number, text)
        check(dataset_id)
        same_as_a_new_scan(dataset_id)
