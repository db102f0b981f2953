"""A count of an export brought up to now by the few pairs that were written to since, without a look at any other.

What each of these pairs adds to the count as it is now, less what it added as it was then. How it was then is told by
the changes of the steps that came, went or came back. Where they do not tell it for certain, only another count does.
"""

from collections import defaultdict
from dataclasses import replace
from typing import Any

from sqlalchemy import and_, or_, select

from app.core.changes import chunks_of
from app.core.filters import HERE, Filters
from app.core.stored import StoredEntry, as_entry
from app.models import ChangeRow, ChangeSet, Entry, Ledger, db
from app.services import entries
from app.services.duplicates.since import HIDDEN, read_mark
from app.services.export.options import ExportOptions, reason_against
from app.services.export.planning import LEFT_OUT, ExportPlan, Reckoning
from app.services.export.rendering import Rendering

# Up to so many pairs are looked at again at each look.
MOST_FOLLOWED = 300
# The filters that the columns of a row tell by themselves.
_TOLD = {"statuses", "splits", "tags", "ids", "imports"}
Sides = list[tuple[StoredEntry | None, StoredEntry | None]]


def follow_changes(ledger: Ledger, options: ExportOptions, plan: ExportPlan) -> ExportPlan | None:
    """The count as it is now; None where only counting again tells. First records and size stay as they were."""
    filters, sides = options.filters, _touched_since(ledger)
    untold = {one.name.removeprefix("not_") for one in filters.said()} - _TOLD
    if sides is None or untold or options.per_tag or options.bundle:
        return None
    then, now = (Reckoning(Rendering(ledger.dataset_id, options)) for _ in range(2))
    if list(now.run.origin.statuses) != ledger.summary["statuses"]:
        return None
    for pair in sides:
        for tally, row in zip((then, now), pair, strict=True):
            if row is not None and _matches(row, filters):
                _judge(tally, row)
    for line in plan.lines:
        now.pairs[line.code] += line.pairs
        if line.kind == LEFT_OUT and line.code.startswith("refused-"):
            now.said.setdefault(line.code, line.what.removeprefix("refused: "))
    now.pairs.subtract(then.pairs)
    now.records += plan.records - then.records
    now.formulas += plan.formulas - then.formulas
    followed = now.as_plan()
    return replace(followed, shown=plan.shown, size=plan.size, leaks=plan.leaks)


def _judge(tally: Reckoning, row: StoredEntry) -> None:
    run = tally.run
    run.seen, run.left = tally.see, tally.leave
    if reason := reason_against(row, run.origin, run.options):
        tally.leave(row, reason)
    elif run.is_short(row):
        run.give(row)


def _matches(row: StoredEntry, filters: Filters) -> bool:
    """Whether the filters mean a row; they say nothing but what is in ``_TOLD``."""
    has: dict[str, set[Any]] = {
        "statuses": {row.status},
        "splits": {row.split},
        "tags": set(row.tag_list),
        "ids": {row.id},
        "imports": {str(row.import_id or HERE)},
    }
    for one in filters.said():
        is_named = not has[one.name.removeprefix("not_")].isdisjoint(getattr(filters, one.name))
        if is_named == one.name.startswith("not_"):
            return False
    return True


def _touched_since(ledger: Ledger) -> Sides | None:
    """The pairs that were written to since, each as it was and as it is; None where that is not certain."""
    _, hidden = read_mark(ledger.dataset_id)
    flipped = {one for one in hidden if one <= ledger.last_set} ^ set(ledger.hidden)
    came = and_(ChangeSet.id > ledger.last_set, ChangeSet.state.not_in(HIDDEN))
    mine = ChangeSet.dataset_id == ledger.dataset_id
    steps = db.session.execute(select(ChangeSet).where(mine, or_(came, ChangeSet.id.in_(flipped)))).scalars().all()
    if sum(step.created + step.changed for step in steps) > MOST_FOLLOWED:
        return None
    changed: dict[int, dict[str, tuple[str | None, str | None]]] = defaultdict(dict)
    for step in sorted(steps, key=lambda one: one.id):
        for row in db.session.execute(select(ChangeRow).where(ChangeRow.change_set_id == step.id)).scalars():
            sides = (row.before, row.after) if step.state == "applied" else (row.after, row.before)
            earlier = changed[row.entry_id].get(row.field)
            # An undo that left pairs alone, or steps whose order is not that of their numbers.
            if row.held or (earlier is not None and (step.id in flipped or earlier[1] != sides[0])):
                return None
            changed[row.entry_id][row.field] = (earlier or sides)[0], sides[1]
    created: dict[int, bool] = {}
    for step in steps:
        if step.created:
            within = Entry.id >= step.first_id, Entry.id <= step.last_id, Entry.created_in == step.id
            for one in db.session.execute(select(Entry.id).where(*within)).scalars():
                created[one] = step.state == "applied"
    return _both_sides(changed, created)


def _both_sides(changed: dict[int, dict[str, tuple[str | None, str | None]]], created: dict[int, bool]) -> Sides | None:
    found: Sides = []
    for part in chunks_of(sorted(changed.keys() | created.keys()), 500):
        columns: Any = (*entries.COLUMNS, Entry.deleted_in)
        for *values, deleted_in in db.session.execute(select(*columns).where(Entry.id.in_(part))):
            row = as_entry(tuple(values))
            fields = dict(changed.get(row.id, {}))
            lives = fields.pop("live", None)
            if any(getattr(row, name) != after for name, (_, after) in fields.items()):
                return None
            before = row._replace(**{name: before for name, (before, _) in fields.items()})  # type: ignore[arg-type]
            shows = created.get(row.id, True) and deleted_in is None
            was = (lives[0] == "1" if lives else deleted_in is None) and not created.get(row.id, False)
            found.append((before if was else None, row if shows else None))
    return found
