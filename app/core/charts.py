"""Line charts: where on a picture the points, the grid and the words stand. Pages make SVG of it.

All lengths are in units of the picture, which are pixels where it is shown as wide as it is.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

TOP, BOTTOM = 16, 20
# Between two words that stand at the ends of lines.
_LINE = 13
_WIDTH_OF_LETTER = 6.2
_LETTERS_OF_VALUE = 5
MOST_TICKS = 4


@dataclass(frozen=True, slots=True)
class Series:
    """A line to draw. The measured one that decides is ``l1``, with points; what stands beside it is ``l2``.

    At its end stand its name and its last value, unless it is only there to compare with (``is_named``).
    """

    name: str
    points: Sequence[tuple[float, float]]
    kind: str = "l1"
    is_named: bool = True


@dataclass(frozen=True, slots=True)
class Word:
    """A text on the picture."""

    x: float
    y: float
    text: str
    anchor: str = "start"
    kind: str = ""


@dataclass(frozen=True, slots=True)
class Line:
    """A line on the picture: its points as SVG writes them, and those that get a dot."""

    kind: str
    points: str
    dots: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Chart:
    """All that is drawn. ``ref`` is where the dotted line of the best point stands."""

    width: int
    height: int
    left: float
    right: float
    bottom: float
    grid: tuple[float, ...]
    lines: tuple[Line, ...]
    words: tuple[Word, ...]
    ref: float | None


def draw_lines(
    series: Sequence[Series],
    *,
    width: int,
    height: int,
    reach: float,
    say: Callable[[float], str],
    tick: Callable[[float], str] | None = None,
    marks: Sequence[tuple[float, str]] = (),
    best: tuple[float, str] | None = None,
    span: tuple[float, float] | None = None,
) -> Chart | None:
    """A picture of lines over steps 0 to ``reach``; None where there is nothing to draw.

    ``say`` writes a value, ``tick`` one of the scale. ``marks`` are steps with words under the axis, ``best`` is a
    step with its words, and ``span`` the least and the largest value, where several pictures share a scale.
    """
    drawn = [one for one in series if one.points]
    if not drawn:
        return None
    low, high = span or span_of(drawn)
    ticks, low, high = _choose_ticks(low, high)
    said = [(value, (tick or say)(value)) for value in ticks]
    left = max([len(text) for _, text in said], default=1) * _WIDTH_OF_LETTER + 8
    # Room for what stands at the ends of lines, the same while a value gets longer or shorter.
    letters = max(len(one.name) + 1 + max(len(say(one.points[-1][1])), _LETTERS_OF_VALUE) for one in drawn)
    right = width - 8 - letters * _WIDTH_OF_LETTER
    reach = max(reach, *(x for one in drawn for x, _ in one.points), 1)

    def x_of(step: float) -> float:
        return round(left + step / reach * (right - left), 1)

    def y_of(value: float) -> float:
        part = (min(max(value, low), high) - low) / (high - low)
        return round(TOP + (1 - part) * (height - TOP - BOTTOM), 1)

    bottom = float(height - BOTTOM)
    words = [Word(round(left - 6, 1), y_of(value) + 4, text, "end") for value, text in said]
    words += _words_under(marks, reach, x_of, height, right)
    if best:
        at, is_late = x_of(best[0]), x_of(best[0]) + 4 + len(best[1]) * _WIDTH_OF_LETTER > width
        words.append(Word(at - 4 if is_late else at + 4, 12, best[1], "end" if is_late else "start", "em"))
    lines = []
    for one in drawn:
        spots = [(x_of(x), y_of(y)) for x, y in _thin(one.points, (right - left) / 2)]
        few = len(spots) <= (right - left) / 8
        dots = tuple(spots) if one.kind == "l1" and few else tuple(spots[-1:]) if one.kind == "l1" else ()
        lines.append(Line(one.kind, " ".join(f"{x:g},{y:g}" for x, y in spots), dots))
    named = [one for one in drawn if one.is_named]
    places = _part_words([(x_of(one.points[-1][0]), y_of(one.points[-1][1])) for one in named], bottom)
    for one, (x, y) in zip(named, places, strict=True):
        text = f"{one.name} {say(one.points[-1][1])}".strip()
        fits = x + 8 + len(text) * _WIDTH_OF_LETTER <= width
        words.append(Word(x + 8, y + 4, text, "start", one.kind) if fits else Word(width, y + 4, text, "end", one.kind))
    grid = tuple(y_of(value) for value in ticks)
    return Chart(
        width,
        height,
        round(left, 1),
        round(right, 1),
        bottom,
        grid,
        tuple(lines),
        tuple(words),
        x_of(best[0]) if best else None,
    )


def span_of(series: Sequence[Series]) -> tuple[float, float]:
    """The least and the largest value of some lines."""
    values = [y for one in series for _, y in one.points]
    return min(values), max(values)


def _choose_ticks(low: float, high: float) -> tuple[list[float], float, float]:
    """At most three round values within the scale, and the scale, which begins at nought where that is near."""
    if high <= low:
        spread = abs(high) * 0.1 or 1.0
        low, high = low - spread, high + spread
    if 0 <= low <= (high - low) * 1.5:
        low = 0.0
    else:
        low -= (high - low) * 0.08
    high += (high - low) * 0.04
    size = 10.0 ** math.floor(math.log10((high - low) / 2))
    steps = (size * part for part in (1, 2, 2.5, 5, 10, 20, 25, 50))
    step = next(one for one in steps if _count_between(low, high, one) <= 3)
    first = math.floor(low / step) + 1
    return [number * step for number in range(first, first + _count_between(low, high, step))], low, high


def _count_between(low: float, high: float, step: float) -> int:
    return math.floor(high / step) - math.floor(low / step)


def _thin(points: Sequence[tuple[float, float]], most: float) -> list[tuple[float, float]]:
    """No more points than can be seen: of each stretch its first, its lowest, its highest and its last one."""
    if len(points) <= most:
        return list(points)
    size = math.ceil(len(points) * 4 / most)
    kept = []
    for start in range(0, len(points), size):
        part = points[start : start + size]
        by_value = sorted(range(len(part)), key=lambda place: part[place][1])
        kept += [part[place] for place in sorted({0, by_value[0], by_value[-1], len(part) - 1})]
    return kept


def _words_under(
    marks: Sequence[tuple[float, str]], reach: float, x_of: Callable[[float], float], height: int, right: float
) -> list[Word]:
    """The words under the axis: nought, the last step, and of the marks between as many as there is room for."""
    words, y = [Word(x_of(0), height - 4, "0")], height - 4
    last = f"{reach:,.0f}"
    room = right - len(last) * _WIDTH_OF_LETTER - 12
    free = x_of(0) + 20
    stride = max(math.ceil(len(marks) / MOST_TICKS), 1)
    for step, text in list(marks)[stride - 1 :: stride]:
        half = len(text) * _WIDTH_OF_LETTER / 2
        if step < reach and x_of(step) - half > free and x_of(step) + half < room:
            words.append(Word(x_of(step), y, text, "middle"))
            free = x_of(step) + half + 12
    return [*words, Word(right, y, last, "end")]


def _part_words(places: Sequence[tuple[float, float]], bottom: float) -> list[tuple[float, float]]:
    """The places of words, moved apart where one would stand on another."""
    moved = list(places)
    order = sorted(range(len(places)), key=lambda number: places[number][1])
    for above, below in pairwise(order):
        near = moved[below][1] - moved[above][1] < _LINE and abs(places[below][0] - places[above][0]) < 90
        if near:
            moved[below] = (moved[below][0], moved[above][1] + _LINE)
    if moved and (over := moved[order[-1]][1] - (bottom - 4)) > 0 and len(moved) > 1:
        moved = [(x, y - over) for x, y in moved]
    return moved
