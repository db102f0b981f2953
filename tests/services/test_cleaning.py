"""Cleaning: what a preview counts is what applying changes, nothing else is touched, and undo gives it back."""

import itertools

import pytest

from app.core.cleaning import Step
from app.core.errors import Conflict, Invalid, TooLarge
from app.core.filters import Filters
from app.core.record import Message, Record
from app.core.stored import content_hash, content_of
from app.models import ChangeRow, ChangeSet, Entry, db
from app.services import cleaning, datasets, entries, history, jobs, pairs, tasks, work
from app.services.cleaning import CleaningOptions, CleaningOrder, scanning, suggesting


def fill(dataset_id, *records):
    history.create(dataset_id, list(records), summary="Add pairs")
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def answers(dataset_id):
    return [entry.answer for entry in entries.stream_entries(dataset_id)]


def replace(old, new="", **more):
    return CleaningOptions((Step("find-replace", {"find": old, "replace": new, **more}),))


def remove(text, **more):
    return CleaningOptions((Step("remove-text", {"text": text}),), **more)


def apply(dataset_id, wish, **more):
    return cleaning.run_cleaning(CleaningOrder(dataset_id, wish, **more))


def test_the_text_before_the_match_stays(dataset_id):
    fill(dataset_id, Record("q", "Please note User: hi"))
    done = apply(dataset_id, remove("User:"))
    assert answers(dataset_id) == ["Please note  hi"]
    assert done.applied.step.summary == "Remove “User:” in questions and answers"


def test_a_preview_says_what_would_happen(dataset_id):
    fill(
        dataset_id, Record("a", "x one"), Record("b", "x "), Record("c", "x two"), Record("c", "two"), Record("d", "y")
    )
    seen = cleaning.preview_dataset(dataset_id, remove("x "))
    assert seen.scan.sentence == "3 of 5 pairs change; 1 becomes empty; 1 becomes an exact duplicate"
    assert answers(dataset_id) == ["x one", "x ", "x two", "two", "y"]


def test_pairs_that_become_the_same_as_each_other_are_duplicates_but_the_first(dataset_id):
    ids = fill(dataset_id, Record("q", "a1"), Record("q", "a2"), Record("q", "a3"), Record("p", "b"), Record("p", "b"))
    seen = cleaning.preview_dataset(
        dataset_id, CleaningOptions((Step("find-replace", {"find": r"[\dpb]", "mode": "regex"}),))
    )
    assert seen.scan.duplicates == 2
    assert seen.scan.kept == 2
    assert list(seen.scan.same)[:3] == [0, ids[0], ids[0]]


def test_copies_that_change_alike_do_not_become_duplicates(dataset_id):
    fill(dataset_id, Record("q", "a x"), Record("q", "a x"))
    assert cleaning.preview_dataset(dataset_id, remove(" x")).scan.duplicates == 0


def test_a_copy_of_a_deleted_pair_is_none(dataset_id):
    ids = fill(dataset_id, Record("q", "a x"), Record("q", "a"))
    history.delete(dataset_id, [ids[1]])
    assert cleaning.preview_dataset(dataset_id, remove(" x")).scan.duplicates == 0


def test_an_emptied_pair_becomes_a_draft_and_undo_gives_its_status_back(dataset_id):
    fill(dataset_id, Record("q", "gone"))
    pairs.set_status(dataset_id, pairs.Selection(filters=Filters()), "approved")
    apply(dataset_id, remove("gone"))
    assert datasets.get(dataset_id).counts == {"draft": 1}
    history.undo(dataset_id)
    assert datasets.get(dataset_id).counts == {"approved": 1}


def test_a_pair_keeps_its_question(dataset_id):
    fill(dataset_id, Record("x", "x y"), Record("x z", "a"))
    done = apply(dataset_id, remove("x"))
    assert [entry.question for entry in entries.stream_entries(dataset_id)] == ["x", " z"]
    assert [reason for _, reason in done.kept] == ["Its question would become empty."]


def test_what_is_left_out_stays(dataset_id):
    ids = fill(dataset_id, Record("q", "x1"), Record("q", "x2"))
    done = apply(dataset_id, remove("x"), leave=frozenset(ids[:1]))
    assert answers(dataset_id) == ["x1", "2"]
    assert (done.matched, done.left_out, done.applied.changed) == (2, 1, 1)


