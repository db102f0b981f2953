"""A sheet whose texts come back as they were, whatever stands in them.

ECMA-376 22.9.2.19: what XML cannot hold is written as ``_x001F_``, and what reads like that as ``_x005F_x001F_``.
"""

import re
from typing import Any

from xlsxwriter.worksheet import Worksheet

# Escapes may share an underscore: in ``_x005F_x0041_`` stand two.
_LIKE_ESCAPE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")
_UNWRITABLE = re.compile("[\x00-\x08\x0b-\x1f\ufffe\uffff]")


class PlainSheet(Worksheet):  # type: ignore[misc]
    """Takes no text for markup and misses no escape; the library does, with ``<r>…</r>`` and with two in a row."""

    @staticmethod
    def _escape_control_characters(data: str) -> str:
        return _UNWRITABLE.sub(lambda match: f"_x{ord(match[0]):04X}_", _LIKE_ESCAPE.sub("_x005F_", data))

    def _xml_rich_inline_string(self, string: str, attributes: Any) -> None:
        self._xml_inline_string(string, string != string.strip(), attributes)
