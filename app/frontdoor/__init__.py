"""The front door: what is checked before any other code, and the headers on every answer.

Order: host, peer, origin, token (``middleware``), body limit, CSRF token, epoch. Reads are open on this machine; writes
need a same-origin page with its CSRF token, or the API token.
"""

import threading

from flask import Flask, g, request
from flask_wtf.csrf import CSRFError

from app import config
from app.frontdoor import compression, limits
from app.frontdoor.limits import takes_uploads
from app.frontdoor.middleware import BEARER, SOURCE, FrontDoor
from app.frontdoor.origins import SAFE_METHODS, Origin
from app.frontdoor.tokens import PageTokens, require_epoch_of_page

__all__ = ["FrontDoor", "init_app", "takes_uploads"]


def init_app(app: Flask) -> None:
    """Put the front door before the application."""
    tokens = PageTokens(app)
    names = str(app.config["LTT_ALLOWED_HOSTS"]).lower().split(",")
    stopping = app.extensions["ltt.stopping"] = threading.Event()
    app.wsgi_app = app.extensions["ltt.frontdoor"] = FrontDoor(  # type: ignore[method-assign]
        app.wsgi_app, config.data_dir(app.config), frozenset(name.strip() for name in names if name.strip()), stopping
    )

    compression.init_app(app)

    @app.before_request
    def check_request() -> None:
        limits.enforce_limit(app, request)
        if request.method in SAFE_METHODS:
            return
        # Scripts show the API token; pages their CSRF token. The API believes a browser that says "same origin".
        is_api = request.path.startswith("/api/")
        if request.environ.get(BEARER):
            g.csrf_valid = True
        elif app.config["WTF_CSRF_ENABLED"] and not (is_api and request.environ.get(SOURCE) is Origin.OWN):
            if is_api and limits.takes_upload(app, request.endpoint) and request.mimetype == limits.URLENCODED:
                # No token is looked for in what may be a large file.
                raise CSRFError
            tokens.protect()
        if not (is_api or request.environ.get(BEARER)):
            require_epoch_of_page()
