"""Lists by columns: the same pairs and counts as the database and plain Python tell, whatever was written meanwhile."""

import random
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from importlib import import_module
from weakref import WeakKeyDictionary

import pytest

from app.core.errors import BadUsage
from app.core.filters import QUESTIONS, Filters
from app.core.record import Message, Record
from app.core.search.facts import facts_of
from app.models import base
from app.services import entries, history, lists, pairs, search, tasks, validation
from app.services.lists import Order, columns
from app.services.pairs import Selection
from app.services.validation import CheckRun

TEXTS = (
    "Where is my parcel, and when does it come to the house?",
    "Wo ist das Paket und wann kommt es bei mir an?",
    "?",
)


def make_record(chance):
    turns = tuple(Message("user", f"before {n}") for n in range(chance.choice((0, 0, 1, 3, 6))))
    tools = {"tools": [{"name": "look"}]} if chance.random() < 0.2 else {}
    tags = tuple(chance.sample(("red", "Red", "a,b", '"', "%"), chance.randint(0, 2)))
    source = chance.choice((None, "a.pdf", "b.pdf"))
    text = chance.choice(TEXTS)
    return Record(text, text * chance.randint(1, 5), turns=turns, tags=tags, source=source, extra=tools)


def write_something(dataset_id, chance):
    """One write of any kind."""
    ids = [entry.id for entry in entries.stream_entries(dataset_id)]
    some = Selection(ids=tuple(chance.sample(ids, min(len(ids), 4))))
    what = chance.randint(0, 7)
    if what == 0 or not ids:
        history.create(dataset_id, [make_record(chance) for _ in range(5)], summary="Add")
    elif what == 1:
        pairs.set_status(dataset_id, some, chance.choice(("draft", "review", "approved", "rejected")))
    elif what == 2:
        pairs.set_split(dataset_id, some, chance.choice(("train", "test", "")))
    elif what == 3:
        pairs.tag_pairs(dataset_id, some, add=[chance.choice(("red", "new"))])
    elif what == 4:
        pairs.delete_pairs(dataset_id, some)
    elif what == 5:
        entry = entries.get(dataset_id, ids[0])
        pairs.save_pair(dataset_id, entry.id, {"answer": chance.choice(TEXTS)}, version=entry.version)
    elif what == 6 and history.next_undo(dataset_id):
        history.undo(dataset_id)
    elif history.next_redo(dataset_id):
        history.redo(dataset_id)


def some_filters(chance):
    """Filters that a person could choose."""
    choices = {
        "statuses": ("draft", "review", "approved"),
        "splits": ("train", "test"),
        "tags": ("red", '"', "none"),
        "imports": ("here", "3"),
        "sources": ("a.pdf",),
        "languages": ("en", "de", "?"),
        "turns": tuple(QUESTIONS),
        "tools": (True, False),
        "length_from": (1, 60),
        "tokens_to": (20, 50),
        "text": ("parcel",),
    }
    said = {}
    for name in chance.sample(sorted(choices), chance.randint(0, 3)):
        value = chance.choice(choices[name])
        if isinstance(value, str) and name != "text":
            said[chance.choice((name, f"not_{name}"))] = (value,)
        else:
            said[name] = value
    return Filters(**said)


def by_hand(found, name):
    """What a facet counts, by a plain look at the pairs."""
    of = {
        "statuses": lambda entry: [entry.status],
        "splits": lambda entry: [entry.split] if entry.split else [],
        "tags": lambda entry: entry.tag_list,
        "sources": lambda entry: [entry.source] if entry.source else [],
        "languages": lambda entry: [facts_of(entry).language or "?"],
        "tools": lambda entry: [str(int(facts_of(entry).has_tools))],
    }[name]
    counts = {}
    for entry in found:
        for value in of(entry):
            counts[value] = counts.get(value, 0) + 1
    return counts


@pytest.mark.parametrize("seed", range(12))
def test_columns_follow_every_write_and_count_what_the_database_finds(dataset_id, seed):
    chance = random.Random(seed)
    for turn in range(12):
        write_something(dataset_id, chance)
        if chance.random() < 0.3:
            search.catch_up()
        filters = some_filters(chance)
        columns = lists.load_columns(dataset_id)
        facets = lists.count_facets(columns, dataset_id, filters)
        expected = [entry.id for entry in entries.stream_entries(dataset_id, filters)]
        found = columns.ids[lists.matching(columns, dataset_id, filters)].tolist()
        assert found == expected and facets.total == len(expected), (turn, filters)
        for name in ("statuses", "splits", "tags", "sources", "languages", "tools"):
            empty = {name: getattr(Filters(), name), f"not_{name}": ()} if name != "tools" else {"tools": None}
            others = entries.stream_entries(dataset_id, replace(filters, **empty))
            counted = {value: n for value, n in getattr(facets, name).items() if n}
            assert counted == by_hand(others, name), (turn, name, filters)


def test_a_dataset_whose_pairs_are_all_deleted_is_empty_for_who_looks_first(dataset_id, monkeypatch):
    pairs.add_pair(dataset_id, "Tare?", "Empty weight.")
    search.catch_up()
    tasks.start(validation.CHECK, CheckRun(dataset_id, "plain"))
    pairs.delete_pairs(dataset_id, Selection(filters=Filters()))
    monkeypatch.setattr(columns, "_stores", WeakKeyDictionary())
    found = lists.load_columns(dataset_id)
    assert lists.count_facets(found, dataset_id, Filters()).total == 0


