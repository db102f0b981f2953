"""Small servers that speak the fine-tuning APIs of services, as docs/hosted.md writes their contracts down.

A job moves on by one stage each time somebody looks at it, so that no test depends on time. ``faults`` say what goes
wrong with which requests.
"""

import json
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Event, Lock, Thread
from typing import Any, ClassVar
from urllib.parse import parse_qs, unquote

KEY = "sk-only-for-tests-0123456789abcdef"
# step, training loss, token accuracy, validation loss.
CURVE = ((1, 2.5, 0.4, None), (2, 2.1, 0.45, 2.2), (3, 1.8, 0.5, None), (4, 1.5, 0.55, 1.7), (5, 1.4, 0.6, 1.75))


@dataclass
class Fault:
    """What goes wrong with the next ``times`` requests whose method and path match ``where``.

    They are answered with ``status``, ``body`` and ``headers``; with ``works`` the server did first what was asked. A
    ``cut`` answer ends in its middle. Who waits for ``held`` is told by it that the request has arrived, and the answer
    is never sent.
    """

    where: str
    status: int = 0
    body: object = None
    headers: Mapping[str, str] = field(default_factory=dict)
    times: int = 1
    works: bool = False
    cut: bool = False
    held: Event | None = None


@dataclass
class File:
    """An uploaded file; ``looks`` counts how often its state was asked for."""

    id: str
    name: str
    content: bytes
    looks: int = 0


@dataclass
class Job:
    """A job as it was asked for, and how far it is on its way through ``stages``."""

    id: str
    asked: dict[str, Any]
    stages: list[str]
    at: int = 0
    message: str = ""

    @property
    def stage(self) -> str:
        """The status that the service tells now."""
        return self.stages[self.at]


class Service:
    """What one server holds, and how it behaves.

    ``file_looks`` is how many looks a file stays in validation, ``bad_file`` what is found wrong with it then.
    ``stages`` are those of the next jobs. ``most`` is the most that one page of a list holds.
    """

    stages: list[str]
    done: ClassVar[str]
    prefix: ClassVar[str] = ""

    def __init__(self) -> None:
        self.address = ""
        self.files: dict[str, File] = {}
        self.jobs: dict[str, Job] = {}
        self.faults: list[Fault] = []
        self.requests: list[str] = []
        self.headers: list[dict[str, str]] = []
        self.file_looks = 0
        self.bad_file = ""
        self.message = ""
        self.most = 100
        self.curve = CURVE
        self.model = ""
        self.price: float | None = None
        self.lock = Lock()
        self.stages = list(type(self).stages)

    @property
    def base(self) -> str:
        """The address of the API."""
        return self.address + self.prefix

    def count(self, where: str) -> int:
        """How many requests there were whose method and path match."""
        return sum(1 for one in self.requests if re.search(where, one))

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        """Whether the key is right."""
        return headers.get("Authorization") == f"Bearer {KEY}"

    def error(self, status: int, message: str, code: str = "") -> tuple[int, object]:
        """An error in the service's own form."""
        return status, {
            "error": {"message": message, "type": "invalid_request_error", "param": None, "code": code or None}
        }

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, object]:
        """What a request is answered with."""
        raise NotImplementedError

    def look(self, job: Job) -> Job:
        """The job, one stage on."""
        job.at = min(job.at + 1, len(job.stages) - 1)
        return job

    def points(self, job: Job) -> tuple[tuple[int, float, float, float | None], ...]:
        """What was measured so far: nothing before it runs, two points more at each look, all at the end."""
        if job.stage == self.done:
            return self.curve
        return self.curve[: 2 * sum(1 for one in job.stages[: job.at + 1] if one in RUNNING)]

    def page(self, rows: list[dict[str, Any]], query: Mapping[str, str]) -> dict[str, Any]:
        """A page of a list: after a cursor, at most ``limit``."""
        after, size = query.get("after"), min(int(query.get("limit", "20")), self.most)
        start = next((at + 1 for at, one in enumerate(rows) if one["id"] == after), 0) if after else 0
        part = rows[start : start + size]
        return {
            "object": "list",
            "data": part,
            "has_more": start + size < len(rows),
            "first_id": part[0]["id"] if part else None,
            "last_id": part[-1]["id"] if part else None,
        }


