"""What happened in a dataset since a scan read it: by the change sets that came, or came back, after it."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Select, and_, func, or_, select

from app.models import ChangeRow, ChangeSet, DuplicateScan, Entry, db
from app.services import entries
from app.services.duplicates.options import KIND

TEXTS = ("question", "answer")
HIDDEN = ("staging", "undone")


def read_mark(dataset_id: int) -> tuple[int, list[int]]:
    """The newest change set, and those that are hidden now: together the state of a dataset to come back to."""
    mine = ChangeSet.dataset_id == dataset_id
    newest = db.session.execute(select(func.max(ChangeSet.id)).where(mine)).scalar() or 0
    hidden = select(ChangeSet.id).where(mine, ChangeSet.state.in_(HIDDEN)).order_by(ChangeSet.id)
    return newest, list(db.session.execute(hidden).scalars())


def count_changed(scan: DuplicateScan) -> int:
    """How many pairs a re-check would look at: added, edited, deleted or brought back since the scan.

    Pairs that were removed as duplicates do not count.
    """
    touched = edited_ids(scan)
    total = int(db.session.execute(select(func.count()).select_from(touched.subquery())).scalar_one())
    shown = entries.is_visible(scan.dataset_id)
    for part in _created_sets(scan):
        query = select(func.count()).select_from(Entry).where(*part, shown, Entry.id.not_in(touched))
        total += int(db.session.execute(query).scalar_one())
    return total


def changed_ids(scan: DuplicateScan) -> list[int]:
    """The ids of these pairs, ascending. Some may not be live any more."""
    found = set(db.session.execute(edited_ids(scan)).scalars())
    for part in _created_sets(scan):
        found.update(db.session.execute(select(Entry.id).where(*part)).scalars())
    return sorted(found)


def edited_ids(scan: DuplicateScan) -> Select[int]:
    """The ids of pairs of which a text changed, or that were deleted or brought back."""
    texts = ChangeRow.field.in_(TEXTS)
    removed = and_(ChangeRow.field == "live", ChangeSet.kind != KIND)
    sets = select(ChangeRow.entry_id).distinct().join(ChangeSet, ChangeSet.id == ChangeRow.change_set_id)
    back = and_(ChangeSet.id.in_(_flipped_sets(scan)), ChangeRow.field.in_((*TEXTS, "live")))
    return sets.where(ChangeSet.dataset_id == scan.dataset_id, or_(and_(_came_since(scan), or_(texts, removed)), back))


def _came_since(scan: DuplicateScan) -> ColumnElement[bool]:
    return and_(ChangeSet.id > scan.last_set, ChangeSet.state.not_in(HIDDEN))


def _flipped_sets(scan: DuplicateScan) -> Sequence[int]:
    """Change sets that the scan saw applied and that are undone now, or the other way round."""
    before = set(scan.hidden)
    mine = select(ChangeSet.id).where(ChangeSet.dataset_id == scan.dataset_id, ChangeSet.id <= scan.last_set)
    undone = set(db.session.execute(mine.where(ChangeSet.state == "undone")).scalars())
    shown = [one for one in sorted(before) if one not in undone]
    applied = set(db.session.execute(mine.where(ChangeSet.id.in_(shown), ChangeSet.state == "applied")).scalars())
    return sorted((undone - before) | applied)


def _created_sets(scan: DuplicateScan) -> list[list[ColumnElement[bool]]]:
    """For each set that added pairs, or whose pairs went or came back, the condition that finds them."""
    either = or_(_came_since(scan), ChangeSet.id.in_(_flipped_sets(scan)))
    query = select(ChangeSet).where(ChangeSet.dataset_id == scan.dataset_id, either, ChangeSet.created > 0)
    return [
        [Entry.id >= one.first_id, Entry.id <= one.last_id, Entry.created_in == one.id]
        for one in db.session.execute(query.execution_options(populate_existing=True)).scalars()
    ]


def recent_ids(scan: DuplicateScan, limit: int) -> list[int]:
    """The newest live pairs whose texts the scan's word index does not know: added or edited since it was made."""
    sets = select(ChangeSet.id).where(ChangeSet.dataset_id == scan.dataset_id, ChangeSet.id > scan.index_set)
    rows = select(ChangeRow.entry_id).where(ChangeRow.change_set_id.in_(sets), ChangeRow.field.in_(TEXTS))
    first = select(func.min(ChangeSet.first_id)).where(ChangeSet.id.in_(sets))
    added = and_(Entry.id >= first.scalar_subquery(), Entry.created_in.in_(sets))
    shown = entries.is_live(scan.dataset_id)
    found: set[int] = set()
    for where in (Entry.id.in_(rows), added):
        query = select(Entry.id).where(shown, where).order_by(Entry.id.desc()).limit(limit)
        found.update(db.session.execute(query).scalars())
    return sorted(found, reverse=True)[:limit]
