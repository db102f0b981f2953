"""Loading what is large: once, however many threads ask for it at the same time."""

import time
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

from app.core.loading import load_once

THREADS = 4


def test_one_thread_loads_and_the_others_get_what_it_loaded() -> None:
    begun: list[str] = []
    together = Barrier(THREADS)

    @load_once
    def load(name: str) -> object:
        begun.append(name)
        # Whoever comes meanwhile would load it as well.
        time.sleep(0.05)
        return object()

    def ask(_: int) -> object:
        together.wait()
        return load("model")

    with ThreadPoolExecutor(THREADS) as pool:
        found = set(pool.map(ask, range(THREADS)))
    assert begun == ["model"] and len(found) == 1
    assert load.__name__ == "load"


def test_each_argument_is_loaded_and_what_failed_is_tried_again() -> None:
    tried: list[str] = []

    @load_once
    def load(name: str) -> str:
        tried.append(name)
        if len(tried) == 1:
            raise OSError("not there yet")
        return name.upper()

    for _ in range(2):
        try:
            load("a")
        except OSError:
            continue
    assert (load("a"), load("b"), load("a")) == ("A", "B", "A")
    assert tried == ["a", "a", "b"]
