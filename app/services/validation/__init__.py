"""Validation of datasets and of uploaded files: what targets would refuse, drop or overlook. No pair is changed."""

from app.services.validation.checking import (
    UNANSWERED,
    as_exported,
    known_profiles,
    validate_dataset,
    validate_upload,
)
from app.services.validation.choices import (
    Choices,
    choose_lints,
    choose_targets,
    read_choices,
    switch_off,
    take_back,
    waive_finding,
)
from app.services.validation.fixing import Fix, find_finding, fix_finding, fix_of
from app.services.validation.keeping import MOST_KEPT, sweep_checks
from app.services.validation.mending import mend_and_check, mend_upload
from app.services.validation.overview import (
    Found,
    Overview,
    count_to_fix,
    current_check,
    findings_in,
    list_findings,
    view_check,
)
from app.services.validation.rechecking import find_edited, recheck_edited
from app.services.validation.tasks import CHECK, VALIDATE, CheckRun, ValidationRun

__all__ = [
    "CHECK",
    "MOST_KEPT",
    "UNANSWERED",
    "VALIDATE",
    "CheckRun",
    "Choices",
    "Fix",
    "Found",
    "Overview",
    "ValidationRun",
    "as_exported",
    "choose_lints",
    "choose_targets",
    "count_to_fix",
    "current_check",
    "find_edited",
    "find_finding",
    "findings_in",
    "fix_finding",
    "fix_of",
    "known_profiles",
    "list_findings",
    "mend_and_check",
    "mend_upload",
    "read_choices",
    "recheck_edited",
    "sweep_checks",
    "switch_off",
    "take_back",
    "validate_dataset",
    "validate_upload",
    "view_check",
    "waive_finding",
]
