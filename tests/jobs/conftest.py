"""Jobs are run inside an application context, with handlers of the tests' own."""

import pytest

from app.jobs import registry


@pytest.fixture
def context(app):
    """An application context."""
    with app.app_context():
        yield app


@pytest.fixture
def handlers(monkeypatch):
    """The registered handlers, put back after the test."""
    monkeypatch.setattr(registry, "_handlers", dict(registry._handlers))
    monkeypatch.setattr(registry, "_sweeps", {})
    return registry
