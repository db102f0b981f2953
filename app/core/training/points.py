"""What a run measured: the points of its metrics file.

A point is one step. Its train loss and its validation loss may stand in lines of their own; read, they are one point.
"""

import json
import math
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Annotated, Any

import msgspec

# Names of the log of Hugging Face's Trainer and of TRL, by ours. `num_tokens` counts from the start of the run.
NAMES = {
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
    "num_tokens": "tokens",
    "eval_loss": "validation_loss",
    "eval_mean_token_accuracy": "validation_token_accuracy",
}


# What can be counted; what says more is damaged, and no picture has room for it.
Count = Annotated[int, msgspec.Meta(ge=0, lt=2**53)]
Measure = Annotated[float, msgspec.Meta(gt=-(2.0**63), lt=2.0**63)]


class Point(msgspec.Struct, frozen=True, omit_defaults=True):
    """What was measured at one step; what is None was not. Time is in seconds since the start, memory in MB."""

    step: Count
    epoch: Measure | None = None
    seconds: Measure | None = None
    loss: Measure | None = None
    token_accuracy: Measure | None = None
    learning_rate: Measure | None = None
    gradient_norm: Measure | None = None
    tokens: Count | None = None
    memory_mb: Measure | None = None
    validation_loss: Measure | None = None
    validation_token_accuracy: Measure | None = None

    @property
    def perplexity(self) -> float | None:
        """The perplexity on the validation split; None where it was not measured or is beyond any number."""
        return perplexity_of(self.validation_loss)


_FIELDS = Point.__struct_fields__
_DECODER = msgspec.json.Decoder(Point)


def perplexity_of(loss: float | None) -> float | None:
    """``exp(loss)`` of a loss in nats for each token; None where there is none or it is beyond any number."""
    if loss is None or loss > 700:
        return None
    return math.exp(loss)


def read_points(file: Path) -> list[Point]:
    """The points of a run's metrics file, each step once, ascending; none where there is no file that can be read.

    The last line may still be being written: what is no whole line is left out.
    """
    try:
        data = file.read_bytes()
    except OSError:
        return []
    return merge_points(filter(None, map(_read_line, data.splitlines())))


def _read_line(line: bytes) -> Point | None:
    """The point of a line; None where it is none. A value that is no finite number was not measured."""
    try:
        return _DECODER.decode(line)
    except (msgspec.MsgspecError, RecursionError):
        pass
    # Python writes NaN and Infinity, which are no JSON. Of a damaged line the rest may be whole.
    try:
        row = json.loads(line)
    except (ValueError, RecursionError):
        return None
    return point_of(row, {name: name for name in _FIELDS}) if isinstance(row, dict) else None


def point_of(row: Mapping[str, Any], names: Mapping[str, str]) -> Point | None:
    """The point of a row whose keys ``names`` maps to ours, without what is no number; None where it names no step."""
    values: dict[str, Any] = {}
    for name, ours in names.items():
        value = row.get(name)
        most = 2**53 if ours in ("step", "tokens") else 2**63
        # Numbers beyond that are nothing that was measured.
        if isinstance(value, int | float) and not isinstance(value, bool) and abs(value) < most:
            values[ours] = int(value) if ours in ("step", "tokens") else float(value)
    return Point(**values) if values.get("step", -1) >= 0 else None


def merge_points(points: Iterable[Point]) -> list[Point]:
    """Each step once, ascending. Of two that say the same value of a step the later one counts."""
    found: dict[int, Point] = {}
    for point in points:
        known = found.get(point.step)
        found[point.step] = point if known is None else _laid_over(known, point)
    return [found[step] for step in sorted(found)]


def _laid_over(known: Point, later: Point) -> Point:
    said = {name: value for name in _FIELDS if (value := getattr(later, name)) is not None}
    return msgspec.structs.replace(known, **said)


def find_best(points: Iterable[Point]) -> Point | None:
    """The point with the lowest validation loss, the earlier of two alike; None where none was measured.

    The model before training (step 0) is none that training made: it counts only where nothing else was measured.
    """
    measured = [point for point in points if point.validation_loss is not None]
    trained = [point for point in measured if point.step] or measured
    return min(trained, key=lambda point: point.validation_loss or 0.0, default=None)


def encode_points(points: Iterable[Point]) -> bytes:
    """The points as a metrics file."""
    return b"".join(msgspec.json.encode(point) + b"\n" for point in points)
