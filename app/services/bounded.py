"""Work on what strangers sent, in a child process with bounds: on time, on memory, and on what it may answer.

A parser that hangs, eats memory or crashes ends its child and nothing else. Children are forked by a process that has
loaded this program and does nothing but fork, as a process with threads must not be; the first call starts it, and it
ends with this process. On Windows each child starts afresh, and its memory is not bounded; nor is it on macOS.
"""

import multiprocessing
import os
import pickle
import signal
import sys
import threading
import time
import traceback
from collections.abc import Callable, Mapping
from contextlib import nullcontext, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from pathlib import Path
from typing import Any, TypeVar

from flask import Flask, current_app, g, has_app_context, has_request_context

from app import config, models
from app.core.errors import Busy, Invalid, LttError, TooLarge
from app.core.text import plural

MB = 1024 * 1024
# How many children there may be: those that look while a page waits, and those that go through a whole file.
LOOKS = threading.BoundedSemaphore(4)
RUNS = threading.BoundedSemaphore(2)
SLOT_SECONDS = 1.0
# What is answered is taken into the memory of this process.
ANSWER_BYTES = 16 * MB
_WATCH_SECONDS = 0.1
_GRACE_SECONDS = 1.0
# Time is that of the processor: where others keep it busy, a call may take so many times as long.
_PATIENCE = 2.5
_IS_POSIX = sys.platform != "win32"
_processes: Any = multiprocessing.get_context("forkserver" if _IS_POSIX else "spawn")
if _IS_POSIX:
    # The main module as well, else each child would load it.
    _processes.set_forkserver_preload(["__main__", "app.services.conversion", "app.services.imports"])
# What multiprocessing remembers of its children is changed by one thread at a time.
_lock = threading.Lock()
R = TypeVar("R")


def run_bounded(
    function: Callable[..., R],
    *arguments: Any,
    doing: str = "Reading this file",
    seconds: float | None = None,
    slots: threading.BoundedSemaphore = LOOKS,
) -> R:
    """Call a function of a module in a child process: returns what it returns, raises what it raises.

    It may take LTT_LOOK_MB of memory and ``seconds`` of the processor, by default what earlier looks of this request
    have left of LTT_LOOK_SECONDS. It has an application context where there is one here. Raises TooLarge past a bound,
    in a sentence that begins with ``doing``, Invalid where the child crashes, Busy where too many run or the server
    stops.
    """
    allowed = seconds_left() if seconds is None else seconds
    if not slots.acquire(timeout=SLOT_SECONDS):
        raise Busy("Others are looking at files now. Try again in a moment.")
    used = allowed
    try:
        outcome = _run_child(
            _Call(_settings(), has_app_context(), function, arguments, doing, allowed, seconds is not None)
        )
        value, error, used = pickle.loads(outcome)
    finally:
        slots.release()
        if seconds is None and has_request_context():
            g.looked_seconds = g.get("looked_seconds", 0.0) + used
    if error is not None:
        raise error
    return value  # type: ignore[no-any-return]


@dataclass(frozen=True, slots=True)
class _Call:
    """What a child is told."""

    settings: Mapping[str, Any]
    in_application: bool
    function: Callable[..., Any]
    arguments: tuple[Any, ...]
    doing: str
    seconds: float
    # Whether it was given its seconds, and not those of a look.
    is_run: bool

    @property
    def memory_mb(self) -> int:
        """How much memory it may take."""
        return int(self.settings["LTT_LOOK_MB"])

    def took_too_long(self) -> TooLarge:
        """The refusal of what passes its time."""
        most = int(self.seconds) if self.is_run else int(self.settings["LTT_LOOK_SECONDS"])
        how = "" if self.is_run else " Raise the limit with LTT_LOOK_SECONDS."
        said = f"{self.doing} takes more than {plural(most, 'second')}.{how}"
        return TooLarge(said, code="over_limit", seconds=most)


def _settings() -> dict[str, Any]:
    """What a child needs of the configuration."""
    if not has_app_context():
        return dict(config.load_settings())
    return {name: current_app.config[name] for name in (*config.SETTINGS, "SQLALCHEMY_DATABASE_URI")}


