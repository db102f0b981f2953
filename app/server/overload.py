"""More clients than there is room for: each is told to come again at once, instead of being left without a word."""

import socket
import time
from collections import deque
from collections.abc import Iterable
from contextlib import suppress

from waitress.channel import HTTPChannel

from app.frontdoor import answers
from app.frontdoor.headers import protect_headers

MOST_CONNECTIONS = 1000
_MOST_HANDLES = 4096
# What the process holds without any client; and for each client with its socket and temporary file, in a thread with
# the database and files as well, and out of it.
_OWN_HANDLES, _IN_THREAD, _WAITING = 24, 5, 2
_IDLE_SECONDS = 1.0
_LINGERING = 4
_LINGER_SECONDS = 1.0
_REFUSAL = answers.Refusal(503, "overload", "Too many connections are open. Try again in a moment.")


def connections_for(threads: int) -> int:
    """How many connections this process has handles for. Its limit is raised first, where that is allowed."""
    try:
        import resource
    except ImportError:
        # Windows has no such limit.
        return MOST_CONNECTIONS
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST_HANDLES if hard == resource.RLIM_INFINITY else min(hard, _MOST_HANDLES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))
            soft = wanted
    if soft == resource.RLIM_INFINITY:
        return MOST_CONNECTIONS
    room = max(soft - _OWN_HANDLES, 2 * _IN_THREAD)
    answered = min(room // _IN_THREAD, threads)
    return min(answered + (room - answered * _IN_THREAD) // _WAITING, MOST_CONNECTIONS)


def make_room(channels: Iterable[HTTPChannel]) -> bool:
    """Close the connection that has been idle longest, kept open for a request that may never come, if there is one."""
    idle = [one for one in channels if not (one.requests or one.request or one.total_outbufs_len or one.will_close)]
    oldest = min(idle, key=lambda one: one.last_activity, default=None)
    if oldest is None or time.time() - oldest.last_activity < _IDLE_SECONDS:
        return False
    _answer(oldest.socket, "")
    oldest.handle_close()
    return True


class Turned:
    """Connections that were told to come again. They stay open for a moment: a reset would overtake the answer."""

    def __init__(self) -> None:
        self._connections: deque[tuple[float, socket.socket]] = deque()

    def turn_away(self, connection: socket.socket) -> None:
        """Answer 503 to whatever is asked."""
        connection.setblocking(False)
        asked = b""
        with suppress(OSError):
            asked = connection.recv(8192)
        _answer(connection, asked.decode("latin-1"))
        self._connections.append((time.monotonic(), connection))
        self.let_go(_LINGERING)

    def let_go(self, most: int = MOST_CONNECTIONS) -> None:
        """Close those whose moment is over, and the oldest above a number."""
        while self._connections:
            since, connection = self._connections[0]
            if len(self._connections) <= most and time.monotonic() - since < _LINGER_SECONDS:
                return
            self._connections.popleft()
            connection.close()


def _answer(connection: socket.socket, asked: str) -> None:
    _, _, path = asked.partition(" ")
    kind, body = answers.refusal_body(_REFUSAL, "-", as_json=answers.wants_json({"PATH_INFO": path}))
    length = ("Content-Length", str(len(body)))
    own = [("Content-Type", kind), length, ("Retry-After", "2"), ("Connection", "close")]
    lines = [f"{name}: {value}" for name, value in protect_headers(own, "", "-")]
    head = "\r\n".join([f"HTTP/1.1 503 {answers.reason_phrase(503)}", *lines, "", ""])
    with suppress(OSError):
        connection.send(head.encode("latin-1") + body)
        connection.shutdown(socket.SHUT_WR)
