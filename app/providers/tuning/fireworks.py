"""Fireworks: datasets and ``supervisedFineTuningJobs`` of an account. Whoever asks chooses the ids."""

from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any
from urllib.parse import quote, urlsplit

import msgspec

from app.core.connections import Allowed, read_address
from app.core.errors import Busy, LttError, NotFound
from app.core.training import RunSpec
from app.providers.endpoint import Endpoint
from app.providers.tuning.api import (
    RESULT_BYTES,
    SECONDS,
    Api,
    Event,
    Progress,
    RemoteFile,
    RemoteJob,
    read_step,
)

STATES = {
    "JOB_STATE_UNSPECIFIED": "queued",
    "JOB_STATE_CREATING": "queued",
    "JOB_STATE_CREATING_INPUT_DATASET": "queued",
    "JOB_STATE_PENDING": "queued",
    "JOB_STATE_VALIDATING": "queued",
    "JOB_STATE_RE_QUEUEING": "queued",
    "JOB_STATE_IDLE": "queued",
    "JOB_STATE_RUNNING": "running",
    "JOB_STATE_WRITING_RESULTS": "running",
    "JOB_STATE_CANCELLING": "running",
    "JOB_STATE_PAUSED": "paused",
    "JOB_STATE_COMPLETED": "done",
    "JOB_STATE_EARLY_STOPPED": "done",
    "JOB_STATE_FAILED": "failed",
    "JOB_STATE_EXPIRED": "failed",
    "JOB_STATE_CANCELLED": "cancelled",
    "JOB_STATE_DELETING": "cancelled",
    "JOB_STATE_DELETING_CLEANING_UP": "cancelled",
}
# How the lines of the file of metrics name what they measure. No document says so: seen in programs that read it.
METRICS = {
    "train/loss": "loss",
    "loss": "loss",
    "train/learning_rate": "learning_rate",
    "train/lr": "learning_rate",
    "learning_rate": "learning_rate",
    "train/grad_norm": "gradient_norm",
    "gradient_norm": "gradient_norm",
    "train/mean_token_accuracy": "token_accuracy",
    "train/epoch": "epoch",
    "epoch": "epoch",
    "eval/loss": "validation_loss",
    "eval_loss": "validation_loss",
}
_SFT, _DPO = "/supervisedFineTuningJobs", "/dpoJobs"