def test_pairs_edited_or_deleted_since_the_preview_are_skipped_and_listed(dataset_id):
    ids = fill(dataset_id, *(Record("q", f"x{n}") for n in range(4)))
    seen = cleaning.preview_dataset(dataset_id, remove("x"))
    pairs.save_pair(dataset_id, ids[0], {"answer": "x edited"}, version=1)
    history.delete(dataset_id, [ids[3]])
    done = apply(dataset_id, seen.wish, preview=seen)
    assert answers(dataset_id) == ["x edited", "1", "2"]
    skipped = {one.entry_id: one.reason for one in done.applied.skipped}
    assert skipped == {ids[0]: "It was edited since the preview.", ids[3]: "The pair was deleted."}


def test_pairs_added_since_the_preview_are_not_touched(dataset_id):
    fill(dataset_id, Record("q", "x1"))
    seen = cleaning.preview_dataset(dataset_id, remove("x"))
    fill(dataset_id, Record("q", "x2"))
    apply(dataset_id, seen.wish, preview=seen)
    assert answers(dataset_id) == ["1", "x2"]


@pytest.mark.parametrize("few", [0, 500])
def test_a_pair_edited_while_the_run_collects_is_left_alone(dataset_id, monkeypatch, few):
    monkeypatch.setattr("app.services.history.undoing.FEW_EDITED", few)
    ids = fill(dataset_id, Record("q", "x1"), Record("q", "x2"), Record("q", "x3"))
    publish = history.publish_changes

    def late(*args, **more):
        pairs.save_pair(dataset_id, ids[0], {"answer": "edited"}, version=1)
        history.delete(dataset_id, [ids[2]])
        return publish(*args, **more)

    monkeypatch.setattr(history, "publish_changes", late)
    done = cleaning.run_cleaning(CleaningOrder(dataset_id, remove("x")))
    assert answers(dataset_id) == ["edited", "2"]
    assert done.applied.changed == 1 and done.applied.skipped_count == 2
    history.undo(dataset_id, done.applied.step.number)
    assert answers(dataset_id) == ["edited", "x2"]


def test_an_edit_undone_while_the_run_collects_is_seen(dataset_id, monkeypatch):
    ids = fill(dataset_id, Record("q", "x1"), Record("q", "x2"))
    pairs.save_pair(dataset_id, ids[0], {"answer": "x3"}, version=1)
    publish = history.publish_changes

    def late(*args, **more):
        history.undo(dataset_id)
        return publish(*args, **more)

    monkeypatch.setattr(history, "publish_changes", late)
    done = cleaning.run_cleaning(CleaningOrder(dataset_id, remove("x")))
    assert answers(dataset_id) == ["x1", "2"] and done.applied.skipped_count == 1


def test_nothing_to_change_makes_no_step(dataset_id):
    fill(dataset_id, Record("q", "a"))
    before = datasets.get(dataset_id).last_number
    assert apply(dataset_id, remove("x")).applied.step is None
    assert datasets.get(dataset_id).last_number == before
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0


@pytest.mark.parametrize("rows", [3, 40])
def test_undo_and_redo_give_the_same_back(dataset_id, rows):
    fill(dataset_id, *(Record(f"q{n}", f"x{n}", system="x") for n in range(rows)))
    before = datasets.compute_digest(dataset_id).all
    apply(dataset_id, CleaningOptions((Step("find-replace", {"find": "x"}, ("question", "answer", "system")),)))
    after = datasets.compute_digest(dataset_id).all
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id).all == before
    history.redo(dataset_id)
    assert datasets.compute_digest(dataset_id).all == after != before


def test_deleting_and_splitting_in_one_recipe_is_undone_whole(dataset_id):
    fill(
        dataset_id,
        Record("bad", "a"),
        Record("Q: one?", "A: 1\nQ: two?\nA: 2", tags=("t",), extra={"k": 1}),
        Record("plain", "p"),
    )
    before, counts = datasets.compute_digest(dataset_id).all, dict(datasets.get(dataset_id).counts)
    wish = CleaningOptions((Step("delete-matching", {"find": "bad"}), Step("split-pair")))
    seen = cleaning.preview_dataset(dataset_id, wish)
    assert seen.scan.sentence == "1 of 3 pairs changes; 1 is deleted; 1 pair is split off"
    done = apply(dataset_id, wish, preview=seen)
    assert [(e.question, e.answer) for e in entries.stream_entries(dataset_id)] == [
        ("one?", "1"),
        ("plain", "p"),
        ("two?", "2"),
    ]
    assert [e.tags for e in entries.stream_entries(dataset_id)] == ['["t"]', None, '["t"]']
    assert datasets.get(dataset_id).entry_count == 3
    history.undo(dataset_id, done.applied.step.number)
    assert datasets.compute_digest(dataset_id).all == before and datasets.get(dataset_id).counts == counts
    history.redo(dataset_id, done.applied.step.number)
    assert datasets.get(dataset_id).entry_count == 3


