"""waitress with our limits: on bodies, refused by what is announced of them, on connections, and on slow readers."""

import copy
import errno
import logging
import os
import secrets
import shutil
import socket
import tempfile
import time
from contextlib import suppress
from functools import lru_cache
from io import BytesIO
from multiprocessing import util
from pathlib import Path
from typing import Any

from flask import Flask
from waitress import server
from waitress.adjustments import Adjustments
from waitress.buffers import ReadOnlyFileBasedBuffer
from waitress.channel import ClientDisconnected, HTTPChannel
from waitress.parser import HTTPRequestParser, ParsingError
from waitress.server import TcpWSGIServer
from waitress.task import ErrorTask
from waitress.utilities import BadRequest, RequestEntityTooLarge

from app import config
from app.blueprints.errors import problem_of
from app.core.errors import Busy, LttError
from app.frontdoor import FrontDoor, answers, limits
from app.frontdoor.answers import Refusal
from app.frontdoor.headers import protect_headers
from app.models import failures
from app.server import overload
from app.services import uploads

log = logging.getLogger(__name__)

# A download of which so long nothing was taken is cut.
STALLED_SECONDS = 300
_CODES = {400: "malformed", 431: "too_large", 501: "not_implemented"}
_MESSAGES = {431: "The address or the headers of the request are too long."}
# Lines between the chunks of a body, and what follows the last one.
_MAX_CONTROL_BYTES = 64 * 1024
# How long the rest of a refused body is passed over, so that who sends it comes to read why.
_LINGER_SECONDS = 10.0


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
        # What was taken of a buffer is let go with all of it, so that a new one begins now and then.
        "outbuf_high_watermark": 16 * limits.MB,
        "outbuf_overflow": limits.MB,
        "inbuf_overflow": 128 * 1024,
        "max_request_body_size": int(app.config["LTT_MAX_UPLOAD_MB"]) * limits.MB + 1,
        "max_request_header_size": 128 * 1024,
        "ident": None,
        "expose_tracebacks": False,
        "log_socket_errors": False,
    }


