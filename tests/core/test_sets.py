"""Sorted arrays say the same as sets."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from app.core.sets import distinct_numbers, is_in

numbers = st.lists(st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)).map(
    lambda some: np.array(some, dtype=np.int64)
)


@given(numbers)
def test_each_number_once_and_in_order(some):
    assert distinct_numbers(some).tolist() == sorted(set(some.tolist()))


@given(numbers, numbers)
def test_which_are_among_others(some, others):
    assert is_in(some, distinct_numbers(others)).tolist() == [one in set(others.tolist()) for one in some.tolist()]
