"""Runs made, started, followed, paused, resumed and cancelled."""

import time
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import func, select

from app.core.errors import Busy, Conflict, LttError, NotFound, Restored
from app.core.training import RunSpec, decode_spec, encode_spec, write_card
from app.core.training.folder import count_bytes, write_whole
from app.models import Job, TrainingRun, db, end_reading, failures, transaction
from app.models.base import now
from app.models.filelock import FileLock
from app.providers.tuning import Place, PlaceState
from app.providers.tuning.base import ENDED as PLACE_ENDED
from app.providers.tuning.hosted import HostedPlace
from app.services import datasets, jobs, snapshots, tasks
from app.services.jobs import Cancelled, Watch
from app.services.running import Lost, Show
from app.services.training import hosted
from app.services.training.choices import RunChoices
from app.services.training.data import FILES, Finding, hash_file, survey_data
from app.services.training.folders import SPEC, folder_of, read_run, runs_folder
from app.services.training.listing import ACTIVE, has_uploads, require_run, spec_of
from app.services.training.places import find_place, target_of
from app.services.training.planning import RunPlan, find_obstacles, frozen_data, plan_run
from app.services.training.quoting import keep_quote, require_confirmed
from app.services.training.sweeping import combine_swept
from app.version import __version__

TICK_SECONDS = 0.5
# How long a place may take to stop before it is let go of; the worker waits a little longer.
STOP_SECONDS = 6.0
# Taken up so often without a new checkpoint, a run has failed.
MOST_ATTEMPTS = 3
_CONNECTION_GONE = (
    "The connection of this run was removed. What it began may go on at the service, and cost: look there, or bring the"
    " connection back and resume the run."
)
# From what a run can go on.
RESUMABLE = ("paused", "cancelled", "failed")


@dataclass(frozen=True, slots=True)
class TrainRun:
    """Which run to train."""

    dataset_id: int
    run_id: int


def create_run(choices: RunChoices) -> TrainingRun:
    """Make a run of what is chosen. Raises what ``plan_start`` raises."""
    return record_runs(plan_start(choices), [choices])[0]


def plan_start(choices: RunChoices) -> RunPlan:
    """The plan of a run that can start, with its snapshot; one of now is made where none is named or there.

    It may look at each pair and ask the place, so no transaction should be open. Raises Conflict where the place
    refuses it, and where something must be fixed first and no reason is given to start anyway.
    """
    plan = plan_run(choices)
    if plan.refusals:
        first = plan.refusals[0]
        raise Conflict(" ".join(one.message for one in plan.refusals), code=first.code, **first.details)
    require_no_findings(plan.survey.blocking, choices.override)
    if plan.quote is not None:
        require_confirmed(plan.quote)
    snapshot = plan.snapshot
    if snapshot is None:
        made = tasks.start(snapshots.FREEZE, snapshots.FreezeRun(choices.dataset_id), here=True).result or {}
        snapshot = snapshots.find_snapshot(choices.dataset_id, str(made["snapshot"]))
    return replace(plan, snapshot=snapshot)


def record_runs(plan: RunPlan, chosen: Sequence[RunChoices]) -> list[TrainingRun]:
    """Write down runs that can start as it was planned, all of them or none. They differ in name and settings only.

    Raises NotFound where the dataset or the snapshot was deleted since.
    """
    with transaction():
        datasets.get(plan.dataset.id)
        return [_record_run(plan, choices) for choices in chosen]


def _record_run(plan: RunPlan, choices: RunChoices) -> TrainingRun:
    snapshot = plan.snapshot
    assert snapshot is not None
    spec = RunSpec(
        " ".join(choices.name.split()),
        frozen_data(plan.dataset, snapshot),
        {name: plan.survey.splits.get(name, 0) for name in FILES},
        plan.base,
        choices.method,
        choices.settings,
        choices.seed,
        choices.held_out,
        versions={"llm-training-tools": __version__},
        made_at=datetime.now(UTC).isoformat(),
    )
    last = select(func.max(TrainingRun.number)).where(TrainingRun.dataset_id == choices.dataset_id)
    number = int(db.session.execute(last).scalar() or 0) + 1
    spec = replace(spec, name=spec.name or f"{plan.dataset.name}, run {number}")
    run = TrainingRun(
        dataset_id=choices.dataset_id,
        number=number,
        name=" ".join(choices.name.split()),
        note=choices.note.replace("\r\n", "\n").strip(),
        place=find_place(choices.where).name,
        snapshot_id=snapshot.id,
        spec=spec.as_dict(),
        override=choices.override.strip(),
        sweep=choices.sweep,
    )
    db.session.add(run)
    db.session.flush()
    snapshots.add_use(snapshot.id, "run", f"Run {run.number}")
    folder = folder_of(run)
    folder.mkdir(mode=0o700)
    if plan.quote is not None:
        keep_quote(plan.quote, folder)
    return run


