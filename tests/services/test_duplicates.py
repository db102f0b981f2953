"""Searching for duplicates: what is found as what, level by level, and what it is compared with."""

import io

import pytest

from app.core.errors import BadUsage, Gone, Invalid, NotFound
from app.core.record import Record
from app.models import DuplicateGroup, DuplicateMember, DuplicatePair, DuplicateScan, Entry, db, transaction
from app.services import datasets, duplicates, entries, history, jobs, pairs, search, uploads, work
from app.services.duplicates import Filter, ScanOptions, store
from app.services.jobs import Cancelled, Unwatched
from app.services.pairs import Selection
from tests.services.duplicates import (
    ALL,
    ALONE,
    CARD,
    CONFLICT,
    EQUAL,
    NEAR,
    NORMALISED,
    TWO_DAYS,
    VARIANT,
    fill,
    groups,
    members,
    only,
    scanned,
    view,
)


def test_every_kind_is_found_as_what_it_is(dataset_id):
    ids, scan = scanned(dataset_id, *ALL)
    kinds = {one.kind: [member.id for member in view(scan, one).members] for one in groups(scan)}
    assert kinds == {"exact": ids[:2], "normalised": ids[2:4], "near": ids[4:6]}
    assert members(scan, "conflicts") == [ids[6:9]]
    assert members(scan, "variants") == [ids[9:11]]
    assert duplicates.count_by_tab(scan) == {
        "copies": 3, "conflicts": 1, "variants": 1, "families": 0, "dismissed": 0, "settled": 0,
    }  # fmt: skip


def test_the_slider_knows_the_groups_at_each_stop(dataset_id):
    _, scan = scanned(dataset_id, *ALL)
    stops = dict(duplicates.count_by_level(scan))
    assert (stops[80], stops[101], stops[102]) == (3, 2, 1)
    assert all(stops[level] == len(groups(scan, level=level)) for level in (80, 90, 97, 98, 100, 101, 102))


def test_a_lower_level_puts_groups_together(dataset_id):
    near = Record(CARD.replace("card", "crad"), TWO_DAYS)
    ids, scan = scanned(dataset_id, Record(CARD, TWO_DAYS), Record(CARD, TWO_DAYS), near)
    assert members(scan, level=90) == [ids]
    assert members(scan, level=101) == [ids[:2]]


def test_a_group_shows_its_members_beside_the_one_to_keep(dataset_id):
    ids, scan = scanned(dataset_id, *NEAR)
    pairs.save_pair(dataset_id, ids[0], {"status": "approved"}, version=1)
    shown = only(scan)
    assert (shown.keep, shown.leaving, shown.versions) == (ids[0], [ids[1]], {ids[0]: 2, ids[1]: 1})
    kept, other = shown.members
    assert kept.match is None and not kept.leaves and kept.score is None
    assert 90 < other.score < 100 and other.why and other.differs == ()
    assert other.created_at is not None and other.source == ""


def test_what_differs_stays_by_default(dataset_id):
    chain = (
        "alpha bravo charlie delta echo foxtrot golf hotel not",
        "alpha bravo charlie delta echo foxtrot golf hotel",
    )
    ids, scan = scanned(dataset_id, Record(chain[0], "Yes."), Record(chain[1], "Yes."))
    (group,) = groups(scan, "variants", 80)
    shown = duplicates.view_group(scan, group.id, keep=ids[0])
    assert [one.kind for one in shown.members[1].differs] == ["negation"]
    assert shown.leaving == []


def test_the_source_of_an_imported_pair_is_named(dataset_id):
    from app.services import imports
    from app.services.imports import Settings

    upload = uploads.save_text("question,answer\nq one two,a\nq one two,a\n", "faq.csv")
    row = imports.add(dataset_id, upload, Settings())
    imports.start(row.id, Settings())
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    assert [one.source for one in only(scan).members] == ["faq.csv, row 1", "faq.csv, row 2"]


@pytest.mark.parametrize(("rule", "kept"), [("approved", 0), ("newest", 3), ("longest", 1), ("most-tags", 2)])
def test_each_rule_suggests_its_pair(dataset_id, rule, kept):
    question = "How do I reset my password?"
    ids = fill(
        dataset_id,
        Record(question, "Choose Forgot password."),
        Record(question, "Choose Forgot password!!!"),
        Record(question, "Choose Forgot password.", tags=("a", "b")),
        Record(question, "Choose Forgot password."),
    )
    pairs.save_pair(dataset_id, ids[0], {"status": "approved"}, version=1)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    assert duplicates.view_group(scan, groups(scan)[0].id, rule=rule).keep == ids[kept]


