"""Looking again at the few pairs that were edited since a check, so that what it found follows without a full check."""

from collections import defaultdict
from typing import Any

from sqlalchemy import and_, delete, insert, or_, select

from app.core.changes import chunks_of
from app.core.errors import Conflict
from app.core.stored import StoredEntry, as_entry
from app.core.validation import SEVERITIES, Finding, ValidateOptions
from app.models import ChangeRow, Check, Entry, FoundProblem, db, transaction
from app.services import datasets, entries, history
from app.services.duplicates.since import read_mark
from app.services.validation.checking import DatasetValidation
from app.services.validation.choices import read_choices
from app.services.validation.keeping import as_row
from app.services.validation.overview import (
    current_check,
    is_of_set,
    is_prompt_changed,
    is_template_changed,
    sets_since,
)
from app.services.validation.templates import open_template

# Up to so many pairs are looked at again while somebody waits.
MOST_RECHECKED = 200
# Fields whose change makes no pair come into an export, or go.
_EDITS = (
    *("question", "answer", "system", "rejected_answer", "reasoning", "turns", "trace"),
    *("tags", "split", "source", "family", "extra"),
)
TOO_MUCH = "More than texts of a few pairs changed since the check. Check again."


def find_edited(check: Check, most: int | None = None) -> list[int] | None:
    """The pairs that a recheck would look at, ascending; None where only a full check tells.

    That is where pairs came, more than ``most`` (usually 200) changed or went, or not all findings of a rule are
    listed.
    """
    capped = (one for one in check.summary["codes"] if not one["all_listed"] and not is_of_set(one["code"]))
    steps = sets_since(check)
    if next(capped, None) or any(step.created for step in steps):
        return None
    # A pair that was approved is the same pair to a check.
    is_moved = or_(ChangeRow.before.not_in(entries.TRAINABLE), ChangeRow.after.not_in(entries.TRAINABLE))
    rows = select(ChangeRow.entry_id, ChangeRow.field, ChangeRow.before, ChangeRow.after).where(
        ChangeRow.change_set_id.in_([step.id for step in steps]), or_(ChangeRow.field != "status", is_moved)
    )
    found: set[int] = set()
    most = most or MOST_RECHECKED
    most_rows = most * len(_EDITS)
    changes = db.session.execute(rows.limit(most_rows + 1)).all()
    if len(changes) > most_rows or is_prompt_changed(check) or is_template_changed(check):
        return None
    # The rows of a step that was undone or redone since tell the way there, whichever way it went.
    is_flipped = any(step.id <= check.last_set for step in steps)
    statuses = entries.TRAINABLE
    # An earlier version looked at approved pairs alone once there were any.
    if set(statuses) != set(check.summary.get("statuses", statuses)):
        return None
    for entry_id, field, before, after in changes:
        if field == "live":
            comes, goes = before == "0", after == "0"
        elif field == "status":
            comes = before not in statuses and after in statuses
            goes = before in statuses and after not in statuses
        else:
            comes, goes = (not before, not after) if field == "answer" else (False, False)
        if comes or (goes and is_flipped) or field not in (*_EDITS, "status", "live"):
            return None
        found.add(entry_id)
    return sorted(found) if len(found) <= most else None


