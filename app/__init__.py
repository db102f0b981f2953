"""LLM Training Tools: a workbench for fine-tuning datasets of questions and answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from app.version import __version__

if TYPE_CHECKING:
    from flask_openapi3.openapi import OpenAPI

__all__ = ["__version__", "create_app"]


def create_app(overrides: Mapping[str, Any] | None = None) -> OpenAPI:
    """Make the Flask application; ``overrides`` win over the environment.

    The factory is imported here and not above: ``app.core`` and the commands without a database must not load Flask.
    """
    from app.web import create_web_app

    return create_web_app(overrides or {})