def test_an_unknown_rule_list_level_or_order_is_refused(dataset_id):
    _, scan = scanned(dataset_id, *EQUAL)
    for wrong in (
        lambda: duplicates.view_group(scan, groups(scan)[0].id, rule="nonsense"),
        lambda: Filter("nonsense"),
        lambda: Filter(level=79),
        lambda: duplicates.list_groups(scan, Filter(), order="nonsense"),
        lambda: duplicates.list_groups(scan, Filter(), cursor="after:999"),
        lambda: duplicates.count_by_level(scan, "nonsense"),
        lambda: duplicates.latest_scan(dataset_id, "nonsense"),
        lambda: duplicates.scan_dataset(dataset_id, ScanOptions("nonsense")),
        lambda: duplicates.scan_dataset(dataset_id, ScanOptions(splits=("nonsense", "train"))),
        lambda: duplicates.scan_dataset(dataset_id, ScanOptions(splits=("train",))),
        lambda: duplicates.scan_dataset(dataset_id, ScanOptions(dataset=dataset_id)),
    ):
        with pytest.raises((BadUsage, Invalid)):
            wrong()


@pytest.mark.parametrize("order", ["size", "score"])
def test_pages_go_forward_and_back(dataset_id, order):
    records = [
        Record(f"What is the {word} of gold?", "See the list.") for word in "weight colour price origin density".split()
    ]
    _, scan = scanned(dataset_id, *records, *records, *records[:2])
    everything = [one.id for one in duplicates.list_groups(scan, Filter(), order=order).groups]
    first = duplicates.list_groups(scan, Filter(), size=2, order=order)
    second = duplicates.list_groups(scan, Filter(), size=2, order=order, cursor=first.next)
    third = duplicates.list_groups(scan, Filter(), size=2, order=order, cursor=second.next)
    pages = [[one.id for one in page.groups] for page in (first, second, third)]
    assert sum(pages, []) == everything and len(everything) == 5
    assert first.previous is None and third.next is None
    back = duplicates.list_groups(scan, Filter(), size=2, order=order, cursor=third.previous)
    assert [one.id for one in back.groups] == pages[1]
    if order == "size":
        assert [first.sizes[one] for one in pages[0]] == [3, 3]


def test_answers_are_compared_alone(dataset_id):
    ids, scan = scanned(
        dataset_id, Record("One?", TWO_DAYS), Record("Another?", TWO_DAYS), options=ScanOptions("answer")
    )
    assert members(scan) == [ids]
    assert members(scan, "conflicts") == []
    assert duplicates.preview_settling(scan, 102, "approved").pairs == 0


def test_pairs_are_compared_on_both_sides(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, *CONFLICT, options=ScanOptions("pair"))
    assert members(scan, level=102) == [ids[:2]]
    assert members(scan, "conflicts") == [ids[2:]]
    shown = duplicates.view_group(scan, groups(scan, "conflicts")[0].id)
    assert [one.answer_match is None for one in shown.members].count(True) == 1


def test_families_are_shown_with_their_frame(dataset_id):
    cities = "Oslo Rome Paris Lima Cairo Quito Delhi Tokyo Seoul Perth Minsk Riga Bern Doha Baku".split()
    records = [Record(f"What is the weather in {city} today?", f"Ask {city}.") for city in cities]
    ids, scan = scanned(dataset_id, *records)
    (family,) = groups(scan, "families")
    assert "weather in" in family.frame and family.size == len(ids)
    assert members(scan) == []
    with pytest.raises(Invalid, match="family"):
        duplicates.keep_pair(dataset_id, family.id, ids[0])


def test_only_the_newest_scan_shows_and_older_ones_are_removed(dataset_id):
    _, scan = scanned(dataset_id, *EQUAL)
    old = groups(scan)[0].id
    newer = duplicates.scan_dataset(dataset_id, ScanOptions())
    assert duplicates.latest_scan(dataset_id).id == newer.id
    with pytest.raises(Gone, match="newer scan"):
        duplicates.get_group(dataset_id, old)
    assert store.sweep_scans() == 1
    with pytest.raises(NotFound):
        duplicates.get_group(dataset_id, old)
    assert db.session.query(DuplicateScan).count() == 1
    assert not store.index_folder(1).exists() and store.index_folder(newer.id).exists()
    assert db.session.query(DuplicateGroup.id).filter(DuplicateGroup.scan_id != newer.id).count() == 0
    new = groups(newer)[0].id
    assert new > old


