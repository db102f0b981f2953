"""The order that the pairs of a set had before they were divided into files, so that it can be read back as it was."""

import sys
from array import array
from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Annotated, TypeVar

import msgspec

from app.core.bundles.base import ABOUT

ORDER = f"{ABOUT}/order.json"
# An order of more bytes is no order of ours.
MOST_BYTES = 64 * 1024 * 1024
T = TypeVar("T")
# No more rows than can be counted off.
Number = Annotated[int, msgspec.Meta(le=sys.maxsize)]


class RowOrder(msgspec.Struct):
    """How the rows of some files follow each other.

    ``runs`` are pairs of numbers: of a file, and how many of its rows come next. ``first`` says for each file how many
    rows come before the one that stands first in it. ``divided`` is False where no pair had a split.
    """

    files: list[str]
    first: list[Number]
    runs: list[Number]
    divided: bool = True

    def merge(self, streams: Mapping[str, Iterator[T]]) -> Iterator[T]:
        """What the files give, in this order. What it does not know of comes last: nothing is left out."""
        names = self.files
        # Others may have written it: what does not fit together is passed over.
        known = [(name, place) for name, place in zip(names, self.first, strict=False) if name in streams]
        given = {name: _put_back(streams[name], max(place, 0)) for name, place in known}
        for place, number in zip(self.runs[::2], self.runs[1::2], strict=False):
            if 0 <= place < len(names) and names[place] in given:
                yield from islice(given[names[place]], max(number, 0))
        yield from chain.from_iterable(given.get(name, stream) for name, stream in streams.items())


def _put_back(rows: Iterator[T], place: int) -> Iterator[T]:
    for first in rows:
        yield from islice(rows, place)
        yield first
        yield from rows


def read_order(content: bytes) -> RowOrder | None:
    """The order that a file says; None where it says none."""
    try:
        return msgspec.json.decode(content, type=RowOrder)
    except (msgspec.MsgspecError, RecursionError):
        return None


class OrderKeeper:
    """Takes note of the order of rows as they come, a few bytes for each run of one split."""

    def __init__(self) -> None:
        self._names: list[str] = []
        self._runs = array("Q")
        self._last = -1

    def add(self, split: str, number: int) -> None:
        """So many rows of a split come next."""
        if self._last < 0 or self._names[self._last] != split:
            if split not in self._names:
                self._names.append(split)
            self._last = self._names.index(split)
            self._runs.extend((self._last, 0))
        self._runs[-1] += number

    def as_json(self, paths: Mapping[str, str], first: Mapping[str, int], *, divided: bool) -> bytes:
        """The order as a file, by the path and the number of rows before the first one of each split."""
        files: Sequence[str] = [paths[name] for name in self._names]
        order = RowOrder(list(files), [first[name] for name in self._names], self._runs.tolist(), divided)
        return msgspec.json.encode(order) + b"\n"
