"""What all pages share: addresses of assets, numbers and times in words, navigation, toasts."""

import hashlib
import json
import re
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from pathlib import Path
from time import perf_counter
from typing import Any
from unicodedata import east_asian_width

import msgspec
from flask import Flask, current_app, flash, g, request, url_for
from markupsafe import Markup, escape
from werkzeug.exceptions import RequestEntityTooLarge

from app.blueprints.jobs import own_path
from app.core.editing import ROLES
from app.core.errors import WrongKind
from app.core.record import SPLITS, Message, load_messages
from app.core.search.marks import SECONDS, find_marks
from app.core.search.query import Query
from app.core.text import clip, plural
from app.forms import keyboard
from app.forms.filters import STATUS_NAMES, list_fields, title_of_finding
from app.models import ChangeSet, Dataset
from app.models.base import now
from app.services import entries, history, snapshots, splits, training, validation
from app.services.history import Applied

THEMES = ("auto", "light", "dark")
THEME_COOKIE = "ltt_theme"
KEYS_COOKIE = "ltt_keys"
KEYMAP_COOKIE = "ltt_keymap"
NAME_COOKIE = "ltt_name"
# What was found is looked for in so many characters of a text.
MOST_MARKED = 20_000
_SECONDS_OF_MARKS = 2.0


@dataclass(frozen=True, slots=True)
class NavItem:
    """One entry of the navigation."""

    label: str
    href: str
    icon: str
    key: str = ""
    count: str = ""
    current: bool = False
    tone: str = ""


_DATASET_PAGES = (
    ("overview.index", "Overview", "clipboard-check", "o"),
    ("pairs.index", "Pairs", "chat-square-text", "p"),
    ("review.index", "Review", "check2-square", "r"),
    ("imports.index", "Import", "box-arrow-in-down", "i"),
    ("cleaning.index", "Clean", "brush", "c"),
    ("duplicates.index", "Duplicates", "intersect", "d"),
    ("splits.index", "Splits", "pie-chart", "s"),
    ("export.index", "Export", "box-arrow-up", "e"),
    ("snapshots.index", "Snapshots", "layers", "v"),
    ("history.index", "History", "clock-history", "h"),
    ("training.index", "Training", "cpu", "t"),
    ("datasets.settings", "Dataset settings", "sliders", ""),
)
_WORKSPACE_PAGES = (
    ("datasets.index", "All datasets", "collection", "a"),
    ("conversion.index", "Convert a file", "arrow-left-right", ""),
    ("jobs.index", "Jobs", "activity", ""),
    ("settings.index", "Settings", "gear", ""),
)


# Pages that are tabs of an entry of the navigation.
_TABS = {"advice": "training", "models": "settings", "backup": "settings"}
# Which keys act on which pages, beside those that do everywhere.
_SCOPES = {
    "pairs": ("list", "pair"),
    "review": ("review",),
    "duplicates": ("duplicates",),
    "trained": ("trained",),
}


def scopes_of(blueprint: str | None) -> tuple[str, ...]:
    """The kinds of keys that act on the pages of a blueprint, beside those that do everywhere."""
    return _SCOPES.get(blueprint or "", ())


def init_app(app: Flask) -> None:
    """Give the helpers to all templates."""
    app.jinja_env.globals.update(
        asset=asset,
        dataset_nav=dataset_nav,
        workspace_nav=workspace_nav,
        undo_state=undo_state,
        url_for_if=url_for_if,
        sent_text=sent_text,
        filter_fields=list_fields,
        title_of_finding=title_of_finding,
    )
    app.jinja_env.filters.update(
        plural=plural, ago=ago, num=number, short=short_number, initials=initials, filesize=file_size
    )
    app.jinja_env.filters.update(
        clipped=clipped,
        excerpt=excerpt,
        squeezed=squeezed,
        show_blanks=show_blanks,
        marked=marked,
        clock=clock,
        as_words=as_words,
    )
    app.context_processor(_preferences)
    app.before_request(_take_forms_only)


def _take_forms_only() -> None:
    """Pages are sent forms. JSON would reach them as values that no form has."""
    if request.is_json and not request.path.startswith("/api/"):
        raise WrongKind("This page takes a form. Programs send JSON to the addresses under /api/v1.")


def _preferences() -> dict[str, object]:
    theme = request.cookies.get(THEME_COOKIE, "auto")
    return {
        "theme": theme if theme in THEMES else "auto",
        "own_name": request.cookies.get(NAME_COOKIE, ""),
        "keys_off": request.cookies.get(KEYS_COOKIE) == "off",
        "keymap": keyboard.map_keys(own, list_actions(), scopes_of(request.blueprint)) if (own := own_keys()) else {},
    }


def asset(path: str) -> str:
    """The address of a static file, with a mark of its content so that a new version is fetched."""
    known: dict[str, str] = g.setdefault("assets", {})
    if path not in known:
        file = Path(current_app.static_folder or "") / path
        known[path] = url_for("static", filename=path, v=_mark(file, file.stat().st_mtime_ns))
    return known[path]


@lru_cache(maxsize=256)
def _mark(path: Path, changed: int) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()[:8]


