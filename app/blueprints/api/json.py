"""JSON as the API reads and writes it: strict, keys in order."""

from typing import Any

import msgspec
from flask.json.provider import DefaultJSONProvider


class StrictJSON(DefaultJSONProvider):
    """Refuses what Python's own reader lets through: NaN, lone surrogates, endless nesting."""

    sort_keys = False
    ensure_ascii = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read one JSON text. Raises ValueError, which Flask answers with 400."""
        try:
            return msgspec.json.decode(s)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
