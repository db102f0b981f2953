"""Who runs jobs: processes that hold a lock file as long as they live, so that others can tell when one has died."""

import os
import re
import secrets
import socket
import sys
import time
from pathlib import Path
from typing import Any

from flask import Flask, current_app

from app import config
from app.core.errors import Busy
from app.models.filelock import FileLock

FRESH_SECONDS = 60.0
_mine: dict[tuple[int, str], tuple[str, FileLock]] = {}
_NAME = re.compile(r"(?P<host>.*)\.(?P<pid>\d+)\.[0-9a-f]{8}")


def folder(app: Flask | None = None) -> Path:
    """Where the lock files of running processes lie."""
    path = config.data_dir((app or current_app).config) / "runners"
    path.mkdir(mode=0o700, exist_ok=True)
    return path


def me() -> str:
    """This process's name as a runner. From the first call to the end of the process its lock file is held."""
    return _hold("")


def announce_worker() -> None:
    """Let others see that this process takes up queued jobs."""
    _hold("worker-")


def retire() -> None:
    """Give this process's lock files back, at its end."""
    for key in [key for key in _mine if key[0] == os.getpid()]:
        _, lock = _mine.pop(key)
        lock.give_up()
        lock.path.unlink(missing_ok=True)


def _hold(prefix: str) -> str:
    place = folder()
    key = (os.getpid(), f"{place}/{prefix}")
    if key not in _mine:
        name = f"{prefix}{_host()}.{os.getpid()}.{secrets.token_hex(4)}"
        lock = FileLock(place / f"{name}.lock")
        lock.acquire()
        _mine[key] = (name, lock)
    return _mine[key][0]


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9-]", "-", socket.gethostname())[:40] or "host"


def has_died(name: str) -> bool:
    """Whether a runner of this machine is gone for certain. Of other machines nobody can tell: their lease decides."""
    match = _NAME.fullmatch(name)
    if match is None or match["host"] != _host():
        return False
    if any(name == own for own, _ in _mine.values()):
        return False
    path = folder() / f"{name}.lock"
    if path.exists() and _is_held(path) and pid_exists(int(match["pid"])):
        return False
    path.unlink(missing_ok=True)
    return True


def clear_dead() -> None:
    """Remove the lock files of processes that are gone. A fresh one may belong to a process that just starts."""
    for path in folder().glob("*.lock"):
        if time.time() - path.stat().st_mtime > FRESH_SECONDS and not _is_held(path):
            path.unlink(missing_ok=True)


def any_worker() -> bool:
    """Whether a process that takes up queued jobs is alive on this machine."""
    return any(_is_held(path) for path in folder().glob("worker-*.lock"))


def _is_held(path: Path) -> bool:
    lock = FileLock(path)
    try:
        lock.acquire(timeout_seconds=0)
    except Busy:
        return True
    lock.release()
    return False


def pid_exists(pid: int) -> bool:
    """Whether a process of this number runs."""
    if sys.platform == "win32":
        return _windows_pid_exists(pid)
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:
        return True
    return True


def _windows_pid_exists(pid: int) -> bool:
    # os.kill would end the process there. 0x00100000 is SYNCHRONIZE, 258 WAIT_TIMEOUT: it has not ended.
    import ctypes

    kernel: Any = ctypes.windll.kernel32  # type: ignore[attr-defined,unused-ignore]
    process = kernel.OpenProcess(0x00100000, False, pid)
    if not process:
        return False
    running = kernel.WaitForSingleObject(process, 0) == 258
    kernel.CloseHandle(process)
    return bool(running)
