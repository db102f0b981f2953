"""Entries as they are stored: from records and back, column by column, and the hash of their content."""

from dataclasses import fields

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.changes import FIELDS
from app.core.record import Message, Record
from app.core.stored import (
    COLUMNS,
    CONTENT,
    StoredEntry,
    as_entry,
    content_hash,
    content_hashes,
    content_of,
    entries_of_columns,
    stored_entry,
    stored_fields,
)
from app.models import Entry
from tests.core.test_record import JSON, MESSAGE, TEXT

RECORD = st.builds(
    Record,
    question=TEXT,
    answer=TEXT,
    system=st.none() | TEXT,
    turns=st.lists(MESSAGE, max_size=2).map(tuple),
    trace=st.lists(MESSAGE, max_size=2).map(tuple),
    rejected_answer=st.none() | TEXT,
    tags=st.lists(TEXT, max_size=2).map(tuple),
    extra=st.dictionaries(TEXT, JSON, max_size=2),
    reasoning=st.none() | TEXT,
    source=st.none() | TEXT,
    family=st.none() | TEXT,
)


@given(RECORD)
def test_a_record_comes_back_as_it_was_stored(record):
    entry = stored_entry(record, status="approved", split="test", source_row=7)
    assert entry.record() == record
    assert (entry.status, entry.split, entry.source_row, entry.import_id) == ("approved", "test", 7, None)
    assert entry.content_hash == content_hash(content_of(entry))


def test_every_field_of_a_record_is_stored_and_can_change():
    names = {one.name for one in fields(Record)}
    assert set(stored_fields(Record("q"))) == names
    assert names <= set(COLUMNS) and names <= set(FIELDS) and set(CONTENT) <= names


def test_every_column_stands_in_the_table():
    assert set(COLUMNS) <= set(Entry.__table__.columns.keys())


def test_what_is_given_for_a_field_stands_in_its_place():
    entry = stored_entry(Record("q", "a", extra={"status": "ok", "note": 1}), extra='{"note":1}')
    assert entry.extra == '{"note":1}' and entry.question == "q"


def test_half_of_a_character_is_not_hashed():
    with pytest.raises(UnicodeEncodeError):
        stored_entry(Record("\ud83d", "b"))


def test_columns_become_entries_in_which_the_rest_is_usual():
    found = entries_of_columns({"import_id": 3}, {"question": ["q", "r"], "answer": ("a", "b")})
    assert found == [StoredEntry("q", "a", import_id=3), StoredEntry("r", "b", import_id=3)]
    assert [as_entry(tuple(one)) for one in found] == found


@given(st.lists(RECORD, max_size=4))
def test_hashes_are_the_same_one_by_one_and_together(records):
    contents = [content_of(stored_entry(record)) for record in records]
    assert content_hashes([*contents, None]) == [*map(content_hash, contents), None]


@given(TEXT, TEXT, TEXT, TEXT)
def test_different_pairs_have_different_hashes(question, answer, other_question, other_answer):
    same = (question, answer) == (other_question, other_answer)
    first, second = stored_entry(Record(question, answer)), stored_entry(Record(other_question, other_answer))
    assert (first.content_hash == second.content_hash) == same


def test_text_cannot_move_between_fields_unnoticed():
    pairs = [
        Record("ab", "c"),
        Record("a", "bc"),
        Record("b", "c", system="a"),
        Record("b", "c", rejected_answer="a"),
        Record("ab", "c", system=""),
        Record("ab", "c", turns=(Message("user", ""),)),
        Record("ab", "c", trace=(Message("user", ""),)),
        Record("b", "c", reasoning="a"),
        Record("b", "c", rejected_answer="w", reasoning="a"),
        Record("b", "c", rejected_answer="a", reasoning="w"),
        Record("ab", "c", turns=(Message("user", "", reasoning="r"),)),
    ]
    assert len({stored_entry(one).content_hash for one in pairs}) == 11


def test_hashes_do_not_change_from_version_to_version():
    chat = Record("q", "a", "s", (Message("user", "u"),), (), "w")
    found = [stored_entry(one).content_hash for one in (Record("q", "a"), Record("q", "a", system="s"), chat)]
    assert found == [-3703760600237785629, 1261305194079516962, -2925854936836917505]


def test_hashes_fit_a_signed_64_bit_column():
    hashes = [stored_entry(Record(str(number))).content_hash for number in range(200)]
    assert min(hashes) >= -(2**63) and max(hashes) < 2**63 and min(hashes) < 0 < max(hashes)
