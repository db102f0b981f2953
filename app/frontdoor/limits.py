"""How large a request's body may be: small, unless its view takes uploads."""

from collections.abc import Callable
from typing import Any, TypeVar

from flask import Flask, Request
from werkzeug.exceptions import HTTPException

from app.core.errors import TooLarge

MB = 1024 * 1024
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
    name = "LTT_MAX_UPLOAD_MB" if takes_upload(app, endpoint) else "LTT_MAX_FORM_MB"
    return name, int(app.config[name])


def of_target(app: Flask, method: str, path: str) -> int:
    """The limit in bytes for a method and path, before there is a request."""
    adapter = app.url_map.bind("localhost")
    try:
        endpoint, _ = adapter.match(path, method=method)
    except HTTPException:
        endpoint = None
    return of_endpoint(app, endpoint)[1] * MB


def enforce_limit(app: Flask, request: Request) -> None:
    """Refuse a body by its announced length; a body without one is stopped while it is read."""
    setting, limit = of_endpoint(app, request.endpoint)
    request.max_content_length = limit * MB
    request.max_form_memory_size = int(app.config["LTT_MAX_FORM_MB"]) * MB
    if (request.content_length or 0) > limit * MB:
        raise too_large(setting, limit)


def too_large(setting: str, limit: int) -> TooLarge:
    """The refusal of a body over its limit."""
    return TooLarge(
        f"That is more than {limit:,} MB, the most that is taken here. Raise {setting} to allow more.",
        limit_mb=limit,
        setting=setting,
    )
