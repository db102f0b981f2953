"""The converter: every readable kind to every writable one, everything counted."""

import csv
import io
import json
import re

import pytest

from app.core.conversion import convert
from app.core.errors import BadUsage, Invalid
from app.core.formats import FORMATS, Source
from app.core.layouts import LAYOUTS
from app.core.reading import ReadSettings, plan_reading
from app.core.spec import Spec, parse_spec, parse_target

WRITABLE = [name for name, one in FORMATS.items() if one.write]
TABLE = b'question,answer,class\r\n"What, why?","One ""two""\nthree",x\r\nHow?, - so,y\r\nNothing?,,z\r\n'


def run(data, to, kind=None, name="x", **options):
    source = Source.of_bytes(data, name=name)
    spec = parse_spec(kind)
    settings, _ = plan_reading(source, ReadSettings(spec.format, spec.layout))
    out = io.BytesIO()
    report = convert(source, out, settings, parse_target(to), **options)
    return report, out.getvalue()


def test_csv_to_jsonl_and_back_keeps_every_byte_of_the_texts():
    _, jsonl = run(TABLE, "jsonl:openai")
    _, back = run(jsonl, "csv:columns")
    first = [row[:2] for row in csv.reader(io.StringIO(TABLE.decode(), newline=""))][:3]
    assert list(csv.reader(io.StringIO(back.decode(), newline=""))) == first


def test_rows_are_accounted_for():
    seen = []
    report, _ = run(TABLE, "jsonl:openai", rejects=seen.append)
    assert (report.records_in, report.written, report.quarantined) == (3, 2, 1)
    assert seen[0].reason == "Row 3 (line 5): The answer is empty." and seen[0].raw == "Nothing?,,z\r\n"
    assert dict(report.losses) == {"other columns": 2}


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize(
    "layout", sorted(name for name, one in LAYOUTS.items() if one.is_written and not one.needs and name != "squad")
)
def test_every_writable_kind_reads_back_the_same(kind, layout):
    _, data = run(TABLE, f"{kind}:{layout}", keep_extra=True)
    report, back = run(data, "jsonl:openai", kind=f":{layout}")
    assert (report.written, report.quarantined) == (2, 0)
    assert back == run(TABLE, "jsonl:openai")[1]


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("layout", ["preference", "trl-preference", "llama-factory-preference"])
def test_preferences_of_every_writable_kind_read_back_the_same(kind, layout):
    rows = b'{"prompt": "Why?", "chosen": "So.", "rejected": "No."}\n'
    _, data = run(rows, f"{kind}:{layout}")
    report, back = run(data, "jsonl:trl-preference", kind=f":{layout}")
    assert (report.written, report.quarantined) == (1, 0)
    assert json.loads(back) == {
        "prompt": [{"role": "user", "content": "Why?"}],
        "chosen": [{"role": "assistant", "content": "So."}],
        "rejected": [{"role": "assistant", "content": "No."}],
    }


def test_pairs_without_a_worse_answer_are_no_preferences():
    report, data = run(TABLE, "jsonl:preference")
    assert (report.written, report.quarantined, data) == (0, 3, b"")
    assert "no rejected answer" in report.bad_rows[0].reason


def test_columns_that_cannot_be_told_are_asked_for():
    with pytest.raises(Invalid, match=r"--map question=COLUMN\. The columns are “text”"):
        run(b'{"text": "a"}\n{"text": "b"}\n', "csv")


@pytest.mark.parametrize("data", [b"question,answer\n", b"[]"])
def test_no_records_are_refused(data):
    with pytest.raises(Invalid, match="no records"):
        run(data, "jsonl:openai")


def test_a_stream_that_can_be_read_once_is_converted():
    class Once(io.RawIOBase):
        data = io.BytesIO(TABLE * 1)

        def readable(self):
            return True

        def readinto(self, buffer):
            part = self.data.read(min(len(buffer), 7))
            buffer[: len(part)] = part
            return len(part)

    source = Source.of_stream(io.BufferedReader(Once()), name="-")
    settings, _ = plan_reading(source, ReadSettings())
    out = io.BytesIO()
    assert convert(source, out, settings, parse_spec("jsonl:alpaca")).written == 2


