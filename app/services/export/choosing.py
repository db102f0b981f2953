"""Which pairs go out: those that were chosen, are answered, not rejected, and have what the layout needs."""

from dataclasses import replace

from sqlalchemy import ColumnElement, and_, func, not_, select

from app.core.layouts import LAYOUTS
from app.models import Entry, db
from app.services import entries
from app.services.export.options import Options


def plan_count(dataset_id: int, options: Options) -> int:
    """How many records go out."""
    return int(db.session.execute(select(func.count()).where(goes_out(dataset_id, options))).scalar_one())


def goes_out(dataset_id: int, options: Options) -> ColumnElement[bool]:
    wanted = chosen(dataset_id, options)
    if needs_rejected(options):
        wanted = and_(wanted, Entry.rejected_answer.is_not(None))
    wanted = and_(wanted, not_(unanswered(options)))
    return wanted if "rejected" in options.filters.statuses else and_(wanted, not_(rejected()))


def chosen(dataset_id: int, options: Options) -> ColumnElement[bool]:
    splits = (options.split,) if options.split else options.filters.splits
    filters = replace(options.filters, splits=splits)
    return and_(entries.live(dataset_id), *entries.conditions(filters))


def needs_rejected(options: Options) -> bool:
    return "rejected answer" in LAYOUTS[options.layout].needs


def takes_rejected_alone(options: Options) -> bool:
    """Whether a pair with only a rejected answer goes out, because each answer is written with a label."""
    return LAYOUTS[options.layout].labels is not None


def rejected() -> ColumnElement[bool]:
    return Entry.status == "rejected"


def unanswered(options: Options) -> ColumnElement[bool]:
    nothing = and_(func.trim(Entry.answer) == "", Entry.trace.is_(None))
    return and_(nothing, Entry.rejected_answer.is_(None)) if takes_rejected_alone(options) else nothing
