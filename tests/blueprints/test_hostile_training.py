"""Whatever is sent to the addresses of runs, bundles and models, nothing breaks and no other dataset is touched."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest
from flask import Flask
from flask.testing import FlaskClient

from app.forms.training import OPTIONS, WORDS
from app.frontdoor.routes import Route, list_routes
from app.models.base import Base
from app.services import datasets, models, training
from app.services.models import Values
from tests.run_folders import make_run
from tests.training import choose, make_dataset, use_fake_engine
from tests.tuning_servers import KEY, serve_tuning

BLUEPRINTS = ("training", "models", "api_training", "api_bundles", "api_models")
STATES = (
    "queued", "running", "pausing", "paused", "waiting", "done", "failed", "cancelled", "interrupted",
)  # fmt: skip
LONG = "x" * 60_000
# The id of the run of the other dataset is 1.
TEXTS = ("-1", "1", "1e999", "NaN", str(10**25), "\u0661", "a\x00b", "\ud800", LONG, "../../x")
SETTINGS = ("-1", "NaN", str(10**25), "a\x00b")
JSON_VALUES = (None, True, -1, 1, 1.5, 10**400, 1e308, "", "a\x00b", "\ud800", LONG, [], [1, "x"], {"a": {"b": []}})
NUMBERS = ("0", "99", str(2**63), str(10**30))
_CONNECTION = (*Values.__dataclass_fields__, "api_key", "version")
# What the pages read of an address or a form; what the API reads stands in its description.
NAMES = {
    "training.new": (*WORDS, *OPTIONS),
    "training.start": (*WORDS, *OPTIONS),
    "training.index": ("run", "sweep"),
    "training.show": ("sample",),
    "training.progress": ("sample",),
    "training.name": ("name", "note"),
    "training.take": ("trainer",),
    "models.index": ("edit", "add", "address", "model", "name"),
    "models.connect": ("program", "model"),
    "models.disconnect": ("program",),
    "models.add": _CONNECTION,
    "models.change": _CONNECTION,
}
# What else is sent, so that a value is looked at and not only missed.
FORM = {"asked": "1", "base": "toy", "name": "N", "address": "http://127.0.0.1:9/v1", "model": "m"}
BODIES = {"ModelBody": {name: FORM[name] for name in ("name", "address", "model")}, "SweepBody": {"over": {"rank": []}}}


@dataclass(frozen=True)
class Full:
    """Runs of each kind in one dataset, and another one that nobody may touch. ``numbers`` has the number and the id of
    each run by its kind."""

    mine: int
    other: int
    numbers: dict[str, tuple[int, int]]
    connection: int


@pytest.fixture
def full(app: Flask, monkeypatch: pytest.MonkeyPatch) -> Iterator[Full]:
    """A database with a run in each state, and those of each kind of place."""
    use_fake_engine(monkeypatch)
    monkeypatch.setattr("app.services.training.running.TICK_SECONDS", 0.01)
    monkeypatch.setattr("app.providers.tuning.hosted.POLL_SECONDS", 0.0)
    with serve_tuning("openai") as server, app.app_context():
        other, mine = make_dataset("Other"), make_dataset("Mine")
        for state in ("done", "paused", "failed"):
            make_run(other, state=state, step=42)
        made = {state: make_run(mine, state=state, step=42) for state in STATES}
        connection = models.add_connection(Values("Tuner", server.base, "gpt-4o-mini", "stored"), KEY)
        bundle = replace(choose(mine), where="bundle", base="acme/small-1b", method="lora")
        hosted = replace(bundle, where=str(connection.id), base="gpt-4o-mini", price="3")
        hosted = replace(hosted, confirmed=training.plan_run(hosted).quote.sum)  # type: ignore[union-attr]
        for kind, chosen in (("bundle", bundle), ("hosted", hosted)):
            made[kind] = training.start_run(training.create_run(chosen).id, here=True)
        assert (made["hosted"].state, made["bundle"].state) == ("done", "waiting")
        numbers = {kind: (run.number, run.id) for kind, run in made.items()}
        yield Full(mine, other, numbers, connection.id)


def routes_of(app: Flask, *blueprints: str) -> list[Route]:
    """The routes of some blueprints, those that delete last."""
    found = [one for one in list_routes(app) if one.endpoint.partition(".")[0] in blueprints]
    # These look around on this computer, whatever they are told.
    found = [one for one in found if one.endpoint.rpartition(".")[2] not in ("find", "test", "test_all")]
    return sorted(found, key=lambda route: bool(re.search("delete|remove|disconnect", route.endpoint)))


def address(route: Route, **ids: object) -> str:
    """The path of a route with its ids, and the first of the words that it takes."""

    def fill(found: re.Match[str]) -> str:
        words = re.findall(r"[\w.]+", (found[1] or "").partition("(")[2])
        return str(ids[found[2]]) if found[2] in ids else words[0]

    return re.sub(r"<(?:([^:<>]+):)?(\w+)>", fill, route.path)


def sent_to(route: Route, described: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """All hostile requests for a route: one wrong value in each."""
    yield {}
    for name in NAMES.get(route.endpoint, ()):
        # What is set is read in one way.
        for text in TEXTS if name not in OPTIONS else SETTINGS:
            said = {name: text.encode("utf-8", "surrogatepass")}
            yield {"query_string": said} if route.method == "GET" else {"data": {**FORM, **said}}
    if not route.path.startswith("/api/"):
        return
    operation = described["paths"][re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)][route.method.lower()]
    for one in operation.get("parameters", ()):
        for text in TEXTS if one["in"] == "query" else ():
            yield {"query_string": {one["name"]: text.encode("utf-8", "surrogatepass")}}
    schema = operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    kind = schema.get("$ref", "").rpartition("/")[2]
    properties = described["components"]["schemas"].get(kind, {}).get("properties", {})
    body = BODIES.get(kind, {})
    bodies: list[Any] = [{**body, name: value} for name in properties for value in JSON_VALUES]
    bodies += [*JSON_VALUES] if kind else []
    if "settings" in properties:
        bodies += [{**body, "settings": {name: value}} for name in OPTIONS for value in (-1, 10**400, "\x00", [])]
    if "over" in properties:
        bodies += [{"over": {name: [value, 1]}} for name in ("rank", "epochs", "x") for value in JSON_VALUES]
    for one in bodies:
        yield {"data": json.dumps(one), "content_type": "application/json"}


def state_of(full: Full) -> object:
    """All that is kept of the other dataset: its pairs, its runs and their files."""
    runs = training.list_runs(full.other)
    rows = [[getattr(run, column.key) for column in Base.metadata.tables[run.__tablename__].columns] for run in runs]
    files = [
        (str(path), path.read_bytes())
        for run in runs
        for path in sorted(training.folder_of(run).rglob("*"))
        if path.is_file()
    ]
    return datasets.compute_digest(full.other), rows, files


@pytest.mark.parametrize("blueprint", BLUEPRINTS)
def test_no_hostile_value_breaks_anything(app: Flask, client: FlaskClient, full: Full, blueprint: str) -> None:
    before, described = state_of(full), client.get("/api/v1/openapi.json").json
    number, run = full.numbers["done"]
    ids = {"dataset_id": full.mine, "number": number, "run": run, "connection_id": full.connection}
    for route in routes_of(app, blueprint):
        for more in sent_to(route, described or {}):
            with client.open(address(route, **ids), method=route.method, **more) as answer:
                assert answer.status_code < 500, (route.method, route.path, str(more)[:300])
    assert state_of(full) == before


@pytest.mark.parametrize("kind", [*STATES, "bundle", "hosted"])
def test_every_address_answers_for_a_run_of_each_kind(app: Flask, client: FlaskClient, full: Full, kind: str) -> None:
    before = state_of(full)
    for route in routes_of(app, "training", "api_training", "api_bundles"):
        if "<" in route.path:
            for number, run in (full.numbers[kind], *((one, one) for one in NUMBERS)):
                path = address(route, dataset_id=full.mine, number=number, run=run)
                with client.open(path, method=route.method, data={}) as answer:
                    assert answer.status_code < 500, (route.method, path)
    assert state_of(full) == before
