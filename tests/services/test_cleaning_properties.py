"""For every operation and any texts: a preview counts what applying changes, and undo gives the same dataset back."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.cleaning import OPERATIONS
from app.core.record import Message, Record
from app.services import datasets, history
from tests import factories
from tests.round_trips import clean_and_undo

PIECES = (
    *factories.MARKUP,
    *("a", "E", " ", "\t", "\n\n\n", "\r\n", "123 456", "Q: a\nA: b\n", "---", "```\ncode\n", "`e`", "See https://e.example/a?b=1 "),
    *("ann@example.org", "+49 30 1234567", "4111 1111 1111 1111", "DE89370400440532013000", "As an AI language model, I cannot. "),
    *("&amp;", "<think>r</think>", "schÃ¶n", "e\u0301", "\u200b", "\u202e", "\ufeff", "“it’s”", '"it\'s"', "👍🏽", "👩‍👩‍👧", "مرحبا", "답변: 안녕", "नमस्ते", "<b>e</b>", "<p>e</p>"),
)  # fmt: skip
TEXTS = st.one_of(
    st.lists(st.sampled_from(PIECES), max_size=6).map("".join),
    st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=30),
)
QUESTIONS = TEXTS.map(lambda text: text if any(c.isalnum() for c in text) else text + "q")
TURNS = TEXTS.map(lambda text: (Message("user", text), Message("assistant", text, reasoning=text or None)))
RECORDS = st.builds(
    Record,
    system=st.one_of(st.none(), TEXTS),
    turns=st.one_of(st.just(()), TURNS),
    question=QUESTIONS,
    answer=TEXTS,
    rejected_answer=st.one_of(st.none(), TEXTS),
    reasoning=TEXTS.map(lambda text: text or None),
)


@pytest.mark.parametrize("operation", OPERATIONS)
@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(records=st.lists(RECORDS, min_size=1, max_size=8))
def test_what_is_previewed_is_done_and_undone(app, operation, records):
    with app.app_context():
        dataset_id = datasets.create_dataset("Any").id
        history.create(dataset_id, records, summary="Add")
        clean_and_undo(dataset_id, operation)


@pytest.mark.parametrize("operation", OPERATIONS)
def test_every_operation_changes_something_and_gives_it_back(dataset_id, operation):
    text = "".join(PIECES)
    pieces = [Record(f"{number} {piece}", piece * 3) for number, piece in enumerate(PIECES)]
    history.create(dataset_id, [*pieces, Record(text, text, system=text), Record("empty", "")], summary="Add")
    assert clean_and_undo(dataset_id, operation) > 0
