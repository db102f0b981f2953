"""Long work on a dataset: kept hidden in many small transactions, shown by one. Or nothing of it is kept.

    with work("clean", dataset_id, watch) as w:
        for part in parts:
            w.create(entries)
            w.change(rows, len(part))
            w.report(done, total, "pairs looked at")
        with w.publishing() as publication:
            publication.result["summary"] = w.publish("Clean the answers").step.summary

What stops it, an error or its user, discards what it kept. What a killed process leaves, ``sweep`` removes.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager

from sqlalchemy import select
from sqlalchemy.orm import Session

from app.core.changes import Change
from app.core.errors import Conflict, LttError
from app.core.stored import StoredEntry
from app.models import ChangeSet, Import, Turns, db, is_writing, transaction
from app.models.filling import Column, Constant
from app.services import datasets, history, jobs
from app.services.history import ACTOR, Applied, StagedRow
from app.services.jobs import Publication, Unwatched, Watch

# How long what is kept shares one transaction while nobody else wants to write.
LONGEST_SECONDS = 1.0
LOST = "This work was started again elsewhere. Nothing of this run is kept."


class HiddenWork:
    """Work whose rows stay hidden until ``publishing``. It commits where others wait, and tells how far it is."""

    def __init__(self, watch: Watch, turns: Turns) -> None:
        self.watch = watch
        self._turns = turns
        self._joined = is_writing()

    def begin(self) -> Session:
        """The session of the transaction that is open, or of a new one."""
        return self._turns.begin()

    def report(self, done: int, total: int | None = None, message: str = "") -> None:
        """Show how far it is, and let others write. Raises Cancelled where the user stopped it."""
        # Inside the transaction of somebody else there is nothing to let go of, and nobody sees it.
        if not self._joined and (self._turns.is_over or not is_writing()):
            self.watch.progress(done, total, message)
            self._turns.pause()

    def commit(self) -> None:
        """Keep what there is so far, whatever stops the work: rows that its discarding does not take."""
        self._turns.pause()

    @contextmanager
    def publishing(self) -> Iterator[Publication]:
        """The one transaction that makes it visible, with its job done or not at all."""
        self.commit()
        with self.watch.publish() as publication:
            yield publication


@contextmanager
def hidden_work(watch: Watch, discard: Callable[[], object]) -> Iterator[HiddenWork]:
    """Work that keeps its rows hidden in its own way. ``discard`` removes them when something stops it."""
    with _turns(lambda error: discard()) as turns:
        yield HiddenWork(watch, turns)


@contextmanager
def _turns(stop: Callable[[LttError | OSError], object], *, trusted: bool = False) -> Iterator[Turns]:
    try:
        with Turns(LONGEST_SECONDS, trusted=trusted) as turns:
            yield turns
    except (LttError, OSError) as error:
        stop(error)
        raise


class Work(HiddenWork):
    """Work that becomes one step of the history: entries that it creates, and changes to those that are there."""

    def __init__(self, watch: Watch, turns: Turns, set_id: int, seen: history.Moment) -> None:
        super().__init__(watch, turns)
        self.set_id = set_id
        # The dataset's moment before its entries were read.
        self.seen = seen
        self._stages_changes = False

    def _hidden_set(self) -> ChangeSet:
        change_set = self.begin().get(ChangeSet, self.set_id)
        if change_set is None or change_set.state != "staging":
            raise Conflict(LOST)
        return change_set

    def create(self, rows: Iterable[StoredEntry]) -> int:
        """Keep new entries; returns how many. Raises Conflict where the work was begun again elsewhere."""
        return history.add_rows(self.begin(), self._hidden_set(), rows)

    def create_columns(self, number: int, same: Sequence[Constant], varying: Sequence[Column]) -> None:
        """Keep new entries given column by column: the quick way for many. Raises like ``create``."""
        history.add_columns(self.begin(), self._hidden_set(), number, same, varying)

    def change(self, rows: Sequence[StagedRow], entry_count: int) -> None:
        """Keep what entries shall become, as (entry, field, before, after). Raises like ``create``."""
        self._stages_changes = True
        history.add_changes(self._hidden_set(), rows, entry_count)

    def publish(
        self,
        summary: str | Callable[[Applied], str],
        *,
        statuses: Mapping[str, int] | None = None,
        changes: Iterable[Change] = (),
    ) -> Applied:
        """Make it a step of the history, within ``publishing``; no step where nothing changes.

        Entries that were edited meanwhile are left alone and listed. ``changes`` are few, and written just now;
        ``statuses`` is how many created entries have each status, where that was counted.
        """
        if self._stages_changes:
            return history.publish_changes(self.set_id, summary=summary, seen=self.seen)
        return history.publish(self.set_id, summary=summary, statuses=statuses, changes=changes)


@contextmanager
def work(
    kind: str,
    dataset_id: int,
    watch: Watch | None = None,
    *,
    actor: str = ACTOR,
    stopped: Callable[[int, LttError | OSError], object] = lambda set_id, error: None,
) -> Iterator[Work]:
    """Work on a dataset that shows as one step of a kind, or not at all. Raises NotFound without the dataset.

    ``stopped`` is told the hidden set and the error before the set is discarded.
    """
    watch = watch or Unwatched()
    seen = history.moment(datasets.get(dataset_id))
    with transaction() as session:
        set_id = history.stage(dataset_id, kind=kind, actor=actor)
        session.get_one(ChangeSet, set_id).details = json.dumps({"job": watch.job_id})

    def stop(error: LttError | OSError) -> None:
        stopped(set_id, error)
        history.discard(set_id)

    # Trusted: the rows point to the set and the dataset, which are there.
    with _turns(stop, trusted=True) as turns:
        yield Work(watch, turns, set_id, seen)


def sweep() -> int:
    """Discard what killed jobs left hidden. Returns the number of rows removed."""
    active = jobs.active_ids()
    # An import lets go of its set itself, with what it tells about it.
    held = select(Import.change_set_id).where(Import.change_set_id.is_not(None))
    hidden = select(ChangeSet).where(ChangeSet.state == "staging", ChangeSet.id.not_in(held))
    left = [
        one.id
        for one in db.session.execute(hidden).scalars()
        if json.loads(one.details or "{}").get("job") not in active
    ]
    return sum(history.discard(set_id) for set_id in left)