def test_messages_and_rejected_answers_are_cleaned_too(dataset_id):
    turns = (Message("user", "x hi"), Message("assistant", "x “yes”"))
    fill(dataset_id, Record("q", "x a", turns=turns, rejected_answer="x b"))
    wish = CleaningOptions((Step("remove-text", {"text": "x "}, ("answer", "turns")),))
    assert cleaning.preview_dataset(dataset_id, wish).scan.changed == 1
    apply(dataset_id, wish)
    [entry] = entries.stream_entries(dataset_id)
    assert [message.text for message in entry.record().turns] == ["hi", "“yes”"]
    assert (entry.answer, entry.rejected_answer) == ("a", "b")


def test_reasoning_that_is_emptied_is_none_and_comes_back(dataset_id):
    fill(dataset_id, Record("q", "x", reasoning="x "), Record("q2", "x", reasoning="x y"))
    before = datasets.compute_digest(dataset_id)
    apply(dataset_id, CleaningOptions((Step("remove-text", {"text": "x "}, ("reasoning",)),)))
    assert [one.reasoning for one in entries.stream_entries(dataset_id)] == [None, "y"]
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before


def test_reasoning_is_lifted_out_of_answers_and_put_back(dataset_id):
    turns = (Message("user", "u"), Message("assistant", "<think>t</think>v"))
    fill(dataset_id, Record("q", "<think>r</think>a"), Record("q2", "b", turns=turns), Record("q3", "c"))
    before = datasets.compute_digest(dataset_id)
    wish = CleaningOptions((Step("lift-thinking"),))
    assert cleaning.preview_dataset(dataset_id, wish).scan.changed == 2
    apply(dataset_id, wish)
    first, second, _ = (one.record() for one in entries.stream_entries(dataset_id))
    assert (first.answer, first.reasoning) == ("a", "r")
    assert second.turns[1] == Message("assistant", "v", reasoning="t")
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before


def test_a_needle_with_quotes_is_found_inside_messages(dataset_id):
    fill(dataset_id, Record("q", "a", turns=(Message("user", 'say "ho"\\n'),)))
    wish = CleaningOptions((Step("remove-text", {"text": '"ho"\\'}, ("turns",)),))
    assert cleaning.preview_dataset(dataset_id, wish).scan.changed == 1


def test_only_the_filtered_pairs_change(dataset_id):
    ids = fill(dataset_id, Record("q", "x1"), Record("q", "x2"), Record("q", "x3"))
    pairs.set_status(dataset_id, pairs.Selection(tuple(ids[:2])), "approved")
    wish = remove("x", filters=Filters(statuses=("approved",)))
    assert cleaning.preview_dataset(dataset_id, wish).scan.sentence == "2 of 2 pairs change"
    apply(dataset_id, wish)
    apply(dataset_id, replace("x", "y", ignore_case=True), leave=frozenset())
    assert answers(dataset_id) == ["1", "2", "y3"]


def test_a_slow_pattern_is_stopped_and_names_the_pair(dataset_id):
    ids = fill(dataset_id, Record("q", "a"), Record("q", "a" * 5000 + "!"))
    wish = CleaningOptions((Step("find-replace", {"find": r"(a|aa)+$", "mode": "regex"}),))
    with pytest.raises(Invalid, match="The pattern is too slow"):
        cleaning.preview_dataset(dataset_id, wish)
    with pytest.raises(Invalid, match=f"Pair {ids[1]}: The pattern is too slow"):
        cleaning.run_cleaning(CleaningOrder(dataset_id, wish))
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0


def test_a_pass_of_limited_time_says_how_far_it_came(dataset_id):
    fill(dataset_id, *(Record("q", f" x{n}") for n in range(600)))
    seen = cleaning.scan_dataset(dataset_id, CleaningOptions((Step("trim"),)), longest_seconds=0)
    assert (seen.complete, seen.seen, seen.total, seen.changed) == (False, 1, 600, 1)


def test_a_pass_that_was_slow_and_saw_all_that_can_change_is_complete(dataset_id, monkeypatch):
    fill(dataset_id, *(Record("q", f"<b>{n}</b>" if n < 2 else "plain") for n in range(60)))
    wish, times = CleaningOptions((Step("find-replace", {"find": "<b>"}),)), itertools.count(-1)
    monkeypatch.setattr("app.services.cleaning.scanning.time.monotonic", lambda: max(next(times), 0))
    seen = cleaning.scan_dataset(dataset_id, wish, longest_seconds=1.5)
    assert (seen.complete, seen.seen, seen.changed) == (True, 60, 2)


