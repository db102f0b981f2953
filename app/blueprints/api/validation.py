"""Validation over the API: what targets would refuse, drop or overlook in a dataset or in a file."""

from typing import Any, Literal

import msgspec
from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.files import receive, sent_fields
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Strict, answers
from app.blueprints.api.writing import Answer, answer_job, idempotent
from app.core.errors import NotFound
from app.core.reading import ReadSettings
from app.core.validation import ValidateOptions
from app.frontdoor import takes_uploads
from app.services import datasets, history, tasks, uploads, validation
from app.services.validation import CheckRun, Found, ValidationRun

bp = APIBlueprint(
    "api_validation", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="validation", description="Check for targets")]
)


class ValidateBody(model_of(ValidateOptions)):  # type: ignore[misc]
    """Whose rules, and how many findings to list."""


class ValidateQuery(model_of(ReadSettings), model_of(ValidateOptions)):  # type: ignore[misc]
    """Whose rules, and how to read the file."""

    name: str = Field("", description="the file's name; else the one that a form gives it")


@bp.post("/datasets/<int:dataset_id>/validate", responses=answers(200, 202))
def validate_dataset(path: DatasetPath, body: ValidateBody) -> Answer:
    """Check the pairs of a dataset as they would be exported. 202 with a job for a large one."""
    datasets.get(path.dataset_id)
    run = ValidationRun(path.dataset_id, options_from(ValidateOptions, body))
    return answer_job(tasks.start(validation.VALIDATE, run))


