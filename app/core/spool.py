"""Parts of something long, put aside in a temporary file so that their source can be let go of."""

import marshal
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from itertools import islice
from typing import TypeVar

from app.core.errors import DiskFull

MB = 1024 * 1024
# What others of this machine may need meanwhile.
SPARED_BYTES = 16 * MB
_CHECKED_BYTES = 16 * MB
T = TypeVar("T")


def require_space(size: int) -> None:
    """Raise DiskFull where the folder for temporary files has no room for so many bytes."""
    free = shutil.disk_usage(tempfile.gettempdir()).free
    if free < size + SPARED_BYTES:
        raise DiskFull(
            f"The folder for temporary files has {free // MB:,} MB free, and {(size + SPARED_BYTES) // MB:,} MB are "
            "needed. Free some space and try again.",
            needed_bytes=size,
            free_bytes=free,
        )


def put_aside(parts: Iterable[T], let_go: Callable[[], object]) -> Iterator[T]:
    """All parts in their order. What is not asked for yet is read ahead into a file, ``let_go`` called after the last.

    Before each that is given twice as many are read as before the one before: the first need not wait for all others,
    and all of them are read by the time a few were given. Each part consists of plain values: None, numbers, texts,
    bytes, and tuples and lists of them. Raises DiskFull.
    """
    with tempfile.TemporaryFile() as file:
        require_space(0)
        coming = iter(parts)
        checked = end = taken = 0
        ahead, is_read = 1, False
        while True:
            if not is_read:
                file.seek(end)
                number = 0
                for part in islice(coming, ahead):
                    number += 1
                    marshal.dump(part, file)  # type: ignore[arg-type]
                    if file.tell() - checked > _CHECKED_BYTES:
                        checked = file.tell()
                        require_space(0)
                end = file.tell()
                if number < ahead:
                    is_read = True
                    let_go()
                ahead *= 2
            if taken == end:
                return
            file.seek(taken)
            part = marshal.load(file)
            taken = file.tell()
            yield part
