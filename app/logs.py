"""Logging to stderr: one line per event, with the request's id; never texts of pairs, cookies or keys."""

import logging
import sys
from typing import TextIO

from flask import Flask, has_request_context, request

_ESCAPES = str.maketrans({"\r": "\\r", "\n": "\\n", "\x1b": "\\x1b"})


class _OneLine(logging.Formatter):
    """Escapes line ends, so that a request cannot forge a log line; tracebacks keep theirs."""

    def format(self, record: logging.LogRecord) -> str:
        record.request_id = request.environ.get("ltt.request_id", "-") if has_request_context() else "-"
        return super().format(record)

    def formatMessage(self, record: logging.LogRecord) -> str:
        record.message = record.message.translate(_ESCAPES)
        return super().formatMessage(record)


class _Stderr(logging.StreamHandler[TextIO]):
    """Writes to what stderr is at that moment."""

    def emit(self, record: logging.LogRecord) -> None:
        self.stream = sys.stderr
        super().emit(record)


def init_app(app: Flask) -> None:
    """Send all logs to stderr, as much as the settings say. A second call changes only the level."""
    level = str(app.config["LTT_LOG_LEVEL"])
    app.logger.setLevel(level)
    root = logging.getLogger()
    root.setLevel(level)
    if not any(isinstance(handler.formatter, _OneLine) for handler in root.handlers):
        handler = _Stderr()
        handler.setFormatter(_OneLine("%(asctime)s %(levelname)s %(request_id)s %(name)s: %(message)s"))
        root.addHandler(handler)
    # A queue of a few requests is normal with a browser; Alembic's steps are told by the command itself.
    for noisy in ("waitress.queue", "alembic.runtime"):
        logging.getLogger(noisy).setLevel("ERROR")