def require_no_findings(blocking: Sequence[Finding], override: str) -> None:
    """Raise Conflict where something must be fixed first and nobody said why to start anyway."""
    if blocking and not override.strip():
        said = "; ".join(f"{one.title.lower()} ({one.records:,})" for one in blocking)
        raise Conflict(
            f"Something in the data must be fixed before it can be trained on: {said}. Fix it, or say why to start"
            " anyway.",
            code="findings",
            findings=[one.code for one in blocking],
        )


def start_run(run_id: int, *, here: bool = False, show: Show | None = None) -> TrainingRun:
    """Put a run in the queue of its place; with ``here`` it is trained in this process."""
    with transaction():
        job = _queue(require_run(run_id))
    tasks.carry_out(job, here=here, show=show)
    return require_run(run_id)


def _queue(run: TrainingRun, *, forget: Collection[str] = ("error", "code")) -> Job:
    """The job of a run that waits for its turn from now on; what its result tells of the last time is forgotten."""
    job = tasks.enqueue(_task_of(run), TrainRun(run.dataset_id, run.id))
    run.job_id, run.state, run.finished_at = job.id, "queued", None
    run.result = {name: value for name, value in run.result.items() if name not in forget}
    return job


def _task_of(run: TrainingRun) -> "tasks.Task[TrainRun]":
    name = "train" if find_place(run.place).lane == "training" else "train-away"
    task = tasks.find_task(name)
    assert task is not None
    return task


def create_sweep(choices: RunChoices, over: Mapping[str, Sequence[str]], name: str = "") -> list[TrainingRun]:
    """Make a run for each combination of values of some settings, joined by a name: all of them, or none.

    Raises Invalid for what is no sweep, and what ``plan_start`` raises.
    """
    swept = combine_swept(choices, over, name)
    return record_runs(plan_start(swept[0]), swept)


def pause_run(run_id: int) -> TrainingRun:
    """Stop a run so that it can go on later. Raises Conflict where it does not run."""
    with transaction():
        run = require_run(run_id)
        if run.state not in ACTIVE:
            raise Conflict(f"Run {run.number} is {run.state}, so there is nothing to pause.", code="not_running")
        place = find_place(run.place)
        if not place.can_pause:
            said = f"{place.title} cannot pause a run. Let it end, or cancel it."
            raise Conflict(said, code="no_pause")
        if _is_waiting(run):
            jobs.cancel(run.job_id or 0)
            run.state = "paused"
        else:
            run.state = "pausing"
        return run


def resume_run(run_id: int, *, here: bool = False, show: Show | None = None) -> TrainingRun:
    """Go on with a run that was paused, cancelled or failed, or whose process is gone, from its newest complete
    checkpoint. Raises Conflict where it goes on already or is done."""
    # One transaction: of two who resume it at once, the second is told that it goes on.
    with transaction():
        run = require_run(run_id)
        is_lost = run.state in ACTIVE and not _has_job(run)
        if run.state not in RESUMABLE and not is_lost:
            raise Conflict(f"Run {run.number} is {run.state}, so there is nothing to resume.", code="not_resumable")
        if not folder_of(run).is_dir():
            raise Conflict(f"The files of run {run.number} are not on this computer.", code="no_files")
        job = _queue(run, forget=("error", "code", "attempts"))
    tasks.carry_out(job, here=here, show=show)
    return require_run(run_id)


def cancel_run(run_id: int) -> TrainingRun:
    """Stop a run for good: at once where it waits, else after its current step. Raises Conflict where it has ended."""
    with transaction():
        run = require_run(run_id)
        if run.state not in (*ACTIVE, "paused", "waiting"):
            raise Conflict(f"Run {run.number} is {run.state}, so there is nothing to cancel.", code="not_running")
        is_running = run.state in ACTIVE and not _is_waiting(run)
        job = db.session.get(Job, run.job_id) if run.job_id else None
        if job is not None and job.state in jobs.ACTIVE:
            jobs.cancel(job.id)
        if not is_running:
            run.state, run.finished_at = "cancelled", now()
            hosted.ask_to_stop(run)
        return run


def is_cancelling(run: TrainingRun) -> bool:
    """Whether a run that goes on was told to end, and has not heard it yet."""
    job = db.session.get(Job, run.job_id, populate_existing=True) if run.job_id else None
    return job is not None and job.state in jobs.ACTIVE and job.cancel_requested and run.state in ACTIVE


def _has_job(run: TrainingRun) -> bool:
    """Whether a job of a run waits or is worked on."""
    job = db.session.get(Job, run.job_id, populate_existing=True) if run.job_id else None
    return job is not None and job.state in jobs.ACTIVE