def test_few_pairs_have_more_time_also_where_they_are_chosen_of_many(dataset_id):
    ids = fill(dataset_id, *(Record("q", f" x{n}") for n in range(scanning.FEW + 1)))
    wish = CleaningOptions((Step("trim"),))
    assert not cleaning.preview_dataset(dataset_id, wish, longest_seconds=0).scan.complete
    few = CleaningOptions(wish.steps, filters=Filters(ids=tuple(ids[:-1])))
    assert cleaning.preview_dataset(dataset_id, few, longest_seconds=0).scan.complete


def test_few_pairs_do_not_keep_a_page_for_long(dataset_id, monkeypatch):
    fill(dataset_id, *(Record("q", f" x{n}") for n in range(9)))
    seconds = itertools.count(step=4)
    monkeypatch.setattr("app.services.cleaning.scanning.time.monotonic", lambda: next(seconds))
    seen = cleaning.preview_dataset(dataset_id, CleaningOptions((Step("trim"),))).scan
    assert not seen.complete and 1 < seen.seen < 9


def test_staged_changes_show_nowhere(dataset_id):
    ids = fill(dataset_id, Record("q", "x"))
    before = datasets.compute_digest(dataset_id).all
    staged = history.stage(dataset_id, kind="clean")
    with history.transaction() as session:
        history.add_changes(session.get_one(ChangeSet, staged), [(ids[0], "answer", "x", "y")], 1)
    assert datasets.compute_digest(dataset_id).all == before
    assert len(entries.revisions_of(dataset_id, ids[0])) == 1
    assert [step.kind for step in history.steps(dataset_id)] == ["create"]
    assert work.sweep() == 1
    assert db.session.query(ChangeRow).count() == 0


def test_hashes_are_right_after_every_step(dataset_id):
    fill(dataset_id, *(Record(f"q{n}", f"x{n}") for n in range(20)))
    apply(dataset_id, remove("x"))
    history.rehash(dataset_id)
    for entry in db.session.query(Entry):
        assert entry.content_hash == content_hash(content_of(entry))


def test_the_page_of_a_preview_shows_what_changes(dataset_id):
    ids = fill(dataset_id, Record("q1", "x one"), Record("q2", "x"), Record("q3", "none"))
    seen = cleaning.preview_dataset(dataset_id, remove("x"))
    shown, total = cleaning.preview_rows(seen, view="all", size=1)
    assert total == 2 and shown[0].fields == {"answer": ("x one", " one")}
    shown, total = cleaning.preview_rows(seen, view="emptied")
    assert [one.entry_id for one in shown] == [ids[1]] and total == 1
    shown, _ = cleaning.preview_rows(seen, view="left", leave=frozenset(ids))
    assert len(shown) == 2


def test_a_kept_preview_of_another_dataset_is_refused(dataset_id):
    from app.services.cleaning import previews

    fill(dataset_id, Record("q", "x"))
    seen = cleaning.preview_dataset(dataset_id, remove("x"))
    other = datasets.create_dataset("Other").id
    with pytest.raises(Conflict):
        previews.get_preview(other, seen.token)
    assert previews.get_preview(dataset_id, seen.token).scan.changed == 1


@pytest.mark.parametrize("kind", ["clean", "clean-preview"])
def test_a_run_that_an_older_version_queued_is_done(dataset_id, kind):
    fill(dataset_id, Record("q", "User: a"))
    filters = {"text": "", "statuses": [], "splits": [], "tags": [], "ids": None, "import_id": None, "answered": None}
    steps = [{"operation": "remove-text", "options": {"text": "User: "}}]
    wish = {"steps": steps, "filters": filters, "name": ""}
    more = {"clean": {"leave": [], "preview": None}, "clean-preview": {"address": ""}}[kind]
    arguments = {"dataset_id": dataset_id, "wish": wish, **more}
    job = tasks.run_now(jobs.enqueue(kind, arguments, dataset_id=dataset_id, title="Clean").id)
    assert job.state == "done" and answers(dataset_id) == (["a"] if kind == "clean" else ["User: a"])