@pytest.mark.parametrize("spec", ["nope", "jsonl:nope", "nope:openai"])
def test_unknown_names_are_wrong_usage(spec):
    with pytest.raises(BadUsage, match="There is no"):
        parse_spec(spec)


@pytest.mark.parametrize(
    ("name", "kind", "layout"),
    [("a.csv", "csv", "columns"), ("a.jsonl.gz", "jsonl", "openai"), ("a.json", "json", "openai")],
)
def test_the_target_follows_the_name(name, kind, layout):
    assert parse_target(None, name) == Spec(kind, layout)


def test_a_name_that_tells_nothing_asks():
    with pytest.raises(BadUsage, match=r"--to FORMAT:LAYOUT"):
        parse_target("", "-")


def run_rows(rows, to, **options):
    report, data = run("".join(json.dumps(row) + "\n" for row in rows).encode(), to, **options)
    return report, [json.loads(line) for line in data.splitlines()]


LABELLED = [
    {"prompt": "q1", "completion": "good", "label": True},
    {"prompt": "q2", "completion": "bad", "label": False},
]


@pytest.mark.parametrize(
    "target", ["openai", "alpaca", "sharegpt", "prompt-completion", "swift", "squad", "preference", "trl-preference"]
)
def test_an_answer_labelled_as_bad_never_becomes_an_answer(target):
    report, rows = run_rows(LABELLED, f"jsonl:{target}")
    assert "bad" not in json.dumps(rows) and report.written + report.quarantined == 2
    assert any(re.search("labelled as bad|rejected answer", bad.reason) for bad in report.bad_rows)


def test_labels_are_written_for_good_and_bad_answers():
    pairs = [*LABELLED, {"prompt": "q3", "chosen": "better", "rejected": "worse"}]
    written = [run_rows([pair], f"jsonl:{layout}") for pair in pairs for layout in ("trl-kto", "kto")]
    found = [
        (row.get("label", row.get("kto_tag")), re.search("good|bad|better|worse", json.dumps(row))[0])
        for _, rows in written
        for row in rows
    ]
    both = [(True, "better"), (False, "worse")]
    assert found == [(True, "good")] * 2 + [(False, "bad")] * 2 + both + both
    assert all(report.written == len(rows) for report, rows in written)


def test_every_row_of_trls_labels_has_lists_of_messages():
    rows = [
        *LABELLED,
        {
            "prompt": [{"role": "user", "content": "q"}],
            "completion": [{"role": "assistant", "content": "a"}],
            "label": True,
        },
    ]
    _, written = run_rows(rows, "jsonl:trl-kto")
    assert all(isinstance(row[name], list) for row in written for name in ("prompt", "completion"))


@pytest.mark.parametrize("layout", ["trl-kto", "kto"])
def test_labels_read_back_as_they_were(layout):
    _, written = run_rows(LABELLED, f"jsonl:{layout}")
    assert run_rows(run_rows(written, "jsonl:columns")[1], f"jsonl:{layout}")[1] == written


ROLES = {
    "user": ["user", "human", "Human", "USER", "customer", "client", "prompter"],
    "assistant": ["assistant", "gpt", "GPT", "model", "bot", "chatgpt", "ChatGPT", "bing", "agent", "AI"],
    "system": ["system", "System"],
    "developer": ["developer"],
    "tool": ["tool", "observation", "tool_response", "function-response", "Tool Response"],
}


