"""How deep JSON is nested, counted while it is read: ijson keeps the path of each level, a square of them in memory."""

from typing import BinaryIO

from app.core.errors import Invalid

MOST_LEVELS = 1000
_PLAIN = bytes(set(range(256)) - set(b"[]{}"))


class Shallow:
    """A stream of JSON in UTF-8, after bytes that were read already. Raises Invalid where it is nested too deeply."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = first
        self._rest = rest
        self._depth = 0
        self._in_text = False
        self._escape = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as a file gives them."""
        if self._first:
            part, self._first = (self._first, b"") if size < 0 else (self._first[:size], self._first[size:])
        else:
            part = self._rest.read(size)
        self._count(part)
        return part

    def _count(self, part: bytes) -> None:
        """Count the brackets that stand outside of texts."""
        part = (self._escape + part).replace(b"\\\\", b"")
        # Half an escape: what follows may be a quotation mark.
        self._escape = b"\\" if part.endswith(b"\\") else b""
        pieces = (part.replace(b'\\"', b"") if self._escape or b"\\" in part else part).split(b'"')
        plain = b"".join(pieces[self._in_text :: 2])
        self._in_text ^= len(pieces) % 2 == 0
        opened = plain.count(b"[") + plain.count(b"{")
        if self._depth + opened > MOST_LEVELS:
            depth = self._depth
            for sign in plain.translate(None, _PLAIN):
                depth += 1 if sign in b"[{" else -1
                if depth > MOST_LEVELS:
                    raise Invalid(
                        f"The file is nested deeper than {MOST_LEVELS:,} levels. Flatten it.", code="too_deep"
                    )
        self._depth += opened - plain.count(b"]") - plain.count(b"}")
