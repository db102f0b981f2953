"""What is to be cleaned, and how: the steps, the pairs they are for, and the sentences that say so."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import msgspec

from app.core.cleaning import OPERATIONS, Cleaner, Step, compile_recipe
from app.core.errors import Invalid
from app.core.filters import EVERY, Filters
from app.core.text import clip, plural

_FIELDS = {"question": "questions", "answer": "answers", "system": "system prompts", "turns": "earlier turns"}
MAX_STEPS = 50


@dataclass(frozen=True, slots=True)
class CleaningOptions:
    """Steps in order, the pairs they run over, and the name of the recipe they come from, if any."""

    steps: tuple[Step, ...]
    filters: Filters = EVERY
    name: str = ""

    def compiled(self) -> Cleaner:
        """One function for all steps. Raises Invalid where a step cannot run."""
        if not self.steps:
            raise Invalid("There is no step to run. Choose an operation.", code="no_steps")
        if len(self.steps) > MAX_STEPS:
            raise Invalid(f"A recipe has at most {MAX_STEPS} steps.", code="too_many_steps")
        return compile_recipe(self.steps)

    @property
    def has_patterns(self) -> bool:
        """Whether a step runs a pattern that somebody wrote."""
        return any(step.options.get("mode") == "regex" for step in self.steps)

    def as_dict(self) -> dict[str, Any]:
        """The form in which jobs and previews keep it."""
        value: dict[str, Any] = msgspec.to_builtins(self)
        return value

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "CleaningOptions":
        """The inverse of ``as_dict``."""
        return msgspec.convert(value, cls)

    @property
    def summary(self) -> str:
        """What a run of it is called in the history."""
        if len(self.steps) == 1:
            return step_sentence(self.steps[0])
        steps = plural(len(self.steps), "step")
        return f"Run recipe “{clip(self.name, 60)}”, {steps}" if self.name else f"Clean in {steps}"


def step_sentence(step: Step) -> str:
    """What a step does, in a few words: ``Replace “e-mail” with “email” in answers``."""
    operation = OPERATIONS[step.operation]
    options = step.options
    if step.operation == "find-replace":
        new = f"with “{clip(options.get('replace', ''), 40)}”" if options.get("replace") else "with nothing"
        return f"Replace “{clip(options.get('find', ''), 40)}” {new} in {_places(step)}"
    if step.operation == "remove-text":
        part = {"up-to": "all up to ", "from": "all from "}.get(options.get("part", ""), "")
        return f"Remove {part}“{clip(options.get('text', ''), 40)}” in {_places(step)}"
    if step.operation == "delete-matching":
        which = "without" if options.get("which") == "other" else "with"
        return f"Delete pairs {which} “{clip(options.get('find', ''), 40)}” in {_places(step)}"
    if step.operation == "system-prompt":
        return "Clear the system prompt" if options.get("what") == "clear" else "Set the system prompt"
    return f"{operation.title} in {_places(step)}" if operation.choose_fields else operation.title


def _places(step: Step) -> str:
    names = [_FIELDS[name] for name in step.fields or OPERATIONS[step.operation].fields if name in _FIELDS]
    if len(names) == len(_FIELDS):
        return "all texts"
    return " and ".join([", ".join(names[:-1]), names[-1]] if len(names) > 1 else names)


def without_secrets(step: Step) -> Step:
    """The step as the history may keep it: a secret that made pseudonyms is left out."""
    if not step.options.get("secret"):
        return step
    kept = {name: value for name, value in step.options.items() if name != "secret"}
    return Step(step.operation, kept, step.fields, step.keep_code)
