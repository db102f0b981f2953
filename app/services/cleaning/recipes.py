"""Saved recipes: for every dataset, exchanged as JSON, taken from what the history did."""

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from sqlalchemy import func, select

from app.core.cleaning import Recipe, Step, compile_recipe
from app.core.errors import Conflict, Invalid, NotFound
from app.core.text import is_blank, plural
from app.models import SavedRecipe, db, transaction
from app.models.base import now
from app.services import history
from app.services.cleaning.options import MAX_STEPS

MAX_NAME = 200
UNNAMED = "New recipe"


def list_recipes() -> list[SavedRecipe]:
    """All recipes by name."""
    query = select(SavedRecipe).where(SavedRecipe.deleted_at.is_(None))
    return list(db.session.execute(query.order_by(func.lower(SavedRecipe.name), SavedRecipe.id)).scalars())


def get_recipe(recipe_id: int) -> SavedRecipe:
    """One recipe. Raises NotFound."""
    row = db.session.get(SavedRecipe, recipe_id)
    if row is None or row.deleted_at is not None:
        raise NotFound(f"There is no recipe {recipe_id}.", recipe_id=recipe_id)
    return row


def value_of(row: SavedRecipe) -> Recipe:
    """The recipe as a value."""
    return Recipe(row.name, tuple(Step.from_dict(step) for step in row.steps))


def recipe_as_dict(row: SavedRecipe) -> dict[str, Any]:
    """The recipe as programs see it: what a recipe file holds, with id and version."""
    return {"id": row.id, "version": row.version, **value_of(row).as_dict()}


def create_recipe(name: str, steps: Sequence[Step] = ()) -> SavedRecipe:
    """Keep a new recipe; a name that is taken gets a number. Raises Invalid where a step cannot run."""
    checked = _check_steps(steps)
    with transaction() as session:
        taken = {row.name for row in list_recipes()}
        number, wanted = 2, _clean_name(name)
        free = wanted
        while free in taken:
            number, free = number + 1, f"{wanted} {number}"
        row = SavedRecipe(name=free, steps=checked)
        session.add(row)
        session.flush()
        return row


def change_recipe(
    recipe_id: int, *, name: str | None = None, steps: Sequence[Step] | None = None, version: int | None = None
) -> SavedRecipe:
    """Give a recipe another name or other steps. Raises Conflict where it was changed since ``version``."""
    with _open_recipe(recipe_id, version) as row:
        if name is not None:
            row.name = _clean_name(name)
        if steps is not None:
            row.steps = _check_steps(steps)
        return row


def put_step(recipe_id: int, step: Step, place: int | None = None, *, version: int | None = None) -> SavedRecipe:
    """Add a step at the end, or put it in the place of another. Raises like ``change_recipe``."""
    with _open_recipe(recipe_id, version) as row:
        steps = list(value_of(row).steps)
        if place is None or not 0 <= place < len(steps):
            steps.append(step)
        else:
            steps[place] = step
        row.steps = _check_steps(steps)
        return row


def move_step(recipe_id: int, place: int, by: int, *, version: int | None = None) -> SavedRecipe:
    """Let a step run earlier (``by`` -1) or later (1). Raises like ``change_recipe``."""
    with _open_recipe(recipe_id, version) as row:
        steps = list(row.steps)
        if 0 <= place < len(steps) and 0 <= place + by < len(steps):
            steps.insert(place + by, steps.pop(place))
        row.steps = steps
        return row


def drop_step(recipe_id: int, place: int, *, version: int | None = None) -> SavedRecipe:
    """Take a step out. Raises like ``change_recipe``."""
    with _open_recipe(recipe_id, version) as row:
        row.steps = [step for at, step in enumerate(row.steps) if at != place]
        return row


def delete_recipe(recipe_id: int, *, version: int | None = None) -> SavedRecipe:
    """Put a recipe away; ``restore`` brings it back. Raises like ``change_recipe``."""
    with _open_recipe(recipe_id, version) as row:
        row.deleted_at = now()
        return row


@contextmanager
def _open_recipe(recipe_id: int, version: int | None) -> Iterator[SavedRecipe]:
    """The recipe, to be written in one transaction. Raises Conflict where it was changed since ``version``."""
    with transaction():
        row = get_recipe(recipe_id)
        if version is not None and row.version != version:
            raise Conflict("This recipe was changed since you opened it. Load it again.", code="stale_version")
        row.version, row.changed_at = row.version + 1, now()
        yield row


def restore_recipe(recipe_id: int) -> SavedRecipe:
    """Bring a deleted recipe back. Raises NotFound where there never was one."""
    with transaction() as session:
        row = session.get(SavedRecipe, recipe_id)
        if row is None:
            raise NotFound(f"There is no recipe {recipe_id}.", recipe_id=recipe_id)
        row.deleted_at = None
        return row


def to_file(row: SavedRecipe) -> bytes:
    """The recipe as a file: ``{"name", "steps": [{"operation", "options", "fields", "keep_code"}]}``."""
    return json.dumps(value_of(row).as_dict(), ensure_ascii=False, indent=2).encode() + b"\n"


def find_recipe(name: str) -> Recipe | None:
    """The saved recipe of that name or number, if there is one."""
    for row in list_recipes():
        if name in (row.name, str(row.id)):
            return value_of(row)
    return None


def from_history(dataset_id: int, numbers: Sequence[int], name: str) -> SavedRecipe:
    """A recipe of what steps of the history did, in their order. Raises Invalid where none of them was cleaning."""
    steps: list[Step] = []
    for number in sorted(set(numbers)):
        steps += steps_of(history.step(dataset_id, number).details)
    if not steps:
        raise Invalid("None of these steps is one of cleaning. Only those can become a recipe.", code="no_steps")
    return create_recipe(name or f"Steps of {plural(len(set(numbers)), 'run')}", steps)


def steps_of(details: str | None) -> list[Step]:
    """The cleaning steps that a step of the history keeps; none where it was something else."""
    recipe = json.loads(details or "{}").get("recipe") or {}
    return [Step.from_dict(step) for step in recipe.get("steps", [])]


def _clean_name(name: str) -> str:
    name = " ".join(name.split())[:MAX_NAME]
    return UNNAMED if is_blank(name) else name


def _check_steps(steps: Sequence[Step]) -> list[dict[str, object]]:
    if len(steps) > MAX_STEPS:
        raise Invalid(f"A recipe has at most {MAX_STEPS} steps.", code="too_many_steps")
    compile_recipe(steps)
    return [step.as_dict() for step in steps]
