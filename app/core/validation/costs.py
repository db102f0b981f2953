"""What training costs: tokens of one epoch, times epochs, times the price of a million."""

import re
from dataclasses import asdict, dataclass
from typing import Any

from app.core.errors import BadUsage
from app.core.text import plural
from app.core.validation.profiles import Epochs

MILLION = 1_000_000
MAX_PRICE = 1_000_000
# A comma stands before one digit or two: 1,000 might mean a thousand.
_PRICE = re.compile(r"[0-9]{1,7}(?:\.[0-9]{1,6}|,[0-9]{1,2})?|\.[0-9]{1,6}")


@dataclass(frozen=True, slots=True)
class Cost:
    """What a run would cost, with how that is reckoned. None stands for what nobody has said.

    ``tokens`` are read in one epoch, ``why`` says where ``epochs`` comes from, ``formula`` shows the sum.
    """

    tokens: int
    exact: bool
    epochs: int | None
    why: str
    price: float | None
    currency: str
    amount: float | None
    formula: str

    def as_dict(self) -> dict[str, Any]:
        """The values as programs read them."""
        return asdict(self)


def count_epochs(records: int, rule: Epochs) -> tuple[int, str]:
    """How many epochs a target runs by itself over so many records, and how that comes about."""
    usual, said = rule.usual, f"{rule.usual} × {records:,}"
    if rule.examples_min is not None and records and usual * records < rule.examples_min:
        number = min(rule.most or rule.examples_min, rule.examples_min // records)
        at_most = f"min({rule.most}, {rule.examples_min:,} ÷ {records:,})" if rule.most else ""
        return number, f"{said} is less than {rule.examples_min:,}: {at_most or number} = {number}"
    if rule.examples_max is not None and usual * records > rule.examples_max:
        number = max(1, rule.examples_max // records)
        return (
            number,
            f"{said} is more than {rule.examples_max:,}: max(1, {rule.examples_max:,} ÷ {records:,}) = {number}",
        )
    if rule.examples_min is None or rule.examples_max is None:
        return usual, f"{usual} whatever the number of records"
    return usual, f"{usual}: {said} is from {rule.examples_min:,} to {rule.examples_max:,}"


def reckon_cost(
    tokens: int,
    records: int,
    *,
    rule: Epochs | None = None,
    epochs: int | None = None,
    price: float | None = None,
    currency: str = "USD",
    exact: bool = True,
) -> Cost:
    """What a run over so many tokens costs, with chosen ``epochs`` or those of the target's own rule."""
    why = "as chosen" if epochs else ""
    if not epochs and rule is not None:
        epochs, why = count_epochs(records, rule)
    amount = tokens * epochs * price / MILLION if epochs and price is not None else None
    said = "price" if price is None else f"{say_price(price)} {currency}"
    shown = f"{plural(tokens, 'token')} × {epochs or 'epochs'} × {said}"
    formula = f"{shown} ÷ 1,000,000" + ("" if amount is None else f" = {amount:,.2f} {currency}")
    return Cost(tokens, exact, epochs or None, why, price, currency, amount, formula)


def say_price(price: float) -> str:
    """A price with all its digits, so that it can be read again."""
    return f"{price:.6f}".rstrip("0").rstrip(".")


def read_price(text: str) -> float | None:
    """The price that was written, with a point or a comma before the cents; None for nothing. Raises BadUsage."""
    text = text.strip()
    if not text:
        return None
    if not _PRICE.fullmatch(text):
        raise BadUsage("A price is a number such as 3 or 0.48, for a million tokens.", code="bad_price")
    amount = float(text.replace(",", "."))
    if amount > MAX_PRICE:
        raise BadUsage(f"A price of more than {MAX_PRICE:,} for a million tokens is not taken.", code="bad_price")
    return amount
