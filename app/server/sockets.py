"""Listening sockets on this machine's own addresses."""

import errno
import os
import socket

from app.core.errors import BadUsage, Conflict
from app.frontdoor.hosts import is_loopback

_TRIES = 50


def loopback_addresses(host: str) -> list[str]:
    """The addresses to listen on. Raises BadUsage for an address that others could reach."""
    name = host.strip().strip("[]").lower()
    if name in ("localhost", "127.0.0.1", "::1"):
        return ["127.0.0.1", "::1"]
    if is_loopback(name):
        return [name]
    raise BadUsage(
        f"{host} can be reached from other machines, and there are no accounts yet: use 127.0.0.1.", code="not_loopback"
    )


def bind_sockets(hosts: list[str], port: int, *, exact: bool) -> tuple[list[socket.socket], int]:
    """Sockets on one port of all addresses; the next free port where none was named. Raises Conflict."""
    for candidate in range(port, min(port + (1 if exact else _TRIES), 65536)):
        sockets = _bind_all(hosts, candidate)
        if sockets:
            return sockets, candidate
    raise Conflict(f"Port {port} is taken. Name another one: --port {port + 1 if port < 65535 else port - 1}.")


def _bind_all(hosts: list[str], port: int) -> list[socket.socket]:
    """A socket per address; none at all where one of them is taken, since localhost may mean either."""
    bound: list[socket.socket] = []
    for host in hosts:
        try:
            bound.append(_bind(host, port))
        except OSError as error:
            if error.errno in (errno.EADDRINUSE, errno.EACCES):
                for other in bound:
                    other.close()
                return []
            if not bound:
                raise
            # A machine without IPv6 serves IPv4 alone.
    return bound


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    bound = socket.socket(family, socket.SOCK_STREAM)
    try:
        if family == socket.AF_INET6:
            bound.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        # On Windows the same option would let two servers share the port.
        if os.name != "nt":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        bound.bind((host, port))
    except OSError:
        bound.close()
        raise
    return bound
