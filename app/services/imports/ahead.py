"""A large file is read by a process of its own, so that parsing and storing keep two processors busy.

The process is started afresh: a fork would take along locks that threads of this one may hold. It gets its task on
stdin as a pickle and answers on stdout with marshalled tuples, each behind its length; it writes nothing else.
"""

import marshal
import pickle
import signal
import struct
import subprocess
import sys
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, Any

from app.core.errors import LttError
from app.core.formats import BadRow, Source
from app.core.garbage import rare_collection
from app.core.stored import as_entry
from app.services.imports import building
from app.services.imports.building import Built
from app.services.imports.settings import Settings

# Below this a process takes longer to start than it saves.
LARGE_BYTES = 16 * 1024 * 1024
ENDED = "The process that read the file ended without a word. Nothing was imported; try again."
_PROGRAM = [sys.executable, "-c", "from app.services.imports.ahead import serve; serve()"]
_ROOT = Path(__file__).parents[3]
_LENGTH = struct.Struct("!Q")
_PART, _ERROR, _END = range(3)


def parts(source: Source, settings: Settings, import_id: int) -> Iterator[Built]:
    """The rows of a file as they are stored, chunk by chunk. Raises what is wrong with the file."""
    # Rows that change pairs need more than what is stored, so they are not sent between processes.
    # What is parsed in less time than it takes to send is not sent either.
    here = settings.on_duplicate == "update" or building.is_quick(settings)
    if here or (source.size or 0) < LARGE_BYTES:
        return building.build_parts(source, settings, import_id)
    return _received(source, settings, import_id)


def _received(source: Source, settings: Settings, import_id: int) -> Iterator[Built]:
    task = pickle.dumps((source.path, source.name, source.limits, settings, import_id))
    with subprocess.Popen(_PROGRAM, cwd=_ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None and process.stdout is not None
        try:
            with suppress(BrokenPipeError):
                process.stdin.write(task)
                process.stdin.close()
            while (part := _next(process.stdout)) is not None:
                yield part
        finally:
            process.kill()


def _next(answers: IO[bytes]) -> Built | None:
    head = answers.read(_LENGTH.size)
    data = answers.read(*_LENGTH.unpack(head)) if len(head) == _LENGTH.size else b""
    try:
        what, content = marshal.loads(data)
    except (EOFError, ValueError, TypeError) as error:
        raise LttError(ENDED, code="reader_ended") from error
    if what == _ERROR:
        raise pickle.loads(content)
    if what == _END:
        return None
    new, bad = content
    return Built(list(map(as_entry, new)), [BadRow(*one) for one in bad])


def serve() -> None:
    """What the process does: read, build, answer. Ends when nobody listens any more."""
    # Ctrl+C in a terminal reaches the process that listens as well.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    path, name, limits, settings, import_id = pickle.load(sys.stdin.buffer)
    with suppress(BrokenPipeError), rare_collection():
        try:
            for part in building.build_parts(Source.of_path(path, name=name, limits=limits), settings, import_id):
                _answer(_PART, (list(map(tuple, part.new)), list(map(tuple, part.bad))))
            _answer(_END, None)
        except BrokenPipeError:
            raise
        except (LttError, OSError) as error:
            _answer(_ERROR, pickle.dumps(error))


def _answer(what: int, content: Any) -> None:
    data = marshal.dumps((what, content))
    sys.stdout.buffer.write(_LENGTH.pack(len(data)) + data)
    sys.stdout.buffer.flush()
