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
# Files that pages are made of need nothing from anywhere, whoever opens one by itself.
STATIC_POLICY = "default-src 'none'; frame-ancestors 'none'"
_ALWAYS = (
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),
    ("Cross-Origin-Opener-Policy", "same-origin"),
    ("Cross-Origin-Resource-Policy", "same-origin"),
)


def protect_headers(headers: Iterable[tuple[str, str]], path: str, request_id: str) -> Headers:
    """The response's headers with ours, which win. Only static files may be kept by a cache."""
    headers, is_static = list(headers), path.startswith("/static/")
    is_page = any(name.lower() == "content-type" and value.startswith("text/html") for name, value in headers)
    policy = STATIC_POLICY if is_static and not is_page else CONTENT_SECURITY_POLICY
    ours = [("Content-Security-Policy", policy), *_ALWAYS, ("X-Request-Id", request_id)]
    if not is_static:
        ours.append(("Cache-Control", "no-store"))
    names = {name.lower() for name, _ in ours}
    return [(name, value) for name, value in headers if name.lower() not in names] + ours
