"""Export: choose what and how, see the first records and what is left out, download."""

from collections.abc import Iterator
from contextlib import ExitStack
from pathlib import Path
from threading import BoundedSemaphore
from urllib.parse import quote

from flask import Blueprint, Response, current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.core.errors import Busy
from app.core.formats import FORMATS
from app.core.formats.compress import MEDIA_TYPES
from app.core.layouts import LAYOUTS
from app.core.options import command_line, command_words
from app.core.record import SPLITS
from app.core.spec import parse_target
from app.core.targets import EXPORT_TARGETS
from app.forms.filters import read_filters
from app.forms.options import read_form
from app.services import datasets, export
from app.services.export import ExportOptions

bp = Blueprint("export", __name__, url_prefix="/datasets/<int:dataset_id>/export")

CHOICES = [(one.name, one.title, one.hint) for one in EXPORT_TARGETS.values()]


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The choices, and what comes of them."""
    dataset = datasets.get(dataset_id)
    options = options_of(request.args)
    file = export.file_name(dataset.name, options)
    # The command marks tables only.
    unsaid = () if options.format in ("csv", "tsv") else ("bom",)
    to = options.target or f"{options.format}:{options.layout}"
    said = command_words(options.filters) + command_words(options, leave_out=unsaid)
    return render_template(
        "export/_files.html" if request.headers.get("HX-Request") else "export/index.html",
        dataset=dataset,
        choices=CHOICES,
        chosen=request.args.get("to") or "openai",
        options=options,
        plan=export.plan_at_hand(dataset_id, options),
        file=file,
        splits=SPLITS,
        format=FORMATS[options.format],
        layout=LAYOUTS[options.layout],
        query=request.query_string.decode(),
        command=command_line("export", dataset.name, file, "--to", to, *said),
    )


def options_of(args: "MultiDict[str, str]") -> ExportOptions:
    """The export that an address describes. Raises BadUsage and Invalid."""
    spec = parse_target(args.get("to") or "openai")
    words = {name: args.get(name, "") for name in ("extra", "bom", "system")}
    words |= {name: args.get(name, "") for name in ("max_tokens", "per_tag", "shuffle")}
    words |= {"spreadsheet_safe": args.get("safe", "")}
    return read_form(ExportOptions, words, asked=True).complete(spec, read_filters(args))


@bp.route("/file", methods=["GET", "POST"])
def download(dataset_id: int) -> ResponseReturnValue:
    """The file. Kinds that must be finished before their first byte are made by POST only."""
    dataset = datasets.get(dataset_id)
    options = options_of(request.args)
    kind = FORMATS[options.format]
    if (kind.stream is None or options.bundle) and request.method == "GET":
        address = url_for(".index", dataset_id=dataset_id)
        return redirect(f"{address}?{request.query_string.decode()}", code=303)
    return file_response(dataset_id, dataset.name, options)


def file_response(dataset_id: int, name: str, options: ExportOptions) -> Response:
    """A streamed download. Its first piece is made before the headers go, so that a refusal is still an error page."""
    # What is made faster than it is taken waits in a temporary file: the database does not wait for the client.
    export.require_space_for(dataset_id)
    most = max(int(current_app.config["LTT_THREADS"]) // 4, 1)
    places: BoundedSemaphore = current_app.extensions.setdefault("ltt.downloads", BoundedSemaphore(most))
    if not places.acquire(blocking=False):
        raise Busy(f"{most} downloads are being made already. Try again in a moment.", code="downloads")
    with ExitStack() as stack:
        stack.callback(places.release)
        pieces = export.stream_export(dataset_id, options)
        first = next(iter(pieces), b"")
        made = stack.pop_all()

    def body() -> Iterator[bytes]:
        with made:
            yield first
            yield from pieces

    packed = MEDIA_TYPES.get(options.compression) or ("application/zip" if options.bundle else "")
    response = Response(body(), content_type=packed or FORMATS[options.format].media_type)
    # Also where nobody asks for the body.
    response.call_on_close(made.close)
    response.headers["Content-Disposition"] = content_disposition(export.file_name(name, options))
    return response


def sent_file(path: Path, name: str, kind: str = "application/octet-stream") -> Response:
    """A finished file as a download. It is sent from where it lies."""
    response = send_file(path, mimetype=kind, conditional=False, etag=False)
    response.headers["Content-Disposition"] = content_disposition(name)
    return response


def content_disposition(name: str) -> str:
    """A Content-Disposition that every browser understands: an ASCII name and the full one by RFC 5987."""
    plain = name.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "") or "export"
    if plain.startswith("."):
        plain = "export" + plain
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
