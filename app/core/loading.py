"""Loading what is large, once for all threads."""

from collections.abc import Callable
from functools import cache, wraps
from threading import RLock
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
T = TypeVar("T")


def load_once(load: Callable[P, T]) -> Callable[P, T]:
    """Keep what a function loads, for each of its arguments. One thread loads, others wait for it.

    ``functools.cache`` alone lets every thread that comes meanwhile load it as well: four of them hold four models.
    """
    lock, keep = RLock(), cache(load)

    @wraps(keep)
    def loaded(*args: P.args, **kwargs: P.kwargs) -> T:
        with lock:
            return keep(*args, **kwargs)  # type: ignore[arg-type]

    return loaded
