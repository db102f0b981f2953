"""Intervals: how sure a share of a sample is."""

from math import sqrt

# The 97.5th percentile of the normal distribution: 95 % lie within.
Z95 = 1.959963984540054


def wilson_interval(hits: int, size: int, z: float = Z95) -> tuple[float, float]:
    """The interval of a share, 0 to 1, of which ``hits`` of ``size`` were seen; 0 to 1 where nothing was seen.

    Source: E. B. Wilson, Probable inference, the law of succession, and statistical inference (1927), without
    continuity correction.
    """
    if not size:
        return 0.0, 1.0
    share = hits / size
    middle = share + z * z / (2 * size)
    reach = z * sqrt(share * (1 - share) / size + z * z / (4 * size * size))
    scale = 1 + z * z / size
    return (middle - reach) / scale if hits else 0.0, (middle + reach) / scale if hits < size else 1.0
