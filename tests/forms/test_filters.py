"""Filters as an address says them, and in words."""

import pytest
from werkzeug.datastructures import MultiDict

from app.core.errors import BadUsage, Invalid
from app.core.filters import Filters
from app.core.options import options_of
from app.forms.filters import WORDS, describe_filters, list_fields, read_filters


def example(one):
    """Some value for an option."""
    if one.choices:
        return tuple(one.choices)[:2]
    if one.parse:
        return (3, 4, 7)
    return {"text": "x:1", "texts": ("3", "5"), "number": 7, "tick": False}[one.kind]


@pytest.mark.parametrize("one", [one for one in options_of(Filters) if one.word in WORDS], ids=lambda one: one.name)
def test_each_filter_comes_back_from_the_address_it_is_written_in_and_is_told_in_words(one):
    filters = Filters(**{one.name: example(one)})
    assert read_filters(MultiDict(list_fields(filters))) == filters
    assert list(describe_filters(filters)) and filters.active == (0 if one.name == "ids" else 1)


def test_fields_can_be_left_out():
    filters = Filters(text="x", statuses=("draft",), not_statuses=("review",))
    assert list_fields(filters, ("status",)) == [("q", "x"), ("not_status", "review")] and filters.active == 2


@pytest.mark.parametrize("query", [{"status": "nope"}, {"not_split": "nope"}, {"ids": "x"}])
def test_what_there_is_not_is_refused(query):
    with pytest.raises((BadUsage, Invalid)):
        read_filters(MultiDict(query))
