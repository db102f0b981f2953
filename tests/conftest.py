"""Fixtures for all tests: an application over a data folder of its own, its client and its command line."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner
from flask import Flask
from flask.testing import FlaskClient

from app import create_app
from app.models import close_cleanly
from app.services import schema

for _name in [name for name in os.environ if name.startswith("LTT_") and name != "LTT_CORPUS_DIR"]:
    del os.environ[_name]


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database came about by the migrations. Tests work on copies of it."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_app({"LTT_DATA_DIR": str(folder), "TESTING": True})
    with app.app_context():
        schema.prepare()
        close_cleanly()
    return folder


@pytest.fixture
def data_dir(migrated_folder: Path, tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    return shutil.copytree(migrated_folder, tmp_path / "data")


@pytest.fixture
def app(data_dir: Path) -> Iterator[Flask]:
    """The application over an empty database."""
    application = create_app({"LTT_DATA_DIR": str(data_dir), "TESTING": True, "LTT_LOG_LEVEL": "WARNING"})
    yield application
    with application.app_context():
        close_cleanly()


@pytest.fixture
def client(app: Flask) -> FlaskClient:
    """A browser on our own pages: its writes say that they come from here and carry the CSRF token by themselves."""
    app.config["WTF_CSRF_ENABLED"] = False
    client = app.test_client()
    client.environ_base["HTTP_SEC_FETCH_SITE"] = "same-origin"
    return client


@pytest.fixture
def stranger(app: Flask) -> FlaskClient:
    """A client that says nothing about itself, with all protection switched on."""
    return app.test_client()


@pytest.fixture
def cli(data_dir: Path, monkeypatch: pytest.MonkeyPatch) -> CliRunner:
    """Runs commands on the data folder: ``cli.invoke(main, [...])`` with ``app.cli.main``."""
    monkeypatch.setenv("LTT_DATA_DIR", str(data_dir))
    return CliRunner()
