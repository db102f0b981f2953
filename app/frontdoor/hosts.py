"""Which Host headers are ours. A foreign one means that a name elsewhere points at this machine."""

import ipaddress
import re
from collections.abc import Container

_BRACKETED = re.compile(r"\[([0-9a-f:.]+)\](?::\d{1,5})?")
_PLAIN = re.compile(r"([a-z0-9._-]+)(?::\d{1,5})?")


def is_own(header: str | None, extra_names: Container[str] = ()) -> bool:
    """Whether a Host header names this machine: a loopback address, ``localhost`` or one of the extra names."""
    text = (header or "").lower()
    match = _BRACKETED.fullmatch(text) or _PLAIN.fullmatch(text)
    if match is None:
        return False
    name = match[1].removesuffix(".")
    return name == "localhost" or name in extra_names or is_loopback(name)


def is_loopback(address: str) -> bool:
    """Whether an address is one of this machine's own: 127.0.0.0/8 or ::1."""
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return False
