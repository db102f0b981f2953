"""Any file is looked at, and read, in one room: what was said is taken as said, the rest is found with reasons."""

import gc
import io
import json
import re
import sys
from dataclasses import replace

import pytest

from app.core.errors import BadUsage, Invalid
from app.core.formats import BadRow, Source, csv, dialect
from app.core.layouts import LAYOUTS, LayoutOptions
from app.core.reading import ReadSettings, detect_file, plan_reading, read_records, require_mapping, resolve_settings
from app.core.reading.settings import from_words

TABLE = b"question,answer,team\r\nHow?,So.,a\r\nWhy?,Because.,b\r\nOpen?,,c\r\n"
SAFE = b"id,question,answer,status\n1,How much?,'=1+1,review\n"


def found_in(data, name="x.csv", **said):
    return detect_file(Source.of_bytes(data, name=name), ReadSettings(**said))


def records(data, name="x.csv", **said):
    source = Source.of_bytes(data, name=name)
    settings, _ = plan_reading(source, ReadSettings(**said))
    return list(read_records(source, settings))


def test_what_is_found_has_reasons():
    found = found_in(TABLE)
    assert (found.format, found.layout, found.delimiter, found.header, found.confidence) == (
        "csv",
        "columns",
        ",",
        True,
        "sure",
    )
    assert found.mapping == {"question": "question", "answer": "answer"} and found.columns == (
        "question",
        "answer",
        "team",
    )
    assert {"format", "encoding", "delimiter", "header", "layout", "question"} <= found.reasons.keys()


def test_what_was_said_is_taken_as_said():
    found = found_in(b"a;b\nHow?;So.\n", delimiter=",", header=False, layout="columns")
    assert (found.delimiter, found.header, found.columns) == (",", False, ("column 1",))


def test_settings_are_filled_in_only_where_nothing_was_said():
    found = found_in(TABLE)
    settings = resolve_settings(ReadSettings(delimiter=";", mapping={"answer": "team", "system": ""}), found)
    assert (settings.format, settings.delimiter, settings.encoding) == ("csv", ";", "utf-8")
    assert settings.mapping == {"question": "question", "answer": "team"}


def test_records_and_bad_rows_come_in_the_order_of_the_file():
    first, second, bad = records(TABLE)
    assert [(row.number, record.question) for row, record in (first, second)] == [(1, "How?"), (2, "Why?")]
    assert isinstance(bad, BadRow) and (bad.code, bad.line, bad.raw) == ("blank_answer", 4, "Open?,,c\r\n")
    assert bad.reason == "Row 3 (line 4): The answer is empty."


def test_columns_can_be_left_out_and_html_becomes_markdown():
    [(_, record)] = records(b"question,answer,team\nHow?,<b>So.</b>,a\n", skip=("team",), html_to_markdown=True)
    assert record.answer == "**So.**" and record.extra == {}


def test_spreadsheet_safe_quoting_is_undone_where_it_is_found_unless_it_is_said_otherwise():
    assert found_in(SAFE).spreadsheet_safe and "spreadsheet_safe" in found_in(SAFE).reasons
    assert [record.answer for _, record in records(SAFE)] == ["=1+1"]
    assert [record.answer for _, record in records(SAFE, spreadsheet_safe=False)] == ["'=1+1"]


@pytest.mark.parametrize(
    ("data", "said", "sentence"),
    [
        (
            b"utterance,intent\na,b\n",
            {},
            "It is not clear which column holds the answer. Choose it. Say which: --map answer=COLUMN.",
        ),
        (
            TABLE,
            {"mapping": {"answer": "nope"}},
            "There is no column “nope” for the answer. The columns are “question”,",
        ),
        (b'{"z": [1]}\n', {}, "It is not clear which column holds the question and which one the answer."),
    ],
)
def test_columns_that_cannot_be_told_are_asked_for(data, said, sentence):
    with pytest.raises(Invalid) as asked:
        records(data, **said)
    assert asked.value.code == "choose_mapping" and asked.value.message.startswith(sentence)
    assert asked.value.details["columns"]


def test_several_answers_are_asked_about_also_where_rows_may_be_unanswered():
    data = b"question,chosen answer\nHow?,So.\n"
    assert len(records(data, mapping={"answer": "chosen answer"})) == 1
    with pytest.raises(Invalid, match="not clear what the columns mean"):
        records(b"question,answer,response\nHow?,So.,Thus.\n", allow_unanswered=True)
    assert len(records(b"question\nHow?\n", allow_unanswered=True)) == 1


