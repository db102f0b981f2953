"""A conflict turned into preference pairs: the chosen answer against those that are rejected, in one step."""

from collections.abc import Sequence
from dataclasses import replace

from app.core.changes import Change, Value, deletion_of
from app.core.errors import Invalid
from app.core.text import is_blank, plural
from app.models import ChangeSet, transaction
from app.services import history
from app.services.duplicates import settling, showing
from app.services.duplicates.settling import Versions
from app.services.duplicates.wishes import KIND
from app.services.entries import StoredEntry
from app.services.history import ACTOR, Applied


def prefer(
    dataset_id: int,
    group_id: int,
    chosen: int,
    rejected_ids: Sequence[int],
    *,
    versions: Versions = None,
    actor: str = ACTOR,
) -> Applied:
    """Keep the chosen pair with the first rejected answer as its worse one; each further one makes a pair of its own.

    The rejected pairs are deleted. Raises like ``keep``.
    """
    with transaction() as session:
        scan, row = settling.opened(dataset_id, group_id)
        live, _ = showing.members(scan, row)
        settling.require_versions(live, versions)
        kept, rejected = _checked(live, chosen, rejected_ids)
        changes, worse = _first(kept, rejected)
        staged = history.stage(dataset_id, kind=KIND, actor=actor)
        history.add_rows(session, session.get_one(ChangeSet, staged), [_new_row(kept, answer) for answer in worse])
        changes += [deletion_of(one.id) for one in rejected]
        number = 1 + len(worse) if len(changes) > len(rejected) else len(worse)
        summary = f"Prefer the answer of pair {kept.id}: {plural(number, 'preference pair')}"
        applied = history.publish(staged, summary=summary, changes=changes)
        if applied.step is not None:
            settling.mark_settled(dataset_id, applied.step.id, row.id)
        return applied


def _checked(
    live: dict[int, StoredEntry], chosen: int, rejected_ids: Sequence[int]
) -> tuple[StoredEntry, list[StoredEntry]]:
    if missing := [one for one in (chosen, *rejected_ids) if one not in live]:
        raise Invalid(f"Pair {missing[0]} is not in this group any more.", code="not_in_group")
    kept, rejected = live[chosen], [live[one] for one in dict.fromkeys(rejected_ids)]
    if not rejected or kept in rejected:
        raise Invalid("Choose one answer, and at least one other that is rejected.", code="bad_choice")
    for one in rejected:
        if is_blank(one.answer) or one.answer == kept.answer:
            raise Invalid(f"Pair {one.id} has no other answer that could be rejected.", code="no_other_answer")
    return kept, rejected


def _first(kept: StoredEntry, rejected: Sequence[StoredEntry]) -> tuple[list[Change], list[str]]:
    """What changes in the chosen pair, and the rejected answers that need pairs of their own."""
    answers = list(dict.fromkeys(one.answer for one in rejected))
    if kept.rejected_answer is not None:
        return [], [answer for answer in answers if answer != kept.rejected_answer]
    return [Change(kept.id, {"rejected_answer": (None, answers[0])})], answers[1:]


def _new_row(kept: StoredEntry, worse: str) -> dict[str, object]:
    """A pair like the chosen one with another worse answer; it needs what the chosen one needs, in the same split."""
    record = replace(kept.record(), rejected_answer=worse)
    row: dict[str, Value | object] = history.new_row(record, status=kept.status)
    return {**row, "split": kept.split}
