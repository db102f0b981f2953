"""The record and the JSON of its messages."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.record import Message, Record, dump_json, dump_messages, load_json, load_messages

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
    reasoning=st.none() | TEXT,
)


@given(st.lists(MESSAGE, max_size=4).map(tuple))
def test_messages_survive_storage(messages):
    assert load_messages(dump_messages(messages)) == messages


@given(st.dictionaries(TEXT, JSON, max_size=4))
def test_extra_survives_storage_with_its_order(extra):
    loaded = load_json(dump_json(extra), {})
    assert loaded == extra and list(loaded) == list(extra)


def test_answered():
    call = Message("assistant", tool_calls=[{}])
    assert Record("q", "a").answered and Record("q", "", trace=(call,)).answered
    assert not Record("q", " \ufeff").answered
    assert not Record("q", "", trace=(call, Message("tool", "18C"))).answered
