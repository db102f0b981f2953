"""Mending: each safe fix puts right what its rule found, and leaves all else as it was."""

import io
import json
from datetime import date

import pytest

from app.core.errors import Invalid
from app.core.formats import Source
from app.core.formats.jsonl import encode_line
from app.core.reading import ReadSettings
from app.core.validation import FIXES, RULES, ValidateOptions, load_profiles
from app.core.validation.files import validate_file
from app.core.validation.mending import Mended, mend_file

PROFILES = load_profiles()
TODAY = date(2026, 11, 29)


def mend(data, *profiles, name="rows.jsonl"):
    """The copy of a file, and what was done."""
    data = data if isinstance(data, bytes) else b"".join(map(encode_line, data))
    out = io.BytesIO()
    chosen = [PROFILES[one] for one in profiles or ("openai-sft",)]
    done = mend_file(Source.of_bytes(data, name=name), ReadSettings(), ValidateOptions(), chosen, out, today=TODAY)
    return out.getvalue(), done


def rows_of(data):
    return [json.loads(line) for line in data.decode().splitlines()]


def fixes_found(data, profile, name="rows.jsonl"):
    data = data if isinstance(data, bytes) else b"".join(map(encode_line, data))
    report = validate_file(
        Source.of_bytes(data, name=name), ReadSettings(), ValidateOptions(), [PROFILES[profile]], today=TODAY
    )
    return {one["code"]: one["fix"] for one in report["findings"] if one["fix"] in FIXES}


# The rules whose bad example is rows with a safe fix.
MENDABLE = sorted(
    code for code, rule in RULES.items() if isinstance(rule.bad, list) and code in fixes_found(rule.bad, rule.profile)
)


@pytest.mark.parametrize("code", MENDABLE)
def test_what_a_rule_offers_to_fix_is_not_found_again(code):
    rule = RULES[code]
    copy, done = mend(rule.bad, rule.profile)
    assert done.mends and code not in fixes_found(copy, rule.profile)


def test_every_mend_of_rows_is_tried_by_a_rule():
    tried = {fixes_found(RULES[code].bad, RULES[code].profile)[code] for code in MENDABLE}
    of_files = {"strip-bom", "add-bom", "to-utf-8", "to-jsonl", "unpack", "drop-blank-lines"}
    by_themselves = {"to-messages", "arguments-to-object", "tools-to-text"}
    assert tried >= FIXES.keys() - of_files - by_themselves
    assert not tried - FIXES.keys()


@pytest.mark.parametrize(
    "rule", [one for one in RULES.values() if isinstance(one.good, list)], ids=lambda one: one.code
)
def test_what_is_in_order_comes_back_letter_by_letter(rule):
    data = b"".join(map(encode_line, rule.good))
    if not fixes_found(data, rule.profile):
        try:
            copy, done = mend(data, rule.profile)
        except Invalid:
            return
        assert copy.removeprefix(b"\xef\xbb\xbf").rstrip(b"\n") == data.rstrip(b"\n")
        assert (done.mended, done.left_out) == (0, 0)


def test_the_form_of_the_file_is_mended_as_well():
    line = b'{"messages":[{"role":"user","content":"Tare?"},{"role":"assistant","content":"Empty weight."}]}'
    other = line.replace(b"Tare", b"Net")
    copy, _ = mend(b"\xef\xbb\xbf" + line + b"\n\n" + other + b"\n")
    assert copy.rstrip(b"\n") == line + b"\n" + other
    assert mend(b"[" + line + b",\n" + other + b"]", name="rows.json")[0].rstrip(b"\n") == line + b"\n" + other
    assert mend(line, "azure")[0].startswith(b"\xef\xbb\xbf")
    assert not mend(line, "azure", "openai-sft")[0].startswith(b"\xef\xbb\xbf")


