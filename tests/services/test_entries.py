"""Reading entries: paging, filters, search and the deleted."""

import pytest

from app.core.errors import BadUsage, Conflict, Gone, NotFound
from app.core.filters import Filters
from app.core.record import Record
from app.services import entries, history, pairs
from app.services.pairs import Selection
from app.services.work import work


@pytest.fixture
def ten(dataset_id):
    records = [Record(f"question {n}", f"answer {n}", tags=("even",) if n % 2 == 0 else ()) for n in range(1, 11)]
    history.create(dataset_id, records, summary="Add 10 pairs")
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def walk(dataset_id, direction, cursor="", **kwargs):
    seen = []
    while cursor is not None:
        page = entries.list_page(dataset_id, Filters(), cursor=cursor, size=3, **kwargs)
        seen.append([entry.id for entry in page.entries])
        cursor = getattr(page, direction)
    return seen


def test_pages_forward_hold_each_entry_once_newest_first(dataset_id, ten):
    assert sum(walk(dataset_id, "next"), []) == ten[::-1]


def test_pages_forward_in_the_order_of_arrival(dataset_id, ten):
    assert sum(walk(dataset_id, "next", order="oldest"), []) == ten


def test_the_way_back_shows_the_same_pages(dataset_id, ten):
    forward = walk(dataset_id, "next")
    last = entries.list_page(dataset_id, Filters(), cursor=f"after:{forward[-2][-1]}", size=3)
    assert walk(dataset_id, "previous", cursor=last.previous) == forward[-2::-1]


@pytest.mark.parametrize("cursor", ["x", "after:", "after:1e9", "before:-1", "after:" + "9" * 30])
def test_a_damaged_cursor_is_refused(dataset_id, cursor):
    with pytest.raises(BadUsage, match="page link is damaged"):
        entries.list_page(dataset_id, Filters(), cursor=cursor)


@pytest.mark.parametrize("text", ["%", "_", "\\", "'", "100%_\\'"])
def test_search_is_literal(dataset_id, ten, text):
    history.create(dataset_id, [Record(f"has {text} inside", "x")], summary="Add")
    assert entries.count_entries(dataset_id, Filters(text=text)) == 1


def test_search_reads_question_answer_reasoning_and_system_in_any_case(dataset_id):
    records = [
        Record("Refund", "a"),
        Record("q", "a REFUND"),
        Record("q", "a", system="no refunds"),
        Record("q", "a", reasoning="Is it a refund?"),
        Record("q", "a"),
    ]
    history.create(dataset_id, records, summary="Add")
    assert entries.count_entries(dataset_id, Filters(text="refund")) == 4


def test_a_search_over_the_limit_is_refused(dataset_id):
    with pytest.raises(BadUsage, match="longer than 1,000"):
        entries.count_entries(dataset_id, Filters(text="x" * 60_000))


def test_filters_combine(dataset_id, ten):
    pairs.set_status(dataset_id, Selection(tuple(ten[:4])), "approved")
    assert entries.count_entries(dataset_id, Filters(statuses=("approved",), tags=("even",))) == 2
    assert entries.count_entries(dataset_id, Filters(statuses=("approved", "review"))) == 10


def test_a_tag_filter_does_not_match_part_of_a_tag(dataset_id, ten):
    assert entries.count_entries(dataset_id, Filters(tags=("eve",))) == 0


def test_tags_that_differ_in_case_are_two_tags(dataset_id, ten):
    assert entries.count_entries(dataset_id, Filters(tags=("Even",))) == 0


@pytest.mark.parametrize("tag", ['a"b', "100%", "back\\slash", "é", "a_b"])
def test_any_tag_can_be_filtered_by(dataset_id, ten, tag):
    pairs.tag_pairs(dataset_id, Selection((ten[0],)), add=[tag])
    assert entries.count_entries(dataset_id, Filters(tags=(tag,))) == 1
    assert (tag, 1) in entries.tag_counts(dataset_id)


def test_a_deleted_entry_is_gone_and_a_stranger_not_found(dataset_id, ten):
    history.delete(dataset_id, ten[:1])
    with pytest.raises(Gone, match="was deleted"):
        entries.get(dataset_id, ten[0])
    with pytest.raises(NotFound):
        entries.get(dataset_id, 10**9)


def test_a_bulk_read_sees_one_moment(dataset_id, ten):
    rows = entries.stream(dataset_id, size=2)
    first = next(rows)
    history.delete(dataset_id, ten[5:])
    assert len(first) + sum(len(part) for part in rows) == 10


def test_neighbours_follow_the_list(dataset_id, ten):
    assert entries.neighbours_of(dataset_id, Filters(), ten[4]) == (ten[5], ten[3])
    assert entries.neighbours_of(dataset_id, Filters(), ten[-1]) == (None, ten[-2])


def test_a_stale_version_is_a_conflict(dataset_id, ten):
    with pytest.raises(Conflict, match="changed since you opened it"):
        entries.require_version(entries.get(dataset_id, ten[0]), 7)


def test_the_life_of_an_entry_is_told_newest_first(dataset_id, ten):
    pairs.save_pair(dataset_id, ten[0], {"answer": "new"}, version=1)
    told = entries.revisions_of(dataset_id, ten[0])
    assert [revision.summary for revision in told] == ["Edit “question 1”", "Add 10 pairs"]
    assert told[0].fields == {"answer": ("answer 1", "new")}


