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
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, nullcontext, suppress
from dataclasses import dataclass
from functools import partial
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
    _services = ("app.services.conversion", "app.services.imports", "app.services.validation")
    _processes.set_forkserver_preload(["__main__", *_services, "app.providers.templates"])
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


@contextmanager
def open_bounded(
    make: Callable[..., object],
    *arguments: Any,
    doing: str,
    slots: threading.BoundedSemaphore = LOOKS,
) -> Iterator[Callable[..., Any]]:
    """An object that a child process makes and keeps, for many short calls: ``call("name of a method", …)``.

    Each may take LTT_LOOK_SECONDS of the processor, all together LTT_LOOK_MB of memory. Raises what ``run_bounded``
    raises, and after that nothing more can be called. A child of ours makes it in itself: it has bounds already.
    """
    if multiprocessing.current_process().daemon:
        made = make(*arguments)
        yield lambda method, *those: getattr(made, method)(*those)
        return
    if not slots.acquire(timeout=SLOT_SECONDS):
        raise Busy("Others are looking at files now. Try again in a moment.")
    settings = _settings()
    call = _Call(settings, False, make, arguments, doing, float(settings["LTT_LOOK_SECONDS"]), False)
    ours, theirs = _processes.Pipe(duplex=True)
    child = _processes.Process(target=_keep, args=(theirs, call), daemon=True)
    ended: list[LttError] = []

    def hear() -> Any:
        try:
            value, error, _ = pickle.loads(_receive(ours, call))
        except (EOFError, OSError):
            ended.append(call.why_ended(_end(child)))
            raise ended[0] from None
        except LttError as error:
            # What it answers late is no answer to what is asked next.
            _end(child)
            ended.append(error)
            raise
        if error is not None:
            raise error
        return value

    def ask(method: str, *those: Any) -> Any:
        if ended:
            raise ended[0]
        with suppress(OSError):
            ours.send((method, those))
        return hear()

    try:
        with ours:
            with theirs, _lock:
                child.start()
            try:
                hear()
                yield ask
            finally:
                if not ended:
                    _end(child)
    finally:
        slots.release()


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

    def why_ended(self, exit_code: int | None) -> LttError:
        """The refusal of what ended its child."""
        if _IS_POSIX and exit_code in (-signal.SIGALRM, -signal.SIGPROF, -signal.SIGXCPU):
            return self.took_too_long()
        reason = f"It is damaged, or needs more than {self.memory_mb:,} MB of memory (limit LTT_LOOK_MB)."
        return Invalid(f"{self.doing} made its process fail. {reason}", code="reader_ended")


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
    raise call.why_ended(exit_code)


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
    _begin(call, cpu_seconds=int(call.seconds) + 2)

    def work() -> Any:
        with _application(call.settings).app_context() if call.in_application else nullcontext():
            return call.function(*call.arguments)

    sender.send_bytes(_outcome_of(work, call))


def _keep(connection: Connection, call: _Call) -> None:
    """What a child does that keeps an object: it answers until nobody asks any more."""
    _begin(call, cpu_seconds=None)
    made: list[Any] = []
    outcome = _outcome_of(lambda: made.append(call.function(*call.arguments)), call)
    while made:
        _stop_timers()
        connection.send_bytes(outcome)
        try:
            method, arguments = connection.recv()
        except EOFError:
            return
        _limit_time(call)
        outcome = _outcome_of(partial(getattr(made[0], method), *arguments), call)
    connection.send_bytes(outcome)


def _begin(call: _Call, *, cpu_seconds: int | None) -> None:
    if _IS_POSIX:
        # A group of its own: it ends together with what it starts, and not by Ctrl+C in a terminal.
        os.setsid()
    threading.Thread(target=_end_with_parent, daemon=True).start()
    _limit_system(call, cpu_seconds)
    _limit_time(call)


def _outcome_of(work: Callable[[], Any], call: _Call) -> bytes:
    """The pickled outcome of some work."""
    try:
        outcome = _pickle_outcome(work(), None)
        if len(outcome) > ANSWER_BYTES:
            raise TooLarge(f"{call.doing} gives more than {ANSWER_BYTES // MB} MB to show.", code="over_limit")
    except MemoryError:
        said = f"{call.doing} takes more than {call.memory_mb:,} MB of memory. Raise the limit with LTT_LOOK_MB."
        outcome = _pickle_outcome(None, TooLarge(said, code="over_limit"))
    except Exception as error:  # noqa: BLE001 (it is raised where the call was made)
        outcome = _pickle_outcome(None, error)
    return outcome


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


def _limit_time(call: _Call) -> None:
    """Let the system end this process by the time of a call from now on, where its parent cannot."""
    if sys.platform == "win32":
        return
    signal.setitimer(signal.ITIMER_REAL, call.seconds * _PATIENCE + _GRACE_SECONDS)
    signal.setitimer(signal.ITIMER_PROF, call.seconds)


def _stop_timers() -> None:
    if sys.platform != "win32":
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.setitimer(signal.ITIMER_PROF, 0)


def _limit_system(call: _Call, cpu_seconds: int | None) -> None:
    """Let the system bound this process: by all its processor time, and on Linux by memory beyond what it has."""
    if sys.platform == "win32":
        return
    import resource

    for what, most in ((resource.RLIMIT_CPU, cpu_seconds), (resource.RLIMIT_CORE, 0)):
        _, hard = resource.getrlimit(what)
        if most is not None:
            top = most if hard == resource.RLIM_INFINITY else min(most, hard)
            resource.setrlimit(what, (top, top))
    if sys.platform == "linux":
        pages = int(Path("/proc/self/statm").read_bytes().split()[5])
        _, hard = resource.getrlimit(resource.RLIMIT_DATA)
        # Soft only: a workbook is read by a process that has a limit of its own.
        resource.setrlimit(resource.RLIMIT_DATA, (pages * resource.getpagesize() + call.memory_mb * MB, hard))
