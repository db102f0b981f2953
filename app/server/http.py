"""waitress with our limits: a body is refused by its announced length, before it is read."""

import copy
from functools import lru_cache
from typing import Any

from flask import Flask
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from app.frontdoor import answers, limits
from app.frontdoor.headers import protect_headers

_CODES = {400: "malformed", 413: "too_large", 431: "too_large", 501: "not_implemented"}
_MESSAGES = {
    413: "That is more than is taken here. The limits are listed by: ltt config.",
    431: "The address or the headers of the request are too long.",
}


def waitress_settings(app: Flask) -> dict[str, Any]:
    """What waitress is told. A stalled reader must not pile up a download, nor half-open connections stop the rest."""
    return {
        "threads": int(app.config["LTT_THREADS"]),
        "connection_limit": 1000,
        "backlog": 1024,
        "channel_timeout": 20,
        "cleanup_interval": 5,
        "asyncore_use_poll": True,
        "outbuf_high_watermark": limits.MB,
        "max_request_body_size": int(app.config["LTT_MAX_UPLOAD_MB"]) * limits.MB + 1,
        "max_request_header_size": 128 * 1024,
        "ident": None,
        "expose_tracebacks": False,
        "log_socket_errors": False,
    }


class _Error(ErrorTask):
    """What waitress itself refuses looks like every other refusal of ours."""

    def execute(self) -> None:
        path = getattr(self.request, "path", "")
        environ = {"PATH_INFO": path, "HTTP_ACCEPT": self.request.headers.get("ACCEPT", "")}
        status = int(self.request.error.code)
        message = _MESSAGES.get(status, "The request cannot be understood.")
        refusal = answers.Refusal(status, _CODES.get(status, "error"), message)
        kind, body = answers.refusal_body(refusal, "-", as_json=answers.wants_json(environ))
        self.status = f"{status} {answers.reason_phrase(status)}"
        self.response_headers.extend(protect_headers([("Content-Type", kind)], "", "-"))
        self.set_close_on_finish()
        self.content_length = len(body)
        self.write(body)


def use_limits(app: Flask) -> None:
    """Make waitress's connections use our parser and our errors. There is one application per server process."""

    @lru_cache
    def limit_body(adjustments: Adjustments, limit: int) -> Adjustments:
        own = copy.copy(adjustments)
        own.max_request_body_size = limit + 1
        return own

    class Parser(HTTPRequestParser):
        """Knows how large a body this path takes as soon as the headers are there."""

        adj: Adjustments

        def parse_header(self, header_plus: bytes) -> None:
            super().parse_header(header_plus)
            self.adj = limit_body(self.adj, limits.of_target(app, self.command, self.path))

    class Channel(HTTPChannel):
        parser_class = Parser
        error_task_class = _Error

    TcpWSGIServer.channel_class = Channel
