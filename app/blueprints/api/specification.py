"""The API's description of itself (OpenAPI 3.1), with the one error shape."""

from typing import Any

from flask import current_app, jsonify
from flask.typing import ResponseReturnValue
from pydantic import BaseModel, ValidationError
from werkzeug.wrappers import Response

from app.blueprints import errors

_WRITES = ("post", "put", "patch", "delete")


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


def describe_api() -> ResponseReturnValue:
    """Describe the API."""
    return jsonify(_with_errors(current_app.api_doc))  # type: ignore[attr-defined]


def _with_errors(description: dict[str, Any]) -> dict[str, Any]:
    """Name the error shape as the answer to everything that goes wrong."""
    content = {"application/json": {"schema": {"$ref": f"#/components/schemas/{Error.__name__}"}}}
    for path in description["paths"].values():
        for operation in path.values():
            if isinstance(operation, dict) and "responses" in operation:
                operation["responses"]["422"] = {"description": "The content breaks a rule", "content": content}
                operation["responses"]["default"] = {"description": "Any other error", "content": content}
    return description
