"""The write-ahead log of SQLite, kept small: folded into the database as it grows, and bounded.

Who reads keeps the log as it was when that read began: nothing that came later can be folded until it ends. So bulk
reads let go of a log that has grown, bulk writes wait until there is room again, and at the limit nobody writes. A
single large transaction passes the limit while it lasts; its log is cut when it has ended.
"""

import logging
import time
from pathlib import Path

from sqlalchemy import Engine

from app.core.errors import Busy
from app.models.filelock import FileLock

log = logging.getLogger(__name__)

ROOM_SECONDS = 60.0
_PAUSE_SECONDS = 0.2


class WriteAheadLog:
    """The log of one database. All its fractions of ``limit_bytes`` leave room for what comes after them."""

    def __init__(self, engine: Engine, lock: FileLock, limit_bytes: int) -> None:
        database = Path(engine.url.database or "")
        self.path = database.with_name(database.name + "-wal")
        self.limit_bytes = limit_bytes
        self._engine = engine
        self._lock = lock
        # Whether all of it must go, however small it is: it holds what was to be forgotten.
        self.is_owed = False
        self._not_before = 0.0

    @property
    def size(self) -> int:
        """The bytes of its file. What was folded still counts until the file is cut."""
        try:
            return self.path.stat().st_size
        except OSError:
            return 0

    @property
    def has_grown(self) -> bool:
        """Whether it is so large that bulk reads should let go of it."""
        return self.size >= self.limit_bytes // 4

    def fold(self, *, cut: bool = False) -> None:
        """Fold it where it has grown; while others wait to write, that is put off. Call with the write lock held.

        A large one is cut to nothing, and with ``cut`` any. Raises nothing: what was written before is stored, whatever
        happens here. A later call tries again.
        """
        cut = cut or self.is_owed or self.has_grown
        if not cut and (self.size < self.limit_bytes // 32 or self._lock.wanted):
            return
        if time.monotonic() < self._not_before:
            return
        try:
            done = self._checkpoint("TRUNCATE" if cut else "PASSIVE")
        except Exception:
            log.warning("The log of the database could not be folded now, and will be later.", exc_info=True)
            done = False
        self.is_owed = self.is_owed and not done
        self._not_before = 0.0 if done else time.monotonic() + _PAUSE_SECONDS

    def fold_if_free(self) -> None:
        """Fold and cut it where it has grown and nobody writes: when a reader has ended, and now and then."""
        if self.size < self.limit_bytes // 32 or self._lock.is_mine:
            return
        try:
            self._lock.acquire(timeout_seconds=0)
        except (Busy, OSError):
            return
        try:
            self._not_before = 0.0
            self.fold(cut=True)
        finally:
            self._lock.release()

    def await_room(self) -> None:
        """Wait until it is far from its limit. For bulk writes, which hold nothing meanwhile. Raises Busy."""
        deadline = time.monotonic() + ROOM_SECONDS
        while self.size >= self.limit_bytes * 3 // 4:
            self.fold_if_free()
            if self.size < self.limit_bytes * 3 // 4:
                return
            if time.monotonic() > deadline:
                raise self._refusal()
            time.sleep(_PAUSE_SECONDS)

    def require_room(self) -> None:
        """Raise Busy where it is at its limit and cannot be folded. Call with the write lock held."""
        if self.size >= self.limit_bytes:
            self._not_before = 0.0
            self.fold()
            if self.size >= self.limit_bytes:
                raise self._refusal()

    def _refusal(self) -> Busy:
        return Busy(
            f"The log of the database has reached its limit of {self.limit_bytes // 1024**2:,} MB, because a program "
            "has been reading for long, such as an export that was stopped. Nothing was changed. Try again when that "
            "program has ended.",
            code="log_full",
        )

    def _checkpoint(self, mode: str) -> bool:
        """Whether all of the log was folded."""
        connection = self._engine.raw_connection()
        try:
            cursor = connection.cursor()
            cursor.execute("PRAGMA query_only=OFF")
            # The write lock is held: a reader elsewhere must not stop all writers for long.
            cursor.execute("PRAGMA busy_timeout=100")
            try:
                busy, frames, folded = cursor.execute(f"PRAGMA wal_checkpoint({mode})").fetchone()
            finally:
                cursor.execute("PRAGMA busy_timeout=30000")
                cursor.execute("PRAGMA query_only=ON")
            return not busy and frames == folded
        finally:
            connection.close()
