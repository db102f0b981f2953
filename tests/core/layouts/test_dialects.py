"""Dialects: the same conversation with the keys and forms that each trainer or service reads."""

import json
from dataclasses import replace

import pytest

from app.core.layouts import LAYOUTS, NOTES, LayoutOptions, losses
from app.core.record import Message, Record

CALL = {"id": "call_1", "type": "function", "function": {"name": "weigh", "arguments": '{"unit":"kg"}'}}
TOOL = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object"}}}
TALK = Record(
    "How much?",
    "18 kg.",
    turns=(
        Message("developer", "Be brief."),
        Message("user", "Hi", name="Ann"),
        Message("assistant", "Hello.", weight=0),
    ),
    trace=(
        Message("assistant", tool_calls=[CALL], reasoning="Weigh it."),
        Message("tool", "18", tool_call_id="call_1"),
    ),
    reasoning="It says 18.",
    extra={"tools": [TOOL], "parallel_tool_calls": False, "weight": 0.5},
)


def written(name, record=TALK):
    [row] = LAYOUTS[name].rows_of(record, LayoutOptions())
    return row


def answers(name, record=TALK):
    return [message for message in written(name, record)["messages"] if message["role"] == "assistant"]


@pytest.mark.parametrize(
    ("name", "keys", "arguments"),
    [
        ("openai-sft", {"messages", "tools", "parallel_tool_calls"}, "text"),
        ("together", {"messages", "tools", "weight"}, "text"),
        ("fireworks", {"messages", "tools", "weight"}, "text"),
        ("mistral", {"messages", "tools"}, "text"),
        ("axolotl", {"messages", "tools"}, "text"),
        ("trl", {"messages", "tools"}, "object"),
        ("gpt-oss", {"messages", "tools"}, "object"),
        ("mlx", {"messages", "tools"}, "object"),
        ("hugging-face", {"messages", "tools"}, "object"),
        ("trl-prompt-completion", {"prompt", "completion", "tools"}, "object"),
    ],
)
def test_each_target_gets_its_keys_and_its_form_of_arguments(name, keys, arguments):
    row = written(name)
    assert row.keys() == keys
    [call] = next(one["tool_calls"] for one in row.get("messages", row.get("prompt")) if "tool_calls" in one)
    assert call["function"]["arguments"] == ({"unit": "kg"} if arguments == "object" else '{"unit":"kg"}')


@pytest.mark.parametrize(
    ("name", "key"),
    [
        ("together", "reasoning_content"),
        ("trl", "reasoning_content"),
        ("axolotl", "reasoning_content"),
        ("gpt-oss", "thinking"),
    ],
)
def test_reasoning_stands_where_the_target_reads_it(name, key):
    assert answers(name)[-1] == {"role": "assistant", "content": "18 kg.", key: "It says 18."}


@pytest.mark.parametrize("name", ["openai-sft", "openai-dpo", "mistral"])
def test_reasoning_that_a_target_does_not_read_is_a_loss(name):
    record = Record("q", "a", rejected_answer="b", reasoning="r")
    assert "reason" not in json.dumps(LAYOUTS[name].rows_of(record, LayoutOptions()))
    assert "reasoning" in losses(record, LAYOUTS[name], LayoutOptions())


def test_weights_are_written_as_each_target_says_them():
    assert answers("openai-sft")[0]["weight"] == 0 and answers("axolotl")[0]["train"] is False
    assert not {"weight", "train"} & answers("trl")[0].keys()
    assert "weights" in losses(TALK, LAYOUTS["trl"], LayoutOptions())


def test_a_weight_of_the_whole_row_is_a_number_or_another_column():
    named = Record("q", "a", extra={"weight": "heavy"})
    assert "weight" not in written("together", named)
    assert losses(named, LAYOUTS["together"], LayoutOptions()) == ["other columns"]


def test_fireworks_gets_an_empty_text_beside_a_call_and_mistral_short_ids():
    assert next(one for one in answers("fireworks") if "tool_calls" in one)["content"] == ""
    call, result = written("mistral")["messages"][4:6]
    assert "content" not in call and call["tool_calls"][0]["id"] == result["tool_call_id"] == "call00001"


def test_a_developer_speaks_as_the_system_where_the_role_is_not_known():
    assert written("together")["messages"][0]["role"] == "system"
    assert written("openai-sft")["messages"][0]["role"] == "developer"


def test_text_is_never_a_list_of_parts():
    parts = [{"type": "text", "text": "q"}]
    record = Record("q", "a", extra={NOTES: {"parts": {"0": parts}}})
    assert written("openai", record)["messages"][0]["content"] == parts
    assert written("trl", record)["messages"][0]["content"] == "q"


def test_arguments_that_are_no_object_stay_as_they_are():
    broken = {**CALL, "function": {"name": "weigh", "arguments": "{unit"}}
    record = Record("q", trace=(Message("assistant", tool_calls=[broken]),))
    assert answers("trl", record)[0]["tool_calls"] == [broken]


REASONED = Record(
    "Third?",
    "Three.",
    "Count.",
    turns=(
        Message("user", "First?"),
        Message("assistant", "One.", reasoning="r1"),
        Message("user", "Second?"),
        Message("assistant", "Two."),
    ),
    reasoning="r3",
    extra={"tools": [TOOL]},
)