class FireworksApi(Api):
    """Datasets and jobs of an account, whose id is the last part of the address."""

    kind = "fireworks"
    title = "Fireworks"
    targets: Mapping[str, str] = MappingProxyType({"lora": "fireworks", "dpo": "fireworks-preference"})
    # Larger files go to a signed address, which is not done here.
    most_upload: int | None = 150_000_000
    uses = "Of the settings it takes epochs, learning rate, rank and the longest text; all else is chosen there."
    can_pause, can_resume = False, True

    @property
    def account(self) -> str:
        """The account as its resources are named."""
        return "accounts/" + self.endpoint.address.path.rpartition("/accounts/")[2]

    def look(self) -> None:
        """Ask for a list of jobs."""
        self.ask("GET", _SFT, {"pageSize": "1"})

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """The dataset of that name, once something was uploaded into it."""
        try:
            found = self.look_at_file(_id_of(name))
        except NotFound:
            return None
        return found if found.state != "waiting" else None

    def upload_file(self, name: str, path: Path) -> RemoteFile:
        """Make the dataset and upload its file. One that is there already is filled again with the same."""
        dataset = {"datasetId": _id_of(name), "dataset": {"userUploaded": {}}}
        try:
            self.ask("POST", "/datasets", json=dataset)
        except Busy as error:
            # An earlier try made it.
            if error.details["status"] != 409:
                raise
        self.send_file(f"/datasets/{_id_of(name)}:upload", path, name, {})
        return RemoteFile(_id_of(name))

    def look_at_file(self, file_id: str) -> RemoteFile:
        """How the service finds it."""
        said = self.ask("GET", f"/datasets/{quote(file_id, safe='')}")
        status: Any = said.get("status") if isinstance(said.get("status"), dict) else {}
        is_bad = str(status.get("code") or "OK") != "OK"
        state = "bad" if is_bad else "ready" if said.get("state") == "READY" else "waiting"
        return RemoteFile(file_id, None, state, self.say(status.get("message")))

    def delete_file(self, file_id: str) -> None:
        """Delete it there."""
        self.request("DELETE", f"/datasets/{quote(file_id, safe='')}")

    def reckon_price(self, spec: RunSpec, files: Mapping[str, str]) -> float | None:
        """It says so only of a job that is made."""
        return None

    def find_job(self, name: str, files: Mapping[str, str]) -> RemoteJob | None:
        """The job of that name, of one kind or the other."""
        for kind in (_SFT, _DPO):
            try:
                return self.look_at_job(f"{kind}/{name}")
            except NotFound:
                continue
        return None

    def make_job(self, name: str, spec: RunSpec, files: Mapping[str, str]) -> RemoteJob:
        """Make it under a name of ours: the service makes no second one of that name."""
        settings = spec.settings
        config: dict[str, Any] = {"baseModel": spec.base.name, "outputModel": f"{self.account}/models/{name}"}
        config |= {"epochs": settings.epochs, "learningRate": settings.learning_rate, "loraRank": settings.rank}
        config |= {"maxContextLength": settings.max_tokens}
        dataset = {"dataset": f"{self.account}/datasets/{files['train']}", "displayName": name}
        if spec.method == "dpo":
            said = self.ask("POST", _DPO, {"dpoJobId": name}, json={**dataset, "trainingConfig": config})
            return self._read_job(f"{_DPO}/{name}", said)
        body = {**dataset, **config, "earlyStop": bool(settings.patience)}
        if "validation" in files:
            body["evaluationDataset"] = f"{self.account}/datasets/{files['validation']}"
        said = self.ask("POST", _SFT, {"supervisedFineTuningJobId": name}, json=body)
        return self._read_job(f"{_SFT}/{name}", said)

    def look_at_job(self, job_id: str) -> RemoteJob:
        """Where it stands."""
        return self._read_job(job_id, self.ask("GET", job_id))

    def read_progress(self, job: RemoteJob, last_event: str) -> Progress:
        """The file of metrics, where there is one; the only events are the job's states."""
        progress = Progress(events=[Event(job.status, None, f"{self.title}: {job.status}")])
        for address in job.results:
            try:
                content = self._fetch(address)
            except (LttError, ValueError) as error:
                told = error.message if isinstance(error, LttError) else "Its address cannot be read."
                progress.events.append(Event(f"metrics-{told[:40]}", None, f"The file of metrics was not read. {told}"))
                continue
            for line in content.splitlines():
                try:
                    said = msgspec.json.decode(line)
                except msgspec.DecodeError:
                    continue
                if isinstance(said, dict) and (step := read_step(said.get("step"))) is not None:
                    data = said["data"] if isinstance(said.get("data"), dict) else said
                    measured = {ours: data[name] for name, ours in METRICS.items() if name in data}
                    progress.points.append({"step": step, **measured})
        return progress

    def cancel_job(self, job_id: str) -> None:
        """Stop it for good."""
        self.request("POST", f"{job_id}:cancel", json={})

    def pause_job(self, job_id: str) -> None:
        """There is no such thing: a job is paused by the service only."""
        raise NotImplementedError

    def resume_job(self, job_id: str) -> None:
        """Let it go on."""
        self.request("POST", f"{job_id}:resume", json={})

    def _fetch(self, address: str) -> bytes:
        """What lies at a signed address of a store. The key is not sent there, and it is a public one over https."""
        parts = urlsplit(address)
        store = read_address(f"{parts.scheme}://{parts.netloc}")
        if store.origin == self.endpoint.address.origin:
            allowed = self.endpoint.allowed
        elif store.scheme == "https" and store.reach in ("name", "public"):
            allowed = Allowed()
        else:
            raise NotFound("Its address leads to no store in the internet.", code="bad_address")
        path = parts.path + (f"?{parts.query}" if parts.query else "")
        with Endpoint(store, "", allowed) as opened:
            reply = opened.send("GET", path, seconds=SECONDS, most_bytes=RESULT_BYTES, tries=1)
        if reply.status >= 300:
            raise NotFound(f"The store answers with {reply.status}.", code="not_there")
        return reply.body

    def _read_job(self, job_id: str, said: Mapping[str, Any]) -> RemoteJob:
        word, status = str(said.get("state") or ""), said.get("status")
        state = STATES.get(word, "running")
        told = self.say(status.get("message")) if isinstance(status, dict) and state in ("failed", "paused") else ""
        config: Any = said.get("trainingConfig") if isinstance(said.get("trainingConfig"), dict) else said
        model = self.say(config.get("outputModel")) if state == "done" else ""
        address = said.get("metricsFileSignedUrl")
        return RemoteJob(
            job_id,
            state,
            self.say(word),
            told,
            model,
            results=(address,) if isinstance(address, str) and address else (),
            price=self.say(_price_of(said.get("estimatedCost"))),
        )


def _id_of(name: str) -> str:
    """A file's name as the id of a dataset: small letters, digits and hyphens."""
    return name.removesuffix(".jsonl")


def _price_of(cost: object) -> str:
    """A sum as Google's type Money has it."""
    if not isinstance(cost, dict):
        return ""
    try:
        amount = int(cost.get("units") or 0) + int(cost.get("nanos") or 0) / 1e9
    except (TypeError, ValueError):
        return ""
    return f"{amount:.2f} {cost.get('currencyCode') or ''}".strip()
