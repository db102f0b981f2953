"""Layouts of other services and tools: what is read means the same, comes back as it was, or says why not."""

import json

import pytest

from app.core.layouts import LAYOUTS, LayoutOptions, RowError, recognise
from app.core.layouts.templates import read_chat

KEEP = LayoutOptions(keep_extra=True)
CALL = {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"x":1}'}}
DECLARED = [
    {
        "functionDeclarations": [
            {"name": "f", "parameters": {"type": "OBJECT", "properties": {"x": {"type": "INTEGER"}}}}
        ]
    }
]
GEMINI = {
    "systemInstruction": {"role": "system", "parts": [{"text": "s"}]},
    "contents": [
        {"role": "user", "parts": [{"text": "q"}]},
        {"role": "model", "parts": [{"functionCall": {"name": "f", "args": {"x": 1}}}]},
        {"role": "function", "parts": [{"functionResponse": {"name": "f", "response": {"y": 2}}}]},
        {"role": "model", "parts": [{"text": "a"}, {"text": "b"}]},
    ],
    "tools": DECLARED,
    "id": 7,
}
ANTHROPIC = {
    "system": [{"type": "text", "text": "s"}],
    "messages": [
        {"role": "user", "content": "q"},
        {
            "role": "assistant",
            "content": [
                {"type": "thinking", "thinking": "hm", "signature": "x"},
                {"type": "text", "text": "wait"},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"x": 1}},
            ],
        },
        {
            "role": "user",
            "content": [{"type": "tool_result", "tool_use_id": "call_1", "content": [{"type": "text", "text": "2"}]}],
        },
        {"role": "assistant", "content": [{"type": "text", "text": "ab"}]},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
}
CONVERSE = {
    "schemaVersion": "bedrock-conversation-2024",
    "system": [{"text": "s"}],
    "messages": [
        {"role": "user", "content": [{"text": "q"}]},
        {"role": "assistant", "content": [{"toolUse": {"toolUseId": "call_1", "name": "f", "input": {"x": 1}}}]},
        {"role": "user", "content": [{"toolResult": {"toolUseId": "call_1", "content": [{"json": {"y": 2}}]}}]},
        {"role": "assistant", "content": [{"text": "a"}, {"text": "b"}]},
    ],
    "toolConfig": {"tools": [{"toolSpec": {"name": "f", "inputSchema": {"json": {"type": "object"}}}}]},
}


def parse(name, row, **options):
    return LAYOUTS[name].parse(row, LayoutOptions(**options))


def said(record):
    """The messages of a record as roles and texts."""
    turns = [*record.turns, ("user", record.question), *record.trace]
    return [one if isinstance(one, tuple) else (one.role, one.text) for one in turns] + [("assistant", record.answer)]


@pytest.mark.parametrize(
    ("name", "row"),
    [
        ("gemini", GEMINI),
        ("gemini", {"contents": [{"role": "user", "parts": [{"text": "q"}]}, {"role": "model", "parts": [{"text": "a"}]}]}),
        ("gemini", {"system_instruction": {"parts": [{"text": "s"}]}, "contents": [{"parts": [{"text": "q"}]}],
                    "completions": [{"score": 0, "completion": {"role": "model", "parts": [{"text": "bad"}]}},
                                    {"score": 1, "completion": {"role": "model", "parts": [{"text": "good"}]}}]}),
        ("anthropic", ANTHROPIC),
        ("anthropic", {"messages": [{"role": "user", "content": [{"type": "text", "value": "q"}]},
                                    {"role": "assistant", "content": [{"type": "reasoning", "value": "r"}, {"type": "text", "value": "a"}]}]}),
        ("converse", CONVERSE),
        ("converse", {"messages": [{"role": "user", "content": [{"text": "q"}]},
                                   {"role": "assistant", "content": [{"reasoningContent": {"reasoningText": {"text": "r"}}}, {"text": "a"}]}]}),
        ("converse", {"schemaVersion": "bedrock-conversation-2024", "system": [], "task": "faq", "messages": [
            {"role": "user", "content": [{"text": "q"}]}, {"role": "assistant", "content": [{"text": "a"}]}]}),
        ("reference", {"messages": [{"role": "user", "content": "q"}], "reference_answer": "a", "grade": 3}),
        ("reference", {"messages": [{"role": "system", "content": "s"}, {"role": "user", "content": "q"}], "reference_answer": {"n": 7}}),
        ("doccano", {"id": 1, "text": "q", "label": ["a"]}),
        ("doccano", {"id": 1, "data": "q", "labels": ["a", "b"], "Comments": []}),
    ],
)  # fmt: skip
def test_a_row_comes_back_as_it_was(name, row):
    assert recognise([row]).layout == name
    layout = LAYOUTS[name]
    assert json.loads(json.dumps(layout.render(layout.parse(row, KEEP), KEEP))) == row


