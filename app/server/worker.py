"""The worker process beside the web process: started with it, started again when it dies, ended with it."""

import logging
import os
import subprocess
import sys
import threading
import time

from app.config import ROOT

log = logging.getLogger(__name__)

_FIRST_PAUSE_SECONDS = 1.0
_LONGEST_PAUSE_SECONDS = 30.0
_GOOD_RUN_SECONDS = 60.0


class WorkerProcess:
    """Keeps one worker process running until it is stopped."""

    def __init__(self, arguments: list[str] | None = None) -> None:
        self._arguments = arguments or [sys.executable, "-m", "app", "worker", "--parent", str(os.getpid())]
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._process: subprocess.Popen[bytes] | None = None
        self._thread = threading.Thread(target=self._keep_running, name="worker-keeper", daemon=True)

    def start(self) -> None:
        """Start the process and watch over it."""
        self._thread.start()

    def stop(self, timeout_seconds: float) -> None:
        """Ask it to end, and end it when it does not."""
        with self._lock:
            self._stopping.set()
            process = self._process
        if process is None:
            return
        process.terminate()
        try:
            process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _keep_running(self) -> None:
        pause = _FIRST_PAUSE_SECONDS
        while (process := self._spawn()) is not None:
            started = time.monotonic()
            code = process.wait()
            if self._stopping.is_set():
                return
            pause = _FIRST_PAUSE_SECONDS if time.monotonic() - started > _GOOD_RUN_SECONDS else pause
            log.warning("The worker ended with code %s. It is started again in %.0f s.", code, pause)
            self._stopping.wait(pause)
            pause = min(pause * 2, _LONGEST_PAUSE_SECONDS)

    def _spawn(self) -> subprocess.Popen[bytes] | None:
        with self._lock:
            if self._stopping.is_set():
                return None
            self._process = subprocess.Popen(self._arguments, cwd=ROOT, stdin=subprocess.DEVNULL)
            return self._process
