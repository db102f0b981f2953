"""The form of a connection to a server of models."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, PasswordField, StringField

from app.core.connections import Values
from app.core.errors import Invalid
from app.core.text import is_number
from app.core.validation.costs import read_price


class ConnectionForm(FlaskForm):
    """A connection as it is typed. The key is never put into the page again."""

    name = StringField("Name")
    address = StringField("Address")
    model = StringField("Model")
    key_source = StringField("Where the key comes from", default="none")
    variable = StringField("Environment variable")
    api_key = PasswordField("Key")
    allow_http = BooleanField("Allow plain http")
    allow_private = BooleanField("Allow private networks")
    per_minute = StringField("Requests")
    parallel = StringField("At once", default="1")
    price_in = StringField("Price in")
    price_out = StringField("Price out")
    currency = StringField("Currency", default="USD")
    cap = StringField("Stop a job at")
    version = HiddenField()

    @classmethod
    def of(cls, values: Values, version: int) -> "ConnectionForm":
        """The form of what is kept."""
        texts = {
            name: getattr(values, name) for name in ("name", "address", "model", "key_source", "variable", "currency")
        }
        numbers = {name: write_number(getattr(values, name)) for name in ("price_in", "price_out", "cap")}
        limits = {"per_minute": str(values.per_minute or ""), "parallel": str(values.parallel)}
        ticks = {"allow_http": values.allow_http, "allow_private": values.allow_private}
        return cls(formdata=None, data={**texts, **numbers, **limits, **ticks, "version": str(version)})

    def values(self) -> Values:
        """What was typed. Raises Invalid and BadUsage for what is no number."""
        return Values(
            self.name.data or "",
            self.address.data or "",
            self.model.data or "",
            self.key_source.data or "none",
            self.variable.data or "",
            bool(self.allow_http.data),
            bool(self.allow_private.data),
            read_price(self.price_in.data or ""),
            read_price(self.price_out.data or ""),
            self.currency.data or "USD",
            _read_whole(self.per_minute.data, "Requests a minute"),
            _read_whole(self.parallel.data, "Calls at once") or 1,
            read_price(self.cap.data or ""),
        )


def write_number(amount: float | None) -> str:
    """An amount as a field shows it."""
    return "" if amount is None else f"{amount:.6f}".rstrip("0").rstrip(".")


def _read_whole(text: str | None, label: str) -> int | None:
    text = (text or "").strip()
    if text and not is_number(text):
        raise Invalid(f"{label} are a whole number.", code="bad_limit")
    return int(text) if text else None