def test_the_base_of_a_conflict_is_the_version_that_was_opened(dataset_id, ten):
    pairs.save_pair(dataset_id, ten[0], {"answer": "B"}, version=1)
    pairs.save_pair(dataset_id, ten[0], {"answer": "C"}, version=2)
    assert [entries.value_at(dataset_id, ten[0], v).answer for v in (1, 2, 3)] == ["answer 1", "B", "C"]
    assert [entries.value_at(dataset_id, ten[0], v) for v in (-1, 0, 4)] == [None, None, None]


def test_the_base_of_a_conflict_follows_the_order_in_which_steps_were_shown(dataset_id, ten):
    with work("clean", dataset_id) as w:
        w.change([(ten[0], "answer", "answer 1", "A")], 1)
        w.commit()
        pairs.save_pair(dataset_id, ten[0], {"question": "Q"}, version=1)
        with w.publishing():
            w.publish("Clean")
    opened = entries.value_at(dataset_id, ten[0], 2)
    assert (opened.question, opened.answer) == ("Q", "answer 1")
    assert [one.number for one in entries.revisions_of(dataset_id, ten[0])] == [3, 2, 1]


@pytest.mark.parametrize("done", ["undo", "undo and redo", "forget", "twice"])
def test_the_base_of_a_conflict_is_unknown_where_steps_were_not_only_done(dataset_id, ten, done):
    pairs.save_pair(dataset_id, ten[0], {"answer": "B"}, version=1)
    if done == "forget":
        pairs.save_pair(dataset_id, ten[0], {"answer": "C"}, version=2)
        history.forget(dataset_id, 2)
    else:
        history.undo(dataset_id)
        if done != "undo":
            history.redo(dataset_id)
        if done == "twice":
            history.undo(dataset_id)
            pairs.save_pair(dataset_id, ten[0], {"question": "Q"}, version=5)
    now = entries.get(dataset_id, ten[0]).version
    assert [entries.value_at(dataset_id, ten[0], version) for version in range(1, now + 1)] == [None] * now


@pytest.mark.parametrize(
    ("text", "search", "found"),
    [
        ("Ein ÄPFEL-Korb", "äpfel", True),
        ("ein äpfel-korb", "ÄPFEL", True),
        ("ЯБЛОКО", "яблоко", True),
        ("ΟΔΥΣΣΕΥΣ", "οδυσσευς", True),
        ("STRAẞE", "straße", True),
        ("STRASSE", "straße", True),
        ("İstanbul", "istanbul", True),
        ("ISPARTA", "ısparta", False),
        ("İstanbul", "İSTANBUL", True),
        ("\u212aelvin", "kelvin", True),
        ("ein [Ä]*? %_ \\", "[ä]*? %_ \\", True),
        ("ä", "[a-ä]", False),
        ("a.ä", "äxä", False),
        ("Größe (cm)", "GRÖßE (CM)", True),
    ],
)
def test_a_search_passes_over_case_and_diacritics(dataset_id, text, search, found):
    history.create(dataset_id, [Record(text, "a")], summary="Add")
    assert entries.count_entries(dataset_id, Filters(text=search)) == int(found)


@pytest.fixture
def labelled(dataset_id):
    """Four pairs: the labels of the first three differ, the last has none; their numbers are in their questions."""
    records = [
        Record("q0", "a", tags=("red", "big"), source="a.pdf"),
        Record("q1", "a", tags=("Red",), source="b.pdf"),
        Record("q2", "a", tags=("blue",)),
        Record("q3", "a"),
    ]
    history.create(dataset_id, records, summary="Add")
    ids = [entry.id for entry in entries.stream_entries(dataset_id)]
    pairs.set_status(dataset_id, Selection(ids=(ids[0],)), "approved")
    pairs.set_split(dataset_id, Selection(ids=(ids[1],)), "train")
    return dataset_id


@pytest.mark.parametrize(
    ("filters", "expected"),
    [
        (Filters(not_statuses=("approved",)), "123"),
        (Filters(not_splits=("train",)), "023"),
        (Filters(not_tags=("red",)), "123"),
        (Filters(not_tags=("red", "blue")), "13"),
        (Filters(tags=("red", "blue"), not_tags=("big",)), "2"),
        (Filters(sources=("a.pdf",)), "0"),
        (Filters(not_sources=("a.pdf",)), "123"),
        (Filters(imports=("here",)), "0123"),
        (Filters(not_imports=("here",)), ""),
        (Filters(imports=("7",)), ""),
        (Filters(not_imports=("7",)), "0123"),
        (Filters(findings=("html",)), ""),
        (Filters(not_findings=("html",)), "0123"),
        (Filters(statuses=("approved",), not_statuses=("approved",)), ""),
    ],
)
def test_what_is_named_is_wanted_or_left_out(labelled, filters, expected):
    found = "".join(entry.question[1:] for entry in entries.stream_entries(labelled, filters))
    assert found == expected and entries.count_entries(labelled, filters) == len(expected)


@pytest.mark.parametrize(
    "filters", [Filters(not_statuses=("nope",)), Filters(splits=("nope",)), Filters(imports=("x",))]
)
def test_what_there_is_not_cannot_be_named(dataset_id, filters):
    with pytest.raises(BadUsage):
        entries.count_entries(dataset_id, filters)
