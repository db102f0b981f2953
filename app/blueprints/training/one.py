"""One run: watched while it goes on, and what came of it."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from flask import redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.export import sent_file
from app.blueprints.training import drawing
from app.blueprints.training.models import answer_with, send_model
from app.blueprints.training.page import bp, find_duration, find_standing, has_adapter, say_setting
from app.blueprints.view import file_size, tell
from app.core import difference
from app.core.advice import say_number
from app.core.bundles.training import list_trainers
from app.core.difference import Piece
from app.core.errors import NotFound
from app.core.options import command_line
from app.core.text import clip, is_number, plural
from app.core.training import COMPARING, METHODS, RunSpec
from app.core.training.folder import Checkpoint, RunFolder, Sample, count_bytes, read_log
from app.core.training.points import Point, encode_points, read_points
from app.core.training.settings import TRAINS
from app.forms.arguments import require_names
from app.models import Snapshot, TrainingRun
from app.services import datasets, runners, snapshots, tasks, training
from app.services.training import hosted

# Events that are shown, without those that the table of checkpoints tells; the file of the run has all of them.
EVENTS = 12
TOLD_ELSEWHERE = ("checkpoint", "removed")
# So much of an answer is compared; a model that learned nothing may go on for long.
MOST_ANSWER = 2_000
# What a file is called that is sent of a run.
FILES = {
    "run.json": ("run.json", "application/json"),
    "card": ("card.md", "text/markdown"),
    "metrics": ("metrics.jsonl", "application/x-ndjson"),
    "samples": ("samples.jsonl", "application/x-ndjson"),
    "events": ("events.jsonl", "application/x-ndjson"),
    "log": ("log.txt", "text/plain"),
}


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer to a question: from which step to which it was given, and its words with what changed before."""

    step: int
    last: int
    pieces: list[Piece]
    is_best: bool


@dataclass(frozen=True, slots=True)
class Mark:
    """A checkpoint as it is listed: measured, and still there or removed."""

    step: int
    point: Point
    kept: Checkpoint | None
    is_best: bool


@bp.get("/<int:number>")
def show(dataset_id: int, number: int) -> ResponseReturnValue:
    """A run with what it measured so far."""
    require_names(request.args, "sample")
    return render_template("training/run.html", **_facts(dataset_id, number))


@bp.get("/<int:number>/progress")
def progress(dataset_id: int, number: int) -> ResponseReturnValue:
    """The parts of the page of a run that change while it goes on. ``questions``: from so many one can be chosen."""
    require_names(request.args, "sample", "questions")
    return render_template("training/_progress.html", **_facts(dataset_id, number))


def _facts(dataset_id: int, number: int) -> dict[str, Any]:
    run = training.get_run(dataset_id, number)
    spec, seen = training.spec_of(run), training.read_run(run)
    steps = seen.state.steps or int(run.result.get("steps") or 0)
    measured = drawing.measure(seen, steps, spec.settings.epochs, has_perplexity=spec.tells_perplexity)
    questions = list(dict.fromkeys(one.question for one in seen.samples))
    said = request.args.get("sample", "0")
    chosen = min(int(said), max(len(questions) - 1, 0)) if is_number(said) else 0
    best = measured.best.step if measured.best else None
    folder, is_hosted = training.folder_of(run), run.place.isdigit()
    return {
        "dataset": datasets.get(dataset_id),
        "run": run,
        "spec": spec,
        "seen": seen,
        "m": measured,
        "steps": steps,
        "step": max(seen.state.step, measured.last.step if measured.last else 0),
        "standing": find_standing(run, seen.state),
        "seconds": find_duration(run),
        "is_active": run.state in training.ACTIVE,
        "is_cancelling": training.is_cancelling(run),
        "can_resume": _can_resume(run, is_hosted) and folder.is_dir(),
        "can_pause": run.place == "local" or (is_hosted and hosted.can_pause(run)),
        "is_hosted": is_hosted,
        "has_uploads": hosted.has_files_there(run),
        "quote": training.read_quote(folder),
        "resume_at": max((one.step for one in seen.checkpoints), default=0),
        "worker": runners.any_worker(),
        "ahead": training.count_ahead(run) if run.state == "queued" else 0,
        "questions": questions,
        "chosen": chosen,
        "reference": next(
            (one.reference for one in seen.samples if questions and one.question == questions[chosen]), ""
        ),
        "answers": list(tell_answers(seen.samples, questions[chosen], best)) if questions else [],
        "marks": list_marks(seen, best),
        "kept_bytes": sum(count_bytes(folder / "checkpoints" / f"step-{one.step}") for one in seen.checkpoints),
        "all_bytes": count_bytes(folder),
        "events": [one for one in seen.events[::-1] if one.kind not in TOLD_ELSEWHERE][:EVENTS],
        "all_events": len(seen.events),
        "snapshot": _find_snapshot(dataset_id, spec),
        "adapter": has_adapter(spec),
        # Its data is written once it has begun.
        "trainers": list_trainers(spec) if spec.files else [],
        "used": tell_settings(spec),
        "again": url_for(".new", dataset_id=dataset_id, like=number),
        "commands": list_commands(run, spec),
        "made": training.list_made(run),
        "making": training.list_making(run),
        "can_write_gguf": training.can_write_gguf(),
    }


