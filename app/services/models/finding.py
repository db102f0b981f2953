"""Servers of models on this computer: looked for at the ports where they usually are, when somebody asks for it."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.connections import LOCAL_SERVERS, Address, LocalServer, Values
from app.core.errors import Conflict, Invalid, LttError
from app.models import Connection, FoundServer, db, transaction
from app.models.base import now
from app.providers.chat import list_models
from app.providers.endpoint import Endpoint
from app.services.models.connections import add_connection, free_name, list_connections, remove_connection

_SECONDS = 3.0
_MOST_NAMES = 200


@dataclass(frozen=True, slots=True)
class Local:
    """One program: where it was looked for and when, what it serves (None: no answer), and its connections."""

    server: LocalServer
    port: int
    looked_at: datetime | None
    models: tuple[str, ...] | None
    connections: tuple[Connection, ...]

    @property
    def address(self) -> str:
        """Where its models are called."""
        return _address(self.port).url


def list_found() -> list[Local]:
    """What the last look found, program by program. Nothing is looked for."""
    kept = {one.program: one for one in db.session.execute(select(FoundServer)).scalars()}
    connections = list_connections()
    found = []
    for server in LOCAL_SERVERS:
        row = kept.get(server.key)
        port = row.port if row else server.port
        own = tuple(one for one in connections if one.address == _address(port).url)
        models = tuple(row.models) if row and row.models is not None else None
        found.append(Local(server, port, row.looked_at if row else None, models, own))
    return found


def find_servers(program: str = "", port: int | None = None) -> list[Local]:
    """Look for all programs, or for one at another port, which is remembered. Raises Invalid for what there is not."""
    wanted = [one for one in list_found() if not program or one.server.key == program]
    if not wanted:
        names = ", ".join(one.key for one in LOCAL_SERVERS)
        raise Invalid(f"There is no program {program[:40]!r}. There are {names}.", code="no_program")
    if port is not None and not 1 <= port <= 65535:
        raise Invalid("A port is a number from 1 to 65535.", code="bad_port")
    ports = [port or one.port for one in wanted]
    with ThreadPoolExecutor(len(wanted)) as pool:
        answers = list(pool.map(_look, ports))
    with transaction() as session:
        for one, at, models in zip(wanted, ports, answers, strict=True):
            session.merge(FoundServer(program=one.server.key, port=at, models=models, looked_at=now()))
    return list_found()


def _look(port: int) -> list[str] | None:
    try:
        with Endpoint(_address(port), seconds=_SECONDS) as endpoint:
            return [one.id for one in list_models(endpoint, _SECONDS)][:_MOST_NAMES]
    except LttError:
        return None


def _address(port: int) -> Address:
    return Address("http", "127.0.0.1", port, "/v1")


def connect_found(program: str, model: str = "") -> Connection:
    """Connect a model of a program that was found; by default the newest. Raises Conflict where none was found."""
    local = next((one for one in list_found() if one.server.key == program), None)
    if local is None or not local.models:
        raise Conflict("Nothing was found there. Look again.", code="not_found_here")
    if model and model not in local.models:
        raise Conflict(
            f"{local.server.name} does not serve {model[:80]!r} any more. Look again.", code="not_found_here"
        )
    chosen = model or local.models[0]
    known = next((one for one in local.connections if one.model == chosen), None)
    if known:
        return known
    name = local.server.name if not local.connections else f"{local.server.name}, {chosen}"
    return add_connection(Values(free_name(name), local.address, chosen, price_in=0.0, price_out=0.0))


def disconnect_found(program: str) -> list[Connection]:
    """Remove the connections of a program that was found; what was sent by them stays listed."""
    local = next((one for one in list_found() if one.server.key == program), None)
    return [remove_connection(one.id) for one in local.connections] if local else []
