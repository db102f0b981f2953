"""Validation of datasets and of uploaded files: what targets would refuse, drop or overlook. Nothing is changed."""

from app.services.validation.checking import known_profiles, validate_dataset, validate_upload
from app.services.validation.tasks import VALIDATE, ValidationRun

__all__ = ["VALIDATE", "ValidationRun", "known_profiles", "validate_dataset", "validate_upload"]
