"""The headers that every response carries."""

from collections.abc import Iterable

Headers = list[tuple[str, str]]

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'none'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self' data:",
        "font-src 'self'",
        "connect-src 'self'",
        "form-action 'self'",
        "base-uri 'none'",
        "frame-ancestors 'none'",
    )
)
_ALWAYS = (
    ("Content-Security-Policy", CONTENT_SECURITY_POLICY),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def protect_headers(headers: Iterable[tuple[str, str]], path: str, request_id: str) -> Headers:
    """The response's headers with ours, which win. Only static files may be kept by a cache."""
    ours = [*_ALWAYS, ("X-Request-Id", request_id)]
    if not path.startswith("/static/"):
        ours.append(("Cache-Control", "no-store"))
    names = {name.lower() for name, _ in ours}
    return [(name, value) for name, value in headers if name.lower() not in names] + ours
