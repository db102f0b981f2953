"""The first code that sees a request, static files and errors included."""

import secrets
import threading
from collections.abc import Callable, Iterable, Iterator
from hmac import compare_digest
from pathlib import Path
from typing import Any

from werkzeug.wsgi import ClosingIterator

from app import keys
from app.frontdoor import answers, hosts, origins
from app.frontdoor.answers import Refusal
from app.frontdoor.headers import protect_headers

Environ = dict[str, Any]
Wsgi = Callable[[Environ, Callable[..., Any]], Iterable[bytes]]

BEARER = "ltt.bearer"
SOURCE = "ltt.source"
REQUEST_ID = "ltt.request_id"


class FrontDoor:
    """Host, peer, origin and token, in this order; then headers on whatever is answered."""

    def __init__(self, wsgi: Wsgi, folder: Path, extra_names: frozenset[str], stopping: threading.Event) -> None:
        self._wsgi = wsgi
        self._folder = folder
        self._extra_names = extra_names
        self._stopping = stopping

    def __call__(self, environ: Environ, start_response: Callable[..., Any]) -> Iterable[bytes]:
        request_id = environ[REQUEST_ID] = secrets.token_hex(8)

        def start(status: str, headers: list[tuple[str, str]], exc_info: Any = None) -> Any:
            return start_response(status, protect_headers(headers, environ.get("PATH_INFO", ""), request_id), exc_info)

        refusal = self.refusal_of(environ)
        if refusal is not None:
            return _answer_refusal(refusal, environ, start)
        chunks = self._wsgi(environ, start)
        return (
            ClosingIterator(self._cut_when_stopped(chunks), chunks.close)
            if isinstance(chunks, ClosingIterator)
            else chunks
        )

    def refusal_of(self, environ: Environ) -> Refusal | None:
        """Why a request is turned away by its headers; None for one that goes on."""
        if not hosts.is_own(environ.get("HTTP_HOST"), self._extra_names):
            return Refusal(421, "foreign_host", "This address is not served here. Use http://localhost with the port.")
        peer = environ.get("REMOTE_ADDR")
        if peer and not hosts.is_loopback(peer):
            return Refusal(403, "foreign_peer", "This program answers only on the machine that it runs on.")
        environ[SOURCE] = origins.origin_of(environ)
        if environ[SOURCE] is origins.Origin.FOREIGN:
            return Refusal(403, "foreign_origin", "Another site sent this request. Nothing was changed.")
        if self._stopping.is_set():
            return Refusal(503, "stopping", "The server is being stopped. Try again.", (("Retry-After", "5"),))
        return self._token_refusal(environ)

    def _token_refusal(self, environ: Environ) -> Refusal | None:
        scheme, _, token = environ.get("HTTP_AUTHORIZATION", "").partition(" ")
        if scheme.lower() != "bearer":
            return _NO_TOKEN if _needs_token(environ) else None
        if not compare_digest(token.strip().encode(), keys.api_token(self._folder).encode()):
            return Refusal(
                401, "bad_token", "The token is not valid here. Show the right one: ltt token.", (_CHALLENGE,)
            )
        environ[BEARER] = "HTTP_COOKIE" not in environ
        return None

    def _cut_when_stopped(self, chunks: Iterable[bytes]) -> Iterator[bytes]:
        """A stream that outlives the server is cut, so that nobody takes half a file for a whole one."""
        for sent, chunk in enumerate(chunks):
            if sent and self._stopping.is_set():
                raise ConnectionAbortedError("The server is being stopped.")
            yield chunk


_CHALLENGE = ("WWW-Authenticate", "Bearer")
_NO_TOKEN = Refusal(
    401,
    "no_token",
    "A write to the API needs the token, as in Authorization: Bearer TOKEN. ltt token prints it.",
    (_CHALLENGE,),
)


def _needs_token(environ: Environ) -> bool:
    """Whether a program writes to the API; what has a cookie is a browser, whose CSRF token is asked for later."""
    is_api = environ.get("PATH_INFO", "").startswith("/api/")
    return is_api and environ[SOURCE] is origins.Origin.UNKNOWN and "HTTP_COOKIE" not in environ


def _answer_refusal(refusal: Refusal, environ: Environ, start: Callable[..., Any]) -> Iterable[bytes]:
    kind, body = answers.refusal_body(refusal, environ[REQUEST_ID], as_json=answers.wants_json(environ))
    length = ("Content-Length", str(len(body)))
    start(
        f"{refusal.status} {answers.reason_phrase(refusal.status)}", [("Content-Type", kind), length, *refusal.headers]
    )
    return [] if environ["REQUEST_METHOD"] == "HEAD" else [body]