def test_a_write_after_the_clock_was_set_back_is_seen(dataset_id, monkeypatch):
    for number in range(3):
        pairs.add_pair(dataset_id, f"Question {number}?", "Answer")
    first = next(entries.stream_entries(dataset_id, Filters())).id
    pairs.tag_pairs(dataset_id, Selection(ids=(first,)), add=["x"])
    lists.load_columns(dataset_id)
    real = base.now
    monkeypatch.setattr(import_module("app.services.history.steps"), "now", lambda: real() - timedelta(hours=1))
    pairs.tag_pairs(dataset_id, Selection(filters=Filters()), add=["y"])
    assert lists.count_facets(lists.load_columns(dataset_id), dataset_id, Filters()).tags == {"y": 3, "x": 1}
    history.undo(dataset_id)
    assert lists.count_facets(lists.load_columns(dataset_id), dataset_id, Filters()).tags == {"x": 1}


def test_each_order_is_walked_in_both_directions(dataset_id):
    chance = random.Random(5)
    history.create(dataset_id, [make_record(chance) for _ in range(40)], summary="Add")
    for entry_id in (5, 9, 2):
        pairs.set_status(dataset_id, Selection(ids=(entry_id,)), "approved")
    facts = {entry.id: facts_of(entry) for entry in entries.stream_entries(dataset_id)}
    for name in lists.ORDERS:
        order = Order(name, 7)
        forward, cursor = [], ""
        while cursor is not None:
            page = lists.list_page(dataset_id, Filters(), cursor=cursor, order=order, size=7)
            forward += [entry.id for entry in page.entries]
            last, cursor = page, page.next
        assert sorted(forward) == sorted(facts), name
        back, cursor = [entry.id for entry in last.entries], last.previous
        while cursor is not None:
            page = lists.list_page(dataset_id, Filters(), cursor=cursor, order=order, size=7)
            back, cursor = [entry.id for entry in page.entries] + back, page.previous
        assert back == forward, name
        middle = forward[20]
        assert lists.neighbours_of(dataset_id, Filters(), middle, order) == (forward[19], forward[21]), name
        assert lists.neighbours_of(dataset_id, Filters(), forward[0], order)[0] is None
        if name == "longest":
            assert [facts[one].chars for one in forward] == sorted((one.chars for one in facts.values()), reverse=True)
        if name == "fewest-tokens":
            assert [facts[one].tokens for one in forward] == sorted(one.tokens for one in facts.values())
        if name == "edited":
            assert forward[:3] == [2, 9, 5]


def test_random_goes_by_its_seed(dataset_id):
    history.create(dataset_id, [Record(f"q{n}", "a") for n in range(60)], summary="Add")

    def order(seed):
        return [one.id for one in lists.list_page(dataset_id, Filters(), order=Order("random", seed), size=100).entries]

    assert order(1) == order(1) != order(2) and order(1) != sorted(order(1))
    # The same pairs stand in the same order, whatever else is in the list.
    before = order(1)
    pairs.delete_pairs(dataset_id, Selection(ids=(before[3],)))
    history.create(dataset_id, [Record("another", "a")], summary="Add")
    assert [one for one in order(1) if one in before] == [*before[:3], *before[4:]]


@pytest.mark.parametrize("cursor", ["x", "after", "after:x", "after:1", "sideways:1:2", "after:1:x", "after:1:2:3"])
def test_a_damaged_link_is_refused(dataset_id, cursor):
    with pytest.raises(BadUsage):
        lists.list_page(dataset_id, Filters(), cursor=cursor, order=Order("longest"))


def test_an_order_that_there_is_not_is_refused(dataset_id):
    with pytest.raises(BadUsage):
        lists.list_page(dataset_id, Filters(), order=Order("nicest"))


def test_a_histogram_holds_every_pair(dataset_id):
    chance = random.Random(3)
    history.create(dataset_id, [make_record(chance) for _ in range(50)], summary="Add")
    facets = lists.count_facets(lists.load_columns(dataset_id), dataset_id, Filters(length_from=50))
    measured = sorted(facts_of(entry).chars for entry in entries.stream_entries(dataset_id))
    assert sum(facets.length.counts) == len(measured) and facets.total == sum(one >= 50 for one in measured)
    assert (facets.length.low, facets.length.high) == (measured[0], measured[-1])


def test_many_filters_are_counted_at_once_and_few_are_kept(app, dataset_id):
    history.create(dataset_id, [Record(f"q{n}", "word " * n) for n in range(60)], summary="Add")
    columns = lists.load_columns(dataset_id)
    asked = [Filters(text=f"q{n}", length_from=n) for n in range(40)] * 2

    def count(filters):
        with app.app_context():
            return lists.count_facets(columns, dataset_id, filters).total

    with ThreadPoolExecutor(8) as threads:
        found = list(threads.map(count, asked))
    assert found[:40] == found[40:] == [count(one) for one in asked[:40]]
    assert len(columns.kept) < 60
