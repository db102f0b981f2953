"""What a request's body may be: small, unless its view takes uploads and this is one."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from app.core.errors import TooLarge, WrongKind

MB = 1024 * 1024
UPLOAD, FORM = "LTT_MAX_UPLOAD_MB", "LTT_MAX_FORM_MB"
URLENCODED = "application/x-www-form-urlencoded"
# A field takes a hundred times the memory of its two bytes. No page has so many.
MAX_FIELDS = 10_000
_MARK = "ltt_takes_uploads"
View = TypeVar("View", bound=Callable[..., Any])


def takes_uploads(view: View) -> View:
    """Mark a view whose body may be a file. Stands directly above the function."""
    setattr(view, _MARK, True)
    return view


def takes_upload(app: Flask, endpoint: str | None) -> bool:
    """Whether an endpoint's body may be a file."""
    return bool(getattr(app.view_functions.get(endpoint or ""), _MARK, False))


def of_endpoint(app: Flask, endpoint: str | None) -> tuple[str, int]:
    """The name of the setting that limits an endpoint's body, and the limit in MB."""
    name = UPLOAD if takes_upload(app, endpoint) else FORM
    return name, int(app.config[name])


def check_body(app: Flask, endpoint: str | None, path: str, kind: str, coding: str, length: int) -> tuple[str, int]:
    """The setting that limits a body and the limit in MB, by what its headers announce: type, encoding and length.

    Only a file passes the limit of forms: multipart, or on the API the raw body, whatever it calls itself. Raises
    WrongKind, TooLarge.
    """
    coding = coding.strip().lower()
    if coding not in ("", "identity"):
        raise WrongKind(
            f"A body in the encoding {coding[:40]} is not taken. Send it as it is; a file may be packed as a .gz file.",
            code="wrong_encoding",
        )
    setting, limit = of_endpoint(app, endpoint)
    is_form = kind.partition(";")[0].strip().lower() == "multipart/form-data"
    if setting == UPLOAD and not is_form and not path.startswith("/api/"):
        setting, limit = FORM, int(app.config[FORM])
    if length > limit * MB:
        raise too_large(setting, limit)
    return setting, limit


def endpoint_of(app: Flask, method: str, path: str) -> str | None:
    """The endpoint of a method and path, before there is a request."""
    try:
        endpoint, _ = app.url_map.bind("localhost").match(path, method=method)
    except HTTPException:
        return None
    return str(endpoint)


def enforce_limit(app: Flask, request: Request) -> None:
    """Refuse a body by what is announced of it; one without a length is stopped while it is read."""
    coding = request.headers.get("Content-Encoding", "")
    kind, length = request.content_type or "", request.content_length or 0
    setting, limit = check_body(app, request.endpoint, request.path, kind, coding, length)
    request.max_content_length = limit * MB
    request.max_form_memory_size = int(app.config[FORM]) * MB
    request.max_form_parts = MAX_FIELDS
    is_form = setting == FORM and request.mimetype == URLENCODED
    if is_form and request.get_data().count(b"&") >= MAX_FIELDS:
        raise TooLarge(f"That is a form of more than {MAX_FIELDS:,} fields. No page sends so many.")


def too_large(setting: str, limit: int) -> TooLarge:
    """The refusal of a body over its limit."""
    return TooLarge(
        f"That is more than {limit:,} MB, the most that is taken here. Raise {setting} to allow more.",
        limit_mb=limit,
        setting=setting,
    )
