"""Counts of exports that are kept, so that the page of a large dataset counts nothing when it is looked at."""

import hashlib
import json
import tempfile
import threading
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import msgspec
from sqlalchemy import delete, func, insert, select

from app.core.changes import chunks_of
from app.core.options import encode
from app.core.targets import EXPORT_TARGETS
from app.core.text import is_number, plural
from app.models import Check, Dataset, Ledger, LedgerRow, Turns, db, reading, transaction
from app.services import datasets, duplicates
from app.services.duplicates.since import read_mark
from app.services.export.following import follow_changes
from app.services.export.leaks import find_split_leaks
from app.services.export.options import ExportOptions, find_origin
from app.services.export.planning import ExportPlan, Line, count_ledger, measure_export, plan_export
from app.services.export.writing import prove_export
from app.services.jobs import Watch

# Up to so many pairs are counted while somebody looks.
AT_ONCE = 2_000
# So many counts of a dataset are kept: the newest.
KEPT = 24
CHUNK = 5_000
# The file of so many pairs is written and read back while somebody looks.
PROVED_AT_ONCE = 500
SETTING = "export"
REMEMBERED = 3
# How many plans are kept at hand: the page asks for them again at each look, and most of them change nothing.
_REMEMBERED = 16
_planned: OrderedDict[tuple[object, ...], ExportPlan] = OrderedDict()
_lock = threading.Lock()


@dataclass(frozen=True, slots=True)
class CountRun:
    """What to count: an export of a dataset."""

    dataset_id: int
    options: ExportOptions = field(default_factory=ExportOptions)


@dataclass(frozen=True, slots=True)
class Counted:
    """What is known of an export. ``plan`` is None where nothing was counted yet; ``is_current`` says whether it is of
    now, and where not, the count is that of ``ledger``. Of a ``followed`` one the size is that of before."""

    plan: ExportPlan | None
    is_current: bool
    ledger: Ledger | None = None
    followed: bool = False


def is_small(dataset_id: int) -> bool:
    """Whether a dataset is counted at each look."""
    return datasets.get(dataset_id).entry_count <= AT_ONCE


def view_counts(dataset_id: int, options: ExportOptions) -> Counted:
    """What an export would hold: counted now where that is little, else by the last count and what changed since."""
    if is_small(dataset_id):
        return Counted(plan_at_hand(dataset_id, options), True)
    ledger = find_ledger(dataset_id, options)
    if ledger is None:
        return Counted(None, False)
    if is_fresh(ledger, options):
        return Counted(_plan_of(ledger), True, ledger)
    leaks = _plan_of(ledger).leaks
    can_follow = ledger.summary.get("steady") and ledger.summary["beside"] == mark_beside(dataset_id, options)
    # A move may have mended what leaked; whether an edit makes something leak is asked again before a file is made.
    can_follow = can_follow and not (leaks and leaks.total)
    followed = follow_changes(ledger, options, _plan_of(ledger)) if can_follow else None
    return Counted(followed or _plan_of(ledger), followed is not None, ledger, followed=True)


def plan_at_hand(dataset_id: int, options: ExportOptions) -> ExportPlan:
    """The same with the first records and the size, for a dataset that is small; kept at hand until it changes."""
    dataset = datasets.get(dataset_id)
    # Each write to a dataset gives it another revision. Options may hold a list of ids: they are known by their words.
    now = dataset.revision, dataset.last_number, mark_beside(dataset_id, options)
    key = (str(db.engine.url), dataset.id, *now, repr(options))
    with _lock:
        plan = _planned.get(key)
    if plan is None:
        plan = plan_export(dataset_id, options)
        shown, size = measure_export(dataset_id, options, plan.records)
        plan = replace(plan, shown=shown, size=size, leaks=find_split_leaks(dataset_id, options))
        if 0 < plan.records <= PROVED_AT_ONCE and not plan.in_the_way:
            with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
                made = Path(folder) / ("file.zip" if options.bundle else "file")
                _, trip = prove_export(dataset_id, options, made)
            plan = replace(plan, round_trip=trip)
        with _lock:
            _planned[key] = plan
            while len(_planned) > _REMEMBERED:
                _planned.popitem(last=False)
    return plan


def find_ledger(dataset_id: int, options: ExportOptions) -> Ledger | None:
    """The newest count of this export, if there is one."""
    mine = Ledger.dataset_id == dataset_id, Ledger.key == key_of(options)
    query = select(Ledger).where(*mine).order_by(Ledger.id.desc()).limit(1)
    return db.session.execute(query.execution_options(populate_existing=True)).scalar_one_or_none()


def find_line(left_out: str) -> Line | None:
    """The line of a count that a filter ``N:CODE`` speaks of, with all its pairs; MOST_NAMED of them are named."""
    number, _, code = left_out.partition(":")
    ledger = db.session.get(Ledger, int(number)) if is_number(number) else None
    return next((one for one in _plan_of(ledger).lines if one.code == code), None) if ledger else None


def is_fresh(ledger: Ledger, options: ExportOptions) -> bool:
    """Whether nothing that counts was written since. What a snapshot holds never changes."""
    dataset = datasets.get(ledger.dataset_id)
    same = ledger.revision == dataset.revision and ledger.last_number == dataset.last_number
    return bool(same or options.snapshot) and ledger.summary.get("beside") == mark_beside(dataset.id, options)


