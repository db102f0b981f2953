"""Duplicates over the API: search, look at groups level by level, decide, settle what is safe in bulk."""

from dataclasses import replace
from typing import Literal

from flask import Response, jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive
from app.blueprints.api.groups import group_dict, listed_dict, match_dict
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Ids, Picks, Strict, Texts, Versions, answers
from app.blueprints.api.writing import Answer, answer_job, idempotent
from app.core.duplicates import DEFAULT_LEVEL, EXACT, FLOOR
from app.core.errors import NotFound
from app.frontdoor import takes_uploads
from app.models import DuplicateScan
from app.services import datasets, duplicates, history, tasks
from app.services.duplicates import Filter, RecheckRun, ScanOptions, ScanRun, SettleRun
from app.services.history import Applied

bp = APIBlueprint(
    "api_duplicates",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/duplicates",
    abp_tags=[Tag(name="duplicates", description="Find pairs that say the same, or contradict each other")],
)


class GroupPath(DatasetPath):
    """Which group of which dataset."""

    group_id: int


class ScanBody(model_of(ScanOptions, leave_out=("file",), lists=True)):  # type: ignore[misc]
    """What to compare, and with what: the dataset itself, or one of the others."""


class AgainstQuery(model_of(ScanOptions, leave_out=("dataset", "file", "splits"))):  # type: ignore[misc]
    """What to compare with the rows of the file."""

    name: str | None = Field(None, description="the file's name; else the one that a form gives it")


class ListQuery(Strict):
    """Which groups, and where to continue."""

    scope: str = Field("own", description="which scan: own, dataset, file or splits")
    what: str = Field("copies", description="copies, conflicts, variants, families, dismissed or settled")
    level: int = Field(DEFAULT_LEVEL, ge=FLOOR, le=EXACT, description="80 to 100, 101 (one normal form) or 102 (equal)")
    splits_only: bool = False
    order: Literal[duplicates.ORDERS] = "size"  # type: ignore[valid-type]
    cursor: str = ""
    limit: int = Field(50, ge=1, le=500)


class GroupQuery(Strict):
    """What to compare the members with: the pair that is kept, or the one that a rule suggests."""

    keep: int | None = None
    rule: str = "approved"


class HintQuery(Strict):
    """A question that is being written; ``entry`` is the pair that is being edited."""

    q: str = Field("", max_length=20_000)
    entry: int | None = None
    limit: int = Field(5, ge=1, le=50)


class Decision(Strict):
    """The versions of the pairs as they were shown: a pair that was edited since is refused with 409."""

    versions: Versions = Field(description="version of each pair of the group, by id")


class KeepBody(Decision):
    """Which pair stays; without one the other side of the scan does. The others go, or those in ``remove``."""

    keep: int | None = None
    remove: Ids | None = None
    unite: bool = Field(True, description="give the kept pair the tags and sources of the others")


class MergeBody(Decision):
    """Which pair stays, and from which pairs its question, answer and system prompt are taken."""

    keep: int
    picks: Picks = {}
    tags: Texts | None = None
    remove: Ids | None = None


class PreferBody(Decision):
    """Which answer is right, and which pairs hold the worse ones."""

    chosen: int
    rejected: Ids


class SettleBody(Strict):
    """How to settle all safe groups; ``dry_run`` counts only."""

    scope: str = "own"
    level: int = Field(DEFAULT_LEVEL, ge=FLOOR, le=EXACT)
    rule: str = Field("approved", description=", ".join(duplicates.RULES))
    dry_run: bool = False


@bp.post("", responses=answers(200, 202))
@idempotent
def scan(path: DatasetPath, body: ScanBody) -> Answer:
    """Search for duplicates. 200 with the counts, or 202 with a job for a large dataset."""
    return answer_job(tasks.start(duplicates.SCAN, ScanRun(path.dataset_id, options_from(ScanOptions, body))))


@bp.post("/against", responses=answers(200, 202))
@takes_uploads
def against(path: DatasetPath, query: AgainstQuery) -> Answer:
    """Search a file for pairs of the dataset: send it as multipart (field `file`) or as the raw body."""
    datasets.get(path.dataset_id)
    upload = receive(query.name, usual_name="file")
    options = replace(options_from(ScanOptions, query), file=upload.token)
    return answer_job(tasks.start(duplicates.SCAN, ScanRun(path.dataset_id, options)))


