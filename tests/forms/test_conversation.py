"""Messages as fields of a form: whatever a pair holds comes back as it was, and buttons move whole messages."""

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.errors import Invalid
from app.core.record import Message, Record
from app.forms.conversation import CallFields, Conversation, MessageFields

TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=12)
JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=6,
)
ARGUMENTS = TEXTS | st.dictionaries(TEXTS, JSON, max_size=3) | JSON
FUNCTIONS = st.fixed_dictionaries({"name": TEXTS}, optional={"arguments": ARGUMENTS, "more": JSON})
CALLS = st.fixed_dictionaries({"function": FUNCTIONS}, optional={"id": TEXTS, "type": TEXTS}) | JSON
MESSAGES = st.builds(
    Message,
    st.sampled_from(["user", "assistant", "system", "developer", "tool", "function"]),
    st.none() | TEXTS,
    st.none() | TEXTS,
    st.none() | st.integers(0, 2),
    st.none() | st.lists(CALLS, min_size=1, max_size=3),
    st.none() | TEXTS,
    st.dictionaries(TEXTS, JSON, max_size=2),
    st.none() | TEXTS.filter(bool),
)


def sent(talk):
    """What a browser sends of the fields: line ends become CRLF, and a field of one line has none."""

    def area(text):
        return text.replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")

    def line(text):
        return text.replace("\r", "").replace("\n", "")

    fields = [("conversation", "1")]

    def add(key, one):
        fields.extend((f"m{key}.{name}", line(getattr(one, name))) for name in ("at", "role"))
        fields.append((f"m{key}.kept", one.kept))
        fields.extend([(f"m{key}.trained", "1")] if one.trained else [])
        fields.append((f"m{key}.text", area(one.text)))
        for number, call in enumerate(one.calls):
            fields.append((f"m{key}.c{number}.kept", call.kept))
            fields.append((f"m{key}.c{number}.name", line(call.name)))
            fields.extend((f"m{key}.c{number}.{name}", area(getattr(call, name))) for name in ("arguments", "raw"))
        fields.append((f"m{key}.reasoning", area(one.reasoning)))
        fields.extend((f"m{key}.{name}", line(getattr(one, name))) for name in ("name", "tool_call_id"))

    for key, one in enumerate(talk.turns):
        add(key, one)
    fields.append(("question", "Q"))
    for key, one in enumerate(talk.trace, 100):
        add(key, one)
    return fields


@given(st.lists(MESSAGES, max_size=3), st.lists(MESSAGES, max_size=3))
def test_messages_that_nobody_touched_come_back_as_they_were(turns, trace):
    talk = Conversation.of_record(Record("Q", turns=tuple(turns), trace=tuple(trace)))
    assert Conversation.of_form(sent(talk)).messages() == (tuple(turns), tuple(trace))


def test_what_is_typed_is_taken_and_the_rest_is_kept():
    stored = Message("assistant", "a\r\nb", weight=1, extra={"refusal": None, "k": 1})
    talk = Conversation.of_record(Record("Q", turns=(stored,)))
    talk.turns[0].text = "a\nb\nc"
    assert talk.messages()[0] == (replace(stored, text="a\r\nb\r\nc"),)
    talk.turns[0].trained = False
    assert talk.messages()[0][0].weight == 0
    talk.turns[0].role = "user"
    assert talk.messages()[0][0].weight == 1


def test_a_call_keeps_the_form_of_its_arguments():
    calls = [
        {"id": "a", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}},
        {"function": {"name": "g", "arguments": {"x": 1}}},
    ]
    talk = Conversation.of_record(Record("Q", trace=(Message("assistant", None, tool_calls=calls),)))
    talk.trace[0].calls[0].arguments = '{"x": 2}'
    talk.trace[0].calls[1].arguments = '{"x": 2}'
    talk.trace[0].calls.append(CallFields("h"))
    [message] = talk.messages()[1]
    assert [one["function"]["arguments"] for one in message.tool_calls] == ['{"x": 2}', {"x": 2}, "{}"]
    assert message.tool_calls[0]["id"] == "a" and message.text is None
    talk.trace[0].calls[1].arguments = "{"
    with pytest.raises(Invalid, match="Tool call 2 of message 2: the text of its arguments cannot be read as JSON"):
        talk.messages()


