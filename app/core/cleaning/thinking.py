"""Reasoning that stands inside answers, as a field of its own."""

from app.core.cleaning.base import Operation, Result
from app.core.cleaning.needles import needles_of
from app.core.reasoning import lift_thinking
from app.core.record import Record


@Operation(
    name="lift-thinking",
    title="Take reasoning out of answers",
    help="What answers begin with between <think> and </think> becomes their reasoning, unless they have some already.",
    group="Pairs",
    kind="pair",
    fields=("answer", "reasoning", "turns"),
    choose_fields=False,
    needles=lambda options: needles_of("<think>", mode="literal", ignore_case=False),
)
def lift_reasoning(record: Record, fields: tuple[str, ...]) -> Result:
    """The pair with its reasoning beside its answers."""
    return lift_thinking(record)
