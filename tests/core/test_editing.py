"""What may be written into a conversation: JSON, messages, tool calls and tools are refused with their place."""

import pytest

from app.core.editing import (
    answer_weight,
    check_messages,
    check_tools,
    move_notes,
    parse_json,
    read_messages,
    with_answer_weight,
    with_tools,
)
from app.core.errors import Invalid
from app.core.record import Message


def call(arguments='{"box": "A7"}', name="weigh"):
    """An assistant message that calls a tool."""
    return Message(
        "assistant", None, tool_calls=[{"type": "function", "function": {"name": name, "arguments": arguments}}]
    )


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('{"a": 1,\n "b" 2}', "at line 2, column 6"),
        ("", "at line 1, column 1"),
        ('{"a": 1, "a": 2}', "the key “a” stands twice"),
        ('{"a": NaN}', "NaN is no value of JSON"),
        ('{"a": 1e999}', "the number 1e999 is too large"),
        ('{"a": "\\ud800"}', "half of a character"),
        ("[" * 100_000, "nested too deeply"),
        ("1" * 5_000, "is too large"),
    ],
)
def test_json_that_is_none_is_refused_with_its_place(text, said):
    with pytest.raises(Invalid) as error:
        parse_json(text, "The text of the tools")
    assert error.value.message.startswith("The text of the tools") and said in error.value.message


@pytest.mark.parametrize(
    ("message", "said"),
    [
        (Message("robot", "x"), "Message 1 has the role 'robot'. Use one of user, assistant"),
        (Message("user", " \u200b"), "Message 1 is empty"),
        (Message("user", "a\x00b"), "Message 1 holds a NUL character"),
        (Message("user", "a\ud800"), "Message 1 holds half of a character"),
        (Message("assistant", "x", weight=2), "The weight of message 1"),
        (Message("user", "x", tool_calls=[{}]), "only the assistant does"),
        (call("{"), "Tool call 1 of message 1: the text of its arguments cannot be read as JSON"),
        (call("[1]"), "the arguments must be a JSON object"),
        (call(name=" "), "Tool call 1 of message 1 has no name"),
        (Message("assistant", None, tool_calls=["x"]), "must be an object with a function"),
        (Message("user", "x", extra={"k": "\x00"}), "NUL"),
    ],
)
def test_a_message_that_cannot_be_one_is_refused_unless_it_was_there(message, said):
    with pytest.raises(Invalid) as error:
        check_messages([message], [])
    assert said in error.value.message
    check_messages([message], [], known=[message])


def test_only_the_question_is_the_users_last_word():
    check_messages([Message("user", "Hi")], [call(), Message("tool", "")])
    with pytest.raises(Invalid, match="Message 2 is the user’s and stands behind the question"):
        check_messages([], [Message("user", "Hi")])


@pytest.mark.parametrize(
    ("tools", "said"),
    [
        ({}, "must be a JSON list"),
        (["x"], "Tool 1 must be an object"),
        ([{"function": {}}], "Tool 1 has no name"),
        ([{"function": {"name": "a"}}, {"name": "a"}], "which another has too"),
        ([{"name": "a", "parameters": []}], "its parameters must be an object"),
        ([{"name": "a", "parameters": {"type": "text"}}], 'have the type "text"'),
        ([{"name": "a", "parameters": {"properties": {"b": 1}}}], "at b must be a schema"),
        ([{"name": "a", "parameters": {"properties": {"b": {"items": {"type": "x"}}}}}], "at b[] have the type"),
        ([{"name": "a", "parameters": {"properties": {}, "required": ["b"]}}], "require “b”"),
        ([{"name": "a", "parameters": {"properties": {"b": {"enum": []}}}}], "at b have something under “enum”"),
        ([{"name": "a", "parameters": {"anyOf": {}}}], "no list of schemas"),
        ([{"name": "a", "description": "\x00"}], "NUL"),
    ],
)
def test_a_tool_that_is_none_is_refused_with_its_place(tools, said):
    with pytest.raises(Invalid) as error:
        check_tools(tools)
    assert said in error.value.message


def test_good_tools_are_taken():
    schema = {
        "type": "object",
        "properties": {
            "a": {"type": ["string", "null"], "enum": ["x"]},
            "b": {"type": "array", "items": {"type": "number"}},
        },
        "required": ["a"],
        "additionalProperties": False,
        "$defs": {"x": {}},
    }
    check_tools([{"type": "function", "function": {"name": "a", "parameters": schema}}, {"name": "b"}])


def test_messages_of_programs_have_known_keys_and_kinds():
    assert read_messages([{"role": "user", "text": "x", "extra": {"k": 1}, "name": None}], "turns") == (
        Message("user", "x", extra={"k": 1}),
    )
    for value in (
        "x",
        {"text": "x"},
        {"role": "user", "content": "x"},
        {"role": "user", "text": 1},
        {"role": "user", "weight": True},
    ):
        with pytest.raises(Invalid, match="Message 1 of the turns"):
            read_messages([value], "turns")


def test_the_weight_of_the_answer_stands_among_what_its_message_carries():
    extra = {"k": 1, "_layout": {"answer": {"name": "bot"}, "system": "beside"}}
    off = with_answer_weight(extra, 0)
    assert answer_weight(off) == 0 and off["_layout"]["answer"] == {"name": "bot", "weight": 0}
    assert with_answer_weight(off, None) == extra
    assert with_answer_weight(with_answer_weight({}, 0), None) == {}


def test_tools_keep_the_form_in_which_a_pair_has_them():
    assert with_tools({}, [{"name": "a"}]) == {"tools": [{"name": "a"}]}
    assert with_tools({"tools": "[]", "k": 1}, [{"name": "a"}]) == {"tools": '[{"name":"a"}]', "k": 1}
    assert with_tools({"functions": [1], "k": 1}, []) == {"k": 1}


def test_notes_on_messages_follow_them():
    extra = {"_layout": {"parts": {"0": ["a"], "2": ["b"]}, "answer": {"weight": 1}}}
    assert move_notes(extra, {2: 1, 1: 2}) == {"_layout": {"parts": {"1": ["b"]}, "answer": {"weight": 1}}}
    assert move_notes(extra, {0: 0, 1: 1, 2: 2}) == extra