def dataset_nav(dataset: Dataset) -> list[NavItem]:
    """The pages of a dataset that exist."""
    counts = {"pairs.index": number(dataset.entry_count), "history.index": number(history.newest_number(dataset.id))}
    if made := snapshots.count_snapshots(dataset.id):
        counts["snapshots.index"] = number(made)
    if waiting := (dataset.counts or {}).get("review", 0):
        counts["review.index"] = number(waiting)
    if runs := training.count_runs(dataset.id):
        counts["training.index"] = number(runs)
    # Counting those of many pairs at each page would take too long.
    if dataset.entry_count <= splits.AT_ONCE and (sides := entries.split_counts(dataset.id)):
        counts["splits.index"] = " / ".join(number(sides.get(name, 0)) for name in SPLITS)
    if to_fix := validation.count_to_fix(dataset):
        counts["overview.index"] = f"{to_fix:,} to fix"
    return [
        NavItem(
            label,
            url_for(endpoint, dataset_id=dataset.id),
            icon,
            key,
            counts.get(endpoint, ""),
            _is_here(endpoint),
            "error" if endpoint == "overview.index" else "",
        )
        for endpoint, label, icon, key in _DATASET_PAGES
        if endpoint in current_app.view_functions
    ]


def workspace_nav(dataset: Dataset | None) -> list[NavItem]:
    """The pages of the workspace that exist."""
    say_active = current_app.jinja_env.globals.get("jobs_active")
    counts = {"jobs.index": str(say_active()) if callable(say_active) else ""}
    return [
        NavItem(label, url_for(endpoint), icon, key, counts.get(endpoint, ""), _is_here(endpoint))
        for endpoint, label, icon, key in _WORKSPACE_PAGES
        if endpoint in current_app.view_functions
    ]


def list_actions() -> tuple[keyboard.Action, ...]:
    """Everything that has a key, with the pages of the navigation."""
    return keyboard.with_pages((key, label) for _, label, _, key in (*_DATASET_PAGES, *_WORKSPACE_PAGES) if key)


def own_keys() -> dict[str, str]:
    """The keys that the person at this browser gave actions, by their names."""
    kept = request.cookies.get(KEYMAP_COOKIE, "")
    return keyboard.read_own_keys(kept, list_actions()) if kept else {}


def url_for_if(endpoint: str, **values: Any) -> str | None:
    """The address of a page, if this program has it."""
    return url_for(endpoint, **values) if endpoint in current_app.view_functions else None


def _is_here(endpoint: str) -> bool:
    if endpoint.startswith("datasets."):
        return request.endpoint == endpoint
    section = str(request.endpoint or "").split(".")[0]
    return _TABS.get(section, section) == endpoint.split(".")[0]


def undo_state(dataset_id: int) -> tuple[ChangeSet | None, ChangeSet | None]:
    """The steps that Undo and Redo would take now."""
    return history.next_undo(dataset_id), history.next_redo(dataset_id)


_BLANKS = re.compile("  +|^ | $|[\t\n\r\u00a0\u00ad\u180e\u2000-\u200f\u2028-\u202f\u205f-\u206f\u3000\ufeff]", re.M)
_BLANK = re.compile(r"\s+")
_MARKS = {" ": "·", "\t": "→", "\n": "↵", "\r": "␍", "\u00a0": "⍽"}


def show_blanks(text: Markup | str) -> Markup:
    """The text with marks for what cannot be seen: blanks in a row or at an end, tabs, line ends, zero width."""

    def mark(found: "re.Match[str]") -> str:
        return "".join(
            f'<span class="ws">{_MARKS[one]}</span>' if one in _MARKS else f'<span class="ws">U+{ord(one):04X}</span>'
            for one in found[0]
        )

    return Markup(_BLANKS.sub(mark, str(escape(text))))


def squeezed(page: Markup) -> Markup:
    """A piece of a page without the indents of its template; not for texts whose blanks are shown."""
    return Markup(re.sub(r"\n\s+", "\n", page))


def clipped(text: str, most: int = 240) -> str:
    """The beginning of a text in one line, for lists."""
    return clip(text, most)


def find_in_page(text: str, query: Query, field: str = "") -> list[tuple[int, int]]:
    """The places that the query found in a text. A page that has spent its time on patterns marks no more of them."""
    left, began = g.get("seconds_of_marks", _SECONDS_OF_MARKS), perf_counter()
    try:
        return find_marks(text, query, field, min(left, SECONDS))
    finally:
        g.seconds_of_marks = left - (perf_counter() - began)


