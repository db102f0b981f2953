"""A folder as a .zip that is sent while it is made, so that gigabytes need no room of their own."""

import io
import zipfile
from collections.abc import Iterator
from pathlib import Path

# By these dates two downloads of the same files are the same bytes.
_TIME = (1980, 1, 1, 0, 0, 0)
_PIECE = 1024 * 1024


class _Sink(io.RawIOBase):
    """Takes what is written until it is taken away. It cannot go back, so sizes stand behind each file."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[bytes] = []

    def writable(self) -> bool:
        """It can be written to."""
        return True

    def write(self, data: object) -> int:
        """Keep a piece."""
        piece = bytes(data)  # type: ignore[call-overload]
        self.pieces.append(piece)
        return len(piece)

    def take(self) -> bytes:
        """What was written since the last time."""
        taken = b"".join(self.pieces)
        self.pieces.clear()
        return taken


def stream_zip(folder: Path, top: str, *, compression: int = zipfile.ZIP_STORED) -> Iterator[bytes]:
    """The pieces of a .zip of all files below a folder, under the name ``top``; links are left out.

    Weights do not get smaller, so nothing is compressed unless that is said. A file that grows or goes meanwhile raises
    OSError, which ends the download.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w", compression) as archive:
        for file in sorted(path for path in folder.rglob("*") if path.is_file() and not path.is_symlink()):
            about = zipfile.ZipInfo(f"{top}/{file.relative_to(folder).as_posix()}", _TIME)
            about.compress_type, about.external_attr = compression, 0o644 << 16
            with file.open("rb") as source, archive.open(about, "w", force_zip64=True) as entry:
                while piece := source.read(_PIECE):
                    entry.write(piece)
                    yield sink.take()
            yield sink.take()
    yield sink.take()
