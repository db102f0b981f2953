"""OpenAI, and every service that speaks its ``/files`` and ``/fine_tuning/jobs``."""

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from app.core.errors import NotFound
from app.core.training import RunSpec
from app.providers.tuning.api import (
    RESULT_BYTES,
    Api,
    Event,
    Progress,
    RemoteCheckpoint,
    RemoteFile,
    RemoteJob,
    read_step,
    read_table,
)

# The status of a job, and what it means here. What is not known is taken for running: it is shown as it is.
STATES = {
    "validating_files": "queued",
    "queued": "queued",
    "pending": "queued",
    "created": "queued",
    "notrunning": "queued",
    "running": "running",
    "resuming": "running",
    "pausing": "running",
    "paused": "paused",
    "succeeded": "done",
    "failed": "failed",
    "cancelled": "cancelled",
    "canceled": "cancelled",
}
WAITING, BAD = ("uploaded", "pending", "running", "notrunning"), ("error", "failed", "deleting", "deleted")
# Lists are read from their newest end, so far.
MOST_PAGES, PAGE = 20, 100
# Of events and checkpoints; what a whole epoch measured counts more than what a batch did.
METRICS = {
    "train_loss": "loss",
    "train_mean_token_accuracy": "token_accuracy",
    "valid_loss": "validation_loss",
    "full_valid_loss": "validation_loss",
    "valid_mean_token_accuracy": "validation_token_accuracy",
    "full_valid_mean_token_accuracy": "validation_token_accuracy",
}
COLUMNS = {
    "step": "step",
    "train_accuracy": "token_accuracy",
    "validation_mean_token_accuracy": "validation_token_accuracy",
    **METRICS,
}


