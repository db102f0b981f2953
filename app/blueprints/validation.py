"""Checking a file for targets without importing it. The upload is kept for an hour under a token nobody can guess."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.export import sent_file
from app.blueprints.trained import look_at, seal_template, unseal_template
from app.blueprints.view import tell
from app.core.errors import Invalid, LttError
from app.core.options import command_line, command_words
from app.core.reading import ReadSettings
from app.core.text import plural
from app.core.validation import FIXES, SEVERITIES, ValidateOptions
from app.core.validation.profiles import DEFAULT
from app.core.validation.training import TRAINS
from app.forms.arguments import read_whole
from app.forms.options import read_form
from app.frontdoor.limits import takes_uploads
from app.services import uploads, validation

bp = Blueprint("validation", __name__, url_prefix="/check")


@bp.get("")
def index() -> ResponseReturnValue:
    """Choose a file."""
    return render_template("validation/index.html")


@bp.post("")
@takes_uploads
def upload() -> ResponseReturnValue:
    """Keep the file and show what is wrong with it."""
    file = request.files.get("file")
    if file is None or not file.filename:
        raise Invalid("No file was chosen. Choose one.", code="no_file")
    kept = uploads.save(file.stream.read, file.filename)
    return redirect(url_for(".show", token=kept.token), code=303)


@shown_on("validation.upload")
def upload_refused(problem: Problem) -> str:
    """The page that the file was sent from."""
    return render_template("validation/index.html", refused=[problem.message])


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """The targets to check for. What is found is fetched behind: a large file takes a while."""
    kept, options = uploads.get(token), options_of_request()
    return render_template(
        "validation/show.html",
        upload=kept,
        options=options,
        profiles=validation.known_profiles(),
        chosen=options.profile.split(","),
        template=options.template,
        templates=validation.list_templates(),
        command=command_line("validate", kept.name, *command_words(options)),
    )


@bp.post("/<token>/template")
def choose_template(token: str) -> ResponseReturnValue:
    """Choose how conversations are written: a name, or the folder of a model on this machine."""
    uploads.get(token)
    chosen = validation.require_template(request.form.get("template", ""))
    kept: dict[str, Any] = {name: request.form.getlist(name) for name in ("profile", "record")}
    endpoint = ".trained" if any(kept["record"]) else ".show"
    return redirect(url_for(endpoint, token=token, template=seal_template(chosen) or None, **kept), code=303)


@bp.get("/<token>/trained")
def trained(token: str) -> ResponseReturnValue:
    """What is trained of one record of the file, for one target."""
    kept, options = uploads.get(token), options_of_request()
    profiles = validation.known_profiles()
    chosen = options.profile.split(",")
    profile = next((name for name in chosen if name in profiles), DEFAULT)
    options = replace(options, profile=profile)
    number = read_whole(request.args, "record", 1)
    report = validation.view_trained_upload(kept, ReadSettings(allow_unanswered=True), options, number)
    return render_template(
        "validation/trained.html",
        upload=kept,
        number=number,
        options=options,
        profiles=profiles,
        profile=profiles[profile],
        seen=look_at(report, profile),
        severities=SEVERITIES,
        trains=TRAINS,
        chosen=options.template,
        sealed=seal_template(options.template),
        templates=validation.list_templates(),
    )


@bp.get("/<token>/report")
def report(token: str) -> ResponseReturnValue:
    """What was found in the whole file, as a fragment."""
    kept, options = uploads.get(token), options_of_request()
    try:
        found = validation.validate_upload(kept, ReadSettings(allow_unanswered=True), options)
    except LttError as error:
        if not request.headers.get("HX-Request"):
            raise
        # Told where the report would stand.
        return render_template("validation/_refused.html", refusal=error.message)
    return render_template(
        "validation/_report.html",
        report=found,
        rules=join_alike(found["rules"], ("severity", "code", "title")),
        findings=join_alike(found["findings"], ("severity", "record", "line", "path", "message", "fix")),
        severities=SEVERITIES,
        fixes=FIXES,
        token=token,
        mends={FIXES[one["fix"]] for one in found["findings"] if one["fix"] in FIXES},
        profiles=validation.known_profiles(),
        trained_at=lambda number: url_for(
            ".trained",
            token=token,
            record=number,
            profile=options.profile,
            template=seal_template(options.template) or None,
        ),
    )


@bp.post("/<token>/mend")
def mend(token: str) -> ResponseReturnValue:
    """Mend a copy of the file, and show what is wrong with it still."""
    options = read_form(ValidateOptions, {"profile": request.form.get("profile", "")}, asked=False)
    kept, done = validation.mend_upload(uploads.get(token), ReadSettings(allow_unanswered=True), options)
    left_out = f" {plural(done.left_out, 'row')} that could not be read: not in the copy." if done.left_out else ""
    tell(f"Mended {plural(done.mended, 'row')}: this is the copy.{left_out}")
    return redirect(url_for(".show", token=kept.token, profile=options.profile.split(",")), code=303)


@bp.get("/<token>/file")
def download(token: str) -> ResponseReturnValue:
    """Send the file as it is checked here."""
    kept = uploads.get(token)
    return sent_file(kept.path, kept.name)


def join_alike(found: Iterable[Mapping[str, Any]], keys: Sequence[str]) -> list[dict[str, Any]]:
    """What several profiles say alike, once, with the names of the profiles; of numbers the largest."""
    joined: dict[tuple[Any, ...], dict[str, Any]] = {}
    for one in found:
        same = joined.setdefault(tuple(one[key] for key in keys), {**one, "said_by": []})
        same["findings"] = max(same.get("findings", 0), one.get("findings", 0))
        if one["profile"]:
            same["said_by"].append(one["profile"])
    return list(joined.values())


def options_of_request() -> ValidateOptions:
    """The choices in the address: each profile may be a field of its own."""
    args = request.args.to_dict()
    if profiles := request.args.getlist("profile"):
        args["profile"] = ",".join(profiles)
    options = read_form(ValidateOptions, args, asked=False)
    if options.trains not in TRAINS:
        options = replace(options, trains="")
    return replace(options, template=unseal_template(options.template))
