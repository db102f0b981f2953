"""Clients of connections, and the record of what they sent: who started it on which page, how many calls, how much."""

import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import datetime
from threading import Lock
from typing import Any

from flask import Flask, current_app
from sqlalchemy import func, select, update

from app.core.connections import read_address
from app.models import Connection, ModelUse, db, transaction
from app.models.base import now
from app.providers import keys
from app.providers.chat import Budget, Chat
from app.providers.endpoint import Endpoint
from app.services.models.connections import key_folder, values_of


@dataclass(frozen=True, slots=True)
class Started:
    """Who started calls, on which page or by which command, and for which dataset and job."""

    who: str
    page: str
    dataset_id: int | None = None
    job_id: int | None = None


def client_of(
    connection: Connection, started: Started, *, seconds: float = 120.0, wait: Callable[[float], None] = time.sleep
) -> Chat:
    """A client of a connection, within its limits and its sum of money. Each call is recorded before it is sent.

    ``wait`` is how to wait before a call is tried again; one that raises stops it. Not to be used inside a transaction.

    Raises Conflict (code key) where its key is not there.
    """
    budget = Budget(
        connection.per_minute,
        connection.parallel,
        connection.price_in or 0.0,
        connection.price_out or 0.0,
        connection.cap,
        connection.currency,
    )
    endpoint = endpoint_of(connection, seconds=seconds, wait=wait)
    counter = _Recorder(connection, started)
    return Chat(endpoint, connection.model, budget, learned=connection.learned, counter=counter)


def endpoint_of(
    connection: Connection,
    *,
    seconds: float = 120.0,
    wait: Callable[[float], None] = time.sleep,
    key_header: str = "Authorization",
) -> Endpoint:
    """The server of a connection with its key, for what is no chat. Whoever sends texts by it records that."""
    address, key = read_address(connection.address), ""
    if connection.key_source != "none":
        key = keys.read_key(key_folder(), connection.key_id, address.origin)
    allowed = values_of(connection).allowed
    return Endpoint(address, key, allowed, seconds=seconds, wait=wait, key_header=key_header)


def record_use(connection: Connection, started: Started, *, calls: int = 1, sent_bytes: int = 0) -> None:
    """Record calls that were no chat, such as the upload of a file."""
    with transaction() as session:
        session.add(ModelUse(**_identity_of(connection, started), calls=calls, sent_bytes=sent_bytes))


def _identity_of(connection: Connection, started: Started) -> dict[str, Any]:
    sent_to = {"connection_id": connection.id, "address": connection.address, "model": connection.model}
    return {**sent_to, **asdict(started)}


class _Recorder:
    """Writes what one client does into one row. Its threads have no application context, so it brings its own."""

    def __init__(self, connection: Connection, started: Started) -> None:
        self._app: Flask = current_app._get_current_object()  # type: ignore[attr-defined]
        # Read now: the connection belongs to the session of who made the client.
        self._identity = _identity_of(connection, started)
        self._id: int | None = None
        self._lock = Lock()

    def begin(self, sent_bytes: int) -> None:
        """One more call goes out."""
        with self._lock, self._app.app_context(), transaction() as session:
            if self._id is None:
                row = ModelUse(**self._identity)
                session.add(row)
                session.flush()
                self._id = row.id
            self._add(calls=1, sent_bytes=sent_bytes)

    def end(self, tokens_in: int, tokens_out: int, *, failed: bool) -> None:
        """It is over."""
        with self._app.app_context(), transaction():
            self._add(tokens_in=tokens_in, tokens_out=tokens_out, failed=int(failed))

    def _add(self, **more: int) -> None:
        values = {name: getattr(ModelUse, name) + number for name, number in more.items()}
        db.session.execute(update(ModelUse).where(ModelUse.id == self._id).values(**values, last_at=now()))


@dataclass(frozen=True, slots=True)
class Total:
    """All calls of a connection, and when the last one was."""

    calls: int
    last_at: datetime


def sum_uses() -> dict[int, Total]:
    """The calls of each connection that was ever called."""
    found = select(ModelUse.connection_id, func.sum(ModelUse.calls), func.max(ModelUse.last_at))
    return {row[0]: Total(row[1], row[2]) for row in db.session.execute(found.group_by(ModelUse.connection_id))}


def list_uses(connection_id: int, *, limit: int = 200) -> list[ModelUse]:
    """What was sent to a connection, newest first."""
    found = select(ModelUse).where(ModelUse.connection_id == connection_id).order_by(ModelUse.id.desc()).limit(limit)
    return list(db.session.execute(found).scalars())
