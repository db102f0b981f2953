"""Services are called inside an application context, on a dataset of their own.

Some need PostgreSQL, an empty database that may be written: TEST_POSTGRES_URL=postgresql+psycopg://…
"""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from sqlalchemy import text

from app.factory import create_bare_app
from app.models import db
from app.services import datasets, schema
from tests import factories


@pytest.fixture
def dataset_id(app):
    """The id of a new, empty dataset."""
    with app.app_context():
        yield datasets.create_dataset("Tests").id


@pytest.fixture
def on_postgres(tmp_path: Path) -> Iterator[None]:
    """A workspace on PostgreSQL with a dataset; its tables are dropped afterwards."""
    url = os.environ.get("TEST_POSTGRES_URL")
    if not url:
        pytest.skip("no PostgreSQL is named by TEST_POSTGRES_URL")
    app = create_bare_app({"LTT_DATA_DIR": str(tmp_path), "LTT_DATABASE_URL": url, "TESTING": True})
    with app.app_context():
        schema.prepare_schema()
        factories.dataset()
        yield
        db.session.rollback()
        with db.engine.begin() as connection:
            for statement in ("DROP SCHEMA public CASCADE", "CREATE SCHEMA public"):
                connection.execute(text(statement))
        db.session.remove()
        db.engine.dispose()
