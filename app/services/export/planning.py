"""What an export will hold and what it leaves out, counted by the database before anything is written."""

from dataclasses import dataclass

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from app.core.formats.csv import RISKY
from app.core.layouts import LAYOUTS, NOTES
from app.models import Entry, db
from app.services import datasets
from app.services.export.options import (
    ExportOptions,
    count_records,
    file_name,
    goes_out,
    is_chosen,
    is_rejected,
    is_unanswered,
    needs_rejected,
)
from app.services.export.writing import preview_export


@dataclass(frozen=True, slots=True)
class RecordCount:
    """A number of records with its reason or kind."""

    what: str
    records: int


@dataclass(frozen=True, slots=True)
class ExportPlan:
    """What an export will hold, counted before it is written."""

    records: int
    left_out: list[RecordCount]
    losses: list[RecordCount]
    formulas: int
    preview: list[str]
    file_name: str


def plan_export(dataset_id: int, options: ExportOptions) -> ExportPlan:
    """RecordCount what goes out and what stays, and show the first records."""
    dataset = datasets.get(dataset_id)
    options = options.checked()
    return ExportPlan(
        records=count_records(dataset_id, options),
        left_out=_count_left_out(dataset_id, options),
        losses=_count_losses(dataset_id, options),
        formulas=_count_formulas(dataset_id, options),
        preview=preview_export(dataset_id, options),
        file_name=file_name(dataset.name, options),
    )


def _count_left_out(dataset_id: int, options: ExportOptions) -> list[RecordCount]:
    """Chosen records that do not go out, by reason; each is counted once."""
    reasons: dict[str, ColumnElement[bool]] = {"without an answer": is_unanswered(options)}
    if "rejected" not in options.filters.statuses:
        reasons = {"that are rejected": is_rejected(), **reasons}
    if needs_rejected(options):
        reasons["without a rejected answer"] = Entry.rejected_answer.is_(None)
    conditions: list[ColumnElement[bool]] = []
    earlier: list[ColumnElement[bool]] = []
    for condition in reasons.values():
        conditions.append(and_(condition, *(not_(one) for one in earlier)))
        earlier.append(condition)
    query = select(*(func.count().filter(one) for one in conditions)).where(is_chosen(dataset_id, options))
    numbers = db.session.execute(query).one()
    return [RecordCount(what, number) for what, number in zip(reasons, numbers, strict=True) if number]


def _count_losses(dataset_id: int, options: ExportOptions) -> list[RecordCount]:
    """What the layout cannot carry, with the number of records that have it."""
    holds = LAYOUTS[options.layout].holds
    columns = {
        "system": Entry.system,
        "turns": Entry.turns,
        "trace": Entry.trace,
        "rejected answer": Entry.rejected_answer,
        "tags": Entry.tags,
    }
    missing = {name: column for name, column in columns.items() if name not in holds}
    conditions: dict[str, ColumnElement[bool]] = {name: column.is_not(None) for name, column in missing.items()}
    if "reasoning" not in holds:
        of_messages = [column.like('%"reasoning":"%') for column in (Entry.turns, Entry.trace)]
        conditions["reasoning"] = or_(Entry.reasoning.is_not(None), *of_messages)
    if not options.keep_extra:
        # Extra that holds more than layout notes and the layout's own keys, judged by its text.
        notes_only = Entry.extra.like(f'{{"{NOTES}":%')
        own = [Entry.extra.like(f'{{"{key}":%') for key in LAYOUTS[options.layout].keys]
        conditions["other columns"] = and_(Entry.extra.is_not(None), not_(or_(notes_only, *own)))
    if not conditions:
        return []
    query = select(*(func.count().filter(condition) for condition in conditions.values()))
    numbers = db.session.execute(query.where(goes_out(dataset_id, options))).one()
    return [RecordCount(name, number) for name, number in zip(conditions, numbers, strict=True) if number]


def _count_formulas(dataset_id: int, options: ExportOptions) -> int:
    """How many texts a spreadsheet would run as formulas, in an exact table."""
    if options.format not in ("csv", "tsv") or options.spreadsheet_safe:
        return 0
    first = [sign for sign in RISKY if sign != "'"]
    counts = [
        func.count().filter(func.substr(column, 1, 1).in_(first))
        for column in (Entry.question, Entry.answer, Entry.system)
    ]
    return sum(db.session.execute(select(*counts).where(goes_out(dataset_id, options))).one())
