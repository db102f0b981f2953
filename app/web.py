"""Puts the web on top of the workbench: front door, pages, API."""

from collections.abc import Mapping
from typing import Any

from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI

from app import __version__, blueprints, config, factory, frontdoor, models
from app.blueprints import api, errors
from app.blueprints.api import specification

# How long a request waits for the write lock, before it is told to come again.
LOCK_SECONDS = 10.0
# So many threads are kept for those that only read, whoever holds that lock.
READING_THREADS = 4


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
    models.describe_process("The server")
    threads = int(settings["LTT_THREADS"])
    models.wait_shortly(app, most_waiting=max(threads - READING_THREADS, threads // 2, 1), seconds=LOCK_SECONDS)
    errors.init_app(app)
    frontdoor.init_app(app)
    blueprints.init_app(app)
    api.init_app(app)
    return app
