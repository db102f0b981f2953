"""Validation: what each target would refuse, drop or overlook in a file or a dataset, row by row."""

from app.core.validation.checking import Checker, ValidateOptions, Validation
from app.core.validation.findings import FIXES, SEVERITIES, Finding, Findings
from app.core.validation.profiles import Profile, choose_profiles, load_profiles
from app.core.validation.rules import RULES, FileFacts, Problem, Rule

__all__ = [
    "FIXES",
    "RULES",
    "SEVERITIES",
    "Checker",
    "FileFacts",
    "Finding",
    "Findings",
    "Problem",
    "Profile",
    "Rule",
    "ValidateOptions",
    "Validation",
    "choose_profiles",
    "load_profiles",
]
