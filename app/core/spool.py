"""Parts of something long, put aside in a temporary file so that their source can be let go of."""

import marshal
import shutil
import tempfile
from collections.abc import Iterable, Iterator
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


def put_aside(parts: Iterable[T]) -> Iterator[T]:
    """All parts, read to their end at the first step and kept in a file from there on. Raises DiskFull.

    Each consists of plain values: None, numbers, texts, bytes, and tuples and lists of them.
    """
    with tempfile.TemporaryFile() as file:
        require_space(0)
        checked = 0
        for part in parts:
            marshal.dump(part, file)  # type: ignore[arg-type]
            if file.tell() - checked > _CHECKED_BYTES:
                checked = file.tell()
                require_space(0)
        end = file.tell()
        file.seek(0)
        while file.tell() < end:
            yield marshal.load(file)
