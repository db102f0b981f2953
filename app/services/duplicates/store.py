"""Keeping what a scan found: plain rows in chunks, hidden until one row publishes them, and removed the same way."""

import json
import shutil
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from flask import current_app
from sqlalchemy import delete, func, select, text
from sqlalchemy.orm import Session

from app import config
from app.core.changes import chunks_of
from app.core.duplicates import EXACT, FLOOR, Family, Group
from app.core.errors import Conflict
from app.models import DuplicateGroup, DuplicateMember, DuplicatePair, DuplicateScan, Turns, db, transaction
from app.services import jobs

CHUNK = 5_000
LOST = "This scan was started again elsewhere. Nothing of this run is kept."
_GROUPS = ("id", "scan_id", "what", "kind", "lowest", "highest", "size", "score", "differs", "frame", "title", "state")
_MEMBERS = ("group_id", "position", "entry_id", "other")
_PAIRS = ("scan_id", "left_id", "right_id", "level", "score", "differs", "answer_level", "answer_differs")


@dataclass(frozen=True, slots=True)
class NewGroup:
    """A group to be kept: its values, and its members as (entry id, JSON of a record of the other side)."""

    values: tuple[object, ...]
    members: Sequence[tuple[int | None, str | None]]


def new_group(
    what: str,
    group: Group | Family,
    members: Sequence[tuple[int | None, str | None]],
    *,
    title: str,
    state: str = "open",
) -> NewGroup:
    """A group as it is kept. A family is there at every level."""
    if isinstance(group, Family):
        values: tuple[object, ...] = ("family", FLOOR, EXACT, len(members), 0.0, "[]", group.frame)
    else:
        differs = json.dumps(list(group.differs))
        score = float(group.score)
        values = (group.kind, group.lowest, group.highest, len(members), score, differs, None)
    return NewGroup((what, *values, title, state), members)


def index_folder(scan_id: int) -> Path:
    """Where the word index of a scan lies."""
    return index_root() / str(scan_id)


def index_root() -> Path:
    """Where the word indexes of all scans lie."""
    path = config.data_dir(current_app.config) / "duplicates"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def add_groups(session: Session, scan_id: int, groups: Sequence[NewGroup]) -> None:
    """Insert groups with their members. No id is ever given twice: an open page must not settle another group."""
    ids: Sequence[int]
    if session.connection().dialect.name == "sqlite":
        # Nobody else inserts while the write lock is held, and explicit ids move this counter on.
        query = text("SELECT seq FROM sqlite_sequence WHERE name = 'duplicate_groups'")
        last = session.execute(query).scalar() or 0
        ids = range(last + 1, last + 1 + len(groups))
    else:
        query = text(
            "SELECT nextval(pg_get_serial_sequence('duplicate_groups', 'id')) FROM generate_series(1, :number)"
        )
        ids = list(session.execute(query, {"number": len(groups)}).scalars())
    rows = [(group_id, scan_id, *group.values) for group_id, group in zip(ids, groups, strict=True)]
    _insert_rows(session, "duplicate_groups", _GROUPS, rows)
    members = (
        (group_id, place, entry_id, other)
        for group_id, group in zip(ids, groups, strict=True)
        for place, (entry_id, other) in enumerate(group.members)
    )
    for part in chunks_of(members, CHUNK):
        _insert_rows(session, "duplicate_members", _MEMBERS, part)


def add_pairs(session: Session, scan_id: int, pairs: Sequence[tuple[object, ...]]) -> None:
    """Insert pairs: left and right node, level, score, differs, answer level and answer differs."""
    _insert_rows(session, "duplicate_pairs", _PAIRS, [(scan_id, *pair) for pair in pairs])


def _insert_rows(session: Session, table: str, columns: Sequence[str], rows: Sequence[tuple[object, ...]]) -> None:
    if not rows:
        return
    mark = "?" if session.connection().dialect.paramstyle == "qmark" else "%s"
    names, marks = ", ".join(columns), ", ".join([mark] * len(columns))
    session.connection().exec_driver_sql(f"INSERT INTO {table} ({names}) VALUES ({marks})", list(rows))


def require_staging(session: Session, scan_id: int) -> DuplicateScan:
    """The scan while it is being stored. Raises Conflict where a sweep or another run took it away."""
    scan = session.get(DuplicateScan, scan_id, populate_existing=True)
    if scan is None or scan.state != "staging":
        raise Conflict(LOST)
    return scan


def discard_scan(scan_id: int) -> None:
    """Remove a scan with all that it found, in chunks."""
    with Turns() as turns:
        while _discard_some(turns.begin(), scan_id):
            if turns.is_over:
                turns.pause()
    shutil.rmtree(index_folder(scan_id), ignore_errors=True)


def _discard_some(session: Session, scan_id: int) -> bool:
    """Remove some rows of a scan, at last the scan itself. Returns whether there may be more."""
    mine = select(DuplicateGroup.id).where(DuplicateGroup.scan_id == scan_id).order_by(DuplicateGroup.id)
    part = list(session.execute(mine.limit(CHUNK)).scalars())
    if part:
        remove_groups(session, part)
        return True
    own = DuplicatePair.scan_id == scan_id
    border = session.execute(select(DuplicatePair.left_id).where(own).order_by(DuplicatePair.left_id).limit(CHUNK))
    lefts = list(border.scalars())
    if lefts:
        session.execute(delete(DuplicatePair).where(own, DuplicatePair.left_id <= lefts[-1]))
        return True
    session.execute(delete(DuplicateScan).where(DuplicateScan.id == scan_id))
    return False


def remove_groups(session: Session, ids: Iterable[int]) -> None:
    """Remove groups with their members."""
    for part in chunks_of(ids, 500):
        session.execute(delete(DuplicateMember).where(DuplicateMember.group_id.in_(part)))
        session.execute(delete(DuplicateGroup).where(DuplicateGroup.id.in_(part)))


def sweep_scans() -> int:
    """Remove what killed scans left and what newer scans replaced. Returns how many scans."""
    active = jobs.active_ids()
    query = select(DuplicateScan.id, DuplicateScan.job_id).where(DuplicateScan.state != "current")
    left = [row.id for row in db.session.execute(query) if row.job_id not in active]
    for scan_id in left:
        discard_scan(scan_id)
    with transaction() as session:
        known = set(session.execute(select(DuplicateScan.id)).scalars())
        newest = session.execute(select(func.max(DuplicateScan.id))).scalar() or 0
    for path in index_root().iterdir():
        # A folder beyond the newest scan belongs to one that is beginning.
        if path.name.isdigit() and int(path.name) <= newest and int(path.name) not in known:
            shutil.rmtree(path, ignore_errors=True)
    return len(left)


def replace_current(session: Session, scan: DuplicateScan) -> None:
    """Show a scan in place of the one before it."""
    same = [DuplicateScan.dataset_id == scan.dataset_id, DuplicateScan.kind == scan.kind]
    earlier = select(DuplicateScan).where(*same, DuplicateScan.state == "current")
    for replaced in session.execute(earlier).scalars():
        replaced.state = "old"
    scan.state = "current"
