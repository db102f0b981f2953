"""What a dataset is checked for, which lints are switched off, and which findings were waived with a reason."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import msgspec
from flask import current_app

from app import config
from app.core.errors import Invalid
from app.core.validation import RULES, Profile, choose_profiles, load_profiles
from app.core.validation.lints import LINTS
from app.core.validation.profiles import DEFAULT
from app.models import Dataset, transaction
from app.services import datasets, entries
from app.services.validation.templates import PLAIN, require_template

FOLDER = "profiles"
SETTING = "check"
MAX_REASON = 500


@dataclass(frozen=True, slots=True)
class Choices:
    """The choices of a dataset as its settings keep them."""

    profiles: tuple[str, ...] = (DEFAULT,)
    off: tuple[str, ...] = ()
    waived: Mapping[str, str] = field(default_factory=dict)
    # The chat template that conversations are written by; empty for our own plain form.
    template: str = ""


def known_profiles() -> dict[str, Profile]:
    """Every profile, those in the data folder in place of ours. Raises Invalid for a file that is none."""
    return load_profiles(config.data_dir(current_app.config) / FOLDER)


def read_choices(dataset: Dataset) -> Choices:
    """The choices, with the usual target where none was chosen."""
    kept: Any = (dataset.settings or {}).get(SETTING) or {}
    return Choices(
        tuple(kept.get("profiles") or (DEFAULT,)),
        tuple(kept.get("off", ())),
        dict(kept.get("waived", {})),
        str(kept.get("template", "")),
    )


def choose_targets(dataset_id: int, profiles: Sequence[str]) -> str:
    """Keep which targets a dataset is checked for; returns them with commas between. Raises Invalid without any."""
    names = tuple(dict.fromkeys(profiles))
    if not names:
        raise Invalid("No target is chosen. Choose one.", code="no_profile")
    choose_profiles(",".join(names), known_profiles())
    _change(dataset_id, lambda kept: replace(kept, profiles=names))
    return ",".join(names)


def choose_template(dataset_id: int, said: str) -> str:
    """Keep the chat template by which conversations are written; returns what is kept. Raises Invalid or NotFound."""
    datasets.get(dataset_id)
    template = require_template(said or PLAIN)
    _change(dataset_id, lambda kept: replace(kept, template=template))
    return template


def waive_finding(dataset_id: int, code: str, reason: str) -> None:
    """Set all findings of a code aside. Raises Invalid without a reason."""
    _require_code(code)
    reason = " ".join(reason.split())
    if not reason:
        raise Invalid("Say why it is all right: who looks at this later will ask.", code="no_reason")
    if len(reason) > MAX_REASON:
        raise Invalid(f"The reason is longer than {MAX_REASON} characters. Use a shorter one.", code="long_reason")
    entries.check_text(reason, "reason")
    _change(dataset_id, lambda kept: replace(kept, waived={**kept.waived, code: reason}))


def switch_off(dataset_id: int, code: str) -> None:
    """Ask a lint no more, from the next check on. Raises Invalid for a rule: that is what the target does."""
    _require_code(code)
    if code not in LINTS:
        raise Invalid("That is a rule of the target and cannot be switched off. It can be waived.", code="no_lint")
    _change(dataset_id, lambda kept: replace(kept, off=tuple(dict.fromkeys([*kept.off, code]))))


def choose_lints(dataset_id: int, on: Sequence[str]) -> int:
    """Ask just these lints, from the next check on. Returns how many are asked. Raises Invalid for one there is not."""
    if unknown := set(on) - LINTS.keys():
        raise Invalid(f"There is no lint {sorted(unknown)[0][:60]!r}.", code="no_rule")
    off = tuple(code for code in LINTS if code not in on)
    _change(dataset_id, lambda kept: replace(kept, off=off))
    return len(set(on))


def take_back(dataset_id: int, code: str) -> None:
    """Let a code count again that was waived or switched off."""

    def without(kept: Choices) -> Choices:
        waived = {name: reason for name, reason in kept.waived.items() if name != code}
        return replace(kept, off=tuple(one for one in kept.off if one != code), waived=waived)

    _change(dataset_id, without)


def _require_code(code: str) -> None:
    if code not in RULES and code not in LINTS:
        raise Invalid(f"There is no rule or lint {code[:60]!r}.", code="no_rule")


def _change(dataset_id: int, change: Callable[[Choices], Choices]) -> None:
    """Keep the choices with a change. They are read while nobody else writes, so that no change of another is lost."""
    with transaction():
        dataset = datasets.get(dataset_id)
        kept = read_choices(dataset)
        changed = change(kept)
        if changed != kept:
            dataset.settings = {**(dataset.settings or {}), SETTING: msgspec.to_builtins(changed)}
