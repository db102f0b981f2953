"""Where a writing request comes from. Ports of one machine share a site, so only the same origin is trusted."""

from collections.abc import Mapping
from enum import Enum
from typing import Any

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})


class Origin(Enum):
    """What the headers of a request say about who sent it."""

    OWN = "our own page, or no write at all"
    FOREIGN = "another site"
    UNKNOWN = "a program, or a browser that does not say"


def origin_of(environ: Mapping[str, Any]) -> Origin:
    """Judge a request by Sec-Fetch-Site, else by Origin."""
    if environ["REQUEST_METHOD"] in SAFE_METHODS:
        return Origin.OWN
    site = environ.get("HTTP_SEC_FETCH_SITE")
    if site is not None:
        return Origin.OWN if site in ("same-origin", "none") else Origin.FOREIGN
    origin = environ.get("HTTP_ORIGIN")
    if origin is None:
        return Origin.UNKNOWN
    own = f"{environ['wsgi.url_scheme']}://{environ.get('HTTP_HOST', '')}"
    return Origin.OWN if origin.lower() == own.lower() else Origin.FOREIGN
