"""Puts the web on top of the workbench: front door, pages, API."""

from collections.abc import Mapping
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from app import __version__, blueprints, config, factory, frontdoor
from app.blueprints import api, errors
from app.blueprints.api import specification


def create_web_app(overrides: Mapping[str, Any]) -> OpenAPI:
    """Make the application for one data folder."""
    settings = config.load_settings(overrides=overrides)
    app = OpenAPI(
        "app",
        info=Info(title="LLM Training Tools", version=__version__),
        doc_ui=False,
        validation_error_callback=specification.refuse_invalid,
        validation_error_model=specification.Error,
        instance_path=str(config.data_dir(settings)),
        **factory.PLACES,
    )
    factory.prepare_app(app, settings, overrides)
    errors.init_app(app)
    frontdoor.init_app(app)
    blueprints.init_app(app)
    api.init_app(app)
    return app