@pytest.fixture
def bounded_calls(monkeypatch):
    """The names of what was to run in a child; it runs here."""
    from app.services.cleaning import showing, suggesting

    called = []

    def run_here(function, *given, **bounds):
        called.append(function.__name__)
        return function(*given)

    monkeypatch.setattr(showing, "run_bounded", run_here)
    monkeypatch.setattr(suggesting, "run_bounded", run_here)
    return called


def test_a_pattern_is_looked_for_and_shown_in_a_process_of_its_own(dataset_id, bounded_calls):
    fill(dataset_id, Record("q", "xx one"))
    pattern = CleaningOptions((Step("find-replace", {"find": "x+", "mode": "regex"}),))
    seen = cleaning.preview_dataset(dataset_id, pattern)
    assert seen.scan.complete and len(bounded_calls) == 1
    assert cleaning.preview_rows(seen)[0][0].fields == {"answer": ("xx one", " one")} and len(bounded_calls) == 2
    cleaning.preview_rows(cleaning.preview_dataset(dataset_id, CleaningOptions((Step("find-replace", {"find": "x"}),))))
    assert len(bounded_calls) == 2


def test_suggestions_for_a_page_are_made_in_a_process_of_its_own(dataset_id, bounded_calls):
    fill(dataset_id, Record("q", " x "))
    assert suggesting.suggest_for_dataset(dataset_id, longest_seconds=1).counts == {"trim": 1}
    assert len(bounded_calls) == 1
    assert suggesting.suggest_for_dataset(dataset_id).counts == {"trim": 1} and len(bounded_calls) == 1


def test_suggestions_that_pass_the_bounds_of_a_look_are_left_to_the_worker(dataset_id, monkeypatch):
    def refuse(*given, **bounds):
        raise TooLarge("It takes more than 1 second.")

    fill(dataset_id, Record("q", " x "))
    monkeypatch.setattr(suggesting, "run_bounded", refuse)
    found = suggesting.suggest_for_dataset(dataset_id, longest_seconds=1)
    assert (found.seen, found.complete, found.found) == (0, False, ())


@pytest.mark.parametrize("mode", ["literal", "regex"])
def test_of_long_texts_the_changed_parts_are_shown(dataset_id, bounded_calls, monkeypatch, mode):
    from app.services.cleaning import showing

    monkeypatch.setattr(showing, "PATTERN_SECONDS", 600)
    long = "word " * 50_000
    fill(dataset_id, *(Record(long, f"{long}mark {long}") for _ in range(30)))
    wish = CleaningOptions((Step("find-replace", {"find": "mark ", "mode": mode}, ("answer",)),))
    seen = cleaning.preview_dataset(dataset_id, wish, longest_seconds=None)
    shown, total = cleaning.preview_rows(seen, size=500)
    assert total == 30 and all(one.is_cut for one in shown)
    for one in shown:
        before, after = one.fields["answer"]
        assert before.replace("mark ", "") == after and "mark " in before and len(before) < 500
        assert len(one.question) <= 4_000


def test_of_many_long_changes_less_is_shown_of_each(dataset_id):
    fill(dataset_id, *(Record("q", "ab " * 3_000) for _ in range(400)))
    wish = CleaningOptions((Step("find-replace", {"find": "a", "replace": "x"}),))
    shown, _ = cleaning.preview_rows(cleaning.preview_dataset(dataset_id, wish, longest_seconds=None), size=400)
    sizes = [len(one.fields["answer"][0]) for one in shown]
    assert max(sizes) < 4_100 and min(sizes) < 300 and sum(sizes) < 2_000_000


def test_pairs_that_take_too_long_to_show_say_so(dataset_id, bounded_calls, monkeypatch):
    from app.services.cleaning import showing

    fill(dataset_id, *(Record("q", "x") for _ in range(3)))
    wish = CleaningOptions((Step("find-replace", {"find": "x", "replace": "y", "mode": "regex"}),))
    seen = cleaning.preview_dataset(dataset_id, wish, longest_seconds=None)
    monkeypatch.setattr(showing, "PATTERN_SECONDS", 0.75)
    assert [one.is_left for one in cleaning.preview_rows(seen)[0]] == [False, True, True]


def test_a_split_into_thousands_shows_the_first_and_counts_all(dataset_id):
    wish = CleaningOptions((Step("split-pair", {"how": "turns"}),))
    turns = tuple(Message(role, f"{role} {n}") for n in range(99) for role in ("user", "assistant"))
    ids = fill(dataset_id, Record("q", "a", turns=turns))
    [row], _ = cleaning.preview_rows(cleaning.preview_dataset(dataset_id, wish))
    assert row.entry_id == ids[-1] and row.created > 90 and len(row.outcome.created) == 10
