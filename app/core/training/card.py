"""The card of what a run made: what it was trained on, how, how good it got, and under which licence its base is."""

from collections.abc import Mapping, Sequence
from typing import Any

from app.core.options import encode, options_of
from app.core.training.points import Point, find_best
from app.core.training.settings import METHODS, TrainingSettings
from app.core.training.spec import RunSpec


def write_card(spec: RunSpec, points: Sequence[Point], result: Mapping[str, Any]) -> str:
    """The text of the card, as Markdown. What is not known has no line."""
    data, base = spec.snapshot, spec.base
    kind = "a toy model made from the data" if base.kind == "toy" else base.name
    called = f" “{data.name}”" if data.name else ""
    pairs = ", ".join(f"{number:,} {name}" for name, number in spec.splits.items())
    lines = [
        f"# {spec.name or f'{data.dataset}, {METHODS[spec.method]}'}",
        "",
        f"- Data: {data.dataset}, snapshot v{data.number}{called}, {data.records:,} pairs",
        f"- Hash of the data: `{data.hash}`",
        *(f"- SHA-256 of {path}: `{digest}`" for path, digest in spec.files.items()),
        f"- Pairs: {pairs}",
        f"- Base model: {kind}",
        f"- Licence of the base model, as confirmed by who trained: {base.licence or 'not said'}",
        f"- Method: {METHODS[spec.method]}",
        f"- Seed: {spec.seed}",
        f"- Made: {spec.made_at}",
        "",
    ]
    first = next((one for one in points if one.validation_loss is not None), None)
    best = find_best(points)
    if first is not None and best is not None:
        rows = [["", "step", "loss", "token accuracy", "perplexity"], ["---"] * 5]
        rows += [_tell("before", first)] if first.step < best.step else []
        rows += [_tell("best", best)]
        # The last column is that of the perplexity.
        rows = rows if spec.tells_perplexity else [row[:-1] for row in rows]
        lines += ["## Validation", "", *(f"| {' | '.join(row)} |" for row in rows), ""]
    elif result.get("step"):
        lines += [f"Trained for {result['step']:,} steps, without validation.", ""]
    told = encode(spec.settings)
    lines += ["## Settings", "", "| setting | value |", "|---|---|"]
    lines += [f"| {one.label} | {told[one.name]} |" for one in options_of(TrainingSettings)]
    lines += ["", "## Versions", "", *(f"- {name} {version}" for name, version in spec.versions.items())]
    return "\n".join(lines) + "\n"


def _tell(name: str, point: Point) -> list[str]:
    right, perplexity = point.validation_token_accuracy, point.perplexity
    told = ["–" if right is None else f"{right:.1%}", "–" if perplexity is None else f"{perplexity:,.2f}"]
    return [name, f"{point.step:,}", f"{point.validation_loss:.4f}", *told]
