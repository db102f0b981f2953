"""What a run measured as pictures, words and tables."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from statistics import median

from app.core.advice import say_number
from app.core.charts import Chart, Series, draw_lines, span_of
from app.core.training.folder import RunFolder
from app.core.training.points import Point, find_best

# So many rows a table beside a picture has at most; a file has all of them.
MOST_ROWS = 60
# Over so many of the last steps speed is measured.
LAST_STEPS = 50
WIDE, NARROW, SMALL = (792, 206), (332, 180), (376, 132)


def say_loss(value: float) -> str:
    """A loss with as many digits as differ from one checkpoint to the next."""
    return f"{value:.2f}" if abs(value) >= 0.1 or value == 0 else f"{value:.2g}"


def say_perplexity(value: float | None) -> str:
    """A perplexity; one beyond any number in words."""
    if value is None:
        return "over 1e300"
    return (
        f"{value:.2f}"
        if value < 10
        else f"{value:.1f}"
        if value < 100
        else f"{value:,.0f}"
        if value < 1e6
        else f"{value:.1e}"
    )


def say_share(value: float) -> str:
    """A share in percent."""
    return f"{100 * value:.1f}%"


def say_tick(value: float, unit: str = "") -> str:
    """A value at the scale of a picture."""
    return f"{value:,g}{unit}" if abs(value) < 1e5 else f"{value:.0e}{unit}"


def say_memory(value: float) -> str:
    """Megabytes in words."""
    return f"{value / 1000:.1f} GB" if value >= 1000 else f"{value:.0f} MB"


def say_seconds(seconds: float) -> str:
    """A time in words: 0.4 s, 40 s, 21 min, 1 h 52 min, 3 days."""
    if seconds < 90:
        return f"{seconds:.2g} s" if seconds < 10 else f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    if minutes < 60:
        return f"{minutes} min"
    hours, rest = divmod(minutes, 60)
    if hours < 48:
        return f"{hours} h {rest} min" if rest else f"{hours} h"
    return f"{round(hours / 24)} days"


@dataclass(frozen=True, slots=True)
class Picture:
    """A chart for wide and one for narrow windows, with a sentence that says what is seen."""

    chart: Chart
    small: Chart | None
    said: str


@dataclass(frozen=True, slots=True)
class Measured:
    """What the page of a run says of its points."""

    first: Point | None
    best: Point | None
    last: Point | None
    rate: float | None
    tokens_a_second: float | None
    memory_mb: float | None
    seconds_left: float | None
    rows: list[Point]
    has_all_rows: bool
    loss: Picture | None
    perplexity: Picture | None
    accuracy: Picture | None
    learning_rate: Picture | None
    memory: Picture | None
    memory_unit: str
    rises: bool


def measure(seen: RunFolder, steps: int, epochs: int, *, has_perplexity: bool) -> Measured:
    """The pictures, the table and the figures of a run of so many ``steps`` and ``epochs``."""
    points = seen.points
    checked = [one for one in points if one.validation_loss is not None]
    reach = max(steps, points[-1].step if points else 0)
    per_epoch = reach / epochs if epochs else reach
    marks = [round(per_epoch * number) for number in range(1, epochs)]
    best = find_best(points)
    rate, tokens = _measure_speed(points)
    step = max(seen.state.step, points[-1].step if points else 0)
    rows, has_all = choose_rows(points)
    losses = [Series("Validation", _series(points, "validation_loss")), Series("Train", _series(points, "loss"), "l2")]
    if not losses[0].points:
        losses = [Series("Train", losses[1].points)]
    draw = partial(_draw, reach=reach, marks=marks, best=best)
    perplexities = [(one.step, one.perplexity) for one in checked if has_perplexity and one.perplexity is not None]
    memory, rates = _series(points, "memory_mb"), _series(points, "learning_rate")
    unit = "GB" if any(value >= 1000 for _, value in memory) else "MB"
    digits = 1 if unit == "GB" else 0
    memory = [(step, value / 1000 if unit == "GB" else value) for step, value in memory]
    at_best = best.validation_token_accuracy if best else None
    return Measured(
        first=checked[0] if checked and checked[0].step == 0 else None,
        best=best,
        last=points[-1] if points else None,
        rate=rate,
        tokens_a_second=tokens,
        memory_mb=max((one.memory_mb for one in points if one.memory_mb is not None), default=None),
        seconds_left=rate * (reach - step) if rate is not None and reach > step else None,
        rows=rows,
        has_all_rows=has_all,
        loss=draw(
            "Loss", losses, say_loss, say_tick, word=say_loss(best.validation_loss or 0) if best else None, wide=True
        ),
        perplexity=draw(
            "Perplexity on the validation split",
            [Series("", perplexities)],
            say_perplexity,
            say_tick,
            word=say_perplexity(best.perplexity) if best else None,
        ),
        accuracy=draw(
            "Token accuracy on the validation split",
            [Series("", [(x, 100 * y) for x, y in _series(points, "validation_token_accuracy")])],
            lambda value: f"{value:.1f}%",
            partial(say_tick, unit="%"),
            word=None if at_best is None else say_share(at_best),
        ),
        learning_rate=draw(
            "Learning rate",
            [Series("", rates, "l2")],
            say_number,
            say_number,
            # From nought on: what is written of a rate tells no small steps apart.
            span=(0.0, max((rate for _, rate in rates), default=0.0)),
        ),
        memory=draw("Memory", [Series("", memory, "l2")], lambda value: f"{value:.{digits}f} {unit}", say_tick),
        memory_unit=unit,
        rises=bool(best and checked and checked[-1].step > best.step),
    )


def _series(points: Sequence[Point], name: str) -> list[tuple[float, float]]:
    return [(one.step, value) for one in points if (value := getattr(one, name)) is not None]


def _measure_speed(points: Sequence[Point]) -> tuple[float | None, float | None]:
    """Seconds a step and tokens a second over the last steps; a time that goes back is that of a run taken up again."""
    timed = [one for one in points if one.seconds is not None][-LAST_STEPS:]
    took, read = [], []
    for before, after in pairwise(timed):
        seconds, steps = (after.seconds or 0) - (before.seconds or 0), after.step - before.step
        if seconds > 0 and steps > 0:
            took.append(seconds / steps)
            if after.tokens is not None and before.tokens is not None and after.tokens > before.tokens:
                read.append((after.tokens - before.tokens) / seconds)
    return (median(took) if took else None), (median(read) if read else None)


def choose_rows(points: Sequence[Point]) -> tuple[list[Point], bool]:
    """The points that a table shows, and whether these are all: each validation, and of the others an even choice."""
    if len(points) <= MOST_ROWS:
        return list(points), True
    checked = {one.step for one in points if one.validation_loss is not None}
    stride = math.ceil(len(points) / max(MOST_ROWS - len(checked), 10))
    return [one for place, one in enumerate(points) if one.step in checked or place % stride == 0], False


def _draw(
    title: str,
    series: Sequence[Series],
    say: Callable[[float], str],
    tick: Callable[[float], str],
    *,
    reach: int,
    marks: Sequence[int],
    best: Point | None,
    word: str | None = None,
    wide: bool = False,
    span: tuple[float, float] | None = None,
) -> Picture | None:
    words = [(step, f"epoch {number}, step {step:,}" if wide else f"{step:,}") for number, step in enumerate(marks, 1)]
    where = (best.step, f"best {word}") if best and word else None

    def draw(width: int, height: int, marks: Sequence[tuple[float, str]]) -> Chart | None:
        return draw_lines(
            series, width=width, height=height, reach=reach, say=say, tick=tick, marks=marks, best=where, span=span
        )

    chart = draw(*(WIDE if wide else SMALL), words)
    if chart is None:
        return None
    plain = [(step, f"{step:,}") for step in marks]
    return Picture(chart, draw(*NARROW, plain) if wide else None, f"{title}. {_describe(series, say, where)}")


def _describe(series: Sequence[Series], say: Callable[[float], str], best: tuple[int, str] | None) -> str:
    """What is seen, in words: each line from its first to its last value, and the best."""
    told = []
    for one in series:
        if one.points:
            (first, start), (last, end) = one.points[0], one.points[-1]
            name = f"{one.name}: " if one.name else ""
            told.append(f"{name}{say(start)} at step {first:,.0f}, {say(end)} at step {last:,.0f}.")
    if best:
        told.append(f"{best[1].capitalize()} at step {best[0]:,}.")
    return " ".join(told)


def draw_side_by_side(runs: Sequence[tuple[int, Sequence[Point], int]], *, is_one_scale: bool) -> dict[int, Picture]:
    """The validation loss of several runs, by the number of the run.

    Each run is its number, its points and its steps. On one scale the best one stands in grey behind the others.
    """
    lines = {number: _series(points, "validation_loss") for number, points, _ in runs}
    drawn = {number: line for number, line in lines.items() if line}
    if not drawn:
        return {}
    lowest = {number: min(value for _, value in line) for number, line in drawn.items()}
    first = min(lowest, key=lambda number: lowest[number])
    reach = max(steps for number, _, steps in runs if number in drawn)
    span = span_of([Series("", line) for line in drawn.values()]) if is_one_scale else None
    found = {}
    for number, line in drawn.items():
        at = min(line, key=lambda point: point[1])
        where = (int(at[0]), f"best {say_loss(at[1])}")
        behind = [Series("", drawn[first], "l2", is_named=False)] if is_one_scale and number != first else []
        chart = draw_lines(
            [*behind, Series("", line)],
            width=360, height=150, reach=reach, say=say_loss, tick=say_tick, best=where, span=span,
        )  # fmt: skip
        if chart:
            said = f"Validation loss of run {number}. {_describe([Series('', line)], say_loss, where)}"
            found[number] = Picture(chart, None, said)
    return found
