"""The review queue: who gets which pair, what a decision stores, how it is taken back, and what an audit says."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy import update

from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filters
from app.core.record import Record
from app.models import Claim, Entry, Verdict, db, transaction
from app.models.base import now
from app.services import backups, entries, history, pairs, review
from app.services.pairs import Selection
from app.services.review import Queue, Reviewer
from tests import factories

MARIA, JONAS = Reviewer("m", "Maria"), Reviewer("j", "Jonas")


@pytest.fixture
def queue(app: Flask) -> Iterator[Queue]:
    """Six pairs that need review."""
    with app.app_context():
        yield Queue(factories.dataset(count=6))


def given_to(queue: Queue, reviewer: Reviewer, size: int = 20) -> list[int]:
    return [card.entry.id for card in review.claim_cards(queue, reviewer, size)]


def decide(queue: Queue, entry_id: int, verdict: str, reviewer: Reviewer = MARIA, **more: str) -> review.Decided:
    version = entries.get(queue.dataset_id, entry_id).version
    return review.decide(queue, entry_id, verdict, version=version, reviewer=reviewer, **more)


def test_pairs_come_oldest_first_and_leave_when_decided(queue: Queue) -> None:
    assert given_to(queue, MARIA, 3) == [1, 2, 3]
    decided = decide(queue, 1, "approved")
    assert decided.applied.step is not None and entries.get(queue.dataset_id, 1).status == "approved"
    decide(queue, 2, "rejected", reason="Not true since May.")
    assert [card.entry.id for card in review.first_cards(queue, MARIA, 2)] == [3, 4]
    assert review.count_left(queue, MARIA) == (4, 0)
    [comment] = review.comments_of([2])[2]
    assert (comment.author, comment.text) == ("Maria", "Not true since May.")


def test_a_pair_that_is_decided_on_again_counts_once(queue: Queue) -> None:
    for verdict in ("approved", "approved", "rejected"):
        decide(queue, 1, verdict)
    decide(queue, 2, "approved")
    today = review.read_today(queue.dataset_id, MARIA)
    assert (today.approved, today.rejected, today.decided) == (1, 1, 2)


def test_pairs_decided_together_are_one_step_without_those_of_others(queue: Queue) -> None:
    given_to(queue, JONAS, 1)
    pairs.set_status(queue.dataset_id, Selection((4,)), "approved")
    done = review.decide_all(queue, {1: 1, 2: 1, 3: 2, 4: 2}, "approved", reviewer=MARIA)
    assert done.step is not None and done.step.changed == 1
    assert [(one.entry_id, one.reason.split(".")[0]) for one in done.skipped] == [
        (1, "Jonas is looking at pair 1 now"),
        (3, "Pair 3 was changed since you opened it"),
    ]
    verdicts = {one.entry_id: one.change_set_id for one in db.session.query(Verdict)}
    assert verdicts == {2: done.step.id, 4: None}
    history.undo(queue.dataset_id)
    assert review.count_left(queue, MARIA) == (5, 0) and 2 in given_to(queue, MARIA)


def test_no_decision_is_stored_on_what_was_left_alone_however_many(queue: Queue) -> None:
    history.create(queue.dataset_id, [Record(f"Open {n}?") for n in range(120)], summary="Add")
    done = review.decide_all(queue, dict.fromkeys(range(6, 127), 1), "approved", reviewer=MARIA)
    assert done.skipped_count == 120 and [one.entry_id for one in db.session.query(Verdict)] == [6]


def test_a_skipped_pair_waits_for_the_end_and_others_get_it(queue: Queue) -> None:
    decide(queue, 1, "skipped")
    assert review.count_left(queue, MARIA) == (5, 1)
    assert given_to(queue, JONAS, 1) == [1]
    later = Queue(queue.dataset_id, skipped=True)
    with transaction() as session:
        session.execute(update(Claim).values(until=now() - timedelta(seconds=1)))
    assert given_to(later, MARIA) == [1]
    pairs.save_pair(queue.dataset_id, 1, {"answer": "Written anew."}, version=1)
    assert given_to(later, MARIA) == [] and 1 in given_to(queue, MARIA)


def test_what_is_sent_to_review_again_comes_again(queue: Queue) -> None:
    decide(queue, 1, "approved")
    pairs.set_status(queue.dataset_id, Selection((1,)), "review")
    assert given_to(queue, MARIA, 1) == [1]


def test_any_filter_makes_a_queue_that_ends(queue: Queue) -> None:
    every = Queue(queue.dataset_id, Filters(statuses=("review", "approved")))
    for expected in range(1, 7):
        assert given_to(every, MARIA, 1) == [expected]
        decide(every, expected, "approved")
    assert given_to(every, MARIA) == [] and review.count_left(every, MARIA) == (0, 0)


def test_two_reviewers_never_have_one_pair(queue: Queue) -> None:
    assert (given_to(queue, MARIA, 2), given_to(queue, JONAS, 2)) == ([1, 2], [3, 4])
    with pytest.raises(Conflict, match="Maria is looking at pair 1"):
        decide(queue, 1, "approved", JONAS)
    assert entries.get(queue.dataset_id, 1).status == "review"
    assert review.claim_cards(queue, JONAS, 1, named=[2]) == []


def test_who_goes_away_keeps_pairs_for_a_while_only(queue: Queue) -> None:
    given_to(queue, MARIA)
    assert given_to(queue, JONAS) == []
    with transaction() as session:
        session.execute(update(Claim).values(until=now() - timedelta(seconds=1)))
    assert given_to(queue, JONAS, 2) == [1, 2]


def test_asking_for_more_renews_what_one_has(queue: Queue) -> None:
    given_to(queue, MARIA, 2)
    with transaction() as session:
        session.execute(update(Claim).values(until=now() + timedelta(seconds=60)))
    review.claim_cards(queue, MARIA, 1, having=[1, 2])
    assert all(one.until > now() + timedelta(minutes=9) for one in db.session.query(Claim))


def test_what_was_left_for_another_queue_is_not_renewed(queue: Queue) -> None:
    given_to(queue, MARIA, 2)
    with transaction() as session:
        session.execute(update(Claim).values(until=now() + timedelta(seconds=60)))
    review.claim_cards(Queue(queue.dataset_id, Filters(ids=(5, 6))), MARIA, 1)
    left = {one.entry_id: one.until < now() + timedelta(minutes=9) for one in db.session.query(Claim)}
    assert left == {1: True, 2: True, 5: False}


@pytest.mark.parametrize("verdict", ["approved", "rejected", "skipped"])
def test_a_pair_that_was_changed_since_is_not_decided_on(queue: Queue, verdict: str) -> None:
    pairs.save_pair(queue.dataset_id, 1, {"answer": "Somebody else's."}, version=1)
    with pytest.raises(Conflict, match="changed since"):
        review.decide(queue, 1, verdict, version=1, reviewer=MARIA, reason="Fine.")
    assert db.session.query(Verdict).count() == 0 and review.comments_of([1]) == {}


def test_what_has_no_answer_is_not_approved(queue: Queue) -> None:
    pairs.add_pair(queue.dataset_id, "And this?")
    with pytest.raises(Invalid, match="no answer"):
        decide(queue, 7, "approved")
    assert db.session.query(Verdict).count() == 0


def test_a_decision_is_taken_back_with_its_step(queue: Queue) -> None:
    before = entries.get(queue.dataset_id, 1)
    decide(queue, 1, "rejected")
    taken = review.take_back(queue.dataset_id, 1, MARIA)
    after = entries.get(queue.dataset_id, 1)
    assert after == before._replace(version=taken.version) and given_to(queue, MARIA, 1) == [1]
    with pytest.raises(NotFound, match="nothing to undo"):
        review.take_back(queue.dataset_id, 1, MARIA)


def test_others_decisions_and_later_changes_are_not_taken_back(queue: Queue) -> None:
    decide(queue, 1, "approved")
    with pytest.raises(NotFound):
        review.take_back(queue.dataset_id, 1, JONAS)
    pairs.set_status(queue.dataset_id, Selection((1,)), "rejected")
    with pytest.raises(Conflict, match="changed since"):
        review.take_back(queue.dataset_id, 1, MARIA)
    assert entries.get(queue.dataset_id, 1).status == "rejected"


def test_today_counts_what_still_stands(queue: Queue) -> None:
    for entry_id, verdict in ((1, "approved"), (2, "approved"), (3, "rejected"), (4, "skipped")):
        review.decide(queue, entry_id, verdict, version=1, reviewer=MARIA, seconds=10 * entry_id)
    assert review.read_today(queue.dataset_id, MARIA) == review.Today(2, 1, 1, 25)
    assert review.read_today(queue.dataset_id, JONAS) == review.Today(0, 0, 0, None)
    history.undo(queue.dataset_id)
    assert review.read_today(queue.dataset_id, MARIA).decided == 2


def test_a_rating_takes_the_place_of_the_last(queue: Queue) -> None:
    first = review.rate(queue.dataset_id, 1, 2, version=1, reviewer=MARIA)
    review.rate(queue.dataset_id, 1, 5, version=first.version, reviewer=MARIA)
    assert [one for one in entries.get(queue.dataset_id, 1).tag_list if one.startswith("rating")] == ["rating:5"]
    history.undo(queue.dataset_id)
    assert "rating:2" in entries.get(queue.dataset_id, 1).tag_list


def test_an_audit_draws_the_same_for_one_seed(queue: Queue) -> None:
    one, other = (review.start_audit(queue.dataset_id, Filters(), "", 3, seed=7) for _ in range(2))
    assert one.sample == other.sample and len(one.sample) == 3 and one.drawn_from == 6
    assert len(review.start_audit(queue.dataset_id, Filters(), "", 60).sample) == 6
    with pytest.raises(Invalid, match="No pair matches"):
        review.start_audit(queue.dataset_id, Filters(text="nowhere"), "q=nowhere", 3)


def test_an_audit_counts_what_was_rejected_or_had_to_be_mended(queue: Queue) -> None:
    audit = review.start_audit(queue.dataset_id, Filters(), "", 4, seed=1)
    sample = tuple(one for one, _ in audit.sample)
    audited = Queue(queue.dataset_id, audit_id=audit.id, sample=sample)
    assert given_to(audited, MARIA) == list(sample)
    decide(audited, sample[0], "rejected")
    pairs.save_pair(queue.dataset_id, sample[1], {"answer": "Mended."}, version=1)
    decide(audited, sample[1], "approved")
    decide(audited, sample[2], "approved")
    decide(audited, sample[3], "skipped")
    result = review.describe_audits([audit])[0]
    assert (result.seen, result.bad) == (3, 2) and result.low < result.share < result.high
    assert given_to(audited, JONAS) == []


def test_an_audit_does_not_count_what_was_undone(queue: Queue) -> None:
    audit = review.start_audit(queue.dataset_id, Filters(), "", 4, seed=1)
    audited = Queue(queue.dataset_id, audit_id=audit.id, sample=tuple(one for one, _ in audit.sample))
    decide(audited, audited.sample[0], "rejected")
    history.undo(queue.dataset_id)
    assert review.describe_audits([audit])[0].seen == 0
    assert review.count_left(audited, MARIA)[0] == 4 and given_to(audited, MARIA) == list(audited.sample)


def test_an_audited_pair_is_the_same_while_its_hash_waits(queue: Queue) -> None:
    audit = review.start_audit(queue.dataset_id, Filters(), "", 1, seed=1)
    [(entry_id, _)] = audit.sample
    with transaction() as session:
        session.execute(update(Entry).values(content_hash=None))
    decide(Queue(queue.dataset_id, audit_id=audit.id, sample=(entry_id,)), entry_id, "approved")
    assert review.describe_audits([audit])[0].bad == 0


def test_a_decision_whose_step_was_compacted_stays(queue: Queue) -> None:
    decide(queue, 1, "approved")
    history.compact(queue.dataset_id, history.newest_number(queue.dataset_id))
    with pytest.raises(Conflict, match="removed from the history"):
        review.take_back(queue.dataset_id, 1, MARIA)
    assert db.session.query(Verdict).count() == 1


def test_comments_on_pairs_that_are_removed_for_good_go_with_them(queue: Queue) -> None:
    for entry_id in (1, 2):
        review.add_comment(queue.dataset_id, entry_id, "Quoted from it.", MARIA)
    history.delete(queue.dataset_id, [1])
    history.compact(queue.dataset_id, history.newest_number(queue.dataset_id))
    assert list(review.comments_of([1, 2])) == [2]


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    acts=st.lists(
        st.tuples(st.sampled_from("mjk"), st.sampled_from(["claim", "approved", "rejected", "skipped", "undo"]))
    )
)
def test_no_two_reviewers_ever_hold_one_pair(app: Flask, acts: list[tuple[str, str]]) -> None:
    with app.app_context():
        queue = Queue(factories.dataset(count=5))
        held: dict[str, list[int]] = {"m": [], "j": [], "k": []}
        last: dict[str, int] = {}
        for who, act in acts:
            reviewer = Reviewer(who, who)
            if act == "claim":
                held[who] += given_to(queue, reviewer, 2)
                held[who] = list(dict.fromkeys(held[who]))
            elif act == "undo":
                if who in last:
                    review.take_back(queue.dataset_id, last.pop(who), reviewer)
            elif held[who]:
                last[who] = held[who].pop(0)
                decide(queue, last[who], act, reviewer)
            if act == "undo":
                continue
            everybody = [one for ids in held.values() for one in ids]
            assert len(everybody) == len(set(everybody))


def test_what_was_decided_stays_so_in_a_restored_backup(queue: Queue) -> None:
    every = Queue(queue.dataset_id, Filters(statuses=("review", "approved")))
    decide(every, 1, "approved")
    decide(every, 2, "skipped")
    backups.restore_backup(backups.make_backup())
    assert [card.entry.id for card in review.first_cards(every, MARIA, 6)] == [3, 4, 5, 6]
    pairs.save_pair(queue.dataset_id, 1, {"answer": "Anew."}, version=entries.get(queue.dataset_id, 1).version)
    assert [card.entry.id for card in review.first_cards(every, MARIA, 6)] == [1, 3, 4, 5, 6]


def test_what_is_sent_twice_is_stored_once(queue: Queue) -> None:
    for _ in range(2):
        review.decide(queue, 1, "approved", version=1, reviewer=MARIA, reason="Good.", key="a")
        review.add_comment(queue.dataset_id, 1, "Well said.", MARIA, "b")
    assert db.session.query(Verdict).count() == 1
    assert [one.text for one in review.comments_of([1])[1]] == ["Good.", "Well said."]
    review.decide(queue, 1, "rejected", version=2, reviewer=MARIA, key="c")
    for _ in range(2):
        review.take_back(queue.dataset_id, 1, MARIA, "c")
    assert entries.get(queue.dataset_id, 1).status == "approved"
    for _ in range(2):
        review.rate(queue.dataset_id, 2, 3, version=1, reviewer=MARIA)
    assert "rating:3" in entries.get(queue.dataset_id, 2).tag_list


def test_who_decided_may_think_again_from_the_same_page(queue: Queue) -> None:
    review.decide(queue, 1, "rejected", version=1, reviewer=MARIA)
    review.decide(queue, 1, "approved", version=1, reviewer=MARIA)
    assert entries.get(queue.dataset_id, 1).status == "approved"
    with pytest.raises(Conflict, match="changed since"):
        review.decide(queue, 1, "rejected", version=1, reviewer=JONAS)
    pairs.save_pair(queue.dataset_id, 1, {"answer": "Other."}, version=3)
    with pytest.raises(Conflict, match="changed since"):
        review.decide(queue, 1, "rejected", version=2, reviewer=MARIA)
