"""Models of the API made from the dataclass that declares the options."""

from collections.abc import Collection
from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, BeforeValidator, Field, create_model

from app.blueprints.api.specification import Strict
from app.core.options import check_value, options_of, read_text

T = TypeVar("T")
# A field that is sent empty says nothing.
Text = Annotated[str | None, BeforeValidator(lambda value: None if value == "" else value)]
_TYPES: dict[str, Any] = {"number": int | None, "decimal": float | None, "tick": bool}


def model_of(kind: type[Any], leave_out: Collection[str] = (), *, lists: bool = False) -> type[BaseModel]:
    """A model with a field for each option, called by its word.

    Lists and mappings are one text, as in a command; with ``lists`` a list is one.
    """
    found: dict[str, Any] = {}
    for one in options_of(kind):
        if one.name in leave_out:
            continue
        hint, default = _TYPES.get(one.kind, Text), one.default if one.kind == "text" or one.kind in _TYPES else None
        if one.kind == "tick" and one.optional:
            hint = bool | None
        elif one.kind == "texts" and lists:
            text: Any = Literal[tuple(one.choices)] if one.choices else str
            texts: Any = Annotated[list[text], Field(fail_fast=True)]
            hint, default = (texts | None, None) if one.optional else (texts, [])
        words = f": {', '.join(one.choices)}" if one.choices and one.kind == "text" else ""
        found[one.word] = (hint, Field(default, description=one.help or one.label + words or None))
    model: type[BaseModel] = create_model(f"{kind.__name__}Model", __base__=Strict, **found)
    return model


def options_from(kind: type[T], model: BaseModel, **given: Any) -> T:
    """The options that a model made from ``kind`` holds, with those that the address gives."""
    said: dict[str, Any] = dict(given)
    for one in options_of(kind):
        value = getattr(model, one.word, None)
        if isinstance(value, list):
            said[one.name] = tuple(value)
        elif value is not None:
            is_text = one.parse or one.kind in ("texts", "pairs")
            said[one.name] = read_text(one, value) if is_text else check_value(one, value)
    return kind(**said)
