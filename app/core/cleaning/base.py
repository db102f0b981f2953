"""What an operation is, and the register of all of them. Its options are declared as ``app/core/options.py`` says."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, TypeVar

from app.core.cleaning.needles import Needles
from app.core.errors import Invalid, LttError
from app.core.options import Option, decode, options_of
from app.core.record import Record

TEXT_FIELDS = ("question", "answer", "reasoning", "system", "turns")
GROUPS = ("Text", "Tidy", "Characters", "Markup", "Privacy", "Pairs")

TextFunction = Callable[[str], str]
Result = Record | list[Record] | None
PairFunction = Callable[[Record, tuple[str, ...]], Result]
Function = TypeVar("Function", bound=Callable[..., Any])


class CleaningStopped(Invalid):
    """A pattern took too long or wrote too much; nothing was changed."""

    code = "cleaning_stopped"


@dataclass(frozen=True)
class NoOptions:
    """The options of an operation that has none."""


@dataclass(kw_only=True, eq=False)
class Operation:
    """One way to change a text or a pair, written above the function that does it, which makes it known.

    With ``Options`` that function is ``prepare``: it checks them and gives what to call on each text (kind "text"), or
    on each record and the fields chosen (kind "pair"; None deletes the pair, a list replaces it; ``effect`` tells
    which). Without, it is itself what to call on each text.
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
    Options: type[Any] = NoOptions
    kind: Literal["text", "pair"] = "text"
    effect: Literal["change", "delete", "split"] = "change"
    fields: tuple[str, ...] = ("question", "answer")
    choose_fields: bool = True
    examples: tuple[tuple[str, str], ...] = ()
    example_options: Mapping[str, Any] = field(default_factory=dict)
    needles: Callable[[Any], Needles | None] = lambda options: None
    keep_code: bool = True
    handles_code: bool = False
    per_record: bool = False
    deep: bool = False
    prepare: Callable[[Any], Callable[..., Any]] = field(init=False)

    def __call__(self, function: Function) -> Function:
        if self.name in OPERATIONS or self.group not in GROUPS:
            raise ValueError(self.name)
        self.prepare = function if self.Options is not NoOptions else lambda options: function
        OPERATIONS[self.name] = self
        return function

    def options(self, values: Mapping[str, Any]) -> Any:
        """The options as their dataclass; refused with a sentence where a name or a type is wrong."""
        return decode(self.Options, values, self.title)


OPERATIONS: dict[str, Operation] = {}


def option_fields(operation: Operation) -> tuple[Option, ...]:
    """The options of an operation, in order."""
    return options_of(operation.Options)


def find_operation(name: str) -> Operation:
    """The operation of that name."""
    if name not in OPERATIONS:
        raise Invalid(f"There is no operation “{name}”. There are: {', '.join(OPERATIONS)}.", code="unknown_operation")
    return OPERATIONS[name]


def empty_option(message: str, name: str) -> LttError:
    """The refusal of an option that was left empty."""
    return Invalid(message, code="empty_option", option=name, position=0)
