"""The interval of a share: its ends are where the share that was seen would be just as unlikely as allowed."""

from math import sqrt

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.intervals import Z95, wilson_interval


def test_nothing_seen_says_nothing() -> None:
    assert wilson_interval(0, 0) == (0.0, 1.0)


@given(st.integers(1, 5000).flatmap(lambda size: st.tuples(st.integers(0, size), st.just(size))))
def test_the_ends_are_a_percentile_away_from_what_was_seen(seen: tuple[int, int]) -> None:
    hits, size = seen
    low, high = wilson_interval(hits, size)
    assert 0 <= low <= hits / size <= high <= 1
    for end, closed in ((low, hits == 0), (high, hits == size)):
        if not closed:
            assert abs(hits / size - end) == pytest.approx(Z95 * sqrt(end * (1 - end) / size), rel=1e-6, abs=1e-9)


def test_more_pairs_tell_more() -> None:
    widths = [high - low for low, high in (wilson_interval(size // 10, size) for size in (10, 60, 500, 5000))]
    assert widths == sorted(widths, reverse=True)