@pytest.mark.parametrize(
    ("act", "turns", "trace"),
    [
        ("up:1", "BA", "C"),
        ("down:0", "BA", "C"),
        ("up:0", "AB", "C"),
        ("down:1", "A", "BC"),
        ("up:2", "ABC", ""),
        ("down:2", "AB", "C"),
        ("remove:0", "B", "C"),
        ("remove:9", "AB", "C"),
        ("up:x", "AB", "C"),
        ("turn", "AB ", "C"),
        ("trace", "AB", "C "),
        ("nonsense", "AB", "C"),
    ],
)
def test_buttons_move_messages(act, turns, trace):
    talk = Conversation([MessageFields("user", "A"), MessageFields("assistant", "B")], [MessageFields("tool", "C")])
    talk.arrange(act)
    found = ["".join(one.text or " " for one in part) for part in (talk.turns, talk.trace)]
    assert found == [turns, trace]


def test_buttons_add_and_remove_calls():
    talk = Conversation([], [MessageFields("assistant", "A")])
    talk.arrange("call:0")
    talk.arrange("call:0")
    talk.trace[0].calls[1].name = "second"
    talk.arrange("uncall:0.0")
    talk.arrange("uncall:0.7")
    assert [one.name for one in talk.trace[0].calls] == ["second"]


@pytest.mark.parametrize("kept", ["[]", '{"extra": 1}', '{"weight": "x"}', '{"text": 1}', "{"])
def test_what_was_tampered_with_is_refused(kept):
    with pytest.raises(Invalid, match="What this form keeps of a message"):
        MessageFields("user", "x", kept=kept).message("message 1")


@pytest.mark.parametrize("kept", ["[]", '{"function": 1}', '{"function": {"arguments": 5}}'])
def test_a_call_that_was_tampered_with_is_refused(kept):
    message = MessageFields("assistant", calls=[CallFields("f", "{}", kept=kept)])
    with pytest.raises(Invalid, match="What this form keeps of a tool call"):
        message.message("message 1")


@given(st.lists(MESSAGES, max_size=5), st.lists(st.booleans(), min_size=5, max_size=5))
def test_what_is_folded_comes_back_as_it_was(turns, folded):
    talk = Conversation.of_record(Record("Q", turns=tuple(turns)))
    for one, hide in zip(talk.turns, folded, strict=False):
        one.folded = hide
    packed = [
        (f"{'folded' if run.folded else 'messages'}.{run.first}", run.packed.replace("\r\n", "\n"))
        for run in talk.runs()[0]
    ]
    again = Conversation.of_form([("conversation", "1"), *packed, ("question", "Q")])
    assert again.messages() == (tuple(turns), ())
    assert [one.folded for one in again.turns] == [one.folded for one in talk.turns]


def test_of_a_long_conversation_the_last_messages_are_shown_and_others_by_buttons():
    turns = [Message("user" if at % 2 == 0 else "assistant", str(at)) for at in range(2000)]
    talk = Conversation.of_record(Record("Q", turns=tuple(turns)))

    def shown():
        return [(run.first, run.last) for run in talk.runs()[0] if not run.folded]

    assert shown() == [(1970, 1999)]
    talk.arrange("last:1969")
    assert shown() == [(1940, 1999)]
    talk.arrange("first:0")
    assert shown() == [(0, 29), (1940, 1999)]
    for end in range(1939, 1700, -30):
        talk.arrange(f"last:{end}")
    # No more stand in fields than a form can have: those that are far away are folded again.
    assert sum(last - first + 1 for first, last in shown()) == 150
    talk.show(1000)
    assert (998, 1002) in shown()
    talk.arrange("up:998")
    assert [one.text for one in talk.turns[996:1000]] == ["996", "998", "997", "999"]


@pytest.mark.parametrize("packed", ["{}", "[1]", '[{"role": 1}]', '[{"calls": [1]}]', "[", '[{"text": "\\ud800"}]'])
def test_messages_that_were_tampered_with_are_refused(packed):
    with pytest.raises(Invalid, match="What this form keeps of messages"):
        Conversation.of_form([("conversation", "1"), ("folded.0", packed)])