RUNNING = ("running", "JOB_STATE_RUNNING")


class OpenAI(Service):
    """``/v1/files`` and ``/v1/fine_tuning/jobs``."""

    stages: ClassVar[list[str]] = ["validating_files", "queued", "running", "running", "succeeded"]  # type: ignore[misc]
    done = "succeeded"
    prefix = "/v1"
    created = 200

    def shown_file(self, file: File) -> dict[str, Any]:
        """A file as the API shows it."""
        waits = file.looks < self.file_looks
        status = "uploaded" if waits else "error" if self.bad_file else "processed"
        shown = {"id": file.id, "object": "file", "bytes": len(file.content), "created_at": 1796000000}
        shown |= {"filename": file.name, "purpose": "fine-tune", "status": status}
        return {**shown, "status_details": self.bad_file or None}

    def shown_job(self, job: Job) -> dict[str, Any]:
        """A job as the API shows it."""
        is_done, failed = job.stage == self.done, job.stage == "failed"
        problem = {"code": "invalid_training_file", "message": self.message, "param": "training_file"}
        return {
            "object": "fine_tuning.job",
            "id": job.id,
            "model": job.asked["model"],
            "created_at": 1796000000,
            "finished_at": 1796003600 if is_done else None,
            "fine_tuned_model": (self.model or f"ft:{job.asked['model']}:me::{job.id[-4:]}") if is_done else None,
            "organization_id": "org-1",
            "result_files": [f"file-results-{job.id}"] if is_done else [],
            "status": job.stage,
            "training_file": job.asked["training_file"],
            "validation_file": job.asked.get("validation_file"),
            "trained_tokens": 4321 if is_done else None,
            "error": problem if failed else {},
            "seed": job.asked.get("seed", 1),
            "method": job.asked.get("method"),
            "metadata": job.asked.get("metadata"),
        }

    def events_of(self, job: Job) -> list[dict[str, Any]]:
        """The events of a job, the newest first."""
        rows: list[dict[str, Any]] = [{"message": f"Created fine-tuning job: {job.id}", "type": "message", "data": {}}]
        for step, loss, accuracy, valid in self.points(job):
            data: dict[str, Any] = {"step": step, "train_loss": loss, "train_mean_token_accuracy": accuracy}
            data["total_steps"] = len(self.curve)
            said = f"Step {step}/{len(self.curve)}: training loss={loss:.2f}"
            if valid is not None:
                data |= {"valid_loss": valid, "full_valid_loss": valid}
            rows.append({"message": said, "type": "metrics", "data": data})
        if job.stage == "failed":
            rows.append({"message": self.message, "type": "message", "data": {}, "level": "error"})
        shown = [
            {"object": "fine_tuning.job.event", "id": f"ftevent-{job.id}-{at}", "created_at": 1796000000 + at}
            | {"level": "info", **one}
            for at, one in enumerate(rows)
        ]
        return shown[::-1]

    def checkpoints_of(self, job: Job) -> list[dict[str, Any]]:
        """The checkpoints of a job that is done, the newest first."""
        found = [one for one in self.points(job) if one[3] is not None] if job.stage == self.done else []
        return [
            {"object": "fine_tuning.job.checkpoint", "id": f"ftckpt_{step}", "created_at": 1796000000 + step}
            | {"fine_tuned_model_checkpoint": f"ft:{job.asked['model']}:me::{job.id[-4:]}:ckpt-step-{step}"}
            | {"fine_tuning_job_id": job.id, "step_number": step}
            | {"metrics": {"step": step, "train_loss": loss, "full_valid_loss": valid}}
            for step, loss, _, valid in reversed(found)
        ]

    def results_of(self, job: Job) -> bytes:
        """The file of results."""
        lines = ["step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy"]
        lines += [f"{step},{loss},{accuracy},{valid or ''}," for step, loss, accuracy, valid in self.curve]
        return ("\n".join(lines) + "\n").encode()

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, object]:
        """What a request is answered with."""
        path = path.removeprefix(self.prefix)
        if (method, path) == ("POST", "/files"):
            fields = read_parts(body, kind)
            if fields.get("purpose", (b"", ""))[0] != b"fine-tune" or "file" not in fields:
                return self.error(400, "Missing purpose or file.")
            content, name = fields["file"]
            file = File(f"file-{len(self.files) + 1:04}", name, content)
            self.files[file.id] = file
            return self.created, self.shown_file(file)
        if (method, path) == ("GET", "/files"):
            return 200, self.page([self.shown_file(one) for one in reversed(self.files.values())], query)
        if found := re.fullmatch(r"/files/([^/]+)(/content)?", path):
            return self.on_file(method, found[1], bool(found[2]))
        if (method, path) == ("POST", "/fine_tuning/jobs"):
            asked = json.loads(body)
            if asked.get("training_file") not in self.files:
                return self.error(400, f"invalid training_file: {asked.get('training_file')}")
            job = Job(f"ftjob-{len(self.jobs) + 1:04}", asked, list(self.stages))
            self.jobs[job.id] = job
            return self.created, self.shown_job(job)
        if (method, path) == ("GET", "/fine_tuning/jobs"):
            return 200, self.page([self.shown_job(one) for one in reversed(self.jobs.values())], query)
        if found := re.fullmatch(r"/fine_tuning/jobs/([^/]+)(?:/(\w+))?", path):
            return self.on_job(method, found[1], found[2] or "", query)
        return self.error(404, f"Unknown request URL: {method} {path}.", "unknown_url")

    def on_file(self, method: str, file_id: str, wants_content: bool) -> tuple[int, object]:
        """One file: looked at, read or deleted."""
        results = {f"file-results-{one.id}": one for one in self.jobs.values() if one.stage == self.done}
        if file_id in results and wants_content:
            return 200, self.results_of(results[file_id])
        file = self.files.get(file_id)
        if file is None:
            return self.error(404, f"No such File object: {file_id}")
        if method == "DELETE":
            del self.files[file_id]
            return 200, {"id": file_id, "object": "file", "deleted": True}
        shown = self.shown_file(file)
        file.looks += 1
        return 200, file.content if wants_content else shown

    def on_job(self, method: str, job_id: str, action: str, query: Mapping[str, str]) -> tuple[int, object]:
        """One job: looked at, its lists, or what is done to it."""
        job = self.jobs.get(job_id)
        if job is None:
            return self.error(404, f"Could not find fine tune: {job_id}", "fine_tune_not_found")
        if action == "events":
            return 200, self.page(self.events_of(job), query)
        if action == "checkpoints":
            return 200, self.page(self.checkpoints_of(job), query)
        if method == "GET" and not action:
            shown = self.shown_job(job)
            self.look(job)
            return 200, shown
        if method != "POST" or action not in ("cancel", "pause", "resume"):
            return self.error(404, "Unknown request URL")
        if job.stage in ("succeeded", "failed", "cancelled"):
            return self.error(400, f"Job {job_id} has already ended.")
        if action == "resume" and job.stage != "paused":
            return self.error(400, "Only a paused job can be resumed.")
        ways = {"cancel": ["cancelled"], "pause": ["pausing", "paused"], "resume": ["queued", "running", "succeeded"]}
        job.stages = [*job.stages[: job.at + 1], *ways[action]]
        return 200, self.shown_job(self.look(job))


