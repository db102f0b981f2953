"""The quick way of plain pairs gives what the usual way gives, whatever stands between them."""

import json
from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import select

from app.core.errors import LttError
from app.core.formats import Limits, Row, Source
from app.core.formats.csv import cells_of
from app.core.reading import read_records
from app.core.record import Record
from app.models import Entry, db
from app.services.imports import Settings, building
from app.services.imports.building import Builder
from tests.services.test_imports import bring, counts, stored

CHATS = Settings(format="jsonl", layout="openai", encoding="utf-8")
TABLE = Settings(format="csv", layout="columns", encoding="utf-8", delimiter=",", header=True, skip_lines=0)
texts = st.one_of(
    st.sampled_from(["How?", "", " ", "\u3164", "\x00", "ß\u2028", "a\nb", 'so "x" then', "\r\n", "👩‍👩‍👧", "7"]),
    st.text(max_size=8),
)


def message(role, text):
    return {"role": role, "content": text}


@st.composite
def chats(draw):
    """Lines of a chat file: mostly plain pairs."""
    question, answer = draw(texts), draw(texts)
    plain = [message("user", question), message("assistant", answer)]
    odd = [
        {"messages": [message("system", draw(texts)), *plain]},
        {"messages": [message("developer", "x"), *plain]},
        {"messages": [*plain, *plain]},
        {"messages": plain[:1]},
        {"messages": [plain[0], {**plain[1], "weight": 0}]},
        {"messages": [message("user", None), plain[1]]},
        {"messages": plain, "source": "web"},
        {"messages": [message("assistant", "a"), message("user", "b")]},
        [],
    ]
    row = draw(st.one_of(st.just({"messages": plain}), st.just({"messages": plain}), st.sampled_from(odd)))
    line = json.dumps(row, ensure_ascii=draw(st.booleans())).encode("utf-8", "surrogatepass")
    return draw(st.sampled_from([line, line, line, line, b"", b"  ", line + line, line[:-1], b"\xff" + line]))


def both_ways(data, way, limits=None):
    source = Source.of_bytes(data)
    source.limits = limits or Limits()
    quick = [(part.plain.rows() if part.plain else part.new, part.bad) for part in building.build_parts(source, way, 7)]
    usual = Builder(way, 7).build(read_records(source, way))
    return ([one for new, _ in quick for one in new], [one for _, bad in quick for one in bad]), (usual.new, usual.bad)


@pytest.fixture(autouse=True)
def small_batches(monkeypatch):
    monkeypatch.setattr(building, "QUICK_LINES", 3)
    monkeypatch.setattr(building, "QUICK_CHARACTERS", 30)


@given(st.lists(chats(), max_size=12))
@settings(max_examples=300, deadline=None)
def test_chats(lines):
    quick, usual = both_ways(b"\n".join(lines), CHATS)
    assert quick == usual


@given(
    st.lists(st.lists(texts, min_size=1, max_size=3), max_size=12),
    st.sampled_from([["question", "answer"], ["answer", "question"], ["question", "answer", "note"]]),
    st.sampled_from([b"", b'"open,x\ny', b"\xff,b\n", b"\n\n", b",\n", b"a,b,c\n"]),
)
@settings(max_examples=300, deadline=None)
def test_tables(records, names, tail):
    lines = [",".join('"' + cell.replace('"', '""') + '"' for cell in cells_of(record)) for record in [names, *records]]
    data = "".join(line + "\n" for line in lines).encode("utf-8", "replace") + tail
    quick, usual = both_ways(data, TABLE)
    assert quick == usual


@pytest.mark.parametrize("way", [CHATS, TABLE])
def test_too_many_rows_are_refused(way):
    line = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}\n'
    data = line * 9 if way is CHATS else b"question,answer\n" + b"q,a\n" * 9
    with pytest.raises(LttError, match="LTT_MAX_ROWS"):
        both_ways(data, way, Limits(rows=7))


@pytest.mark.parametrize(
    ("changes", "quick"),
    [
        ({}, True),
        ({"on_duplicate": "skip"}, True),
        ({"mapping": {"question": "question", "answer": "answer"}}, True),
        ({"mapping": {"question": "question", "answer": "answer", "tags": "t"}}, False),
        ({"on_duplicate": "update"}, False),
        ({"allow_unanswered": True}, False),
        ({"tags": ("a",)}, False),
        ({"system": "Be kind."}, False),
        ({"html_to_markdown": True}, False),
        ({"lift_thinking": True}, False),
        ({"skip": ("note",)}, False),
        ({"spreadsheet_safe": True}, False),
    ],
)
def test_only_what_is_stored_as_it_stands_goes_the_quick_way(changes, quick):
    assert building.is_quick(replace(TABLE, **changes)) is quick


@pytest.mark.parametrize(
    ("record", "code"),
    [
        (Record("a\x00", "b"), "nul"),
        (Record("a", "\x00"), "nul"),
        (Record("a", "b", system="\x00"), "nul"),
        (Record("a", "b", rejected_answer="\x00"), "nul"),
        (Record("a", "b", reasoning="\x00"), "nul"),
        (Record("\ud83d", "b"), "lone_surrogate"),
        (Record("a", "\ud83d"), "lone_surrogate"),
        (Record("a", "b", system="\ud83d"), "lone_surrogate"),
    ],
)
def test_a_text_that_cannot_be_stored_is_no_reason_to_lose_others(record, code):
    good = Record("Q", "A")
    built = Builder(CHATS, 7).build((Row(at, at, {}), one) for at, one in enumerate([good, record, good], 1))
    assert [one.source_row for one in built.new] == [1, 3]
    assert [(one.number, one.code) for one in built.bad] == [(2, code)]


def test_an_import_of_plain_chats_is_complete(dataset_id):
    line = '{"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "Q%d"}, %s]}\n'
    answer = '{"role": "assistant", "content": "A"}'
    data = "".join(line % (number, answer) for number in range(8)) + "no\n" + line % (9, answer)
    row = bring(dataset_id, data.encode(), "chats.jsonl")
    assert counts(row) == (9, 0, 1)
    found = stored(dataset_id)
    assert [one.question for one in found] == [*(f"Q{number}" for number in range(8)), "Q9"]
    assert {one.system for one in found} == {""} and {one.status for one in found} == {"review"}
    rows = db.session.execute(select(Entry.source_row).order_by(Entry.id)).scalars()
    assert list(rows) == [*range(1, 9), 10]
