"""Export: choose what and how, see the first records and what is left out, download, or make a file that is proved."""

import logging
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import replace
from pathlib import Path
from threading import BoundedSemaphore
from typing import Any, TypeVar
from urllib.parse import quote

from flask import Blueprint, Flask, Response, current_app, redirect, render_template, request, send_file, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.blueprints.view import tell
from app.core.errors import Busy, Conflict, Invalid, LttError, NotFound, Unavailable
from app.core.formats import FORMATS
from app.core.formats.compress import COMPRESSIONS, MEDIA_TYPES
from app.core.layouts import LAYOUTS
from app.core.options import command_line, command_words
from app.core.record import SPLITS
from app.core.spec import parse_target
from app.core.splits import WHY
from app.core.targets import EXPORT_TARGETS, GROUPS
from app.forms.arguments import read_choice, require_names
from app.forms.filters import WORDS, describe_filters, read_filters, write_filters
from app.forms.options import read_form
from app.models import Dataset, Export, Job
from app.services import datasets, entries, export, hub, jobs, runners, snapshots, tasks, uploads, validation
from app.services.export import CountRun, ExportOptions, FileRun

log = logging.getLogger(__name__)
T = TypeVar("T")
bp = Blueprint("export", __name__, url_prefix="/datasets/<int:dataset_id>/export")

