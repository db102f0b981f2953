"""Settings of this browser, the limits in force, and the keyboard help."""

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import config
from app.blueprints.shell import PATH_COOKIE
from app.blueprints.view import KEYS_COOKIE, NAME_COOKIE, THEME_COOKIE, THEMES, back_or, list_page_keys, tell
from app.core.errors import BadUsage

bp = Blueprint("settings", __name__)
LONGEST_NAME = 40
_YEAR = 365 * 24 * 3600
_PRIVATE = ("LTT_DATA_DIR", "LTT_DATABASE_URL")


@bp.get("/settings")
def index() -> ResponseReturnValue:
    """Theme, keys and the limits in force."""
    shown = [setting for name, setting in config.SETTINGS.items() if name not in _PRIVATE]
    return render_template("settings/index.html", settings=shown, values=current_app.config)


@bp.get("/keys")
def keys() -> ResponseReturnValue:
    """Every key and what it does."""
    return render_template("settings/keys.html", pages=list_page_keys())


@bp.post("/settings/theme")
def theme() -> ResponseReturnValue:
    """Remember light, dark, or same as the system."""
    chosen = request.form.get("theme", "")
    if chosen not in THEMES:
        raise BadUsage(f"There is no theme {chosen!r}. Use auto, light or dark.")
    return _remember(THEME_COOKIE, chosen)


@bp.post("/settings/keys")
def set_keys() -> ResponseReturnValue:
    """Switch single keys on or off."""
    return _remember(KEYS_COOKIE, "off" if request.form.get("keys") == "off" else "on")


@bp.post("/settings/name")
def set_name() -> ResponseReturnValue:
    """Remember the name that other reviewers see."""
    name = " ".join(request.form.get("name", "").split())
    if len(name) > LONGEST_NAME or not name.isprintable():
        raise BadUsage(f"The name has {len(name)} characters; at most {LONGEST_NAME} are kept. Shorten it.")
    return _remember(NAME_COOKIE, name)


@bp.post("/settings/path/<any(on, off):shown>")
def set_path(shown: str) -> ResponseReturnValue:
    """Show the way from one file to another, or hide it."""
    if shown == "off":
        tell("The steps are hidden. Settings shows them again.", undo=url_for(".set_path", shown="on"), label="Show")
    return _remember(PATH_COOKIE, shown)


def _remember(name: str, value: str) -> ResponseReturnValue:
    response = redirect(back_or(url_for(".index")), code=303)
    response.set_cookie(name, value, max_age=_YEAR, samesite="Lax", httponly=True)
    return response
