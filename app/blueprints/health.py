"""Whether the process lives, and whether it can work. For scripts and supervisors."""

import shutil

from flask import Blueprint, current_app, jsonify
from flask.typing import ResponseReturnValue
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError

from app import __version__, config
from app.models import db, failures
from app.services import runners

bp = Blueprint("health", __name__)

_ENOUGH_BYTES = 100 * 1024 * 1024


@bp.get("/healthz")
def alive() -> ResponseReturnValue:
    """Say that the process answers."""
    return jsonify(status="ok", version=__version__)


@bp.get("/readyz")
def ready() -> ResponseReturnValue:
    """Say whether the database (engine, version, mode), the worker and the disk can be used.

    Without a worker pages still work and jobs wait, so that alone is no reason for a 503.
    """
    database = {"engine": db.engine.dialect.name, "status": "ok"}
    try:
        if database["engine"] == "sqlite":
            database["version"] = str(db.session.scalar(text("SELECT sqlite_version()")))
            mode = str(db.session.scalar(text("PRAGMA journal_mode")))
            db.session.scalar(text("SELECT count(*) FROM alembic_version"))
            database["mode"] = f"{mode}, one writer lock, checkpoints under it"
        else:
            database["version"] = str(db.session.scalar(text("SHOW server_version")))
    except SQLAlchemyError as error:
        known = failures.translate(error)
        database = {"status": "unavailable", "message": known.message if known else "The database fails."}
    free = shutil.disk_usage(config.data_dir(current_app.config)).free
    disk = {"status": "ok" if free >= _ENOUGH_BYTES else "low", "free_bytes": free}
    fine = database["status"] == "ok" and disk["status"] == "ok"
    worker = {"status": "ok" if runners.any_worker() else "none"}
    body = jsonify(status="ok" if fine else "unavailable", database=database, worker=worker, disk=disk)
    return body, 200 if fine else 503
