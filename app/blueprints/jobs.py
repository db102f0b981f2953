"""Jobs: what runs, what waits, what has ended."""

from typing import Any
from urllib.parse import urlsplit

from flask import Blueprint, make_response, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.routing import BuildError

from app.core.text import plural
from app.forms.arguments import read_whole, require_names
from app.models import Dataset, Job, db
from app.models.base import now
from app.services import jobs, runners, tasks

bp = Blueprint("jobs", __name__, url_prefix="/jobs")

PAGE_SIZE = 50


@bp.app_template_global("jobs_active")
def say_active() -> str:
    """How many jobs run, or where none does, how many wait, for the navigation; empty where there are none."""
    totals = jobs.totals()
    running = totals.get("running", 0) + totals.get("publishing", 0)
    waiting = totals.get("queued", 0)
    return f"{running:,} running" if running else f"{waiting:,} waiting" if waiting else ""


@bp.app_template_global("result_page_of")
def result_page(job: Job) -> str | None:
    """The address of the page that shows what a job did; None where it has none."""
    task = tasks.find_task(job.kind)
    endpoint, names = task.result_page if task else ("", ())
    facts: dict[str, Any] = {"dataset_id": job.dataset_id, "job_id": job.id, **job.arguments, **(job.result or {})}
    try:
        return url_for(endpoint, **{name: facts[name] for name in names}) if endpoint else None
    except (BuildError, KeyError):
        return None


@bp.app_template_global("dataset_of_job")
def dataset_of_job(job: Job) -> Dataset | None:
    """The dataset that a job works on, also where it was deleted since."""
    return db.session.get(Dataset, job.dataset_id) if job.dataset_id else None


@bp.app_template_global("job_sentence")
def job_sentence(job: Job, ahead: int = 0, worker: bool = True) -> str:
    """Where a job stands, in one sentence."""
    if job.state == "queued" and not worker:
        return "Waits for a worker: none is running. Start one with: ltt worker"
    if job.state == "queued":
        return f"Waits for {plural(ahead, 'job')}." if ahead else "Starts in a moment."
    if job.state == "running":
        return _progress_text(job)
    if job.state == "publishing":
        return "Publishing the result…"
    if job.state == "done":
        return str((job.result or {}).get("summary") or "Done.")
    return job.error or job.message or f"{job.state.capitalize()}."


def _progress_text(job: Job) -> str:
    if job.total is None:
        return f"{job.done:,} {job.message}".strip() if job.done else job.message or "Starts…"
    text = f"{job.done:,} of {job.total:,} {job.message}".strip()
    seconds = (now() - job.started_at).total_seconds() if job.started_at else 0.0
    if seconds < 3 or not job.done or job.done >= job.total:
        return text
    left = seconds * (job.total - job.done) / job.done
    if left < 90:
        return f"{text}, {max(round(left), 1)} s left"
    return f"{text}, {round(left / 60)} min left" if left < 5400 else f"{text}, {round(left / 3600)} h left"


@bp.get("/")
def index() -> ResponseReturnValue:
    """All jobs, newest first."""
    require_names(request.args, "before")
    before = read_whole(request.args, "before", None)
    found = jobs.listed(before=before, size=PAGE_SIZE + 1)
    return render_template(
        "jobs/index.html",
        jobs=found[:PAGE_SIZE],
        more=found[PAGE_SIZE - 1].id if len(found) > PAGE_SIZE else None,
        totals=jobs.totals(),
        worker=runners.any_worker(),
    )


@bp.get("/<int:job_id>")
def show(job_id: int) -> ResponseReturnValue:
    """One job with its progress."""
    return render_template("jobs/show.html", job=jobs.get(job_id), worker=runners.any_worker())


@bp.get("/<int:job_id>/progress")
def progress(job_id: int) -> ResponseReturnValue:
    """The progress of one job as a fragment that asks for itself again every second until the job has ended.

    With ``?then=/address`` the page goes there when the job is done.
    """
    job = jobs.get(job_id)
    then, back = own_path(request.args.get("then", "")), own_path(request.args.get("back", ""))
    dated = request.args.get("dated") == "1"
    page = render_template(
        "jobs/_progress.html", job=job, then=then, back=back, dated=dated, worker=runners.any_worker()
    )
    response = make_response(page)
    if then and job.state in jobs.ENDED:
        response.headers["HX-Redirect"] = then
    return response


@bp.post("/<int:job_id>/cancel")
def cancel(job_id: int) -> ResponseReturnValue:
    """Stop a job."""
    jobs.cancel(job_id)
    return _back(job_id)


@bp.post("/<int:job_id>/retry")
def retry(job_id: int) -> ResponseReturnValue:
    """Run a job again."""
    jobs.retry(job_id)
    return _back(job_id)


def _back(job_id: int) -> ResponseReturnValue:
    return redirect(own_path(request.form.get("back", "")) or url_for("jobs.show", job_id=job_id), code=303)


@bp.app_template_global("ahead_of")
def count_ahead(job: Job) -> int:
    """How many jobs a queued job waits for."""
    return tasks.ahead_of(job) if job.state == "queued" else 0


@bp.app_template_filter("lower_first")
def lower_first(text: str) -> str:
    """The sentence to go on with after a comma."""
    return text[:1].lower() + text[1:]


def own_path(address: str) -> str:
    """The address if it is a path of this site, else nothing: no redirect leads elsewhere."""
    parts = urlsplit(address)
    is_own = address.startswith("/") and not address.startswith(("//", "/\\")) and not parts.scheme and not parts.netloc
    return address if is_own and address.isprintable() and "\\" not in address else ""
