"""The token that every form of our pages carries: that the page is ours, and which epoch of the workspace it shows."""

from flask import Flask, request
from flask_wtf.csrf import CSRFProtect, generate_csrf

from app.core.text import is_number
from app.models import base_on_epoch, met_epoch, require_epoch

_FIELD = "csrf_token"
_MARK = "@"


class PageTokens(CSRFProtect):  # type: ignore[misc]
    """Protection against forms of other sites, by tokens that also say the epoch."""

    def init_app(self, app: Flask) -> None:
        """Give the tokens to all templates."""
        super().init_app(app)
        app.context_processor(lambda: {_FIELD: page_token})

    def _get_csrf_token(self) -> str | None:
        token: str | None = super()._get_csrf_token()
        return token.partition(_MARK)[0] if token else None


def page_token() -> str:
    """The token of the page that is being made."""
    return f"{generate_csrf()}{_MARK}{met_epoch()}"


def require_epoch_of_page() -> None:
    """Bind what the request writes to the epoch of the page that it came from. Raises Restored where that is over."""
    epoch = request.form.get(_FIELD, "").partition(_MARK)[2]
    if is_number(epoch):
        base_on_epoch(int(epoch))
        require_epoch()
