"""Cleaning over the API: preview with exact counts, apply as one step of the history."""

from typing import Annotated, Any, Literal

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import DatasetPath, Ids, Strict, Texts, answers
from app.blueprints.api.writing import Answer, accepted_job, answer_job, idempotent
from app.core.cleaning import OPERATIONS, TEXT_FIELDS, Step, option_fields
from app.core.errors import BadUsage, Conflict
from app.core.filters import Filters
from app.services import cleaning, datasets, tasks
from app.services.cleaning import (
    CleaningOptions,
    CleaningOrder,
    CleaningRun,
    PreviewRow,
    PreviewRun,
    previews,
    recipes,
)

bp = APIBlueprint(
    "api_clean", __name__, url_prefix=PREFIX, abp_tags=[Tag(name="cleaning", description="Change texts in bulk")]
)


class StepBody(Strict):
    """One operation with its options; what is left out is the operation's own default."""

    operation: str
    options: dict[str, Any] = {}
    fields: Texts = Field([], description=", ".join(TEXT_FIELDS))
    keep_code: bool | None = Field(None, description="false also changes code blocks and inline code")

    def step(self) -> Step:
        """The step as a value."""
        return Step(self.operation, self.options, tuple(self.fields), self.keep_code)


class WishBody(model_of(Filters, leave_out=("ids", "answered"), lists=True)):  # type: ignore[misc]
    """Steps or a saved recipe, and the pairs they are for: all without any filter."""

    steps: Annotated[list[StepBody], Field(fail_fast=True)] = []
    recipe_id: int | None = None
    ids: Ids | None = Field(None, max_length=20_000)

    def wish(self) -> CleaningOptions:
        """What is asked for. Raises BadUsage and Invalid."""
        if bool(self.steps) == (self.recipe_id is not None):
            raise BadUsage("Send either steps or a recipe_id.")
        filters = options_from(Filters, self)
        if self.recipe_id is not None:
            recipe = recipes.value_of(recipes.get_recipe(self.recipe_id))
            return CleaningOptions(recipe.steps, filters, recipe.name)
        wish = CleaningOptions(tuple(step.step() for step in self.steps), filters)
        wish.compiled()
        return wish


class PreviewBody(WishBody):
    """What to preview, and which of the changed pairs to show."""

    view: Literal[tuple(cleaning.VIEWS)] = "all"  # type: ignore[valid-type]
    order: Literal["id", "size"] = Field("id", description="id, or size for the largest change first")
    skip: int = Field(0, ge=0)
    limit: int = Field(50, ge=0, le=500)


class CleanBody(WishBody):
    """What to apply. With the token of a preview, pairs edited since are skipped and listed."""

    preview: str | None = None
    leave: Ids = Field([], max_length=100_000, description="pairs to leave out")


@bp.get("/operations")
def list_operations() -> Answer:
    """The operations with their options, fields and examples."""
    found = [
        {
            "name": one.name,
            "title": one.title,
            "help": one.help,
            "group": one.group,
            "effect": one.effect,
            "options": [
                {
                    "name": option.name,
                    "label": option.label,
                    "help": option.help,
                    "default": option.default,
                    "choices": option.choices or None,
                }
                for option in option_fields(one)
            ],
            "fields": one.fields,
            "examples": one.examples,
        }
        for one in OPERATIONS.values()
    ]
    return jsonify(operations=found)


@bp.post("/datasets/<int:dataset_id>/clean/preview", responses=answers(200, 202))
def preview_cleaning(path: DatasetPath, body: PreviewBody) -> Answer:
    """Count what would change, and show some of it. 202 with a job where that takes long; ask again when it is done."""
    datasets.get(path.dataset_id)
    wish = body.wish()
    seen = cleaning.preview_dataset(path.dataset_id, wish)
    if not seen.scan.complete:
        job = tasks.start(cleaning.PREVIEW, PreviewRun(path.dataset_id, wish))
        if job.state != "done":
            return accepted_job(job)
        seen = cleaning.preview_dataset(path.dataset_id, wish)
    shown, total = cleaning.preview_rows(seen, view=body.view, order=body.order, skip=body.skip, size=body.limit)
    found = seen.scan
    counts = {
        "preview": seen.token,
        "sentence": found.sentence,
        "total": found.total,
        "matched": found.affected + found.kept,
        "changed": found.affected,
        "emptied": found.emptied,
        "duplicates": found.duplicates,
        "deleted": found.deleted,
        "created": found.created,
        "kept": found.kept,
    }
    return jsonify({**counts, "shown": total, "changes": [_row_as_dict(one) for one in shown]})


def _row_as_dict(one: PreviewRow) -> dict[str, Any]:
    views = [name for name, flag in cleaning.VIEWS.items() if one.flags & flag]
    fields = one.outcome.fields if one.outcome else {}
    return {
        "entry": one.entry_id,
        "is": views,
        "same_as": one.same_as or None,
        "cut": one.is_cut or one.is_left,
        "fields": {name: {"before": before, "after": after} for name, (before, after) in fields.items()},
    }


@bp.post("/datasets/<int:dataset_id>/clean", responses=answers(200, 202))
@idempotent
def apply_cleaning(path: DatasetPath, body: CleanBody) -> Answer:
    """Apply, as one step of the history. 202 with a job where many pairs change."""
    datasets.get(path.dataset_id)
    wish = body.wish()
    seen = (
        previews.get_preview(path.dataset_id, body.preview)
        if body.preview
        else cleaning.preview_dataset(path.dataset_id, wish)
    )
    if body.preview and seen.wish.as_dict() != CleaningOptions.from_dict(wish.as_dict()).as_dict():
        raise Conflict("This preview is of other steps or pairs. Preview again.", code="preview_differs")
    order = CleaningOrder(path.dataset_id, wish, frozenset(body.leave), seen if seen.scan.complete else None)
    return answer_job(tasks.start(cleaning.CLEAN, CleaningRun.of_order(order)))