@pytest.mark.parametrize("keys", [("role", "content"), ("from", "value"), ("role", "text"), ("from", "content")])
@pytest.mark.parametrize("container", ["messages", "conversations", "dialog", "thread"])
def test_roles_and_keys_are_read_in_every_spelling(keys, container):
    said, text = keys
    roles = [(role, name) for role, names in ROLES.items() for name in names]
    chats = [[("user", "q"), (name, "x"), ("Human", "r"), ("GPT", "a")] for _, name in roles]
    report, rows = run_rows(
        [{container: [{said: who, text: what} for who, what in chat]} for chat in chats], "jsonl:openai"
    )
    assert not report.quarantined
    for (role, _), row in zip(roles, rows, strict=True):
        expected = [("user", "q"), (role, "x"), ("user", "r"), ("assistant", "a")]
        assert [(one["role"], one["content"]) for one in row["messages"]] == expected


@pytest.mark.parametrize("container", ["messages", "dialog", "thread"])
def test_one_conversation_in_a_file_is_one_record(container):
    chat = {container: [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    assert [len(row["messages"]) for row in run_rows([chat], "jsonl:openai")[1]] == [2]


@pytest.mark.parametrize("name", ["function_call", "tool_call", "function-call", "Tool_Call"])
def test_tool_calls_are_read_in_every_spelling(name):
    call = {"from": name, "value": '{"name": "tide", "arguments": {"port": "Hull"}}'}
    chat = [
        {"from": "human", "value": "q"},
        call,
        {"from": "tool_response", "value": "high"},
        {"from": "gpt", "value": "a"},
    ]
    for container in ("messages", "conversations"):
        _, (row,) = run_rows([{container: chat}], "jsonl:openai")
        assert (
            row["messages"][1]["tool_calls"][0]["function"]["name"] == "tide" and row["messages"][2]["role"] == "tool"
        )


@pytest.mark.parametrize(
    ("marks", "weight"),
    [({"loss": False}, 0), ({"train": False}, 0), ({"loss": True}, None), ({"weight": 1, "train": False}, 1)],
)
def test_answers_that_are_not_trained_have_weight_zero(marks, weight):
    rows = [{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "a", **marks}]}]
    _, (row,) = run_rows(rows, "jsonl:openai")
    assert row["messages"][1].get("weight") == weight and not {"loss", "train"} & row["messages"][1].keys()


@pytest.mark.parametrize(
    ("row", "lost"),
    [
        (
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "content": "a", "refusal": "r"},
                ]
            },
            ["other keys of messages"],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "content": "a", "reasoning_content": ""},
                ]
            },
            [],
        ),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "image": "bus.jpg"},
            ["pictures"],
        ),
        (
            {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "tools": "hammer"},
            ["other columns"],
        ),
        (
            {
                "messages": [
                    {"role": "user", "content": "p"},
                    {"role": "user", "content": "q"},
                    {"role": "assistant", "content": "a"},
                ]
            },
            ["turns without a partner"],
        ),
        (
            {
                "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}],
                "rejected_response": "b",
            },
            ["rejected answer"],
        ),
    ],
)
def test_what_a_target_cannot_hold_is_counted(row, lost):
    report, _ = run_rows([row], "jsonl:alpaca")
    assert dict(report.losses) == dict.fromkeys(lost, 1)


def test_nothing_but_a_line_feed_ends_a_line():
    texts = "a\u2028b\u2029c\u0085d"
    _, data = run(json.dumps({"question": texts, "answer": "A"}).encode(), "jsonl:openai")
    assert len(data.decode().splitlines()) == 1 and b"a\\u2028b\\u2029c\\u0085d" in data
    assert json.loads(data)["messages"][0]["content"] == texts


def test_a_nul_is_refused_as_by_an_import():
    report, data = run(b"question,answer,class\nHow?,So.,x\nWhy?,No\x00ne.,x\nWhen?,Now.,\x00\n", "jsonl:openai")
    assert (report.written, report.quarantined) == (1, 2) and b"u0000" not in data
    assert [bad.code for bad in report.bad_rows] == ["nul", "nul"]
    assert report.bad_rows[0].reason.startswith("Row 2 (line 3): A text holds the character U+0000")


def test_a_rejected_answer_alone_is_counted_as_lost():
    report, _ = run(b"question,answer,rejected_answer\nHow?,So.,No.\n", "jsonl:openai")
    assert dict(report.losses) == {"rejected answer": 1}
