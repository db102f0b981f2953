"""Applying changes: each is written only where the entry still holds what the change started from."""

from collections.abc import Callable, Iterable

from sqlalchemy import bindparam, insert, select, update
from sqlalchemy.orm import Session

from app.core.changes import FIELDS, Change, Value, chunks_of, deletion_of
from app.core.errors import Invalid
from app.core.text import plural
from app.models import ChangeRow, ChangeSet, Dataset, Entry, transaction
from app.services import counts, search
from app.services.history.hashes import rehash_step
from app.services.history.keeping import keep_entries
from app.services.history.steps import (
    ACTOR,
    HASHED,
    REHASH_AT_ONCE,
    Applied,
    as_step,
    column_of,
    drop_set,
    new_set,
    open_dataset,
    time_of_write,
    touch_dataset,
    word_for,
)

CHUNK = 400


def apply(
    dataset_id: int,
    changes: Iterable[Change],
    *,
    summary: str | Callable[[int], str],
    kind: str,
    actor: str = ACTOR,
    anyway: bool = False,
    undo_of: int | None = None,
) -> Applied:
    """Write changes as one step. An entry whose field no longer holds the change's ``before`` is skipped and listed.

    With ``anyway`` such entries are overwritten too. No step is made where nothing changes.
    """
    with transaction() as session:
        dataset = open_dataset(session, dataset_id)
        change_set = new_set(session, dataset, kind=kind, summary="", actor=actor, state="applied")
        change_set.undo_of = undo_of
        result = write_changes(session, dataset, change_set, changes, anyway=anyway)
        if not result.changed:
            drop_set(session, dataset, change_set)
            return result
        change_set.summary = summary(result.changed) if callable(summary) else summary
        touch_dataset(dataset)
        result.step = as_step(change_set)
        return result


def write_changes(
    session: Session, dataset: Dataset, change_set: ChangeSet, changes: Iterable[Change], *, anyway: bool = False
) -> Applied:
    """Write changes under a change set, and keep the counts and hashes of the dataset true."""
    result = Applied()
    delta: dict[str, int] = {}
    for chunk in chunks_of(changes, CHUNK):
        _apply_chunk(session, change_set, chunk, result, delta, anyway)
    change_set.changed += result.changed
    counts.add_counts(session, dataset, delta)
    if 0 < result.changed <= REHASH_AT_ONCE:
        rehash_step(session, change_set.id)
    return result


def _apply_chunk(
    session: Session,
    change_set: ChangeSet,
    chunk: list[Change],
    result: Applied,
    delta: dict[str, int],
    anyway: bool,
) -> None:
    current = _current_values(session, change_set.dataset_id, chunk)
    log: list[dict[str, object]] = []
    updates: dict[tuple[str, ...], list[dict[str, object]]] = {}
    written: list[int] = []
    deleted: list[int] = []
    for change in chunk:
        values = current.get(change.entry_id)
        reason = _obstacle_of(values, change, anyway)
        if values is None or reason:
            result.skip(change.entry_id, reason)
            continue
        fields = {name: (values[name], after) for name, (_, after) in change.fields.items() if values[name] != after}
        if not fields:
            continue
        result.changed += 1
        row: dict[str, object] = {"entry": change.entry_id}
        mine = {"change_set_id": change_set.id, "entry_id": change.entry_id}
        _count_live(values, delta, -1)
        for name, (old, new) in fields.items():
            log.append({**mine, "field": name, "before": old, "after": new})
            row["new_" + name] = new if name != "live" else (None if new == "1" else change_set.id)
            values[name] = new
        _count_live(values, delta, 1)
        if fields.get("live", ("", ""))[1] == "0":
            deleted.append(change.entry_id)
        elif not search.LOOKED_AT.isdisjoint(fields):
            written.append(change.entry_id)
        updates.setdefault(tuple(fields), []).append(row)
    if log:
        keep_entries(
            session, change_set.dataset_id, Entry.id.in_([row["entry"] for rows in updates.values() for row in rows])
        )
        session.connection().execute(insert(ChangeRow.__table__), log)  # type: ignore[arg-type]
    moment = time_of_write(session.get_one(Dataset, change_set.dataset_id))
    for names, rows in updates.items():
        columns: dict[str, object] = {column_of(name): bindparam("new_" + name) for name in names}
        if HASHED & set(names):
            columns["content_hash"] = None
        statement = update(Entry).where(Entry.id == bindparam("entry"))
        statement = statement.values(**columns, version=Entry.version + 1, updated_at=moment)
        session.connection().execute(statement.execution_options(synchronize_session=None), rows)
    if written or deleted:
        search.mark_entries(session, change_set.dataset_id, written=written, deleted=deleted)


def _count_live(values: dict[str, Value], delta: dict[str, int], number: int) -> None:
    if values["live"] == "1":
        delta[str(values["status"])] = delta.get(str(values["status"]), 0) + number


def _current_values(session: Session, dataset_id: int, chunk: list[Change]) -> dict[int, dict[str, Value]]:
    """The present values of the fields that the chunk touches, with status and being live, by entry id."""
    if unknown := {name for change in chunk for name in change.fields} - set(FIELDS):
        raise Invalid(f"An entry has no field {sorted(unknown)[0]!r}.")
    names = tuple({"status", *(name for change in chunk for name in change.fields)} - {"live"})
    columns = [getattr(Entry, name) for name in names]
    ids = [change.entry_id for change in chunk]
    rows = session.execute(
        select(Entry.id, Entry.deleted_in, *columns).where(Entry.dataset_id == dataset_id, Entry.id.in_(ids))
    )
    return {row[0]: {**dict(zip(names, row[2:], strict=True)), "live": "1" if row[1] is None else "0"} for row in rows}


def _obstacle_of(values: dict[str, Value] | None, change: Change, anyway: bool) -> str:
    if values is None:
        return "There is no such pair."
    if values["live"] == "0" and "live" not in change.fields:
        return "The pair was deleted."
    if anyway:
        return ""
    stale = [name for name, (before, _) in change.fields.items() if values[name] != before]
    return f"The {word_for(stale[0])} was changed since." if stale else ""


def delete(dataset_id: int, entry_ids: Iterable[int], *, actor: str = ACTOR) -> Applied:
    """Delete entries; they keep their rows and ids, and undo brings them back."""
    return apply(
        dataset_id,
        (deletion_of(entry_id) for entry_id in entry_ids),
        summary=lambda number: f"Delete {plural(number, 'pair')}",
        kind="delete",
        actor=actor,
    )
