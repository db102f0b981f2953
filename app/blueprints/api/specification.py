"""The API's description of itself (OpenAPI 3.1), with the one error shape."""

import re
from collections.abc import Callable
from copy import deepcopy
from http import HTTPStatus
from typing import Annotated, Any, TypeVar

from flask import current_app, jsonify, request
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, BeforeValidator, Field, ValidationError, model_validator
from pydantic_core import PydanticCustomError
from werkzeug.wrappers import Response

from app.blueprints import errors
from app.core.text import clip, is_number
from app.frontdoor import limits

View = TypeVar("View", bound=Callable[..., Any])
Answers = dict[str | int | HTTPStatus, type[BaseModel] | dict[Any, Any] | None]
MAX_PLACES = 20
_PLAINLY = {"extra_forbidden": "There is no such field"}
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


# A ValueError raised by a validator would never be freed, nor the request that it was raised in: pydantic keeps it
# where the collector cannot see it.
# Lists whose errors end at the first: each takes kilobytes.
Ids = Annotated[list[int], Field(fail_fast=True)]
Texts = Annotated[list[str], Field(fail_fast=True)]


def _require_whole(sent: Any) -> Any:
    if isinstance(sent, dict) and any(type(value) is not int for value in sent.values()):
        raise PydanticCustomError("whole", "Each value must be a whole number")
    return sent


def _require_ids(sent: Any) -> Any:
    if isinstance(sent, dict) and not all(map(is_number, sent)):
        raise PydanticCustomError("ids", "Each name must be the number of a pair")
    return _require_whole(sent)


Picks = Annotated[dict[str, int], BeforeValidator(_require_whole)]
Versions = Annotated[dict[int, int], BeforeValidator(_require_ids)]


class DatasetPath(BaseModel):
    """Which dataset."""

    dataset_id: int


class Strict(BaseModel, extra="forbid"):
    """What is sent by name: a name that there is not is refused."""

    @model_validator(mode="before")
    @classmethod
    def _refuse_many_at_once(cls, sent: Any) -> Any:
        """Each error of a list takes kilobytes."""
        unknown = [name for name in sent if name not in cls.model_fields] if isinstance(sent, dict) else []
        if len(unknown) > MAX_PLACES:
            some = {"count": f"{len(unknown):,}", "one": clip(unknown[0], 40)}
            raise PydanticCustomError("unknown", "There are {count} fields that do not exist, such as “{one}”", some)
        return sent


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
    """The answer to parameters that do not fit (400) or a body (422), with the first places."""
    found = error.errors(include_url=False, include_context=False, include_input=False)
    places = [
        {
            "at": clip(".".join(str(part) for part in one["loc"])),
            "message": _PLAINLY.get(one["type"], one["msg"]),
        }
        for one in found[:MAX_PLACES]
    ]
    first = places[0]
    message = f"{first['at']}: {first['message']}." if first["at"] else f"{first['message']}."
    details = {"fields": places, **({"more": len(found) - MAX_PLACES} if len(found) > MAX_PLACES else {})}
    in_address = all(one["loc"] and one["loc"][0] in request.args for one in found)
    status, code = (400, "bad_usage") if in_address else (422, "invalid")
    return errors.answer_problem(errors.Problem(status, code, message, details))


def query_names(path: str, method: str) -> list[str]:
    """What the address of a route may say, by the API's own description."""
    operation = current_app.api_doc["paths"].get(_described(path), {}).get(method.lower(), {})  # type: ignore[attr-defined]
    return [one["name"] for one in operation.get("parameters", ()) if one["in"] == "query"]


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
        path = description["paths"].get(_described(rule.rule), {})
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


def _described(rule: str) -> str:
    return re.sub(r"<(?:\w+:)?(\w+)>", r"{\1}", rule)


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
