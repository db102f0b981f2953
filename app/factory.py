"""Puts the workbench together: settings, database, and nothing that only a browser needs."""

import hashlib
from collections.abc import Mapping
from typing import Any

from flask import Flask
from flask_migrate import Migrate
from sqlalchemy import URL

from app import config, keys, logs, models

PLACES: dict[str, Any] = {
    "root_path": str(config.ROOT / "app"),
    "template_folder": str(config.ROOT / "templates"),
    "static_folder": str(config.ROOT / "static"),
}
migrate = Migrate(directory=str(config.ROOT / "migrations"), render_as_batch=True, compare_type=True)


def create_bare_app(overrides: Mapping[str, Any] | None = None) -> Flask:
    """The application without pages and API, for commands and jobs: it is there in half the time."""
    overrides = overrides or {}
    settings = config.load_settings(overrides=overrides)
    return prepare_app(Flask("app", instance_path=str(config.data_dir(settings)), **PLACES), settings, overrides)


def prepare_app(app: Flask, settings: Mapping[str, config.Value], overrides: Mapping[str, Any]) -> Flask:
    """The application with its settings and its database."""
    folder = config.data_dir(settings)
    keys.prepare_folder(folder)
    sqlite = URL.create("sqlite", database=str(folder / "ltt.db")).render_as_string(hide_password=False)
    # Cookies ignore ports: each data folder has a name of its own, so that two servers do not log each other out.
    cookie = "ltt_" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]
    app.config.from_mapping(
        settings,
        SECRET_KEY=keys.secret_key(folder),
        SQLALCHEMY_DATABASE_URI=str(settings["LTT_DATABASE_URL"]) or sqlite,
        SESSION_COOKIE_HTTPONLY=True,
        SESSION_COOKIE_SAMESITE="Lax",
        SESSION_COOKIE_NAME=cookie,
        WTF_CSRF_CHECK_DEFAULT=False,
        WTF_CSRF_TIME_LIMIT=None,
        PROPAGATE_EXCEPTIONS=False,
    )
    app.config.from_mapping(overrides)
    app.debug = False
    logs.init_app(app)
    models.init_app(app)
    migrate.init_app(app, models.db)
    return app