class Azure(OpenAI):
    """The same below ``/openai``, with a version in the query and the key in a header of its own."""

    stages: ClassVar[list[str]] = ["pending", "running", "running", "succeeded"]  # type: ignore[misc]
    prefix = "/openai"
    created = 201

    def is_allowed(self, headers: Mapping[str, str]) -> bool:
        """Whether the key is right."""
        return headers.get("api-key") == KEY and "Authorization" not in headers

    def shown_file(self, file: File) -> dict[str, Any]:
        """A file as the API shows it; its validation has a name of its own."""
        shown = super().shown_file(file)
        return {**shown, "status": {"uploaded": "pending"}.get(shown["status"], shown["status"])}

    def results_of(self, job: Job) -> bytes:
        """The file of results, with a mark and other names of columns."""
        columns = "step,train_loss,train_mean_token_accuracy,valid_loss,validation_mean_token_accuracy"
        return b"\xef\xbb\xbf" + super().results_of(job).replace(
            b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy", columns.encode()
        )

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, object]:
        """What a request is answered with: nothing without a version."""
        if not path.startswith("/openai/v1/") and not query.get("api-version"):
            return self.error(404, "Resource not found", "404")
        path = path.replace("/openai/v1/", "/openai/")
        return super().answer(method, path, query, body, kind)


