"""What trainers find in the files: tool calls with ids, one kind of value in a column, no key that says nothing."""

import pytest

from app.core.layouts import LAYOUTS, NOTES, LayoutOptions
from app.core.layouts.functions import join_results, split_results
from app.core.record import Message, Record

KEEP = LayoutOptions(keep_extra=True)


def call(name, arguments="{}", **more):
    return {"type": "function", "function": {"name": name, "arguments": arguments}, **more}


def written(layout, record, **options):
    return LAYOUTS[layout].rows_of(record, LayoutOptions(**options))[0]


def tools_of(record):
    """The ids of the calls, and the ids that the results name, in the order of the file."""
    messages = written("openai", record)["messages"]
    calls = [one["id"] for message in messages for one in message.get("tool_calls", ())]
    return calls, [message["tool_call_id"] for message in messages if message["role"] == "tool"]


@pytest.mark.parametrize(
    ("trace", "calls", "results"),
    [
        ((Message("assistant", tool_calls=[call("f")]), Message("tool", "1")), ["call00001"], ["call00001"]),
        (
            (
                Message("assistant", tool_calls=[call("f"), call("g")]),
                Message("tool", "2", name="g"),
                Message("tool", "1"),
            ),
            ["call00001", "call00002"],
            ["call00002", "call00001"],
        ),
        ((Message("assistant", tool_calls=[call("f")]), Message("tool", "1", tool_call_id="x")), ["x"], ["x"]),
        ((Message("assistant", tool_calls=[call("f", id="x")]), Message("tool", "1")), ["x"], ["x"]),
        (
            (
                Message("assistant", tool_calls=[call("f", id="call00001")]),
                Message("tool", "1"),
                Message("assistant", tool_calls=[call("g", id=None)]),
                Message("tool", "2"),
            ),
            ["call00001", "call00002"],
            ["call00001", "call00002"],
        ),
        (
            (
                Message("assistant", tool_calls=[call("f")]),
                Message("assistant", tool_calls=[call("g")]),
                Message("tool", "1"),
                Message("tool", "2"),
            ),
            ["call00001", "call00002"],
            ["call00001", "call00002"],
        ),
    ],
)
def test_each_call_has_an_id_and_its_result_names_it(trace, calls, results):
    record = Record("q", "a", trace=trace)
    assert tools_of(record) == (calls, results) == tools_of(record)
    assert all(one in str(written("prompt-completion", record)["prompt"]) for one in calls)


@pytest.mark.parametrize(
    "given", [{}, {"id": "call00007"}, {"id": "x"}], ids=["no id", "an id like ours", "another id"]
)
def test_ids_that_were_made_for_a_file_are_not_stored_when_it_comes_back(given):
    trace = (Message("assistant", tool_calls=[call("f", **given)]), Message("tool", "1", tool_call_id=given.get("id")))
    record = Record("q", "a", turns=(Message("user", "before"), Message("assistant", "yes")), trace=trace)
    row = written("openai", record)
    back = LAYOUTS["openai"].parse(row, LayoutOptions())
    assert (back.turns, back.trace) == (record.turns, record.trace)
    assert LAYOUTS["openai"].render(back, KEEP) == row


def test_calls_in_messages_of_their_own_become_one_message():
    trace = (Message("assistant", tool_calls=[call("f")]), Message("assistant", tool_calls=[call("g")]))
    assert [len(message.get("tool_calls", ())) for message in written("openai", Record("q", "", trace=trace))["messages"]] == [0, 2]  # fmt: skip


def test_calls_get_the_form_of_openai():
    trace = (Message("assistant", tool_calls=[{"name": "f", "arguments": {"a": 1}, "id": None}]),)
    message = written("openai", Record("q", "", trace=trace))["messages"][1]
    assert message["tool_calls"] == [{"id": "call00001", **call("f", '{"a":1}')}]


def test_results_of_parallel_calls_are_one_observation_in_the_order_of_the_calls():
    calls = Message("assistant", tool_calls=[call("f"), call("g")])
    record = Record("q", "a", trace=(calls, Message("tool", '{"t": 2}', name="g"), Message("tool", "sun", name="f")))
    row = written("sharegpt", record)
    assert [message["from"] for message in row["conversations"]] == ["human", "function_call", "observation", "gpt"]
    assert row["conversations"][2]["value"] == r'["sun","{\"t\": 2}"]'
    back = LAYOUTS["sharegpt"].parse(row, LayoutOptions())
    assert [message.text for message in back.trace[1:]] == ["sun", '{"t": 2}']
    assert LAYOUTS["sharegpt"].render(back, KEEP) == row


