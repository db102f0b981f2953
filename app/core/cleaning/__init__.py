"""Cleaning: operations on texts and pairs, registered by name, and recipes of them."""

from importlib import import_module

from app.core.cleaning.base import (
    GROUPS,
    OPERATIONS,
    TEXT_FIELDS,
    CleaningStopped,
    NoOptions,
    Operation,
    Result,
    option_fields,
)
from app.core.cleaning.recipe import Cleaner, Recipe, Step, clean_stream, compile_recipe

# Each registers its operations, in the order in which pages list them.
_MODULES = "replace phrases links wording whitespace characters markup fences mask pairs split thinking"
for _name in _MODULES.split():
    import_module(f"{__name__}.{_name}")

__all__ = [
    "GROUPS",
    "OPERATIONS",
    "TEXT_FIELDS",
    "Cleaner",
    "CleaningStopped",
    "NoOptions",
    "Operation",
    "Recipe",
    "Result",
    "Step",
    "clean_stream",
    "compile_recipe",
    "option_fields",
]
