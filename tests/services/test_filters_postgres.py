"""Filters by facts on PostgreSQL, which cannot make a fact itself: no pair is left out because its facts are not kept."""

import pytest

from app.core.errors import Busy, Invalid
from app.core.filters import Filters
from app.models import StaleEntry, transaction
from app.services import datasets, entries, jobs, search, snapshots
from app.services.pairs import add_pair
from app.services.snapshots import FreezeRun

ALL_ANSWERS = Filters(length_from=1)


def count() -> int:
    return sum(1 for _ in entries.stream_entries(1, ALL_ANSWERS))


@pytest.mark.usefixtures("on_postgres")
def test_pairs_without_facts_are_waited_for() -> None:
    with pytest.raises(Busy, match="still being measured"):
        count()
    while search.catch_up():
        pass
    assert count() == 3
    add_pair(1, "One more?", "Yes.")
    with pytest.raises(Busy, match="still being measured"):
        count()


@pytest.mark.usefixtures("on_postgres")
def test_another_dataset_is_not_waited_for() -> None:
    while search.catch_up():
        pass
    other = datasets.create_dataset("Other").id
    add_pair(other, "Of another?", "Yes.")
    assert count() == 3
    with transaction() as session:
        session.add(StaleEntry(dataset_id=other, entry_id=99, build_number=0, facts=True))
    assert count() == 3


@pytest.mark.usefixtures("on_postgres")
def test_a_snapshot_is_searched_for_facts() -> None:
    while search.catch_up():
        pass
    snapshots.freeze(FreezeRun(1, "first"), jobs.Unwatched())
    point = snapshots.find_snapshot(1, "first")
    with pytest.raises(Invalid, match="len>500"):
        list(snapshots.stream(point, ALL_ANSWERS))
    assert len([row for rows in snapshots.stream(point, Filters(text="len>0")) for row in rows]) == 3
