"""Export: choose what and how, see the first records and what is left out, download."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import quote

from flask import Blueprint, Response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.pairs import filters_of_request
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS
from app.core.options import command_line
from app.core.record import SPLITS
from app.core.spec import parse_spec, usual_layout
from app.services import datasets, export
from app.services.export import ExportOptions

bp = Blueprint("export", __name__, url_prefix="/datasets/<int:dataset_id>/export")

# Tables stand behind the files of trainers.
CHOICES = [
    (f"{one.format}:{layout.name}", one.title, one.hint)
    for layout in sorted(LAYOUTS.values(), key=lambda layout: layout.name == "columns")
    for one in layout.presets
]


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The choices, and what comes of them."""
    dataset = datasets.get(dataset_id)
    options = options_of(request.args)
    return render_template(
        "export/_files.html" if request.headers.get("HX-Request") else "export/index.html",
        dataset=dataset,
        choices=CHOICES,
        chosen=request.args.get("to") or "jsonl:openai",
        options=options,
        plan=export.plan_export(dataset_id, options),
        splits=SPLITS,
        format=FORMATS[options.format],
        layout=LAYOUTS[options.layout],
        query=request.query_string.decode(),
        command=same_on_command_line(dataset.name, options),
    )


def options_of(args: Mapping[str, str]) -> ExportOptions:
    """The export that an address describes. Raises BadUsage and Invalid."""
    to = args.get("to") or "jsonl:openai"
    excel = to.startswith("csv-excel")
    spec = parse_spec(to.replace("csv-excel", "csv"))
    kind = spec.format or "jsonl"
    options = ExportOptions(
        kind,
        spec.layout or usual_layout(kind),
        filters=filters_of_request(),
        split=args.get("one_split", ""),
        extra={"keep": True, "drop": False}.get(args.get("extra", "")),
        spreadsheet_safe=excel or args.get("safe") == "1",
        bom=excel or args.get("bom") == "1",
        dataset_system=args.get("system") != "own",
    )
    return options.checked()


def same_on_command_line(name: str, options: ExportOptions) -> str:
    """The same export on the command line."""
    words = ["export", name, export.file_name(name, options), "--to", f"{options.format}:{options.layout}"]
    words += [word for status in options.filters.statuses for word in ("--status", status)]
    words += ["--query", options.filters.text] if options.filters.text else []
    words += ["--split", options.split] if options.split else []
    words += [] if options.extra is None else ["--extra", "keep" if options.extra else "drop"]
    words += ["--spreadsheet-safe"] if options.spreadsheet_safe else []
    return command_line(*words)


@bp.route("/file", methods=["GET", "POST"])
def download(dataset_id: int) -> ResponseReturnValue:
    """The file. Kinds that must be finished before their first byte are made by POST only."""
    dataset = datasets.get(dataset_id)
    options = options_of(request.args)
    kind = FORMATS[options.format]
    if kind.stream is None and request.method == "GET":
        address = url_for(".index", dataset_id=dataset_id)
        return redirect(f"{address}?{request.query_string.decode()}", code=303)
    return file_response(dataset_id, dataset.name, options)


def file_response(dataset_id: int, name: str, options: ExportOptions) -> Response:
    """A streamed download. Its first piece is made before the headers go, so that a refusal is still an error page."""
    pieces = export.stream_export(dataset_id, options)
    first = next(iter(pieces), b"")

    def body() -> Iterator[bytes]:
        yield first
        yield from pieces

    response = Response(body(), content_type=FORMATS[options.format].media_type)
    response.headers["Content-Disposition"] = content_disposition(export.file_name(name, options))
    return response


def sent_file(path: Path, name: str, kind: str = "application/octet-stream") -> Response:
    """A finished file as a download."""

    def pieces() -> Iterator[bytes]:
        with path.open("rb") as file:
            while part := file.read(64 * 1024):
                yield part

    response = Response(pieces(), content_type=kind)
    response.headers["Content-Length"] = str(path.stat().st_size)
    response.headers["Content-Disposition"] = content_disposition(name)
    return response


def content_disposition(name: str) -> str:
    """A Content-Disposition that every browser understands: an ASCII name and the full one by RFC 5987."""
    plain = name.encode("ascii", "ignore").decode().replace('"', "").replace("\\", "") or "export"
    if plain.startswith("."):
        plain = "export" + plain
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{quote(name, safe='')}"
