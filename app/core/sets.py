"""Sets of whole numbers as sorted arrays: sorting beats numpy's ``unique`` and ``isin``, which go by hash tables."""

from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

N = TypeVar("N", bound="np.integer[Any]")


def distinct_numbers(numbers: "NDArray[N]") -> "NDArray[N]":
    """The numbers in order, each once."""
    import numpy as np

    ordered = np.sort(numbers)
    first = np.ones(len(ordered), dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return ordered[first]


def is_in(numbers: "NDArray[N]", ordered: "NDArray[N]") -> "NDArray[np.bool]":
    """Which of the numbers are among those of an array in ascending order."""
    import numpy as np

    if not len(ordered):
        return np.zeros(len(numbers), dtype=bool)
    at = np.searchsorted(ordered, numbers)
    at[at == len(ordered)] = 0
    found: NDArray[np.bool] = ordered[at] == numbers
    return found
