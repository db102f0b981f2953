"""What a dataset is checked for, which lints are switched off, and which findings were waived with a reason."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.errors import Invalid
from app.core.validation import RULES, choose_profiles
from app.core.validation.lints import LINTS
from app.core.validation.profiles import DEFAULT
from app.models import Dataset, transaction
from app.services import datasets, entries
from app.services.validation.checking import known_profiles

SETTING = "check"
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a dataset as its settings keep them."""

    profiles: tuple[str, ...] = (DEFAULT,)
    off: tuple[str, ...] = ()
    waived: Mapping[str, str] = field(default_factory=dict)


def read_choices(dataset: Dataset) -> Choices:
    """The choices, with the usual target where none was chosen."""
    kept: Any = (dataset.settings or {}).get(SETTING) or {}
    return Choices(tuple(kept.get("profiles") or (DEFAULT,)), tuple(kept.get("off", ())), dict(kept.get("waived", {})))


def choose_targets(dataset_id: int, profiles: Sequence[str]) -> str:
    """Keep which targets a dataset is checked for; returns them with commas between. Raises Invalid without any."""
    names = tuple(dict.fromkeys(profiles))
    if not names:
        raise Invalid("No target is chosen. Choose one.", code="no_profile")
    choose_profiles(",".join(names), known_profiles())
    kept = read_choices(datasets.get(dataset_id))
    if names != kept.profiles:
        _keep(dataset_id, Choices(names, kept.off, kept.waived))
    return ",".join(names)


def waive_finding(dataset_id: int, code: str, reason: str) -> None:
    """Set all findings of a code aside. Raises Invalid without a reason."""
    _require_code(code)
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid("Say why it is all right: who looks at this later will ask.", code="no_reason")
    if len(reason) > MAX_REASON:
        raise Invalid(f"The reason is longer than {MAX_REASON} characters. Use a shorter one.", code="long_reason")
    entries.check_text(reason, "reason")
    kept = read_choices(datasets.get(dataset_id))
    _keep(dataset_id, Choices(kept.profiles, kept.off, {**kept.waived, code: reason}))


def switch_off(dataset_id: int, code: str) -> None:
    """Ask a lint no more, from the next check on. Raises Invalid for a rule: that is what the target does."""
    _require_code(code)
    if code not in LINTS:
        raise Invalid("That is a rule of the target and cannot be switched off. It can be waived.", code="no_lint")
    kept = read_choices(datasets.get(dataset_id))
    _keep(dataset_id, Choices(kept.profiles, tuple(dict.fromkeys([*kept.off, code])), kept.waived))


def choose_lints(dataset_id: int, on: Sequence[str]) -> int:
    """Ask just these lints, from the next check on. Returns how many are asked. Raises Invalid for one there is not."""
    if unknown := set(on) - LINTS.keys():
        raise Invalid(f"There is no lint {sorted(unknown)[0][:60]!r}.", code="no_rule")
    kept = read_choices(datasets.get(dataset_id))
    _keep(dataset_id, Choices(kept.profiles, tuple(code for code in LINTS if code not in on), kept.waived))
    return len(set(on))


def take_back(dataset_id: int, code: str) -> None:
    """Let a code count again that was waived or switched off."""
    kept = read_choices(datasets.get(dataset_id))
    waived = {name: reason for name, reason in kept.waived.items() if name != code}
    _keep(dataset_id, Choices(kept.profiles, tuple(one for one in kept.off if one != code), waived))


def _require_code(code: str) -> None:
    if code not in RULES and code not in LINTS:
        raise Invalid(f"There is no rule or lint {code[:60]!r}.", code="no_rule")


def _keep(dataset_id: int, choices: Choices) -> None:
    with transaction():
        dataset = datasets.get(dataset_id)
        kept = {"profiles": list(choices.profiles), "off": list(choices.off), "waived": dict(choices.waived)}
        dataset.settings = {**(dataset.settings or {}), SETTING: kept}
