"""The database for a command: opened, brought to the newest schema, and closed properly."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from app.core.garbage import rare_collection
from app.factory import create_bare_app
from app.models import close_connections, describe_process
from app.services import schema


@contextmanager
def open_workspace(*, prepare: bool = True) -> Iterator[Flask]:
    """An application context over the data folder's database; left as it is where it is not to be prepared."""
    context = click.get_current_context(silent=True)
    describe_process(context.command_path if context else "a command")
    with rare_collection():
        app = create_bare_app({"LTT_LOG_LEVEL": "WARNING"})
    with app.app_context():
        if prepare:
            with rare_collection():
                schema.prepare_schema()
        try:
            yield app
        finally:
            close_connections()
