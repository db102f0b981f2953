"""The APIs of services that train: what each can do, what it tells, and what the failure of a request means."""

import csv
import io
import json
import math
from base64 import b64decode
from binascii import Error as NoBase64
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlencode

from app.core.errors import Busy, Conflict, Invalid, NotFound, Unavailable
from app.core.training import RunSpec
from app.providers.endpoint import Endpoint, Reply, printable, read_retry_after

# A reply is read up to so many bytes; a file of results may be larger.
REPLY_BYTES, RESULT_BYTES = 8 * 1024 * 1024, 16 * 1024 * 1024
# How long an answer may take, and how many bytes a second an upload has at least.
SECONDS, SLOWEST = 60.0, 50_000
MAX_STEP, MAX_TEXT, MAX_ID = 10**9, 500, 300


@dataclass(frozen=True, slots=True)
class RemoteFile:
    """A file at the service: ``state`` is waiting (it is looked at), ready or bad."""

    id: str
    bytes: int | None = None
    state: str = "ready"
    message: str = ""


@dataclass(frozen=True, slots=True)
class RemoteJob:
    """A job at the service. ``state`` is one of ``PlaceState``, ``status`` the service's own word for it."""

    id: str
    state: str
    status: str
    message: str = ""
    model: str = ""
    steps: int | None = None
    tokens: int | None = None
    price: str = ""
    results: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Event:
    """Something that happened there; ``id`` tells it from all others of the job."""

    id: str
    at: datetime | None
    message: str
    step: int | None = None
    kind: str = "note"


@dataclass(frozen=True, slots=True)
class RemoteCheckpoint:
    """A checkpoint that stays at the service."""

    step: int
    model: str
    validation_loss: float | None = None


@dataclass(slots=True)
class Progress:
    """What was measured and told. A point has a ``step`` and what else ``metrics.jsonl`` may hold."""

    points: list[dict[str, Any]] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    checkpoints: list[RemoteCheckpoint] = field(default_factory=list)
    # The newest event that was read, whether it is told or only measured something.
    last_event: str = ""


class TuningApi(Protocol):
    """The API of one service. ``docs/hosted.md`` writes down what each was read from.

    ``targets`` are the export targets of its data by method. ``most_upload`` is how many bytes one upload may have.
    ``find_file`` and ``find_job`` look for what an earlier try made; ``name`` is the same in each try.
    """

    kind: str
    title: str
    targets: Mapping[str, str]
    most_upload: int | None
    can_pause: bool
    can_resume: bool
    seconds: float
    # Which of the settings of a run it takes, as a sentence.
    uses: str

    def __init__(self, endpoint: Endpoint) -> None: ...

    def close(self) -> None:
        """Let go of the network."""

    def look(self) -> None:
        """Ask something that costs nothing, to see that the service is there and takes the key."""

    def find_file(self, name: str, size: int) -> RemoteFile | None:
        """The file that was uploaded by that name and is whole."""

    def upload_file(self, name: str, path: Path) -> RemoteFile:
        """Upload it."""

    def look_at_file(self, file_id: str) -> RemoteFile:
        """How the service finds it."""

    def delete_file(self, file_id: str) -> None:
        """Delete it there."""

    def reckon_price(self, spec: RunSpec, files: Mapping[str, str]) -> float | None:
        """What the service itself reckons that the job costs, before it is made; None where it does not say."""

    def find_job(self, name: str, files: Mapping[str, str]) -> RemoteJob | None:
        """The job that was made of these files."""

    def make_job(self, name: str, spec: RunSpec, files: Mapping[str, str]) -> RemoteJob:
        """Make it. This is what costs money."""

    def look_at_job(self, job_id: str) -> RemoteJob:
        """Where it stands."""

    def read_progress(self, job: RemoteJob, last_event: str) -> Progress:
        """What was measured, and what happened after an event."""

    def cancel_job(self, job_id: str) -> None:
        """Stop it for good."""

    def pause_job(self, job_id: str) -> None:
        """Stop it so that it can go on."""

    def resume_job(self, job_id: str) -> None:
        """Let it go on."""


