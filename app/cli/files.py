"""Files that commands read and write again: opened by what they hold, written in the shape they had."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app import config
from app.core.errors import BadUsage, Invalid

if TYPE_CHECKING:
    from app.core.formats import Source
    from app.core.reading import ReadSettings
    from app.core.spec import Spec


def open_source(file: str) -> "Source":
    """A file that is to be read; - is stdin."""
    from app.core.formats import Source

    refuse_live(file)
    return Source.of_stream(sys.stdin.buffer, name="-") if file == "-" else Source.of_path(file)


def is_live(file: str | Path) -> bool:
    """Whether a file, by whatever name, is the database that the workbench works with; - is stdin.

    It is not opened: what Python opens and closes has lost its locks.
    """
    live = config.database_file(config.load_settings())
    try:
        found = os.fstat(sys.stdin.fileno()) if str(file) == "-" else os.stat(file)
        return live is not None and any(
            os.path.samestat(found, os.stat(one))
            for end in ("", "-wal", "-shm")
            if (one := Path(f"{live}{end}")).exists()
        )
    except (OSError, ValueError):
        return False


def refuse_live(file: str | Path, use: str = "To read its pairs, use: ltt export DATASET FILE") -> None:
    """Raise Invalid where a file is the database of the workbench; ``use`` says what to do instead."""
    if is_live(file):
        raise Invalid(f"{file} is the database that this workbench works with. {use}", code="live")


def target_like(settings: "ReadSettings", out: str) -> "Spec":
    """The shape to write: that of the file read, unless the name of ``out`` says another format."""
    from app.core.formats import format_of_name
    from app.core.spec import Spec

    return Spec((format_of_name(out) if out != "-" else None) or settings.format, settings.layout)


@contextmanager
def open_output(target: str, *, reads: str | None = None) -> Iterator[Any]:
    """The target: stdout, or a file that appears only when it is whole. A device or pipe is written, never replaced.

    Refused where it is the file that is read: what the target cannot hold would be gone.
    """
    if target == "-":
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    refuse_live(target, "Name another file to write.")
    path, part = Path(target), Path(f"{target}.part")
    if path.is_dir():
        raise BadUsage(f"{target} is a folder. Name a file in it.")
    if reads and path.is_file() and Path(reads).exists() and path.samefile(reads):
        raise BadUsage(f"{target} is the file that is read. Name another file to write.")
    if not path.parent.is_dir():
        raise Invalid(f"There is no folder {path.parent}.", code="no_folder")
    if path.exists() and not path.is_file():
        with path.open("wb") as file:
            yield file
        return
    try:
        with part.open("wb") as file:
            yield file
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
