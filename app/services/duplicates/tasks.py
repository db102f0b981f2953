"""Searching for duplicates, settling them and looking again, as tasks: small datasets at once, large ones queued."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Conflict
from app.core.text import plural
from app.models import DuplicateScan, db
from app.services import datasets
from app.services.duplicates.bulk import preview_settling, settle_all
from app.services.duplicates.groups import latest_scan
from app.services.duplicates.options import ScanOptions
from app.services.duplicates.recheck import NO_SCAN, recheck_changed
from app.services.duplicates.scan import report_scan, scan_dataset
from app.services.duplicates.since import count_changed
from app.services.duplicates.store import sweep_scans
from app.services.jobs import Watch
from app.services.tasks import Task, TaskLimits, declare

# Up to this many pairs are searched, or go, in the request itself; up to so many changed ones are looked at again.
AT_ONCE, RECHECKED_AT_ONCE = 5_000, 200
# A million questions take a gigabyte, with their answers two.
LIMITS = TaskLimits(memory_mb=2_600, cpu_seconds=7200, stall_seconds=900)
RUN_PAGE = ("duplicates.run", ("dataset_id", "job_id"))


@dataclass(frozen=True, slots=True)
class ScanRun:
    """Which dataset to search, and how."""

    dataset_id: int
    options: ScanOptions = field(default_factory=ScanOptions)


@dataclass(frozen=True, slots=True)
class SettleRun:
    """Which scan's safe groups to settle, and by which rule; how many groups and pairs that was when it was asked."""

    dataset_id: int
    scan_id: int
    level: int
    rule: str
    groups: int = 0
    pairs: int = 0

    @classmethod
    def of_scan(cls, scan: DuplicateScan, level: int, rule: str) -> "SettleRun":
        """What there is to settle now. Raises Invalid where there is no such rule."""
        seen = preview_settling(scan, level, rule)
        return cls(scan.dataset_id, scan.id, level, rule, seen.groups, seen.pairs)


@dataclass(frozen=True, slots=True)
class RecheckRun:
    """Which dataset to look at again."""

    dataset_id: int


def _is_small_scan(run: ScanRun) -> bool:
    """A file is read by a worker, whose process a hostile one may end."""
    others = datasets.get(run.options.dataset).entry_count if run.options.dataset is not None else 0
    return run.options.file is None and datasets.get(run.dataset_id).entry_count + others <= AT_ONCE


def _upgrade_scan(arguments: Mapping[str, Any]) -> Mapping[str, Any]:
    """Older versions queued a wish, which names what to compare with by its kind and value."""
    if "wish" not in arguments:
        return arguments
    wish = arguments["wish"]
    kind, value = wish.get("other") or ("own", None)
    other = {} if kind == "own" else {kind: list(value or ()) if kind == "splits" else value}
    options = {"side": wish["side"], "semantic": bool(wish.get("semantic")), **other}
    return {"dataset_id": arguments["dataset_id"], "options": options}


def _scan(run: ScanRun, watch: Watch) -> Mapping[str, object]:
    return report_scan(scan_dataset(run.dataset_id, run.options, watch))


def _settle(run: SettleRun, watch: Watch) -> Mapping[str, object]:
    scan = db.session.get(DuplicateScan, run.scan_id)
    if scan is None or scan.state != "current":
        raise Conflict("A newer scan has replaced this one. Settle the groups of that.", code="replaced")
    return settle_all(scan, run.level, run.rule, watch).as_dict()


def _recheck(run: RecheckRun, watch: Watch) -> Mapping[str, object]:
    return recheck_changed(run.dataset_id, watch).as_dict()


def _require_scan(run: RecheckRun) -> DuplicateScan:
    scan = latest_scan(run.dataset_id)
    if scan is None:
        raise Conflict(NO_SCAN, code="no_scan")
    return scan


SCAN = declare(
    Task(
        "duplicates",
        ScanRun,
        _scan,
        lambda run: run.options.title,
        RUN_PAGE,
        small=_is_small_scan,
        limits=LIMITS,
        check=lambda run: run.options.check(run.dataset_id),
        alike=("dataset_id",),
        upgrade=_upgrade_scan,
        sweep=sweep_scans,
    )
)
SETTLE = declare(
    Task(
        "duplicates-settle",
        SettleRun,
        _settle,
        lambda run: f"Settle {plural(run.groups, 'group')} of copies",
        RUN_PAGE,
        small=lambda run: run.pairs <= AT_ONCE,
        limits=TaskLimits(memory_mb=1024, cpu_seconds=3600, stall_seconds=600),
        in_one_write=True,
    )
)
RECHECK = declare(
    Task(
        "duplicates-recheck",
        RecheckRun,
        _recheck,
        lambda run: "Look again at what changed since the scan",
        RUN_PAGE,
        small=lambda run: count_changed(_require_scan(run)) <= RECHECKED_AT_ONCE,
        limits=LIMITS,
        check=_require_scan,
        alike=("dataset_id",),
    )
)