# What the address says about how they are written, beside which pairs.
HOW = (
    "to",
    "snapshot",
    "max_tokens",
    "per_tag",
    "shuffle",
    "extra",
    "system",
    "bom",
    "safe",
    "compress",
    "allow_leaks",
)
TABLES = ("csv", "tsv")


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The choices, and what comes of them. Of a large dataset nothing is counted here: that is done by a task."""
    require_names(request.args, *WORDS, *HOW, "view")
    dataset = datasets.get(dataset_id)
    last = export.last_targets(dataset)
    # What the address leaves open is settled once: the ticked card, the file and every form of the page follow from it.
    args = MultiDict([*request.args.items(multi=True)])
    args["to"] = request.args.get("to") or next(iter(last), "openai")
    options = options_of(args)
    counted = export.view_counts(dataset_id, options)
    target = EXPORT_TARGETS.get(options.target)
    facts: dict[str, Any] = {
        "dataset": dataset,
        "options": options,
        "counted": counted,
        "plan": counted.plan,
        "job": None if counted.is_current else tasks.find_running(export.COUNT, CountRun(dataset_id, options)),
        "target": target,
        "target_title": target.title if target else LAYOUTS[options.layout].title,
        "format": FORMATS[options.format],
        "file": export.file_name(export.find_origin(dataset_id, options).title, options),
        "frozen": export.find_origin(dataset_id, options).snapshot or snapshots.newest_of_now(dataset_id),
        "command": command_of(dataset, options),
        "query": {name: said for name in (*WORDS, *HOW) if (said := [*filter(None, args.getlist(name))])},
        "parts": export.count_by_split(dataset_id, options) if export.is_small(dataset_id) else None,
        "view": read_choice(request.args, "view", ("raw", "read"), "raw"),
        "check": validation.view_check(dataset_id),
        "profiles": validation.known_profiles(),
        "worker": runners.any_worker(),
        "leak_titles": WHY,
        "presets": [
            (one.name, url_for(".index", dataset_id=dataset_id, **_address_of(options)) if options else None)
            for one in export.list_presets(dataset_id)
            for options in [_if_fits(export.options_of_preset, one)]
        ],
        "hub": {"how": "" if hub.is_installed() else hub.HOW_TO_ADD, "has_token": hub.has_token()},
    }
    if request.headers.get("HX-Request"):
        return render_template("export/_shown.html", **facts)
    return render_template(
        "export/index.html",
        **facts,
        last=[EXPORT_TARGETS[name] for name in last],
        groups={group: [one for one in EXPORT_TARGETS.values() if one.group == group] for group in GROUPS},
        titles=GROUPS,
        chosen=options.name,
        splits=entries.split_counts(dataset_id) if export.is_small(dataset_id) else dict.fromkeys(SPLITS),
        tags=entries.tag_counts(dataset_id)[:100],
        snapshots=snapshots.list_snapshots(dataset_id, size=50),
        compressions=COMPRESSIONS,
        exports=told_exports(dataset_id),
        narrowed=list(describe_filters(replace(options.filters, statuses=(), splits=(), tags=()))),
    )


def told_exports(dataset_id: int, snapshot: int | None = None) -> list[tuple[Export, str, str | None]]:
    """The exports that were made, of which pairs in words, and the address where the same is chosen, if it can be."""
    found: list[tuple[Export, str, str | None]] = []
    for row in export.list_exports(dataset_id, snapshot=snapshot):
        if options := _if_fits(export.options_of_export, row):
            said = " and ".join(describe_filters(options.filters))
            found.append((row, said, url_for("export.index", dataset_id=dataset_id, **_address_of(options))))
        else:
            found.append((row, "", None))
    return found


def _if_fits(read: Callable[[T], ExportOptions], kept: T) -> ExportOptions | None:
    """The options that were kept; None where another version had choices that there are no more."""
    try:
        return read(kept)
    except Invalid:
        return None


def options_of(args: "MultiDict[str, str]") -> ExportOptions:
    """The export that an address describes. Raises BadUsage and Invalid."""
    spec = parse_target(args.get("to") or "openai")
    said = ("extra", "system", "snapshot", "max_tokens", "per_tag", "shuffle", "allow_leaks")
    words = {name: args.get(name, "") for name in said}
    if spec.format in TABLES:
        words |= {"bom": args.get("bom", ""), "spreadsheet_safe": args.get("safe", "")}
    named = EXPORT_TARGETS.get(spec.target)
    if not (named and named.bundle):
        # A .zip is compressed already.
        words["compression"] = args.get("compress", "")
    return read_form(ExportOptions, words, asked=True).complete(spec, read_filters(args))


def command_of(dataset: Dataset, options: ExportOptions) -> str:
    """The command that writes the same file."""
    target = EXPORT_TARGETS.get(options.target)
    # What a target does by itself is not said.
    unsaid = [name for name in ("bom", "spreadsheet_safe") if target and getattr(target, name)]
    said = command_words(options.filters) + command_words(options, leave_out=unsaid)
    out = export.file_name(dataset.name, options)
    return command_line("export", dataset.name, out, "--to", options.name, *said, one_line=False)


@bp.post("/count")
def count(dataset_id: int) -> ResponseReturnValue:
    """Count an export so that the count is kept; the page shows how far it is."""
    options = options_of(request.args)
    for job in jobs.listed(states=jobs.WAITING, dataset_id=dataset_id):
        # Who chooses something else waits no longer for what was chosen before.
        if job.kind == export.COUNT.name and tasks.options_of(job).options != options:
            jobs.cancel(job.id)
    tasks.start(export.COUNT, CountRun(dataset_id, options))
    return redirect(_same_page(dataset_id), code=303)


@bp.post("/show")
def show(dataset_id: int) -> ResponseReturnValue:
    """The pairs that a line of the count means, in the list of pairs."""
    run = CountRun(dataset_id, options_of(request.args))
    ledger = export.name_pairs(dataset_id, run.options, lambda: tasks.start(export.COUNT, run))
    if ledger is None:
        return redirect(_same_page(dataset_id), code=303)
    code = request.form.get("code", "")
    return redirect(url_for("pairs.index", dataset_id=dataset_id, left_out=f"{ledger.id}:{code}"), code=303)


@bp.get("/counts/<int:job_id>")
def counted(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """The page of the export that a job counted."""
    job = job_of(dataset_id, job_id, export.COUNT.name)
    return redirect(url_for(".index", dataset_id=dataset_id, **_address_of(tasks.options_of(job).options)))


def _address_of(options: ExportOptions) -> dict[str, Any]:
    return {
        "to": options.name,
        **write_filters(options.filters),
        "snapshot": options.snapshot or None,
        "max_tokens": options.max_tokens,
        "per_tag": options.per_tag,
        "shuffle": options.seed,
        "extra": None if options.extra is None else "keep" if options.extra else "drop",
        "system": None if options.dataset_system else "own",
        "bom": "1" if options.bom and options.format in TABLES else None,
        "compress": options.compression or None,
        "allow_leaks": "1" if options.allow_leaks else None,
        "safe": "1" if options.spreadsheet_safe else None,
    }


def job_of(dataset_id: int, job_id: int, kind: str) -> Job:
    """The job of a kind in a dataset. Raises NotFound for any other."""
    job = jobs.get(job_id)
    if job.dataset_id != dataset_id or job.kind != kind:
        raise NotFound(f"There is no job {job_id} of this kind in this dataset.", job_id=job_id)
    return job


def _same_page(dataset_id: int) -> str:
    return f"{url_for('.index', dataset_id=dataset_id)}?{request.query_string.decode()}"


@bp.route("/file", methods=["GET", "POST"])
def download(dataset_id: int) -> ResponseReturnValue:
    """The file. Kinds that must be finished before their first byte are made by POST only."""
    options = options_of(request.args)
    if request.method == "POST":
        export.remember_target(dataset_id, options)
    elif FORMATS[options.format].stream is None or options.bundle:
        return redirect(_same_page(dataset_id), code=303)
    return file_response(dataset_id, options)


@bp.post("/presets")
def keep_preset(dataset_id: int) -> ResponseReturnValue:
    """Keep the choices under a name."""
    kept = export.save_preset(dataset_id, request.form.get("name", ""), options_of(request.args))
    tell(f"The choices are kept as {kept.name}.")
    return redirect(_same_page(dataset_id), code=303)


@bp.post("/presets/delete")
def drop_preset(dataset_id: int) -> ResponseReturnValue:
    """Forget kept choices."""
    name = request.form.get("name", "")
    export.delete_preset(dataset_id, name)
    tell(f"{name} is forgotten.")
    return redirect(_same_page(dataset_id), code=303)


@bp.post("/push")
def push(dataset_id: int) -> ResponseReturnValue:
    """Push the folder to the Hub by a task. A token that is typed is kept for later ones."""
    form, options = request.form, options_of(request.args)
    if not hub.is_installed():
        raise Unavailable(hub.HOW_TO_ADD, code="no_extra")
    if token := form.get("token", "").strip():
        hub.keep_token(token)
    repo, is_public = form.get("repo", "").strip(), form.get("public") == "1"
    export.remember_target(dataset_id, options)
    job = tasks.start(hub.PUSH, hub.PushRun(dataset_id, repo, options, is_public, form.get("message", "").strip()))
    return redirect(url_for(".pushed", dataset_id=dataset_id, job_id=job.id), code=303)


@bp.get("/pushed/<int:job_id>")
def pushed(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A push that goes on, or is done: what went where."""
    job = job_of(dataset_id, job_id, hub.PUSH.name)
    return render_template(
        "export/pushed.html" if job.state == "done" else "export/pushing.html",
        dataset=datasets.get(dataset_id),
        job=job,
        found=job.result or {},
        worker=runners.any_worker(),
        again=url_for(".index", dataset_id=dataset_id, **_address_of(tasks.options_of(job).options)),
    )


