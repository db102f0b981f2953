"""Puts the application together: settings, database, front door, pages, API."""

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from flask_migrate import Migrate
from flask_openapi3.models.info import Info
from flask_openapi3.openapi import OpenAPI
from flask_wtf import CSRFProtect
from sqlalchemy import URL

from app import __version__, blueprints, config, frontdoor, keys, logs, models
from app.blueprints import api, errors
from app.blueprints.api import specification

csrf = CSRFProtect()
migrate = Migrate(directory=str(config.ROOT / "migrations"), render_as_batch=True, compare_type=True)


def make(overrides: Mapping[str, Any]) -> OpenAPI:
    """Make the application for one data folder."""
    settings = config.load(overrides=overrides)
    folder = config.data_dir(settings)
    keys.prepare_folder(folder)
    app = OpenAPI(
        "app",
        info=Info(title="LLM Training Tools", version=__version__),
        doc_ui=False,
        validation_error_callback=specification.refuse,
        validation_error_model=specification.Error,
        root_path=str(config.ROOT / "app"),
        instance_path=str(folder),
        template_folder=str(config.ROOT / "templates"),
        static_folder=str(config.ROOT / "static"),
    )
    app.config.from_mapping(_flask_settings(settings), **settings)
    app.config.from_mapping(overrides)
    app.debug = False
    logs.init_app(app)
    models.init_app(app)
    migrate.init_app(app, models.db)
    errors.init_app(app)
    frontdoor.init_app(app, csrf)
    blueprints.init_app(app)
    api.init_app(app)
    return app


def _flask_settings(settings: Mapping[str, config.Value]) -> dict[str, object]:
    folder = config.data_dir(settings)
    return {
        "SECRET_KEY": keys.secret_key(folder),
        "SQLALCHEMY_DATABASE_URI": str(settings["LTT_DATABASE_URL"]) or _sqlite_url(str(folder / "ltt.db")),
        "SESSION_COOKIE_HTTPONLY": True,
        "SESSION_COOKIE_SAMESITE": "Lax",
        "WTF_CSRF_CHECK_DEFAULT": False,
        "WTF_CSRF_TIME_LIMIT": None,
        "SESSION_COOKIE_NAME": _cookie_name(folder),
        "PROPAGATE_EXCEPTIONS": False,
    }


def _cookie_name(folder: Path) -> str:
    """Cookies ignore ports: each data folder has a name of its own, so that two servers do not log each other out."""
    return "ltt_" + hashlib.sha256(str(folder).encode()).hexdigest()[:12]


def _sqlite_url(path: str) -> str:
    return URL.create("sqlite", database=path).render_as_string(hide_password=False)
