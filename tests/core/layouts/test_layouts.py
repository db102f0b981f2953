"""Layouts: an accepted row comes back as it was, content survives every way out and in, bad rows say why."""

import ast
import json
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from app.core import formats, layouts
from app.core.layouts import LAYOUTS, LayoutOptions, RowError, losses
from app.core.layouts.base import content_of
from app.core.reasoning import lift_thinking
from app.core.record import Message, Record
from app.core.text import is_blank

TEXT = st.text(st.characters(exclude_categories=("Cs",), exclude_characters="\x00"), max_size=20)
WORDS = TEXT.filter(lambda text: not is_blank(text))
CALL = st.builds(
    lambda name, arguments: {
        "id": "c1",
        "type": "function",
        "function": {"name": name, "arguments": json.dumps(arguments)},
    },
    WORDS,
    st.dictionaries(WORDS, TEXT, max_size=2),
)
KEEP = LayoutOptions(keep_extra=True)


ROWS = {
    "openai": [
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": "q", "name": "Ann"}, {"role": "assistant", "content": "a", "weight": 0}]},
        {"messages": [{"role": "developer", "content": "d"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "q"}]}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}, {"role": "user", "content": "bye"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [{"id": "1"}]},
                      {"role": "tool", "tool_call_id": "1", "content": "18C"}, {"role": "assistant", "content": "18"}],
         "tools": [{"type": "function"}], "parallel_tool_calls": False},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b", "refusal": None},
                      {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "metadata": {"n": 1}},
        {"system": "beside", "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"messages": [{"from": "Human", "value": "q"}, {"role": "MODEL", "text": "a", "loss": True}]},
        {"items": [{"role": "user", "content": "q"}, {"role": "bot", "content": "a"}], "id": "7"},
        {"messages": [{"role": "user", "content": "q"}, {"role": "tool_call", "content": '{"name": "f", "arguments": {}}'},
                      {"role": "tool_response", "content": "1"}, {"role": "assistant", "content": "a", "loss": False}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected_response": "b"},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
         "rejected_messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b", "score": 1}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "rejected": 1, "tools": "hammer"},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "", "tool_calls": [
            {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"a": 1}}}]}]},
        *({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", key: "r"}]}
          for key in ("reasoning_content", "reasoning", "thinking")),
        {"messages": [{"role": "system", "content": "s", "thinking": None}, {"role": "user", "content": "q", "thinking": None},
                      {"role": "assistant", "content": "b", "thinking": "r"}, {"role": "user", "content": "q2", "thinking": None},
                      {"role": "assistant", "content": "a", "thinking": "r2"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "reasoning_content": ""}]},
        {"messages": [{"role": "user", "content": "q"},
                      {"role": "assistant", "content": "a", "reasoning_content": "r", "reasoning": "R", "reasoning_details": [1]}]},
        {"messages": [{"role": "user", "content": "q", "reasoning": "r"}, {"role": "assistant", "content": "a", "reasoning": ["r"]}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "reasoning": "r", "tool_calls": [{"id": "1"}]}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"},
                      {"role": "assistant", "content": [{"type": "reasoning", "value": "r"}, {"type": "text", "value": "a"}]}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "<think>r</think>a"}]},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
         "rejected_response": {"role": "assistant", "content": "b", "reasoning_content": "w"}},
    ],
    "alpaca": [
        {"instruction": "i", "input": "", "output": "o", "reasoning": "r"},
        {"instruction": "i", "input": "x", "output": "<think>r</think>o", "thinking": ""},
        {"instruction": "i", "input": "", "chosen": {"role": "assistant", "content": "a", "reasoning_content": "r"}, "rejected": "b"},
        {"instruction": "i", "input": "", "output": "o"},
        {"instruction": "i", "input": "x", "output": "o"},
        {"instruction": "i", "output": "o"},
        {"instruction": "i", "input": "", "output": "o", "system": "", "history": []},
        {"instruction": "i", "input": "x", "output": "o", "system": "s", "history": [["a", "b"]]},
        {"instruction": "i", "context": "c", "response": "r", "category": "k"},
        {"instruction": "i", "input": None, "output": "o", "id": 7},
        {"instruction": "i", "input": "x", "output": 5},
        {"instruction": "i", "input": "x", "output": ["a", "b"]},
        {"instruction": "i", "input": "x", "output": "o", "history": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}]},
        {"instruction": "i", "input": "x", "chosen": "c", "rejected": "r", "system": "s"},
        {"instruction": "i", "input": "", "chosen": {"from": "gpt", "value": "c"}, "rejected": {"from": "gpt", "value": "r"}},
        {"instruction": "i", "input": "x", "output": "o", "rejected": False, "system": 4},
        {"Instruction": "i", "Input": "x", "Output": "o", "id": 5},
        {"instruction": "i", "INPUT": "x", "Response": "o", "History": [["a", "b"]]},
        {"instruction": "i", "input": "", "output": "o", "history": "visited twice"},
    ],
    "sharegpt": [
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"from": "user", "value": "q"}, {"from": "assistant", "value": "a"}], "id": "x"},
        {"conversations": [{"from": "system", "value": "s"}, {"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "system": "s", "tools": "[]"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": '{"name": "f", "arguments": {}}'},
                           {"from": "observation", "value": "1"}, {"from": "gpt", "value": "a"}], "tools": ""},
        {"conversations": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]},
        {"system": "s", "conversation": [{"human": "q", "assistant": "a"}, {"human": "q2", "assistant": "a2"}]},
        {"conversations": [{"from": "USER", "value": "q"}, {"from": "ChatGPT", "value": "a"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function-call", "value": '{"name": "f"}'},
                           {"from": "function-response", "value": "1"}, {"from": "gpt", "value": "a", "train": False}]},
        {"dialog": [{"role": "customer", "text": "q"}, {"role": "agent", "text": "a"}], "rejected_response": "b"},
        {"conversation": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "n": 1},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", "reasoning_content": "r"}]},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "function_call", "value": '<think>\nr\n</think>\n\n{"name":"f","arguments":{}}'},
                           {"from": "observation", "value": "1"}, {"from": "gpt", "value": "<think>r</think>a"}]},
    ],
    "prompt-completion": [
        {"prompt": "p", "completion": "c", "reasoning": "r"},
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a", "thinking": "r"}]},
        {"prompt": "p", "completion": " c"},
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}]},
        {"prompt": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}],
         "completion": [{"role": "assistant", "content": "a"}], "tools": [1]},
        {"prompt": "p", "completion": "c", "label": True},
        {"prompt": "p", "completion": 5},
        {"prompt": "p", "completion": ["a", "b"], "history": [["x", "y"]], "system": "s"},
        {"prompt": "p", "completion": [{"role": "assistant", "content": "a"}], "rejected": "b"},
    ],
    "trl-kto": [
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "b", "reasoning": "w"}],
         "label": False},
        {"prompt": "p", "completion": "c", "label": True},
        {"prompt": "p", "completion": "c", "label": False, "system": "s"},
        {"prompt": [{"role": "user", "content": "q"}], "completion": [{"role": "assistant", "content": "a"}], "label": False},
        {"instruction": "i", "input": "x", "output": "o", "kto_tag": False},
        {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "weight": 1}], "label": "false"},
        {"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a"}], "kto_tag": 0},
        {"question": "q", "answer": "a", "label": False, "system": "s"},
        {"prompt": "q", "response": "a", "label": True, "id": 1},
    ],
    "preference": [
        {"input": {"messages": [{"role": "user", "content": "q"}]},
         "preferred_output": [{"role": "assistant", "content": "a", "reasoning": "r"}],
         "non_preferred_output": [{"role": "assistant", "content": "b", "reasoning": "w"}]},
        {"input": {"messages": [{"role": "user", "content": "q"}], "tools": [], "parallel_tool_calls": True},
         "preferred_output": [{"role": "assistant", "content": "a"}],
         "non_preferred_output": [{"role": "assistant", "content": "b"}]},
        {"prompt": "q", "chosen": "a", "rejected": "b"},
        {"prompt": [{"role": "user", "content": "q"}], "chosen": [{"role": "assistant", "content": "a"}],
         "rejected": [{"role": "assistant", "content": "b"}]},
        {"conversations": [{"from": "human", "value": "q"}], "chosen": {"from": "gpt", "value": "a"},
         "rejected": {"from": "gpt", "value": "b"}, "score": 3},
        {"chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
         "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]},
        {"prompt": "q", "chosen": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
         "rejected": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}], "score_chosen": 8.0},
        {"prompt": "q", "chosen": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
         "rejected": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]},
        {"chosen": json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}),
         "rejected": json.dumps({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]})},
        {"chosen_messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a", "loss_weight": 1.0}],
         "rejected_messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b", "loss_weight": 1.0}]},
        {"chosen": "\n\nHuman: q\n\nAssistant: a", "rejected": "\n\nHuman: q\n\nAssistant: b"},
        {"prompt": "\n\nHuman: q\n\nAssistant:", "chosen": "a", "rejected": "b"},
        {"instruction": "q", "chosen": "a", "rejected": "b"},
        {"Prompt": "q", "chosen-response": "a", "rejected-response": "b", "Tools": "hammer"},
        {"question": "q", "system": "s", "chosen": "a", "rejected": "b"},
        {"messages": [{"role": "user", "content": "q"}], "chosen": {"role": "assistant", "content": "a"}, "rejected": "b"},
    ],
    "squad": [
        {"question": "q", "answers": [{"text": "a", "answer_start": 3}, {"text": "b", "answer_start": 9}], "context": "c", "id": "1"}
    ],
    "columns": [
        {"question": "q", "answer": "a"},
        {"question": "q", "answer": 0},
        {"question": "q", "answer": ["a", "b"], "other": {"n": 1}},
        {"question": "q", "answer": "a", "tags": "x; y", "id": "5"},
        {"question": "q", "answer": "a", "reasoning": "r"},
        {"question": "q", "answer": "a", "reasoning": ""},
        {"question": "q", "answer": "a", "reasoning": None, "tags": "x"},
        {"question": "q", "answer": "a", "reasoning": ["step", "step"]},
        {"question": "q", "answer": "a", "system": 3, "rejected_answer": 0},
        {"question": "q", "answer": "a", "history": [["x", "y"]], "system": ""},
        {"question": "q", "answer": "a", "history": "visited twice", "rejected_answer": {"role": "assistant", "content": "b"}},
    ],
}  # fmt: skip
CASES = [(name, row) for name, rows in ROWS.items() for row in rows]
MAPPING = {name: name for name in ("question", "answer", "tags", "system", "history", "reasoning", "rejected_answer")}