def test_a_list_stays_one_for_a_target_that_reads_lists():
    rows = [{"conversations": [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": "Empty."}]}]
    copy, _ = mend(json.dumps(rows).encode(), "llama-factory", name="rows.json")
    assert json.loads(copy) == rows


def chat(arguments, **more):
    call = {"id": "call_1", "type": "function", "function": {"name": "weigh", "arguments": arguments}}
    return {
        "messages": [
            {"role": "user", "content": "How heavy is A7?"},
            {"role": "assistant", "tool_calls": [call]},
            {"role": "tool", "tool_call_id": "call_1", "content": "12"},
            {"role": "assistant", "content": "12 kg."},
        ],
        **more,
    }


def arguments_in(row):
    return row["messages"][1]["tool_calls"][0]["function"]["arguments"]


def test_arguments_are_written_as_the_target_reads_them():
    assert arguments_in(rows_of(mend([chat({"box": "A7"})])[0])[0]) == '{"box":"A7"}'
    assert arguments_in(rows_of(mend([chat('{"box": "A7"}')], "trl")[0])[0]) == {"box": "A7"}


@pytest.mark.parametrize("arguments", [{"box": "A7"}, '{"box": "A7"}'])
def test_what_two_targets_want_otherwise_stays(arguments):
    copy, done = mend([chat(arguments)], "openai-sft", "trl")
    assert rows_of(copy) == [chat(arguments)] and done.mended == 0


def test_a_text_becomes_a_message_where_the_first_row_has_messages():
    said = [{"role": "user", "content": "Tare?"}], [{"role": "assistant", "content": "Empty weight."}]
    rows = [{"prompt": said[0], "completion": said[1]}, {"prompt": "Net?", "completion": "Without the box."}]
    assert rows_of(mend(rows, "trl")[0])[1] == {
        "prompt": [{"role": "user", "content": "Net?"}],
        "completion": [{"role": "assistant", "content": "Without the box."}],
    }


def test_tools_are_written_as_the_target_reads_them():
    tools = [{"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {}}}}]
    row = chat('{"box":"A7"}', tools=json.dumps(tools))
    assert rows_of(mend([row])[0])[0]["tools"] == tools
    turns = [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": "Empty."}]
    copy, _ = mend([{"conversations": turns, "tools": tools}], "llama-factory")
    assert json.loads(rows_of(copy)[0]["tools"]) == tools


def test_a_key_with_dots_and_brackets_is_found():
    row = {"messages": [{"role": "user", "content": "Tare?"}, {"role": "assistant", "content": "12", "a.b[0].c": 1}]}
    assert rows_of(mend([row])[0])[0]["messages"][1] == {"role": "assistant", "content": "12"}


def test_what_becomes_equal_by_a_mend_is_kept_once():
    plain = {"messages": [{"role": "user", "content": "Tare?"}, {"role": "assistant", "content": "12"}]}
    copy, done = mend([plain, {**plain, "note": "twice"}, plain])
    assert rows_of(copy) == [plain] and done.mends["drop-repeats"] == 2


def test_what_cannot_be_read_is_counted():
    copy, done = mend(encode_line(chat('{"box": "A7"}')) + b"{broken\n")
    assert len(rows_of(copy)) == 1 and done == Mended(written=1, left_out=1)


def test_a_file_in_another_form_is_refused_with_the_way_out():
    with pytest.raises(Invalid, match="not in the form of OpenAI fine-tuning.*ltt convert"):
        mend(b"question,answer\nTare?,Empty weight.\n", name="faq.csv")
    with pytest.raises(Invalid, match="not in the form of"):
        mend([chat("{}")], "openai-sft", "gemini")


def test_messages_with_something_else_between_them_are_not_joined():
    asked = {"role": "user", "content": "How heavy?"}
    said = {"role": "assistant", "content": "12 kg."}
    row = {"input": {"messages": [asked, "?", asked]}, "preferred_output": [said], "non_preferred_output": [said]}
    data, done = mend([row], "together")
    assert rows_of(data) == [row] and not done.mends
