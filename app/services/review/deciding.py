"""Deciding on a pair: approve, reject, skip or rate it, and take that back."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from app.core.errors import BadUsage, Conflict, Gone, Invalid, NotFound
from app.core.stored import StoredEntry, content_hashes, content_of
from app.core.text import is_blank
from app.models import ChangeSet, Claim, Verdict, transaction
from app.models.base import now
from app.services import entries, history, pairs
from app.services.history import Applied
from app.services.pairs import Selection
from app.services.review.queue import Queue
from app.services.review.remarks import Reviewer, add_comment

VERDICTS = {"approved": "Approved", "rejected": "Rejected", "skipped": "Skipped"}
MOST_SECONDS = 600
RATING = "rating:"
RATINGS = range(1, 6)


@dataclass(frozen=True, slots=True)
class Decided:
    """A decision that is stored: the step that it made, if any, and the pair's version since."""

    entry_id: int
    version: int
    applied: Applied


def decide(
    queue: Queue,
    entry_id: int,
    verdict: str,
    *,
    version: int,
    reviewer: Reviewer,
    reason: str = "",
    seconds: int | None = None,
    key: str | None = None,
) -> Decided:
    """Approve, reject or skip a pair as it was at ``version``, once for each ``key``. A reason is kept as a comment.

    Raises Conflict where somebody else looks at the pair or changed it since, Invalid where it has no answer to
    approve, Gone where it was deleted.
    """
    if verdict not in VERDICTS:
        raise BadUsage(f"There is no verdict {verdict!r}. Use one of {', '.join(VERDICTS)}.")
    with transaction() as session:
        history.open_dataset(session, queue.dataset_id)
        entry = entries.get(queue.dataset_id, entry_id)
        if key and session.execute(select(Verdict.id).where(Verdict.key == key)).first():
            return Decided(entry_id, entry.version, Applied())
        _require_free(_held_by_others(session, [entry_id], reviewer), entry_id)
        last = _last_verdict(session, queue.dataset_id, entry_id, reviewer)
        # Nothing happened to the pair but what this reviewer decided on the same text.
        own = last is not None and last.version == entry.version == version + (last.change_set_id is not None)
        if not own:
            entries.require_version(entry, version)
        applied = Applied()
        if verdict != "skipped":
            applied = pairs.set_status(queue.dataset_id, Selection((entry_id,)), verdict)
            if applied.skipped:
                raise Invalid(applied.skipped[0].reason, code="no_answer", entry_id=entry_id)
        if not is_blank(reason):
            add_comment(queue.dataset_id, entry_id, reason, reviewer)
        after = entries.get(queue.dataset_id, entry_id)
        seconds = min(max(seconds, 0), MOST_SECONDS) if seconds is not None else None
        session.add(_make_verdict(queue, entry, after, verdict, reviewer, applied, seconds=seconds, key=key))
        session.execute(delete(Claim).where(Claim.entry_id == entry_id))
    return Decided(entry_id, after.version, applied)


def decide_all(queue: Queue, versions: Mapping[int, int], verdict: str, *, reviewer: Reviewer) -> Applied:
    """Approve or reject several pairs in one step, each as it was at its version.

    What ``decide`` would refuse is left alone and told.
    """
    if verdict not in ("approved", "rejected"):
        raise BadUsage(f"Several pairs are approved or rejected, not {verdict!r}.")
    with transaction() as session:
        history.open_dataset(session, queue.dataset_id)
        there, held = entries.by_ids(queue.dataset_id, versions), _held_by_others(session, versions, reviewer)
        refused: dict[int, str] = {}
        for entry_id, version in versions.items():
            try:
                _require_free(held, entry_id)
                entries.require_version(there.get(entry_id) or entries.get(queue.dataset_id, entry_id), version)
            except (Conflict, Gone, NotFound) as error:
                refused[entry_id] = error.message
        chosen = tuple(entry_id for entry_id in versions if entry_id not in refused)
        applied = pairs.set_status(queue.dataset_id, Selection(chosen), verdict)
        after = entries.by_ids(queue.dataset_id, chosen)
        # Not by what was left alone: of many only the first are named.
        decided = [one for one in after.values() if one.status == verdict]
        session.add_all(_make_verdict(queue, there[one.id], one, verdict, reviewer, applied) for one in decided)
        session.execute(delete(Claim).where(Claim.entry_id.in_([one.id for one in decided])))
        for entry_id, reason in refused.items():
            applied.skip(entry_id, reason)
    return applied


