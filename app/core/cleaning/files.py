"""Cleaning a file without a database: its records on their way from reader to writer, counted."""

from dataclasses import dataclass

import msgspec

from app.core.cleaning.base import CleaningStopped
from app.core.cleaning.recipe import Cleaner, Recipe
from app.core.errors import Invalid
from app.core.record import Record
from app.core.text import is_blank


@dataclass
class FileCleaner:
    """Cleans records one by one and counts what it does. ``matched = changed + deleted + kept``."""

    cleaner: Cleaner
    seen: int = 0
    matched: int = 0
    changed: int = 0
    deleted: int = 0
    emptied: int = 0
    kept: int = 0

    def __call__(self, record: Record) -> list[Record]:
        """What becomes of a record. One that would lose its question stays as it is."""
        self.seen += 1
        try:
            result = self.cleaner.clean(record)
        except CleaningStopped as error:
            message = f"Record {self.seen}: {error.message}"
            raise CleaningStopped(message, code=error.code, record=self.seen) from error
        if result is record:
            return [record]
        self.matched += 1
        made = [] if result is None else result if isinstance(result, list) else [result]
        if not made:
            self.deleted += 1
            return []
        if any(is_blank(one.question) for one in made):
            self.kept += 1
            return [record]
        self.changed += 1
        if record.answered and not made[0].answered:
            self.emptied += 1
        return made


def recipe_of(data: bytes, name: str = "") -> Recipe:
    """The recipe that a file holds. Raises Invalid where it holds none."""
    try:
        value = msgspec.json.decode(data.decode("utf-8-sig"))
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        raise Invalid("This is not a recipe: a recipe is a JSON file.", code="bad_recipe") from error
    recipe = Recipe.from_dict(value)
    return recipe if recipe.name else Recipe(name, recipe.steps)
