"""The API's description of itself (OpenAPI 3.1), with the one error shape."""

import re
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import Any, TypeVar

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response

from app.blueprints import errors
from app.frontdoor import limits

View = TypeVar("View", bound=Callable[..., Any])
Answers = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]
_HEADERS = "ltt_headers"
_ANSWERS = {
    200: "Done",
    201: "Made",
    202: "Accepted: the job goes on, and Location says where to ask for it",
}
IF_MATCH = {
    "name": "If-Match",
    "in": "header",
    "required": True,
    "description": "The version that was changed; without it the answer is 428, with a stale one 409",
    "schema": {"type": "string", "pattern": '^"[0-9]{1,18}"$'},
}
IF_MATCH_OPTIONAL = {
    **IF_MATCH,
    "required": False,
    "description": "The version or revision that this is based on; with a stale one the answer is 409",
}
IDEMPOTENCY_KEY = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": "The same request with the same key happens once and is answered alike for a day",
    "schema": {"type": "string", "pattern": "^[!-~]{1,200}$"},
}


class DatasetPath(BaseModel):
    """Which dataset."""

    dataset_id: int


class ErrorBody(BaseModel):
    """What went wrong, for a program and for a person."""

    code: str
    message: str
    request_id: str
    details: dict[str, Any] = {}


class Error(BaseModel):
    """The one error shape."""

    error: ErrorBody


def refuse_invalid(error: ValidationError) -> Response:
    """The answer to parameters or a body that do not fit: 422, with every place."""
    places = [{"at": ".".join(str(part) for part in found["loc"]), "message": found["msg"]} for found in error.errors()]
    first = places[0]
    message = f"{first['at']}: {first['message']}." if first["at"] else f"{first['message']}."
    return errors.answer_problem(errors.Problem(422, "invalid", message, {"fields": places}))


def answers(*statuses: int, kind: str = "application/json") -> Answers:
    """The good answers of a route, for its description. One that says nothing answers 200 with a JSON object."""
    schema = {"type": "object"} if kind == "application/json" else {"type": "string"}
    return {status: {"description": _ANSWERS[status], "content": {kind: {"schema": schema}}} for status in statuses}


def reads_header(header: dict[str, Any]) -> Callable[[View], View]:
    """Describe a header that a view reads by itself. Stands below the route."""

    def mark(view: View) -> View:
        setattr(view, _HEADERS, (*getattr(view, _HEADERS, ()), header))
        return view

    return mark


def describe_api() -> ResponseReturnValue:
    """Describe the API."""
    description = deepcopy(current_app.api_doc)  # type: ignore[attr-defined]
    description["components"] = {"schemas": description["components"]["schemas"], "securitySchemes": {"token": _TOKEN}}
    error = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Error.__name__}"}}}
    for rule in current_app.url_map.iter_rules():
        path = description["paths"].get(re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule.rule), {})
        for method in (name.lower() for name in rule.methods or () if name.lower() in path):
            operation = path[method]
            good = {status: told for status, told in operation["responses"].items() if status.startswith("2")}
            operation["responses"] = {
                **(good or {str(status): told for status, told in answers(200).items()}),
                "422": {"description": "The content breaks a rule", "content": error},
                "default": {"description": "Any other error", "content": error},
            }
            headers = getattr(current_app.view_functions[rule.endpoint], _HEADERS, ())
            operation["parameters"] = [*operation.get("parameters", []), *headers]
            if limits.takes_upload(current_app, rule.endpoint):
                operation["requestBody"] = _FILE
            if method != "get":
                operation["security"] = [{"token": []}]
    return jsonify(description)


_TOKEN = {"type": "http", "scheme": "bearer", "description": "ltt token prints it"}
_FILE = {
    "required": True,
    "content": {
        "multipart/form-data": {
            "schema": {
                "type": "object",
                "properties": {"file": {"type": "string", "format": "binary"}},
                "required": ["file"],
            }
        },
        "application/octet-stream": {"schema": {"type": "string", "format": "binary"}},
    },
}