@pytest.mark.parametrize(("name", "row"), [("gemini", GEMINI), ("anthropic", ANTHROPIC), ("converse", CONVERSE)])
def test_calls_and_results_of_tools_reach_the_layout_of_openai(name, row):
    record = parse(name, row)
    assert record.system == "s" and record.question == "q" and record.answer == "ab"
    assert record.trace[0].tool_calls == [CALL] and record.trace[1].tool_call_id == "call_1"
    sent = LAYOUTS["openai"].render(record, LayoutOptions())
    assert [message["role"] for message in sent["messages"]] == ["system", "user", "assistant", "tool", "assistant"]
    assert sent["tools"][0]["function"]["name"] == "f"


@pytest.mark.parametrize("name", ["gemini", "anthropic", "converse"])
def test_a_chat_of_openai_is_written_and_read_back(name):
    row = {
        "messages": [
            {"role": "system", "content": "s"},
            {"role": "user", "content": "q1"},
            {"role": "assistant", "content": "a1"},
            {"role": "user", "content": "q"},
            {"role": "assistant", "content": None, "tool_calls": [CALL, {**CALL, "id": "call_2"}]},
            {"role": "tool", "tool_call_id": "call_1", "content": '{"y":2}'},
            {"role": "tool", "tool_call_id": "call_2", "content": '{"y":3}'},
            {"role": "assistant", "content": "a"},
        ],
        "tools": [{"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}],
    }
    record = parse("openai", row)
    written = LAYOUTS[name].render(record, LayoutOptions())
    again = parse(name, json.loads(json.dumps(written)))
    assert (again.system, said(again), again.extra["tools"]) == (record.system, said(record), row["tools"])
    assert [one["id"] for one in again.trace[0].tool_calls] == ["call_1", "call_2"]
    assert [one.tool_call_id for one in again.trace[1:]] == ["call_1", "call_2"]


def test_a_better_and_a_worse_completion_of_gemini_are_a_preference():
    completions = [
        {"score": n, "completion": {"role": "model", "parts": [{"text": text}]}}
        for n, text in ((0, "bad"), (1, "good"))
    ]
    record = parse("gemini", {"contents": [{"role": "user", "parts": [{"text": "q"}]}], "completions": completions})
    assert (record.answer, record.rejected_answer) == ("good", "bad")


def test_a_preference_pair_is_written_for_gemini_with_scores():
    row = {"prompt": "q", "chosen": "good", "rejected": "bad", "system": "s"}
    written = LAYOUTS["gemini-preference"].render(parse("preference", row), LayoutOptions())
    assert [one["score"] for one in written["completions"]] == [1, 0]
    again = parse("gemini-preference", written)
    assert (again.question, again.answer, again.rejected_answer) == ("q", "good", "bad")


def test_a_reference_answer_is_the_answer_of_its_prompt():
    record = parse("reference", {"messages": [{"role": "user", "content": "q"}], "reference_answer": "a"})
    assert (record.question, record.answer) == ("q", "a")
    with pytest.raises(RowError, match="empty"):
        parse("reference", {"messages": [{"role": "user", "content": "q"}]})


@pytest.mark.parametrize(
    ("name", "row", "words"),
    [
        ("converse", {"messages": [{"role": "user", "content": [{"image": {}}]}]}, "image"),
        ("converse", {"messages": [{"role": "user", "content": "q"}]}, "list of blocks"),
        ("gemini", {"contents": [{"role": "user", "parts": [{"inlineData": {}}]}]}, "picture"),
        ("gemini", {"contents": [{"role": "wizard", "parts": [{"text": "q"}]}]}, "wizard"),
        ("anthropic", {"messages": [{"role": "user", "content": [{"type": "image"}]}]}, "image"),
        ("doccano", {"text": "q", "label": [[0, 3, "PER"]]}, "parts of the text"),
        ("doccano", {"text": "q", "label": []}, "no label"),
        ("label-studio", {"data": {"question": "q"}, "annotations": []}, "Label Studio has no annotation"),
        ("label-studio", {"data": {"question": "q"}, "annotations": [{"was_cancelled": True, "result": []}]}, "skipped"),
        ("label-studio", {"data": {"a": "x", "b": "y"}, "annotations": [{"result": [{"value": {"text": ["z"]}}]}]}, "--map question=data.FIELD"),
        ("label-studio", {"data": {"text": "q"}, "annotations": [{"result": [{"value": {"start": 0, "end": 1, "text": "q"}}]}]}, "marks parts"),
        ("chat-text", {"text": "<|im_start|>user\nq<|im_end|>\n"}, "no assistant"),
        ("chat-text", {"text": "<|im_start|>user\nq<|im_end|>\n<|im_start|>wizard\na<|im_end|>"}, "wizard"),
        ("oasst", {"prompt": {"role": "prompter", "text": "q", "replies": []}}, "no assistant"),
        ("chat-text", {"text": "Just a story."}, "whole chat"),
        ("message-rows", {"messages": [{"role": None, "content": "x"}]}, "has no role"),
    ],
)  # fmt: skip
def test_what_cannot_be_taken_says_what_it_is(name, row, words):
    with pytest.raises(RowError, match=words):
        parse(name, row)


TASK = {
    "id": 1,
    "annotations": [{"id": 10, "was_cancelled": True, "result": []}, {"id": 11, "result": [
        {"from_name": "quality", "type": "rating", "value": {"rating": 4}},
        {"from_name": "answer", "to_name": "q", "type": "textarea", "value": {"text": ["a", "b"]}},
    ]}],
    "data": {"question": "q", "topic": "t"},
}  # fmt: skip


def test_a_task_of_label_studio_is_a_pair_and_loses_nothing():
    assert recognise([TASK]).layout == "label-studio"
    record = parse("label-studio", TASK)
    assert (record.question, record.answer) == ("q", "a\nb")
    assert record.extra == {"id": 1, "data": {"topic": "t"}, "annotations": TASK["annotations"]}


def test_a_conversation_in_a_task_of_label_studio_is_one():
    chat = [
        {"role": "user", "content": "q1"},
        {"role": "assistant", "content": "a1"},
        {"role": "user", "content": "q2"},
    ]
    task = {"data": {"dialogue": chat}, "annotations": [{"result": [{"value": {"choices": ["good"]}}]}]}
    assert said(parse("label-studio", task)) == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", "q2"),
        ("assistant", "good"),
    ]


def message(identifier, text, replies=(), **more):
    role = "assistant" if identifier.startswith("a") else "prompter"
    return {"message_id": identifier, "text": text, "role": role, "replies": list(replies), **more}


TREE = {
    "message_tree_id": "t",
    "prompt": message("q1", "q1", [
        message("a1", "worse", rank=1),
        message("a2", "gone", rank=0, deleted=True),
        message("a3", "best", [message("q2", "q2", [message("a4", "end")])], rank=0),
    ]),
}  # fmt: skip


def test_the_best_path_of_a_tree_is_taken_and_other_replies_are_kept():
    assert recognise([TREE]).layout == "oasst"
    record = parse("oasst", TREE)
    assert said(record) == [("user", "q1"), ("assistant", "best"), ("user", "q2"), ("assistant", "end")]
    assert [one["text"] for one in record.extra["other_replies"]] == ["worse", "gone"]
    assert [one["message_id"] for one in record.extra["message_details"]] == ["q1", "a3", "q2", "a4"]


def test_all_paths_of_a_tree_are_rows_of_their_own():
    rows = LAYOUTS["oasst"].grouping.expand(TREE, LayoutOptions(oasst_paths="all"))
    assert [parse("oasst", row).answer for row in rows] == ["end", "worse", "gone"]


def flat(one, parent=None):
    yield {
        "message_tree_id": "t",
        "parent_id": parent,
        **{key: value for key, value in one.items() if key != "replies"},
    }
    for reply in one["replies"]:
        yield from flat(reply, one["message_id"])


def test_a_tree_with_one_message_a_row_is_the_same_tree():
    rows = list(flat(TREE["prompt"]))
    assert recognise(rows).layout == "oasst"
    grouping = LAYOUTS["oasst"].grouping
    assert {grouping.group_of(row, LayoutOptions(), {}) for row in rows} == {"t"}
    assert said(parse("oasst", grouping.join(rows[::-1], LayoutOptions()))) == said(parse("oasst", TREE))


def turn_rows(conversation="Conversation_ID", order="Turn", role="Role", text="Text"):
    rows = [
        ("1", 2, "Assistant", "a1", "x"),
        ("1", 1, "Customer", "q1", "y"),
        ("2", 1, "Customer", "q2", "z"),
        ("2", 2, "Assistant", "a2", "z"),
    ]
    return [dict(zip((conversation, order, role, text, "lang"), row, strict=True)) for row in rows]


@pytest.mark.parametrize(
    "names",
    [{}, {"conversation": "thread_id", "order": "timestamp", "role": "sender", "text": "body"}, {"conversation": "id", "role": "side", "text": "content"}],
)  # fmt: skip
def test_rows_of_one_message_are_recognised_by_names_and_values(names):
    rows = turn_rows(**names)
    found = recognise(rows)
    assert found.layout == "message-rows"
    options = LayoutOptions(mapping=found.mapping)
    grouping = LAYOUTS["message-rows"].grouping
    assert [grouping.group_of(row, options, {}) for row in rows] == ["1", "1", "2", "2"]
    first = grouping.join(rows[:2], options)
    record = LAYOUTS["message-rows"].parse(first, options)
    assert said(record) == [("user", "q1"), ("assistant", "a1")]
    assert [one["lang"] for one in record.extra["message_details"]] == ["y", "x"]
    assert grouping.join(rows[2:], options)["lang"] == "z"


def test_questions_and_answers_with_a_role_column_stay_pairs():
    assert recognise([{"role": "user", "question": "q", "answer": "a"}] * 2).layout == "columns"


Q, A = "What is tar?", "A resin."
TEXTS = {
    "ChatML": f"<|im_start|>system\ns<|im_end|>\n<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n{A}<|im_end|>\n",
    "Phi 4": f"<|im_start|>system<|im_sep|>s<|im_end|><|im_start|>user<|im_sep|>{Q}<|im_end|><|im_start|>assistant<|im_sep|>{A}<|im_end|>",
    "Llama 3": f"<|begin_of_text|><|start_header_id|>system<|end_header_id|>\n\ns<|eot_id|><|start_header_id|>user<|end_header_id|>\n\n{Q}<|eot_id|>"
               f"<|start_header_id|>assistant<|end_header_id|>\n\n{A}<|eot_id|>",
    "Llama 4": f"<|begin_of_text|><|header_start|>system<|header_end|>\n\ns<|eot|><|header_start|>user<|header_end|>\n\n{Q}<|eot|>"
               f"<|header_start|>assistant<|header_end|>\n\n{A}<|eot|>",
    "Llama 2": f"<s>[INST] <<SYS>>\ns\n<</SYS>>\n\n{Q} [/INST] {A} </s>",
    "Mistral": f"<s>[SYSTEM_PROMPT]s[/SYSTEM_PROMPT][INST]{Q}[/INST]{A}</s>",
    "Zephyr": f"<|system|>\ns</s>\n<|user|>\n{Q}</s>\n<|assistant|>\n{A}</s>",
    "Phi 3": f"<|system|>\ns<|end|>\n<|user|>\n{Q}<|end|>\n<|assistant|>\n{A}<|end|>\n<|endoftext|>",
    "DeepSeek": f"<｜begin▁of▁sentence｜>s<｜User｜>{Q}<｜Assistant｜>{A}<｜end▁of▁sentence｜>",
    "gpt-oss": f"<|start|>system<|message|>s<|end|><|start|>user<|message|>{Q}<|end|><|start|>assistant<|channel|>final<|message|>{A}<|return|>",
    "Granite": f"<|start_of_role|>system<|end_of_role|>s<|end_of_text|>\n<|start_of_role|>user<|end_of_role|>{Q}<|end_of_text|>\n"
               f"<|start_of_role|>assistant<|end_of_role|>{A}<|end_of_text|>",
    "Vicuna": f"s USER: {Q} ASSISTANT: {A}</s>",
    "HH": f"\n\nSystem: s\n\nHuman: {Q}\n\nAssistant: {A}",
    "OpenChat": f"GPT4 Correct System: s<|end_of_turn|>GPT4 Correct User: {Q}<|end_of_turn|>GPT4 Correct Assistant: {A}<|end_of_turn|>",
    "Guanaco": f"### System: s### Human: {Q}### Assistant: {A}",
    "lines": f"System: s\r\nQ: {Q}\r\nA: {A}\r\n",
}  # fmt: skip


@pytest.mark.parametrize("text", TEXTS.values(), ids=TEXTS)
def test_the_marks_of_a_template_are_taken_away(text):
    found = recognise([{"text": text, "n": 1}])
    assert found.layout == "chat-text"
    record = parse("chat-text", {"text": text, "n": 1})
    assert (record.system, record.question, record.answer, record.extra) == ("s", Q, A, {"n": 1})


def test_gemma_and_alpaca_have_no_system_prompt():
    for text in (
        f"<bos><start_of_turn>user\n{Q}<end_of_turn>\n<start_of_turn>model\n{A}<end_of_turn>\n",
        f"Below is an instruction that describes a task. Write a response.\n\n### Instruction:\n{Q}\n\n### Response:\n{A}",
    ):
        record = parse("chat-text", {"formatted": text})
        assert (record.system, record.question, record.answer) == (None, Q, A)
    with_input = f"### Instruction:\nTranslate.\n\n### Input:\n{Q}\n\n### Response:\n{A}"
    assert parse("chat-text", {"text": with_input}).question == f"Translate.\n\n{Q}"


def test_several_turns_and_a_prompt_for_the_next_are_read():
    text = f"<s>[INST] q1 [/INST] a1</s><s>[INST] {Q} [/INST] {A}</s>"
    assert said(parse("chat-text", {"text": text})) == [
        ("user", "q1"),
        ("assistant", "a1"),
        ("user", Q),
        ("assistant", A),
    ]
    prompted = f"<|im_start|>user\n{Q}<|im_end|>\n<|im_start|>assistant\n{A}<|im_end|>\n<|im_start|>assistant\n"
    assert said(parse("chat-text", {"text": prompted})) == [("user", Q), ("assistant", A)]


@pytest.mark.parametrize(
    "text",
    [
        '<|im_start|>user\nq<|im_end|>\n<|im_start|>assistant\n<tool_call>\n{"name": "f", "arguments": {"x":1}}\n</tool_call><|im_end|>\n'
        "<|im_start|>user\n<tool_response>\n2\n</tool_response><|im_end|>\n<|im_start|>assistant\nab<|im_end|>",
        "USER: q\n\n\nASSISTANT: <functioncall> {\"name\": \"f\", \"arguments\": '{\"x\":1}'} <|endoftext|>\n\n\n"
        "FUNCTION RESPONSE: 2\n\n\nASSISTANT: ab <|endoftext|>\n\n\n",
        '<s>[INST] q [/INST][TOOL_CALLS] [{"name": "f", "arguments": {"x":1}}]</s>[TOOL_RESULTS] 2 [/TOOL_RESULTS] ab</s>',
        '<|start|>user<|message|>q<|end|><|start|>assistant<|channel|>commentary to=functions.f <|constrain|>json<|message|>{"x":1}<|call|>'
        "<|start|>tool<|message|>2<|end|><|start|>assistant<|channel|>final<|message|>ab<|return|>",
    ],
)  # fmt: skip
def test_tool_calls_in_a_text_are_tool_calls(text):
    record = parse("chat-text", {"chat": text})
    assert (record.question, record.answer) == ("q", "ab")
    assert record.trace[0].tool_calls[0]["function"] == {"name": "f", "arguments": '{"x":1}'}
    assert (record.trace[1].role, record.trace[1].text) == ("tool", "2")


def test_thoughts_of_gpt_oss_are_kept_beside_the_answer():
    text = "<|start|>user<|message|>q<|end|><|start|>assistant<|channel|>analysis<|message|>hm<|end|><|start|>assistant<|channel|>final<|message|>a<|return|>"
    sent = LAYOUTS["openai"].render(parse("chat-text", {"text": text}), LayoutOptions())
    assert sent["messages"][-1] == {"role": "assistant", "content": "a", "reasoning_content": "hm"}


def test_a_system_prompt_in_a_column_of_its_own_is_one():
    record = parse("chat-text", {"system": "SYSTEM: Be brief.", "chat": f"USER: {Q}\n\n\nASSISTANT: {A} <|endoftext|>"})
    assert record.system == "Be brief." and record.extra == {}


def test_text_behind_a_mark_is_refused_and_running_text_is_no_chat():
    with pytest.raises(RowError, match="behind the mark"):
        read_chat("<|im_start|>user\nq<|im_end|> lost\n<|im_start|>assistant\na<|im_end|>")
    assert read_chat("He asked: why? She said: because.") is None


def test_a_text_beside_question_and_answer_is_no_chat():
    assert recognise([{"question": Q, "answer": A, "text": TEXTS["ChatML"]}]).layout == "columns"


def test_empty_prompts_are_taken_by_choice():
    row = {"prompt": "", "completion": "We sell rope."}
    with pytest.raises(RowError, match="--allow-empty-prompt"):
        parse("prompt-completion", row)
    record = parse("prompt-completion", row, allow_empty_prompt=True)
    assert LAYOUTS["prompt-completion-text"].render(record, LayoutOptions()) == row


def test_texts_and_messages_without_a_question_are_taken_by_choice():
    options = LayoutOptions(mapping={"answer": "text"}, allow_empty_prompt=True)
    assert said(LAYOUTS["columns"].parse({"text": "A story."}, options)) == [("user", ""), ("assistant", "A story.")]
    row = {"messages": [{"role": "system", "content": "s"}, {"role": "assistant", "content": "a"}]}
    record = parse("openai", row, allow_empty_prompt=True)
    assert (record.system, record.question, record.answer) == ("s", "", "a")
    assert LAYOUTS["openai"].render(record, KEEP) == row


def test_a_text_with_other_words_before_question_and_answer_is_not_taken_for_a_chat():
    assert recognise([{"text": "table: t\ncolumns: c\nQ: How many?\nA: SELECT 1"}]).confidence == "ask"
