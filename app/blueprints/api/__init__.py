"""The JSON API under /api/v1. A feature's module has an ``APIBlueprint`` named ``bp`` and one line in this list."""

from importlib import import_module

from flask import Blueprint, current_app, request
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.openapi import OpenAPI
from pydantic import ValidationError

from app.blueprints.api.json import StrictJSON
from app.blueprints.api.specification import describe_api, query_names, refuse_invalid
from app.core.errors import BadUsage, WrongKind
from app.core.text import clip
from app.frontdoor import limits

PREFIX = "/api/v1"
MODULES: tuple[str, ...] = (
    "datasets",
    "entries",
    "export",
    "hub",
    "imports",
    "cleaning",
    "recipes",
    "duplicates",
    "splits",
    "validation",
    "stats",
    "advice",
    "snapshots",
    "training",
    "bundles",
    "jobs",
    "models",
)

_own = Blueprint("api", __name__, url_prefix=PREFIX)
_own.add_url_rule("/openapi.json", "openapi", describe_api)


def init_app(app: OpenAPI) -> None:
    """Register the API's modules, its own description and its rules for bodies."""
    app.json = StrictJSON(app)
    for name in MODULES:
        _register(app, import_module(f"app.blueprints.api.{name}").bp)
    app.register_blueprint(_own)
    app.before_request(_check_arguments)
    app.before_request(_check_body)
    app.register_error_handler(ValidationError, refuse_invalid)


def _register(app: OpenAPI, bp: APIBlueprint) -> None:
    """Register a module. Where another one has the same address, the description keeps the methods of both."""
    before = dict(app.paths)
    app.register_api(bp)
    for path, known in before.items():
        added = app.paths[path]
        app.paths[path] = known.model_copy(update={name: getattr(added, name) for name in added.model_fields_set})


def _check_arguments() -> None:
    """An argument that there is not is refused: passed over, it would answer another question."""
    if request.url_rule is None or not request.path.startswith(f"{PREFIX}/"):
        return
    known = query_names(request.url_rule.rule, "get" if request.method == "HEAD" else request.method)
    for name in request.args:
        if name not in known:
            has = f"It has {', '.join(known)}." if known else "It has none."
            raise BadUsage(f"This address has no {clip(name, 40)!r}. {has}", code="no_argument")


def _check_body() -> None:
    """JSON endpoints take JSON only: a form, which any page may send, is refused; malformed JSON is a 400."""
    body = request.content_length or request.headers.get("Transfer-Encoding")
    if not body or not request.path.startswith(f"{PREFIX}/") or limits.takes_upload(current_app, request.endpoint):
        return
    if not request.is_json:
        raise WrongKind("Send JSON, with the header Content-Type: application/json.")
    request.get_json()
