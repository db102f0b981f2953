"""The kept counts of a dataset: live entries by status, written in the transaction that changes them."""

from typing import Any

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from app.models import Dataset, Entry


def by_status(session: Session, *where: Any) -> dict[str, int]:
    """Entries by status under the given conditions."""
    rows = session.execute(select(Entry.status, func.count()).where(*where).group_by(Entry.status))
    return {str(row[0]): int(row[1]) for row in rows}


def count_change(before: dict[str, int], after: dict[str, int]) -> dict[str, int]:
    """What to add to go from one count to the other."""
    return {key: after.get(key, 0) - before.get(key, 0) for key in before.keys() | after.keys()}


def add_counts(session: Session, dataset: Dataset, delta: dict[str, int]) -> None:
    """Add to the dataset's counts; statuses at zero are dropped."""
    totals = dict(dataset.counts or {})
    for status, number in delta.items():
        totals[status] = totals.get(status, 0) + number
    dataset.counts = {status: number for status, number in totals.items() if number}
