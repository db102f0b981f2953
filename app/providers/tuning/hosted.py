"""Training at a service: the file goes there, a job is made of it, and what it tells lands in the run's folder.

Nothing is made twice. ``hosted.json`` in the folder says what was asked for before it is asked for; whoever goes on
after a kill looks for what was made before making it. All of it happens in ``poll``: each look takes the run one step
further, whatever process makes it.
"""

import math
import secrets
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import Busy, Conflict, Invalid, LttError, NotFound, Unavailable
from app.core.training import RunSpec, decode_spec
from app.core.training.folder import write_whole
from app.providers.endpoint import Endpoint
from app.providers.tuning.api import SECONDS, Event, Progress, RemoteJob, TuningApi, read_step
from app.providers.tuning.base import ENDED, Obstacle, PlaceState

NOTES, QUOTE, CONTROL, STATE = "hosted.json", "quote.json", "control", "state.json"
METRICS, EVENTS = "metrics.jsonl", "events.jsonl"
FILES = {"train": "data/train.jsonl", "validation": "data/validation.jsonl"}
MAX_POINTS, MAX_EVENTS = 100_000, 5_000
POLL_SECONDS = 15.0
# How often a job is asked for that the service neither makes nor refuses.
MOST_TRIES = 5
# Seconds until the next try, after one failure, after two …
WAITS = (5.0, 15.0, 60.0, 300.0)
LONGEST_WAIT = 3600.0
# How much more than what was confirmed a service may reckon with before somebody is asked again.
TOLERANCE = 1.1


@dataclass(slots=True)
class SentFile:
    """A file of the run on its way: ``begun`` before it is sent, ``id`` once it is there."""

    name: str
    begun: bool = False
    id: str = ""
    deleted: bool = False


@dataclass(slots=True)
class Notes:
    """What ``hosted.json`` holds: what was asked of which service, so that it is found again.

    ``asked`` says that a job was asked for, ``job`` is its id. ``confirmed`` is the sum that somebody confirmed.
    """

    name: str
    service: str
    address: str
    files: dict[str, SentFile]
    asked: int = 0
    job: str = ""
    model: str = ""
    last_event: str = ""
    confirmed: float = 0.0
    is_paused: bool = False
    since: str = ""


def read_notes(folder: Path) -> Notes | None:
    """What was asked for so far; None where nothing was. Raises Invalid where that cannot be read."""
    try:
        notes = msgspec.json.decode((folder / NOTES).read_bytes(), type=Notes)
        if notes.files.keys() <= FILES.keys():
            return notes
    except FileNotFoundError:
        return None
    except (OSError, msgspec.MsgspecError, RecursionError):
        pass
    said = f"{NOTES} of this run is damaged, so it is not known what was made of it. Look for it at the service."
    raise Invalid(said, code="damaged_notes")


def write_notes(folder: Path, notes: Notes) -> None:
    """Keep them, so that they are there after a kill and after a power cut."""
    write_whole(folder / NOTES, msgspec.json.encode(asdict(notes)))