@pytest.mark.parametrize(
    ("said", "sentence"),
    [({"format": "nope"}, "no format"), ({"layout": "nope"}, "no layout"), ({"format": "xlsx"}, "This is not a")],
)
def test_formats_and_layouts_that_cannot_be_are_refused(said, sentence):
    with pytest.raises(Invalid, match=sentence):
        found_in(TABLE, **said)


@pytest.mark.parametrize("data", [b"question,answer\n", b"[]"])
def test_a_file_without_rows_is_refused(data):
    with pytest.raises(Invalid) as refused:
        found_in(data)
    assert refused.value.code == "no_rows"


def test_a_choice_that_there_is_not_is_wrong_usage():
    with pytest.raises(BadUsage, match="alpaca_input must be one of newline, blank-line, system, not 'x'"):
        ReadSettings(alpaca_input="x")


def test_a_tab_can_be_written_in_two_letters():
    assert ReadSettings(delimiter="\\t") == ReadSettings(delimiter="\t")


def test_the_dialect_is_looked_for_once(monkeypatch):
    seen = []
    monkeypatch.setattr(
        sys.modules["app.core.formats.detect"],
        "detect_dialect",
        lambda *a, **k: seen.append(1) or dialect.detect_dialect(*a, **k),
    )
    monkeypatch.setattr(csv, "detect_dialect", lambda *a, **k: pytest.fail("looked for again"))
    assert len(records(TABLE)) == 3 and seen == [1]


def test_a_stream_whose_first_record_is_long_is_kept_to_look_further():
    class Once(io.RawIOBase):
        data = io.BytesIO(
            b'[{"question": "' + b"a" * (1 << 20) + b'", "answer": "b"}, {"question": "c", "answer": "d"}]'
        )

        def readable(self):
            return True

        def readinto(self, buffer):
            return self.data.readinto(buffer)

    source = Source.of_stream(io.BufferedReader(Once()), name="-")
    settings, found = plan_reading(source, ReadSettings())
    assert found.format == "json" and len(list(read_records(source, settings))) == 2
    kept = source._stream
    del source
    gc.collect()
    assert kept is not None and kept.closed


def test_a_command_says_format_and_layout_in_one():
    assert from_words(ReadSettings()) == []
    assert from_words(ReadSettings("csv", "columns")) == ["--from", "csv:columns"]
    assert from_words(ReadSettings(layout="openai")) == ["--from", ":openai"]


def test_a_chosen_layout_asks_for_nothing_else():
    data = b'{"instruction": "How?", "output": "So."}\n'
    require_mapping(ReadSettings(layout="alpaca"), found_in(data, layout="alpaca"))


def lines(*rows):
    return Source.of_bytes("".join(json.dumps(row) + "\n" for row in rows).encode(), name="x.jsonl")


def read_lines(*rows, **said):
    source = lines(*rows)
    settings, _ = plan_reading(source, ReadSettings(**said))
    return list(read_records(source, settings))


@pytest.mark.parametrize("name", ["system", "rejected_answer", "history", "tags"])
def test_what_only_late_rows_have_keeps_its_meaning(name):
    value = {"history": [["a", "b"]]}.get(name, "late")
    plain = [{"question": f"q{place}", "answer": "a"} for place in range(400)]
    *_, (_, record) = read_lines(*plain, {"question": "q", "answer": "a", name: value})
    got = {"history": record.turns, "tags": record.tags}.get(name) or getattr(record, name, None)
    assert got and name not in record.extra


def test_a_late_column_that_was_given_no_meaning_stays_beside_the_pair():
    rows = [*[{"question": "q", "answer": "a"}] * 400, {"question": "q", "answer": "a", "system": 5}]
    *_, (_, record) = read_lines(*rows)
    assert (record.system, record.extra) == (None, {"system": 5})


