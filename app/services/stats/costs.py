"""What training on a dataset costs at each target: its tokens are those of the last check, prices those of the user."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, select

from app.core.errors import Invalid
from app.core.text import is_number
from app.core.tokens import find_family
from app.core.validation import Profile
from app.core.validation.costs import Cost, read_price, reckon_cost
from app.models import Check, Dataset, Price, db, transaction
from app.models.base import now
from app.services import datasets, entries, validation

SETTING = "training"
MAX_MODEL, MAX_EPOCHS = 200, 1_000


@dataclass(frozen=True, slots=True)
class TargetCost:
    """What a target costs for the model that is chosen; ``source`` is where its rule for epochs is from.

    ``over`` pairs have more tokens than the ``limit`` of the model, or of the target.
    """

    profile: Profile
    model: str
    cost: Cost
    chosen_epochs: int | None
    source: str
    price_since: str
    limit: int | None
    over: int


def list_costs(dataset: Dataset, check: Check) -> list[TargetCost]:
    """The costs at each target of a check whose tokens were counted, in its order."""
    profiles, chosen = validation.known_profiles(), (dataset.settings or {}).get(SETTING) or {}
    kept = {(one.profile, one.model): one for one in db.session.execute(select(Price)).scalars()}
    found = []
    for name, one in check.summary["profiles"].items():
        tokens: dict[str, Any] = one.get("tokens") or {}
        if name not in profiles or "billed" not in tokens:
            continue
        profile, said = profiles[name], _said_of(chosen, name)
        model = str(said.get("model") or (profile.models[0].name if profile.models else ""))
        known, price = profile.model(model), kept.get((name, model))
        of_model = (one.get("spread") or {}).get("models", {}).get(model, {})
        epochs = said["epochs"] if isinstance(said.get("epochs"), int) else None
        cost = reckon_cost(
            of_model.get("billed", tokens["billed"]),
            one["kept"],
            rule=profile.epochs,
            epochs=epochs,
            price=price.price if price else known.price if known else None,
            currency=price.currency if price else known.currency if known else "USD",
            exact=tokens["exact"] and find_family(model) in ("", tokens["family"]),
        )
        since = f"{price.changed_at:%Y-%m-%d}" if price else f"{profile.date}" if known and known.price else ""
        source = profile.epochs.source if profile.epochs and not epochs else ""
        limit, over = (
            of_model.get("limit", tokens["limit"]),
            of_model.get("over", (one.get("spread") or {}).get("over")),
        )
        found.append(TargetCost(profile, model, cost, epochs, source, since, limit, over or 0))
    return found


def _said_of(chosen: Any, profile: str) -> dict[str, Any]:
    said = chosen.get(profile) if isinstance(chosen, dict) else None
    return said if isinstance(said, dict) else {}


def keep_cost(dataset_id: int, profile: str, *, model: str, price: str, currency: str, epochs: str) -> None:
    """Keep what a dataset is trained with at a target, and what its model costs everywhere.

    Nothing as a price takes away the one that was entered, nothing as epochs means those of the target. Raises Invalid.
    """
    if profile not in validation.known_profiles():
        raise Invalid(f"There is no profile {profile[:60]!r}.", code="no_profile")
    model = " ".join(model.split())
    if len(model) > MAX_MODEL:
        raise Invalid(f"The name of the model is longer than {MAX_MODEL} characters. Use a shorter one.", code="model")
    entries.check_text(model, "model")
    amount, number = read_price(price), _read_epochs(epochs)
    currency = currency.strip().upper() or "USD"
    if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
        raise Invalid("A currency is three letters, such as USD or EUR.", code="currency")
    with transaction() as session:
        dataset = datasets.get(dataset_id)
        chosen = (dataset.settings or {}).get(SETTING)
        said = {**(chosen if isinstance(chosen, dict) else {}), profile: {"model": model, "epochs": number}}
        dataset.settings = {**(dataset.settings or {}), SETTING: said}
        if amount is None:
            session.execute(delete(Price).where(Price.profile == profile, Price.model == model))
        else:
            session.merge(Price(profile=profile, model=model, price=amount, currency=currency, changed_at=now()))


def _read_epochs(text: str) -> int | None:
    text = text.strip()
    if not text:
        return None
    if not (is_number(text) and 1 <= int(text) <= MAX_EPOCHS):
        raise Invalid(f"Epochs are a whole number from 1 to {MAX_EPOCHS:,}.", code="epochs")
    return int(text)
