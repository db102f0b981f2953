"""What the pages of training share: the blueprint, and how a run is called and where it stands, in words."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import Blueprint

from app.blueprints.training import drawing
from app.blueprints.view import clock
from app.core.advice import say_number
from app.core.options import options_of
from app.core.text import clip
from app.core.training import METHODS, RunSpec, TrainingSettings, trains_adapter
from app.core.training.folder import RunState
from app.core.training.points import read_points
from app.models import TrainingRun
from app.models.base import now
from app.services import training

bp = Blueprint("training", __name__, url_prefix="/datasets/<int:dataset_id>/training")
for _filter in (
    drawing.say_loss,
    drawing.say_perplexity,
    drawing.say_share,
    drawing.say_seconds,
    drawing.say_memory,
):
    bp.add_app_template_filter(_filter)

bp.add_app_template_filter(say_number, "say_rate")

SETTINGS = {one.name: one for one in options_of(TrainingSettings)}
# Short names of methods; what people choose from says more.
SHORT = {"full": "all weights", "lora": "LoRA", "qlora": "QLoRA", "dpo": "DPO", "kto": "KTO"}
# Icon, tone and word of each state.
STATES = {
    "queued": ("clock-history", "muted", "Waits"),
    "running": ("activity", "acc", "Running"),
    "pausing": ("activity", "acc", "Pausing"),
    "interrupted": ("exclamation-triangle-fill", "warn", "Interrupted, goes on by itself"),
    "paused": ("pause-fill", "muted", "Paused"),
    "waiting": ("clock-history", "muted", "Waits for its metrics"),
    "done": ("check-circle-fill", "ok", "Finished"),
    "failed": ("x-octagon-fill", "error", "Failed"),
    "cancelled": ("x-circle-fill", "muted", "Cancelled"),
}
# Why a run failed, in the few words that a list has room for.
FAILURES = {
    "no_memory": "Out of memory",
    "out_of_memory": "Out of memory",
    "disk_full": "Disk full",
    "no_extra": "Parts are missing",
    "not_finite": "Loss is no number",
    "diverged": "Loss is no number",
    "no_model": "Model cannot be read",
}


@dataclass(frozen=True, slots=True)
class Standing:
    """Where a run stands: an icon, its tone, and words."""

    icon: str
    tone: str
    said: str


def find_standing(run: TrainingRun, state: RunState) -> Standing:
    """The state of a run in words: Running, Stopped early at 147, Cancelled at 40 of 96, Out of memory, step 3."""
    icon, tone, said = STATES.get(run.state, ("circle", "muted", run.state.capitalize()))
    step = state.step or run.result.get("step") or 0
    steps = state.steps or run.result.get("steps") or 0
    if run.state == "failed":
        why = FAILURES.get(str(run.result.get("code") or state.code), said)
        return Standing(icon, tone, f"{why}, step {step:,}" if step else why)
    if run.state == "done" and step and steps and step < steps:
        return Standing(icon, tone, f"Stopped early at {step:,}")
    if run.state in ("paused", "cancelled") and step:
        return Standing(icon, tone, f"{said} at {step:,} of {steps:,}" if steps else f"{said} at {step:,}")
    if run.state in ("running", "pausing") and steps:
        return Standing(icon, tone, f"{said}, {step:,} of {steps:,}")
    return Standing(icon, tone, said)


def call_run(run: TrainingRun) -> str:
    """What a run is called: its number, and its name where it has one."""
    return f"Run {run.number}" + (f", {run.name}" if run.name else "")


def tell_model(spec: RunSpec) -> str:
    """The base model and the method in short: Qwen3 4B, QLoRA, rank 16."""
    name = "Toy model" if spec.base.kind == "toy" else clip(spec.base.name, 60)
    rank = f", rank {spec.settings.rank}" if has_adapter(spec) else ""
    return f"{name}, {SHORT[spec.method]}{rank}"


def has_adapter(spec: RunSpec) -> bool:
    """Whether a run trains an adapter, and not the weights themselves."""
    return trains_adapter(spec.method, spec.settings)


def tell_data(spec: RunSpec) -> str:
    """The data in short: v5, 1,005 pairs to train on."""
    label = f"v{spec.snapshot.number}" if spec.snapshot.number else "now"
    return f"{label}, {spec.splits.get('train', 0):,} training pairs"


def find_duration(run: TrainingRun) -> float | None:
    """How long a run took, or takes so far, in seconds."""
    if run.place == "bundle":
        # Nobody here knows when it was trained, but its points say for how long.
        points = read_points(training.folder_of(run) / "metrics.jsonl")
        return points[-1].seconds if points else None
    if run.started_at is None:
        return None
    end: datetime = run.finished_at or now()
    return max((end - run.started_at).total_seconds(), 0.0)


def say_setting(name: str, value: Any) -> str:
    """The value of a setting as a page shows it."""
    one = SETTINGS.get(name)
    if name == "method":
        return METHODS.get(str(value), str(value))
    if one is not None and one.choices:
        return one.choices.get(str(value), str(value))
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, float):
        return say_number(value)
    return f"{value:,}" if isinstance(value, int) else str(value)


_NAMES = {
    "base": "Base model",
    "data": "Data",
    "data_hash": "Hash of the data",
    "train_pairs": "Training pairs",
    "validation_pairs": "Validation pairs",
    "test_pairs": "Test pairs, unseen",
    "method": "Method",
    "seed": "Seed",
    "held_out": "Held out, percent",
}


def name_setting(name: str) -> str:
    """What a page calls a setting, or another part of a run."""
    return _NAMES.get(name) or (SETTINGS[name].label if name in SETTINGS else name)


@bp.app_template_filter("event_time")
def say_event_time(at: str) -> str:
    """The time of an event to the minute; what is no time is left out."""
    try:
        moment = datetime.fromisoformat(at)
    except ValueError:
        return ""
    return clock(moment) if moment.tzinfo else ""


bp.add_app_template_filter(say_setting)
bp.add_app_template_filter(name_setting)
bp.add_app_template_global(call_run)
bp.add_app_template_global(tell_model)
bp.add_app_template_global(tell_data)
