"""Serves until told to stop, then stops cleanly: streams are cut, the worker ends, the database is closed."""

import ctypes
import logging
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from types import FrameType
from typing import Any

from flask import Flask
from waitress.server import create_server

from app import config
from app.models import close_cleanly
from app.server import http
from app.server.worker import WorkerProcess

log = logging.getLogger(__name__)

# From malloc.h. Setting the threshold also ends its growth with what is freed.
_M_MMAP_THRESHOLD, _LARGE_BYTES = -3, 128 * 1024
_M_ARENA_MAX, _ARENAS = -8, 2
_STALLED_SECONDS = 2.0
_WORKER_SECONDS = 4.0


def serve_until_stopped(
    app: Flask, sockets: list[socket.socket], worker: WorkerProcess | None, ready: Callable[[], None]
) -> None:
    """Answer requests until SIGTERM or Ctrl+C. ``ready`` is called once requests are taken."""
    _give_memory_back()
    http.use_buffer_folder(config.data_dir(app.config) / "tmp")
    http.use_limits(app, app.extensions["ltt.frontdoor"])
    channels: dict[int, Any] = {}
    server = create_server(app, map=channels, sockets=sockets, **http.waitress_settings(app))
    _stop_on_signal(app, channels)
    try:
        if worker:
            worker.start()
        ready()
        server.run()
    finally:
        if worker:
            worker.stop(_WORKER_SECONDS)
        with app.app_context():
            close_cleanly()


def _give_memory_back() -> None:
    """Have glibc return large pieces of memory when they are freed, and threads share what small ones leave free.

    It would keep for each thread what that once needed: after some exports 300 MB. Call before there are threads.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):
            c_library = ctypes.CDLL(None)
            c_library.mallopt(_M_MMAP_THRESHOLD, _LARGE_BYTES)
            c_library.mallopt(_M_ARENA_MAX, _ARENAS)


def _stop_on_signal(app: Flask, channels: dict[int, Any]) -> None:
    stopping: threading.Event = app.extensions["ltt.stopping"]

    def stop(_signal: int, _frame: FrameType | None) -> None:
        if stopping.is_set():
            return
        stopping.set()
        timer = threading.Timer(_STALLED_SECONDS, _drop_stalled, [channels])
        timer.daemon = True
        timer.start()
        # waitress leaves its loop on this, and gives its threads five seconds.
        raise KeyboardInterrupt

    for name in ("SIGTERM", "SIGINT", "SIGBREAK"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), stop)


def _drop_stalled(channels: dict[int, Any]) -> None:
    """Free threads that wait for a client which does not read: their open reads would hold up the checkpoint."""
    for channel in list(channels.values()):
        if hasattr(channel, "outbuf_lock"):
            channel.handle_close()
