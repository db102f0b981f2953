"""Which pairs go out: those that were chosen, are answered, not rejected, and have what the layout needs."""

from dataclasses import replace

from sqlalchemy import ColumnElement, and_, func, not_, select

from app.core.layouts import LAYOUTS
from app.models import Entry, db
from app.services import entries
from app.services.export.options import ExportOptions


def plan_count(dataset_id: int, options: ExportOptions) -> int:
    """How many records go out."""
    return int(db.session.execute(select(func.count()).where(goes_out(dataset_id, options))).scalar_one())


def goes_out(dataset_id: int, options: ExportOptions) -> ColumnElement[bool]:
    asked = "rejected" in options.filters.statuses
    wanted = is_chosen(dataset_id, options)
    if needs_rejected(options):
        wanted = and_(wanted, Entry.rejected_answer.is_not(None))
    return and_(wanted, not_(is_unanswered())) if asked else and_(wanted, not_(is_rejected()), not_(is_unanswered()))


def is_chosen(dataset_id: int, options: ExportOptions) -> ColumnElement[bool]:
    splits = (options.split,) if options.split else options.filters.splits
    filters = replace(options.filters, splits=splits)
    return and_(entries.is_live(dataset_id), *entries.filter_conditions(filters))


def needs_rejected(options: ExportOptions) -> bool:
    return "rejected answer" in LAYOUTS[options.layout].needs


def is_rejected() -> ColumnElement[bool]:
    return Entry.status == "rejected"


def is_unanswered() -> ColumnElement[bool]:
    return and_(func.trim(Entry.answer) == "", Entry.trace.is_(None))