def options_for(name, **more):
    return LayoutOptions(mapping=MAPPING if name == "columns" else {}, keep_extra=True, **more)


@pytest.mark.parametrize(("name", "row"), CASES)
def test_an_accepted_row_comes_back_as_it_was(name, row):
    layout, options = LAYOUTS[name], options_for(name)
    assert layout.render(layout.parse(row, options), options) == row


WRITTEN = [one for one in LAYOUTS.values() if one.is_written]


@pytest.mark.parametrize("layout", WRITTEN, ids=[one.name for one in WRITTEN])
def test_the_example_of_a_layout_is_a_row_of_it(layout):
    options = options_for(layout.name)
    assert layout.render(layout.parse(layout.example, options), options) == layout.example


def codes(package, error):
    """The codes that the modules of a package give to bad rows."""
    for path in Path(package.__file__).parent.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "id", "") == error:
                places = [one.value for one in node.keywords if one.arg == "code"] or node.args[2:3]
                yield from (one.value for place in places for one in ast.walk(place) if isinstance(one, ast.Constant))


@pytest.mark.parametrize(("package", "error"), [(layouts, "RowError"), (formats, "BadRow")])
def test_every_kind_of_bad_row_has_a_title(package, error):
    given = {code for code in codes(package, error) if isinstance(code, str)}
    assert len(given) > 3 and given <= set(package.BAD_ROW_TITLES)


