"""The search box of the pairs page: what it found is marked, and how it was taken is said."""

import pytest
from flask import Flask

from app.blueprints import view
from app.core.record import Message, Record
from app.core.search import query
from app.core.search.texts import FIELDS
from app.services import datasets, entries, history


@pytest.fixture
def dataset_id(app: Flask):
    """A new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Searched").id


def add(dataset_id: int, *records: Record) -> list[int]:
    history.create(dataset_id, list(records), summary="Add")
    return [one.id for one in entries.stream_entries(dataset_id)]


def show(client, dataset_id: int, text: str, **more: object) -> str:
    answer = client.get(f"/datasets/{dataset_id}/pairs", query_string={"q": text, **more})
    assert answer.status_code == 200
    return answer.text


def test_what_matches_is_marked_whatever_its_case_and_accents(client, dataset_id) -> None:
    add(dataset_id, Record("Wo wachsen ÄPFEL?", "Am Apfelbaum <b>dort</b>."), Record("Pears?", "No."))
    page = show(client, dataset_id, "äpfel")
    assert "<mark>ÄPFEL</mark>" in page and "<mark>Apfelbaum</mark> &lt;b&gt;dort" in page
    assert "Pears?" not in page


def test_a_page_that_has_spent_its_time_on_patterns_marks_words_only(client, dataset_id, monkeypatch) -> None:
    add(dataset_id, Record("Tare?", "Empty weight."))
    monkeypatch.setattr(view, "_SECONDS_OF_MARKS", 0)
    page = show(client, dataset_id, "tare regex:/weight/")
    assert "<mark>Tare</mark>" in page and "<mark>weight" not in page


@pytest.mark.parametrize("place", ["found", "facets"])
def test_why_a_search_was_stopped_stands_where_its_answer_would(client, dataset_id, place: str) -> None:
    add(dataset_id, Record("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa!", ""))
    address, headers = f"/datasets/{dataset_id}/pairs", {"HX-Request": "true", "HX-Target": f"div#{place}"}
    answer = client.get(address, query_string={"q": "regex:/(a|aa)+$/"}, headers=headers)
    assert answer.status_code == 422
    assert f'<div id="{place}"' in answer.text and "takes too long" in answer.text
    assert "<html" in client.get(address, query_string={"q": "regex:/(a|aa)+$/"}).text


def test_only_the_field_that_was_asked_for_is_marked(client, dataset_id) -> None:
    add(dataset_id, Record("A scale?", "A scale."))
    page = show(client, dataset_id, "question:scale")
    assert page.count("<mark>scale</mark>") == 1


def test_a_place_far_into_a_text_is_brought_to_sight(client, dataset_id) -> None:
    add(dataset_id, Record("Long?", "word " * 300 + "needle at last"))
    assert "<mark>needle</mark> at last" in show(client, dataset_id, "needle")


def test_the_editor_tells_where_else_something_was_found(client, dataset_id) -> None:
    turns = (Message("user", "Where are the ÄPFEL?"), Message("assistant", "Here."))
    [entry] = add(dataset_id, Record("Thank you.", "With pleasure.", turns=turns))
    page = show(client, dataset_id, "apfel", pair=entry)
    assert "Found in turns" in page and "<mark>ÄPFEL</mark>" in page


def test_what_is_not_understood_is_said(client, dataset_id) -> None:
    add(dataset_id, Record("status:odd", "a"))
    page = show(client, dataset_id, "status:odd")
    assert "after status: comes one of draft" in page and "1</b> matching pair" in page
    assert "The quote at the end is not closed." in show(client, dataset_id, 'odd "')


def test_where_no_words_are_found_the_insides_of_words_are_searched_and_that_is_said(client, dataset_id) -> None:
    add(dataset_id, Record("Apfelbaum", "a"))
    page = show(client, dataset_id, "baum")
    assert "hold the text inside words" in page and "Apfel<mark>baum</mark>" in page
    assert "hold the text inside words" not in show(client, dataset_id, "apfel")
    assert "hold the text inside words" not in show(client, dataset_id, "nowhere")


def test_a_runaway_pattern_is_refused_with_a_sentence(client, dataset_id) -> None:
    add(dataset_id, Record("a" * 50 + "!", "a"))
    answer = client.get(f"/datasets/{dataset_id}/pairs", query_string={"q": "regex:/^(a|a|aa)+$/"})
    assert answer.status_code == 422
    assert "pattern of the search takes too long" in answer.text


def test_the_help_names_all_that_can_be_asked(client, dataset_id) -> None:
    page = show(client, dataset_id, "")
    told = page[page.index('id="search-help"') :]
    for name in (*FIELDS, *query.LABELS, *query.STATES, *query.THINGS, *query.MEASURES):
        assert name in told


@pytest.mark.parametrize("density", ["0.0.tokens", "1.0.tokens", "0.1.tokens"])
@pytest.mark.parametrize(
    ("search", "hit"),
    [
        ('"fixed deposit"', "fixed deposit"),
        ("question:refund", "refund"),
        ("特朗普 关税", "关税"),
        ("regex:/de.osit/", "deposit"),
    ],
)
def test_a_row_begins_near_what_was_found_in_it(client, dataset_id, density, search, hit) -> None:
    before = "总统说了很多话，" * 60 if hit == "关税" else "There are several words here before. " * 10
    text = f"特朗普：{before}{hit} and what follows"
    add(dataset_id, Record(text, text))
    client.set_cookie("ltt_list", density)
    page = show(client, dataset_id, search)
    rows = page[page.index('class="qa"') : page.index("</td>", page.index('class="qa"'))]
    if hit == "关税":
        assert "<mark>特朗普</mark>" in rows
    else:
        shown = [one.split(">")[-1] for one in rows.split(f"<mark>{hit}")[:-1]]
        assert len(shown) == (1 if "question" in search else 2)
        assert all(one.startswith("…") and len(one) <= 31 for one in shown), shown


def test_a_row_begins_at_its_beginning_where_that_shows_what_was_found(client, dataset_id) -> None:
    add(dataset_id, Record("What is the interest of a deposit?", "Seven."))
    assert "What is the interest of a <mark>deposit</mark>?" in show(client, dataset_id, "deposit")