@pytest.mark.parametrize(
    ("row", "question", "answer"),
    [
        ({"data": {"question": "q"}, "result": {"text": "a"}}, "data.question", "result.text"),
        (
            {"data": {"q": "q"}, "annotations": [{"result": [{"value": {"text": ["a"]}}]}]},
            "data.q",
            "annotations[0].result[0].value.text",
        ),
        ({"data": '{"question": "q"}', "answers": ["a", "b"]}, "data.question", "answers[0]"),
        ({"data.question": "q", "data": {"question": "no"}, "a": "a"}, "data.question", "a"),
    ],
)
def test_fields_inside_columns_are_chosen_by_their_paths(row, question, answer):
    mapping = {"question": question, "answer": answer}
    ((_, record),) = read_lines(row, mapping=mapping)
    assert (record.question, record.answer) == ("q", "a")
    options = LayoutOptions(mapping=mapping, keep_extra=True)
    assert LAYOUTS["columns"].render(record, options) == row
    edited = LAYOUTS["columns"].render(replace(record, answer="new"), options)
    assert LAYOUTS["columns"].parse(edited, options).answer == "new"


@pytest.mark.parametrize(
    "row",
    [
        {"question": "q", "answer": {"name": "Bo", "age": None}},
        {"instruction": "q", "input": "", "output": {"name": "Bo", "age": None}},
        {"prompt": "q", "completion": {"name": "Bo", "age": None}},
    ],
)
def test_objects_are_taken_as_json_text_only_by_choice(row):
    (bad,) = read_lines(row)
    assert bad.code == "not_text" and re.search(r"such as (answer|output|completion)\.name, or .*--objects", bad.reason)
    ((_, record),) = read_lines(row, objects=True)
    assert json.loads(record.answer) == {"name": "Bo", "age": None}


ROWS_OF_LAYOUTS = [
    {"messages": [{"role": "user", "content": "m"}, {"role": "assistant", "content": "n"}], "ask": "q", "say": "a"},
    {"instruction": "m", "input": "i", "output": "n", "ask": "q", "say": "a"},
    {"prompt": "m", "completion": "n", "ask": "q", "say": "a"},
    {"prompt": "m", "chosen": "n", "rejected": "o", "ask": "q", "say": "a"},
]


@pytest.mark.parametrize("row", ROWS_OF_LAYOUTS)
def test_a_mapping_is_used_whatever_the_rows_look_like(row):
    ((_, record),) = read_lines(row, mapping={"question": "ask", "answer": "say"})
    assert (record.question, record.answer) == ("q", "a")


@pytest.mark.parametrize("row", ROWS_OF_LAYOUTS)
def test_a_mapping_that_a_layout_has_no_use_for_is_refused(row):
    with pytest.raises(Invalid, match="no column can be mapped"):
        read_lines(row, mapping={"system": "ask"})


@pytest.mark.parametrize("row", ROWS_OF_LAYOUTS)
def test_a_mapping_to_columns_that_there_are_not_is_refused(row):
    with pytest.raises(Invalid, match="no column “nonsense”"):
        read_lines(row, mapping={"question": "nonsense", "answer": "say"})
    with pytest.raises(Invalid, match="no column “nothing”"):
        read_lines(row, mapping={"status": "nothing"})


def test_a_mapped_column_may_come_late():
    rows = [*[{"question": "q", "answer": "a"}] * 400, {"question": "q", "answer": "a", "persona": "p"}]
    *_, (_, record) = read_lines(*rows, mapping={"system": "persona"})
    assert record.system == "p"


def test_a_question_that_the_mapping_answers_is_not_asked_again():
    source = Source.of_bytes(b"title,body\nOpen?,At nine.\nClosed?,At five.\n", name="x.csv")
    asked = detect_file(source, ReadSettings())
    assert any("No column could be taken" in one for one in asked.warnings)
    assert not any(
        "No column" in one
        for one in detect_file(source, ReadSettings(mapping={"question": "title", "answer": "body"})).warnings
    )
    assert any(
        "for the answer" in one or "No column" in one
        for one in detect_file(source, ReadSettings(mapping={"question": "title"})).warnings
    )


def test_fields_inside_columns_are_found_while_columns_are_to_be_mapped():
    row = {"id": 1, "data": {"ask": "How?", "say": [{"text": "So.", "n": 2}, {"text": "No."}]}, "a.b": {"c": "x"}}
    data = json.dumps([row, {"data": '{"late": "text"}'}]).encode()
    found = found_in(data, "x.json")
    assert found.fields == ("data.ask", "data.say[0].text", "data.late")
    with pytest.raises(Invalid, match="Inside them are “data.ask”, “data.say"):
        require_mapping(ReadSettings(), found)
    assert found_in(TABLE).fields == ()
