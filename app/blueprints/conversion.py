"""The converter: a file in, a file out, no dataset. The upload is kept for an hour under a token nobody can guess."""

from shlex import quote

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.export import content_disposition
from app.core.errors import Invalid
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS, TARGETS
from app.frontdoor.limits import takes_uploads
from app.services import conversion, uploads
from app.services.conversion import Wanted

bp = Blueprint("conversion", __name__, url_prefix="/convert")


@bp.get("")
def index() -> ResponseReturnValue:
    """Choose a file."""
    return render_template("conversion/index.html", formats=FORMATS)


@bp.post("")
@takes_uploads
def upload() -> ResponseReturnValue:
    """Keep the file and show how it reads. Pasted text is a file as well."""
    file = request.files.get("file")
    pasted = request.form.get("text", "")
    if file is not None and file.filename:
        kept = uploads.save(file.stream.read, file.filename)
    elif pasted.strip():
        kept = uploads.save_text(pasted)
    else:
        raise Invalid("No file was chosen. Choose one, or paste text.", code="no_file")
    return redirect(url_for(".show", token=kept.token), code=303)


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """How the file was understood, the target, and the first records in both shapes."""
    upload = uploads.get(token)
    wanted = wanted_of_request()
    return render_template(
        "conversion/_show.html" if request.headers.get("HX-Request") else "conversion/show.html",
        upload=upload,
        wanted=wanted,
        look=conversion.look(upload, wanted),
        targets=conversion.TARGETS,
        layouts=LAYOUTS,
        column_targets=TARGETS,
        query=request.query_string.decode(),
        command=_command(upload.name, wanted),
    )


def _command(name: str, wanted: Wanted) -> str:
    """The same conversion on the command line."""
    parts = [f"ltt convert {quote(name)} OUT"]
    if wanted.layout:
        parts.append(f"--from {quote(f':{wanted.layout}')}")
    parts.append(f"--to {quote(wanted.to)}")
    if wanted.mapping:
        columns = ",".join(f"{target}={column}" for target, column in wanted.mapping.items())
        parts.append(f"--map {quote(columns)}")
    if wanted.encoding:
        parts.append(f"--encoding {quote(wanted.encoding)}")
    chosen = {
        "--extra keep": wanted.keep_extra,
        "--allow-unanswered": wanted.allow_unanswered,
        "--spreadsheet-safe": wanted.spreadsheet_safe,
    }
    return " ".join([*parts, *(option for option, is_on in chosen.items() if is_on)])


def wanted_of_request() -> Wanted:
    """The choices in the address."""
    args = request.args
    mapping = {target: args[f"map_{target}"] for target in TARGETS if args.get(f"map_{target}")}
    return Wanted(
        to=args.get("to") or "jsonl:openai",
        layout=args.get("layout", ""),
        encoding=args.get("encoding", ""),
        mapping=mapping,
        keep_extra=args.get("extra") == "keep",
        allow_unanswered=args.get("unanswered") == "1",
        spreadsheet_safe=args.get("safe") == "1",
    )


@bp.post("/<token>/file")
def download(token: str) -> ResponseReturnValue:
    """Convert and send the file, with its report kept beside the upload."""
    upload = uploads.get(token)
    finished = conversion.run(upload, wanted_of_request())
    response = Response(finished.pieces(), content_type=FORMATS[finished.format].media_type)
    response.headers["Content-Disposition"] = content_disposition(finished.name)
    response.headers["Content-Length"] = str(finished.size)
    response.headers["X-Records"] = f"{finished.report.records_in} in, {finished.report.written} written"
    return response


@bp.get("/<token>/report")
def report(token: str) -> ResponseReturnValue:
    """What a conversion loses and leaves out, counted over the whole file."""
    upload = uploads.get(token)
    wanted = wanted_of_request()
    return render_template("conversion/_report.html", report=conversion.count(upload, wanted), upload=upload)


@bp.get("/<token>/rejects")
def rejects(token: str) -> ResponseReturnValue:
    """The rows that cannot be converted, with their reasons, as JSONL."""
    upload = uploads.get(token)
    response = Response(conversion.rejects(upload, wanted_of_request()), content_type="application/jsonl")
    response.headers["Content-Disposition"] = content_disposition(f"{upload.name}.rejects.jsonl")
    return response
