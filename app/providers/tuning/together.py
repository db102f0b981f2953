"""Together: ``/files`` and ``/fine-tunes``."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote

from app.core.errors import LttError
from app.core.training import RunSpec
from app.providers.tuning.api import Api, Event, Progress, RemoteCheckpoint, RemoteFile, RemoteJob, read_step

STATES = {
    "pending": "queued",
    "queued": "queued",
    "running": "running",
    "compressing": "running",
    "uploading": "running",
    "cancel_requested": "running",
    "cancelled": "cancelled",
    "error": "failed",
    "user_error": "failed",
    "completed": "done",
}
METRICS = {
    "train/loss": "loss",
    "train/learning_rate": "learning_rate",
    "train/grad_norm": "gradient_norm",
    "train/epoch": "epoch",
    "eval/loss": "validation_loss",
}
KINDS = {"checkpoint_save": "checkpoint", "epoch_complete": "epoch", "job_error": "failed", "job_complete": "done"}
# Batches and checkpoints are counted by the service within these bounds.
MOST_EVALS = 100


class TogetherApi(Api):
    """Files and jobs of Together. A file is looked at after its upload."""

    kind = "together"
    title = "Together"
    targets: Mapping[str, str] = MappingProxyType(
        {"lora": "together", "full": "together", "dpo": "together-preference"}
    )
    most_upload: int | None = 50_000_000_000
    uses = "The batch and the longest text are chosen there; all other settings are sent."
    can_pause = can_resume = False

    def look(self) -> None:
        """Ask for the list of jobs."""
        self.ask("GET", "/fine-tunes")

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """The file of that name and size."""
        for one in _rows_of(self.ask("GET", "/files")):
            if one.get("filename") == name and one.get("bytes") in (size, None):
                return self._read_file(one)
        return None

    def upload_file(self, name: str, path: Path) -> RemoteFile:
        """Upload it for fine-tuning."""
        fields = {"purpose": "fine-tune", "file_name": name, "file_type": "jsonl"}
        return self._read_file(self.send_file("/files/upload", path, name, fields))

    def look_at_file(self, file_id: str) -> RemoteFile:
        """How the service finds it."""
        return self._read_file(self.ask("GET", f"/files/{quote(file_id, safe='')}"))

    def delete_file(self, file_id: str) -> None:
        """Delete it there."""
        self.request("DELETE", f"/files/{quote(file_id, safe='')}")

    def reckon_price(self, spec: RunSpec, files: Mapping[str, str]) -> float | None:
        """What it reckons before a job is made, where it does."""
        body = self._body(spec, files)
        asked = {name: body[name] for name in body if name in _PRICED}
        try:
            said = self.ask("POST", "/fine-tunes/estimate-price", json=asked)
        except LttError:
            return None
        price = said.get("estimated_total_price")
        return float(price) if isinstance(price, int | float) and not isinstance(price, bool) else None

    def find_job(self, name: str, files: Mapping[str, str]) -> RemoteJob | None:
        """The job of our training file: no other run has that file."""
        for one in _rows_of(self.ask("GET", "/fine-tunes")):
            if one.get("training_file") == files["train"]:
                return self._read_job(one)
        return None

    def make_job(self, name: str, spec: RunSpec, files: Mapping[str, str]) -> RemoteJob:
        """Make it."""
        return self._read_job(self.ask("POST", "/fine-tunes", json={**self._body(spec, files), "suffix": name}))

    def look_at_job(self, job_id: str) -> RemoteJob:
        """Where it stands."""
        return self._read_job(self.ask("GET", f"/fine-tunes/{quote(job_id, safe='')}"))

    def read_progress(self, job: RemoteJob, last_event: str) -> Progress:
        """All events and all that was measured; whoever keeps them knows which are new."""
        base, progress = f"/fine-tunes/{quote(job.id, safe='')}", Progress()
        for one in _rows_of(self.ask("GET", f"{base}/events")):
            kind = str(one.get("type") or "").lower()
            step = read_step(one.get("step"))
            told = self.say(one.get("message"))
            name = f"{one.get('created_at')}-{kind}-{step}"
            found = Event(name, _time_of(one.get("created_at")), told, step, KINDS.get(kind, "note"))
            progress.events.append(found)
        for one in _rows_of(self.ask("GET", f"{base}/metrics"), "metrics"):
            step = read_step(one.get("train/global_step", one.get("eval/global_step")))
            measured = {ours: one[name] for name, ours in METRICS.items() if name in one}
            if step is not None and measured:
                progress.points.append({"step": step, **measured})
        if job.state == "done":
            losses = {one["step"]: one["validation_loss"] for one in progress.points if "validation_loss" in one}
            for one in _rows_of(self.ask("GET", f"{base}/checkpoints")):
                step = read_step(one.get("step"))
                if step is not None:
                    progress.checkpoints.append(RemoteCheckpoint(step, f"{job.id}:{step}", losses.get(step)))
        return progress

    def cancel_job(self, job_id: str) -> None:
        """Stop it for good."""
        self.request("POST", f"/fine-tunes/{quote(job_id, safe='')}/cancel")

    def pause_job(self, job_id: str) -> None:
        """There is no such thing."""
        raise NotImplementedError

    resume_job = pause_job

    def _body(self, spec: RunSpec, files: Mapping[str, str]) -> dict[str, Any]:
        """A job as Together takes it: all weights, or an adapter of LoRA."""
        settings = spec.settings
        adapter = {"type": "Lora", "lora_r": settings.rank, "lora_alpha": settings.alpha}
        adapter |= {"lora_dropout": settings.dropout, "lora_trainable_modules": "all-linear"}
        is_full = spec.method == "full" or (spec.method == "dpo" and not settings.adapter)
        sft: dict[str, Any] = {"method": "sft", "train_on_inputs": settings.trains == "all"}
        evals = min(MOST_EVALS, 3 * settings.epochs) if "validation" in files else 0
        body: dict[str, Any] = {
            "model": spec.base.name,
            "training_file": files["train"],
            "n_epochs": settings.epochs,
            "n_checkpoints": settings.epochs,
            "n_evals": evals,
            "learning_rate": settings.learning_rate,
            "weight_decay": settings.weight_decay,
            "batch_size": "max",
            "random_seed": spec.seed,
            "training_type": {"type": "Full"} if is_full else adapter,
            "training_method": {"method": "dpo", "dpo_beta": settings.beta} if spec.method == "dpo" else sft,
        }
        if settings.scheduler in ("cosine", "linear"):
            arguments: dict[str, float] = {"min_lr_ratio": 0.0}
            arguments |= {"num_cycles": 0.5} if settings.scheduler == "cosine" else {}
            body["lr_scheduler"] = {"lr_scheduler_type": settings.scheduler, "lr_scheduler_args": arguments}
        return {**body, **({"validation_file": files["validation"]} if "validation" in files else {})}

    def _read_file(self, said: Mapping[str, Any]) -> RemoteFile:
        status, size = str(said.get("processing_status") or "").upper(), said.get("bytes")
        is_bad = status in ("INVALID_FORMAT", "FAILED")
        waits = not is_bad and (said.get("Processed") is False or status not in ("", "COMPLETED"))
        state = "bad" if is_bad else "waiting" if waits else "ready"
        report = said.get("validation_report")
        told = self.say(report if isinstance(report, str) else report or "")
        return RemoteFile(self.name_of(said.get("id"), "a file"), size if isinstance(size, int) else None, state, told)

    def _read_job(self, said: Mapping[str, Any]) -> RemoteJob:
        status, tokens, price = str(said.get("status") or ""), said.get("token_count"), said.get("total_price")
        state = STATES.get(status.lower(), "running")
        return RemoteJob(
            self.name_of(said.get("id") or said.get("job_id"), "a job"),
            state,
            self.say(status),
            # Why it failed stands in its last event.
            self._why(said) if state == "failed" else "",
            self.say(said.get("model_output_name") or said.get("output_name")) if state == "done" else "",
            read_step(said.get("total_steps")),
            tokens if isinstance(tokens, int) and tokens else None,
            str(price) if isinstance(price, int) and price else "",
        )

    def _why(self, said: Mapping[str, Any]) -> str:
        path = f"/fine-tunes/{quote(str(said.get('id')), safe='')}/events"
        events = _rows_of(said, "events") or _rows_of(self.ask("GET", path))
        told = [one.get("message") for one in events if "error" in str(one.get("type")).lower()]
        return self.say(told[-1]) if told else f"{self.title} does not say why."


_PRICED = ("model", "training_file", "validation_file", "n_epochs", "n_evals", "training_type", "training_method")


def _rows_of(said: Mapping[str, Any], name: str = "data") -> list[dict[str, Any]]:
    rows = said.get(name)
    return [one for one in rows if isinstance(one, dict)] if isinstance(rows, list) else []


def _time_of(value: object) -> datetime | None:
    """The time that a text in the form of ISO 8601 means."""
    try:
        found = datetime.fromisoformat(str(value))
    except ValueError:
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)
