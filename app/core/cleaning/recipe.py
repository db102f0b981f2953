"""Recipes: operations in order, compiled to one function on records."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Any

from app.core.cleaning import code
from app.core.cleaning.base import TEXT_FIELDS, Result, TextFunction, find_operation
from app.core.cleaning.needles import Needles
from app.core.cleaning.patterns import share_time
from app.core.cleaning.texts import change_texts, texts_of
from app.core.errors import Invalid
from app.core.record import Record
from app.core.stored import CONTENT

Stage = Callable[[Record], Result]


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

    @property
    def words(self) -> list[str]:
        """How ``ltt clean`` is told the step."""
        words = ["--operation", self.operation]
        for name, value in self.options.items():
            words += ["--option", f"{name}={str(value).lower() if isinstance(value, bool) else value}"]
        words += [word for name in self.fields for word in ("--field", name)]
        return words + (["--in-code"] if self.keep_code is False else [])

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
class CompiledStep:
    """A step ready to run on records; ``function`` is there where it changes the texts of ``fields`` one by one."""

    stage: Stage
    effect: str
    fields: tuple[str, ...]
    function: TextFunction | None
    needles: Needles | None


class Cleaner:
    """A compiled recipe. Make one for each run: patterns count the time they take over all records.

    ``reads`` names the fields of a record that are looked at, ``fields`` those that can change; ``deletes`` and
    ``splits`` tell whether pairs can go or become several. ``needles`` must all occur in one of ``reads`` (whatever
    their case with ``ignore_case``) for a record to change; none promise nothing. ``functions`` gives the function of
    each text field where all steps change texts one by one, for callers that have no records at hand; else it is None.
    """

    def __init__(self, steps: Sequence[CompiledStep]) -> None:
        self._stages = tuple(step.stage for step in steps)
        effects = {step.effect for step in steps}
        self.deletes, self.splits = "delete" in effects, "split" in effects
        read = {name for step in steps for name in step.fields}
        changed = {name for step in steps for name in step.fields if step.effect == "change"}
        # A split can change all.
        self.reads = tuple(name for name in CONTENT if self.splits or name in read)
        self.fields = tuple(name for name in CONTENT if self.splits or name in changed)
        self.functions: dict[str, TextFunction] | None = None
        if all(step.function for step in steps):
            self.functions = {
                name: reduce(_run_after, (step.function for step in steps if step.function and name in step.fields))
                for name in self.reads
                if name not in ("turns", "trace")
            }
        self.needles, self.ignore_case = (steps[0].needles if len(steps) == 1 else None) or ((), False)

    def clean(self, record: Record, start: int = 0) -> Result:
        """The record after all steps: the same object when nothing changed, None when deleted, a list when split.

        ``start`` is the step to begin with.
        """
        result: Result = record
        for following, stage in enumerate(self._stages[start:], start + 1):
            result = stage(result)  # type: ignore[arg-type]
            if result is None:
                return None
            if isinstance(result, list):
                done: list[Record] = []
                for one in result:
                    rest = self.clean(one, following)
                    done += rest if isinstance(rest, list) else [] if rest is None else [rest]
                return done
        return result


def _run_after(first: TextFunction, second: TextFunction) -> TextFunction:
    return lambda text: second(first(text))


def compile_recipe(steps: Iterable[Step]) -> Cleaner:
    """One function for all steps; refuses unknown operations, options and fields, and patterns that cannot be read."""
    with share_time():
        return Cleaner([_compile_step(step) for step in steps])


def _compile_step(step: Step) -> CompiledStep:
    operation = find_operation(step.operation)
    options = operation.options(step.options)
    for name in step.fields:
        if name not in TEXT_FIELDS:
            have = ", ".join(TEXT_FIELDS)
            raise Invalid(f"There is no field “{name}”. There are: {have}.", code="unknown_field")
    chosen = set((operation.choose_fields and step.fields) or operation.fields)
    if "answer" in chosen:
        chosen.add("rejected_answer")
    if "reasoning" in chosen or (operation.deep and {"answer", "turns"} & chosen):
        chosen.add("trace")
    fields = tuple(name for name in CONTENT if name in chosen)
    function = operation.prepare(options)
    # Whoever looks for a mark of code means code.
    means_code = any("`" in value for value in step.options.values() if isinstance(value, str))
    keep_code = operation.keep_code if step.keep_code is None else step.keep_code
    if operation.kind == "text" and keep_code and not operation.handles_code and not means_code:
        begin = getattr(function, "begin", None)
        function = code.skip_code(function)
        function.begin = begin  # type: ignore[attr-defined]

    def change_record(record: Record) -> Record:
        return change_texts(record, fields, function, operation.deep)

    def begin_record(record: Record) -> Record:
        function.begin(texts_of(record, fields, operation.deep))  # type: ignore[attr-defined]
        return change_texts(record, fields, function, operation.deep)

    if operation.kind == "pair":
        stage: Stage = lambda record: function(record, fields)  # noqa: E731
    else:
        stage = begin_record if operation.per_record else change_record
    alone = operation.kind == "text" and not operation.per_record
    return CompiledStep(stage, operation.effect, fields, function if alone else None, operation.needles(options))


def clean_stream(records: Iterable[Record], recipe: Recipe) -> Iterator[Record]:
    """The records after the recipe, one by one; deleted ones are left out, split ones follow each other."""
    cleaner = compile_recipe(recipe.steps)
    for record in records:
        result = cleaner.clean(record)
        if isinstance(result, list):
            yield from result
        elif result is not None:
            yield result
