"""``ltt serve``: the web server and its worker on this machine."""

import os
import sys
import threading
import webbrowser
from collections.abc import Mapping

import click

from app import config
from app.core.errors import Busy, Conflict
from app.server import sockets

_ADDRESS_FILE = "serve.address"


@click.command()
@click.option("--host", metavar="H", help="Address of this machine to listen on.  [default: 127.0.0.1]")
@click.option("--port", metavar="P", help="Port to listen on.  [default: 8765, or the next free one]")
@click.option("--no-browser", is_flag=True, help="Do not open the browser.")
@click.option("--no-worker", is_flag=True, help="Start no worker: jobs wait for an `ltt worker`.")
def serve(host: str | None, port: str | None, no_browser: bool, no_worker: bool) -> None:
    """Start the server, its worker and the browser."""
    options = {"LTT_HOST": host, "LTT_PORT": port, "LTT_NO_BROWSER": 1 if no_browser else None}
    overrides = {name: value for name, value in options.items() if value is not None}
    settings = config.load_settings(overrides=overrides)
    hosts = sockets.loopback_addresses(str(settings["LTT_HOST"]))
    exact = port is not None or config.is_set("LTT_PORT")
    # What the server writes is for its owner only.
    os.umask(0o077)
    _run_server(overrides, hosts, int(settings["LTT_PORT"]), exact=exact, with_worker=not no_worker)


def _run_server(
    overrides: Mapping[str, object], hosts: list[str], port: int, *, exact: bool, with_worker: bool
) -> None:
    from app import create_app
    from app.models.filelock import FileLock
    from app.server.run import serve_until_stopped as run
    from app.server.worker import WorkerProcess
    from app.services import schema

    app = create_app(overrides)
    folder = config.data_dir(app.config)
    # A server that was just killed may need a moment to be gone.
    lock = FileLock(folder / "serve.lock", timeout_seconds=3)
    try:
        lock.acquire()
    except Busy as error:
        try:
            place = f" at {(folder / _ADDRESS_FILE).read_text(encoding='utf-8')}"
        except OSError:
            place = ""
        raise Conflict(
            f"Another server already works on the data folder {folder}{place}. Use that one, or stop it first.",
            code="already_running",
        ) from error
    with app.app_context():
        schema.require_sound()
        copy = schema.prepare_schema()
    if copy:
        click.echo(f"The database was upgraded. A copy from before lies in {copy}.")
    bound, port_used = sockets.bind_sockets(hosts, port, exact=exact)
    host = f"[{hosts[0]}]" if ":" in hosts[0] else hosts[0]
    address = f"http://{host}:{port_used}"
    (folder / _ADDRESS_FILE).write_text(address, encoding="utf-8")
    try:
        run(
            app,
            bound,
            WorkerProcess() if with_worker else None,
            lambda: _announce(app.config, address, port, port_used),
        )
    finally:
        (folder / _ADDRESS_FILE).unlink(missing_ok=True)
        lock.release()


def _announce(settings: Mapping[str, object], address: str, wanted: int, used: int) -> None:
    if used != wanted:
        click.echo(f"Port {wanted} is taken, so this is port {used}.")
    click.echo(f"LLM Training Tools: {address}")
    click.echo(f"Data folder: {config.data_dir(settings)}")
    click.echo("Stop with Ctrl+C.")
    sys.stdout.flush()
    if not settings["LTT_NO_BROWSER"] and _has_display():
        # Some browsers return only when they are closed.
        threading.Thread(target=webbrowser.open, args=[address], daemon=True).start()


def _has_display() -> bool:
    """Whether a browser window can show: on Linux without a desktop a text browser would take the terminal."""
    if os.environ.get("NO_BROWSER") or os.environ.get("CI"):
        return False
    if sys.platform in ("win32", "darwin"):
        return True
    return bool(os.environ.get("DISPLAY") or os.environ.get("WAYLAND_DISPLAY"))
