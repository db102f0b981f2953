"""The database for a command: opened, brought to the newest schema, and closed properly."""

from collections.abc import Iterator
from contextlib import contextmanager

import click
from flask import Flask

from app.core.garbage import rare_collection
from app.core.search.query import parse_query
from app.factory import create_bare_app
from app.models import close_connections, describe_process
from app.services import entries, schema


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


def tell_search(dataset_id: int, text: str, *, is_frozen: bool = False) -> None:
    """Say on stderr how a search was taken where that is not as it stands; of a snapshot what was not understood."""
    if is_frozen:
        said = parse_query(text).remarks
    else:
        searched = entries.explain_search(dataset_id, text)
        said = searched.sentences if searched else ()
    for sentence in said:
        click.echo(sentence, err=True)
