"""JSON as the API reads and writes it: strict, keys in order."""

import json
from typing import Any

import msgspec
from flask.json.provider import DefaultJSONProvider


class StrictJSON(DefaultJSONProvider):
    """Refuses what Python's own reader lets through: NaN, lone surrogates, endless nesting, a key that stands twice."""

    sort_keys = False
    ensure_ascii = False

    def loads(self, s: str | bytes, **kwargs: Any) -> Any:
        """Read one JSON text. Raises ValueError, which Flask answers with 400."""
        try:
            value = msgspec.json.decode(s)
            json.loads(s, object_pairs_hook=_refuse_doubled)
        except (msgspec.DecodeError, RecursionError) as error:
            raise ValueError(str(error)) from error
        return value


def _refuse_doubled(pairs: list[tuple[str, Any]]) -> None:
    if len(dict(pairs)) < len(pairs):
        raise ValueError("A key stands twice in one object.")
