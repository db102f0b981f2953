"""The queue: which pairs are still to be looked at, and which of them a reviewer gets.

A pair is done while nothing has happened to it since somebody decided on it. One that was only skipped is done for who
skipped it, and comes again at the end.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from statistics import median

from sqlalchemy import ColumnElement, delete, exists, func, or_, select

from app.core.filters import Filters
from app.core.stored import StoredEntry, as_entry
from app.models import ChangeSet, Claim, Comment, Dataset, Entry, FoundProblem, Verdict, db, transaction
from app.models.base import now
from app.services import datasets, entries, history, validation
from app.services.duplicates.group import Origin, read_origins
from app.services.review.remarks import Reviewer, comments_of

# A pair that was given to somebody who went away is given to others after this time.
CLAIM = timedelta(minutes=10)
MOST_AHEAD = 20
WAITING = Filters(statuses=("review",))


@dataclass(frozen=True, slots=True)
class Queue:
    """The pairs to look at, oldest first: those that match, or the sample of an audit; or what was skipped."""

    dataset_id: int
    filters: Filters = WAITING
    audit_id: int | None = None
    sample: tuple[int, ...] = ()
    skipped: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """A pair as its reviewer sees it."""

    entry: StoredEntry
    origin: Origin
    findings: Sequence[FoundProblem]
    comments: Sequence[Comment]
    system: str | None


@dataclass(frozen=True, slots=True)
class Today:
    """What a reviewer has done since midnight. ``seconds`` is the median time for a pair; None where none was taken."""

    approved: int
    rejected: int
    skipped: int
    seconds: int | None

    @property
    def decided(self) -> int:
        """How many pairs were approved or rejected."""
        return self.approved + self.rejected


def stands() -> ColumnElement[bool]:
    """Whether the step that a decision made, if any, is in effect: whoever undoes it takes the decision back."""
    undone = ChangeSet.id == Verdict.change_set_id, ChangeSet.state == "undone"
    return ~exists().where(*undone)


def _is_done(queue: Queue, reviewer: Reviewer) -> ColumnElement[bool]:
    """Whether a pair is done, for this reviewer."""
    if queue.audit_id is not None:
        return exists().where(Verdict.audit_id == queue.audit_id, Verdict.entry_id == Entry.id, stands())
    untouched = Verdict.entry_id == Entry.id, Verdict.version == Entry.version
    decided = Verdict.verdict != "skipped"
    if queue.skipped:
        return exists().where(*untouched, decided)
    return exists().where(*untouched, or_(decided, Verdict.reviewer == reviewer.key))


def _conditions(queue: Queue, reviewer: Reviewer) -> list[ColumnElement[bool]]:
    conditions = [~_is_done(queue, reviewer)]
    if queue.skipped:
        mine = Verdict.dataset_id == queue.dataset_id, Verdict.reviewer == reviewer.key, Verdict.verdict == "skipped"
        # The ids alone as well: by them the planner looks pairs up instead of reading all.
        conditions.append(Entry.id.in_(select(Verdict.entry_id).where(*mine)))
        conditions.append(exists().where(*mine, Verdict.entry_id == Entry.id, Verdict.version == Entry.version))
    return conditions


def _free_for(reviewer: Reviewer) -> ColumnElement[bool]:
    """Nobody else looks at the pair now."""
    return ~exists().where(Claim.entry_id == Entry.id, Claim.reviewer != reviewer.key, Claim.until > now())


def _filters_of(queue: Queue) -> Filters:
    """What the queue is drawn from. An audit takes its pairs whatever became of their status."""
    return Filters(ids=queue.sample) if queue.audit_id is not None else queue.filters


def _select_next(queue: Queue, reviewer: Reviewer, size: int, without: Iterable[int]) -> list[StoredEntry]:
    where = [*_conditions(queue, reviewer), _free_for(reviewer)]
    if left_out := sorted(set(without)):
        where.append(Entry.id.not_in(left_out))
    statement = entries.select_entries(queue.dataset_id, _filters_of(queue), where=where)
    return [as_entry(row) for row in db.session.execute(statement.order_by(Entry.id).limit(size))]


def first_cards(queue: Queue, reviewer: Reviewer, size: int = 1, entry_id: int | None = None) -> list[Card]:
    """The next pairs of a reviewer, or one that is named. Reading only: nobody is kept from them yet."""
    dataset = datasets.get(queue.dataset_id)
    if entry_id:
        return _as_cards(dataset, [entries.get(queue.dataset_id, entry_id)])
    return _as_cards(dataset, _select_next(queue, reviewer, size, ()))


def claim_cards(
    queue: Queue, reviewer: Reviewer, size: int, *, having: Sequence[int] = (), named: Sequence[int] = ()
) -> list[Card]:
    """Give the reviewer the next pairs, or those that are named, for ten minutes.

    ``having`` are the pairs that they hold or have decided on already; they are not given again, but for as long anew.
    """
    dataset, until = datasets.get(queue.dataset_id), now() + CLAIM
    with transaction() as session:
        history.open_dataset(session, queue.dataset_id)
        session.execute(delete(Claim).where(Claim.dataset_id == queue.dataset_id, Claim.until <= now()))
        if named:
            wanted = Filters(ids=tuple(named[:MOST_AHEAD]))
            free = entries.select_entries(queue.dataset_id, wanted, where=[_free_for(reviewer)])
            found = [as_entry(row) for row in session.execute(free.order_by(Entry.id))]
        else:
            found = _select_next(queue, reviewer, min(size, MOST_AHEAD), having)
        held = select(Claim).where(Claim.dataset_id == queue.dataset_id, Claim.reviewer == reviewer.key)
        mine = {one.entry_id: one for one in session.execute(held).scalars()}
        for entry_id in {*having, *(entry.id for entry in found)} & mine.keys():
            mine[entry_id].until = until
        for entry in found:
            if entry.id not in mine:
                session.add(
                    Claim(
                        entry_id=entry.id,
                        dataset_id=queue.dataset_id,
                        reviewer=reviewer.key,
                        name=reviewer.name,
                        until=until,
                    )
                )
    return _as_cards(dataset, found)


def _as_cards(dataset: Dataset, found: Sequence[StoredEntry]) -> list[Card]:
    ids = [one.id for one in found]
    origins, comments, findings = read_origins(ids), comments_of(ids), validation.findings_in(dataset.id, ids)
    return [
        Card(
            one,
            origins[one.id],
            findings.get(one.id, ()),
            comments.get(one.id, ()),
            one.system if one.system is not None else dataset.system_prompt,
        )
        for one in found
    ]


def count_left(queue: Queue, reviewer: Reviewer) -> tuple[int, int]:
    """How many pairs wait, whoever has them now, and how many of those that match the reviewer has skipped."""
    skipping = replace(queue, skipped=True)
    skipped = 0
    if queue.audit_id is None:
        skipped = _count(skipping, _conditions(skipping, reviewer))
    if queue.skipped:
        return skipped, skipped
    if queue == Queue(queue.dataset_id):
        # By the kept counts: whoever decides on such a pair gives it another status.
        return entries.status_counts(queue.dataset_id, queue.filters).get("review", 0) - skipped, skipped
    return _count(queue, _conditions(queue, reviewer)), skipped


def _count(queue: Queue, where: Sequence[ColumnElement[bool]]) -> int:
    statement = entries.select_entries(queue.dataset_id, _filters_of(queue), (func.count(),), where=where)
    return int(db.session.execute(statement).scalar_one())


def read_today(dataset_id: int, reviewer: Reviewer) -> Today:
    """What the reviewer has decided in the dataset since midnight, at last of each pair, and was not undone since."""
    midnight = datetime.now().astimezone().replace(hour=0, minute=0, second=0, microsecond=0)
    mine = Verdict.dataset_id == dataset_id, Verdict.reviewer == reviewer.key, Verdict.at >= midnight
    last = select(func.max(Verdict.id)).where(*mine, stands()).group_by(Verdict.entry_id)
    rows = db.session.execute(select(Verdict.verdict, Verdict.seconds).where(Verdict.id.in_(last))).all()
    number = Counter(verdict for verdict, _ in rows)
    times = [seconds for _, seconds in rows if seconds is not None]
    return Today(number["approved"], number["rejected"], number["skipped"], round(median(times)) if times else None)