@pytest.mark.parametrize("name", ["trl", "mlx", "axolotl", "swift", "gpt-oss"])
def test_a_conversation_with_reasoning_in_earlier_turns_becomes_a_row_for_each(name):
    rows = LAYOUTS[name].rows_of(REASONED, LayoutOptions())
    assert [row["messages"][-1]["content"].split()[-1] for row in rows] == ["One.", "Two.", "Three."]
    assert all(row["messages"][0]["content"] == "Count." and row["tools"] for row in rows)
    assert [json.dumps(row).count("r1") for row in rows] == [1, 0, 0]
    marks = [
        [one.get("train", one.get("loss")) for one in row["messages"] if one["role"] == "assistant"] for row in rows
    ]
    earlier = False if name in ("axolotl", "swift") else None
    assert marks == [[None], [earlier, None], [earlier, earlier, None]]


def test_prompt_and_completion_train_each_answer_once():
    rows = LAYOUTS["trl-prompt-completion"].rows_of(REASONED, LayoutOptions())
    assert [[one["content"] for one in row["completion"]] for row in rows] == [["One."], ["Two."], ["Three."]]


def test_an_answer_that_is_not_trained_gets_no_row_of_its_own():
    turns = (Message("user", "First?"), Message("assistant", "One.", reasoning="r1", weight=0))
    assert len(LAYOUTS["trl"].rows_of(Record("q", "a", turns=turns), LayoutOptions())) == 1


def test_a_turn_that_ends_with_a_tool_call_is_unrolled_with_it():
    turns = (Message("user", "First?"), Message("assistant", tool_calls=[CALL], reasoning="r1"))
    first, _ = LAYOUTS["trl"].rows_of(Record("q", "a", turns=turns), LayoutOptions())
    assert first["messages"][-1]["reasoning_content"] == "r1" and first["messages"][-1]["tool_calls"]


def test_reasoning_of_one_tool_loop_stays_in_one_row():
    assert len(LAYOUTS["trl"].rows_of(TALK, LayoutOptions())) == 1


def test_preferences_of_trl_have_arguments_as_objects():
    pair = Record("q", "a", trace=TALK.trace, rejected_answer="b", extra={"tools": [TOOL]})
    for name, column in (("trl-preference", "prompt"), ("trl-kto", "prompt")):
        row = LAYOUTS[name].rows_of(pair, LayoutOptions())[0]
        assert row[column][1]["tool_calls"][0]["function"]["arguments"] == {"unit": "kg"}


def test_preferences_of_together_and_openai_differ_in_reasoning_and_keys():
    pair = Record("q", "a", rejected_answer="b", reasoning="r", extra={"tools": [TOOL], "parallel_tool_calls": True})
    openai, together = written("openai-dpo", pair), written("together-preference", pair)
    assert openai["input"].keys() == {"messages", "tools", "parallel_tool_calls"} and together["input"].keys() == {
        "messages",
        "tools",
    }
    assert openai["preferred_output"] == [{"role": "assistant", "content": "a"}]
    assert together["preferred_output"] == [{"role": "assistant", "content": "a", "reasoning_content": "r"}]


def test_a_conversation_as_text_is_chatml_that_reads_back():
    row = written("chat-text", Record("How much?", "18 kg.", "Be brief.", trace=TALK.trace, extra={"tools": [TOOL]}))
    assert row["text"].startswith("<|im_start|>system\nBe brief.\n\n<tools>\n[") and row["text"].endswith(
        "18 kg.<|im_end|>\n"
    )
    again = LAYOUTS["chat-text"].parse(row, LayoutOptions())
    assert (again.question, again.answer) == ("How much?", "18 kg.")
    assert again.trace[0].tool_calls[0]["function"]["arguments"] == '{"unit":"kg"}'


@pytest.mark.parametrize("name", ["openai-sft", "together", "fireworks", "trl", "axolotl", "swift", "mistral"])
@pytest.mark.parametrize("system", [None, "", "Be brief."])
def test_a_plain_pair_is_written_as_one_with_a_column_that_is_left_out(name, system):
    plain = Record("How much?", "18 kg.", system=system)
    assert written(name, plain) == written(name, replace(plain, extra={"note": "x"}))


def test_tools_and_blanks_of_a_text_come_back():
    record = Record(" How much?\n", "\n18 kg. ", trace=TALK.trace, extra={"tools": [TOOL]})
    again = LAYOUTS["chat-text"].parse(written("chat-text", record), LayoutOptions())
    assert (again.system, again.question, again.answer) == (None, record.question, record.answer)
    assert json.loads(again.extra["tools"]) == [TOOL]


def test_calls_without_ids_get_some_where_the_target_needs_them():
    call = {key: value for key, value in CALL.items() if key != "id"}
    record = Record("q", "a", trace=(Message("assistant", tool_calls=[call]), Message("tool", "18")))
    _, called, result, _ = written("converse", record)["messages"]
    identifier = called["content"][0]["toolUse"]["toolUseId"]
    assert identifier and result["content"][0]["toolResult"]["toolUseId"] == identifier