@bp.post("/make")
def make(dataset_id: int) -> ResponseReturnValue:
    """Write the file by a task, read it back, and keep it for a while."""
    options = options_of(request.args)
    export.remember_target(dataset_id, options)
    job = tasks.start(export.MAKE, FileRun(dataset_id, options))
    return redirect(url_for(".made", dataset_id=dataset_id, job_id=job.id), code=303)


@bp.get("/made/<int:job_id>")
def made(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A file that is being written, or was: what it is, how it came back, and the way to it."""
    job = job_of(dataset_id, job_id, export.MAKE.name)
    page = "export/made.html" if job.state == "done" else "export/run.html"
    return render_template(
        page,
        dataset=datasets.get(dataset_id),
        job=job,
        found=job.result or {},
        worker=runners.any_worker(),
        is_kept=uploads.is_kept(str((job.result or {}).get("file", ""))),
        again=url_for(".index", dataset_id=dataset_id, **_address_of(tasks.options_of(job).options)),
    )


@bp.get("/made/<int:job_id>/file")
def fetch(dataset_id: int, job_id: int) -> ResponseReturnValue:
    """A file that was made, for as long as it is kept."""
    return kept_file(job_of(dataset_id, job_id, export.MAKE.name))


def kept_file(job: Job) -> Response:
    """What a job wrote, as a download. Raises Conflict where it is not written yet, Gone where it is not kept."""
    if job.state != "done":
        raise Conflict("The file is not written yet.", code="not_done")
    kept = uploads.get(str((job.result or {}).get("file")))
    return sent_file(kept.path, kept.name)


def file_response(dataset_id: int, options: ExportOptions, way: str = "page") -> Response:
    """A streamed download, remembered as an export once all of it was taken.

    Its first piece is made before the headers go, so that a refusal is still an error page.
    """
    # What is made faster than it is taken waits in a temporary file: the database does not wait for the client.
    name = export.file_name(export.find_origin(dataset_id, options).title, options)
    export.require_no_leaks(dataset_id, options)
    export.require_space_for(dataset_id)
    most = max(int(current_app.config["LTT_THREADS"]) // 4, 1)
    places: BoundedSemaphore = current_app.extensions.setdefault("ltt.downloads", BoundedSemaphore(most))
    if not places.acquire(blocking=False):
        raise Busy(f"{most} downloads are being made already. Try again in a moment.", code="downloads")
    app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]

    def remember(sent: export.Sent) -> None:
        with app.app_context():
            try:
                export.record_sent(dataset_id, options, sent, way=way)
            except LttError as error:
                # The file is whole: what is missing is the note of it.
                log.warning("An export could not be noted: %s", error.message)

    # A page elsewhere may have a file fetched, but write nothing here.
    is_ours = request.headers.get("Sec-Fetch-Site", "none") in ("none", "same-origin")
    with ExitStack() as stack:
        stack.callback(places.release)
        pieces = export.stream_export(dataset_id, options, remember if is_ours else None)
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
    response.headers["Content-Disposition"] = content_disposition(name)
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
