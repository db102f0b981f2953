"""waitress with our limits: on bodies, which are refused before they are read, on connections, and on slow readers."""

import copy
import errno
import time
from functools import lru_cache
from typing import Any

from flask import Flask
from waitress import server
from waitress.adjustments import Adjustments
from waitress.channel import HTTPChannel
from waitress.parser import HTTPRequestParser
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask

from app.frontdoor import answers, limits
from app.frontdoor.headers import protect_headers
from app.server import overload

# A download of which so long nothing was taken is cut.
STALLED_SECONDS = 300
_CODES = {400: "malformed", 413: "too_large", 431: "too_large", 501: "not_implemented"}
_MESSAGES = {
    413: "That is more than is taken here. The limits are listed by: ltt config.",
    431: "The address or the headers of the request are too long.",
}


def waitress_settings(app: Flask) -> dict[str, Any]:
    """What waitress is told. Half-open connections must not stop the rest, nor slow readers.

    What is sent faster than it is taken waits in a temporary file, however much it is: neither a thread nor a read of
    the database waits for a client.
    """
    return {
        "threads": int(app.config["LTT_THREADS"]),
        # Ours, in ``use_limits``, answers those above it.
        "connection_limit": 2 * overload.MOST_CONNECTIONS,
        "backlog": 1024,
        "channel_timeout": 20,
        "cleanup_interval": 5,
        "asyncore_use_poll": True,
        "outbuf_high_watermark": 1 << 60,
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
    """Make waitress use our parser, our errors and our limits. There is one application per server process."""
    most = overload.connections_for(int(app.config["LTT_THREADS"]))
    turned = overload.Turned()

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

    class Server(TcpWSGIServer):
        channel_class = Channel

        def handle_accept(self) -> None:
            try:
                accepted = self.accept()
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE):
                    # The client waits on in the queue of the system.
                    turned.let_go(0)
                    time.sleep(0.01)
                return
            if accepted is None:
                return
            connection, address = accepted
            channels = [one for one in self._map.values() if isinstance(one, Channel)]
            if len(channels) >= most and not overload.make_room(channels):
                turned.turn_away(connection)
                return
            try:
                self.set_socket_options(connection)
            except OSError:
                # It has left already.
                connection.close()
                return
            Channel(self, connection, address, self.adj, map=self._map)

        def readable(self) -> bool:
            turned.let_go()
            return bool(super().readable())

        def maintenance(self, now: float) -> None:
            for channel in list(self.active_channels.values()):
                limit = STALLED_SECONDS if channel.total_outbufs_len else self.adj.channel_timeout
                if not channel.requests and channel.last_activity < now - limit:
                    # Marked to be closed, as waitress does it, it would stay until its client reads on.
                    channel.handle_close()

    # What create_server makes.
    server.TcpWSGIServer = Server