def content(record):
    return (record.system, record.turns, record.question, record.trace, record.answer)


def without_ids(record):
    """The content without ids of calls, which a target may need made, and without keys that say nothing."""

    def plain(message):
        calls = message.tool_calls and [{k: v for k, v in call.items() if k != "id"} for call in message.tool_calls]
        extra = {key: value for key, value in message.extra.items() if value is not None}
        return replace(message, tool_calls=calls, tool_call_id=None, extra=extra)

    return content(replace(record, turns=tuple(map(plain, record.turns)), trace=tuple(map(plain, record.trace))))


@pytest.mark.parametrize(("name", "row"), [case for case in CASES if case[0] != "trl-kto"])
def test_content_survives_openai_from_every_layout(name, row):
    record = LAYOUTS[name].parse(row, options_for(name))
    sent = json.loads(json.dumps(LAYOUTS["openai"].render(record, LayoutOptions())))
    assert without_ids(LAYOUTS["openai"].parse(sent, LayoutOptions())) == without_ids(record)


REASONED = Record(
    "q",
    "a",
    "s",
    (Message("user", "u"), Message("assistant", "v", reasoning="r1")),
    rejected_answer="w",
    reasoning="r2",
)
AS_KEY = {"role": "assistant", "content": "a", "reasoning_content": "r2"}
AS_TEXT = "<think>\nr2\n</think>\n\na"