class OpenAIApi(Api):
    """Files and jobs as OpenAI has them. A file is looked at when its job begins."""

    kind = "openai"
    title = "OpenAI"
    targets: Mapping[str, str] = MappingProxyType({"lora": "openai", "full": "openai", "dpo": "openai-dpo"})
    most_upload: int | None = 512_000_000
    uses = "Of the settings it takes the epochs and the seed, for DPO also beta; all else is chosen there."
    can_pause = can_resume = True
    # Whether a file is waited for before a job is made of it.
    waits_for_file = False

    def look(self) -> None:
        """Ask for the newest job."""
        self.ask("GET", "/fine_tuning/jobs", self.query(limit="1"))

    def query(self, **more: str) -> dict[str, str]:
        """What follows the question mark of each request."""
        return more

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """The file of that name and size, if it is among the newest thousands."""
        for one in self.pages("/files", purpose="fine-tune"):
            if one.get("filename") == name and one.get("bytes") in (size, None):
                return self.read_file(one)
        return None

    def upload_file(self, name: str, path: Path) -> RemoteFile:
        """Upload it for fine-tuning."""
        return self.read_file(self.send_file("/files", path, name, {"purpose": "fine-tune"}, query=self.query()))

    def look_at_file(self, file_id: str) -> RemoteFile:
        """How the service finds it."""
        return self.read_file(self.ask("GET", f"/files/{_quoted(file_id)}", self.query()))

    def delete_file(self, file_id: str) -> None:
        """Delete it there."""
        self.request("DELETE", f"/files/{_quoted(file_id)}", self.query())

    def reckon_price(self, spec: RunSpec, files: Mapping[str, str]) -> float | None:
        """It does not say."""
        return None

    def find_job(self, name: str, files: Mapping[str, str]) -> RemoteJob | None:
        """The newest job of our training file: no other run has that file."""
        for one in self.pages("/fine_tuning/jobs"):
            if one.get("training_file") == files["train"]:
                return self.read_job(one)
        return None

    def make_job(self, name: str, spec: RunSpec, files: Mapping[str, str]) -> RemoteJob:
        """Make it. Rates of learning are multiples of the model's own there, so that ours is not sent."""
        settings: dict[str, Any] = {"n_epochs": spec.settings.epochs}
        if spec.method == "dpo":
            settings["beta"] = spec.settings.beta
        kind = "dpo" if spec.method == "dpo" else "supervised"
        body: dict[str, Any] = {"model": spec.base.name, "training_file": files["train"], "suffix": name}
        body |= {"seed": spec.seed, "method": {"type": kind, kind: {"hyperparameters": settings}}}
        if "validation" in files:
            body["validation_file"] = files["validation"]
        return self.read_job(self.ask("POST", "/fine_tuning/jobs", self.query(), json=body))

    def look_at_job(self, job_id: str) -> RemoteJob:
        """Where it stands."""
        return self.read_job(self.ask("GET", f"/fine_tuning/jobs/{_quoted(job_id)}", self.query()))

    def cancel_job(self, job_id: str) -> None:
        """Stop it for good."""
        self.request("POST", f"/fine_tuning/jobs/{_quoted(job_id)}/cancel", self.query())

    def pause_job(self, job_id: str) -> None:
        """Stop it so that it can go on."""
        self.request("POST", f"/fine_tuning/jobs/{_quoted(job_id)}/pause", self.query())

    def resume_job(self, job_id: str) -> None:
        """Let it go on."""
        self.request("POST", f"/fine_tuning/jobs/{_quoted(job_id)}/resume", self.query())

    def read_progress(self, job: RemoteJob, last_event: str) -> Progress:
        """Events that came since, with what was measured; once it is done also its file of results and checkpoints."""
        progress, base = Progress(), f"/fine_tuning/jobs/{_quoted(job.id)}"
        for one in self.pages(f"{base}/events"):
            if one.get("id") == last_event:
                break
            name = str(one.get("id", ""))
            progress.last_event = progress.last_event or name
            data = one.get("data") if isinstance(one.get("data"), dict) else {}
            point = _point_of(data)
            if point is not None:
                progress.points.append(point)
            if point is None or one.get("type") != "metrics":
                kind, step = "failed" if one.get("level") == "error" else "note", read_step((data or {}).get("step"))
                said = self.say(one.get("message"))
                progress.events.append(Event(name, _time_of(one.get("created_at")), said, step, kind))
        progress.events.reverse()
        if job.state != "done":
            return progress
        for file_id in job.results[:1]:
            reply = self.request("GET", f"/files/{_quoted(file_id)}/content", self.query(), most_bytes=RESULT_BYTES)
            progress.points += read_table(reply.body, COLUMNS)
        try:
            found = list(self.pages(f"{base}/checkpoints"))
        except NotFound:
            # Not every service that speaks like this one has them.
            found = []
        for one in found:
            step, metrics = read_step(one.get("step_number")), one.get("metrics")
            if step is None:
                continue
            point = _point_of({**(metrics if isinstance(metrics, dict) else {}), "step": step}) or {"step": step}
            progress.points.append(point)
            model = self.say(one.get("fine_tuned_model_checkpoint"))
            progress.checkpoints.append(RemoteCheckpoint(step, model, point.get("validation_loss")))
        return progress

    def pages(self, path: str, **more: str) -> Iterator[dict[str, Any]]:
        """The rows of a list page by page, in its own order."""
        after: dict[str, str] = {}
        for _ in range(MOST_PAGES):
            said = self.ask("GET", path, self.query(limit=str(PAGE), **more, **after))
            rows = [one for one in said.get("data") or [] if isinstance(one, dict)]
            yield from rows
            last = rows[-1].get("id") if rows else None
            if not said.get("has_more") or not isinstance(last, str) or after.get("after") == last:
                return
            after = {"after": last}

    def read_file(self, said: Mapping[str, Any]) -> RemoteFile:
        """A file as the service tells of it."""
        status = str(said.get("status") or "processed").lower()
        waits = self.waits_for_file and status in WAITING
        state = "bad" if status in BAD else "waiting" if waits else "ready"
        size = said.get("bytes")
        message = self.say(said.get("status_details") or _message_of(said.get("error")))
        return RemoteFile(
            self.name_of(said.get("id"), "a file"), size if isinstance(size, int) else None, state, message
        )

    def read_job(self, said: Mapping[str, Any]) -> RemoteJob:
        """A job as the service tells of it."""
        status, tokens, results = str(said.get("status") or ""), said.get("trained_tokens"), said.get("result_files")
        return RemoteJob(
            self.name_of(said.get("id"), "a job"),
            STATES.get(status.lower(), "running"),
            self.say(status),
            self.say(_message_of(said.get("error"))),
            self.say(said.get("fine_tuned_model")),
            read_step(said.get("total_steps")),
            tokens if isinstance(tokens, int) else None,
            results=tuple(map(str, results)) if isinstance(results, list) else (),
        )


def _quoted(name: str) -> str:
    """A name as a part of a path, whatever the service put into it."""
    return quote(name, safe="")


def _message_of(error: object) -> object:
    return error.get("message") if isinstance(error, dict) else error


def _time_of(value: object) -> datetime | None:
    """The time that seconds since 1970 mean."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value < 2**33:
        return None
    return datetime.fromtimestamp(value, UTC)


def _point_of(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    """What an event or a checkpoint measured; None where that is nothing."""
    step = read_step((data or {}).get("step"))
    if step is None:
        return None
    measured = {ours: data[name] for name, ours in METRICS.items() if data and isinstance(data.get(name), int | float)}
    return {"step": step, **measured} if measured else None
