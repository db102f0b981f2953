"""The list of all routes, with what each asks of a request."""

from dataclasses import asdict, dataclass

from flask import Flask

from app.frontdoor import limits
from app.frontdoor.origins import SAFE_METHODS


@dataclass(frozen=True, slots=True)
class Route:
    """One method of one path."""

    method: str
    path: str
    endpoint: str
    auth: str
    body_limit_mb: int

    def as_dict(self) -> dict[str, object]:
        """The route as a JSON object."""
        return asdict(self)


def list_routes(app: Flask) -> list[Route]:
    """Every route by path and method. HEAD and OPTIONS go with GET."""
    routes = [
        Route(method, rule.rule, rule.endpoint, _auth(method, rule.rule), _limit(app, method, rule.endpoint))
        for rule in app.url_map.iter_rules()
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}
    ]
    return sorted(routes, key=lambda route: (route.path, route.method))


def _auth(method: str, path: str) -> str:
    if method in SAFE_METHODS:
        return "none"
    return "origin or token" if path.startswith("/api/") else "csrf or token"


def _limit(app: Flask, method: str, endpoint: str) -> int:
    return 0 if method in SAFE_METHODS else limits.of_endpoint(app, endpoint)[1]