@pytest.mark.parametrize("texts", [["a", "b"], ["[1]", '{"a":1}'], ["[1, 2]", ""], ['"x"', "7"]])
def test_joined_results_come_apart_letter_by_letter(texts):
    assert split_results(join_results(texts), len(texts)) == texts
    assert split_results(join_results(texts), len(texts) + 1) is None


def test_keys_that_say_nothing_are_not_written():
    filled = {"name": None, "tool_calls": None, "weight": None}
    parameters = {"type": "object", "properties": {"a": {"type": "string", "default": None}, "b": None}}
    row = {
        "messages": [
            {"role": "user", "content": "q", **filled},
            {"role": "assistant", "content": None, "tool_calls": [{**call("f"), "id": None, "index": None}]},
            {"role": "tool", "content": "1", **filled},
            {"role": "assistant", "content": "a", **filled, "tool_calls": []},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "strict": None, "parameters": parameters}}],
    }
    record = LAYOUTS["openai"].parse(row, LayoutOptions())
    plain = written("openai", record)
    assert plain["messages"][0] == {"role": "user", "content": "q"} and plain["messages"][3].keys() == {
        "role",
        "content",
    }
    assert plain["messages"][1]["tool_calls"] == [{"id": "call00001", **call("f")}]
    [tool] = plain["tools"]
    assert tool["function"] == {
        "name": "f",
        "parameters": {"type": "object", "properties": {"a": {"type": "string", "default": None}}},
    }
    assert written("openai", record, keep_extra=True) == row


def test_a_prompt_and_an_answer_are_messages_in_every_row_for_trl():
    plain = Record("q", "a", rejected_answer="b")
    chat = Record("q", "a", "s", (Message("user", "x"), Message("assistant", "y")), rejected_answer="b")
    texts = LAYOUTS["prompt-completion"].parse({"prompt": "q", "completion": "a"}, LayoutOptions())
    for record in (plain, chat, texts):
        assert {type(value) for value in written("prompt-completion", record).values()} == {list}
    for record in (plain, chat):
        assert {type(value) for value in written("trl-preference", record).values()} == {list}
        row = written("llama-factory-preference", record)
        assert row["chosen"] == {"from": "gpt", "value": "a"} and row["rejected"] == {"from": "gpt", "value": "b"}
        assert row["conversations"][-1] == {"from": "human", "value": "q"}
    assert written("prompt-completion-text", texts) == {"prompt": "q", "completion": "a"}


def test_a_column_called_label_does_not_vanish_under_the_label():
    record = Record("q", "a", extra={"label": "billing"})
    assert written("trl-kto", record, keep_extra=True)["label (2)"] == "billing"
    assert written("trl-kto", record)["label"] is True


def test_the_keys_of_a_rejected_answer_stay_its_own():
    notes = {"answer": {"weight": 1}, "rejected": {"extra": {"score": 2}}}
    record = Record("q", "a", rejected_answer="b", extra={NOTES: notes})
    good, bad = LAYOUTS["trl-kto"].rows_of(record, LayoutOptions(keep_extra=True))
    assert good["completion"][0].get("weight") == 1 and "score" not in good["completion"][0]
    assert bad["completion"][0].get("score") == 2 and "weight" not in bad["completion"][0]


def test_ms_swift_gets_its_own_roles_and_keys():
    turns = (Message("developer", "d"), Message("user", "x"), Message("assistant", "y", weight=0))
    trace = (Message("assistant", tool_calls=[call("f", '{"a":1}')]), Message("tool", "1"))
    tools = [{"type": "function", "function": {"name": "f"}}]
    assert written("swift", Record("q", "a", None, turns, trace, "b", extra={"tools": tools})) == {
        "messages": [
            {"role": "system", "content": "d"},
            {"role": "user", "content": "x"},
            {"role": "assistant", "content": "y", "loss": False},
            {"role": "user", "content": "q"},
            {"role": "tool_call", "content": '{"name":"f","arguments":{"a":1}}'},
            {"role": "tool_response", "content": "1"},
            {"role": "assistant", "content": "a"},
        ],
        "rejected_response": "b",
        "tools": '[{"type":"function","function":{"name":"f"}}]',
    }


def test_what_only_bears_the_name_of_a_trainers_column_gets_another_name():
    prose = Record("q", "a", extra={"history": "First of wood.", "tools": "hammer", "input": "sheet 4"})
    row = written("alpaca", prose, keep_extra=True)
    assert (row["input"], row["input (2)"], row["history (2)"]) == ("", "sheet 4", "First of wood.")
    assert "history" not in row
    for layout in ("openai", "sharegpt", "swift", "prompt-completion"):
        row = written(layout, prose, keep_extra=True)
        assert "tools" not in row and row["tools (2)"] == "hammer"
