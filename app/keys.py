"""The data folder and the secrets in it: readable by their owner only, from the first byte on."""

import os
import secrets
import stat
import time
from pathlib import Path

from app.core.errors import Conflict

KEY_FILE = "secret.key"
TOKEN_FILE = "api.token"
HUB_FILE = "hub.token"
_KEY_BYTES = 32


def prepare_folder(folder: Path) -> None:
    """Make the data folder, or close an existing one to other users."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if os.name == "posix" and folder.stat().st_uid == os.getuid() and stat.S_IMODE(folder.stat().st_mode) & 0o077:
        folder.chmod(0o700)


def secret_key(folder: Path) -> bytes:
    """The key that signs sessions and forms; made at the first call. Raises Conflict for one that is not safe."""
    path = folder / KEY_FILE
    key = read_secret(path)
    if key is None:
        key = create_secret(path, secrets.token_bytes(_KEY_BYTES))
    if len(key) < _KEY_BYTES or len(set(key)) < 12:
        raise Conflict(f"The secret key in {path} is too short or too simple. Delete the file: a new one is made.")
    return key


def api_token(folder: Path) -> str:
    """The token with which scripts may write; made at the first call."""
    path = folder / TOKEN_FILE
    token = read_secret(path)
    if token is None:
        token = create_secret(path, secrets.token_urlsafe(_KEY_BYTES).encode() + b"\n")
    text = token.decode("ascii", errors="replace").strip()
    if len(text) < _KEY_BYTES:
        raise Conflict(f"The token in {path} is too short. Delete the file: a new one is made.")
    return text


def read_hub_token(folder: Path) -> str:
    """The token of the Hugging Face Hub that was kept; empty where none was. Raises Conflict for a file of others."""
    return (read_secret(folder / HUB_FILE) or b"").decode("ascii", errors="replace").strip()


def keep_hub_token(folder: Path, token: str) -> None:
    """Keep a token of the Hub in place of the one before; an empty one is forgotten."""
    (folder / HUB_FILE).unlink(missing_ok=True)
    if token:
        create_secret(folder / HUB_FILE, token.encode() + b"\n")


def read_secret(path: Path) -> bytes | None:
    """What a file of a secret holds; None without one. Raises Conflict for one that others can read."""
    try:
        fd = os.open(path, os.O_RDONLY | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0))
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Conflict(f"{path} cannot be read. Make it a plain file of your own, or delete it.") from error
    with os.fdopen(fd, "rb") as file:
        if os.name == "posix" and stat.S_IMODE(os.fstat(fd).st_mode) & 0o077:
            raise Conflict(f"{path} can be read by other users. Delete it, or close it: chmod 600 '{path}'.")
        return file.read(4096)


def create_secret(path: Path, content: bytes) -> bytes:
    """Write a new file that only its owner can read; returns what it holds, also where another process was quicker."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | getattr(os, "O_NOFOLLOW", 0) | getattr(os, "O_BINARY", 0)
    try:
        fd = os.open(path, flags, 0o600)
    except FileExistsError:
        return _await_other(path)
    with os.fdopen(fd, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(fd)
    return content


def _await_other(path: Path) -> bytes:
    """What another process, which was quicker, is writing at this moment."""
    for _ in range(50):
        content = read_secret(path)
        if content:
            return content
        time.sleep(0.02)
    return b""
