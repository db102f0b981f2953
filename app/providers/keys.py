"""Keys of connections: in an environment variable, in the keyring of the system, or in a file of their own.

Each key has a file in the folder ``keys`` beside the database, readable by its owner only. It says for which scheme,
host and port the key is, and goes nowhere else: a database that was edited or put back cannot send it to another host.
"""

import os
import re
import secrets
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import msgspec

from app.core.connections import KEY
from app.core.errors import Conflict
from app.keys import create_secret, read_secret

FOLDER = "keys"
_SERVICE = "LLM Training Tools"
_ID = re.compile(r"[0-9a-f]{32}")
# Of shorter keys the end would tell too much.
_TELLING = 20


class Grant(msgspec.Struct, forbid_unknown_fields=True):
    """What the file of a key holds: for whom it is, and the key or where that is."""

    origin: str
    source: str
    variable: str = ""
    key: str = ""
    tail: str = ""


def keep_key(folder: Path, origin: str, key: str) -> str:
    """Keep a key for an origin, in the keyring where one works; returns its id."""
    key_id = secrets.token_hex(16)
    grant = Grant(origin, "keyring", tail=key[-4:] if len(key) >= _TELLING else "")
    if not _put_into_keyring(key_id, key):
        grant.source, grant.key = "file", key
    _write(folder, key_id, grant)
    return key_id


def allow_variable(folder: Path, origin: str, variable: str) -> str:
    """Let the value of an environment variable be sent to an origin; returns the id of that."""
    key_id = secrets.token_hex(16)
    _write(folder, key_id, Grant(origin, "variable", variable=variable))
    return key_id


def find_grant(folder: Path, key_id: str | None) -> Grant | None:
    """What is kept under an id; None where nothing is. Raises Conflict for a file that others can read."""
    if key_id is None or not _ID.fullmatch(key_id):
        return None
    content = read_secret(folder / FOLDER / f"{key_id}.json")
    try:
        return msgspec.json.decode(content, type=Grant) if content else None
    except msgspec.DecodeError:
        return None


def read_key(folder: Path, key_id: str | None, origin: str) -> str:
    """The key for an origin. Raises Conflict (code key) where there is none, or it is for another one."""
    grant = find_grant(folder, key_id)
    if grant is None:
        raise Conflict("This computer has no key for it. Paste the key, or name its variable again.", code="key")
    if grant.origin != origin:
        raise Conflict(f"Its key is for {grant.origin}, not for {origin}. Give it the key again.", code="key")
    if grant.source == "variable":
        found = os.environ.get(grant.variable, "").strip()
        if not found:
            said = f"The environment variable {grant.variable} is not set. Set it and start the program again."
            raise Conflict(said, code="key")
        if not KEY.fullmatch(found):
            said = f"What {grant.variable} holds is no key: it has blanks, or is too short."
            raise Conflict(said, code="key")
        return found
    found = grant.key if grant.source == "file" else _read_keyring(str(key_id))
    if not found:
        raise Conflict("The keyring of this computer does not give the key. Unlock it, or paste the key.", code="key")
    return found


def forget_key(folder: Path, key_id: str | None) -> None:
    """Forget what is kept under an id."""
    grant = find_grant(folder, key_id)
    if grant is not None and grant.source == "keyring":
        _ask_keyring("delete_password", str(key_id))
    if key_id is not None and _ID.fullmatch(key_id):
        (folder / FOLDER / f"{key_id}.json").unlink(missing_ok=True)


def _write(folder: Path, key_id: str, grant: Grant) -> None:
    (folder / FOLDER).mkdir(mode=0o700, exist_ok=True)
    create_secret(folder / FOLDER / f"{key_id}.json", msgspec.json.encode(grant))


def _ask_keyring(action: str, *words: str) -> Any:
    """Ask the keyring, where the package is there and has found a safe place. What goes wrong there is no answer."""
    if find_spec("keyring") is None:
        return None
    keyring, errors = import_module("keyring"), import_module("keyring.errors")
    failed: tuple[type[Exception], ...] = (errors.KeyringError, OSError, RuntimeError, ValueError)
    try:
        # Below 1 are those that refuse, and those that write plain files.
        if keyring.get_keyring().priority >= 1:
            return getattr(keyring, action)(_SERVICE, *words)
    except failed:
        pass
    return None


def _put_into_keyring(key_id: str, key: str) -> bool:
    """Whether the keyring has kept it: what it took must come back."""
    _ask_keyring("set_password", key_id, key)
    return _read_keyring(key_id) == key


def _read_keyring(key_id: str) -> str:
    found = _ask_keyring("get_password", key_id)
    return found if isinstance(found, str) else ""
