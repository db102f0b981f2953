"""What is trained of a pair: as a target reads it, by the chat template that was chosen for the dataset."""

from collections.abc import Mapping
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from itsdangerous import BadSignature, URLSafeSerializer

from app.blueprints.errors import Problem, shown_on
from app.blueprints.view import back_or, sent_text, tell
from app.core.errors import BadUsage, Invalid, NotFound, TooLarge
from app.core.filters import Filters
from app.core.options import command_line, command_words
from app.core.validation import SEVERITIES, ValidateOptions
from app.core.validation.training import TRAINS, split_trained
from app.forms.arguments import read_choice, read_whole, require_names
from app.forms.options import read_form
from app.services import datasets, entries, validation

bp = Blueprint("trained", __name__, url_prefix="/datasets/<int:dataset_id>/trained")

ARGUMENTS = ("pair", "finding", "profile", "model", "length", "trains")


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """One pair as a target reads it, with the pairs before and after it in the list; without one the first."""
    require_names(request.args, *ARGUMENTS)
    return _render(dataset_id)


def _render(dataset_id: int, refused: str = "") -> str:
    dataset, args = datasets.get(dataset_id), request.args
    choices, profiles = validation.read_choices(dataset), validation.known_profiles()
    targets = {name: one for name, one in profiles.items() if one.layout}
    usual = next((name for name in choices.profiles if name in targets), next(iter(targets)))
    profile = read_choice(args, "profile", targets, usual)
    read_choice(args, "trains", TRAINS, "")
    options = read_form(
        ValidateOptions,
        {**args.to_dict(), "profile": profile},
        asked=False,
        only=("profile", "model", "length", "trains"),
    )
    filters = Filters(findings=tuple(filter(None, [args.get("finding", "")])))
    first = entries.list_page(dataset_id, filters, size=1).entries
    wanted = read_whole(args, "pair", first[0].id if first else None)
    entry = entries.get(dataset_id, wanted) if wanted is not None else None
    previous, following = entries.neighbours_of(dataset_id, filters, entry.id) if entry else (None, None)
    report: dict[str, Any] | None = None
    try:
        report = validation.view_trained(dataset_id, entry.id, options) if entry else None
    except (Invalid, NotFound, TooLarge) as error:
        refused = refused or error.message
    command = command_words(options, leave_out=("trained",))
    command += ["--template", choices.template] if choices.template else []
    return render_template(
        "trained/index.html",
        dataset=dataset,
        entry=entry,
        previous=previous,
        following=following,
        address=lambda pair: url_for("trained.index", dataset_id=dataset_id, **{**args.to_dict(), "pair": pair}),
        options=options,
        targets=targets,
        trains=TRAINS,
        # What was refused stays in its field, to be mended.
        chosen=sent_text("template") or choices.template,
        templates=validation.list_templates(),
        refused=refused,
        finding=args.get("finding", ""),
        command=command_line("validate", "--dataset", dataset.name, "--trained", *command),
        **({"seen": look_at(report, profile), "profile": targets[profile], "severities": SEVERITIES} if report else {}),
    )


@bp.post("")
def choose(dataset_id: int) -> ResponseReturnValue:
    """Choose the chat template of the dataset: a name, or the folder of a model on this machine."""
    chosen = validation.choose_template(dataset_id, request.form.get("template", ""))
    tell(f"Conversations are written by {chosen or 'plain ChatML'}.")
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


@shown_on("trained.choose")
def choose_refused(problem: Problem) -> ResponseReturnValue:
    """The page that it was chosen on, which says why it is not taken."""
    return _render((request.view_args or {})["dataset_id"], refused=problem.message), problem.status


def look_at(report: Mapping[str, Any], profile: str) -> dict[str, Any]:
    """What a page shows of the result for one record: its fate in a word, why, and each text in parts."""
    fates, findings = report["profiles"][profile], report["findings"]
    graver = [one for one in findings if one["profile"] == profile]
    if not fates["kept"] + fates["dropped"]:
        fate = "left out"
    elif fates["kept"]:
        fate = "cut" if fates["cut"] else "kept"
    else:
        fate = "refused" if fates["rejected"] else "dropped"
    shown = [
        {**one, "parts": split_trained(one["text"], one["spans"], one["left"])}
        for one in report.get("trained", ())
        if one["profile"] == profile
    ]
    return {"fate": fate, "findings": graver, "trained": shown, "fates": fates, "tokens": fates["tokens"]}


def _sealer() -> URLSafeSerializer:
    return URLSafeSerializer(current_app.config["SECRET_KEY"], salt="chat-template")


def seal_template(said: str) -> str:
    """The name of a template for an address: that of a folder so that only this server can have written it."""
    return str(_sealer().dumps(said)) if validation.is_folder(said) else said


def unseal_template(text: str) -> str:
    """What such a name stands for. Raises BadUsage for a folder that nobody chose on a page of ours."""
    if not validation.is_folder(text):
        return text
    try:
        return str(_sealer().loads(text))
    except BadSignature as error:
        said = "An address cannot name the folder of a model. Choose it on the page, or by ltt validate --template."
        raise BadUsage(said, code="no_template") from error
