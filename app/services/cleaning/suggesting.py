"""What a dataset holds that cleaning could put right: one pass, kept until it is asked for again."""

import json
import os
import secrets
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from app.core.cleaning import Step
from app.core.cleaning.detect import Suggestion, suggest_steps, suggested_steps
from app.core.errors import TooLarge
from app.core.filters import Filters
from app.core.record import Record
from app.services import datasets, entries
from app.services.bounded import run_bounded
from app.services.cleaning.previews import previews_folder
from app.services.cleaning.scanning import SIZE
from app.services.jobs import Unwatched, Watch


@dataclass(frozen=True, slots=True)
class Suggestions:
    """What was found, in which state of the dataset, among how many pairs."""

    revision: int
    seen: int
    total: int
    found: tuple[Suggestion, ...]

    @property
    def complete(self) -> bool:
        """Whether all pairs were looked at."""
        return self.seen == self.total

    @property
    def counts(self) -> dict[str, int]:
        """How many pairs each operation would change, by its name."""
        return {one.step.operation: one.count for one in self.found}

    @property
    def steps(self) -> tuple[Step, ...]:
        """The steps that lose nothing, as a recipe."""
        return suggested_steps(self.found)


def suggest_for_dataset(
    dataset_id: int, *, watch: Watch | None = None, longest_seconds: float | None = None
) -> Suggestions:
    """Look at all pairs, or at those that can be looked at in a limited time, and keep what was found."""
    revision = datasets.get(dataset_id).revision
    total = entries.count_entries(dataset_id, Filters())
    if longest_seconds is None:
        seen, found = _look_through(dataset_id, total, watch or Unwatched(), None)
    else:
        # While a page waits, the patterns of all detectors run where neither their time nor their memory is ours.
        try:
            seen, found = run_bounded(_look_through, dataset_id, total, Unwatched(), longest_seconds)
        except TooLarge:
            # The worker has more of both, and is asked for what is not complete.
            seen, found = 0, ()
    suggestions = Suggestions(revision, seen, total, found)
    _save(dataset_id, suggestions)
    return suggestions


def _look_through(
    dataset_id: int, total: int, watch: Watch, longest_seconds: float | None
) -> tuple[int, tuple[Suggestion, ...]]:
    """How many pairs were looked at within the time, and what was found."""
    reader = _Reader(dataset_id, total, watch, longest_seconds)
    found = tuple(suggest_steps(reader.records()))
    return reader.seen, found


class _Reader:
    """The pairs of a dataset for one pass of limited time."""

    def __init__(self, dataset_id: int, total: int, watch: Watch, longest_seconds: float | None) -> None:
        self._dataset_id, self._total, self._watch = dataset_id, total, watch
        self._longest = longest_seconds
        self.seen = 0

    def records(self) -> Iterator[Record]:
        """Record by record, until the time is over."""
        began = time.monotonic()
        for rows in entries.stream_rows(self._dataset_id, size=SIZE):
            for row in rows:
                self.seen += 1
                yield row.record()
                if self._longest is not None and time.monotonic() - began > self._longest:
                    return
            self._watch.progress(self.seen, self._total, "pairs looked at")


def kept_suggestions(dataset_id: int) -> Suggestions | None:
    """What was found when somebody last asked, if that is not long ago."""
    try:
        value = json.loads((previews_folder() / f"suggestions-{dataset_id}").read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    found = tuple(Suggestion(Step.from_dict(step), count, text) for step, count, text in value["found"])
    return Suggestions(value["revision"], value["seen"], value["total"], found)


def _save(dataset_id: int, found: Suggestions) -> None:
    value: dict[str, Any] = {"revision": found.revision, "seen": found.seen, "total": found.total}
    value["found"] = [(one.step.as_dict(), one.count, one.sentence) for one in found.found]
    part = previews_folder() / f"{secrets.token_hex(8)}.part"
    with os.fdopen(os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w", encoding="utf-8") as out:
        json.dump(value, out)
    os.replace(part, previews_folder() / f"suggestions-{dataset_id}")