def _can_resume(run: TrainingRun, is_hosted: bool) -> bool:
    """Whether a run can go on. A service does not go on with what was cancelled there."""
    return run.state in ("paused", "failed") if is_hosted else run.place == "local" and run.state in training.RESUMABLE


def _find_snapshot(dataset_id: int, spec: RunSpec) -> Snapshot | None:
    try:
        return snapshots.find_snapshot(dataset_id, spec.snapshot.number)
    except NotFound:
        return None


def list_commands(run: TrainingRun, spec: RunSpec) -> list[tuple[str, str]]:
    """What can be done with a result on the command line: what for, and the command."""
    number, name = str(run.id), f"run-{run.number}"
    told = [("Serve it on this computer, for programs that speak OpenAI's API:", command_line("serve-model", number))]
    if has_adapter(spec):
        told.append(("Merge the adapter into the base model:", command_line("run", number, "merge", name)))
    gguf = command_line("run", number, "gguf", f"{name}.gguf")
    return [*told, ("As GGUF, where the converter of llama.cpp is on this computer:", gguf)]


def tell_settings(spec: RunSpec) -> list[tuple[str, str]]:
    """Method and settings as people look at them: what is set with its name, what goes together in one line."""
    one = spec.settings
    told = [("Method", METHODS[spec.method])]
    if has_adapter(spec):
        dropout = f", dropout {one.dropout:g}" if one.dropout else ""
        told.append(("Adapter", f"rank {one.rank}, alpha {one.alpha}{dropout}"))
    warm = f", {plural(one.warmup_steps, 'step')} warm-up" if one.warmup_steps else ""
    told += [
        ("Rate", f"{say_number(one.learning_rate)}, {one.scheduler}{warm}"),
        ("Batch", f"{one.batch_size} × {one.accumulation}, longest text {one.max_tokens:,}"),
        ("Epochs", f"{one.epochs:,}"),
        ("Learns from", TRAINS[one.trains].lower()),
    ]
    if spec.method in COMPARING:
        told.append(("Beta", f"{one.beta:g}"))
    if one.patience:
        told.append(("Stops early", f"after {plural(one.patience, 'checkpoint')} without a gain"))
    if one.weight_decay:
        told.append(("Weight decay", f"{one.weight_decay:g}"))
    if spec.base.kind == "toy":
        told.append(("Toy", f"{plural(one.toy_layers, 'layer')}, width {one.toy_width}, {one.toy_vocabulary:,} tokens"))
    told += [
        ("Precision", say_setting("precision", one.precision)),
        ("Device", say_setting("device", one.device)),
        ("Seed", str(spec.seed)),
    ]
    return told


def tell_answers(samples: list[Sample], question: str, best: int | None) -> Iterator[Answer]:
    """The answers to one question, each with what changed since the one before; of a step the last that was given.

    The same answer at several checkpoints stands once.
    """
    by_step = {one.step: clip(one.answer, MOST_ANSWER) for one in samples if one.question == question}
    before = None
    for said, given in groupby(sorted(by_step), key=by_step.__getitem__):
        steps = list(given)
        pieces = difference.compare_words(said if before is None else before, said)
        yield Answer(steps[0], steps[-1], pieces, best in steps)
        before = said


def list_marks(seen: RunFolder, best: int | None) -> list[Mark]:
    """The checkpoints, newest first: where validation was measured, and what is still there."""
    kept = {one.step: one for one in seen.checkpoints}
    points = {one.step: one for one in seen.points if one.validation_loss is not None and one.step}
    for step in kept.keys() - points.keys():
        points[step] = Point(step, validation_loss=kept[step].validation_loss)
    return [Mark(step, points[step], kept.get(step), step == best) for step in sorted(points, reverse=True)]


