"""Lints: what makes a pair poor material whatever trains on it. A new one is a function in a module of this folder."""

from app.core.validation.lints import answers, languages, sets, texts  # noqa: F401
from app.core.validation.lints.base import LINTS, Lint, Linter

__all__ = ["LINTS", "Lint", "Linter"]
