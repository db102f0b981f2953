"""The converter: a file in, a file out, no dataset. The upload is kept for an hour under a token nobody can guess."""

from dataclasses import replace

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.export import content_disposition
from app.core.conversion import ConvertOptions
from app.core.errors import Invalid
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS, TARGETS
from app.core.options import command_line, command_words, options_of
from app.core.reading.settings import from_words
from app.forms.options import read_form
from app.frontdoor.limits import takes_uploads
from app.services import conversion, uploads

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


@shown_on("conversion.upload")
def upload_refused(problem: Problem) -> str:
    """The page that the file was sent from."""
    return render_template("conversion/index.html", formats=FORMATS, refused=[problem.message])


@bp.get("/<token>")
def show(token: str) -> ResponseReturnValue:
    """How the file was understood, the target, and the first records in both shapes."""
    upload = uploads.get(token)
    options = options_of_request()
    return render_template(
        "conversion/_show.html" if request.headers.get("HX-Request") else "conversion/show.html",
        upload=upload,
        options=options,
        preview=conversion.preview(upload, options),
        targets=conversion.TARGETS,
        layouts=LAYOUTS,
        declared={one.name: one for one in options_of(ConvertOptions)},
        column_targets=TARGETS,
        query=request.query_string.decode(),
        command=command_line(
            "convert", upload.name, "OUT", *from_words(options), "--to", options.to, *command_words(options)
        ),
    )


def options_of_request() -> ConvertOptions:
    """The choices in the address."""
    args = request.args
    words = {"allow_unanswered": args.get("unanswered", ""), "spreadsheet_safe": args.get("safe", "")}
    words["keep_extra"] = args.get("extra", "")
    options = read_form(ConvertOptions, {**args.to_dict(), **words}, asked=True)
    return replace(options, mapping={name: args[f"map_{name}"] for name in TARGETS if args.get(f"map_{name}")})


@bp.post("/<token>/file")
def download(token: str) -> ResponseReturnValue:
    """Convert and send the file, with its report kept beside the upload."""
    upload = uploads.get(token)
    finished = conversion.convert_file(upload, options_of_request())
    response = Response(finished.pieces(), content_type=FORMATS[finished.format].media_type)
    response.headers["Content-Disposition"] = content_disposition(finished.name)
    response.headers["Content-Length"] = str(finished.size)
    response.headers["X-Records"] = f"{finished.report.records_in} in, {finished.report.written} written"
    return response


@bp.get("/<token>/report")
def report(token: str) -> ResponseReturnValue:
    """What a conversion loses and leaves out, counted over the whole file or its first records."""
    upload = uploads.get(token)
    counted = conversion.count_losses(upload, options_of_request())
    return render_template("conversion/_report.html", report=counted.report, complete=counted.complete, upload=upload)


@bp.get("/<token>/rejects")
def rejects(token: str) -> ResponseReturnValue:
    """The rows that cannot be converted, with their reasons, as JSONL."""
    upload = uploads.get(token)
    file = conversion.save_rejects(upload, options_of_request())
    response = Response(conversion.pieces_of(file), content_type="application/jsonl")
    response.headers["Content-Disposition"] = content_disposition(f"{upload.name}.rejects.jsonl")
    return response