def _is_waiting(run: TrainingRun) -> bool:
    """Whether no process works on a run yet."""
    job = db.session.get(Job, run.job_id, populate_existing=True) if run.job_id else None
    return job is None or job.state not in ("running", "publishing")


def train(options: TrainRun, watch: Watch) -> Mapping[str, object]:
    """Train a run at its place, from its data to what came of it."""
    run = require_run(options.run_id)
    if run.job_id != watch.job_id or run.state not in (*ACTIVE, *RESUMABLE):
        return {"summary": f"Run {run.number} is {run.state}."}
    if run.state in RESUMABLE:
        # Somebody lets the job of an ended run do it again.
        _write(run.id, state="queued", finished_at=None)
    place = find_place(run.place)
    try:
        # Who asked to pause meanwhile is heard before anything begins.
        spec = prepare(run, watch)
        with _Turn(place, watch):
            state = _follow(run.id, place, spec, watch)
    except (Lost, Restored):
        # Somebody else goes on with it, or with what there was: where it stands is theirs to say.
        raise
    except Cancelled:
        _write(run.id, state="cancelled", finished_at=now())
        raise
    except KeyboardInterrupt:
        # Somebody at a terminal stops it: it goes on when they say so.
        _write(run.id, state="paused")
        raise
    except Exception as error:
        known = failures.translate(error)
        said = known.message if known else "Something went wrong in this program. The log of the server says more."
        result = {**require_run(run.id).result, "error": said, "code": known.code if known else "defect"}
        _write(run.id, state="failed", finished_at=now(), result=result)
        raise
    if state.state != "paused":
        return finish_run(run.id, place, state)
    with transaction():
        # Who cancelled it in the moment of its pause is heard as well.
        if run.job_id and jobs.get(run.job_id).cancel_requested:
            hosted.ask_to_stop(run)
            state = replace(state, state="cancelled")
        return finish_run(run.id, place, state)


class _Turn:
    """One run at a time on this computer, whoever started it: a command or the worker."""

    def __init__(self, place: Place, watch: Watch) -> None:
        self.lock = FileLock(runs_folder() / "local.lock") if place.lane == "training" else None
        self.watch = watch

    def __enter__(self) -> None:
        while self.lock is not None:
            try:
                self.lock.acquire(timeout_seconds=0)
                return
            except Busy:
                self.watch.progress(0, None, "waiting for another run on this computer")
                time.sleep(TICK_SECONDS)

    def __exit__(self, *about: object) -> None:
        if self.lock is not None:
            self.lock.release()


def prepare(run: TrainingRun, watch: Watch) -> RunSpec:
    """The run's spec, with its data written and checked. What was written before must still be the same."""
    folder, spec = folder_of(run), spec_of(run)
    if (folder / SPEC).is_file():
        there = decode_spec((folder / SPEC).read_bytes())
        # Killed before the run was told what had been written.
        known = spec if spec.files else replace(spec, splits=there.splits, files=there.files, versions=there.versions)
        if there != known:
            said = f"{SPEC} in the folder of run {run.number} says something else than the run. Start a new run."
            raise Conflict(said, code="other_run")
    if spec.files:
        for path, digest in spec.files.items():
            if hash_file(folder / path) != digest:
                raise Conflict(f"{path} of run {run.number} was changed since the run began.", code="data_changed")
        write_whole(folder / SPEC, encode_spec(spec))
        return spec
    dataset = datasets.get(run.dataset_id)
    folder.mkdir(mode=0o700, exist_ok=True)
    survey = survey_data(
        dataset,
        snapshots.get_snapshot(run.snapshot_id),
        target_of(run.place, spec.method),
        seed=spec.seed,
        held_out=spec.held_out,
        model=spec.base.name,
        max_tokens=spec.settings.max_tokens,
        folder=folder,
        told=lambda done: watch.progress(done, spec.snapshot.records, "pairs written"),
    )
    require_no_findings(survey.blocking, run.override)
    if refused := find_obstacles(survey, spec.base):
        blocking = [one.message for one in refused if one.blocking]
        if blocking:
            raise Conflict(" ".join(blocking), code=refused[0].code)
    splits = {name: survey.splits[name] for name in FILES}
    spec = replace(spec, splits=splits, files=survey.files, versions=spec.versions | find_place(run.place).versions())
    write_whole(folder / SPEC, encode_spec(spec))
    _write(run.id, spec=spec.as_dict())
    return spec


