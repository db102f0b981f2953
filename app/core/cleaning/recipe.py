"""Recipes: operations in order, compiled to one function on records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.cleaning import code
from app.core.cleaning.base import TEXT_FIELDS, Operation, Result, TextFunction, find_operation
from app.core.cleaning.needles import Needles
from app.core.cleaning.texts import change_texts, texts_of
from app.core.errors import Invalid
from app.core.record import Record

Stage = Callable[[Record], Result]
_ATTRIBUTES = ("system", "turns", "question", "trace", "answer", "rejected_answer")


@dataclass(frozen=True)
class Step:
    """One operation with its options and the fields it works on; ``keep_code`` None is the operation's own default."""

    operation: str
    options: Mapping[str, Any] = field(default_factory=dict)
    fields: tuple[str, ...] = ()
    keep_code: bool | None = None

    def as_dict(self) -> dict[str, Any]:
        """The step as JSON; what is left to the operation is left out."""
        out: dict[str, Any] = {"operation": self.operation}
        if self.options:
            out["options"] = dict(self.options)
        if self.fields:
            out["fields"] = list(self.fields)
        if self.keep_code is not None:
            out["keep_code"] = self.keep_code
        return out

    @classmethod
    def from_dict(cls, value: Any) -> "Step":
        """The inverse of ``as_dict``; refuses what is not a step."""
        if isinstance(value, str):
            value = {"operation": value}
        _check_keys(value, {"operation": str, "options": dict, "fields": list, "keep_code": bool}, "step", "operation")
        return cls(
            value["operation"], dict(value.get("options", {})), tuple(value.get("fields", ())), value.get("keep_code")
        )


@dataclass(frozen=True)
class Recipe:
    """A named list of steps."""

    name: str
    steps: tuple[Step, ...]

    def as_dict(self) -> dict[str, Any]:
        """The recipe as JSON: ``{"name", "steps": [{"operation", "options", "fields", "keep_code"}]}``."""
        return {"name": self.name, "steps": [step.as_dict() for step in self.steps]}

    @classmethod
    def from_dict(cls, value: Any) -> "Recipe":
        """The inverse of ``as_dict``; refuses what is not a recipe, or names an unknown operation or option."""
        if isinstance(value, list):
            value = {"name": "", "steps": value}
        _check_keys(value, {"name": str, "steps": list}, "recipe", "steps")
        recipe = cls(value.get("name", ""), tuple(Step.from_dict(one) for one in value["steps"]))
        compile_recipe(recipe.steps)
        return recipe


def _check_keys(value: Any, kinds: Mapping[str, type], what: str, needed: str) -> None:
    if not isinstance(value, dict) or needed not in value:
        raise Invalid(f"A {what} is a JSON object with “{needed}”.", code="bad_recipe")
    for key, content in value.items():
        if key not in kinds:
            raise Invalid(f"A {what} has no “{key}”. It has: {', '.join(kinds)}.", code="bad_recipe")
        if not isinstance(content, kinds[key]):
            raise Invalid(f"“{key}” of a {what} is of the wrong kind.", code="bad_recipe")


@dataclass(frozen=True)
class Uses:
    """What the steps of a recipe do, each with the fields it works on."""

    steps: tuple[tuple[str, tuple[str, ...], TextFunction | None], ...]

    @property
    def effects(self) -> set[str]:
        """The effects of all steps."""
        return {effect for effect, _, _ in self.steps}

    def functions(self) -> dict[str, TextFunction] | None:
        """One function for each text field; None where a step needs the whole record."""
        found: dict[str, TextFunction] = {}
        for _, fields, function in self.steps:
            if function is None:
                return None
            for name in fields:
                if name not in ("turns", "trace"):
                    found[name] = _after(found[name], function) if name in found else function
        return found

    def names(self) -> tuple[set[str], set[str]]:
        """The fields that are read, and those that can change; a split can change all."""
        read = {name for _, fields, _ in self.steps for name in fields}
        changed = {name for effect, fields, _ in self.steps for name in fields if effect == "change"}
        return (set(_ATTRIBUTES), set(_ATTRIBUTES)) if "split" in self.effects else (read, changed)


def _after(first: TextFunction, second: TextFunction) -> TextFunction:
    return lambda text: second(first(text))