@bp.post("/validate")
@takes_uploads
def validate_file(query: ValidateQuery) -> Answer:
    """Check a file: multipart (field `file`, options as fields or in the query) or the raw body. It is not kept."""
    sent = ValidateQuery(**{**query.model_dump(), **sent_fields()})
    settings, options = options_from(ReadSettings, sent), options_from(ValidateOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        return jsonify(validation.validate_upload(kept, settings, options))
    finally:
        uploads.remove(kept.token)


class PairPath(DatasetPath):
    """Which pair of which dataset."""

    entry_id: int


class TrainedQuery(model_of(ValidateOptions, leave_out=("template", "trained", "limit"))):  # type: ignore[misc]
    """For which targets; the chat template is that of the dataset."""


class TemplateBody(Strict):
    """A chat template: chatml, a name of the list, or the folder of a model on this machine."""

    template: str


@bp.get("/datasets/<int:dataset_id>/entries/<int:entry_id>/trained")
def view_trained(path: PairPath, query: TrainedQuery) -> Answer:
    """What each target makes of a pair: its text with the places that are trained and those that are not cut."""
    options = options_from(ValidateOptions, query)
    return jsonify(validation.view_trained(path.dataset_id, path.entry_id, options))


@bp.put("/datasets/<int:dataset_id>/template")
def choose_template(path: DatasetPath, body: TemplateBody) -> Answer:
    """Choose the chat template by which conversations of a dataset are written and checked."""
    return jsonify(template=validation.choose_template(path.dataset_id, body.template))


@bp.get("/templates")
def list_templates() -> Answer:
    """The chat templates that need no folder, by name and title."""
    return jsonify(templates=[{"name": name, "title": title} for name, title in validation.list_templates().items()])


@bp.post("/validate/mended", responses=answers(201))
@takes_uploads
def mend_file(query: ValidateQuery) -> Answer:
    """Mend the rows of a file where that is safe: sent like a file to check, and not changed itself.

    Answers with what is wrong with the copy still, with what was mended, and an address to fetch the copy from.
    """
    sent = ValidateQuery(**{**query.model_dump(), **sent_fields()})
    settings, options = options_from(ReadSettings, sent), options_from(ValidateOptions, sent)
    kept = receive(sent.name, usual_name="upload")
    try:
        copy, report = validation.mend_and_check(kept, settings, options)
    finally:
        uploads.remove(kept.token)
    return jsonify({**report, "file": f"{PREFIX}/convert/{copy.token}"}), 201


class CheckBody(Strict):
    """For which targets; those that were chosen last where none is said. They stay chosen."""

    profile: str = Field("", description="one profile or several, with commas between them")


@bp.post("/datasets/<int:dataset_id>/check", responses=answers(200, 202))
def check_dataset(path: DatasetPath, body: CheckBody) -> Answer:
    """Check the pairs and keep what is found, for the overview and lists of pairs. 202 with a job for a large one."""
    chosen = validation.read_choices(datasets.get(path.dataset_id)).profiles
    names = [name.strip() for name in body.profile.split(",") if name.strip()] or chosen
    profile = validation.choose_targets(path.dataset_id, names)
    return answer_job(tasks.start(validation.CHECK, CheckRun(path.dataset_id, profile)))


@bp.get("/datasets/<int:dataset_id>/check")
def get_check(path: DatasetPath) -> Answer:
    """What the last check found: each rule and lint with its pairs and what puts it right, and what targets would do.

    `stats` says what the pairs are. `steps` changed up to `changed` pairs since. The findings themselves are listed
    under `findings`.
    """
    choices, seen = validation.read_choices(datasets.get(path.dataset_id)), validation.view_check(path.dataset_id)
    if seen is None:
        raise NotFound("There was no check yet. Check the pairs first.", code="no_check")
    every = [(one, None) for group in seen.groups.values() for one in group] + seen.waived
    return jsonify(
        check=seen.check.id,
        checked_at=seen.check.created_at.isoformat(),
        profile=seen.check.profile,
        to_fix=seen.to_fix,
        is_least=seen.is_least,
        records=seen.summary["records"],
        left_out=seen.summary["left_out"],
        steps=seen.steps,
        changed=seen.changed,
        profiles=seen.summary["profiles"],
        leaks=seen.summary["leaks"],
        stats=seen.summary.get("stats"),
        codes=[_code_as_dict(one, reason) for one, reason in every],
        off=list(choices.off),
        idle=dict(seen.idle),
    )


def _code_as_dict(found: Found, waived: str | None) -> dict[str, Any]:
    fix = validation.fix_of(found)
    kept = ("code", "title", "why", "severity", "pairs", "said", "targets", "all_listed")
    said = {"action": fix.action, "pairs": fix.pairs, "step": fix.step and fix.step.as_dict()} if fix else None
    return {**{name: getattr(found, name) for name in kept}, "waived": waived, "fix": said}


class FindingsQuery(Strict):
    """Which findings, and where to continue."""

    code: str = ""
    severity: str = ""
    profile: str = ""
    cursor: str = ""
    limit: int = Field(100, ge=1, le=1000)


@bp.get("/datasets/<int:dataset_id>/findings")
def list_findings(path: DatasetPath, query: FindingsQuery) -> Answer:
    """List what the last check found in pairs, up to 5,000 for each rule and target. `next` is the next cursor."""
    datasets.get(path.dataset_id)
    said = {"code": query.code, "severity": query.severity, "profile": query.profile}
    rows, following = validation.list_findings(path.dataset_id, **said, cursor=query.cursor, size=query.limit)
    kept = ("code", "severity", "message", "path", "fix", "profile")
    found = [{"entry": row.entry_id, **{name: getattr(row, name) for name in kept}} for row in rows]
    return jsonify(findings=found, next=following)


class FindingPath(DatasetPath):
    """Which rule or lint of which dataset."""

    code: str


@bp.post("/datasets/<int:dataset_id>/findings/<code>/fix")
@idempotent
def fix_finding(path: FindingPath) -> Answer:
    """Put a finding right in all pairs that are listed for it, as one step of the history."""
    datasets.get(path.dataset_id)
    return jsonify(history.applied_dict(validation.fix_finding(path.dataset_id, path.code)))


class FixBody(Strict):
    """Which findings, all that are safe where none is said; and whether only to say what would change."""

    codes: list[str] | None = None
    dry_run: bool = False


@bp.post("/datasets/<int:dataset_id>/findings/fix")
@idempotent
def fix_all(path: DatasetPath, body: FixBody) -> Answer:
    """Put all safe findings right in the pairs that are listed for them, as one step of the history.

    `fixes` says how many pairs change by each; with `dry_run` nothing is changed.
    """
    datasets.get(path.dataset_id)
    return jsonify(validation.fix_and_tell(path.dataset_id, body.codes, dry_run=body.dry_run))


class AsideBody(Strict):
    """Waive a finding with a reason, switch a lint off, or take either back."""

    action: Literal["waive", "off", "back"]
    reason: str = ""


@bp.post("/datasets/<int:dataset_id>/findings/<code>/aside")
def set_aside(path: FindingPath, body: AsideBody) -> Answer:
    """Set a finding aside, or let it count again. Answers with all that is set aside."""
    if body.action == "waive":
        validation.waive_finding(path.dataset_id, path.code, body.reason)
    elif body.action == "off":
        validation.switch_off(path.dataset_id, path.code)
    else:
        validation.take_back(path.dataset_id, path.code)
    choices = validation.read_choices(datasets.get(path.dataset_id))
    return jsonify(waived=dict(choices.waived), off=list(choices.off))


@bp.get("/profiles")
def list_profiles() -> Answer:
    """Every profile, with its rules, limits, sources and date."""
    return jsonify(profiles=[msgspec.to_builtins(one) for one in validation.known_profiles().values()])
