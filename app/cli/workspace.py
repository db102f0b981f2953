"""The database for a command: opened, brought to the newest schema, and closed properly."""

from collections.abc import Iterator
from contextlib import contextmanager

from flask import Flask

from app.core.garbage import rare_collection
from app.factory import create_bare_app
from app.models import db, write_lock
from app.services import schema


@contextmanager
def open_workspace(*, prepare: bool = True) -> Iterator[Flask]:
    """An application context over the data folder's database; left as it is where it is not to be prepared."""
    with rare_collection():
        app = create_bare_app({"LTT_LOG_LEVEL": "WARNING"})
    with app.app_context():
        if prepare:
            with rare_collection():
                schema.prepare_schema()
        try:
            yield app
        finally:
            db.session.remove()
            # The last connection to close moves the write-ahead log into the database: a checkpoint like any other.
            with write_lock():
                db.engine.dispose()
