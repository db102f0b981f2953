"""Facts of pairs: whatever writes, and wherever the program ends, they are right or are known not to be."""

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from sqlalchemy import select, text

from app.core.filters import Filters
from app.core.record import Message, Record
from app.core.search.facts import Facts, facts_of
from app.models import ChangeSet, Entry, EntryFacts, SearchState, SearchWords, StaleEntry, db, is_writing
from app.services import backups, datasets, entries, history, pairs, search
from app.services.pairs import Selection
from app.services.search import catching_up, marking
from tests.services.test_snapshots_properties import NAMES, TEXTS, Trial

TOOL = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object", "properties": {}}}}


@pytest.fixture(autouse=True)
def _few_are_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(catching_up, "MOST_LOOKED_AT", 4)
    monkeypatch.setattr(catching_up, "SLICE", 3)


def follow() -> None:
    """What a worker does until nothing is left."""
    while search.catch_up():
        pass


def fill(dataset_id: int, number: int = 12) -> list[int]:
    """Add pairs of several kinds; the ids of all."""
    records = [Record(f"How heavy is {n}?", f"It weighs {n} kg and the lid of it is not heavy.") for n in range(number)]
    records[0] = Record("Wie schwer ist die Kiste?", "Die Kiste ist nicht schwer und wiegt mit dem Deckel für 2 kg.")
    call = Message("assistant", tool_calls=[{"function": {"name": "weigh", "arguments": '{"box": 7}'}}])
    turns = (Message("user", "Good day."), Message("assistant", "Good day."))
    records[1] = Record("And box 7?", "7 kg.", turns=turns, trace=(call, Message("tool", "7")), extra={"tools": [TOOL]})
    history.create(dataset_id, records, summary="Add")
    return [one.id for one in entries.stream_entries(dataset_id)]


def find_wrong(dataset_id: int) -> list[int]:
    """The live pairs whose facts should hold by all that is known, and do not."""
    db.session.rollback()
    state = db.session.get(SearchState, dataset_id)
    late = set(db.session.execute(select(StaleEntry.entry_id).where(StaleEntry.facts)).scalars())
    columns = [getattr(EntryFacts, name) for name in Facts._fields]
    rows = db.session.execute(select(EntryFacts.entry_id, *columns).where(EntryFacts.dataset_id == dataset_id))
    kept = {row[0]: tuple(row[1:]) for row in rows}
    return [
        entry.id
        for entry in entries.stream_entries(dataset_id)
        if state and entry.id <= state.facts_upto and entry.id not in late and kept.get(entry.id) != facts_of(entry)
    ]


def lag_of(dataset_id: int) -> tuple[int, int]:
    lag = search.find_lag(dataset_id)
    return lag.facts, lag.index


def test_facts_tell_size_turns_tools_and_language(dataset_id: int) -> None:
    german, tools, english = fill(dataset_id, 3)
    follow()
    rows = {one.entry_id: one for one in db.session.execute(select(EntryFacts)).scalars()}
    assert (rows[german].language, rows[english].language) == ("de", "en")
    assert rows[english].chars == len("How heavy is 2?It weighs 2 kg and the lid of it is not heavy.")
    assert (rows[tools].turns, rows[tools].has_tools, rows[tools].is_plain) == (2, True, False)
    assert (rows[english].turns, rows[english].has_tools, rows[english].is_plain) == (1, False, True)
    assert not rows[german].is_plain and rows[english].is_plain


def test_what_lags_is_counted(dataset_id: int) -> None:
    fill(dataset_id)
    assert lag_of(dataset_id) == (12, 12)
    follow()
    assert lag_of(dataset_id) == (0, 0)
    fill(dataset_id, 6)
    assert lag_of(dataset_id) == (6, 6)


def test_what_is_hidden_before_there_is_an_index_misses_none(dataset_id: int) -> None:
    fill(dataset_id, 6)
    history.undo(dataset_id, 1)
    follow()
    assert lag_of(dataset_id) == (0, 0)
    history.redo(dataset_id, 1)
    assert lag_of(dataset_id) == (0, 6)
    follow()
    assert lag_of(dataset_id) == (0, 0)


def test_what_is_staged_is_not_missed_in_an_index(dataset_id: int) -> None:
    staged = history.stage(dataset_id, kind="import")
    with history.transaction() as session:
        change_set = session.get_one(ChangeSet, staged)
        history.add_rows(session, change_set, [history.new_row(Record(f"q{n}", "a")) for n in range(6)])
    assert lag_of(dataset_id) == (6, 0)
    history.publish(staged, summary="Import")
    assert lag_of(dataset_id) == (6, 6)
    follow()
    assert lag_of(dataset_id) == (0, 0)


