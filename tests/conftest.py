"""Fixtures for all tests: an application over a data folder of its own, its client and its command line."""

import io
import json
import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from types import CodeType
from typing import Any

import pytest
import werkzeug.test
from flask import Flask
from flask.testing import FlaskClient
from hypothesis import HealthCheck, settings
from jinja2.bccache import Bucket, BytecodeCache
from werkzeug.routing import Rule
from werkzeug.test import stream_encode_multipart

from app import create_app
from app.cli import main
from app.factory import create_bare_app
from app.models import close_cleanly
from app.services import schema, tasks
from tests.faults.checks import NAMED_ELSEWHERE

# Whether a test passes does not depend on how busy the machine is.
settings.register_profile("unhurried", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unhurried")
for _name in [name for name in os.environ if name.startswith("LTT_") and name != "LTT_CORPUS_DIR"]:
    del os.environ[_name]


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options of our own."""
    parser.addoption(
        "--faults", action="store_true", help="Run the tests of faults only, in full, such as fifty kills."
    )
    parser.addoption("--mutated-files", type=int, default=0, help="Read so many more damaged files, each time others.")
    parser.addoption("--mutated-file", type=int, help="Read the damaged file of this seed, which a failing test named.")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """With ``--faults``: the tests of tests/faults, and those elsewhere that its list of checks names."""
    for item in items:
        if "faults" in item.path.parent.parts[-1:] or item.nodeid.split("[")[0] in NAMED_ELSEWHERE:
            item.add_marker(pytest.mark.faults)
    if config.getoption("--faults"):
        others = [item for item in items if not item.get_closest_marker("faults")]
        config.hook.pytest_deselected(items=others)
        items[:] = [item for item in items if item.get_closest_marker("faults")]


@pytest.fixture(scope="session")
def migrated_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A data folder whose database came about by the migrations. Tests work on copies of it."""
    folder = tmp_path_factory.mktemp("migrated")
    app = create_bare_app({"LTT_DATA_DIR": str(folder), "TESTING": True})
    with app.app_context():
        schema.prepare_schema()
        close_cleanly()
    return folder


@pytest.fixture
def data_dir(migrated_folder: Path, tmp_path: Path) -> Path:
    """A data folder with an empty database."""
    return shutil.copytree(migrated_folder, tmp_path / "data")


class CompiledTemplates(BytecodeCache):
    """What templates were compiled to, for all applications of a process."""

    def __init__(self) -> None:
        self._known: dict[tuple[str, str], CodeType] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        """Give what the same text was compiled to."""
        bucket.code = self._known.get((bucket.key, bucket.checksum))

    def dump_bytecode(self, bucket: Bucket) -> None:
        """Keep it."""
        self._known[bucket.key, bucket.checksum] = bucket.code


@pytest.fixture(scope="session", autouse=True)
def _keep_sent_forms_in_memory() -> Iterator[None]:
    """Werkzeug's client puts large forms into a file that it never closes."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(werkzeug.test, "stream_encode_multipart", partial(stream_encode_multipart, use_tempfile=False))
        yield


@pytest.fixture(scope="session", autouse=True)
def compiled_once() -> Iterator[None]:
    """Addresses and templates are compiled once in a process, and not by each application: most time went there."""
    compile_builder, known = Rule._compile_builder, {}

    def compile_or_reuse(rule: Rule, append_unknown: bool = True) -> Callable[..., tuple[str, str]]:
        if rule.defaults:  # They are written into the builder.
            return compile_builder(rule, append_unknown)
        key = (append_unknown, rule.rule, *rule._trace)
        if key not in known:
            known[key] = compile_builder(rule, append_unknown)
        return known[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Rule, "_compile_builder", compile_or_reuse)
        patch.setattr(Flask, "jinja_options", {"bytecode_cache": CompiledTemplates()})
        yield


# Tests of the web. All others do without pages and API, whose addresses take far longer to make than all the rest.
WEB = {"api", "blueprints", "browser", "test_frontdoor.py"}


@pytest.fixture
def app(data_dir: Path, request: pytest.FixtureRequest) -> Iterator[Flask]:
    """The application over an empty database: bare, and in the tests of the web with pages and API."""
    make = create_app if request.path.relative_to(Path(__file__).parent).parts[0] in WEB else create_bare_app
    # A loaded machine may take long for a look.
    patient = {"LTT_LOOK_SECONDS": 60}
    application = make({"LTT_DATA_DIR": str(data_dir), "TESTING": True, "LTT_LOG_LEVEL": "WARNING", **patient})
    yield application
    with application.app_context():
        close_cleanly()


@pytest.fixture
def context(app: Flask) -> Iterator[Flask]:
    """An application context."""
    with app.app_context():
        yield app


@pytest.fixture
def own_tasks(monkeypatch: pytest.MonkeyPatch) -> None:
    """What a test declares is forgotten after it."""
    monkeypatch.setattr(tasks, "_declared", {task.name: task for task in tasks.all_tasks()})


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


@dataclass(frozen=True)
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """What ``--json`` printed."""
        return json.loads(self.out)


@pytest.fixture
def ltt(data_dir: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """Run ``ltt`` in this process on the test's data folder: ``ltt("digest", "--json")``; ``stdin`` takes bytes."""
    monkeypatch.setenv("LTT_DATA_DIR", str(data_dir))

    def run(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(stdin), encoding="utf-8"))
        capfd.readouterr()
        with pytest.raises(SystemExit) as exit_:
            main([str(argument) for argument in arguments])
        return Outcome(exit_.value.code, *capfd.readouterr())

    return run