def excerpt(
    text: str, query: Query | None, field: str = "", most: int = 240, *, seen: int = 0, asis: bool = False
) -> str:
    """A piece of a text for lists: its beginning, or where the query first found something in it.

    It has at most ``most`` characters, in one line unless it is wanted ``asis``. Of these the reader is sure to see the
    first ``seen``, of which a wide one counts as two; 0 stands for all.
    """
    spans = find_in_page(text[:MOST_MARKED], query, field) if query else []
    seen, start = seen or most, 0
    until = text[: min(spans[0][1], seen + 1)] if spans else ""
    if sum(2 if east_asian_width(one) in "WF" else 1 for one in until) > seen:
        start = max(spans[0][0] - seen // 4, 0)
        # A word is not begun in its middle, where one ends before what was found.
        if start and (blank := _BLANK.search(text, start, spans[0][0])):
            start = blank.end()
    piece = text[start : start + most] if asis else clip(text[start : start + 1000], most)
    return ("…" if start else "") + piece


def marked(text: str, query: Query | None, field: str = "") -> Markup | str:
    """The text with each place marked that the query found in it as a text of the field."""
    parts, at = [Markup("")], 0
    for first, last in find_in_page(text, query, field) if query else []:
        parts += [escape(text[at:first]), Markup("<mark>{}</mark>").format(text[first:last])]
        at = last
    return Markup("").join([*parts, escape(text[at:])])


def number(value: int | None) -> str:
    """12480 → 12,480; nothing for None."""
    return "" if value is None else f"{value:,}"


def short_number(value: int) -> str:
    """1,940,000 → 1.94 M; a number below a million in full."""
    return number(value) if value < 1_000_000 else f"{value / 1_000_000:,.2f} M"


def initials(name: str) -> str:
    """Two letters for a dataset's mark."""
    words = [word for word in name.split() if word[:1].isalnum()]
    return ("".join(word[0] for word in words[:2]) or name[:2] or "?").upper()


def file_size(size: int) -> str:
    """Bytes in words: 734 B, 12 KB, 3.4 MB."""
    value, unit = float(size), "B"
    for unit in ("B", "KB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:.0f} {unit}" if value >= 10 or unit == "B" else f"{value:.1f} {unit}"


def ago(moment: datetime | None) -> str:
    """A time as people say it: 4 min ago, 2 h ago, Yesterday, 18 Nov, 18 Nov 2025."""
    if moment is None:
        return ""
    seconds = (now() - moment).total_seconds()
    if seconds < 60:
        return "Just now"
    if seconds < 3600:
        return f"{int(seconds // 60)} min ago"
    local, today = moment.astimezone(), now().astimezone()
    days = (today.date() - local.date()).days
    if days == 0:
        return f"{int(seconds // 3600)} h ago"
    if days == 1:
        return "Yesterday"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year}"


def clock(moment: datetime) -> str:
    """When something was, to the minute: 14:06 for today, 18 Nov, 14:06, or 18 Nov 2025, 14:06."""
    local, today = moment.astimezone(), now().astimezone()
    if local.date() == today.date():
        return f"{local:%H:%M}"
    year = "" if local.year == today.year else f" {local.year}"
    return f"{local.day} {local:%b}{year}, {local:%H:%M}"


def as_words(value: str | None, name: str) -> str:
    """A stored value as people say it: the name of a status, tags between commas, any other text as it is."""
    if name == "status" and value in STATUS_NAMES:
        return STATUS_NAMES[value]
    if name == "tags" and value:
        return ", ".join(json.loads(value))
    if name in ("turns", "trace"):
        try:
            return "\n\n".join(_message_words(message) for message in load_messages(value))
        except (msgspec.MsgspecError, TypeError):
            # A list of steps shows a part of what is long.
            return value or ""
    return value or ""


def _message_words(message: Message) -> str:
    weight = " (not trained)" if message.role == "assistant" and message.weight == 0 else ""
    calls = [call.get("function", call) if isinstance(call, dict) else call for call in message.tool_calls or ()]
    called = [
        f"calls {call.get('name')} {call.get('arguments', '')}" if isinstance(call, dict) else f"calls {call}"
        for call in calls
    ]
    return "\n".join([f"{ROLES.get(message.role, message.role)}{weight}: {message.text or ''}".rstrip(), *called])


def sent_text(name: str) -> str:
    """What a form sent as this field, to be shown again; nothing where the form was too large to be read."""
    try:
        return request.form.get(name, "")
    except RequestEntityTooLarge:
        return ""


def tell(text: str, **more: Any) -> None:
    """Show a toast on the next page: what happened, and where Undo goes (``undo``, ``number``, ``label``)."""
    flash({"text": text, **more} if more else text)  # type: ignore[arg-type]


def tell_step(
    dataset_id: int, result: Applied, nothing: str = "Nothing changed.", *, then: str = "", **more: Any
) -> None:
    """Show what a write did, with Undo, and what is to be known of it ``then``.

    ``saved`` names the pair whose draft in the browser is done with.
    """
    if result.step is None:
        tell(f"{nothing} {_skipped(result)}".strip(), **more)
        return
    undo = url_for("history.undo", dataset_id=dataset_id)
    tell(
        " ".join(filter(None, (f"{result.step.summary}.", _skipped(result), then))),
        undo=undo,
        number=result.step.number,
        **more,
    )


def _skipped(result: Applied) -> str:
    if not result.skipped_count:
        return ""
    return f"{plural(result.skipped_count, 'pair')} left alone: {result.skipped[0].reason}"


def back_or(address: str) -> str:
    """The page that a form says it came from, else ``address``."""
    return own_path(request.form.get("back", "")) or address