@pytest.mark.parametrize(
    ("name", "column", "written"),
    [
        ("openai", "messages", AS_KEY),
        ("prompt-completion", "completion", AS_KEY),
        ("trl-preference", "chosen", AS_KEY),
        ("preference", "preferred_output", AS_KEY),
        ("sharegpt", "conversations", {"from": "gpt", "value": AS_TEXT}),
        ("swift", "messages", {"role": "assistant", "content": AS_TEXT}),
        ("llama-factory-preference", "chosen", {"from": "gpt", "value": AS_TEXT}),
        ("alpaca", "output", AS_TEXT),
        ("columns", "reasoning", "r2"),
        ("anthropic", "messages", {"role": "assistant", "content": [{"type": "thinking", "thinking": "r2"}, {"type": "text", "text": "a"}]}),
    ],
)  # fmt: skip
def test_reasoning_is_written_as_its_readers_want_it(name, column, written):
    layout = LAYOUTS[name]
    *earlier, row = layout.rows_of(REASONED, LayoutOptions())
    assert (row[column][-1] if isinstance(row[column], list) else row[column]) == written
    assert "r1" in json.dumps([*earlier, row])
    assert "reasoning" not in losses(REASONED, layout, LayoutOptions())


@pytest.mark.parametrize("name", ["squad", "gemini", "doccano"])
def test_reasoning_that_has_no_place_is_a_loss(name):
    for record in (Record("q", "a", reasoning="r"), replace(REASONED, reasoning=None)):
        assert "reasoning" in losses(record, LAYOUTS[name], LayoutOptions())


@pytest.mark.parametrize("keep", [True, False])
@pytest.mark.parametrize("key", ["reasoning_content", "reasoning", "thinking"])
def test_reasoning_is_written_back_under_the_key_it_was_read_from(key, keep):
    row = {"messages": [user("q"), {**assistant("a"), key: "r"}]}
    record = LAYOUTS["openai"].parse(row, LayoutOptions())
    assert record.reasoning == "r" and LAYOUTS["openai"].render(record, LayoutOptions(keep_extra=keep)) == row
    edited = LAYOUTS["openai"].render(replace(record, reasoning="R"), LayoutOptions(keep_extra=keep))
    assert edited == {"messages": [user("q"), {**assistant("a"), key: "R"}]}


def test_reasoning_stored_before_it_was_a_field_is_written_and_can_be_replaced():
    record = Record("q", "a", extra={"_layout": {"answer": {"extra": {"reasoning_content": "old"}}}})
    for reasoning, written in ((None, "old"), ("new", "new")):
        row = LAYOUTS["openai"].render(replace(record, reasoning=reasoning), LayoutOptions())
        assert row["messages"][1] == {**assistant("a"), "reasoning_content": written}


def test_reasoning_written_for_a_tool_call_goes_with_it():
    call = Message("assistant", tool_calls=[{"id": "1"}], reasoning="r")
    row = LAYOUTS["openai"].render(Record("q", trace=(call,), reasoning="more"), LayoutOptions())
    assert row["messages"][-1]["reasoning_content"] == "r\n\nmore"


@given(TEXT.filter(bool), TEXT, st.sampled_from(["openai", "prompt-completion", "columns", "anthropic", "converse"]))
def test_any_reasoning_survives_where_it_is_a_key(reasoning, system, name):
    record = Record(
        "q",
        "a",
        system or None,
        (Message("user", "u"), Message("assistant", "v", reasoning=reasoning)),
        reasoning=reasoning,
    )
    options = LayoutOptions(mapping=MAPPING if name == "columns" else {})
    assert content_of(LAYOUTS[name].parse(LAYOUTS[name].render(record, options), options)) == content_of(record)


