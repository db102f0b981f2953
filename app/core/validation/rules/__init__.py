"""Rules of profiles. A new one is a function in a module of this folder; a new module is one more import here."""

from app.core.validation.rules import calls, files, lengths, messages, order, parts, preference, rows, services, turns  # noqa: F401
from app.core.validation.rules.base import RULES, FileFacts, Problem, Rule

__all__ = ["RULES", "FileFacts", "Problem", "Rule"]
