"""What the clean page is told, as steps and filters. All of it stands in the address, so that a view is a link."""

from dataclasses import asdict, dataclass
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.cleaning import OPERATIONS, TEXT_FIELDS, Operation, Step, option_fields
from app.core.errors import Invalid
from app.core.filters import Filters
from app.core.options import read_text
from app.core.text import is_number
from app.forms.arguments import read_choice, read_choices, read_whole
from app.forms.filters import WORDS, read_filters
from app.services.cleaning import VIEWS

FIRST = "find-replace"
RECIPE = "recipe"
FIELD_LABELS = {
    "question": "Question",
    "answer": "Answer",
    "reasoning": "Reasoning",
    "system": "System prompt",
    "turns": "Earlier turns",
}
MAX_LEFT_OUT = 20_000


@dataclass(frozen=True)
class CleanForm:
    """The choices on the clean page."""

    values: "MultiDict[str, str]"

    @property
    def operation(self) -> str:
        """The chosen operation; ``recipe`` stands for all steps of the chosen recipe."""
        name = read_choice(self.values, "op", (*OPERATIONS, RECIPE), FIRST)
        return FIRST if name == RECIPE and not self.recipe_id else name

    @property
    def recipe_id(self) -> int | None:
        """The recipe beside the form."""
        return read_whole(self.values, "recipe", None)

    @property
    def step_place(self) -> int | None:
        """Which step of the recipe is being changed."""
        return read_whole(self.values, "step", None)

    @property
    def asked(self) -> bool:
        """Whether the form was sent, and not only the operation opened."""
        return self.values.get("asked") == "1"

    def step(self) -> Step:
        """The operation with its options. Raises Invalid where an option cannot be what was sent."""
        operation = OPERATIONS[self.operation]
        sent = [(one, self.values.get(f"o.{one.name}", "")) for one in option_fields(operation) if self.asked]
        # A number that is just being typed is as by default.
        given = ((one, text) for one, text in sent if text or one.kind not in ("number", "decimal"))
        options = {one.name: read_text(one, text, operation.title) for one, text in given}
        named = read_choices(self.values.getlist("field"), "field", TEXT_FIELDS)
        fields = tuple(name for name in TEXT_FIELDS if name in named)
        if self.asked and operation.choose_fields and not fields:
            raise Invalid("Choose where to look: the question, the answer or another text.", code="no_field")
        keep_code = self.values.get("code") != "1" if self.asked and takes_code(operation) else None
        keep_code = None if keep_code == operation.keep_code else keep_code
        changed = {name: value for name, value in options.items() if value != getattr(operation.Options(), name)}
        return Step(operation.name, changed, () if fields == operation.fields else fields, keep_code)

    def options(self, step: Step) -> Any:
        """The step's options with all defaults, as the fields show them."""
        return OPERATIONS[step.operation].options(step.options)

    @property
    def filters(self) -> Filters:
        """The pairs to clean: all, those of the filter, or the selected ones."""
        return self.carried if self.scope == "some" else Filters()

    @property
    def scope(self) -> str:
        """``some`` where a filter or a selection came along and is not switched off."""
        chosen = read_choice(self.values, "scope", ("some", "all"), "some")
        return chosen if self.carried != Filters() else "all"

    @property
    def carried(self) -> Filters:
        """The filter or selection that the address carries, in use or not."""
        return read_filters(self.values)

    def carry(self) -> dict[str, list[str]]:
        """The part of the address that says which pairs."""
        return {name: self.values.getlist(name) for name in (*WORDS, "scope") if self.values.getlist(name)}

    @property
    def left_out(self) -> frozenset[int]:
        """The pairs that were unticked, on this page of the preview and on others."""
        left = _parse_ids(self.values.get("leave", ""))
        shown = _parse_ids(self.values.get("shown", ""))
        taken = {int(one) for one in self.values.getlist("take") if is_number(one)}
        return frozenset(left - shown | shown - taken)

    @property
    def view(self) -> str:
        """Which pairs of the preview are shown; the last one named, as a button stands behind the field."""
        return (read_choices(self.values.getlist("view"), "view", (*VIEWS, "left")) or ("all",))[-1]

    @property
    def order(self) -> str:
        """In which order."""
        return read_choice(self.values, "order", ("id", "size"), "id")

    @property
    def page(self) -> int:
        """Which page of them, from 1. Another view begins anew."""
        views = self.values.getlist("view")
        if views and views[0] != views[-1]:
            return 1
        pages = [one for one in self.values.getlist("page") if is_number(one) and len(one) < 8]
        return max(int(pages[-1]), 1) if pages else 1


def _parse_ids(text: str) -> set[int]:
    return {int(one) for one in text.split(",")[:MAX_LEFT_OUT] if is_number(one)}


def takes_code(operation: Operation) -> bool:
    """Whether the user can choose if code is cleaned too."""
    return operation.kind == "text" and not operation.handles_code


def address_parts(step: Step) -> dict[str, Any]:
    """The part of the address that shows a step in the form."""
    operation = OPERATIONS[step.operation]
    values: dict[str, Any] = {"op": step.operation, "asked": "1"}
    for name, value in asdict(operation.options(step.options)).items():
        if value is not False:
            values[f"o.{name}"] = "1" if value is True else value
    if operation.choose_fields:
        values["field"] = list(step.fields or operation.fields)
    keeps = operation.keep_code if step.keep_code is None else step.keep_code
    return values if keeps or not takes_code(operation) else {**values, "code": "1"}
