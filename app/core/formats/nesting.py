"""How deep JSON is nested and how long its records are, counted while it is read.

ijson keeps the path of each level, a square of them in memory, and each record until it has all of it.
"""

import io
from typing import BinaryIO

from app.core.errors import Invalid
from app.core.formats.limits import Limits, too_long

MOST_LEVELS = 1000
_PLAIN = bytes(set(range(256)) - set(b"[]{}"))


class Shallow:
    """A stream of JSON in UTF-8, after bytes that were read already. Raises Invalid where it is nested too deeply.

    Raises TooLarge where more is read for one record than a line may have; ``begin_record`` is told of each.
    """

    def __init__(self, first: bytes, rest: BinaryIO, limits: Limits) -> None:
        self._first = io.BytesIO(first)
        self._rest = rest
        self._limits = limits
        self._length = 0
        self._number = 1
        self._depth = 0
        self._in_text = False
        self._escape = b""

    def read(self, size: int = -1) -> bytes:
        """The next bytes, as a file gives them."""
        part = self._first.read(size) or self._rest.read(size)
        self._count(part)
        self._length += len(part)
        if self._length > self._limits.line_bytes:
            raise too_long("This JSON file", f"record {self._number}", self._limits)
        return part

    def begin_record(self) -> None:
        """Count anew: a record was read to its end."""
        self._length = 0
        self._number += 1

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
