"""What an export will hold and what it leaves out, counted by the database before anything is written."""

import threading
from collections import Counter, OrderedDict
from dataclasses import dataclass, replace

from sqlalchemy import ColumnElement, and_, func, not_, or_, select

from app.core.formats.csv import RISKY
from app.core.layouts import CARRIES, LAYOUTS, RowError, losses
from app.core.record import Record
from app.models import Entry, db
from app.services import datasets
from app.services.export.options import (
    ExportOptions,
    count_records,
    file_name,
    goes_out,
    is_chosen,
    is_passed_over,
    is_rejected,
    is_unanswered,
    needs_rejected,
)
from app.services.export.rendering import default_system, layout_options, read_chunks, record_of
from app.services.export.writing import preview_export

UNANSWERED = "without an answer"
# How many counts of losses are kept: the page asks for them again at each look, and most of them change nothing.
_REMEMBERED = 16
_counted: OrderedDict[tuple[object, ...], tuple[Counter[str], Counter[str]]] = OrderedDict()
_lock = threading.Lock()


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
    """Count what goes out and what stays, and show the first records."""
    dataset = datasets.get(dataset_id)
    options = options.checked()
    # Each write to a dataset gives it another revision. Options may hold a list of ids: they are known by their words.
    state = (dataset.id, dataset.revision, dataset.last_number, dataset.system_prompt)
    key = (str(db.engine.url), *state, repr(options))
    with _lock:
        counted = _counted.get(key)
    if counted is None:
        counted = _count_losses(dataset_id, options)
        with _lock:
            _counted[key] = counted
            while len(_counted) > _REMEMBERED:
                _counted.popitem(last=False)
    lost, refused = counted
    return ExportPlan(
        records=count_records(dataset_id, options) - sum(refused.values()),
        left_out=[RecordCount(*one) for one in (_count_left_out(dataset_id, options) + refused).items()],
        losses=[RecordCount(name, lost[name]) for name in CARRIES if lost[name]],
        formulas=_count_formulas(dataset_id, options),
        preview=preview_export(dataset_id, options),
        file_name=file_name(dataset.name, options),
    )


def _count_left_out(dataset_id: int, options: ExportOptions) -> Counter[str]:
    """Chosen records that do not go out, by reason; each is counted once."""
    reasons: dict[str, ColumnElement[bool]] = {UNANSWERED: is_unanswered(options)}
    if not options.filters.statuses:
        passed_over = {"that are not approved": is_passed_over(dataset_id)}
        reasons = {"that are rejected": is_rejected(), **passed_over, **reasons}
    if needs_rejected(options):
        reasons["without a rejected answer"] = Entry.rejected_answer.is_(None)
    conditions: list[ColumnElement[bool]] = []
    earlier: list[ColumnElement[bool]] = []
    for condition in reasons.values():
        conditions.append(and_(condition, *(not_(one) for one in earlier)))
        earlier.append(condition)
    query = select(*(func.count().filter(one) for one in conditions)).where(is_chosen(dataset_id, options))
    numbers = db.session.execute(query).one()
    return Counter(dict(zip(reasons, numbers, strict=True)))


def _count_losses(dataset_id: int, options: ExportOptions) -> tuple[Counter[str], Counter[str]]:
    """What the layout cannot carry and, by reason, which records it refuses.

    Records with messages or other columns are looked at one by one. Of all others it only matters what they have: they
    are counted by that, and one stands for each kind.
    """
    layout, rendering = LAYOUTS[options.layout], layout_options(options)
    default = default_system(dataset_id, options)
    lost: Counter[str] = Counter()
    refused: Counter[str] = Counter()
    is_more = or_(Entry.turns.is_not(None), Entry.trace.is_not(None), Entry.extra.is_not(None))
    beside = (Entry.rejected_answer, Entry.reasoning, Entry.tags, Entry.source, Entry.family)
    has = [column.is_not(None) for column in (Entry.system, *beside)]
    kinds = select(*has, func.count()).where(goes_out(dataset_id, options), not_(is_more)).group_by(*has)
    for found in db.session.execute(kinds):
        has_system, has_rejected, has_reasoning, has_tags, has_source, has_family, number = tuple(found)
        record = Record(
            "q",
            "a",
            "s" if has_system else default,
            rejected_answer="r" if has_rejected else None,
            reasoning="r" if has_reasoning else None,
            tags=("t",) if has_tags else (),
            source="s" if has_source else None,
            family="f" if has_family else None,
        )
        for name in losses(record, layout, rendering):
            lost[name] += number
    for rows in read_chunks(dataset_id, options, is_more):
        for row in rows:
            record = row.record()
            record = record if record.system is not None or default is None else replace(record, system=default)
            if record_of(row, options) is None:
                refused[UNANSWERED] += 1
                continue
            if row.turns is not None or row.trace is not None:
                try:
                    layout.rows_of(record, rendering)
                except RowError as error:
                    refused[f"refused: {error.message}"] += 1
                    continue
            lost.update(losses(record, layout, rendering))
    return lost, refused


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
