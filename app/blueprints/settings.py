"""Settings of this browser, the limits in force, and the keyboard help."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from flask import Blueprint, current_app, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from app import config
from app.blueprints.shell import PATH_COOKIE
from app.blueprints.view import (
    KEYMAP_COOKIE,
    KEYS_COOKIE,
    NAME_COOKIE,
    THEME_COOKIE,
    THEMES,
    back_or,
    list_actions,
    own_keys,
    scopes_of,
    tell,
)
from app.core.errors import BadUsage, Invalid
from app.forms import keyboard
from app.forms.arguments import require_names

bp = Blueprint("settings", __name__)
LONGEST_NAME = 40
_YEAR = 365 * 24 * 3600
_PRIVATE = ("LTT_DATA_DIR", "LTT_DATABASE_URL")


@dataclass(frozen=True, slots=True)
class KeyRow:
    """A line of the help: what the keys do, and the keys; of several in a row the first and the last.

    ``usual`` is the first of them as pages write it.
    """

    label: str
    keys: tuple[tuple[str, ...], ...]
    usual: str


@bp.get("/settings")
def index() -> ResponseReturnValue:
    """Theme, name and keys."""
    return _settings_page(own_keys())


def _settings_page(own: Mapping[str, str], typed: Mapping[str, str] | None = None, said: object = None) -> str:
    """The settings, with keys as they were typed and what is wrong with them."""
    actions = [one for one in list_actions() if not one.is_fixed]
    fields = {one.name: (typed or {}).get(one.name) or " ".join(_last_part(one, own)) for one in actions}
    return render_template(
        "settings/index.html",
        actions=actions,
        groups=_group(actions),
        fields=fields,
        usual={one.name: " ".join(_last_part(one, {})) for one in actions},
        own=own,
        said=said or {},
    )


def _last_part(action: keyboard.Action, own: Mapping[str, str]) -> tuple[str, ...]:
    """The key as its field shows it; of pages without the one that stands before all of them."""
    return keyboard.show_key(own.get(action.name, action.key).removeprefix("g ") or "g")


def _group(actions: Iterable[keyboard.Action]) -> dict[str, list[keyboard.Action]]:
    """The actions by where they act, as people say it."""
    groups: dict[str, list[keyboard.Action]] = {}
    for one in actions:
        first, *others = (keyboard.SCOPES[scope] for scope in one.scopes)
        groups.setdefault(", ".join([first, *(name.lower() for name in others)]), []).append(one)
    return groups


@bp.get("/settings/advanced")
def advanced() -> ResponseReturnValue:
    """The settings of the program and the limits in force."""
    shown = [setting for name, setting in config.SETTINGS.items() if name not in _PRIVATE]
    return render_template("settings/advanced.html", settings=shown, values=current_app.config)


@bp.get("/keys")
def keys() -> ResponseReturnValue:
    """Every key and what it does; those of one kind of pages with ``on``."""
    require_names(request.args, "on")
    scopes = scopes_of(request.args["on"]) if "on" in request.args else tuple(keyboard.SCOPES)
    own = own_keys()
    order = [scope for scope in keyboard.SCOPES if scope in (*scopes, keyboard.EVERYWHERE, "go")]
    found = {keyboard.SCOPES[scope]: _rows_of(scope, own) for scope in order}
    return render_template("settings/keys.html", found=found)


def _rows_of(scope: str, own: Mapping[str, str]) -> list[KeyRow]:
    rows: dict[str, list[keyboard.Action]] = {}
    prefix = own.get("go", "g")
    for one in list_actions():
        if scope in one.scopes:
            rows.setdefault(one.series or one.label, []).append(one)
    return [
        KeyRow(
            label,
            tuple(keyboard.show_key(own.get(one.name, one.key), prefix) for one in dict.fromkeys((row[0], row[-1]))),
            row[0].key,
        )
        for label, row in rows.items()
    ]


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


@bp.post("/settings/keymap")
def set_keymap() -> ResponseReturnValue:
    """Give actions other keys, one of them its usual key, or all of them."""
    actions, form = list_actions(), request.form
    reset = form.get("reset", "")
    if reset == "all":
        tell("All keys are as they came.")
        return _remember(KEYMAP_COOKIE, "")
    typed = {one.name: form.get(f"key.{one.name}", "") for one in actions if not one.is_fixed and one.name != reset}
    own, said = {}, {}
    for one in actions:
        try:
            key = keyboard.parse_key(one, typed.get(one.name, ""))
        except Invalid as error:
            said[one.name] = error.message
            continue
        if key != one.key:
            own[one.name] = key
    for name, other in keyboard.find_clashes(own, actions).items():
        said.setdefault(name, f"The same key as “{other.label}”. Change one of them.")
    if said:
        return _settings_page(own, typed, said), 422
    tell("Keys saved." if own else "All keys are as they came.")
    return _remember(KEYMAP_COOKIE, keyboard.write_own_keys(own))


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