def _make_verdict(
    queue: Queue,
    before: StoredEntry,
    after: StoredEntry,
    verdict: str,
    reviewer: Reviewer,
    applied: Applied,
    *,
    seconds: int | None = None,
    key: str | None = None,
) -> Verdict:
    """The decision on a pair that stood so before its step, if it made one, and stands so after it."""
    return Verdict(
        dataset_id=queue.dataset_id,
        entry_id=after.id,
        reviewer=reviewer.key,
        verdict=verdict,
        version=after.version,
        # A large step leaves it to be computed later.
        content_hash=content_hashes([content_of(before)])[0],
        change_set_id=applied.step.id if applied.step and after.version != before.version else None,
        audit_id=queue.audit_id,
        seconds=seconds,
        key=key,
    )


def _held_by_others(session: Session, entry_ids: Collection[int], reviewer: Reviewer) -> dict[int, Claim]:
    """The pairs of these that somebody else looks at now."""
    theirs = Claim.entry_id.in_(entry_ids), Claim.reviewer != reviewer.key, Claim.until > now()
    return {one.entry_id: one for one in session.execute(select(Claim).where(*theirs)).scalars()}


def _require_free(held: Mapping[int, Claim], entry_id: int) -> None:
    if other := held.get(entry_id):
        raise Conflict(
            f"{other.name} is looking at pair {entry_id} now. Nothing was stored.", code="claimed", entry_id=entry_id
        )


def _last_verdict(session: Session, dataset_id: int, entry_id: int, reviewer: Reviewer) -> Verdict | None:
    mine = Verdict.dataset_id == dataset_id, Verdict.entry_id == entry_id, Verdict.reviewer == reviewer.key
    return session.execute(select(Verdict).where(*mine).order_by(Verdict.id.desc()).limit(1)).scalar_one_or_none()


def take_back(dataset_id: int, entry_id: int, reviewer: Reviewer, key: str | None = None) -> Decided:
    """Undo the reviewer's last decision on a pair: its step, if it made one, and the decision itself.

    With the ``key`` of the decision nothing happens where it was taken back before. Raises NotFound where there is
    none, Conflict where the pair was changed since.
    """
    with transaction() as session:
        history.open_dataset(session, dataset_id)
        last = _last_verdict(session, dataset_id, entry_id, reviewer)
        if key and (last is None or last.key != key):
            return Decided(entry_id, entries.get(dataset_id, entry_id).version, Applied())
        if last is None:
            raise NotFound(f"You have not decided on pair {entry_id}. There is nothing to undo.", entry_id=entry_id)
        applied = Applied()
        step = session.get(ChangeSet, last.change_set_id) if last.change_set_id else None
        if step is not None and step.state != "undone":
            applied = history.undo(dataset_id, step.number)
            if applied.skipped:
                raise Conflict(applied.skipped[0].reason, code="changed_since", entry_id=entry_id)
        session.delete(last)
    return Decided(entry_id, entries.get(dataset_id, entry_id).version, applied)


def rate(dataset_id: int, entry_id: int, rating: int, *, version: int, reviewer: Reviewer) -> Decided:
    """Give a pair one to five points, in place of those it had. They are a tag, so that lists and exports know them."""
    if rating not in RATINGS:
        raise BadUsage(f"A rating is a number from 1 to 5, not {rating}.")
    with transaction() as session:
        history.open_dataset(session, dataset_id)
        entry = entries.get(dataset_id, entry_id)
        before = [tag for tag in entry.tag_list if tag.startswith(RATING)]
        if before == [f"{RATING}{rating}"]:
            return Decided(entry_id, entry.version, Applied())
        _require_free(_held_by_others(session, [entry_id], reviewer), entry_id)
        entries.require_version(entry, version)
        applied = pairs.tag_pairs(dataset_id, Selection((entry_id,)), add=[f"{RATING}{rating}"], remove=before)
    return Decided(entry_id, entries.get(dataset_id, entry_id).version, applied)