def recheck_edited(dataset_id: int, *, most: int | None = None) -> int:
    """Look again at the pairs that were edited since the last check. Returns how many. Raises Conflict where only a
    full check tells.

    What only a look at all pairs tells, the tokens and what targets do stay as they were.
    """
    history.rehash(dataset_id)
    found = current_check(dataset_id)
    if found is None:
        raise Conflict("There was no check yet. Check the pairs first.", code="no_check")
    dataset = datasets.get(dataset_id)
    options, choices = ValidateOptions(profile=found.profile, limit=0), read_choices(dataset)
    with open_template(choices.template) as template, transaction() as session:
        run = DatasetValidation(dataset, options, off=choices.off, template=template)
        check = session.get(Check, found.id, populate_existing=True)
        ids = find_edited(check, most) if check is not None and check.state == "current" else None
        if check is None or ids is None:
            raise Conflict(TOO_MUCH, code="full_check_needed")
        edited = {key: one for key, one in entries.by_ids(dataset_id, ids).items() if run.takes(one)}
        fresh = _find_again(run, list(edited.values()))
        # By the codes, which are few, the rows of a pair are found without reading others.
        mine = and_(
            FoundProblem.check_id == check.id, FoundProblem.code.in_(one["code"] for one in check.summary["codes"])
        )
        old: list[Any] = []
        for part in chunks_of(ids, 500):
            query = select(FoundProblem.code, FoundProblem.entry_id, FoundProblem.severity, FoundProblem.position)
            old += session.execute(query.where(mine, FoundProblem.entry_id.in_(part))).all()
        # What compares a pair with others stays as it was, as long as the pair is there.
        stays = [one for one in old if is_of_set(one.code) and one.entry_id in edited]
        gone = [one for one in old if one not in stays]
        for one in old:
            if one not in stays:
                key = FoundProblem.code == one.code, FoundProblem.entry_id == one.entry_id
                session.execute(delete(FoundProblem).where(mine, *key, FoundProblem.position == one.position))
        summary = _count_again(check.summary, gone, fresh)
        summary["records"] -= _count_gone(run, check, [one for one in ids if one not in edited])
        moved = ChangeRow.change_set_id.in_([step.id for step in sets_since(check)]), ChangeRow.field == "split"
        if session.execute(select(ChangeRow.entry_id).where(*moved).limit(1)).first():
            summary["leaks"] = None
        # Nothing is read from here on: what is read would write the summary as it is by then.
        check.summary = summary
        wrong_before = {one.entry_id for one in old if one.severity == "error"}
        wrong_now = {one.record for one in fresh if one.severity == "error"}
        wrong_now |= {one.entry_id for one in stays if one.severity == "error"}
        check.summary["to_fix"] += len(wrong_now) - len(wrong_before)
        # Positions tell findings of a check apart; those of a recheck come after all others.
        first = check.summary.get("positions", 1_000_000_000)
        check.summary["positions"] = first + len(fresh)
        check.summary["rechecked"] = check.summary.get("rechecked", 0) + len(ids)
        rows = [as_row(check.id, one, first + place) for place, one in enumerate(fresh)]
        for row in rows:
            row["content_hash"] = edited[row["entry_id"]].content_hash
        if rows:
            session.execute(insert(FoundProblem), rows)
        check.last_set, check.hidden = read_mark(dataset_id)
        return len(ids)


def _count_gone(run: DatasetValidation, check: Check, ids: list[int]) -> int:
    """How many of the pairs that are not checked any more were so at the check, by what they were then."""
    then: dict[tuple[int, str], Any] = {}
    number = 0
    steps = [step.id for step in sets_since(check)]
    for part in chunks_of(ids, 500):
        rows = select(ChangeRow.entry_id, ChangeRow.field, ChangeRow.before).where(
            ChangeRow.change_set_id.in_(steps), ChangeRow.entry_id.in_(part)
        )
        for entry_id, field, before in db.session.execute(rows.order_by(ChangeRow.change_set_id)):
            then.setdefault((entry_id, field), before)
        for row in db.session.execute(select(*entries.COLUMNS).where(Entry.id.in_(part))):
            entry = as_entry(row)
            names = ("status", "answer", "trace", "rejected_answer")
            entry = entry._replace(**{name: then[entry.id, name] for name in names if (entry.id, name) in then})
            number += run.takes(entry)
    return number


def _find_again(run: DatasetValidation, edited: list[StoredEntry]) -> list[Finding]:
    """What single pairs say by themselves."""
    found: list[Finding] = []
    run.validation.findings.told = found.append
    for entry in edited:
        run.see(entry)
    return [one for one in found if not is_of_set(one.code) and one.record is not None]


def _count_again(summary: dict[str, Any], old: list[Any], fresh: list[Finding]) -> dict[str, Any]:
    codes = {one["code"]: dict(one) for one in summary["codes"]}
    before, after = defaultdict[str, set[int]](set), defaultdict[str, set[int]](set)
    for one in old:
        before[one.code].add(one.entry_id)
        codes[one.code]["findings"] -= 1
    order = list(SEVERITIES)
    for each in fresh:
        after[each.code].add(each.record or 0)
        kept = codes.setdefault(
            each.code,
            {"code": each.code, "severity": each.severity, "pairs": 0, "findings": 0, "targets": [], "said": [],
             "fix": each.fix, "all_listed": True},
        )  # fmt: skip
        kept["findings"] += 1
        kept["severity"] = min(kept["severity"], each.severity, key=order.index)
        if each.profile and each.profile not in kept["targets"]:
            kept["targets"] = [*kept["targets"], each.profile]
    for code in before.keys() | after.keys():
        codes[code]["pairs"] += len(after[code]) - len(before[code])
    left = [one for one in codes.values() if one["findings"] > 0]
    left.sort(key=lambda one: (order.index(one["severity"]), -one["pairs"], one["code"]))
    return {**summary, "codes": left}