class Cleaner:
    """A compiled recipe. Make one for each run: patterns count the time they take over all records.

    ``reads`` names the fields of a record that are looked at, ``fields`` those that can change; ``deletes`` and
    ``splits`` tell whether pairs can go or become several. ``needles`` must all occur in one of ``reads`` (whatever
    their case with ``ignore_case``) for a record to change; none promise nothing. ``functions`` gives the function of
    each text field where all steps change texts one by one, for callers that have no records at hand; else it is None.
    """

    def __init__(self, stages: Sequence[Stage], needles: Needles | None = None, *, uses: Uses) -> None:
        self._stages = tuple(stages)
        self._uses = uses
        self.reads, self.fields = (tuple(name for name in _ATTRIBUTES if name in one) for one in uses.names())
        self.deletes, self.splits = "delete" in uses.effects, "split" in uses.effects
        self.functions = uses.functions()
        self.needles, self.ignore_case = needles or ((), False)

    def clean(self, record: Record) -> Result:
        """The record after all steps: the same object when nothing changed, None when deleted, a list when split."""
        result: Result = record
        for place, stage in enumerate(self._stages):
            result = stage(result)  # type: ignore[arg-type]
            if result is None:
                return None
            if isinstance(result, list):
                return [done for one in result for done in self._rest(one, place + 1)]
        return result

    def _rest(self, record: Record, place: int) -> list[Record]:
        rest = Cleaner(self._stages[place:], uses=self._uses).clean(record)
        return rest if isinstance(rest, list) else [] if rest is None else [rest]


def compile_recipe(steps: Iterable[Step]) -> Cleaner:
    """One function for all steps; refuses unknown operations, options and fields, and patterns that cannot be read."""
    stages: list[Stage] = []
    uses: list[tuple[str, tuple[str, ...], TextFunction | None]] = []
    needles: list[Needles | None] = []
    for step in steps:
        operation = find_operation(step.operation)
        options = operation.options(step.options)
        chosen = _attributes(operation, step)
        prepared = operation.prepare(options)
        if operation.kind == "text" and _keeps_code(operation, step):
            prepared = _keeping_code(prepared)
        stages.append(_stage(operation, prepared, chosen))
        alone = operation.kind == "text" and not operation.per_record
        uses.append((operation.effect, chosen, prepared if alone else None))
        needles.append(operation.needles(options))
    return Cleaner(stages, needles[0] if len(needles) == 1 else None, uses=Uses(tuple(uses)))


def _attributes(operation: Operation, step: Step) -> tuple[str, ...]:
    """The fields of the record that a step works on, in reading order."""
    for name in step.fields:
        if name not in TEXT_FIELDS:
            have = ", ".join(TEXT_FIELDS)
            raise Invalid(f"There is no field “{name}”. There are: {have}.", code="unknown_field")
    wanted = set((operation.choose_fields and step.fields) or operation.fields)
    if "answer" in wanted:
        wanted.add("rejected_answer")
    if operation.deep and {"answer", "turns"} & wanted:
        wanted.add("trace")
    return tuple(name for name in _ATTRIBUTES if name in wanted)


def _keeps_code(operation: Operation, step: Step) -> bool:
    """Whether code is left alone. Whoever looks for a mark of code means code."""
    if operation.handles_code or any("`" in value for value in step.options.values() if isinstance(value, str)):
        return False
    return operation.keep_code if step.keep_code is None else step.keep_code


def _keeping_code(prepared: Callable[..., Any]) -> Callable[..., Any]:
    """The function kept away from code; what begins a record is still told."""
    function = code.skip_code(prepared)
    if hasattr(prepared, "begin"):
        function.begin = prepared.begin  # type: ignore[attr-defined]
    return function


def _stage(operation: Operation, function: Callable[..., Any], fields: tuple[str, ...]) -> Stage:
    if operation.kind == "pair":
        return lambda record: function(record, fields)
    if not operation.per_record:
        return lambda record: change_texts(record, fields, function, operation.deep)

    def begun(record: Record) -> Record:
        function.begin(texts_of(record, fields))  # type: ignore[attr-defined]
        return change_texts(record, fields, function, operation.deep)

    return begun


def clean_stream(records: Iterable[Record], recipe: Recipe) -> Iterator[Record]:
    """The records after the recipe, one by one; deleted ones are left out, split ones follow each other."""
    cleaner = compile_recipe(recipe.steps)
    for record in records:
        result = cleaner.clean(record)
        if isinstance(result, list):
            yield from result
        elif result is not None:
            yield result
