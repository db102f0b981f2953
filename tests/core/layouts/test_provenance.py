"""Source and family: taken from columns that are called just so, or that somebody names, and written again."""

import pytest

from app.core.conversion import Conversion, columns_of
from app.core.formats import Source
from app.core.layouts import LAYOUTS, LayoutOptions, losses, recognise
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.record import Record
from app.core.spec import Spec


def records_in(name, text, **settings):
    source = Source.of_bytes(text.encode(), name=name)
    read, _ = plan_reading(source, ReadSettings(**settings))
    return [record for _, record in read_records(source, read)]


def mapping_of(*rows):
    return recognise(list(rows)).mapping


@pytest.mark.parametrize("name", ["source", "Source", " SOURCE "])
def test_a_column_that_is_called_source_is_the_source(name):
    assert mapping_of({"question": "q", "answer": "a", name: "manual.pdf"})["source"] == name


@pytest.mark.parametrize("name", ["sources", "source_url", "origin", "family_id", "document", "url"])
def test_no_other_name_is_taken_for_it(name):
    assert {"source", "family"}.isdisjoint(mapping_of({"question": "q", "answer": "a", name: "x"}))


@pytest.mark.parametrize("value", ["two\nlines", "x" * 501, ["a"], {"a": 1}, True, 0.5])
def test_what_can_be_no_name_is_not_taken_for_it(value):
    rows = {"question": "q", "answer": "a", "source": "manual.pdf"}, {"question": "r", "answer": "b", "source": value}
    assert "source" not in mapping_of(*rows)


def test_the_source_text_of_a_translation_names_no_document():
    assert "source" not in mapping_of({"instruction": "Translate.", "source": "Guten Tag", "target": "Good day"})


def test_the_columns_become_source_and_family():
    table = "question,answer,source,family\nq,a,manual.pdf,7\nr,b,,\n"
    assert records_in("x.csv", table) == [Record("q", "a", source="manual.pdf", family="7"), Record("r", "b")]


def test_a_number_names_a_document_and_comes_back_as_a_number():
    [record] = records_in("x.jsonl", '{"question": "q", "answer": "a", "source": 12}\n')
    assert record.source == "12"
    assert LAYOUTS["columns"].render(record, LayoutOptions()) == {"question": "q", "answer": "a", "source": 12}


def test_a_value_that_is_no_name_stays_beside_its_pair():
    lines = '{"question": "q", "answer": "a", "source": "x"}\n{"question": "r", "answer": "b", "source": ["y"]}\n'
    found = records_in("x.jsonl", lines, mapping={"source": "source"})
    assert [(one.source, one.extra) for one in found] == [("x", {}), (None, {"source": ["y"]})]


def test_a_column_that_comes_late_is_taken_by_its_name():
    lines = '{"question": "q", "answer": "a"}\n' * 60 + '{"question": "r", "answer": "b", "family": "f"}\n'
    assert records_in("x.jsonl", lines)[-1].family == "f"


@pytest.mark.parametrize("layout", ["openai", "alpaca", "prompt-completion"])
def test_it_can_be_named_beside_any_layout(layout):
    row = {
        "openai": '"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]',
        "alpaca": '"instruction": "q", "input": "", "output": "a"',
        "prompt-completion": '"prompt": "q", "completion": "a"',
    }[layout]
    line = "{" + row + ', "doc": "manual.pdf", "group": 3}\n'
    [plain] = records_in("x.jsonl", line, layout=layout)
    assert plain.source is None and plain.extra["doc"] == "manual.pdf"
    [record] = records_in("x.jsonl", line, layout=layout, mapping={"source": "doc", "family": "group"})
    assert (record.source, record.family) == ("manual.pdf", "3")
    assert {"doc", "group"}.isdisjoint(record.extra)


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if layout.is_written])
def test_every_layout_writes_it_with_other_columns_or_says_that_it_is_lost(name):
    layout = LAYOUTS[name]
    record = Record("q", "a", rejected_answer="w", source="manual.pdf", family="f")
    kept = layout.rows_of(record, LayoutOptions(keep_extra=True))
    assert all((row["source"], row["family"]) == ("manual.pdf", "f") for row in kept)
    lost = {"source", "family"} & set(losses(record, layout, LayoutOptions()))
    [row, *_] = layout.rows_of(record, LayoutOptions())
    assert lost == {one for one in ("source", "family") if one not in row}


def test_a_column_of_the_same_name_is_not_overwritten():
    record = Record("q", "a", source="manual.pdf", extra={"source": ["x"]})
    row = LAYOUTS["openai"].rows_of(record, LayoutOptions(keep_extra=True))[0]
    assert sorted(map(str, (row["source"], row["source (2)"]))) == ["['x']", "manual.pdf"]


def test_a_table_keeps_columns_that_its_first_row_leaves_empty():
    source = Source.of_bytes(b"question,answer,tags,source,rejected_answer\nq,a,,,\nr,b,t,doc,w\n", name="x.csv")
    settings, _ = plan_reading(source, ReadSettings())
    target, options = Spec("csv", "columns"), LayoutOptions(keep_extra=True)
    assert columns_of(source, settings, target, options) == ("question", "answer", "rejected_answer", "tags", "source")
    rows = list(Conversion(settings, target, options).rows(source))
    assert (rows[1]["tags"], rows[1]["source"], rows[1]["rejected_answer"]) == ("t", "doc", "w")
