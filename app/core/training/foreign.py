"""What a run measured elsewhere, read from the file that its trainer wrote and that somebody brings back.

Ours (``metrics.jsonl`` and ``samples.jsonl`` of a bundle) name their run. Of others the output folder that stands in
them does, as far as there is one; else their steps must fit. Sources, of 2026-11-30: ``trainer_state.json`` as
Transformers 5.24.0 writes it; ``trainer_log.jsonl`` of LLaMA-Factory 0.9.5, train/callbacks.py; ``logging.jsonl`` of
MS-Swift 4.6.0, trainers/patcher.py.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from app.core.errors import Invalid
from app.core.training.folder import Sample
from app.core.training.points import NAMES, Point, merge_points, point_of
from app.core.training.spec import RunSpec

# Largest file that is brought back: some 200,000 steps.
MOST_BYTES = 32 * 1024 * 1024
# Our names of what other trainers measure.
_LOG = {**NAMES, "eval_accuracy": "validation_token_accuracy", "eval_token_acc": "validation_token_accuracy"}
_LOG |= {"token_acc": "token_accuracy", "seconds": "seconds", "memory_mb": "memory_mb"}
_LOG |= {"epoch": "epoch", "step": "step", "lr": "learning_rate", "total_tokens": "tokens"}
_OURS = {name: name for name in Point.__struct_fields__}
_OUTPUT = re.compile(r"output[/\\]([0-9a-f]{16})(?![0-9a-f])")
_GIVE = "Give the file that the README of the bundle names."


@dataclass(frozen=True, slots=True)
class Brought:
    """What a file holds: points, or samples. ``run`` is the run that it names; ``steps`` are those of the whole run, as
    it says itself, and ``is_finished`` that it says it went to its end."""

    points: tuple[Point, ...] = ()
    samples: tuple[Sample, ...] = ()
    run: str = ""
    steps: int | None = None
    epochs: float | None = None
    is_finished: bool = False


def read_brought(data: bytes) -> Brought:
    """What a file that is brought back holds, whichever of the known kinds it is. Raises Invalid where it is none."""
    if len(data) > MOST_BYTES:
        raise Invalid(
            "A file of metrics has at most 32 MB. Measure less often, or bring the other file of the trainer.",
            code="bad_metrics",
        )
    try:
        text = data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise Invalid(f"This file is no text in UTF-8, so it holds no metrics. {_GIVE}", code="bad_metrics") from error
    try:
        whole = json.loads(text)
    except (ValueError, RecursionError):
        whole = None
    if isinstance(whole, dict) and "log_history" in whole and "global_step/max_steps" not in whole:
        brought = _read_trainer_state(whole)
    else:
        brought = _read_lines(list(_rows_of(text)))
    if not brought.points and not brought.samples:
        raise Invalid(f"Nothing was measured in this file yet. {_GIVE}", code="bad_metrics")
    return replace(brought, points=tuple(merge_points(brought.points)))


def _rows_of(text: str) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError) as error:
            said = f"Line {number} of this file is broken: it is no JSON. {_GIVE}"
            raise Invalid(said, code="bad_metrics", line=number) from error
        if not isinstance(row, dict):
            raise Invalid(f"Line {number} of this file is no point of a run. {_GIVE}", code="bad_metrics", line=number)
        yield number, row


def _read_lines(rows: Sequence[tuple[int, dict[str, Any]]]) -> Brought:
    """One of the files that hold a JSON object in each line; the first tells which."""
    if not rows:
        raise Invalid(f"This file is empty. {_GIVE}", code="bad_metrics")
    first = rows[0][1]
    if "current_steps" in first:
        return _read_llama_factory(rows)
    if "global_step/max_steps" in first:
        return _read_swift(rows)
    runs = {one["run"] for _, one in rows if isinstance(one.get("run"), str)}
    if len(runs) > 1:
        raise Invalid("The lines of this file are of several runs. Bring each run's own file.", code="other_run")
    run = next(iter(runs), "")
    if "answer" in first:
        return Brought(samples=tuple(_sample_of(number, row) for number, row in rows), run=run)
    points = [_require_point(number, row, _OURS) for number, row in rows]
    return Brought(tuple(points), run=run, is_finished=any(row.get("finished") is True for _, row in rows))


def _read_trainer_state(state: Mapping[str, Any]) -> Brought:
    log = state["log_history"]
    if not isinstance(log, list) or not all(isinstance(one, dict) for one in log):
        raise Invalid(f"The log_history of this file is broken. {_GIVE}", code="bad_metrics")
    points = [
        point for one in log if "train_runtime" not in one and (point := point_of(one, _LOG)) and _says_any(point)
    ]
    runs = {one["run"] for one in log if isinstance(one.get("run"), str)}
    told = _OUTPUT.search(str(state.get("best_model_checkpoint") or ""))
    return Brought(
        tuple(points),
        run=next(iter(runs), told[1] if told else ""),
        steps=_number(state.get("max_steps")),
        epochs=_number(state.get("num_train_epochs")),
        is_finished=any("train_runtime" in one for one in log),
    )


def _read_llama_factory(rows: Iterable[tuple[int, dict[str, Any]]]) -> Brought:
    points, steps, is_finished = [], None, False
    for number, row in rows:
        steps = _number(row.get("total_steps")) or steps
        more = {"step": row.get("current_steps"), "seconds": _seconds(row.get("elapsed_time"))}
        if isinstance(gigabytes := row.get("vram_allocated"), int | float):
            more["memory_mb"] = gigabytes * 1024
        points.append(_require_point(number, {**row, **more}, {**_LOG, "eval_loss": "validation_loss"}))
        is_finished = is_finished or (steps is not None and points[-1].step >= steps)
    return Brought(tuple(one for one in points if _says_any(one)), steps=steps, is_finished=is_finished)


def _read_swift(rows: Iterable[tuple[int, dict[str, Any]]]) -> Brought:
    points, steps, run, is_finished = [], None, "", False
    for number, row in rows:
        if "global_step/max_steps" not in row:
            # The last line sums up.
            told = _OUTPUT.search(str(row.get("best_model_checkpoint") or row.get("last_model_checkpoint") or ""))
            run, is_finished = told[1] if told else run, True
            continue
        step, _, most = str(row["global_step/max_steps"]).partition("/")
        steps = int(most) if most.isdecimal() else steps
        more: dict[str, Any] = {"step": int(step) if step.isdecimal() else None}
        more["seconds"] = _seconds(row.get("elapsed_time"))
        if isinstance(gigabytes := row.get("memory(GiB)"), int | float):
            more["memory_mb"] = gigabytes * 1024
        point = _require_point(number, {**row, **more}, _LOG)
        if "train_runtime" in row:
            is_finished = True
        elif _says_any(point):
            points.append(point)
    return Brought(tuple(points), run=run, steps=steps, is_finished=is_finished)


def _require_point(number: int, row: Mapping[str, Any], names: Mapping[str, str]) -> Point:
    point = point_of(row, names)
    if point is None:
        raise Invalid(f"Line {number} of this file names no step. {_GIVE}", code="bad_metrics", line=number)
    return point


def _sample_of(number: int, row: Mapping[str, Any]) -> Sample:
    step, entry, reference = row.get("step"), row.get("entry"), row.get("reference")
    texts = [row.get("question"), row.get("answer")]
    if not isinstance(step, int) or step < 0 or not all(isinstance(one, str) for one in texts):
        raise Invalid(f"Line {number} of this file is no sample answer. {_GIVE}", code="bad_metrics", line=number)
    return Sample(
        step,
        str(texts[0]),
        str(texts[1]),
        entry if isinstance(entry, int | str) else None,
        reference if isinstance(reference, str) else None,
    )


def _says_any(point: Point) -> bool:
    """Whether anything was measured at a point beside when it was."""
    return any(getattr(point, name) is not None for name in _OURS if name not in ("step", "epoch", "seconds"))


def _number(value: object) -> int | None:
    return int(value) if isinstance(value, int | float) and 0 < value < 2**53 else None


def _seconds(value: object) -> float | None:
    """Seconds of a text such as 0:01:10, 1 day, 0:01:10 or 1h 3m 20s."""
    if isinstance(value, str) and (clock := re.fullmatch(r"(?:(\d+) days?, )?(\d+):(\d\d):(\d\d)(?:\.\d+)?", value)):
        days, hours, minutes, seconds = (int(one or 0) for one in clock.groups())
        return float(((days * 24 + hours) * 60 + minutes) * 60 + seconds)
    if isinstance(value, str) and (parts := re.findall(r"(\d+(?:\.\d+)?)\s*([dhms])", value)):
        return sum(float(number) * {"d": 86400, "h": 3600, "m": 60, "s": 1}[unit] for number, unit in parts)
    return None


def require_same_run(brought: Brought, run: str, spec: RunSpec, steps: int) -> None:
    """Raise Invalid for the file of another run than ``run``, which has so many steps on one GPU.

    Several GPUs need fewer steps. Other trainers may leave out or divide some pairs, so a few more are taken as well.
    """
    if brought.run and brought.run != run:
        said = f"This file is of another run ({brought.run}). Bring the one that was written for this run ({run})."
        raise Invalid(said, code="other_run", run=brought.run)
    epochs = spec.settings.epochs
    if brought.epochs is not None and brought.epochs != epochs:
        said = f"This file is of another run: it has {brought.epochs:g} epochs, this run has {epochs}."
        raise Invalid(said, code="other_run")
    last = max([brought.steps or 0, *(one.step for one in brought.points), *(one.step for one in brought.samples)])
    if steps and last > steps * 1.1 + epochs:
        said = f"This file is of another run: it goes to step {last:,}, this run has {steps:,} steps."
        raise Invalid(said, code="other_run")
