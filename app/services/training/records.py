"""The record of a run: everything needed to repeat it, its card, and what was measured, wherever it was trained."""

from pathlib import Path

from app.core.errors import Conflict
from app.core.training import encode_spec, write_card
from app.models import TrainingRun
from app.services.training.folders import EVENTS, METRICS, SAMPLES, SPEC, folder_of, read_run
from app.services.training.listing import require_run, spec_of


def read_spec(run: TrainingRun) -> bytes:
    """``run.json`` of a run; before its data is written, what it will hold so far."""
    return encode_spec(spec_of(run))


def card_of(run: TrainingRun) -> str:
    """The card of what came of a run, as far as it is known."""
    return write_card(spec_of(run), read_run(run).points, run.result)


def write_record(run_id: int, target: Path) -> list[str]:
    """Write ``run.json``, the card (README.md), and the points, samples and events there are into a new or empty
    folder; gives their names. Raises Conflict where something lies there."""
    run = require_run(run_id)
    if target.is_file() or (target.is_dir() and any(target.iterdir())):
        raise Conflict(f"{target} is there already. Name a folder that is empty or new.", code="target_exists")
    there = [name for name in (METRICS, SAMPLES, EVENTS) if (folder_of(run) / name).is_file()]
    files = {SPEC: read_spec(run), "README.md": card_of(run).encode()}
    files |= {name: (folder_of(run) / name).read_bytes() for name in there}
    target.mkdir(parents=True, exist_ok=True)
    for name, content in files.items():
        (target / name).write_bytes(content)
    return list(files)