def test_a_group_of_another_dataset_is_not_found(dataset_id):
    _, scan = scanned(dataset_id, *EQUAL)
    with pytest.raises(NotFound):
        duplicates.get_group(datasets.create_dataset("Other").id, groups(scan)[0].id)


def test_two_datasets_are_compared_with_each_other_only(dataset_id):
    other = datasets.create_dataset("Benchmark").id
    ids = fill(dataset_id, *EQUAL, *NEAR[:1], *ALONE)
    (wanted, _) = fill(other, NEAR[1], CONFLICT[0])
    scan = duplicates.scan_dataset(dataset_id, ScanOptions(dataset=other))
    shown = only(scan)
    assert [one.id for one in shown.members] == [ids[2], -1]
    assert shown.members[1].other.where == f"Benchmark, pair {wanted}"
    assert shown.members[1].question == NEAR[1].question and shown.members[1].score > 90
    assert duplicates.latest_scan(dataset_id, "dataset").id == scan.id and duplicates.latest_scan(dataset_id) is None
    duplicates.keep_pair(dataset_id, shown.group.id, None)
    assert ids[2] not in [entry.id for entry in entries.stream_entries(dataset_id)]
    assert entries.get(other, wanted).question == NEAR[1].question
    assert duplicates.count_by_tab(scan)["settled"] == 1


def test_a_pair_of_the_other_dataset_that_is_gone_is_left_out(dataset_id):
    other = datasets.create_dataset("Benchmark").id
    fill(dataset_id, NEAR[0])
    (wanted,) = fill(other, NEAR[1])
    scan = duplicates.scan_dataset(dataset_id, ScanOptions(dataset=other))
    history.delete(other, [wanted])
    assert [one.entry is None for one in only(scan).members] == [False]


def test_a_file_is_compared_with_the_dataset(dataset_id):
    text = f'{{"question": "{CARD}"}}\n{{"question": "Unrelated to all of it"}}\n{{"question": ""}}\n'
    token = uploads.save(io.BytesIO(text.encode()).read, "bench.jsonl").token
    ids = fill(dataset_id, *NEAR, *EQUAL)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions(file=token))
    assert scan.scope == {"file": token, "name": "bench.jsonl", "left_out": 1}
    assert members(scan, "copies") == []
    (conflict,) = groups(scan, "conflicts")
    shown = view(scan, conflict)
    assert [one.id for one in shown.members] == [*ids[:2], -1]
    assert shown.members[2].source == "bench.jsonl, row 1"


def test_a_file_whose_columns_cannot_be_told_is_refused_with_its_columns(dataset_id):
    token = uploads.save(io.BytesIO(b'{"x": "a", "y": "b"}\n').read, "odd.jsonl").token
    with pytest.raises(Invalid, match="which column holds the question") as refused:
        duplicates.scan_dataset(dataset_id, ScanOptions(file=token))
    assert refused.value.details["columns"] == ["x", "y"]


def test_a_file_that_is_gone_is_said(dataset_id):
    with pytest.raises(Gone):
        duplicates.scan_dataset(dataset_id, ScanOptions(file="x" * 32))


def give_split(split, ids):
    with transaction() as session:
        session.query(Entry).filter(Entry.id.in_(ids)).update({"split": split})


def test_splits_are_compared_with_each_other(dataset_id):
    ids = fill(dataset_id, *EQUAL, *NORMALISED, *NEAR)
    give_split("train", [ids[0], ids[1], ids[2]])
    give_split("test", [ids[3]])
    scan = duplicates.scan_dataset(dataset_id, ScanOptions(splits=()))
    assert members(scan) == [ids[2:4]]
    assert duplicates.scan_dataset(dataset_id, ScanOptions(splits=("train", "validation"))).entry_count == 3


def test_groups_between_splits_are_picked_as_the_splits_are_now(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, *NORMALISED)
    assert duplicates.count_between_splits(scan) == 0
    give_split("train", ids[:3])
    give_split("test", ids[3:])
    assert duplicates.count_between_splits(scan) == 1
    assert members(scan, splits_only=True) == [ids[2:4]]