class Together(Service):
    """``/v1/files/upload`` and ``/v1/fine-tunes``."""

    stages: ClassVar[list[str]] = ["pending", "queued", "running", "running", "uploading", "completed"]  # type: ignore[misc]
    done = "completed"
    prefix = "/v1"

    def shown_file(self, file: File) -> dict[str, Any]:
        """A file as the API shows it."""
        waits = file.looks < self.file_looks
        shown = {"id": file.id, "object": "file", "bytes": len(file.content), "created_at": 1796000000}
        shown |= {"filename": file.name, "purpose": "fine-tune", "FileType": "jsonl", "LineCount": 0}
        shown |= {"Processed": not waits, "processing_status": "PENDING" if waits else "COMPLETED"}
        if not waits and self.bad_file:
            shown |= {"processing_status": "INVALID_FORMAT", "validation_report": self.bad_file}
        return shown

    def shown_job(self, job: Job) -> dict[str, Any]:
        """A job as the API shows it."""
        is_done = job.stage == self.done
        name = self.model or f"me/{job.asked['model'].split('/')[-1]}-{job.asked.get('suffix', '')}-{job.id[-4:]}"
        return {
            "id": job.id,
            "status": job.stage,
            "model": job.asked["model"],
            "model_output_name": name,
            "training_file": job.asked["training_file"],
            "validation_file": job.asked.get("validation_file", ""),
            "suffix": job.asked.get("suffix"),
            "n_epochs": job.asked.get("n_epochs"),
            "token_count": 4321 if is_done else 0,
            "total_price": 120 if is_done else 0,
            "total_steps": len(self.curve),
            "created_at": "2026-11-30T03:00:00Z",
            "updated_at": "2026-11-30T03:10:00Z",
            "events": [],
        }

    def events_of(self, job: Job) -> list[dict[str, Any]]:
        """The events of a job, the oldest first."""
        seen = job.stages[: job.at + 1]
        kinds = [("pending", "job_pending", "Job is pending"), ("running", "training_start", "Training started")]
        kinds += [("completed", "job_complete", "Training completed"), ("error", "job_error", self.message)]
        kinds += [("cancelled", "job_stopped", "Job was cancelled")]
        return [
            {"object": "fine-tune-event", "created_at": f"2026-11-30T03:0{at}:00Z", "level": "info"}
            | {"type": kind, "message": message}
            for at, (stage, kind, message) in enumerate(kinds)
            if stage in seen
        ]

    def metrics_of(self, job: Job) -> list[dict[str, float]]:
        """Points of training and of validation, each an object of its own."""
        rows: list[dict[str, float]] = []
        for step, loss, _, valid in self.points(job):
            place = {"timestamp": 1796000000000000000 + step, "train/global_step": step, "train/epoch": step / 5}
            rows.append({**place, "train/loss": loss, "train/learning_rate": 1e-4, "train/grad_norm": 1.5})
            if valid is not None:
                rows.append({**place, "eval/loss": valid})
        return rows

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, object]:
        """What a request is answered with."""
        path = path.removeprefix(self.prefix)
        if (method, path) == ("POST", "/files/upload"):
            fields = read_parts(body, kind)
            if not {"purpose", "file_name", "file"} <= fields.keys():
                return self.error(400, "purpose, file_name and file are required")
            file = File(f"file-{len(self.files) + 1:04}", fields["file_name"][0].decode(), fields["file"][0])
            self.files[file.id] = file
            return 200, self.shown_file(file)
        if (method, path) == ("GET", "/files"):
            return 200, {"data": [self.shown_file(one) for one in self.files.values()]}
        if found := re.fullmatch(r"/files/([^/]+)", path):
            file = self.files.get(found[1])  # type: ignore[assignment]
            if file is None:
                return self.error(404, "file not found")
            if method == "DELETE":
                return 200, {"id": self.files.pop(found[1]).id, "deleted": True}
            shown = self.shown_file(file)
            file.looks += 1
            return 200, shown
        if (method, path) == ("POST", "/fine-tunes"):
            asked = json.loads(body)
            if asked.get("training_file") not in self.files:
                return self.error(400, "training_file not found")
            job = Job(f"ft-{len(self.jobs) + 1:04}", asked, list(self.stages))
            self.jobs[job.id] = job
            return 200, self.shown_job(job)
        if (method, path) == ("POST", "/fine-tunes/estimate-price"):
            if self.price is None:
                return 200, {"estimation_available": False, "unavailable_reason": "no price"}
            return 200, {"estimation_available": True, "estimated_total_price": self.price, "allowed_to_proceed": True}
        if (method, path) == ("GET", "/fine-tunes"):
            return 200, {"data": [self.shown_job(one) for one in self.jobs.values()]}
        if found := re.fullmatch(r"/fine-tunes/([^/]+)(?:/(\w+))?", path):
            return self.on_job(method, found[1], found[2] or "")
        return self.error(404, f"no such page {path}")

    def on_job(self, method: str, job_id: str, action: str) -> tuple[int, object]:
        """One job: looked at, its lists, or cancelled."""
        job = self.jobs.get(job_id)
        if job is None:
            return self.error(404, "fine-tune not found")
        if action == "cancel" and method == "POST":
            if job.stage in ("completed", "error", "cancelled"):
                return self.error(400, "the job has ended")
            job.stages = [*job.stages[: job.at + 1], "cancel_requested", "cancelled"]
            return 200, self.shown_job(self.look(job))
        if action == "events":
            return 200, {"data": self.events_of(job)}
        if action == "metrics":
            return 200, {"metrics": self.metrics_of(job)}
        if action == "checkpoints":
            found = [one for one in self.points(job) if one[3] is not None] if job.stage == self.done else []
            rows = [{"step": one[0], "path": f"s3://x/{one[0]}", "checkpoint_type": "Intermediate"} for one in found]
            return 200, {"data": [{**one, "created_at": "2026-11-30T03:10:00Z"} for one in rows]}
        shown = self.shown_job(job)
        self.look(job)
        return 200, shown


