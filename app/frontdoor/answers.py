"""Refusals given before the application runs: the same shape as its own errors, without templates or database."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Any

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title><link rel="stylesheet" href="/static/css/all.css"></head>
<body><main class="empty"><h1>{title}</h1><p>{message}</p>{advice}<p><a href="/">All datasets</a></p>
<p class="muted">{code} · request {request_id}</p></main></body></html>
"""
# What the page is called, and what one can do; of any other status the page has its standard phrase.
_SAID = {
    400: ("Not understood", ""),
    403: ("Not allowed", ""),
    413: ("Too large", "Nothing of it was read or changed. Go back: the browser still has what you typed."),
    429: ("Too many at once", "Wait a moment, then do it again."),
    503: ("Busy for a moment", "Try it again in a few seconds."),
}


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a request is turned away."""

    status: int
    code: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()
    details: Mapping[str, object] | None = None


def error_json(code: str, message: str, request_id: str, details: object = None) -> str:
    """The one JSON shape of all errors."""
    return json.dumps(
        {"error": {"code": code, "message": message, "request_id": request_id, "details": details or {}}}, default=str
    )


def wants_json(environ: Mapping[str, Any]) -> bool:
    """Whether a program asks: by the path, or by what it accepts."""
    path, accept = environ.get("PATH_INFO", ""), environ.get("HTTP_ACCEPT", "")
    return path.startswith(("/api/", "/healthz", "/readyz")) or ("json" in accept and "html" not in accept)


def reason_phrase(status: int) -> str:
    """The standard phrase of a status."""
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "Error"


def refusal_body(refusal: Refusal, request_id: str, *, as_json: bool) -> tuple[str, bytes]:
    """Content type and body of a refusal."""
    if as_json:
        return "application/json", error_json(refusal.code, refusal.message, request_id, refusal.details).encode()
    title, advice = _SAID.get(refusal.status, (reason_phrase(refusal.status), ""))
    page = _PAGE.format(
        title=escape(title),
        message=escape(refusal.message),
        advice=f"<p>{escape(advice)}</p>" if advice else "",
        code=escape(refusal.code),
        request_id=escape(request_id),
    )
    return "text/html; charset=utf-8", page.encode()
