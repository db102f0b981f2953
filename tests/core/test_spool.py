"""What is put aside comes back as it was, and whoever asks for it need not wait until all of it was read."""

import pytest

from app.core import spool
from app.core.errors import DiskFull
from app.core.spool import put_aside


class Parts:
    """Parts that are read one after the other, and what became of them."""

    def __init__(self, number: int) -> None:
        self.number = number
        self.read = 0
        self.let_go = 0

    def __iter__(self):
        for place in range(self.number):
            self.read += 1
            yield [(place, f"text {place}", None)]

    def end(self) -> None:
        self.let_go += 1


@pytest.mark.parametrize("number", [0, 1, 2, 3, 4, 7, 8, 100])
def test_all_parts_come_back_in_their_order_and_their_source_is_let_go_of_once(number):
    parts = Parts(number)
    assert list(put_aside(parts, parts.end)) == [[(place, f"text {place}", None)] for place in range(number)]
    assert (parts.read, parts.let_go) == (number, 1)


def test_the_first_parts_are_given_before_the_others_are_read():
    parts = Parts(1000)
    given = put_aside(parts, parts.end)
    assert next(given) == [(0, "text 0", None)]
    assert (parts.read, parts.let_go) == (1, 0)
    next(given)
    assert parts.read == 3


def test_all_are_read_after_a_few_were_given():
    parts = Parts(10_000)
    given = put_aside(parts, parts.end)
    for _ in range(14):
        next(given)
    assert (parts.read, parts.let_go) == (10_000, 1)


def test_a_folder_that_fills_up_meanwhile_is_told(monkeypatch):
    monkeypatch.setattr(spool, "_CHECKED_BYTES", 10)
    parts = Parts(100)
    given = put_aside(parts, parts.end)
    next(given)
    monkeypatch.setattr(spool, "SPARED_BYTES", 1 << 60)
    with pytest.raises(DiskFull):
        next(given)
