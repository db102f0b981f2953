"""The record and its stored form."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.record import (
    Message,
    Record,
    content_hash,
    dump_json,
    dump_messages,
    load_json,
    load_messages,
)

TEXT = st.text(st.characters(exclude_categories=("Cs",)))
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | TEXT,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXT, inner, max_size=3),
    max_leaves=6,
)
MESSAGE = st.builds(
    Message,
    role=st.sampled_from(["user", "assistant", "tool", "developer"]),
    text=st.none() | TEXT,
    name=st.none() | TEXT,
    weight=st.none() | st.sampled_from([0, 1]),
    tool_calls=st.none() | st.lists(JSON, min_size=1, max_size=2),
    tool_call_id=st.none() | TEXT,
    extra=st.dictionaries(TEXT, JSON, max_size=2),
)


@given(st.lists(MESSAGE, max_size=4).map(tuple))
def test_messages_survive_storage(messages):
    assert load_messages(dump_messages(messages)) == messages


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_extra_survives_storage_with_its_order(extra):
    loaded = load_json(dump_json(extra), {})
    assert loaded == extra and list(loaded) == list(extra)


@given(TEXT, TEXT, TEXT, TEXT)
def test_different_pairs_have_different_hashes(question, answer, other_question, other_answer):
    same = (question, answer) == (other_question, other_answer)
    first = content_hash(None, None, question, None, answer, None)
    assert (first == content_hash(None, None, other_question, None, other_answer, None)) == same


def test_text_cannot_move_between_fields_unnoticed():
    hashes = {
        content_hash(None, None, "ab", None, "c", None),
        content_hash(None, None, "a", None, "bc", None),
        content_hash("a", None, "b", None, "c", None),
        content_hash(None, None, "b", None, "c", "a"),
        content_hash("", None, "ab", None, "c", None),
        content_hash(None, "[]", "ab", None, "c", None),
    }
    assert len(hashes) == 6


def test_hashes_fit_a_signed_64_bit_column():
    hashes = [content_hash(None, None, str(n), None, "", None) for n in range(200)]
    assert min(hashes) >= -(2**63) and max(hashes) < 2**63 and min(hashes) < 0 < max(hashes)


def test_answered():
    call = Message("assistant", tool_calls=[{}])
    assert Record("q", "a").answered and Record("q", "", trace=(call,)).answered
    assert not Record("q", " \ufeff").answered
    assert not Record("q", "", trace=(call, Message("tool", "18C"))).answered
