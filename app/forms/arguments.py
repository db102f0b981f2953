"""What an address says by name. What there is not is refused with what there is, and never passed over."""

from collections.abc import Collection, Iterable
from typing import TypeVar

from werkzeug.datastructures import MultiDict

from app.core.errors import BadUsage
from app.core.text import clip, is_number

D = TypeVar("D")


def require_names(values: "MultiDict[str, str]", *known: str) -> None:
    """Raise BadUsage for an argument that the page does not know."""
    for name in values:
        if name not in known:
            raise BadUsage(f"This page has no {clip(name, 40)!r}. It has {', '.join(known)}.", code="no_argument")


def read_choice(values: "MultiDict[str, str]", name: str, choices: Collection[str], default: str) -> str:
    """One of the choices; said empty or not at all it is the default. Raises BadUsage."""
    return next(iter(read_choices(values.getlist(name)[:1], name, choices)), default)


def read_choices(texts: Iterable[str], name: str, choices: Collection[str]) -> tuple[str, ...]:
    """The texts, which must be choices; empty ones say nothing. Raises BadUsage."""
    found = tuple(text for text in texts if text)
    for text in found:
        if text not in choices:
            said = f"There is no {name} {clip(text, 40)!r}. Use one of {', '.join(one for one in choices if one)}."
            raise BadUsage(said, code="no_choice")
    return found


def read_whole(values: "MultiDict[str, str]", name: str, default: D) -> int | D:
    """A whole number that fits an id; said empty or not at all it is the default. Raises BadUsage."""
    text = values.get(name, "")
    if text and not is_number(text):
        raise BadUsage(f"{name} must be a whole number, not {clip(text, 40)!r}.", code="no_number")
    return int(text) if text else default
