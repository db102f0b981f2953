"""The fields of a form as options, by the dataclass that declares them."""

from collections.abc import Collection, Mapping
from typing import Any, TypeVar

from app.core.options import options_of, read_text

T = TypeVar("T")


def read_form(kind: type[T], values: Mapping[str, str], *, asked: bool, only: Collection[str] = ()) -> T:
    """The options that a form says, each in the field called by its word; what is left empty is as by default.

    A tick that was not sent is off where the form was sent (``asked``); one that may be left unsaid counts only beside
    a field ``<word>_asked``.
    """
    said: dict[str, Any] = {}
    for one in options_of(kind):
        text = values.get(one.word, "")
        if only and one.name not in only:
            continue
        if one.kind == "tick" and not one.choices:
            if f"{one.word}_asked" in values or (asked and not one.optional) or text:
                said[one.name] = text in ("1", "on")
        elif one.kind == "text" and text:
            said[one.name] = text.replace("\r\n", "\n")
        elif text and one.kind in ("tick", "number", "decimal", "texts", "pairs"):
            said[one.name] = read_text(one, text)
    return kind(**said)
