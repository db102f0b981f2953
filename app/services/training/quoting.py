"""What a run at a service costs: reckoned from its tokens and a price that somebody entered, and confirmed as a sum."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec

from app.core.errors import Conflict
from app.core.targets import EXPORT_TARGETS
from app.core.text import plural
from app.core.training.folder import write_whole
from app.core.validation import Profile
from app.core.validation.costs import read_price, reckon_cost
from app.models import Price, db, transaction
from app.models.base import now
from app.providers.tuning.hosted import QUOTE, HostedPlace
from app.services import models
from app.services.training.choices import RunChoices
from app.services.training.data import Survey
from app.services.validation import known_profiles

# So many digits after the point has a sum below one; above it two.
SMALL_DIGITS = 4


@dataclass(frozen=True, slots=True)
class Quote:
    """What a run costs and where it goes, before anything is sent.

    ``amount`` is None where no price or no number of tokens is known: ``missing`` says what to do then. ``sum`` is what
    somebody confirms. ``calendar`` is what the service announced, each with ``date``, ``says`` and ``severity``.
    """

    service: str
    profile: str
    connection: str
    host: str
    sends: str
    model: str
    tokens: int | None
    exact: bool
    epochs: int
    price: float | None
    price_since: str
    currency: str
    amount: float | None
    formula: str
    sum: str
    missing: str
    notes: tuple[str, ...]
    calendar: tuple[dict[str, str], ...]
    confirmed: str = ""

    @property
    def is_confirmed(self) -> bool:
        """Whether the sum that was confirmed is the one that it comes to."""
        return self.amount is not None and " ".join(self.confirmed.upper().split()) == self.sum

    def as_dict(self) -> dict[str, Any]:
        """The quote as programs see it."""
        return {**asdict(self), "is_confirmed": self.is_confirmed}


def quote_run(choices: RunChoices, place: HostedPlace, survey: Survey, *, is_surveyed: bool) -> Quote:
    """What a run costs at a service by what was chosen. Raises BadUsage for a price that is none."""
    connection = models.get(place.name)
    profile = profile_of(place, choices.method)
    model = choices.find_base().name
    kept = db.session.get(Price, (profile.name, model))
    known = profile.model(model)
    price, since = read_price(choices.price), "now"
    currency = kept.currency if kept else connection.currency
    if price is None and kept is not None:
        price, since = kept.price, f"{kept.changed_at:%Y-%m-%d}"
    elif price is None and known is not None and known.price is not None:
        price, since, currency = known.price, f"{profile.date}", known.currency
    elif price is None:
        since = ""
    tokens = survey.tokens.get("billed") if is_surveyed else None
    exact = bool(survey.tokens.get("exact"))
    cost = reckon_cost(
        tokens or 0,
        survey.rows.get("train", 0),
        epochs=choices.settings.epochs,
        price=price,
        currency=currency,
        exact=exact,
    )
    amount = cost.amount if tokens is not None else None
    total, missing = say_sum(amount, currency) if amount is not None else "", ""
    if price is None:
        missing = (
            f"Enter what {place.service.title} asks for a million trained tokens of {model}, as its price page says."
            " Where it costs nothing, enter 0."
        )
    elif tokens is None:
        missing = "Its tokens were not counted, so the cost is not known. Enter the price to have them counted."
    return Quote(
        place.service.title,
        profile.name,
        connection.name,
        place.address,
        models.describe_sending(connection).sentence,
        model,
        tokens,
        exact,
        choices.settings.epochs,
        price,
        since,
        currency,
        amount,
        cost.formula.partition(" = ")[0] + (f" = {total}" if total else "") if tokens is not None else "",
        total,
        missing,
        tuple(_list_notes(place, profile, survey, exact=exact)),
        tuple(list_calendar(profile)),
        choices.confirmed,
    )


def profile_of(place: HostedPlace, method: str) -> Profile:
    """The rules, limits and dates of who reads the data."""
    target = EXPORT_TARGETS[place.targets.get(method) or next(iter(place.targets.values()))]
    return known_profiles()[target.profile]


def list_calendar(profile: Profile) -> list[dict[str, str]]:
    """What a service announced, with how grave each is today: error, warning or hint; empty for what is not said."""
    today = now().date()
    return [
        {
            "date": one.date.isoformat(),
            "says": one.says,
            "severity": (one.after if today > one.date else one.before) or "",
        }
        for one in profile.calendar
    ]


def _list_notes(place: HostedPlace, profile: Profile, survey: Survey, *, exact: bool) -> list[str]:
    notes = [place.service.uses]
    held = survey.rows.get("validation", 0)
    if held:
        notes.append(f"{plural(held, 'validation pair')} go there too. Some services bill them when they measure.")
    if not exact:
        notes.append("The tokens are counted as another family of models counts them, so the bill may differ.")
    if profile.reasoning.note:
        notes.append(profile.reasoning.note)
    if place.service.kind == "together":
        notes.append(
            "Its own estimate is asked before the job is made: more than a tenth above this sum, none is made."
        )
    return notes


def say_sum(amount: float, currency: str) -> str:
    """A sum as it is confirmed: ``12.40 USD``."""
    digits = 2 if amount >= 1 or amount == 0 else SMALL_DIGITS
    return f"{amount:.{digits}f} {currency}"


def require_confirmed(quote: Quote) -> None:
    """Raise Conflict where nobody confirmed what it costs, or where it costs something else by now."""
    if quote.amount is None:
        raise Conflict(quote.missing, code="no_price", quote=quote.as_dict())
    if not quote.confirmed.strip():
        said = f"This costs {quote.sum}: {quote.formula}. Confirm the sum to start it."
        raise Conflict(said, code="not_confirmed", sum=quote.sum)
    if not quote.is_confirmed:
        before = quote.confirmed.strip()
        said = f"{before} was confirmed, and it comes to {quote.sum} now: {quote.formula}. Confirm that sum."
        raise Conflict(said, code="cost_changed", sum=quote.sum)


def keep_quote(quote: Quote, folder: Path) -> None:
    """Keep what was confirmed in the folder of the run, and the price for the next one."""
    told = {**quote.as_dict(), "at": now().isoformat()}
    write_whole(folder / QUOTE, msgspec.json.format(msgspec.json.encode(told), indent=2) + b"\n")
    kept = db.session.get(Price, (quote.profile, quote.model))
    if quote.price is not None and (kept is None or kept.price != quote.price):
        about = {"profile": quote.profile, "model": quote.model, "price": quote.price, "currency": quote.currency}
        with transaction() as session:
            session.merge(Price(**about, changed_at=now()))


def read_quote(folder: Path) -> Mapping[str, Any]:
    """What was confirmed of a run; empty where nothing was."""
    try:
        said = msgspec.json.decode((folder / QUOTE).read_bytes())
    except (OSError, msgspec.DecodeError, RecursionError):
        return {}
    return said if isinstance(said, dict) else {}
