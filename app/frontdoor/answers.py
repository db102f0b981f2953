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
<body><main class="empty"><h1>{title}</h1><p>{message}</p><p><a href="/">All datasets</a></p>
<p class="muted">{code} · request {request_id}</p></main></body></html>
"""


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
    page = _PAGE.format(
        title=escape(reason_phrase(refusal.status)),
        message=escape(refusal.message),
        code=escape(refusal.code),
        request_id=escape(request_id),
    )
    return "text/html; charset=utf-8", page.encode()