class Api:
    """What the APIs have in common: one request, and what its failures mean."""

    title = "The service"
    # How long an answer may take.
    seconds = SECONDS

    def __init__(self, endpoint: Endpoint) -> None:
        self.endpoint = endpoint

    def close(self) -> None:
        """Let go of the network."""
        self.endpoint.close()

    def ask(self, method: str, path: str, query: Mapping[str, str] | None = None, **more: Any) -> dict[str, Any]:
        """The JSON object that a request is answered with. Raises as ``request``, and Unavailable for no object."""
        reply = self.request(method, path, query, **more)
        try:
            said = reply.json()
        except Unavailable:
            # Programs in Python write NaN, which is no JSON.
            try:
                said = json.loads(reply.text)
            except (ValueError, RecursionError):
                said = None
        if not isinstance(said, dict):
            raise Unavailable(f"{self.title} answered with something that is no JSON object.", code="not_json")
        return said

    def request(
        self,
        method: str,
        path: str,
        query: Mapping[str, str] | None = None,
        *,
        seconds: float | None = None,
        most_bytes: int = REPLY_BYTES,
        **more: Any,
    ) -> Reply:
        """A reply that is no refusal. It is asked for once: whoever goes on looks at what came of it first.

        Raises as ``Endpoint.send``; Conflict for a key that is refused, NotFound, Busy where there were too many
        requests, Unavailable where the service fails, and Invalid for all else that it refuses.
        """
        target = path + (f"?{urlencode(query)}" if query else "")
        limit = seconds or self.seconds
        reply = self.endpoint.send(method, target, seconds=limit, most_bytes=most_bytes, tries=1, **more)
        if reply.status < 300:
            return reply
        said = self.say(_read_message(reply))
        told, wait = f" It says: {said}" if said else "", read_retry_after(reply.headers.get("retry-after", ""))
        if reply.status in (401, 403):
            raise Conflict(f"{self.title} refuses the key ({reply.status}).{told}", code="service_key")
        if reply.status in (404, 410):
            raise NotFound(f"{self.title} does not have what was asked for ({reply.status}).{told}", code="not_there")
        if reply.status == 402 or (reply.status == 429 and "quota" in said.lower()):
            raise Conflict(f"The quota at {self.title} is used up ({reply.status}).{told}", code="service_quota")
        if reply.status in (408, 409, 425, 429):
            raise Busy(
                f"{self.title} takes no more requests now ({reply.status}).{told}",
                code="busy",
                wait=wait,
                status=reply.status,
            )
        if reply.status >= 500:
            raise Unavailable(f"{self.title} has an error of its own ({reply.status}).{told}", code="server", wait=wait)
        raise Invalid(f"{self.title} refuses this ({reply.status}).{told}", code="refused", status=reply.status)

    def send_file(self, path: str, file: Path, name: str, fields: Mapping[str, str], **more: Any) -> dict[str, Any]:
        """Send a file in a form, with time for its size."""
        seconds = SECONDS + file.stat().st_size / SLOWEST
        with file.open("rb") as content:
            form = {"file": (name, content, "application/jsonl")}
            return self.ask("POST", path, files=form, data=dict(fields), seconds=seconds, **more)

    def say(self, text: object) -> str:
        """A text of the service as it may be shown: one line, bounded, without the key and without control letters."""
        return printable(self.endpoint.hide(str(text or "")), MAX_TEXT)

    def name_of(self, value: object, what: str) -> str:
        """An id that the service gave. Raises Unavailable for what cannot be one."""
        if not isinstance(value, str) or not value or len(value) > MAX_ID or not value.isprintable():
            raise Unavailable(f"{self.title} gave no usable id of {what}.", code="not_json")
        return value


def read_step(value: object) -> int | None:
    """A step as a whole number; None for what is none."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        return None
    return int(value) if 0 <= value <= MAX_STEP and value == int(value) else None


def read_table(content: bytes, columns: Mapping[str, str]) -> list[dict[str, Any]]:
    """The points of a file of results: CSV with a heading, perhaps in base64; ``columns`` are ours by theirs."""
    if b"," not in content[:4096]:
        with suppress(NoBase64, ValueError):
            content = b64decode(content, validate=True)
    points = []
    # A line that is no table ends the reading: csv bounds the length of its fields.
    with suppress(csv.Error):
        for row in csv.DictReader(io.StringIO(content.decode("utf-8-sig", errors="replace"))):
            point: dict[str, Any] = {}
            for column, name in columns.items():
                with suppress(ValueError):
                    if value := row.get(column):
                        point[name] = float(value)
            if "step" in point:
                points.append(point)
    return points


def _read_message(reply: Reply) -> str:
    """What an error says, in whatever form a service has for it."""
    try:
        said = reply.json()
    except Unavailable:
        return reply.text[: 4 * MAX_TEXT]
    while isinstance(said, dict):
        said = next((said[name] for name in ("error", "message", "detail") if said.get(name)), "")
    return said if isinstance(said, str) else ""