@bp.post("/<int:number>/<any(pause, resume, cancel):verb>")
def act(dataset_id: int, number: int, verb: str) -> ResponseReturnValue:
    """Pause, resume or cancel a run."""
    run = training.get_run(dataset_id, number)
    if verb == "pause":
        done = training.pause_run(run.id)
        tell(f"Run {number} {'is paused' if done.state == 'paused' else 'stops after its step'}.")
    elif verb == "resume":
        training.resume_run(run.id)
        tell(f"Run {number} goes on.")
    else:
        done = training.cancel_run(run.id)
        tell(f"Run {number} {'is cancelled' if done.state == 'cancelled' else 'is cancelled after its step'}.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)


@bp.post("/<int:number>/name")
def name(dataset_id: int, number: int) -> ResponseReturnValue:
    """Give a run another name or note."""
    run = training.get_run(dataset_id, number)
    training.describe_run(run.id, name=request.form.get("name", ""), note=request.form.get("note", ""))
    tell("Saved.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)


@bp.post("/<int:number>/checkpoints/delete")
def delete_checkpoints(dataset_id: int, number: int) -> ResponseReturnValue:
    """Delete the checkpoints of a run; its points and its result stay."""
    freed = training.delete_checkpoints(training.get_run(dataset_id, number).id)
    tell(f"The checkpoints of run {number} are deleted: {file_size(freed)}.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)


@bp.post("/<int:number>/uploads/delete")
def delete_uploads(dataset_id: int, number: int) -> ResponseReturnValue:
    """Delete the files that a run uploaded, at its service."""
    gone = hosted.delete_uploads(training.get_run(dataset_id, number).id)
    tell(f"{plural(len(gone), 'uploaded file')} of run {number} {'is' if len(gone) == 1 else 'are'} deleted there.")
    return redirect(url_for(".show", dataset_id=dataset_id, number=number), code=303)


@bp.post("/<int:number>/delete")
def delete(dataset_id: int, number: int) -> ResponseReturnValue:
    """Delete a run with all its files."""
    freed = training.delete_run(training.get_run(dataset_id, number).id)
    tell(f"Run {number} is deleted: {file_size(freed)}.")
    return redirect(url_for(".index", dataset_id=dataset_id), code=303)


@bp.get("/<int:number>/log")
def log(dataset_id: int, number: int) -> ResponseReturnValue:
    """The end of what the engine printed."""
    run = training.get_run(dataset_id, number)
    return render_template(
        "training/log.html",
        dataset=datasets.get(dataset_id),
        run=run,
        text=read_log(training.folder_of(run)),
        is_active=run.state in training.ACTIVE,
    )


@bp.get("/<int:number>/<any('run.json', card, metrics, samples, events, log):which>/file")
def fetch(dataset_id: int, number: int, which: str) -> ResponseReturnValue:
    """A file of the run's folder, or its card."""
    run = training.get_run(dataset_id, number)
    file, kind = FILES[which]
    path = training.folder_of(run) / file
    if which in ("run.json", "card"):
        made = training.read_spec(run) if which == "run.json" else training.card_of(run).encode()
        return answer_with(made, kind, f"run-{number}-{file}")
    if not path.is_file():
        raise NotFound(f"Run {number} has no {file}.", run=number)
    if which == "metrics":
        # While it is written its last line may be half of one.
        return answer_with(encode_points(read_points(path)), kind, f"run-{number}-{file}")
    return sent_file(path, f"run-{number}-{file}", kind)


@bp.post("/<int:number>/make/<any(merge, gguf):what>")
def make(dataset_id: int, number: int, what: str) -> ResponseReturnValue:
    """Make one model of adapter and base, or a GGUF file."""
    run = training.get_run(dataset_id, number)
    job = tasks.start(training.MAKE, training.MakeModel(dataset_id, run.id, what))
    return redirect(url_for("jobs.show", job_id=job.id), code=303)


@bp.get("/<int:number>/<any(result, merge, gguf):what>/file")
def fetch_model(dataset_id: int, number: int, what: str) -> ResponseReturnValue:
    """What came of a run, or was made of that."""
    return send_model(training.get_run(dataset_id, number), what)
