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
    routes = []
    for rule in app.url_map.iter_rules():
        for method in (rule.methods or set()) - {"HEAD", "OPTIONS"}:
            auth, limit = "none", 0
            if method not in SAFE_METHODS:
                auth = "origin or token" if rule.rule.startswith("/api/") else "csrf or token"
                limit = limits.of_endpoint(app, rule.endpoint)[1]
            routes.append(Route(method, rule.rule, rule.endpoint, auth, limit))
    return sorted(routes, key=lambda route: (route.path, route.method))