def key_of(options: ExportOptions) -> str:
    """What tells one export from another. The name of its target, and what is allowed, change nothing in it."""
    return hashlib.sha256(
        json.dumps(encode(replace(options, target="", allow_leaks=False)), sort_keys=True).encode()
    ).hexdigest()


def mark_beside(dataset_id: int, options: ExportOptions) -> str:
    """A hash of what a count depends on beside the pairs: the prompt, the snapshot, what the last check found, and the
    last search for duplicates where leaks are told."""
    origin = find_origin(dataset_id, options)
    found: list[Any] = [origin.system_prompt, origin.snapshot and origin.snapshot.id]
    if options.bundle or options.filters.splits or options.filters.not_splits:
        scan = duplicates.latest_scan(dataset_id)
        found.append(scan and [scan.id, str(scan.checked_at), scan.last_set])
    if options.filters.findings or options.filters.not_findings:
        mine = Check.dataset_id == dataset_id, Check.state == "current"
        checks = select(Check.id, Check.revision, Check.last_set, Check.hidden).where(*mine)
        found += [list(one) for one in db.session.execute(checks)]
    return hashlib.sha256(msgspec.json.encode(found)).hexdigest()


def _plan_of(ledger: Ledger) -> ExportPlan:
    return msgspec.convert(ledger.summary["plan"], ExportPlan)


def count_and_keep(run: CountRun, watch: Watch) -> dict[str, object]:
    """Count an export, measure what it comes to, and keep both with the pairs that the count names."""
    dataset = datasets.get(run.dataset_id)
    last, hidden = read_mark(dataset.id)
    state = {"revision": dataset.revision, "last_number": dataset.last_number, "last_set": last, "hidden": hidden}
    statuses = list(find_origin(dataset.id, run.options).statuses)
    beside, total = mark_beside(dataset.id, run.options), dataset.entry_count
    watch.progress(0, total, "pairs counted")
    plan, names = count_ledger(run.dataset_id, run.options, naming=True)
    watch.progress(total, total, "pairs counted")
    with reading() as connection:
        now = select(Dataset.revision, Dataset.last_number).where(Dataset.id == run.dataset_id)
        # What was written meanwhile is in a part of the count only: nothing can be added to that.
        steady = tuple(connection.execute(now).one()) == (state["revision"], state["last_number"])
    shown, size = measure_export(run.dataset_id, run.options, plan.records)
    plan = replace(plan, shown=shown, size=size, leaks=find_split_leaks(run.dataset_id, run.options))
    with watch.publish() as publication:
        session = publication.session
        ledger = Ledger(dataset_id=run.dataset_id, key=key_of(run.options), job_id=watch.job_id, **state)
        ledger.summary = {"plan": msgspec.to_builtins(plan), "beside": beside, "statuses": statuses, "steady": steady}
        session.add(ledger)
        session.flush()
        rows = ({"ledger_id": ledger.id, "code": code, "entry_id": one} for code, ids in names.items() for one in ids)
        for part in chunks_of(rows, CHUNK):
            session.execute(insert(LedgerRow), part)
        said = f"{plural(plan.records, 'pair')} would be written."
        publication.result.update(
            {"ledger": ledger.id, "dataset_id": run.dataset_id, **plan.as_dict(), "summary": said}
        )
        result = dict(publication.result)
    sweep_ledgers()
    return result


def name_pairs(dataset_id: int, options: ExportOptions, count: Callable[[], Any]) -> Ledger | None:
    """The count of an export as it is now; ``count`` makes it where there is none of now. None while it is made."""
    ledger = find_ledger(dataset_id, options)
    if ledger is None or not is_fresh(ledger, options):
        count()
        ledger = find_ledger(dataset_id, options)
    return ledger if ledger is not None and is_fresh(ledger, options) else None


def last_targets(dataset: Dataset) -> list[str]:
    """The targets that were exported to last, the newest first."""
    kept: Any = (dataset.settings or {}).get(SETTING) or {}
    return [name for name in kept.get("last", []) if name in EXPORT_TARGETS]


def remember_target(dataset_id: int, options: ExportOptions) -> None:
    """Keep the target as the last one that was exported to, if it has a name."""
    last = last_targets(datasets.get(dataset_id))
    target = options.name
    if target in EXPORT_TARGETS and last[:1] != [target]:
        with transaction():
            dataset = datasets.get(dataset_id)
            kept = [target, *(name for name in last if name != target)][:REMEMBERED]
            dataset.settings = {**(dataset.settings or {}), SETTING: {"last": kept}}


def sweep_ledgers() -> int:
    """Remove counts that newer ones replaced, and the oldest of many. Returns how many."""
    place = func.row_number().over(partition_by=Ledger.dataset_id, order_by=Ledger.id.desc())
    again = func.row_number().over(partition_by=(Ledger.dataset_id, Ledger.key), order_by=Ledger.id.desc())
    ranked = select(Ledger.id, place.label("place"), again.label("again")).subquery()
    old = db.session.execute(select(ranked.c.id).where((ranked.c.place > KEPT) | (ranked.c.again > 1))).scalars().all()
    with Turns() as turns:
        for one in old:
            session = turns.begin()
            session.execute(delete(LedgerRow).where(LedgerRow.ledger_id == one))
            session.execute(delete(Ledger).where(Ledger.id == one))
            if turns.is_over:
                turns.pause()
    return len(old)
