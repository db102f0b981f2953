"""The connections that there are: add, change and remove them, and where the key of each comes from."""

import re
from dataclasses import asdict, dataclass, fields, replace
from pathlib import Path
from typing import Any

from flask import current_app
from sqlalchemy import select

from app import config
from app.core.connections import KEY, MAX_NAME, Values, read_address
from app.core.errors import Conflict, Invalid, NotFound
from app.core.text import clip, is_number
from app.models import Connection, db, transaction
from app.models.base import now
from app.providers import keys


@dataclass(frozen=True, slots=True)
class KeyNote:
    """What may be shown of a key: its source, what it is called, its end, and what is wrong with it."""

    source: str
    variable: str = ""
    tail: str = ""
    problem: str = ""


def list_connections() -> list[Connection]:
    """The connections by name."""
    found = select(Connection).where(Connection.removed_at.is_(None)).order_by(Connection.name, Connection.id)
    return list(db.session.execute(found).scalars())


def get(which: int | str, *, removed: bool = False) -> Connection:
    """A connection by id or name. Raises NotFound, and where it was removed unless ``removed``."""
    connection = None
    if isinstance(which, int) or is_number(which):
        connection = db.session.get(Connection, int(which))
    if connection is None and isinstance(which, str):
        connection = next((one for one in list_connections() if one.name == which), None)
    if connection is None or (connection.removed_at is not None and not removed):
        raise NotFound(f"There is no connection {clip(str(which), 60)!r}. Add it in Settings, Models.", code="no_model")
    return connection


def values_of(connection: Connection) -> Values:
    """What is said of a connection."""
    return Values(**{one.name: getattr(connection, one.name) for one in fields(Values)})


def add_connection(values: Values, key: str = "") -> Connection:
    """Keep a new connection, and its key where the source is ``stored``. Raises Invalid, and Conflict for its name."""
    values = values.checked()
    key_id = _keep_key(values, key)
    try:
        with transaction() as session:
            _require_free_name(values.name)
            connection = Connection(**asdict(values), key_id=key_id)
            session.add(connection)
    except BaseException:
        keys.forget_key(key_folder(), key_id)
        raise
    return connection


def change_connection(which: int, values: Values, key: str = "", *, version: int | None = None) -> Connection:
    """Change what is said of a connection. Without ``key`` it keeps the one that it has, while its host is the same.

    Raises NotFound, Invalid, Conflict for a stale version or a name that is taken.
    """
    values, before = values.checked(), get(which)
    is_same_key = (
        not key
        and (values.key_source, values.variable) == (before.key_source, before.variable)
        and read_address(values.address).origin == read_address(before.address).origin
        and keys.find_grant(key_folder(), before.key_id) is not None
    )
    key_id = before.key_id if is_same_key else _keep_key(values, key)
    try:
        with transaction() as session:
            connection = get(which)
            if version is not None and connection.version != version:
                said = f"“{connection.name}” was changed meanwhile. Load the page anew, and change it there."
                raise Conflict(said, code="stale_version")
            _require_free_name(values.name, connection.id)
            old_key = connection.key_id
            if (values.address, values.model, key_id) != (connection.address, connection.model, old_key):
                connection.test, connection.tested_at, connection.learned = None, None, {}
            for name, value in asdict(values).items():
                setattr(connection, name, value)
            connection.key_id, connection.version = key_id, connection.version + 1
            session.flush()
    except BaseException:
        if key_id != before.key_id:
            keys.forget_key(key_folder(), key_id)
        raise
    if old_key != key_id:
        keys.forget_key(key_folder(), old_key)
    return connection


def remove_connection(which: int | str) -> Connection:
    """Remove a connection and forget its key. What was sent by it stays listed. Raises NotFound."""
    with transaction():
        connection = get(which)
        connection.removed_at, key_id, connection.key_id = now(), connection.key_id, None
        connection.version += 1
    keys.forget_key(key_folder(), key_id)
    return connection


def restore_connection(which: int) -> Connection:
    """Bring a removed connection back, without its key. Raises NotFound, and Conflict for a name that is taken."""
    with transaction():
        connection = get(which, removed=True)
        if connection.removed_at is not None:
            _require_free_name(connection.name, connection.id)
            connection.removed_at, connection.version = None, connection.version + 1
    return connection