class Fireworks(Service):
    """``/v1/accounts/{id}/datasets`` and ``/v1/accounts/{id}/supervisedFineTuningJobs``. Names are chosen by who asks."""

    stages: ClassVar[list[str]] = [  # type: ignore[misc]
        "JOB_STATE_CREATING",
        "JOB_STATE_VALIDATING",
        "JOB_STATE_RUNNING",
        "JOB_STATE_RUNNING",
        "JOB_STATE_WRITING_RESULTS",
        "JOB_STATE_COMPLETED",
    ]
    done = "JOB_STATE_COMPLETED"
    prefix = "/v1/accounts/me"

    def error(self, status: int, message: str, code: str = "") -> tuple[int, object]:
        """An error in the service's own form."""
        return status, {"code": 6 if status == 409 else 3, "message": message, "details": []}

    def shown_file(self, file: File) -> dict[str, Any]:
        """A dataset as the API shows it."""
        waits = not file.content or file.looks < self.file_looks
        status = (
            {"code": "INVALID_ARGUMENT", "message": self.bad_file} if self.bad_file and not waits else {"code": "OK"}
        )
        state = "UPLOADING" if waits or self.bad_file else "READY"
        return {"name": f"accounts/me/datasets/{file.id}", "state": state, "status": status, "format": "CHAT"}

    def shown_job(self, job: Job) -> dict[str, Any]:
        """A job as the API shows it."""
        shown = {"name": f"accounts/me/supervisedFineTuningJobs/{job.id}", "state": job.stage, **job.asked}
        failed = job.stage == "JOB_STATE_FAILED"
        shown["status"] = {"code": "INTERNAL", "message": self.message} if failed else {"code": "OK", "message": ""}
        shown["jobProgress"] = {"percent": 100 * job.at // max(1, len(job.stages) - 1), "epoch": 1}
        if self.model:
            shown["outputModel"] = self.model
        if self.points(job):
            shown["metricsFileSignedUrl"] = f"{self.address}/signed/{job.id}?sig=secret-of-the-storage"
        return shown

    def metrics_of(self, job: Job) -> bytes:
        """The file of metrics: a JSON object a line."""
        rows = []
        for step, loss, accuracy, valid in self.points(job):
            data = {"train/loss": loss, "train/epoch": step / 5, "train/mean_token_accuracy": accuracy}
            rows.append(json.dumps({"step": step, "data": data}))
            if valid is not None:
                rows.append(json.dumps({"step": step, "data": {"eval/loss": valid}}))
        return "\n".join(rows).encode()

    def answer(self, method: str, path: str, query: dict[str, str], body: bytes, kind: str) -> tuple[int, object]:
        """What a request is answered with."""
        if found := re.fullmatch(r"/signed/([^/]+)", path):
            return 200, self.metrics_of(self.jobs[found[1]])
        if not path.startswith(self.prefix + "/"):
            return self.error(403, "This key has no access to that account.")
        path = path.removeprefix(self.prefix)
        if (method, path) == ("POST", "/datasets"):
            name = json.loads(body)["datasetId"]
            if name in self.files:
                return self.error(409, f"dataset {name} already exists")
            self.files[name] = File(name, name, b"")
            return 200, self.shown_file(self.files[name])
        if found := re.fullmatch(r"/datasets/([^/:]+)(:upload)?", path):
            file = self.files.get(found[1])
            if file is None:
                return self.error(404, f"dataset {found[1]} not found")
            if found[2]:
                file.content = read_parts(body, kind)["file"][0]
                return 200, {}
            if method == "DELETE":
                del self.files[found[1]]
                return 200, {}
            shown = self.shown_file(file)
            file.looks += 1
            return 200, shown
        if (method, path) in (("POST", "/supervisedFineTuningJobs"), ("POST", "/dpoJobs")):
            name, asked = query.get("supervisedFineTuningJobId") or query["dpoJobId"], json.loads(body)
            if name in self.jobs:
                return self.error(409, f"job {name} already exists")
            if asked["dataset"].split("/")[-1] not in self.files:
                return self.error(400, f"dataset {asked['dataset']} not found")
            self.jobs[name] = Job(name, asked, list(self.stages))
            return 200, self.shown_job(self.jobs[name])
        if (method, path) == ("GET", "/supervisedFineTuningJobs"):
            return 200, {"supervisedFineTuningJobs": [self.shown_job(one) for one in self.jobs.values()]}
        if found := re.fullmatch(r"/(?:supervisedFineTuningJobs|dpoJobs)/([^/:]+)(?::(\w+))?", path):
            return self.on_job(method, found[1], found[2] or "")
        return self.error(404, "Not Found")

    def on_job(self, method: str, name: str, action: str) -> tuple[int, object]:
        """One job: looked at, cancelled or resumed."""
        job = self.jobs.get(name)
        if job is None:
            return self.error(404, f"job {name} not found")
        if action == "cancel":
            job.stages = [*job.stages[: job.at + 1], "JOB_STATE_CANCELLING", "JOB_STATE_CANCELLED"]
            self.look(job)
            return 200, {}
        if action == "resume":
            job.stages = [*job.stages[: job.at + 1], "JOB_STATE_RE_QUEUEING", "JOB_STATE_RUNNING", self.done]
            return 200, self.shown_job(self.look(job))
        shown = self.shown_job(job)
        self.look(job)
        return 200, shown


SERVICES: dict[str, type[Service]] = {
    "openai": OpenAI,
    "azure": Azure,
    "together": Together,
    "fireworks": Fireworks,
}


def read_parts(body: bytes, kind: str) -> dict[str, tuple[bytes, str]]:
    """The fields of a form with files: content and file name by field."""
    found = re.search(r'boundary="?([^";]+)', kind)
    if not found:
        return {}
    fields = {}
    for part in body.split(b"--" + found[1].encode())[1:-1]:
        head, _, content = part.partition(b"\r\n\r\n")
        name = re.search(rb'name="([^"]*)"', head)
        file = re.search(rb'filename="([^"]*)"', head)
        if name:
            fields[name[1].decode()] = (content.removesuffix(b"\r\n"), file[1].decode() if file else "")
    return fields


@contextmanager
def serve_tuning(name: str) -> Iterator[Any]:
    """A running server of one service, and what it holds."""
    service = SERVICES[name]()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None: ...

        def send(self, status: int, body: object, headers: Mapping[str, str], *, cut: bool) -> None:
            data = body if isinstance(body, bytes) else json.dumps(body).encode()
            self.send_response(status)
            for key, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(key, value)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data[: len(data) // 2] if cut else data)
            self.close_connection = self.close_connection or cut

        def handle_any(self) -> None:
            chunks = []
            if self.headers.get("Transfer-Encoding") == "chunked":
                while size := int(self.rfile.readline().strip() or b"0", 16):
                    chunks.append(self.rfile.read(size))
                    self.rfile.readline()
                self.rfile.readline()
            else:
                chunks.append(self.rfile.read(int(self.headers.get("Content-Length") or 0)))
            path, _, query = self.path.partition("?")
            path, asked = unquote(path), {key: values[0] for key, values in parse_qs(query).items()}
            with service.lock:
                service.requests.append(f"{self.command} {path}")
                service.headers.append(dict(self.headers.items()))
                fault = next(
                    (one for one in service.faults if one.times and re.search(one.where, f"{self.command} {path}")),
                    None,
                )
                if fault is not None:
                    fault.times -= 1
                if fault is None or fault.works or fault.cut or fault.held is not None:
                    if not path.startswith("/signed/") and not service.is_allowed(self.headers):
                        sent = self.headers.get("Authorization") or self.headers.get("api-key")
                        status, body = service.error(401, f"Incorrect API key provided: {sent}.", "invalid_api_key")
                    else:
                        kind = self.headers.get("Content-Type", "")
                        status, body = service.answer(self.command, path, asked, b"".join(chunks), kind)
            if fault is None:
                self.send(status, body, {}, cut=False)
            elif fault.held is not None:
                fault.held.set()
                # The other side is killed, or gives up.
                self.connection.settimeout(60)
                self.close_connection = True
                with suppress(OSError):
                    self.connection.recv(1)
            elif fault.status:
                shown = fault.body if fault.body is not None else service.error(fault.status, "It failed.")[1]
                self.send(fault.status, shown, fault.headers, cut=fault.cut)
            else:
                self.send(status, body, fault.headers, cut=fault.cut)

        do_GET = do_POST = do_DELETE = do_PUT = handle_any

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    service.address = f"http://127.0.0.1:{server.server_port}"
    thread = Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield service
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
