"""Validation of datasets and of uploaded files: what targets would refuse, drop or overlook. No pair is changed."""

from app.services.validation.bulk import FixPlan, Proposal, count_safe, fix_all, fix_and_tell, plan_fixes, safe_fixes
from app.services.validation.checking import (
    UNANSWERED,
    as_exported,
    validate_dataset,
    validate_upload,
    view_trained,
    view_trained_upload,
)
from app.services.validation.choices import (
    Choices,
    choose_lints,
    choose_targets,
    choose_template,
    known_profiles,
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
    count_approved,
    count_to_fix,
    current_check,
    find_unapproved,
    findings_in,
    list_findings,
    view_check,
)
from app.services.validation.rechecking import find_edited, recheck_edited
from app.services.validation.tasks import CHECK, VALIDATE, CheckRun, ValidationRun
from app.services.validation.templates import is_folder, list_templates, open_template, require_template

__all__ = [
    "CHECK",
    "MOST_KEPT",
    "UNANSWERED",
    "VALIDATE",
    "CheckRun",
    "Choices",
    "Fix",
    "FixPlan",
    "Found",
    "Overview",
    "Proposal",
    "ValidationRun",
    "as_exported",
    "choose_lints",
    "choose_targets",
    "choose_template",
    "count_approved",
    "count_safe",
    "count_to_fix",
    "current_check",
    "find_edited",
    "find_finding",
    "find_unapproved",
    "findings_in",
    "fix_all",
    "fix_and_tell",
    "fix_finding",
    "fix_of",
    "is_folder",
    "known_profiles",
    "list_findings",
    "list_templates",
    "mend_and_check",
    "mend_upload",
    "open_template",
    "plan_fixes",
    "read_choices",
    "recheck_edited",
    "require_template",
    "safe_fixes",
    "sweep_checks",
    "switch_off",
    "take_back",
    "validate_dataset",
    "validate_upload",
    "view_check",
    "view_trained",
    "view_trained_upload",
    "waive_finding",
]
