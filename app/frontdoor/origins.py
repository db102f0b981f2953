"""Where a writing request comes from. Ports of one machine share a site, so only the same origin is trusted."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Source(Enum):
    """What the headers of a request say about who sent it."""

    OWN = "our own page, or no write at all"
    FOREIGN = "another site"
    UNKNOWN = "a program, or a browser that does not say"


def source(environ: Mapping[str, Any]) -> Source:
    """Judge a request by Sec-Fetch-Site, else by Origin."""
    if environ["REQUEST_METHOD"] in SAFE_METHODS:
        return Source.OWN
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return Source.OWN if site in ("same-origin", "none") else Source.FOREIGN
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return Source.UNKNOWN
    own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
    return Source.OWN if origin.lower() == own.lower() else Source.FOREIGN
