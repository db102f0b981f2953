"""Compressed files: written piece by piece, the same bytes for the same content. zstd comes with pyarrow."""

import zlib
from collections.abc import Iterable, Iterator
from pathlib import PurePath
from typing import Any

# Ending and what people call it.
COMPRESSIONS = {"gz": "gzip", "zst": "Zstandard"}
MEDIA_TYPES = {"gz": "application/gzip", "zst": "application/zstd"}


def compression_of_name(name: str) -> str:
    """The compression that a file name promises; empty for none."""
    ending = PurePath(name.lower()).suffix.removeprefix(".")
    return ending if ending in COMPRESSIONS else ""


def compress_pieces(pieces: Iterable[bytes], kind: str) -> Iterator[bytes]:
    """The pieces of a file in compressed form; as they are where ``kind`` is empty."""
    if kind == "gz":
        # The head that zlib writes has neither a time nor a name in it.
        packer = zlib.compressobj(wbits=31)
        for piece in pieces:
            yield packer.compress(piece)
        yield packer.flush()
    elif kind == "zst":
        yield from _compress_zstd(pieces)
    else:
        yield from pieces


def _compress_zstd(pieces: Iterable[bytes]) -> Iterator[bytes]:
    import pyarrow

    waiting = _Waiting()
    with pyarrow.CompressedOutputStream(pyarrow.PythonFile(waiting, mode="w"), "zstd") as packer:
        for piece in pieces:
            packer.write(piece)
            yield waiting.take()
    yield waiting.take()


class _Waiting:
    """What a compressor has written and nobody has taken yet."""

    closed = False

    def __init__(self) -> None:
        self._parts: list[bytes] = []

    def write(self, data: Any) -> int:
        self._parts.append(bytes(data))
        return len(data)

    def flush(self) -> None: ...

    def close(self) -> None: ...

    def take(self) -> bytes:
        """All that was written since the last time."""
        taken = b"".join(self._parts)
        self._parts.clear()
        return taken
