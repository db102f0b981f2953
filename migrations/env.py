"""Runs the migrations in one write transaction, and numbers new ones: 0001, 0002, ..."""

from collections.abc import Iterable
from contextlib import nullcontext
from typing import Any, Literal

from alembic import context
from alembic.operations import MigrationScript
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from flask import current_app
from sqlalchemy import Connection

from app.models import db, write_lock
from app.models.base import UtcDateTime
from app.models.epoch import WRITE


def number_revision(_context: MigrationContext, _revision: object, directives: list[MigrationScript]) -> None:
    """Name a new migration by its number; make none where nothing changed."""
    if not directives:
        return
    script = directives[0]
    if script.upgrade_ops is not None and script.upgrade_ops.is_empty() and _autogenerating():
        directives.clear()
        return
    numbers = [int(revision.revision) for revision in ScriptDirectory.from_config(context.config).walk_revisions()]
    script.rev_id = f"{max(numbers, default=0) + 1:04d}"


def _autogenerating() -> bool:
    return bool(getattr(context.config.cmd_opts, "autogenerate", False))


def render_plain(kind: str, item: object, _context: object) -> str | Literal[False]:
    """Write our column types as the plain ones that they are stored as: a migration must not need today's models."""
    return "sa.DateTime()" if kind == "type" and isinstance(item, UtcDateTime) else False


def _configure(connection: Connection) -> None:
    arguments: dict[str, Any] = {
        "process_revision_directives": number_revision,
        "render_item": render_plain,
        **current_app.extensions["migrate"].configure_args,
    }
    # SQLite can roll back DDL, which Alembic does not assume: a killed upgrade leaves the schema before.
    context.configure(connection=connection, target_metadata=db.metadata, transactional_ddl=True, **arguments)


def _foreign_keys(connection: Connection, state: str) -> None:
    """Batch mode drops and rebuilds tables; checks are off meanwhile. SQLite switches only outside a transaction."""
    if connection.dialect.name == "sqlite":
        driver: Any = connection.connection.driver_connection
        driver.execute(f"PRAGMA foreign_keys={state}")


def _broken_references(connection: Connection) -> Iterable[Any]:
    if connection.dialect.name != "sqlite":
        return ()
    return connection.exec_driver_sql("PRAGMA foreign_key_check").fetchmany(1)


def run() -> None:
    """Run what the command asked for, on the live database or on a copy that is being prepared."""
    copy = context.config.attributes.get("engine")
    with nullcontext() if copy else write_lock(), (copy or db.engine).connect() as plain:
        connection = plain.execution_options(**{WRITE: True})
        _foreign_keys(connection, "OFF")
        try:
            _configure(connection)
            with context.begin_transaction():
                context.run_migrations()
                if _broken_references(connection):
                    raise RuntimeError("The migration leaves references to rows that do not exist.")
        finally:
            _foreign_keys(connection, "ON")


run()
