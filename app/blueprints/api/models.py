"""Connections to servers of models over the API. No key is ever answered."""

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import BaseModel, Field
from werkzeug.wrappers import Response

from app.blueprints.api import PREFIX
from app.blueprints.api.specification import IF_MATCH_OPTIONAL, Strict, answers, reads_header
from app.blueprints.api.writing import Answer, idempotent, version_if_given, with_version
from app.core.connections import Values
from app.core.errors import Conflict
from app.models import Connection
from app.services import models
from app.services.models import Started, describe_connection

bp = APIBlueprint(
    "api_models",
    __name__,
    url_prefix=f"{PREFIX}/models",
    abp_tags=[Tag(name="models", description="Connections to servers of models; a key goes in and never out")],
)
_STARTED = Started("A program", "API")


class ModelPath(BaseModel):
    """Which connection."""

    connection_id: int


class ModelBody(Strict):
    """A connection. Give `api_key` to keep a key, or `variable` to name one of the server's environment."""

    name: str
    address: str = Field(description="what speaks the OpenAI chat format, such as http://127.0.0.1:11434/v1")
    model: str
    variable: str = Field("", description="environment variable of the server that holds the key")
    api_key: str = Field("", description="a key to keep, for this host only; empty keeps the one that is there")
    stored_key: bool = Field(False, description="whether it has a kept key, where api_key is not said")
    allow_http: bool = Field(False, description="allow plain http to another computer")
    allow_private: bool = Field(False, description="allow an address on a private network")
    price_in: float | None = Field(None, description="of a million tokens")
    price_out: float | None = Field(None, description="of a million tokens")
    currency: str = "USD"
    per_minute: int | None = None
    parallel: int = 1
    cap: float | None = Field(None, description="the sum of money at which a job stops")


class FindBody(Strict):
    """All programs at their usual ports, or one at another port, which is remembered."""

    program: str = ""
    port: int | None = None


class ConnectBody(Strict):
    """Which program that was found, and which of its models; by default the newest."""

    program: str
    model: str = ""


@bp.get("")
def list_models() -> Answer:
    """List the connections."""
    return jsonify(models=[describe_connection(one) for one in models.list_connections()])


@bp.post("", responses=answers(201))
@idempotent
def add(body: ModelBody) -> Answer:
    """Connect a model. Nothing is sent by this."""
    return _answer(models.add_connection(_values(body), body.api_key)), 201


@bp.get("/<int:connection_id>")
def get(path: ModelPath) -> Answer:
    """One connection, with its version as ETag."""
    return _answer(models.get(path.connection_id))


@bp.put("/<int:connection_id>")
@reads_header(IF_MATCH_OPTIONAL)
def change(path: ModelPath, body: ModelBody) -> Answer:
    """Replace what is said of a connection."""
    changed = models.change_connection(path.connection_id, _values(body), body.api_key, version=version_if_given())
    return _answer(changed)


@bp.delete("/<int:connection_id>")
def remove(path: ModelPath) -> Answer:
    """Remove a connection and forget its key."""
    return jsonify(describe_connection(models.remove_connection(path.connection_id)))


@bp.post("/<int:connection_id>/test")
def test(path: ModelPath) -> Answer:
    """Send one sentence, and tell whether it answers or what is wrong: `test`."""
    return jsonify(describe_connection(models.test_connection(path.connection_id, _STARTED)))


@bp.get("/<int:connection_id>/calls")
def list_calls(path: ModelPath) -> Answer:
    """What was sent to a connection, newest first: who started it, where and when, how many calls."""
    models.get(path.connection_id, removed=True)
    names = ("who", "page", "model", "address", "dataset_id", "job_id", "calls", "failed", "sent_bytes")
    found = [
        {
            **{name: getattr(one, name) for name in (*names, "tokens_in", "tokens_out")},
            "began_at": one.began_at.isoformat(),
            "last_at": one.last_at.isoformat(),
        }
        for one in models.list_uses(path.connection_id)
    ]
    return jsonify(calls=found)


@bp.post("/find")
def find(body: FindBody) -> Answer:
    """Look for servers of models on the server's computer."""
    found = [one for one in models.find_servers(body.program, body.port) if body.program in ("", one.server.key)]
    return jsonify(found=[{"program": one.server.key, "address": one.address, "models": one.models} for one in found])


@bp.post("/connect", responses=answers(201))
def connect(body: ConnectBody) -> Answer:
    """Connect a model of a program that was found."""
    return _answer(models.connect_found(body.program, body.model)), 201


def _values(body: ModelBody) -> Values:
    if body.variable and (body.api_key or body.stored_key):
        raise Conflict("A connection has a variable or a key of its own, not both.", code="bad_key")
    source = "variable" if body.variable else "stored" if body.api_key or body.stored_key else "none"
    said = body.model_dump(exclude={"api_key", "stored_key"})
    return Values(**said, key_source=source)


def _answer(connection: Connection) -> Response:
    return with_version(jsonify(describe_connection(connection)), connection.version)