@given(
    WORDS.map(str.strip).filter(bool),
    WORDS.map(str.strip).filter(bool),
    st.sampled_from(["sharegpt", "swift", "alpaca"]),
)
def test_any_reasoning_is_lifted_again_where_it_is_text(reasoning, answer, name):
    record = Record("q", answer, reasoning=reasoning)
    again = lift_thinking(LAYOUTS[name].parse(LAYOUTS[name].render(record, LayoutOptions()), LayoutOptions()))
    assert (again.answer, again.reasoning) == (answer, reasoning)


@st.composite
def records(draw):
    turns = tuple(
        message
        for asked, said in draw(st.lists(st.tuples(TEXT, TEXT), max_size=2))
        for message in (Message("user", asked), Message("assistant", said))
    )
    calls = draw(st.lists(CALL, max_size=1))
    trace = ()
    if calls:
        trace = (Message("assistant", tool_calls=calls), Message("tool", draw(TEXT), tool_call_id="c1"))
    return Record(draw(WORDS), draw(WORDS), draw(st.none() | TEXT), turns, trace)


@settings(max_examples=150, deadline=None)
@given(record=records())
def test_any_conversation_survives_openai(record):
    row = LAYOUTS["openai"].render(record, LayoutOptions())
    assert LAYOUTS["openai"].parse(row, LayoutOptions()) == record


@pytest.mark.parametrize("name", ["alpaca", "sharegpt", "prompt-completion", "columns"])
@settings(max_examples=80, deadline=None)
@given(question=WORDS, answer=WORDS, system=st.none() | WORDS)
def test_a_plain_pair_survives_every_layout(name, question, answer, system):
    record = Record(question, answer, system)
    options = LayoutOptions(mapping={"question": "question", "answer": "answer", "system": "system"})
    back = LAYOUTS[name].parse(LAYOUTS[name].render(record, options), options)
    assert content(back) == content(record)


def test_an_edited_pair_is_written_as_edited():
    row = {"instruction": "i", "input": "x", "output": "o"}
    record = LAYOUTS["alpaca"].parse(row, KEEP)
    edited = Record("i changed", record.answer, extra=record.extra)
    assert LAYOUTS["alpaca"].render(edited, KEEP) == {"instruction": "i changed", "input": "", "output": "o"}


def test_an_edited_conversation_is_written_as_edited():
    row = ROWS["sharegpt"][4]
    record = LAYOUTS["sharegpt"].parse(row, KEEP)
    edited = Record(record.question, "new", None, (), record.trace, extra=record.extra)
    values = [message["value"] for message in LAYOUTS["sharegpt"].render(edited, KEEP)["conversations"]]
    assert values == ["q", '{"name":"f","arguments":{}}', "1", "new"]


def user(text):
    return {"role": "user", "content": text}


def assistant(text):
    return {"role": "assistant", "content": text}


