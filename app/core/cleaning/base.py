"""What an operation is, and the register of all of them.

The options of an operation are one frozen dataclass whose fields are ``str``, ``int`` or ``bool``, each with a label
and a help in its metadata: page, command and API are made from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, fields
from dataclasses import field as dataclass_field
from typing import Any, Literal

from app.core.cleaning.needles import Needles
from app.core.errors import Invalid, LttError
from app.core.record import Record

TEXT_FIELDS = ("question", "answer", "system", "turns")
GROUPS = ("Text", "Tidy", "Characters", "Markup", "Privacy", "Pairs")

TextFunction = Callable[[str], str]
Result = Record | list[Record] | None
PairFunction = Callable[[Record, tuple[str, ...]], Result]


class CleaningStopped(Invalid):
    """A pattern took too long or wrote too much; nothing was changed."""

    code = "cleaning_stopped"


@dataclass(frozen=True)
class NoOptions:
    """The options of an operation that has none."""


@dataclass(frozen=True, kw_only=True)
class Operation:
    """One way to change a text or a pair.

    ``prepare`` checks the options and gives the function to call on each text (kind "text"), or on each record and
    the fields chosen (kind "pair"; None deletes the pair, a list replaces it; ``effect`` tells which).
    With ``per_record`` the function also has ``begin``, called with the texts of each record before its first one.
    ``needles`` names literals that must all occur in a text, and whether case matters not, so that others need not be
    looked at. ``keep_code`` is the default of a step; ``handles_code`` says that the operation looks after code
    itself. Without ``choose_fields`` it works on its own ``fields`` whatever a step says; ``deep`` also reaches tool
    calls and their results.
    """

    name: str
    title: str
    help: str
    group: str
    prepare: Callable[[Any], Callable[..., Any]]
    Options: type[Any] = NoOptions
    kind: Literal["text", "pair"] = "text"
    effect: Literal["change", "delete", "split"] = "change"
    fields: tuple[str, ...] = ("question", "answer")
    choose_fields: bool = True
    examples: tuple[tuple[str, str], ...] = ()
    example_options: Mapping[str, Any] = dataclass_field(default_factory=dict)
    needles: Callable[[Any], Needles | None] = lambda options: None
    keep_code: bool = True
    handles_code: bool = False
    per_record: bool = False
    deep: bool = False

    def options(self, values: Mapping[str, Any]) -> Any:
        """The options as their dataclass; refused with a sentence where a name or a type is wrong."""
        known = {one.name: one for one in fields(self.Options)}
        for name in values:
            if name not in known:
                have = ", ".join(known) or "none"
                raise Invalid(
                    f"{self.title} has no option “{name}”. It has: {have}.", code="unknown_option", option=name
                )
        return self.Options(**{name: _checked(self, known[name], value) for name, value in values.items()})


def option(
    default: str | bool | int,
    label: str,
    help: str = "",
    *,
    choices: Mapping[str, str] | None = None,
    multiline: bool = False,
) -> Any:
    """A field of an options dataclass; ``choices`` maps each value to what a page shows."""
    metadata: dict[str, Any] = {"label": label, "help": help, "multiline": multiline}
    if choices is not None:
        metadata["choices"] = dict(choices)
    return dataclass_field(default=default, metadata=metadata)


def option_fields(operation: Operation) -> tuple[Field[Any], ...]:
    """The fields of the options, in order; ``field.metadata`` holds label, help, choices and multiline."""
    return fields(operation.Options)


def _checked(operation: Operation, field: Field[Any], value: Any) -> Any:
    expected = type(field.default)
    label = f"{operation.title}: {field.metadata['label']}"
    if field.default is MISSING or type(value) is not expected:
        words = {str: "a text", int: "a whole number", bool: "true or false"}[expected]
        raise Invalid(f"{label} must be {words}.", code="bad_option", option=field.name)
    choices = field.metadata.get("choices")
    if choices and value not in choices:
        raise Invalid(f"{label} must be one of: {', '.join(choices)}.", code="bad_option", option=field.name)
    return value


OPERATIONS: dict[str, Operation] = {}


def register_operation(operation: Operation) -> Operation:
    """Add an operation to the register; names are unique."""
    if operation.name in OPERATIONS or operation.group not in GROUPS:
        raise ValueError(operation.name)
    OPERATIONS[operation.name] = operation
    return operation


def find_operation(name: str) -> Operation:
    """The operation of that name."""
    if name not in OPERATIONS:
        raise Invalid(f"There is no operation “{name}”. There are: {', '.join(OPERATIONS)}.", code="unknown_operation")
    return OPERATIONS[name]


def empty_option(message: str, name: str) -> LttError:
    """The refusal of an option that was left empty."""
    return Invalid(message, code="empty_option", option=name, position=0)
