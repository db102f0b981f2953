"""Settings, Models: connections to servers of models, those on this computer, and what is sent where."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any, cast

from flask import Blueprint, Flask, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import problem_of
from app.blueprints.view import NAME_COOKIE, tell
from app.core.connections import may_hold_key
from app.core.errors import BadUsage, Conflict, Invalid, LttError
from app.core.text import is_number, plural
from app.forms.arguments import read_whole, require_names
from app.forms.connections import ConnectionForm, write_number
from app.models import Connection
from app.services import models
from app.services.models import Started

bp = Blueprint("models", __name__, url_prefix="/settings/models")
_AT_ONCE = 8
_NOBODY = "Somebody at this computer"
# What a test found, in two or three words.
_TITLES = {
    "key": "Key refused",
    "model": "No such model",
    "quota": "Quota used up",
    "address": "No answer there",
    "tls": "Not trusted",
    "slow": "Too slow",
    "not_json": "No model’s server",
    "busy": "Too many requests",
    "redirect": "Sent elsewhere",
    "too_large": "Too much",
    "plain_http": "Not allowed",
    "private_address": "Not allowed",
}


@bp.get("")
def index() -> ResponseReturnValue:
    """The connections; one of them, or a new one, to edit."""
    require_names(request.args, "edit", "add", "address", "model", "name")
    chosen = read_whole(request.args, "edit", None)
    if chosen is not None:
        connection = models.get(chosen)
        return _page(ConnectionForm.of(models.values_of(connection), connection.version), connection)
    if "add" in request.args:
        typed = {name: request.args.get(name, "") for name in ("name", "address", "model")}
        return _page(ConnectionForm(formdata=None, data=typed))
    return _page()


def _page(form: ConnectionForm | None = None, edited: Connection | None = None, problem: str = "") -> str:
    connections = models.list_connections()
    keys = {one.id: models.describe_key(one) for one in connections}
    return render_template(
        "models/index.html",
        connections=connections,
        found=models.list_found(),
        keys=keys,
        sends={one.id: models.describe_sending(one) for one in connections},
        uses=models.sum_uses(),
        form=form,
        edited=edited,
        problem=problem,
        said=_say_connections(
            connections, sum(bool(keys[one.id].problem) or _has_refused_key(one) for one in connections)
        ),
    )


def _has_refused_key(connection: Connection) -> bool:
    """Whether the last test found that its key is refused."""
    return (connection.test or {}).get("code") == "key"


def _say_connections(connections: list[Connection], without_key: int) -> str:
    if not connections:
        return "No model connected"
    said = f"{plural(len(connections), 'model')} connected"
    return said + (f", {without_key} {'needs a key' if without_key == 1 else 'need keys'}" if without_key else "")


@bp.app_template_global("title_of_test")
def title_test(code: str) -> str:
    """What a test found wrong, in a few words."""
    return _TITLES.get(code, "Fails")


@bp.app_template_global("price_of")
def show_price(amount: float, currency: str) -> str:
    """An amount of money, with cents where it has them and more where it needs them."""
    text = write_number(amount) if round(amount, 2) != amount else f"{amount:,.2f}"
    return f"${text}" if currency == "USD" else f"{text} {currency}"


@bp.post("")
def add() -> ResponseReturnValue:
    """Keep a new connection."""
    form = ConnectionForm()
    try:
        connection = models.add_connection(form.values(), form.api_key.data or "")
    except (Invalid, BadUsage, Conflict) as error:
        return _refused(form, error)
    tell(f"{connection.name} is connected. Test it to see whether it answers.")
    return redirect(url_for(".index", edit=connection.id), code=303)


@bp.post("/<int:connection_id>")
def change(connection_id: int) -> ResponseReturnValue:
    """Keep what was changed of a connection."""
    form, connection = ConnectionForm(), models.get(connection_id)
    version = int(form.version.data) if is_number(form.version.data or "") else None
    try:
        models.change_connection(connection_id, form.values(), form.api_key.data or "", version=version)
    except (Invalid, BadUsage, Conflict) as error:
        return _refused(form, error, connection)
    tell(f"{connection.name} is saved.")
    return redirect(url_for(".index", edit=connection_id), code=303)


def _refused(form: ConnectionForm, error: LttError, edited: Connection | None = None) -> ResponseReturnValue:
    """The form as it was typed, but for what may be a key in a wrong place."""
    for field in (form.address, form.variable):
        if may_hold_key(field.name, field.data or ""):
            field.data = ""
    return _page(form, edited, error.message), problem_of(error).status


@bp.post("/<int:connection_id>/test")
def test(connection_id: int) -> ResponseReturnValue:
    """Send one sentence to a connection."""
    connection = models.test_connection(connection_id, _started())
    tell(f"{connection.name}: {(connection.test or {}).get('message', 'it was changed meanwhile; test it again')}")
    return redirect(url_for(".index", edit=connection_id if "edit" in request.form else None), code=303)


@bp.post("/test")
def test_all() -> ResponseReturnValue:
    """Send one sentence to each connection, at the same time."""
    app, started = cast(Flask, cast(Any, current_app)._get_current_object()), _started()

    def try_one(connection_id: int) -> bool:
        with app.app_context():
            try:
                return bool((models.test_connection(connection_id, started).test or {}).get("ok"))
            except LttError:
                return False

    ids = [one.id for one in models.list_connections()]
    with ThreadPoolExecutor(_AT_ONCE) as pool:
        answered = sum(pool.map(try_one, ids))
    tell(f"{answered} of {plural(len(ids), 'connection')} {'answers' if answered == 1 else 'answer'}.")
    return redirect(url_for(".index"), code=303)


@bp.post("/<int:connection_id>/remove")
def remove(connection_id: int) -> ResponseReturnValue:
    """Remove a connection and forget its key."""
    connection = models.remove_connection(connection_id)
    tell(f"{connection.name} is removed.", undo=url_for(".restore", connection_id=connection_id))
    return redirect(url_for(".index"), code=303)


@bp.post("/<int:connection_id>/restore")
def restore(connection_id: int) -> ResponseReturnValue:
    """Bring a removed connection back, without its key."""
    connection = models.restore_connection(connection_id)
    needs = " Its key is gone: give it one." if connection.key_source != "none" else ""
    tell(f"{connection.name} is back.{needs}")
    return redirect(url_for(".index", edit=connection_id), code=303)


@bp.post("/find")
def find() -> ResponseReturnValue:
    """Look for servers on this computer, at all usual ports or at one other."""
    port = request.form.get("port", "").strip()
    if port and not is_number(port):
        raise Invalid("A port is a number from 1 to 65535.", code="bad_port")
    program = request.form.get("program", "")
    found = models.find_servers(program, int(port) if port else None)
    looked = [one for one in found if not program or one.server.key == program]
    answering = [one.server.name for one in looked if one.models is not None]
    if program and not answering:
        tell(f"Nothing answers as a model's server on port {looked[0].port}.")
    else:
        tell(f"Found {' and '.join(answering)}." if answering else "None of them answered.")
    return redirect(url_for(".index"), code=303)


@bp.post("/connect")
def connect() -> ResponseReturnValue:
    """Connect a model of a server that was found, by default the newest."""
    connection = models.connect_found(request.form.get("program", ""), request.form.get("model", ""))
    tell(f"{connection.name} is connected: {connection.model}.")
    return redirect(url_for(".index"), code=303)


@bp.post("/disconnect")
def disconnect() -> ResponseReturnValue:
    """Remove the connections of a server that was found."""
    gone = models.disconnect_found(request.form.get("program", ""))
    if len(gone) == 1:
        tell(f"{gone[0].name} is disconnected.", undo=url_for(".restore", connection_id=gone[0].id))
    else:
        tell(f"{plural(len(gone), 'connection')} removed." if gone else "It was not connected.")
    return redirect(url_for(".index"), code=303)


@bp.get("/<int:connection_id>/calls")
def calls(connection_id: int) -> ResponseReturnValue:
    """What was sent to a connection: who started it when, on which page, how many calls."""
    connection = models.get(connection_id, removed=True)
    return render_template("models/calls.html", connection=connection, uses=models.list_uses(connection_id))


def _started() -> Started:
    return Started(request.cookies.get(NAME_COOKIE, "")[:40] or _NOBODY, "Settings, Models")
