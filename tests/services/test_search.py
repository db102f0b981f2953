"""Searching: answers are those of a plain look at every pair, whatever the index knows, on both databases."""

import random

import pytest
from flask import Flask
from sqlalchemy import select, update

from app.core.errors import Invalid
from app.core.filters import Filters
from app.core.record import Record
from app.core.search.matching import Around, make_matcher
from app.core.search.query import parse_query
from app.core.stored import StoredEntry, as_entry, content_of
from app.models import Dataset, Entry, EntryFacts, SearchState, SearchWords, db, transaction
from app.services import datasets, entries, history, lists, pairs, review, search
from app.services.entries import Page
from app.services.lists import Order
from app.services.pairs import Selection
from app.services.review import Reviewer
from app.services.search import catching_up, finding, listing, marking
from tests.services.searches import draw_query, draw_record

QUERIES = 2_000


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "MOST_LOOKED_AT", 20)
    monkeypatch.setattr(catching_up, "SLICE", 50)


def follow() -> None:
    while search.catch_up():
        pass


def find(dataset_id: int, text: str, **more: object) -> list[int]:
    return [one.id for one in entries.stream_entries(dataset_id, Filters(text=text, **more))]


def look(dataset_id: int, text: str, held: list[StoredEntry] | None = None) -> list[int]:
    """What answers by a plain look at every pair."""
    query, held = parse_query(text), list(entries.stream_entries(dataset_id)) if held is None else held
    contents = [content_of(one) for one in held]
    around = Around({one.id for one in held if contents.count(content_of(one)) > 1} if "duplicate" in text else ())
    found: list[int] = []
    for one in (query, query.inside_words()) if query.has_wanted_words else (query,):
        matches = make_matcher(one, around)
        found = found or [entry.id for entry in held if matches(entry)]
    return found


def add_drawn(dataset_id: int, rng: random.Random, number: int) -> None:
    records = [draw_record(rng) for _ in range(number)]
    history.create(dataset_id, [*records, *records[:3]], summary="Add")
    held = [one.id for one in entries.stream_entries(dataset_id)]
    pairs.set_status(dataset_id, Selection(tuple(rng.sample(held, 20))), "rejected")
    pairs.set_split(dataset_id, Selection(tuple(rng.sample(held, 20))), "train")


def write_here_and_there(dataset_id: int, rng: random.Random) -> None:
    held = list(entries.stream_entries(dataset_id))
    for one in rng.sample(held, 6):
        after = draw_record(rng)
        pairs.save_pair(
            dataset_id, one.id, {"question": after.question, "reasoning": after.answer}, version=one.version
        )
    history.delete(dataset_id, [one.id for one in rng.sample(held, 6)])
    history.undo(dataset_id)
    history.delete(dataset_id, [one.id for one in rng.sample(held, 6)])
    history.create(dataset_id, [draw_record(rng) for _ in range(4)], summary="Add more")


def turn_pages(dataset_id: int, text: str, order: str, size: int) -> list[int]:
    """All that a list shows, page by page; what lies before each page is the page that was there before."""

    def read(cursor: str) -> tuple[list[int], Page]:
        page = lists.list_page(dataset_id, Filters(text=text), cursor=cursor, order=Order(order), size=size)
        return [one.id for one in page.entries], page

    shown, page = read("")
    pages = [shown]
    while page.next:
        shown, page = read(page.next)
        assert page.previous and read(page.previous)[0] == pages[-1], text
        pages.append(shown)
    return [one for shown in pages for one in shown]


def compare(dataset_id: int, rng: random.Random, number: int) -> None:
    hits = 0
    for turn in range(number):
        text = draw_query(rng)
        wanted = look(dataset_id, text)
        # Pages come first: once all is known, they are read from that.
        if turn % 3 == 0:
            order = rng.choice(("newest", "oldest"))
            shown = turn_pages(dataset_id, text, order, rng.choice((20, 100)))
            assert shown == (wanted[::-1] if order == "newest" else wanted), text
        elif turn % 3 == 1:
            columns = lists.load_columns(dataset_id)
            assert columns is not None
            assert lists.count_facets(columns, dataset_id, Filters(text=text)).total == len(wanted), text
        assert find(dataset_id, text) == wanted, text
        assert entries.count_entries(dataset_id, Filters(text=text)) == len(wanted), text
        hits += bool(wanted)
    # Queries that never find anything would prove nothing.
    assert hits > number / 4


