"""Recipes over the API: the same JSON as a recipe file, with id and version."""

from typing import Annotated

from flask import jsonify, url_for
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from app.blueprints.api import PREFIX
from app.blueprints.api.cleaning import StepBody
from app.blueprints.api.specification import IF_MATCH, IF_MATCH_OPTIONAL, Strict, answers, reads_header
from app.blueprints.api.writing import Answer, expected_version, idempotent, version_if_given, with_version
from app.core.cleaning import Step
from app.models import SavedRecipe
from app.services.cleaning import recipes

bp = APIBlueprint(
    "api_recipes",
    __name__,
    url_prefix=f"{PREFIX}/recipes",
    abp_tags=[Tag(name="recipes", description="Saved lists of cleaning steps")],
)


class RecipePath(BaseModel):
    """Which recipe."""

    recipe_id: int


class RecipeBody(Strict):
    """A recipe: a name and its steps in order."""

    name: str = ""
    steps: Annotated[list[StepBody], Field(fail_fast=True)]

    def values(self) -> list[Step]:
        """The steps as values."""
        return [step.step() for step in self.steps]


@bp.get("")
def list_recipes() -> Answer:
    """List the recipes by name."""
    return jsonify(recipes=[recipes.recipe_as_dict(row) for row in recipes.list_recipes()])


@bp.post("", responses=answers(201))
@idempotent
def create_recipe(body: RecipeBody) -> Answer:
    """Keep a recipe."""
    row = recipes.create_recipe(body.name, body.values())
    answer = _answer_recipe(row)
    answer.status_code = 201
    answer.headers["Location"] = url_for(".get_recipe", recipe_id=row.id)
    return answer


@bp.get("/<int:recipe_id>")
def get_recipe(path: RecipePath) -> Answer:
    """One recipe, with its version as ETag."""
    return _answer_recipe(recipes.get_recipe(path.recipe_id))


@bp.put("/<int:recipe_id>")
@reads_header(IF_MATCH)
def change_recipe(path: RecipePath, body: RecipeBody) -> Answer:
    """Replace a recipe's name and steps. Needs If-Match with its version."""
    version = expected_version()
    return _answer_recipe(recipes.change_recipe(path.recipe_id, name=body.name, steps=body.values(), version=version))


@bp.delete("/<int:recipe_id>")
@reads_header(IF_MATCH_OPTIONAL)
def delete_recipe(path: RecipePath) -> Answer:
    """Put a recipe away."""
    row = recipes.delete_recipe(path.recipe_id, version=version_if_given())
    return jsonify(id=row.id, deleted=True)


def _answer_recipe(row: SavedRecipe) -> Response:
    return with_version(jsonify(recipes.recipe_as_dict(row)), row.version)
