"""Trying a connection: whether its model answers, how quickly and how much it takes, or what is wrong."""

from typing import Any

from app.core.errors import LttError
from app.core.text import clip
from app.models import Connection, transaction
from app.models.base import now
from app.providers.chat import list_models
from app.services.models.calling import Started, client_of
from app.services.models.connections import get

QUESTION = "Say ok."
_SECONDS, _MOST_TOKENS, _MOST_NAMES = 30.0, 16, 200


def test_connection(which: int | str, started: Started) -> Connection:
    """Send one sentence to a connection, and keep what came of it in its ``test``.

    That has ok, message and code; where it answers also seconds and context (in tokens, or None), and with a list of
    models their names. Raises NotFound.
    """
    connection = get(which)
    version, found, learned = connection.version, *_try(connection, started)
    with transaction():
        connection = get(connection.id)
        # What was changed meanwhile was not tried.
        if connection.version == version:
            connection.test, connection.tested_at, connection.learned = found, now(), learned
    return connection


def _try(connection: Connection, started: Started) -> tuple[dict[str, Any], dict[str, Any]]:
    try:
        with client_of(connection, started, seconds=_SECONDS) as client:
            answer = client.complete([{"role": "user", "content": QUESTION}], max_tokens=_MOST_TOKENS, tries=1)
            context = client.find_context()
            try:
                names = [one.id for one in list_models(client.endpoint)][:_MOST_NAMES]
            except LttError:
                names = []
    except LttError as error:
        return {"ok": False, "code": error.code, "message": clip(error.message, 500)}, dict(connection.learned)
    message = f"Answers in {answer.seconds:.1f} s" + (f", {name_context(context)}" if context else "")
    facts = {"seconds": round(answer.seconds, 3), "context": context, "models": names}
    return {"ok": True, "code": "ok", "message": message, **facts}, client.learned


def name_context(tokens: int) -> str:
    """A context length as people say it: 32,768 and 32,000 are 32k, 1,048,576 are 1M."""
    for unit in (1000, 1024):
        for size, mark in ((unit**2, "M"), (unit, "k")):
            if tokens >= size and tokens % size == 0:
                return f"{tokens // size}{mark} context"
    return f"{round(tokens / 1000)}k context" if tokens >= 1000 else f"{tokens} tokens of context"