def add_tuned(base: Connection, model: str, name: str = "", *, address: str = "") -> Connection:
    """Connect a model that was tuned at the host of a connection: same key and limits, its price not known.

    ``address`` is where that host serves it, if not at the address of ``base``. One that is connected already is
    returned as it is. Raises Conflict where the key of ``base`` is not there.
    """
    for one in list_connections():
        if (one.address, one.model) == (address or base.address, model):
            return one
    key = ""
    if base.key_source == "stored":
        key = keys.read_key(key_folder(), base.key_id, read_address(base.address).origin)
    wanted = name or re.split(r"[/:]", model.strip("/:"))[-1]
    values = replace(values_of(base), name=free_name(wanted), model=model, price_in=None, price_out=None)
    values = replace(values, address=address or base.address)
    return add_connection(values, key)


def free_name(wanted: str) -> str:
    """A name that no connection has: the wanted one, or that with a number. One that is a number gets a word."""
    taken = {one.name for one in list_connections()}
    wanted = clip(f"Model {wanted}" if is_number(wanted) else wanted, MAX_NAME - 6)
    return next(name for name in (wanted, *(f"{wanted} {n}" for n in range(2, len(taken) + 3))) if name not in taken)


def describe_key(connection: Connection) -> KeyNote:
    """Where the key comes from and whether it is there. A keyring is not asked: it may want to be unlocked."""
    if connection.key_source == "none":
        return KeyNote("none")
    try:
        grant = keys.find_grant(key_folder(), connection.key_id)
        if grant is None or grant.source != "keyring":
            keys.read_key(key_folder(), connection.key_id, read_address(connection.address).origin)
        problem = ""
    except Conflict as error:
        grant, problem = None, error.message
    return KeyNote(connection.key_source, connection.variable, grant.tail if grant else "", problem)


def describe_connection(connection: Connection) -> dict[str, Any]:
    """A connection as programs see it. Of its key only where it comes from, and what is wrong with it."""
    note = describe_key(connection)
    said = asdict(values_of(connection))
    del said["key_source"], said["variable"]
    return {
        "id": connection.id,
        **said,
        "key": {"source": note.source, "variable": note.variable or None, "problem": note.problem or None},
        "test": connection.test,
        "tested_at": connection.tested_at.isoformat() if connection.tested_at else None,
        "version": connection.version,
    }


def key_folder() -> Path:
    """The folder that the folder of keys is in."""
    return config.data_dir(current_app.config)


def _keep_key(values: Values, key: str) -> str | None:
    """Keep what the source of the key says; returns its id. Raises Invalid for what cannot be a key."""
    origin = read_address(values.address).origin
    if values.key_source == "variable":
        return keys.allow_variable(key_folder(), origin, values.variable)
    if values.key_source == "none":
        return None
    key = key.strip()
    if not key:
        raise Invalid(f"Paste the key for {origin}. A key is kept for one host only.", code="no_key")
    if not KEY.fullmatch(key):
        raise Invalid("That is no key: it has blanks, or is shorter than 8 characters.", code="bad_key")
    return keys.keep_key(key_folder(), origin, key)


def _require_free_name(name: str, own: int | None = None) -> None:
    if any(one.name == name and one.id != own for one in list_connections()):
        raise Conflict(f"There is a connection {name!r} already. Choose another name.", code="name_taken")


@dataclass(frozen=True, slots=True)
class Sends:
    """Where what is sent to a connection goes: ``here``, ``network`` or ``internet``, in one sentence."""

    where: str
    sentence: str


def describe_sending(connection: Connection) -> Sends:
    """Where texts go when a connection is used."""
    address = read_address(connection.address)
    if address.reach == "loopback":
        return Sends("here", "Nothing leaves this computer.")
    way = " unencrypted" if address.scheme == "http" else ""
    if address.reach == "private":
        return Sends("network", f"Goes{way} to {address.host} on your network.")
    return Sends("internet", f"Goes{way} to {address.host}.")