class HostedPlace:
    """A service as a place to train at.

    ``service`` is the class of its API, ``open_endpoint`` opens the way there with the key of the connection, when
    something is asked. ``check_data`` tells what the profile of the service says of the file and of its calendar,
    ``on_upload`` is told of each file before it is sent. What the run costs was confirmed before: ``quote.json`` in the
    folder says how much.
    """

    lane = "hosted"

    def __init__(
        self,
        name: str,
        title: str,
        service: type[TuningApi],
        address: str,
        open_endpoint: Callable[[], Endpoint],
        *,
        check_data: Callable[[RunSpec, Path | None], list[Obstacle]] = lambda spec, folder: [],
        on_upload: Callable[[Path, int], object] = lambda folder, size: None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.name, self.title, self.service, self.address = name, title, service, address
        self.poll_seconds = POLL_SECONDS
        self.targets, self.can_pause = service.targets, service.can_pause
        self._open_endpoint, self.seconds = open_endpoint, SECONDS
        self._api: TuningApi | None = None
        self._check_data, self._on_upload, self._clock = check_data, on_upload, clock
        self._again_at, self._failures, self._unread = 0.0, 0, 0

    @property
    def api(self) -> TuningApi:
        """The API, opened when it is first used. Raises Conflict where the key is not there."""
        if self._api is None:
            self._api = self.service(self._open_endpoint())
            self._api.seconds = self.seconds
        return self._api

    def check(self, spec: RunSpec, folder: Path | None) -> list[Obstacle]:
        """What speaks against it: the method, the file, the calendar, and the service itself."""
        notes = read_notes(folder) if folder is not None else None
        if notes is not None and notes.asked:
            # It goes on already: what is announced or refused since must not take it from who pays for it.
            return []
        found = self._check_data(spec, folder)
        if spec.method not in self.targets:
            said = f"{self.service.title} does not train by the method {spec.method}. Use {' or '.join(self.targets)}."
            return [Obstacle("no_method", said), *found]
        if spec.base.kind != "hub":
            said = f"{self.service.title} trains its own models. Name one of them as the base model."
            return [Obstacle("no_base", said), *found]
        for path in FILES.values():
            most = self.service.most_upload
            if folder is not None and most and (folder / path).is_file() and (folder / path).stat().st_size > most:
                size = (folder / path).stat().st_size
                said = (
                    f"{path} has {size / 1e6:,.0f} MB; {self.service.title} takes {most / 1e6:,.0f} MB in one upload. "
                    "Upload it there by hand, or train on fewer pairs."
                )
                found.append(Obstacle("large_upload", said, details={"bytes": size, "most": most}))
        if folder is not None:
            # Before that nothing is sent: somebody only looks at a page.
            try:
                self.api.look()
            except LttError as error:
                found.append(Obstacle(error.code, error.message))
            finally:
                self.end("")
        return found

    def estimate(self, spec: RunSpec, folder: Path) -> dict[str, Any]:
        """What it costs, as confirmed; memory and time are the service's."""
        return {"fits": True, "why": "", "cost": _read_object(folder / QUOTE) or None}

    def versions(self) -> dict[str, str]:
        """A service does not tell by what it trains."""
        return {}

    def start(self, spec: RunSpec, folder: Path) -> str:
        """Write down what will be asked for; the first look asks for it. Gives the name that all of it has there."""
        notes = read_notes(folder)
        if notes is None:
            name = f"ltt-{secrets.token_hex(6)}"
            files = {one: SentFile(f"{name}-{one}.jsonl") for one, path in FILES.items() if (folder / path).is_file()}
            confirmed = _read_object(folder / QUOTE).get("amount")
            if not isinstance(confirmed, int | float):
                raise Conflict("Nobody confirmed what this run costs, so it is not started.", code="not_confirmed")
            notes = Notes(name, self.service.kind, self.address, files, confirmed=float(confirmed), since=_now())
            write_notes(folder, notes)
        self._require_same(notes)
        (folder / CONTROL).unlink(missing_ok=True)
        return notes.name

    def resume(self, spec: RunSpec, handle: str, folder: Path) -> str:
        """Go on with what is there. A job that was told to be paused is let go on at the next look."""
        notes = read_notes(folder)
        name = self.start(spec, folder)
        if notes is not None and notes.is_paused:
            if not self.service.can_resume:
                raise Conflict(f"{self.service.title} cannot go on with a job that was stopped.", code="no_resume")
            write_whole(folder / CONTROL, b"resume")
        return name

    def _require_same(self, notes: Notes) -> None:
        """Raise Conflict where the connection leads to another service than when the run began: what was made there is
        not here, and would be made and paid a second time."""
        if (notes.service, notes.address) != (self.service.kind, self.address):
            said = (
                f"This run was sent to {notes.address}, and its connection leads to {self.address} now. Give the "
                "connection the former address until the run has ended."
            )
            raise Conflict(said, code="other_service")

    def pause(self, handle: str, folder: Path) -> None:
        """Ask for it at the next look."""
        write_whole(folder / CONTROL, b"pause")

    def cancel(self, handle: str, folder: Path) -> None:
        """Ask for it at the next look, whatever is waited for: a running job costs money."""
        write_whole(folder / CONTROL, b"cancel")
        self._again_at = 0.0

    def end(self, handle: str) -> None:
        """Let go of the network: nothing runs here."""
        if self._api is not None:
            self._api.close()
            self._api = None

    def fetch(self, handle: str, folder: Path) -> dict[str, Any]:
        """The name of the model: the model itself stays at the service."""
        notes = read_notes(folder)
        if notes is None or not notes.model:
            raise NotFound("No model came of this run yet.", code="no_model")
        told = {"model": notes.model, "service": self.service.title, "address": self.address, "job": notes.job}
        (folder / "result").mkdir(mode=0o700, exist_ok=True)
        write_whole(folder / "result" / "model.json", msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
        return told

    def forget(self, folder: Path) -> list[str]:
        """Delete the uploaded files there; gives their names. Raises Conflict while the job may read them."""
        notes = read_notes(folder)
        if notes is None:
            return []
        self._require_same(notes)
        if notes.job and self.api.look_at_job(notes.job).state not in ENDED:
            raise Conflict("The job may still read its files. Let it end, or cancel it first.", code="run_active")
        gone = []
        for file in notes.files.values():
            if file.id and not file.deleted:
                with suppress(NotFound):
                    self.api.delete_file(file.id)
                file.deleted = True
                gone.append(file.name)
                write_notes(folder, notes)
        return gone

    def poll(self, handle: str, folder: Path) -> PlaceState:
        """Take the run a step further, and say where it stands.

        What may pass by itself, such as a network that is down, is waited for: a job that costs money is not given up.
        """
        notes = read_notes(folder)
        if notes is None:
            return PlaceState("failed", message="Nothing was asked of the service yet.", code="not_started")
        before = _read_object(folder / STATE)
        if self._clock() < self._again_at:
            return PlaceState("running" if notes.job else "queued", int(before.get("step") or 0), before.get("steps"))
        try:
            self._require_same(notes)
            state = self._advance(notes, folder)
            self._failures, self._again_at = 0, 0.0
        except (Busy, Unavailable) as error:
            state = self._wait(notes, error, before)
        except Conflict as error:
            # A key that is refused can be put right while the job goes on.
            state = (
                self._wait(notes, error, before)
                if notes.job
                else PlaceState("failed", message=error.message, code=error.code)
            )
        except LttError as error:
            state = PlaceState("failed", message=error.message, code=error.code)
        self._tell(folder, state)
        return state

    def _wait(self, notes: Notes, error: LttError, before: Mapping[str, Any]) -> PlaceState:
        said = error.details.get("wait")
        pause = WAITS[min(self._failures, len(WAITS) - 1)]
        if isinstance(said, int | float):
            pause = min(max(float(said), 1.0), LONGEST_WAIT)
        self._failures += 1
        self._again_at = self._clock() + pause
        message = f"{error.message} It is tried again in {pause:,.0f} s."
        return PlaceState(
            "running" if notes.job else "queued", int(before.get("step") or 0), before.get("steps"), message, error.code
        )

    def _advance(self, notes: Notes, folder: Path) -> PlaceState:
        wish = _read_word(folder / CONTROL)
        if not notes.job:
            if wish == "cancel" and not notes.asked:
                return self._stop_early(folder)
            state = self._bring_files(notes, folder) or self._bring_job(notes, folder, wish)
            if state is not None:
                return state
        job = self.api.look_at_job(notes.job)
        acts = {"cancel": self.api.cancel_job, "pause": self.api.pause_job, "resume": self.api.resume_job}
        fits = {"cancel": job.state in ("queued", "running", "paused"), "pause": job.state in ("queued", "running")}
        if wish:
            if fits.get(wish, job.state == "paused"):
                try:
                    acts[wish](notes.job)
                except (Invalid, NotFound) as error:
                    # It may have ended a moment ago: what it is now is looked at.
                    self._add_events(folder, [Event(f"{wish}-{_now()}", None, error.message)])
                job = self.api.look_at_job(notes.job)
            (folder / CONTROL).unlink(missing_ok=True)
        notes.is_paused = job.state == "paused"
        state = self._record(notes, job, folder)
        if job.state == "done" and not job.model:
            return PlaceState("running", state.step, state.steps, f"{self.service.title} gives the model its name.")
        return state

    def _stop_early(self, folder: Path) -> PlaceState:
        (folder / CONTROL).unlink(missing_ok=True)
        return PlaceState("cancelled", message="Cancelled before a job was made: nothing is paid.")

    def _bring_files(self, notes: Notes, folder: Path) -> PlaceState | None:
        """Upload what is not there yet; says where it stands while the service looks at the files."""
        for which, file in notes.files.items():
            if file.id:
                continue
            path = folder / FILES[which]
            found = self.api.find_file(file.name, path.stat().st_size) if file.begun else None
            if not file.begun:
                file.begun = True
                write_notes(folder, notes)
            if found is None:
                self._on_upload(folder, path.stat().st_size)
                found = self.api.upload_file(file.name, path)
            file.id = found.id
            write_notes(folder, notes)
            self._add_events(folder, [Event(f"upload-{which}", None, f"Uploaded {which} as {file.name}.")])
        for which, file in notes.files.items():
            seen = self.api.look_at_file(file.id)
            if seen.state == "bad":
                told = seen.message or "it does not say why"
                message = f"{self.service.title} does not take the file of {which}: {told}"
                return PlaceState("failed", message=message, code="bad_file")
            if seen.state == "waiting":
                return PlaceState(
                    "queued", message=f"{self.service.title} looks at the uploaded files.", code="validating"
                )
        return None

    def _bring_job(self, notes: Notes, folder: Path, wish: str) -> PlaceState | None:
        """Make the job, unless an earlier try did."""
        spec, files = _read_spec(folder), {which: file.id for which, file in notes.files.items()}
        job = self.api.find_job(notes.name, files) if notes.asked else None
        if job is None and wish == "cancel":
            return self._stop_early(folder)
        if job is None:
            if notes.asked >= MOST_TRIES:
                said = f"{self.service.title} made no job in {MOST_TRIES} tries. Nothing is paid; start it again later."
                return PlaceState("failed", message=said, code="no_job")
            reckoned = self.api.reckon_price(spec, files)
            if reckoned is not None and reckoned > TOLERANCE * notes.confirmed + 0.01:
                said = (
                    f"{self.service.title} reckons with {reckoned:,.2f} for this job, and {notes.confirmed:,.2f} was "
                    "confirmed. No job was made. Look at the price and start again with the sum that it comes to."
                )
                return PlaceState("failed", message=said, code="cost_changed", result={"reckoned": reckoned})
            notes.asked += 1
            write_notes(folder, notes)
            job = self.api.make_job(notes.name, spec, files)
        notes.job = job.id
        write_notes(folder, notes)
        self._add_events(folder, [Event("job", None, f"{self.service.title} made the job {job.id}.", kind="started")])
        return None

    def _record(self, notes: Notes, job: RemoteJob, folder: Path) -> PlaceState:
        """Write what the service tells into the files of the folder."""
        try:
            progress = self.api.read_progress(job, notes.last_event)
            self._unread = 0
        except LttError:
            # The model counts more than its curve: after some tries a job that has ended is taken without.
            self._unread += 1
            if job.state not in ENDED or self._unread < MOST_TRIES:
                raise
            progress = Progress()
        epochs = _read_spec(folder).settings.epochs
        points = merge_points(folder / METRICS, progress.points, job.steps, epochs)
        self._add_events(folder, progress.events)
        for one in progress.checkpoints:
            place = folder / "checkpoints" / f"step-{one.step}"
            if not (place / "complete.json").is_file():
                place.mkdir(mode=0o700, parents=True, exist_ok=True)
                about = {"step": one.step, "validation_loss": one.validation_loss, "bytes": 0, "model": one.model}
                write_whole(place / "complete.json", msgspec.json.encode(about))
        notes.last_event = progress.last_event or notes.last_event
        if job.model:
            notes.model = job.model
        write_notes(folder, notes)
        step = max((int(one["step"]) for one in points), default=0)
        told = {"status": job.status, "job": job.id, "model": job.model, "tokens": job.tokens, "price": job.price}
        result = {name: value for name, value in told.items() if value not in (None, "")}
        code = "service_failed" if job.state == "failed" else ""
        message = job.message or ("" if job.state in ("done", "running") else f"{self.service.title}: {job.status}")
        return PlaceState(job.state, step, job.steps or (step if job.state == "done" else None), message, code, result)

    def _tell(self, folder: Path, state: PlaceState) -> None:
        """Keep where it stands in ``state.json``, as the trainer of this computer does."""
        points = _read_lines(folder / METRICS)
        measured = [one for one in points if isinstance(one.get("validation_loss"), int | float)]
        best = min(measured, key=lambda one: float(one["validation_loss"]), default=None)
        phases = {"queued": "loading", "running": "training"}
        told = {
            "phase": phases.get(state.state, state.state),
            "step": state.step,
            "steps": state.steps or 0,
            "epoch": points[-1].get("epoch") or 0.0 if points else 0.0,
            "best": {"step": best["step"], "validation_loss": best["validation_loss"]} if best else None,
            "message": state.message,
            "code": state.code,
            "device": self.service.title,
            "pid": None,
        }
        write_whole(folder / STATE, msgspec.json.encode(told))

    def _add_events(self, folder: Path, events: Iterable[Event]) -> None:
        """Append the events that the file does not have yet. Half a line that a kill left is cut off."""
        path = folder / EVENTS
        before = path.read_bytes() if path.is_file() else b""
        whole = before[: before.rfind(b"\n") + 1]
        known = {str(one.get("remote")) for one in _lines_of(whole)}
        lines = []
        for one in events:
            if one.id in known or len(known) >= MAX_EVENTS:
                continue
            known.add(one.id)
            at = (one.at or datetime.now(UTC)).isoformat()
            told = {"at": at, "step": one.step, "kind": one.kind, "message": one.message, "remote": one.id}
            lines.append(msgspec.json.encode(told) + b"\n")
        if lines or whole != before:
            write_whole(path, whole + b"".join(lines))


def merge_points(path: Path, new: Iterable[Mapping[str, Any]], steps: int | None, epochs: int) -> list[dict[str, Any]]:
    """Put new points into the file, each step once and ascending; gives all of them.

    What was measured of a step by two requests becomes one point. Numbers that are none are left out.
    """
    before = _read_lines(path)
    points: dict[int, dict[str, Any]] = {int(one["step"]): one for one in before if isinstance(one.get("step"), int)}
    for one in new:
        step = read_step(one.get("step"))
        if step is None or (step not in points and len(points) >= MAX_POINTS):
            continue
        epoch = round(step * epochs / steps, 4) if steps else None
        said = {name: value for name, value in one.items() if name != "step" and _is_finite(value)}
        points[step] = {"step": step, **({"epoch": epoch} if epoch is not None else {}), **points.get(step, {}), **said}
    ordered = [points[step] for step in sorted(points)]
    if ordered != before:
        write_whole(path, b"".join(msgspec.json.encode(one) + b"\n" for one in ordered))
    return ordered


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _read_spec(folder: Path) -> RunSpec:
    return decode_spec((folder / "run.json").read_bytes())


def _read_word(path: Path) -> str:
    try:
        word = path.read_text(errors="replace").strip()
    except OSError:
        return ""
    return word if word in ("pause", "cancel", "resume") else ""


def _read_object(path: Path) -> dict[str, Any]:
    try:
        said = msgspec.json.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}


def _read_lines(path: Path) -> list[dict[str, Any]]:
    try:
        return _lines_of(path.read_bytes())
    except OSError:
        return []


def _lines_of(content: bytes) -> list[dict[str, Any]]:
    found = []
    for line in content.split(b"\n"):
        with suppress(msgspec.DecodeError, RecursionError):
            said = msgspec.json.decode(line)
            if isinstance(said, dict):
                found.append(said)
    return found


def _now() -> str:
    return datetime.now(UTC).isoformat()
