"""The options that a command takes, made from the dataclass that declares them."""

from collections.abc import Callable, Collection
from functools import wraps
from typing import Any

import click

from app.core.options import Option, options_of, read_text
from app.core.reading.settings import ReadSettings
from app.core.spec import parse_spec

# How a file of rows is read, as far as every command that reads one can be told.
READING = ("format", "layout", "mapping", "encoding", "delimiter", "header", "skip_lines", "sheet", "spreadsheet_safe")


def takes_options(
    kind: type[Any], name: str = "options", only: Collection[str] = (), **given: Any
) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Give a command the options of a dataclass, or ``only`` some of them; they come in as one object under ``name``.

    ``given`` are values that the command says itself. Format and layout of a file are said by ``--from``.
    """
    listed = [one for one in options_of(kind) if (not only or one.name in only) and one.name not in given]
    flagged = [one for one in listed if one.flag]
    takes_from = issubclass(kind, ReadSettings)

    def decorate(function: Callable[..., Any]) -> Callable[..., Any]:
        @wraps(function)
        def run(**values: Any) -> Any:
            said = {one.name: values.pop(one.name) for one in flagged}
            for one in flagged:
                if one.parse or one.kind == "pairs" or (one.kind == "tick" and one.choices):
                    said[one.name] = read_text(one, said[one.name] or "")
            if takes_from:
                spec = parse_spec(values.pop("from"))
                said |= {"format": spec.format, "layout": spec.layout}
            return function(**values, **{name: kind(**said, **given)})

        for one in reversed(flagged):
            click.option(one.flag, one.name, **_attributes(one))(run)
        if takes_from:
            text = "Format and layout, such as jsonl:openai.  [default: detected]"
            click.option("--from", "from", metavar="F[:L]", help=text)(run)
        return run

    return decorate


def _attributes(one: Option) -> dict[str, Any]:
    about: dict[str, Any] = {"help": one.help or f"{one.label}.", "metavar": one.metavar or None}
    if one.kind == "tick" and not one.choices:
        return {"help": about["help"], "default": one.default, "is_flag": True}
    if one.kind == "texts":
        return {**about, "multiple": True, **({"type": click.Choice(list(one.choices))} if one.choices else {})}
    if one.parse or one.kind == "pairs":
        return about
    if one.choices:
        about = {"help": about["help"], "type": click.Choice(list(one.choices)), "show_default": len(one.choices) > 1}
        default = list(one.choices)[0 if one.default else 1] if isinstance(one.default, bool) else one.default
        return {**about, "default": default}
    if one.between:
        kind = (
            click.FloatRange(*one.between)
            if one.kind == "decimal"
            else click.IntRange(int(one.between[0]), int(one.between[1]))
        )
        return {**about, "type": kind, "default": one.default, "show_default": True}
    kinds = {"number": int, "decimal": float}
    return {**about, "default": one.default, **({"type": kinds[one.kind]} if one.kind in kinds else {})}
