"""What is made of the result of a run: adapter and base as one model, and a GGUF file."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from app.core.errors import Conflict, Unavailable
from app.core.training.folder import count_bytes
from app.models import TrainingRun
from app.providers.engine.results import NO_CONVERTER, find_converter
from app.services.jobs import Unwatched, Watch
from app.services.training import local
from app.services.training.folders import folder_of, remove_folder
from app.services.training.listing import require_run

# What can be made, and where it lies in the folder of the run.
MADE = {"merge": "merged", "gguf": "model.gguf"}
# Where it lies until it is whole.
_UNFINISHED = "making"


@dataclass(frozen=True, slots=True)
class MakeModel:
    """What to make of which run: ``merge`` or ``gguf``."""

    dataset_id: int
    run_id: int
    what: str


def check_making(options: MakeModel) -> None:
    """Raise Conflict where the run has no result here or it is made already, Unavailable where something is missing."""
    run = require_run(options.run_id)
    _require_result(run)
    if (folder_of(run) / MADE[options.what]).exists():
        raise Conflict(f"That is made already of run {run.number}. Download it.", code="exists")
    if options.what == "gguf" and not can_write_gguf():
        raise Unavailable(NO_CONVERTER, code="no_converter")


def make_model(options: MakeModel, watch: Watch) -> Mapping[str, object]:
    """Make it in the folder of the run. What a job that was stopped left of it goes."""
    run = require_run(options.run_id)
    unfinished, made = folder_of(run) / _UNFINISHED, folder_of(run) / MADE[options.what]
    remove_folder(unfinished)
    unfinished.mkdir()
    try:
        make_of_result(run.id, options.what, unfinished / made.name, watch)
        (unfinished / made.name).rename(made)
    finally:
        remove_folder(unfinished)
    said = "Merged the model" if options.what == "merge" else "Wrote the GGUF file"
    return {"summary": f"{said} of run {run.number}.", "run": run.id, "number": run.number, "made": str(made)}


def make_of_result(run_id: int, what: str, out: Path, watch: Watch | None = None) -> dict[str, str]:
    """Make a whole model (``merge``) or a GGUF file (``gguf``) of what a run made; where it lies.

    Raises Conflict where the run has no result here, and Unavailable with what stands in the way.
    """
    watch = watch or Unwatched()
    run = require_run(run_id)
    _require_result(run)
    if out.exists():
        raise Conflict(f"{out} is there already. Name a place where nothing lies.", code="exists")
    said = "merging" if what == "merge" else "writing"
    local.make_place().make(what, folder_of(run), out, lambda: watch.progress(0, None, said))
    return {"made": str(out)}


def _require_result(run: TrainingRun) -> None:
    if not (folder_of(run) / "result").is_dir():
        raise Conflict(f"Run {run.number} has no model on this computer.", code="no_result")


def list_made(run: TrainingRun) -> dict[str, int]:
    """What was made in the folder of a run, with the bytes that it has."""
    places = {what: folder_of(run) / name for what, name in MADE.items()}
    return {
        what: count_bytes(place) if place.is_dir() else place.stat().st_size
        for what, place in places.items()
        if place.exists()
    }


def can_write_gguf() -> bool:
    """Whether the converter of llama.cpp is on this computer."""
    return find_converter() is not None