def test_what_was_deleted_does_not_show(dataset_id):
    ids, scan = scanned(dataset_id, *EQUAL, EQUAL[0], *NORMALISED)
    history.delete(dataset_id, [ids[0], ids[3]])
    assert members(scan) == [ids[1:3]]
    assert only(scan).size == 2


class Stopper(Unwatched):
    """Stops the work at the given report."""

    def __init__(self, reports):
        self.left = reports

    def progress(self, done, total=None, message=""):
        self.left -= 1
        if not self.left:
            raise Cancelled("Stopped.")


@pytest.mark.parametrize("reports", range(1, 9))
def test_a_stopped_scan_leaves_nothing(dataset_id, reports):
    fill(dataset_id, *ALL)
    with pytest.raises(Cancelled):
        duplicates.scan_dataset(dataset_id, ScanOptions(), Stopper(reports))
    for model in (DuplicateScan, DuplicateGroup, DuplicateMember, DuplicatePair):
        assert db.session.query(model).count() == 0
    assert list(store.index_root().iterdir()) == []


def test_a_scan_that_is_swept_while_it_runs_is_not_published(dataset_id, monkeypatch):
    monkeypatch.setattr(work, "LONGEST_SECONDS", 0)
    fill(dataset_id, *ALL)

    class Swept(Unwatched):
        def progress(self, done, total=None, message=""):
            if message == "pairs kept":
                store.sweep_scans()

    with pytest.raises(jobs.LttError, match="started again elsewhere"):
        duplicates.scan_dataset(dataset_id, ScanOptions(), Swept())
    assert duplicates.latest_scan(dataset_id) is None


@pytest.mark.parametrize("records", [(), ALONE, (Record("q", ""), Record("q", ""))])
def test_small_datasets_are_searched_too(dataset_id, records):
    if records:
        fill(dataset_id, *records)
    scan = duplicates.scan_dataset(dataset_id, ScanOptions())
    assert scan.entry_count == len(records) and duplicates.count_by_tab(scan)["conflicts"] == 0


def test_a_hint_names_the_pairs_that_ask_nearly_the_same(dataset_id):
    ids, _ = scanned(dataset_id, *ALL)
    hints = duplicates.find_hints(dataset_id, "how long does a refund take to reach the card")
    assert {one.entry_id for one in hints} == {ids[4], ids[5]}
    assert hints[0].match.level >= hints[1].match.level >= 85
    assert [one.entry_id for one in duplicates.find_hints(dataset_id, CARD, ids[4])] == [ids[5]]
    assert duplicates.find_hints(dataset_id, "Nothing like any of it") == [] == duplicates.find_hints(dataset_id, "  ")


def test_a_hint_knows_pairs_that_the_scan_did_not(dataset_id):
    scanned(dataset_id, *ALONE)
    (new,) = fill(dataset_id, NEAR[0])
    assert [one.entry_id for one in duplicates.find_hints(dataset_id, CARD)] == [new]


def test_a_hint_needs_no_scan_of_a_small_dataset(dataset_id):
    (new, _) = fill(dataset_id, *NEAR)
    assert new in [one.entry_id for one in duplicates.find_hints(dataset_id, CARD)]


def test_a_hint_needs_no_scan_where_the_search_has_an_index(dataset_id, monkeypatch):
    monkeypatch.setattr("app.services.duplicates.hint.SMALL", 0)
    monkeypatch.setattr("app.services.search.catching_up.MOST_LOOKED_AT", 0)
    ids = fill(dataset_id, *ALONE, *NEAR)
    assert duplicates.find_hints(dataset_id, CARD) == []
    while search.catch_up():
        pass
    (late,) = fill(dataset_id, Record(CARD, "Said once more."))
    typed = CARD.replace("long", "lnog").upper()
    for question in (CARD, typed, f"{CARD} \u200b"):
        assert {ids[-2], late} <= {one.entry_id for one in duplicates.find_hints(dataset_id, question)}, question
    for question in ("Nothing like any of it", '"*" OR NEAR(', "👩\u200d👩\u200d👧", "x" * 50_000):
        assert duplicates.find_hints(dataset_id, question) == []
    pairs.delete_pairs(dataset_id, Selection((late, ids[-2])))
    assert late not in [one.entry_id for one in duplicates.find_hints(dataset_id, CARD)]


def test_variants_are_named_with_what_differs(dataset_id):
    _, scan = scanned(dataset_id, *VARIANT)
    (group,) = groups(scan, "variants")
    assert group.differs == ["number"]
