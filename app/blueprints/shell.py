"""What stands around all pages: style, scripts, the switch between datasets, and the way from one file to another."""

import hashlib
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from flask import Blueprint, Flask, current_app, make_response, request, url_for
from flask.typing import ResponseReturnValue
from werkzeug.wrappers import Response

from app.blueprints import scripts
from app.models import Dataset
from app.services import datasets, stages

bp = Blueprint("shell", __name__)
PATH_COOKIE = "ltt_path"
# What styles all pages, in the order in which it is read: one answer, since each has headers and a way of its own.
STYLES = (
    "vendor/oat/oat.min.css",
    *(f"css/{name}.css" for name in ("tokens", "base", "shell", "controls", "data", "panels", "pages")),
    *(f"css/{name}.css" for name in ("product", "home", "lists", "small-screens")),
)
_FOR_EVER = 365 * 24 * 3600
# So many datasets are offered before a name is typed, and found for one.
OFFERED = 8
FOUND = 20
_STAGES = {
    "import": ("Bring in", "imports.index", "box-arrow-in-down"),
    "fix": ("Fix", "overview.index", "clipboard-check"),
    "review": ("Review", "review.index", "check2-square"),
    "split": ("Split", "splits.index", "pie-chart"),
    "export": ("Export", "export.index", "box-arrow-up"),
}


@dataclass(frozen=True, slots=True)
class Offer:
    """A dataset to switch to, and the address of the same page there."""

    dataset: Dataset
    href: str


@dataclass(frozen=True, slots=True)
class PathStep:
    """One step of the way from a file to a file, as pages show it. The first that is not done is the next."""

    label: str
    href: str
    icon: str
    is_done: bool
    is_next: bool
    said: str
    next_act: str


def init_app(app: Flask) -> None:
    """Give them to all templates."""
    app.after_request(_send_static_files)
    app.jinja_env.globals.update(
        recent_datasets=offer_recent, guided_path=view_path, is_path_shown=is_path_shown, offered_datasets=OFFERED
    )
    app.jinja_env.globals.update(style_address=style_address, script_address=script_address)


def _send_static_files(response: Response) -> Response:
    """Let browsers keep a static file whose address tells its content. Its name is in the address already."""
    if request.endpoint == "static":
        response.headers.pop("Content-Disposition", None)
    if (
        request.endpoint in ("static", "shell.style", "shell.script")
        and "v" in request.args
        and response.status_code == 200
    ):
        response.cache_control.no_cache = None
        response.cache_control.max_age = _FOR_EVER
        response.cache_control.immutable = True
    return response


# Under static: it may be kept by caches as all that lies there, and finds the fonts where the single files do.
@bp.get("/static/css/all.css")
def style() -> ResponseReturnValue:
    """The style of all pages."""
    answer = make_response(_read_style(*_style_files())[0])
    answer.mimetype = "text/css"
    return answer


@bp.get("/static/js/all.js")
def script() -> ResponseReturnValue:
    """The scripts of all pages."""
    answer = make_response(_read_script(*_script_files())[0])
    answer.mimetype = "text/javascript"
    return answer


def script_address() -> str:
    """The address of the scripts of all pages, with a mark of their content."""
    return url_for("shell.script", v=_read_script(*_script_files())[1])


def _script_files() -> tuple[Path, tuple[int, ...]]:
    folder = Path(current_app.static_folder or "") / "js"
    return folder, tuple(file.stat().st_mtime_ns for file in sorted(folder.glob("*.js")))


@lru_cache(maxsize=2)
def _read_script(folder: Path, changed: tuple[int, ...]) -> tuple[bytes, str]:
    """The scripts and their mark."""
    whole = scripts.join(folder, "app").encode()
    return whole, hashlib.sha256(whole).hexdigest()[:8]


def style_address() -> str:
    """The address of the style of all pages, with a mark of its content."""
    return url_for("shell.style", v=_read_style(*_style_files())[1])


def _style_files() -> tuple[Path, tuple[int, ...]]:
    folder = Path(current_app.static_folder or "")
    return folder, tuple((folder / name).stat().st_mtime_ns for name in STYLES)


@lru_cache(maxsize=2)
def _read_style(folder: Path, changed: tuple[int, ...]) -> tuple[bytes, str]:
    """The style and its mark."""
    files = [(folder / name).read_bytes() for name in STYLES]
    # Comments and indents are for those who read the single files.
    whole = b"\n".join(
        [files[0], *(re.sub(rb"/\*.*?\*/|(?<=\n)\s+", b"", file, flags=re.DOTALL) for file in files[1:])]
    )
    return whole, hashlib.sha256(whole).hexdigest()[:8]


def offer_recent() -> tuple[list[Offer], int]:
    """The datasets that were changed last, with this page in each of them, and how many datasets there are."""
    recent, total = datasets.list_recent(OFFERED)
    return [Offer(one, same_page_in(one, request.endpoint or "")) for one in recent], total


def offer_named(name: str, endpoint: str) -> list[Offer]:
    """The datasets whose name holds what was typed, with the page ``endpoint`` in each of them."""
    found = datasets.find_named(name, datasets.list_datasets())
    return [Offer(one, same_page_in(one, endpoint)) for one in found[:FOUND]]


def same_page_in(dataset: Dataset, endpoint: str) -> str:
    """The address of a page in another dataset; of the one that it belongs to where it shows something of its own."""
    section = f"{endpoint.split('.')[0]}.index"
    for page in (endpoint, section) if endpoint == "datasets.settings" else (section,):
        if page in current_app.view_functions and any(
            rule.arguments == {"dataset_id"} for rule in current_app.url_map.iter_rules(page)
        ):
            return url_for(page, dataset_id=dataset.id)
    return url_for("pairs.index", dataset_id=dataset.id)


def is_path_shown() -> bool:
    """Whether this browser shows the way from one file to another."""
    return request.cookies.get(PATH_COOKIE) != "off"


def view_path(dataset: Dataset) -> list[PathStep]:
    """The steps of the way, and how far the dataset is."""
    found = stages.view_stages(dataset)
    ahead = next((stage.name for stage in found if not stage.is_done), "")
    return [
        PathStep(
            label,
            url_for(endpoint, dataset_id=dataset.id),
            icon,
            stage.is_done,
            stage.name == ahead,
            stage.said,
            stage.next_act,
        )
        for stage in found
        for label, endpoint, icon in [_STAGES[stage.name]]
    ]