def _follow(run_id: int, place: Place, spec: RunSpec, watch: Watch) -> PlaceState:
    """Start it at its place, and look until it has come to an end there."""
    run = require_run(run_id)
    folder, former = folder_of(run), run.handle
    if run.state == "pausing":
        return PlaceState("paused")
    watch.progress(0, None, "checking what it needs")
    # What has begun here before has fitted. A job that is paid for goes on, whatever its service announced since.
    is_paid = bool(former) and isinstance(place, HostedPlace)
    told = [] if is_paid else place.check(spec, None if former else folder)
    if refused := [one for one in told if one.blocking]:
        raise Conflict(" ".join(one.message for one in refused), code=refused[0].code, **refused[0].details)
    for one in told:
        if one.code == "estimate":
            _write(run_id, result={**require_run(run_id).result, "estimate": dict(one.details)})
    handle = place.resume(spec, former, folder) if former else place.start(spec, folder)
    try:
        with transaction():
            begun = require_run(run_id)
            begun.handle, begun.started_at = handle, begun.started_at or now()
            # Who asked for a pause while it began is heard below.
            begun.state = begun.state if begun.state == "pausing" else "running"
        looked, is_told = float("-inf"), False
        state = PlaceState("running")
        while state.state not in PLACE_ENDED:
            if time.monotonic() - looked >= place.poll_seconds:
                state, looked = place.poll(handle, folder), time.monotonic()
            if state.state in PLACE_ENDED:
                break
            if not is_told and require_run(run_id).state == "pausing":
                place.pause(handle, folder)
                is_told = True
            end_reading()
            watch.progress(state.step, state.steps, state.message or "steps")
            time.sleep(TICK_SECONDS)
        return state
    except Cancelled:
        place.cancel(handle, folder)
        deadline = time.monotonic() + STOP_SECONDS
        while place.poll(handle, folder).state not in PLACE_ENDED and time.monotonic() < deadline:
            time.sleep(TICK_SECONDS / 5)
        raise
    finally:
        place.end(handle)


def finish_run(run_id: int, place: Place, state: PlaceState) -> Mapping[str, object]:
    """Record how a run ended at its place, with its card where something came of it. Raises what it failed of."""
    run = require_run(run_id)
    folder, spec = folder_of(run), spec_of(run)
    result = {**run.result, **state.result, "step": state.step, "steps": state.steps}
    if state.state == "done":
        result |= place.fetch(run.handle, folder)
        result |= hosted.connect_model(run, result)
        if (folder / "result").is_dir():
            card = write_card(spec, read_run(run).points, result)
            (folder / "result" / "README.md").write_text(card, encoding="utf-8")
            (folder / "result" / SPEC).write_bytes(encode_spec(spec))
            result["bytes"] = count_bytes(folder / "result")
    if state.state == "failed":
        result |= {"error": state.message, "code": state.code or "failed"}
    ended = {"finished_at": now()} if state.state in ("done", "failed", "cancelled") else {}
    _write(run_id, state=state.state, result=result, **ended)
    if state.state == "failed":
        raise LttError(state.message, code=state.code or "failed")
    return {"run": run.id, "state": state.state, "summary": f"Run {run.number}: {state.state}, step {state.step}."}


def take_up() -> int:
    """Put runs in the queue again whose process has died, and settle those whose job has ended. Gives how many."""
    taken = 0
    active = select(TrainingRun).where(TrainingRun.state.in_(ACTIVE)).order_by(TrainingRun.id)
    for run in list(db.session.execute(active).scalars()):
        job = db.session.get(Job, run.job_id, populate_existing=True) if run.job_id else None
        if job is not None and job.state in jobs.ACTIVE:
            continue
        if job is not None and job.state in ("failed", "cancelled"):
            error = {"error": job.error or "", "code": "failed"} if job.state == "failed" else {}
            _write(run.id, state=job.state, finished_at=now(), result={**run.result, **error})
        elif run.state == "pausing":
            _write(run.id, state="paused")
        elif run.job_id is not None:
            try:
                taken += _take_up(run)
            except NotFound as error:
                # Its place is gone: others are taken up all the same.
                said = _CONNECTION_GONE if has_uploads(run) else error.message
                result = {**run.result, "error": said, "code": error.code}
                _write(run.id, state="failed", finished_at=now(), result=result)
    return taken


def _take_up(run: TrainingRun) -> bool:
    newest = max((one.step for one in read_run(run).checkpoints), default=0)
    before, at = run.result.get("attempts", (0, -1))
    attempts = before + 1 if at == newest else 1
    if attempts > MOST_ATTEMPTS:
        said = f"This run was interrupted {before} times after step {newest} and is not taken up again by itself."
        _write(run.id, state="failed", finished_at=now(), result={**run.result, "error": said, "code": "interrupted"})
        return False
    with transaction():
        job = tasks.enqueue(_task_of(run), TrainRun(run.dataset_id, run.id))
        mine = require_run(run.id)
        mine.job_id, mine.state = job.id, "interrupted"
        mine.result = {**mine.result, "attempts": (attempts, newest)}
    return True


def _write(run_id: int, **values: Any) -> None:
    with transaction():
        run = require_run(run_id)
        for name, value in values.items():
            setattr(run, name, value)
