"""The API is as it describes itself: whatever fits the description, or does not, is answered as it says."""

import io
import re

import pytest
import schemathesis
from flask import Flask
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi import checks

from app import keys
from app.core.cleaning import Step
from app.core.record import Record
from app.frontdoor.routes import list_routes
from app.services import datasets, duplicates, entries, history, imports, jobs, tasks, uploads
from app.services.cleaning import recipes
from app.services.duplicates import ScanRun
from app.services.imports import Settings

CONFORM = [checks.content_type_conformance, checks.response_schema_conformance]


def known_ids() -> dict[str, int]:
    """The ids of a new dataset that has some of everything, by the names that addresses give them."""
    dataset_id = datasets.create_dataset("Described").id
    upload = uploads.save(io.BytesIO(b'question,answer\nHow?,So.\n,""\n').read, "small.csv")
    row = imports.add(dataset_id, upload, Settings())
    imports.start(row.id, Settings())
    history.create(dataset_id, [Record("What is rain?", "Water."), Record("What is rain?", "Drops.")], summary="Add")
    tasks.start(duplicates.SCAN, ScanRun(dataset_id))
    scan = duplicates.latest_scan(dataset_id)
    assert scan is not None
    [group, *_] = duplicates.list_groups(scan, duplicates.Filter("conflicts")).groups
    return {
        "dataset_id": dataset_id,
        "number": 1,
        "entry_id": next(entries.stream_entries(dataset_id)).id,
        "import_id": row.id,
        "group_id": group.id,
        "job_id": jobs.listed(dataset_id=dataset_id)[0].id,
        "recipe_id": recipes.create_recipe("Tidy", [Step("trim")]).id,
    }


@pytest.fixture
def described(app: Flask) -> schemathesis.BaseSchema:
    """The API's description, bound to the application."""
    return schemathesis.openapi.from_wsgi("/api/v1/openapi.json", app, config=schemathesis.Config())


def test_every_route_is_described(app, client) -> None:
    paths = client.get("/api/v1/openapi.json").json["paths"]
    for route in list_routes(app):
        if route.path.startswith("/api/v1/") and route.endpoint != "api.openapi":
            path = re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", route.path)
            assert route.method.lower() in paths[path], f"{route.method} {route.path}"


def test_every_operation_answers_as_described(app, data_dir, described, subtests) -> None:
    token = {"Authorization": f"Bearer {keys.api_token(data_dir)}"}
    for found in described.get_all_operations():
        operation = found.ok()
        with app.app_context():
            ids = known_ids()
        with subtests.test(operation.label):
            # Twelve requests for each of fifty operations take a quarter of a minute.
            @settings(
                max_examples=12,
                derandomize=True,
                deadline=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(
                case=operation.as_strategy() | operation.as_strategy(GenerationMode.NEGATIVE),
                meets=st.integers(0, 3),
                operation=st.just(operation),
                ids=st.just(ids),
            )
            def answers_as_described(case, meets, operation, ids) -> None:
                # Made-up ids lead nowhere: most requests are for what there is.
                if meets:
                    case.path_parameters.update({name: ids[name] for name in case.path_parameters if name in ids})
                answer = case.call(headers=token)
                status = answer.status_code
                assert status < 500, answer.text
                assert status >= 400 or str(status) in operation.responses.status_codes, "this status is not described"
                case.validate_response(answer, checks=CONFORM)

            answers_as_described()