@bp.get("")
def listed(path: DatasetPath, query: ListQuery) -> Answer:
    """One page of groups, with the totals of all lists and the number of groups at every level."""
    found = _require_scan(path.dataset_id, query.scope)
    filters = Filter(query.what, query.level, query.splits_only)
    page = duplicates.list_groups(found, filters, cursor=query.cursor, size=query.limit, order=query.order)
    stops = duplicates.count_by_level(found, query.what) if query.what not in ("dismissed", "settled") else []
    return jsonify(
        scan=duplicates.report_scan(found),
        changed_since=duplicates.count_changed(found),
        totals=duplicates.count_by_tab(found, query.level),
        stops=[{"level": level, "groups": number} for level, number in stops],
        groups=[listed_dict(one, page.sizes[one.id]) for one in page.groups],
        previous=page.previous,
        next=page.next,
    )


@bp.get("/hint")
def hint(path: DatasetPath, query: HintQuery) -> Answer:
    """Pairs that ask nearly what is being written."""
    datasets.get(path.dataset_id)
    hints = duplicates.find_hints(path.dataset_id, query.q, query.entry, size=query.limit)
    return jsonify(hints=[{"entry": one.entry_id, "question": one.question, **match_dict(one.match)} for one in hints])


@bp.post("/settle", responses=answers(200, 202))
@idempotent
def settle(path: DatasetPath, body: SettleBody) -> Answer:
    """Keep one pair of every safe group, as one step. 202 with a job where many pairs go."""
    found = _require_scan(path.dataset_id, body.scope)
    if body.dry_run:
        preview = duplicates.preview_settling(found, body.level, body.rule)
        return jsonify(groups=preview.groups, pairs=preview.pairs, stay=preview.stay, sentence=preview.sentence)
    return answer_job(tasks.start(duplicates.SETTLE, SettleRun.of_scan(found, body.level, body.rule)))


@bp.post("/recheck", responses=answers(200, 202))
def recheck(path: DatasetPath) -> Answer:
    """Look again at the pairs that changed since the scan. 202 with a job where there are many."""
    datasets.get(path.dataset_id)
    return answer_job(tasks.start(duplicates.RECHECK, RecheckRun(path.dataset_id)))


@bp.get("/<int:group_id>")
def group(path: GroupPath, query: GroupQuery) -> Answer:
    """One group: its members beside the pair that is suggested to be kept."""
    found, _ = duplicates.get_group(path.dataset_id, path.group_id)
    return jsonify(group_dict(duplicates.view_group(found, path.group_id, keep=query.keep, rule=query.rule)))


@bp.post("/<int:group_id>/keep")
def keep(path: GroupPath, body: KeepBody) -> Answer:
    """Keep one pair and delete the others, as one step."""
    return _answer_applied(
        duplicates.keep_pair(
            path.dataset_id, path.group_id, body.keep, unite=body.unite, remove=body.remove, versions=body.versions
        )
    )


@bp.post("/<int:group_id>/merge")
def merge(path: GroupPath, body: MergeBody) -> Answer:
    """Write the best parts of several pairs into one and delete the others, as one step."""
    return _answer_applied(
        duplicates.merge_pairs(
            path.dataset_id,
            path.group_id,
            body.keep,
            body.picks,
            body.tags,
            remove=body.remove,
            versions=body.versions,
        )
    )


@bp.post("/<int:group_id>/prefer")
@idempotent
def prefer(path: GroupPath, body: PreferBody) -> Answer:
    """Make preference pairs of a conflict: the right answer against the worse ones, as one step."""
    return _answer_applied(
        duplicates.prefer_answer(path.dataset_id, path.group_id, body.chosen, body.rejected, versions=body.versions)
    )


@bp.post("/<int:group_id>/dismiss")
def dismiss(path: GroupPath) -> Answer:
    """Say that the members are no duplicates, for this scan and all later ones."""
    done = duplicates.dismiss_group(path.dataset_id, path.group_id)
    return jsonify(group=done.group_id, pairs=done.pairs)


@bp.post("/<int:group_id>/undismiss")
def undismiss(path: GroupPath) -> Answer:
    """Take that back."""
    done = duplicates.undismiss_group(path.dataset_id, path.group_id)
    return jsonify(group=done.group_id, pairs=done.pairs)


def _require_scan(dataset_id: int, scope: str) -> DuplicateScan:
    datasets.get(dataset_id)
    found = duplicates.latest_scan(dataset_id, scope)
    if found is None:
        raise NotFound("This dataset was not searched yet. Search it first.", code="no_scan")
    return found


def _answer_applied(done: Applied) -> Response:
    return jsonify(history.applied_dict(done))