@pytest.mark.parametrize(
    ("name", "row", "said"),
    [
        ("openai", {"messages": []}, "no list of messages"),
        ("openai", {"messages": [user("q")]}, "no assistant message"),
        ("openai", {"messages": [assistant("a")]}, "no user message"),
        ("openai", {"messages": [{"role": "system", "content": "s"}]}, "no user and no assistant"),
        ("openai", {"messages": [user("q"), assistant(None)]}, "no content"),
        ("openai", {"messages": [user("q"), assistant("  ")]}, "answer is empty"),
        ("openai", {"messages": [user("\u200b"), assistant("a")]}, "question is empty"),
        (
            "openai",
            {"messages": [{"role": "alien", "content": "q"}, assistant("a")]},
            "unknown role 'alien'.*user .human, customer",
        ),
        (
            "openai",
            {"messages": [{"role": "user", "content": [{"type": "image_url"}]}, assistant("a")]},
            "an image part",
        ),
        ("openai", {"messages": [user("q"), assistant(7)]}, "not a text"),
        ("alpaca", {"instruction": "i", "output": {"a": 1}}, "not a text"),
        ("alpaca", {"instruction": " ", "output": "o"}, "question is empty"),
        ("alpaca", {"instruction": "i", "output": "o", "history": [["a"]]}, "history"),
        ("sharegpt", {"conversations": [{"from": "alien", "value": "q"}]}, "unknown role 'alien'"),
        ("sharegpt", {"conversations": "text"}, "no list"),
        ("prompt-completion", {"prompt": "p"}, "no completion"),
        ("preference", {"prompt": "q", "chosen": "a"}, "rejected"),
        (
            "preference",
            {"prompt": "q", "chosen": [assistant("a"), assistant("b")], "rejected": "b"},
            "several messages",
        ),
        ("preference", {"prompt": "q", "chosen": ["a", "b"], "rejected": "b"}, "“chosen” is no answer"),
        ("squad", {"question": "q", "answers": []}, "answer is empty"),
        ("columns", {"question": "q", "answer": {"text": "a"}}, "is an object"),
        ("columns", {"question": "q", "answer": None}, "answer is empty"),
        ("columns", {"answer": "a"}, "no field “question”"),
        ("columns", {"question": "q", "answer": "a", "turns_json": "[broken"}, "earlier turns"),
    ],
)
def test_a_row_that_cannot_be_taken_says_why(name, row, said):
    with pytest.raises(RowError, match=said):
        LAYOUTS[name].parse(row, options_for(name))


@pytest.mark.parametrize("name", ["openai", "columns"])
def test_unanswered_rows_can_be_taken_as_drafts(name):
    row = {"messages": [user("q"), assistant("")]} if name == "openai" else {"question": "q", "answer": ""}
    record = LAYOUTS[name].parse(row, options_for(name, allow_unanswered=True))
    assert not record.answered


def test_numbers_are_answers_and_null_is_none():
    parse = LAYOUTS["columns"].parse
    assert parse({"question": "q", "answer": 0}, options_for("columns")).answer == "0"
    assert parse({"question": "q", "answer": True}, options_for("columns")).answer == "true"


def test_a_passage_goes_before_the_question_only_when_mapped():
    row = {"question": "q", "answer": "a", "context": "c"}
    mapped = LayoutOptions(mapping={**MAPPING, "passage": "context"}, keep_extra=True)
    record = LAYOUTS["columns"].parse(row, mapped)
    assert record.question == "c\n\nq" and LAYOUTS["columns"].render(record, mapped) == row
    assert LAYOUTS["columns"].parse(row, options_for("columns")).question == "q"


@pytest.mark.parametrize(("how", "question", "system"), [("blank-line", "i\n\nx", None), ("system", "i", "x")])
def test_alpaca_input_can_be_joined_otherwise(how, question, system):
    row = {"instruction": "i", "input": "x", "output": "o"}
    record = LAYOUTS["alpaca"].parse(row, LayoutOptions(alpaca_input=how))
    assert (record.question, record.system) == (question, system)
    assert LAYOUTS["alpaca"].render(record, LayoutOptions()) == row


@pytest.mark.parametrize("tags", [("a", "b"), ("a;b",), ("a,b", "c"), ("[x",), ()])
def test_tags_survive_one_cell(tags):
    record = Record("q", "a", tags=tags)
    assert LAYOUTS["columns"].parse(LAYOUTS["columns"].render(record, KEEP), options_for("columns")).tags == tags


def test_a_constant_system_prompt_and_tags_are_added():
    options = LayoutOptions(system="S", tags=("t",))
    record = LAYOUTS["openai"].parse({"messages": [user("q"), assistant("a")]}, options)
    assert (record.system, record.tags) == ("S", ("t",))


@pytest.mark.parametrize(
    ("name", "lost"),
    [
        ("openai", ["rejected answer", "tags", "other columns"]),
        ("alpaca", ["trace", "tools", "weights", "rejected answer", "tags", "other columns"]),
        ("columns", ["tools", "other columns"]),
    ],
)
def test_losses_are_named(name, lost):
    call = Message("assistant", tool_calls=[{"id": "1"}], weight=1)
    record = Record(
        "q",
        "a",
        "s",
        (Message("user", "x"), Message("assistant", "y")),
        (call,),
        "worse",
        ("t",),
        {"tools": [{"type": "function"}], "k": 1},
    )
    assert losses(record, LAYOUTS[name], LayoutOptions()) == lost
