"""Advice for a dataset, from what its last check counted, or for a file that is counted for it."""

from app.core.advice import Advice, advise
from app.core.errors import Conflict
from app.core.reading import ReadSettings
from app.core.stats import StatsOptions
from app.services import stats, validation
from app.services.uploads import Upload
from app.services.validation import Overview

# Whose tokens are counted for advice on a file: those of the family that most of the advice is about.
FAMILY = "qwen"


def view_advice(dataset_id: int, memory: float | None = None) -> tuple[Advice, Overview] | None:
    """What is advised by the last check of a dataset, and that check; None where none counted its pairs."""
    seen = validation.view_check(dataset_id)
    found = seen.summary.get("stats") if seen else None
    if seen is None or not found:
        return None
    counted = (one["tokens"] for one in seen.summary["profiles"].values() if one.get("tokens"))
    return advise(found, next(counted, None), memory), seen


def require_advice(dataset_id: int, memory: float | None = None) -> Advice:
    """What is advised by the last check of a dataset. Raises Conflict where there was none."""
    found = view_advice(dataset_id, memory)
    if found is None:
        raise Conflict("There was no check yet that counted pairs. Check the pairs first.", code="no_check")
    return found[0]


def advise_upload(upload: Upload, settings: ReadSettings, memory: float | None = None) -> Advice:
    """What is advised for an uploaded file. Raises what reading it raises."""
    found = stats.measure_upload(upload, settings, StatsOptions(family=FAMILY))
    return advise(found, found["tokens"][FAMILY], memory)
