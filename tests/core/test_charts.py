"""Line charts: all of it lies on the picture, the scale is round, and nothing that can be seen is lost."""

import random

import pytest

from app.core.charts import Series, draw_lines


def draw(*lines, reach=10, **more):
    series = [Series(f"line {number}", points, f"l{number}") for number, points in enumerate(lines, 1)]
    return draw_lines(series, width=360, height=150, reach=reach, say=lambda value: f"{value:.2f}", **more)


def spots(chart):
    return [tuple(map(float, spot.split(","))) for line in chart.lines for spot in line.points.split()]


def test_nothing_measured_is_no_picture():
    assert draw() is None and draw([]) is None


@pytest.mark.parametrize("scale", [1e-9, 1e-4, 1, 7, 1e4, 1e12])
@pytest.mark.parametrize("shift", [0, 1, -3, 1000])
def test_every_line_and_word_lies_on_the_picture(scale, shift):
    chance = random.Random(4)
    points = [(step, (chance.random() + shift) * scale) for step in range(11)]
    chart = draw(points, points[:3], best=(9, "best 1.00"), marks=[(5, "epoch 1, step 5")])
    assert all(chart.left <= x <= chart.right and 0 <= y <= chart.bottom for x, y in spots(chart))
    assert all(0 <= word.x <= 360 and 0 <= word.y <= 150 for word in chart.words)
    assert 1 <= len(chart.grid) <= 3 and chart.ref is not None


@pytest.mark.parametrize("points", [[(0, 2.0)], [(0, 0.0), (10, 0.0)], [(4, -1.0), (5, -1.0)]])
def test_a_single_value_is_drawn_too(points):
    chart = draw(points)
    assert len(spots(chart)) == len(points) and chart.grid


def test_the_last_value_is_written_at_the_end_of_its_line_and_words_stand_apart():
    chart = draw([(0, 2.0), (6, 1.0)], [(1, 2.1), (6, 1.01)])
    first, second = (word for word in chart.words if word.kind in ("l1", "l2"))
    assert first.text == "line 1 1.00" and second.text == "line 2 1.01"
    assert abs(first.y - second.y) >= 12


def test_the_axis_reaches_to_the_last_step_from_the_first_minute():
    early, late = draw([(0, 2.0), (2, 1.0)], reach=100), draw([(0, 2.0), (2, 1.0), (90, 0.9)], reach=100)
    assert spots(early)[1][0] == spots(late)[1][0]
    assert [word.text for word in early.words if word.y == 146][-1] == "100"


def test_of_many_points_the_lowest_and_the_highest_stay():
    points = [(step, 1.0) for step in range(50_000)]
    points[31_007], points[44_444] = (31_007, 9.0), (44_444, 0.25)
    chart = draw(points, reach=50_000)
    seen = spots(chart)
    assert len(seen) < 400
    level, heights = seen[0][1], {y for _, y in seen}
    assert min(heights) < level < max(heights)


def test_pictures_side_by_side_can_share_a_scale():
    one, other = (draw([(0, value), (10, 1.0)], span=(1.0, 4.0)) for value in (4.0, 2.0))
    assert one.grid == other.grid and spots(one)[1] == spots(other)[1] and spots(one)[0] != spots(other)[0]