def try_all(dataset_id: int, seed: int, number: int) -> None:
    """Queries before there is an index, with one, behind by single writes, behind by a large step, caught up again."""
    rng = random.Random(seed)
    add_drawn(dataset_id, rng, 80)
    compare(dataset_id, rng, number)
    follow()
    compare(dataset_id, rng, number)
    write_here_and_there(dataset_id, rng)
    compare(dataset_id, rng, number)
    history.undo(dataset_id, 1, anyway=True)
    history.redo(dataset_id, 1, anyway=True)
    search.catch_up()
    compare(dataset_id, rng, number)
    follow()
    compare(dataset_id, rng, number)


@pytest.mark.parametrize(("seed", "most_inside"), [(0, finding.MOST_INSIDE), (1, 2)])
def test_answers_are_those_of_a_plain_look(
    dataset_id: int, monkeypatch: pytest.MonkeyPatch, seed: int, most_inside: int
) -> None:
    monkeypatch.setattr(finding, "MOST_INSIDE", most_inside)
    monkeypatch.setattr(finding, "_MANY_IDS", 10)
    monkeypatch.setattr(listing, "MOST_UNLISTED", 3)
    try_all(dataset_id, seed, QUERIES // 10)


@pytest.mark.parametrize("text", ["eedl", "question:eedl", "edle-wo", "-work eedl", '"edle-work is"', "eedl ork"])
def test_letters_inside_words_are_found_by_the_words_of_the_index(dataset_id: int, text: str) -> None:
    records = [Record("Was für Nééedle-Work?", "So."), Record("And?", "NEEDLE-WORK ís fíne."), Record("Ork?", "Eedl.")]
    history.create(dataset_id, [*records, *(Record(f"Tare {n}?", "Empty.") for n in range(20))], summary="Add")
    follow()
    wanted = look(dataset_id, text)
    assert find(dataset_id, text) == wanted and wanted


def test_words_of_an_index_are_listed_once_many_came_to_it(dataset_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Until then those of the few that came are taken from their texts."""
    monkeypatch.setattr(listing, "MOST_UNLISTED", 3)
    history.create(dataset_id, [Record(f"Tare {n}?", "Empty wéight.") for n in range(30)], summary="Add")
    follow()

    def listed() -> tuple[int, set[str]]:
        db.session.rollback()
        row = db.session.execute(select(SearchWords)).scalar_one()
        assert row.words is not None and row.words.count("\n") == len(set(row.words.split())) + 1
        return row.upto, set(row.words.split())

    usual = {"tare", "empty", "weight", *map(str, range(30))}
    assert listed() == (30, usual)
    pairs.add_pair(dataset_id, "Is there a needle?", "Yes.")
    follow()
    assert db.session.execute(select(SearchState.index_upto)).scalar() == 31
    assert listed() == (30, usual)
    assert find(dataset_id, "eedl") == [31] and find(dataset_id, "eigh") == list(range(1, 31))
    history.create(dataset_id, [Record("And a thread?", "Yes.") for _ in range(3)], summary="Add")
    while db.session.execute(select(SearchState.index_upto)).scalar() < 34:
        search.catch_up()
        db.session.rollback()
    # Before they are listed anew, the index itself is asked.
    assert listed()[0] == 30 and find(dataset_id, "hrea") == [32, 33, 34] and find(dataset_id, "eedl") == [31]
    follow()
    assert listed() == (34, usual | {"is", "there", "a", "needle", "yes", "and", "thread"})
    assert find(dataset_id, "hrea") == [32, 33, 34] and find(dataset_id, "eedl") == [31]


def test_texts_that_are_removed_leave_no_word_in_the_list(dataset_id: int) -> None:
    history.create(dataset_id, [Record(f"Tare {n}?", "Empty.") for n in range(30)], summary="Add")
    pairs.save_pair(dataset_id, 1, {"answer": "The secretword."}, version=1)
    follow()
    assert "secretword" in (db.session.execute(select(SearchWords.words)).scalar() or "")
    entry = entries.get(dataset_id, 1)
    pairs.save_pair(dataset_id, 1, {"answer": "Empty."}, version=entry.version)
    history.compact(dataset_id, 3)
    assert db.session.execute(select(SearchWords)).first() is None
    follow()
    assert "secretword" not in (db.session.execute(select(SearchWords.words)).scalar() or "secretword")


def test_the_first_of_many_are_found_without_a_look_at_the_rest(
    app: Flask, dataset_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    history.create(dataset_id, [Record(f"Tare {n}?", "The empty-weight.") for n in range(400)], summary="Add")
    follow()
    read = []
    monkeypatch.setattr(finding, "FIRST", 21)
    monkeypatch.setattr(finding, "_ROWS", 10)
    monkeypatch.setattr(finding, "as_entry", lambda row: read.append(row.id) or as_entry(row))
    for text in ("empty-weight", "pty-wei", "regex:/e.mpty|y-w/"):
        shown = lists.list_page(dataset_id, Filters(text=text), size=20)
        assert [one.id for one in shown.entries] == list(range(400, 380, -1)), text
        assert shown.next and len(read) <= 60, text
        read.clear()


def test_the_first_entries_are_those_of_a_plain_look_wherever_one_begins(
    dataset_id: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where some are remembered, and inside a write that is taken back."""
    monkeypatch.setattr(finding, "FIRST", 8)
    rng = random.Random(4)
    add_drawn(dataset_id, rng, 50)
    queries = [one for one in (draw_query(rng) for _ in range(20)) if parse_query(one).terms]
    looks = hits = 0

    def take_some() -> None:
        nonlocal looks, hits
        held = [as_entry(row) for row in db.session.execute(entries.select_entries(dataset_id, Filters()))]
        for text in queries:
            wanted = look(dataset_id, text, held)
            for _ in range(4):
                descending, rejected = rng.random() < 0.7, rng.random() < 0.3
                beyond, most = rng.choice((None, None, 0, 20, 99)), rng.choice((1, 7, 8, 9, 200))
                found = entries.find_text(dataset_id, text)
                assert found is not None
                where = [Entry.status == "rejected"] if rejected else []
                ids = [one.id for one in found.take(most, where, descending=descending, beyond=beyond)]
                right = [one.id for one in held if one.id in wanted and (not rejected or one.status == "rejected")]
                if beyond is not None:
                    right = [one for one in right if (one < beyond if descending else one > beyond)]
                asked = text, descending, rejected, beyond, most
                assert ids == sorted(right, reverse=descending)[:most], asked
                looks, hits = looks + 1, hits + bool(ids)

    take_some()
    follow()
    for write in (write_here_and_there, lambda *_: history.undo(dataset_id), lambda *_: history.redo(dataset_id)):
        take_some()
        write(dataset_id, rng)
    with pytest.raises(ZeroDivisionError), transaction():
        write_here_and_there(dataset_id, rng)
        take_some()
        raise ZeroDivisionError
    write_here_and_there(dataset_id, rng)
    take_some()
    assert hits > looks / 5


def test_an_index_of_another_version_is_not_asked(dataset_id: int) -> None:
    """It may have folded otherwise: until it is made anew the texts are looked at."""
    add_drawn(dataset_id, random.Random(3), 40)
    history.create(dataset_id, [Record("Which needle?", "A long one."), Record("Tare?", "Empty.")], summary="Add")
    follow()
    state = db.session.execute(select(SearchState)).scalar_one()
    index = marking.table_name(dataset_id, state.index_number)
    with transaction() as session:
        session.connection().exec_driver_sql(f"INSERT INTO {index} ({index}) VALUES ('delete-all')")
        session.execute(update(EntryFacts).values(chars=1))
    wanted = [look(dataset_id, asked) for asked in ("needle", "len>5")]
    assert [find(dataset_id, asked) for asked in ("needle", "len>5")] != wanted
    # Another version is another process.
    finding._remembered.clear()
    with transaction() as session:
        session.execute(update(SearchState).values(made_by="another"))
    assert [find(dataset_id, asked) for asked in ("needle", "len>5")] == wanted and all(wanted)
    follow()
    assert [find(dataset_id, asked) for asked in ("needle", "len>5")] == wanted


def test_a_word_longer_than_the_index_keeps_is_looked_at(dataset_id: int) -> None:
    long = Record("Which code?", "ä" * 40_000 + "needle")
    history.create(dataset_id, [long, *(Record(f"Tare {n}?", "Empty.") for n in range(20))], summary="Add")
    follow()
    assert find(dataset_id, "eedl") == look(dataset_id, "eedl") == [1]


def test_a_comment_is_found_at_once(dataset_id: int) -> None:
    pairs.add_pair(dataset_id, "Tare?", "Empty weight.")
    assert not find(dataset_id, "has:note")
    columns = lists.load_columns(dataset_id)
    assert columns is not None and lists.count_facets(columns, dataset_id, Filters(text="has:note")).total == 0
    review.add_comment(dataset_id, 1, "Which one?", Reviewer("a", "Ann"))
    assert find(dataset_id, "has:note") == [1]
    columns = lists.load_columns(dataset_id)
    assert columns is not None and lists.count_facets(columns, dataset_id, Filters(text="has:note")).total == 1


def test_what_was_found_in_a_write_that_was_taken_back_is_forgotten(dataset_id: int) -> None:
    for _ in range(2):
        pairs.add_pair(dataset_id, "Tare?", "Empty weight.")
    with pytest.raises(ZeroDivisionError), transaction():
        pairs.save_pair(dataset_id, 1, {"answer": "50% of it."}, version=1)
        assert entries.count_entries(dataset_id, Filters(text="50%")) == 1
        raise ZeroDivisionError
    pairs.save_pair(dataset_id, 2, {"answer": "The weight when empty."}, version=1)
    assert entries.count_entries(dataset_id, Filters(text="50%")) == 0


@pytest.mark.parametrize("text", ["50%", "y-w", "regex:/mpt/", "-50%"])
def test_a_page_is_not_kept_waiting_by_texts(
    app: Flask, dataset_id: int, monkeypatch: pytest.MonkeyPatch, text: str
) -> None:
    history.create(dataset_id, [Record(f"Tare {n}?", "Empty weight.") for n in range(40)], summary="Add")
    follow()
    monkeypatch.setattr(finding, "MOST_SECONDS", -1)
    monkeypatch.setattr(finding, "_STEPS", 1)
    with app.test_request_context(), pytest.raises(Invalid, match="was stopped"):
        entries.count_entries(dataset_id, Filters(text=text))
    # Who does not wait for a page gets the answer, also on the same connection.
    assert entries.count_entries(dataset_id, Filters(text=text)) in (0, 40)


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("seed", range(2))
def test_answers_on_postgres_are_those_of_a_plain_look(seed: int) -> None:
    try_all(datasets.create_dataset("Any").id, seed, QUERIES // 10)


MARKED = (
    Record("Send an e-mail", "now"),
    Record("Send an E—Mail", "now"),
    Record("a the‑mailbox", "e mail"),
    Record("a xnode.js", "node js"),
    Record("xnode.js, node js", "a"),
    Record("don’t [a-b] ^c* 50%_?", "«so»"),
    Record("don't [a–b] ^C* 50%x?", "", rejected_answer="it's “so”"),
    Record("a|b", "ab", reasoning="[a]b]"),
)
ASKED = (
    "e-mail",
    "-e-mail",
    "e–mail",
    "he-mail",
    "question:e-mail",
    "reasoning:e-mail",
    "node.js",
    "-node.js",
    "xnode.js",
    "don't",
    "-don’t",
    "[a-b]",
    "[a—b]",
    "^c*",
    "50%_?",
    '"«so»"',
    "'",
    "—",
    "?",
    "[",
    "a]b",
    "]",
)


def ask_marked(dataset_id: int) -> None:
    history.create(dataset_id, list(MARKED), summary="Add")
    follow()
    found = {text: find(dataset_id, text) for text in ASKED}
    assert found == {text: look(dataset_id, text) for text in ASKED}
    assert len(found["e-mail"]) == 2 and len(found["node.js"]) == 1 and len(found["he-mail"]) == 1


@pytest.mark.parametrize("indexed", [True, False])
def test_marks_stand_in_one_text_just_so(dataset_id: int, monkeypatch: pytest.MonkeyPatch, indexed: bool) -> None:
    monkeypatch.setattr(catching_up, "MOST_LOOKED_AT", 2 if indexed else 2_000)
    ask_marked(dataset_id)


@pytest.mark.usefixtures("on_postgres")
def test_marks_on_postgres_stand_in_one_text_just_so() -> None:
    ask_marked(datasets.create_dataset("Any").id)


def test_a_repeat_is_one_within_its_dataset(dataset_id: int) -> None:
    twice = [Record("Tare?", "The empty weight."), Record("Gross?", "All of it.")]
    history.create(dataset_id, [*twice, twice[0]], summary="Add")
    other = datasets.create_dataset("Other").id
    history.create(other, twice, summary="Add")
    first, _, repeat = find(dataset_id, "")
    assert find(dataset_id, "is:duplicate") == [first, repeat] and find(other, "is:duplicate") == []
    # Bulk changes leave the hash to be computed later.
    with transaction() as session:
        session.execute(update(Entry).where(Entry.id == repeat).values(content_hash=None))
        session.get_one(Dataset, dataset_id).revision += 1
    assert find(dataset_id, "is:duplicate") == [first, repeat]
    pairs.save_pair(dataset_id, repeat, {"answer": "The weight of it when empty."}, version=1)
    assert find(dataset_id, "is:duplicate") == []
