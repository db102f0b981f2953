"""What an import is told: how to read the file, and what to do with its rows."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.options import decode, option
from app.core.reading import ReadSettings
from app.core.record import SPLITS

DUPLICATES = {"keep": "Import them anyway", "skip": "Skip exact duplicates", "update": "Update pairs by their id"}

SPLIT_CHOICES = {"files": "As the files of a set say", "none": "None"} | {one: one.capitalize() for one in SPLITS}


@dataclass(frozen=True, slots=True)
class Settings(ReadSettings):
    """How an import goes; None and empty mean: as detected."""

    on_duplicate: str = option("keep", "Rows that are there already", choices=DUPLICATES)
    update_by: str = option("id", "Update by", "What `--on-duplicate update` goes by.", choices={"id": "The id"})
    split: str = option(
        "files",
        "Split of the pairs",
        "Of several files each says it by its name or by the card beside it; of a single one you do.",
        choices=SPLIT_CHOICES,
    )
    strict: bool = option(False, "All or nothing", "Import nothing if any row is bad (exit code 3).")
    remember: bool = option(True, "Remember the columns", "For files with the same columns.", flag="")


def from_dict(values: Mapping[str, Any]) -> Settings:
    """Settings as they were stored, perhaps by another version."""
    return decode(Settings, values, "The import", ignore_unknown=True)