def use_buffer_folder(folder: Path) -> None:
    """Have this process and those that it starts buffer in ``folder``, emptied first, unless TMPDIR names another."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(mode=0o700, exist_ok=True)
    with suppress(OSError):
        # Sockets of child processes stay where they would be: their paths must be short.
        util.get_temp_dir()
    os.environ["TMPDIR"] = os.environ.get("TMPDIR") or str(folder)
    tempfile.tempdir = None


class _Error(ErrorTask):
    """What is refused before the application looks like every other refusal of ours."""

    def execute(self) -> None:
        refusal, request_id = self.request.error, secrets.token_hex(8)
        if not isinstance(refusal, Refusal):
            status = int(refusal.code)
            message = _MESSAGES.get(status, "The request cannot be understood.")
            refusal = Refusal(status, _CODES.get(status, "error"), message)
        environ = {
            "PATH_INFO": getattr(self.request, "path", ""),
            "HTTP_ACCEPT": self.request.headers.get("ACCEPT", ""),
        }
        kind, body = answers.refusal_body(refusal, request_id, as_json=answers.wants_json(environ))
        self.status = f"{refusal.status} {answers.reason_phrase(refusal.status)}"
        self.response_headers.extend(protect_headers([("Content-Type", kind), *refusal.headers], "", request_id))
        self.set_close_on_finish()
        self.channel.lingers = True
        self.content_length = len(body)
        self.write(body)


def use_limits(app: Flask, door: FrontDoor) -> None:
    """Make waitress use our parser, our errors and our limits. There is one application per server process."""
    most = overload.connections_for(int(app.config["LTT_THREADS"]))
    turned = overload.Turned()

    @lru_cache
    def limit_body(adjustments: Adjustments, limit: int) -> Adjustments:
        own = copy.copy(adjustments)
        own.max_request_body_size = limit + 1
        return own

    class Parser(HTTPRequestParser):
        """Judges a body as soon as its headers are there, and keeps it where there is room."""

        adj: Adjustments
        completed: bool
        error: Any
        refusal: Refusal | None = None

        def parse_header(self, header_plus: bytes) -> None:
            try:
                super().parse_header(header_plus)
            except ValueError as error:
                # A length of thousands of digits.
                raise ParsingError("Content-Length is invalid") from error
            if self.body_rcv is None:
                return
            environ = {f"HTTP_{name}": value for name, value in self.headers.items()}
            about = {"REQUEST_METHOD": self.command, "PATH_INFO": self.path, "wsgi.url_scheme": self.url_scheme}
            try:
                self.refusal = door.refusal_of({**environ, **about})
                if self.refusal is None:
                    self._check_body()
            except LttError as error:
                self.refusal = _refusal_of(error)

        def _check_body(self) -> None:
            endpoint = limits.endpoint_of(app, self.command, self.path)
            kind, coding = self.headers.get("CONTENT_TYPE", ""), self.headers.get("CONTENT_ENCODING", "")
            setting, limit = limits.check_body(app, endpoint, self.path, kind, coding, self.content_length)
            if setting == limits.UPLOAD:
                # Parts of a form are written beside the body, and what becomes of a file in the data folder.
                copies = 2 if "multipart" in kind.lower() else 1
                uploads.require_room(Path(tempfile.gettempdir()), self.content_length * copies)
                uploads.require_room(config.data_dir(app.config), self.content_length * uploads.ROOM)
            self.too_large = _refusal_of(limits.too_large(setting, limit))
            self.adj = limit_body(self.adj, limit * limits.MB)

        def received(self, data: bytes) -> int:
            try:
                consumed = int(super().received(data))
                if self.completed and self.body_rcv is not None:
                    # What cannot be written is told of here, and not where it is read.
                    self.body_rcv.getfile().flush()
            except OSError as error:
                refused = failures.translate(error) or Busy(f"The body could not be kept: {error.strerror}. Try again.")
                self.refusal, consumed = _refusal_of(refused), 0
            control = getattr(self.body_rcv, "control_line", b""), getattr(self.body_rcv, "trailer", b"")
            if self.refusal is not None:
                self.error = self.refusal
            elif isinstance(self.error, RequestEntityTooLarge):
                self.error = self.too_large
            elif sum(map(len, control)) > _MAX_CONTROL_BYTES:
                self.error = BadRequest("Chunk not properly terminated")
            if self.error is None:
                return consumed
            # Nobody waits for the rest: neither the client for a leave to send it, nor we.
            self.expect_continue, self.completed = False, True
            self.close()
            return len(data)

        def close(self) -> None:
            # A buffer that could not be written says so again when it is closed.
            with suppress(OSError):
                super().close()

    class Channel(HTTPChannel):
        """Reads on for a while where it answered before the end: closing at once may take the answer away again."""

        parser_class = Parser
        error_task_class = _Error
        close_when_flushed: bool
        lingers = False
        _until = 0.0

        def handle_write(self) -> None:
            if not (self.lingers and self.close_when_flushed):
                super().handle_write()
                return
            self._flush_exception(self._flush_some)
            if self.will_close:
                self.handle_close()
            elif not self.total_outbufs_len:
                self.close_when_flushed = False
                self._until = time.monotonic() + _LINGER_SECONDS
                try:
                    self.socket.shutdown(socket.SHUT_WR)
                except OSError:
                    self.handle_close()

        def _flush_outbufs_below_high_watermark(self) -> None:
            """No thread waits for a client."""

        def write_soon(self, data: Any) -> int:
            if isinstance(data, bytes) and len(data) > limits.MB:
                # What was made in one piece is in memory already, and needs no disk: only downloads do.
                data = ReadOnlyFileBasedBuffer(BytesIO(data))
                data.prepare()
            try:
                return int(super().write_soon(data))
            except OSError as error:
                log.warning("An answer is cut: it could not be kept until it is taken (%s).", error.strerror)
                self.will_close = True
                self.server.pull_trigger()
                raise ClientDisconnected from error

        def received(self, data: bytes) -> bool:
            if not self._until:
                return bool(super().received(data))
            if time.monotonic() > self._until:
                self.will_close = True
            return False

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
                if not channel.requests and (channel.will_close or channel.last_activity < now - limit):
                    # Marked to be closed, as waitress does it, it would stay until its client reads on.
                    channel.handle_close()

    # What create_server makes.
    server.TcpWSGIServer = Server


def _refusal_of(error: LttError) -> Refusal:
    problem = problem_of(error)
    return Refusal(problem.status, problem.code, problem.message, tuple(problem.headers.items()), problem.details)
