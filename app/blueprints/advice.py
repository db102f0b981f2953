"""Which model and how: what the field recommends for a dataset, each line with its source."""

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from app.core.advice import load_facts, say_number, say_range
from app.core.errors import BadUsage
from app.core.text import is_number
from app.services import advice, datasets, tasks, training, validation
from app.services.validation import CheckRun

bp = Blueprint("advice", __name__, url_prefix="/datasets/<int:dataset_id>")
MOST_MEMORY = 100_000
# Memory of usual cards, in GB.
MEMORIES = (8, 12, 16, 24, 32, 48, 80)


@bp.get("/advice")
def index(dataset_id: int) -> ResponseReturnValue:
    """What is advised by the last check, for the memory that there is."""
    dataset = datasets.get(dataset_id)
    memory = _read_memory(request.args.get("memory", ""))
    found = advice.view_advice(dataset_id, memory)
    choices = validation.read_choices(dataset)
    run = CheckRun(dataset_id, ",".join(choices.profiles))
    told = found[0] if found else None
    return render_template(
        "advice/index.html",
        dataset=dataset,
        told=told,
        seen=found[1] if found else None,
        choices=choices,
        job=tasks.find_running(validation.CHECK, run),
        run_count=training.count_runs(dataset_id),
        advised_method=next((one.start for one in told.settings if one.name == "method"), None) if told else None,
        memory=memory,
        memories=MEMORIES,
        sources=load_facts().sources,
        say_number=say_number,
        say_range=say_range,
        number_of={name: number for number, name in enumerate(told.sources, 1)} if told else {},
    )


def _read_memory(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not is_number(text) or not 1 <= int(text) <= MOST_MEMORY:
        raise BadUsage(f"Memory is a whole number of GB, from 1 to {MOST_MEMORY:,}.", code="bad_memory")
    return int(text)