def seconds_left() -> float:
    """How long this request may still look."""
    used = g.get("looked_seconds", 0.0) if has_request_context() else 0.0
    return max(float(_settings()["LTT_LOOK_SECONDS"]) - used, _WATCH_SECONDS)


def _run_child(call: _Call) -> bytes:
    """The pickled outcome of a child that has ended."""
    receiver, sender = _processes.Pipe(duplex=False)
    child = _processes.Process(target=_serve, args=(sender, call), daemon=True)
    with receiver:
        with sender, _lock:
            child.start()
        try:
            return _receive(receiver, call)
        except EOFError:
            pass
        finally:
            exit_code = _end(child)
    if _IS_POSIX and exit_code in (-signal.SIGALRM, -signal.SIGPROF, -signal.SIGXCPU):
        raise call.took_too_long()
    reason = f"It is damaged, or needs more than {call.memory_mb:,} MB of memory (limit LTT_LOOK_MB)."
    raise Invalid(f"{call.doing} made its process fail. {reason}", code="reader_ended")


def _receive(receiver: Connection, call: _Call) -> bytes:
    deadline = time.monotonic() + call.seconds * _PATIENCE
    stopping = current_app.extensions.get("ltt.stopping") if has_app_context() else None
    while not receiver.poll(_WATCH_SECONDS):
        if time.monotonic() > deadline:
            raise call.took_too_long()
        if stopping is not None and stopping.is_set():
            raise Busy("The server is being stopped.")
    return receiver.recv_bytes()


def _end(child: Any) -> int | None:
    """End a child with all that it has started. Returns its exit code."""
    with suppress(ProcessLookupError, PermissionError):
        if _IS_POSIX:
            os.killpg(child.pid, signal.SIGKILL)
    with _lock:
        child.kill()
        child.join()
        exit_code: int | None = child.exitcode
        child.close()
    return exit_code


def _serve(sender: Connection, call: _Call) -> None:
    """What a child does."""
    if _IS_POSIX:
        # A group of its own: it ends together with what it starts, and not by Ctrl+C in a terminal.
        os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _confine(call)
    try:
        with _application(call.settings).app_context() if call.in_application else nullcontext():
            outcome = _pickle_outcome(call.function(*call.arguments), None)
        if len(outcome) > ANSWER_BYTES:
            raise TooLarge(f"{call.doing} gives more than {ANSWER_BYTES // MB} MB to show.", code="over_limit")
    except MemoryError:
        said = f"{call.doing} takes more than {call.memory_mb:,} MB of memory. Raise the limit with LTT_LOOK_MB."
        outcome = _pickle_outcome(None, TooLarge(said, code="over_limit"))
    except Exception as error:  # noqa: BLE001 (it is raised where the call was made)
        outcome = _pickle_outcome(None, error)
    sender.send_bytes(outcome)


def _pickle_outcome(value: object, error: Exception | None) -> bytes:
    if error is not None and not isinstance(error, LttError):
        error.add_note("".join(traceback.format_exception(error)))
    used = time.process_time()
    outcome = pickle.dumps((value, error, used))
    if error is not None:
        try:
            pickle.loads(outcome)
        except Exception:  # noqa: BLE001 (an exception of a library whose constructor wants more)
            outcome = pickle.dumps((None, RuntimeError("".join(traceback.format_exception(error))), used))
    return outcome


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    assert parent is not None
    wait([parent.sentinel])
    if _IS_POSIX:
        os.killpg(0, signal.SIGKILL)
    os._exit(1)


def _application(settings: Mapping[str, Any]) -> Flask:
    """The application of a child: its settings, and the database, which it only reads."""
    app = Flask("app")
    app.config.from_mapping(settings)
    models.init_app(app)
    return app


def _confine(call: _Call) -> None:
    """Let the system end this process when its parent cannot: by time, and on Linux by memory beyond what it has."""
    if sys.platform == "win32":
        return
    import resource

    signal.setitimer(signal.ITIMER_REAL, call.seconds * _PATIENCE + _GRACE_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, call.seconds)
    for what, most in ((resource.RLIMIT_CPU, int(call.seconds) + 2), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        top = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(what, (top, top))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_bytes().split()[5])
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        # Soft only: a workbook is read by a process that has a limit of its own.
        resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + call.memory_mb * MB, hard))