@pytest.mark.parametrize("few", [True, False], ids=["small steps", "large steps"])
def test_facts_hold_through_each_write(dataset_id: int, few: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    if not few:
        monkeypatch.setattr(marking, "RENEWED_AT_ONCE", 0)
    ids = fill(dataset_id)
    follow()
    pairs.save_pair(dataset_id, ids[3], {"answer": "Now much longer than it was."}, version=1)
    assert lag_of(dataset_id)[0] == 0
    pairs.delete_pairs(dataset_id, Selection(tuple(ids[4:6])))
    assert find_wrong(dataset_id) == []
    for step in (2, 3):
        history.undo(dataset_id, step)
        assert find_wrong(dataset_id) == []
        assert (lag_of(dataset_id)[0] == 0) == few
    follow()
    assert lag_of(dataset_id) == (0, 0)
    assert find_wrong(dataset_id) == []


def test_a_dataset_on_which_work_is_staged_waits(dataset_id: int) -> None:
    fill(dataset_id)
    staged = history.stage(dataset_id, kind="import")
    assert not search.catch_up()
    history.discard(staged)
    follow()
    assert lag_of(dataset_id) == (0, 0)


def test_nothing_is_worked_out_of_texts_while_others_cannot_write(dataset_id: int, monkeypatch) -> None:
    fill(dataset_id, 40)

    def outside(make):
        def made(entry):
            assert not is_writing()
            return make(entry)

        return made

    monkeypatch.setattr(catching_up, "facts_of", outside(facts_of))
    monkeypatch.setattr("app.services.search.facts.facts_of", outside(facts_of))
    monkeypatch.setattr(catching_up, "_index_row", outside(catching_up._index_row))
    follow()
    assert lag_of(dataset_id) == (0, 0)
    assert find_wrong(dataset_id) == []


def test_what_is_written_after_it_was_read_is_made_anew(dataset_id: int, monkeypatch) -> None:
    ids = fill(dataset_id)
    make_ready = catching_up._make_ready

    def make_and_write(*given):
        ready = make_ready(*given)
        if one := db.session.get(Entry, ids[2]):
            pairs.save_pair(dataset_id, ids[2], {"answer": f"Longer, {one.version} times."}, version=one.version)
        pairs.delete_pairs(dataset_id, Selection((ids.pop(),))) if len(ids) > 6 else None
        return ready

    monkeypatch.setattr(catching_up, "_make_ready", make_and_write)
    while search.catch_up():
        assert find_wrong(dataset_id) == []
    assert lag_of(dataset_id)[0] == 0
    assert find_wrong(dataset_id) == []
    assert [one.id for one in entries.stream_entries(dataset_id, Filters(text="longer"))] == [ids[2]]


def test_a_slice_is_bounded_by_its_texts_as_well(dataset_id: int, monkeypatch) -> None:
    monkeypatch.setattr(catching_up, "SLICE_CHARS", 1)
    monkeypatch.setattr(catching_up, "SLICES", 1)
    ids = fill(dataset_id)
    for done in ids[:3]:
        assert search.catch_up()
        assert db.session.get_one(SearchState, dataset_id).facts_upto == done
    follow()
    assert lag_of(dataset_id) == (0, 0)


def test_a_deleted_dataset_takes_its_rows_along(dataset_id: int) -> None:
    fill(dataset_id)
    follow()
    datasets.delete_dataset(dataset_id)
    follow()
    assert db.session.execute(select(EntryFacts)).all() == [] == db.session.execute(select(SearchWords)).all()
    tables = "SELECT count(*) FROM sqlite_master WHERE name LIKE 'search~_%~_%' ESCAPE '~' AND name <> 'search_states'"
    assert db.session.execute(text(tables)).scalar() == 0
    datasets.restore_dataset(dataset_id)
    follow()
    assert lag_of(dataset_id) == (0, 0)
    assert find_wrong(dataset_id) == []


def test_another_folding_makes_all_anew(dataset_id: int, monkeypatch: pytest.MonkeyPatch) -> None:
    fill(dataset_id)
    follow()
    monkeypatch.setattr(catching_up, "MADE_BY", "another")
    assert search.catch_up()
    follow()
    assert db.session.execute(select(SearchState.made_by)).scalar() == "another"
    assert lag_of(dataset_id) == (0, 0)


def test_what_a_backup_brings_is_not_believed(dataset_id: int) -> None:
    fill(dataset_id)
    follow()
    with db.engine.connect() as connection:
        connection.exec_driver_sql("PRAGMA query_only=OFF")
        connection.exec_driver_sql("UPDATE entry_facts SET chars = 1")
        connection.commit()
    backups.restore_backup(backups.make_backup())
    assert lag_of(dataset_id) == (12, 12) and db.session.execute(select(SearchWords)).all() == []
    follow()
    assert find_wrong(dataset_id) == []


class FollowedTrial(Trial):
    """As of snapshots, with a worker that gets to it now and then, for a moment or until it is done."""

    def follow(self, number: int, *_: object) -> None:
        for _turn in range(number % 4 + 1):
            search.catch_up()


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(
    few=st.booleans(),
    actions=st.lists(
        st.tuples(st.one_of(st.just("follow"), NAMES), st.integers(0, 11), st.sampled_from(TEXTS)), max_size=25
    ),
)
# Many entries, some of them hidden, so that few are left to look at.
@example(
    few=True,
    actions=[("add", 7, "one"), ("follow", 0, "one"), ("undo", 0, "one"), ("import", 5, "one"), ("add", 8, "two")],
)
def test_whatever_is_done_facts_that_are_said_to_hold_do(app, few, actions):
    with app.app_context(), pytest.MonkeyPatch.context() as patch:
        patch.setattr(marking, "RENEWED_AT_ONCE", 5000 if few else 0)
        trial = FollowedTrial()
        for name, number, words in actions:
            trial.act(name, number, words)
            assert find_wrong(trial.dataset_id) == []
        for staged in trial.staged:
            history.discard(staged)
        follow()
        assert lag_of(trial.dataset_id) == (0, 0)
        assert find_wrong(trial.dataset_id) == []


@pytest.mark.parametrize("none", [[], "[]", " [ ]\n", "{}", "null", "", None])
def test_a_list_without_tools_is_no_tools(dataset_id: int, none: object) -> None:
    history.create(dataset_id, [Record("q", "a", extra={"tools": none})], summary="Add")
    [entry] = entries.stream_entries(dataset_id)
    assert not facts_of(entry).has_tools and facts_of(entry).is_plain


def test_tools_that_stand_as_text_are_tools(dataset_id: int) -> None:
    history.create(dataset_id, [Record("q", "a", extra={"functions": '[{"name": "add"}]'})], summary="Add")
    [entry] = entries.stream_entries(dataset_id)
    assert facts_of(entry).has_tools
