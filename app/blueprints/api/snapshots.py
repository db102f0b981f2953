"""Snapshots over the API: frozen, listed, read, compared, brought back and deleted."""

from bisect import bisect_right
from typing import Literal

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.entries import entry_as_dict
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Strict, answers
from app.blueprints.api.writing import Answer, answer_job, idempotent
from app.core.errors import Conflict
from app.core.filters import Filters
from app.core.stored import as_entry
from app.models import Entry
from app.services import datasets, snapshots, tasks
from app.services.snapshots import CompareRun, CopyRun, FreezeRun, RestoreRun

bp = APIBlueprint(
    "api_snapshots",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/snapshots",
    abp_tags=[Tag(name="snapshots", description="Frozen versions of a dataset")],
)
_WHICH = "its name, its number (v6 or 6), or the beginning of its hash"


class SnapshotPath(DatasetPath):
    """Which snapshot of which dataset."""

    snapshot: str = Field(description=_WHICH)


class ListQuery(Strict):
    """Snapshots before this number, newest first."""

    before: int | None = None
    limit: int = Field(100, ge=1, le=1000)


class FreezeBody(model_of(Filters, leave_out=("ids", "answered"), lists=True)):  # type: ignore[misc]
    """What to call it and what to remember; filters freeze a part."""

    name: str = ""
    note: str = ""


class NameBody(Strict):
    """Another name or note; what is left out stays. An empty name takes it away."""

    name: str | None = None
    note: str | None = None


class EntriesQuery(Strict):
    """Pairs after this id."""

    after: int = 0
    limit: int = Field(100, ge=1, le=1000)


class DiffQuery(Strict):
    """Compared with which other snapshot, or with now; which pairs to list, after which id."""

    to: str = Field("now", description=f"now, or {_WHICH}")
    kind: Literal[snapshots.KINDS] = "changed"  # type: ignore[valid-type]
    after: int = 0
    limit: int = Field(100, ge=1, le=1000)


class DiffBody(Strict):
    """Compared with which other snapshot, or with now."""

    to: str = Field("now", description=f"now, or {_WHICH}")


class CopyBody(Strict):
    """The name of the new dataset; by default that of the old one with the version."""

    name: str = ""


class DeleteQuery(Strict):
    """Whether to delete it also where something was made of it."""

    anyway: bool = False


def _find(path: SnapshotPath) -> snapshots.Snapshot:
    datasets.get(path.dataset_id)
    return snapshots.find_snapshot(path.dataset_id, path.snapshot)


def _told(snapshot: snapshots.Snapshot) -> dict[str, object]:
    used = [{"kind": one.kind, "title": one.title} for one in snapshots.uses_of(snapshot.id)]
    return {**snapshots.as_dict(snapshot), "used_by": used}


@bp.get("")
def list_snapshots(path: DatasetPath, query: ListQuery) -> Answer:
    """The snapshots of a dataset, newest first. `next` is the number to continue before, or null."""
    datasets.get(path.dataset_id)
    found = snapshots.list_snapshots(path.dataset_id, before=query.before, size=query.limit + 1)
    shown = found[: query.limit]
    total = snapshots.count_snapshots(path.dataset_id)
    more = shown[-1].number if len(found) > query.limit else None
    return jsonify(snapshots=[_told(one) for one in shown], total=total, next=more)


@bp.post("", responses=answers(200, 202))
@idempotent
def freeze(path: DatasetPath, body: FreezeBody) -> Answer:
    """Freeze a dataset, or what filters find in it. 202 with a job for a large one."""
    datasets.get(path.dataset_id)
    run = FreezeRun(path.dataset_id, body.name, body.note, options_from(Filters, body))
    return answer_job(tasks.start(snapshots.FREEZE, run))


@bp.get("/<snapshot>")
def get_snapshot(path: SnapshotPath) -> Answer:
    """One snapshot, and what was made of it."""
    return jsonify(_told(_find(path)))


@bp.patch("/<snapshot>")
def name_snapshot(path: SnapshotPath, body: NameBody) -> Answer:
    """Give a snapshot another name or note. What it holds never changes."""
    return jsonify(_told(snapshots.name_snapshot(_find(path).id, name=body.name, note=body.note)))


@bp.delete("/<snapshot>")
def delete_snapshot(path: SnapshotPath, query: DeleteQuery) -> Answer:
    """Delete a snapshot for good; 409 where something was made of it, unless `anyway`."""
    found = _find(path)
    label = snapshots.label_of(found)
    snapshots.delete_snapshot(found.id, anyway=query.anyway)
    return jsonify(deleted=label)


@bp.get("/<snapshot>/entries")
def list_entries(path: SnapshotPath, query: EntriesQuery) -> Answer:
    """The pairs of a snapshot in the order of their ids. `next` is the id to continue after, or null."""
    found = _find(path)
    after, size = [Entry.id > query.after], query.limit + 1
    rows = next(snapshots.stream(found, where=after, size=size, limit=size), [])
    shown = [entry_as_dict(as_entry(row)) for row in rows[: query.limit]]
    more = shown[-1]["id"] if len(rows) > query.limit else None
    return jsonify(entries=shown, total=found.records, next=more)


@bp.get("/<snapshot>/diff")
def compare(path: SnapshotPath, query: DiffQuery) -> Answer:
    """Compare with another snapshot or with now. `next` is the id to continue after, or null.

    Where very much lies in between, the answer is 409: POST to the same address makes a job of it.
    """
    before, after = _find(path), snapshots.find_point(path.dataset_id, query.to)
    found = snapshots.recall_comparison(path.dataset_id, before, after, snapshots.MOST_AT_ONCE)
    if found is None:
        raise Conflict("Too many pairs lie in between to compare them at once. POST here for a job.", code="large")
    ids = found.ids[query.kind]
    place = bisect_right(ids, query.after)
    shown = ids[place : place + query.limit].tolist()
    more = shown[-1] if place + query.limit < len(ids) else None
    pairs = [snapshots.difference_dict(one) for one in snapshots.list_differences(found, shown)]
    return jsonify(**found.as_dict(), kind=query.kind, pairs=pairs, next=more)


@bp.post("/<snapshot>/diff", responses=answers(200, 202))
def compare_all(path: SnapshotPath, body: DiffBody) -> Answer:
    """Compare in a job, however much lies in between: the counts, and the first ids of each kind."""
    run = CompareRun.of(path.dataset_id, _find(path), snapshots.find_point(path.dataset_id, body.to))
    return answer_job(tasks.start(snapshots.COMPARE, run))


@bp.post("/<snapshot>/restore", responses=answers(200, 202))
@idempotent
def restore(path: SnapshotPath) -> Answer:
    """Bring the dataset back to a snapshot, as one step of its history. 202 with a job for a large dataset."""
    return answer_job(tasks.start(snapshots.RESTORE, RestoreRun(path.dataset_id, _find(path).number)))


@bp.post("/<snapshot>/copy", responses=answers(200, 202))
@idempotent
def copy(path: SnapshotPath, body: CopyBody) -> Answer:
    """Make a new dataset of what a snapshot holds. 202 with a job for a large one."""
    return answer_job(tasks.start(snapshots.COPY, CopyRun(path.dataset_id, _find(path).number, body.name)))
