"""Whatever is done, each snapshot holds the same rows and has the same hash, and comparisons tell the truth."""

import contextlib
import itertools

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from app.core.digests import PairHasher, hash_pairs
from app.core.errors import LttError
from app.core.filters import EVERY, Filters
from app.core.record import Record
from app.core.stored import PLACES, as_entry
from app.services import backups, datasets, entries, history, jobs, pairs, snapshots, tasks
from app.services.history import staging
from app.services.pairs import Selection
from app.services.snapshots import FreezeRun
from app.services.work import work

TEXTS = ("one", "two", "three")
WRITES = ("add", "edit", "delete", "status", "tag", "stage", "import", "fail")
STEPS = ("undo", "redo", "undo_some", "overwrite", "go_back", "forget", "compact", "rehash")
POINTS = ("freeze", "freeze", "freeze_some", "go_to", "drop", "restore")
NAMES = st.one_of(st.sampled_from(WRITES), st.sampled_from(STEPS), st.sampled_from(POINTS))
ACTION = st.tuples(NAMES, st.integers(0, 11), st.sampled_from(TEXTS))


class Trial:
    """A dataset, what is done to it, and what each of its snapshots held when it was made."""

    def __init__(self) -> None:
        self.dataset_id = datasets.create_dataset("Any").id
        self.known: dict[int, tuple[str, list[tuple[object, ...]]]] = {}
        self.staged: list[int] = []
        self.backup: tuple[object, set[int]] | None = None

    def told(self, entry):
        return (*tuple(entry[: PLACES["content_hash"]]), entry.id)

    def act(self, name, number, text) -> None:
        alive = [entry.id for entry in entries.stream_entries(self.dataset_id)]
        chosen = tuple(alive[number % len(alive) :][:3]) if alive else ()
        steps = [one.number for one in history.steps(self.dataset_id)]
        step = steps[number % len(steps)] if steps else None
        with contextlib.suppress(LttError):
            getattr(self, name)(number, text, chosen, step)

    def add(self, number, text, chosen, step) -> None:
        records = [Record(text, text, tags=(text,) if number % 2 else ()) for _ in range(number % 3 + 1)]
        history.create(self.dataset_id, records, summary="Add")

    def edit(self, number, text, chosen, step) -> None:
        entry = entries.get(self.dataset_id, chosen[0] if chosen else 0)
        pairs.save_pair(self.dataset_id, entry.id, {"answer": text, "reasoning": text[1:]}, version=entry.version)

    def delete(self, number, text, chosen, step) -> None:
        history.delete(self.dataset_id, chosen)

    def status(self, number, text, chosen, step) -> None:
        status = ("draft", "review", "approved", "rejected")[number % 4]
        pairs.set_status(self.dataset_id, Selection(chosen), status)

    def tag(self, number, text, chosen, step) -> None:
        pairs.tag_pairs(self.dataset_id, Selection(chosen), add=["t" + str(number)])

    def stage(self, number, text, chosen, step) -> None:
        """An import that goes on while other things are done, and then is shown or given up."""
        if self.staged:
            done = self.staged.pop()
            history.discard(done) if number % 3 == 0 else history.publish(done, summary="Import")
            return
        staged = history.stage(self.dataset_id, kind="import")
        self.staged.append(staged)
        with history.transaction() as session:
            change_set = session.get(staging.ChangeSet, staged)
            history.add_rows(session, change_set, [history.new_row(Record(text, "Staged."))])

    def import_(self, number, text, chosen, step, fails=False) -> None:
        with work("import", self.dataset_id) as w:
            w.create([history.new_row(Record(text, "Imported."))])
            rows = [(one, "source", entries.get(self.dataset_id, one).source, text) for one in chosen]
            w.change([row for row in rows if row[2] != row[3]], len(rows))
            if fails:
                raise LttError("It failed.")
            with w.publishing():
                w.publish("Import")

    def fail(self, number, text, chosen, step) -> None:
        self.import_(number, text, chosen, step, fails=True)

    def undo(self, number, text, chosen, step) -> None:
        history.undo(self.dataset_id, step, anyway=number % 2 == 0)

    def redo(self, number, text, chosen, step) -> None:
        undone = [one.number for one in history.steps(self.dataset_id) if one.state == "undone"]
        history.redo(self.dataset_id, undone[number % len(undone)] if undone else None, anyway=number % 2 == 0)

    def undo_some(self, number, text, chosen, step) -> None:
        history.undo(self.dataset_id, step, entry_ids=chosen[:2], anyway=number % 2 == 0)

    def overwrite(self, number, text, chosen, step) -> None:
        history.overwrite(self.dataset_id, step or 0)

    def go_back(self, number, text, chosen, step) -> None:
        history.go_back(self.dataset_id, step or 0)

    def forget(self, number, text, chosen, step) -> None:
        history.forget(self.dataset_id, step or 0)

    def compact(self, number, text, chosen, step) -> None:
        history.compact(self.dataset_id, step or 0)

    def rehash(self, number, text, chosen, step) -> None:
        history.rehash(self.dataset_id)

    def freeze(self, number, text, chosen, step, filters=EVERY) -> None:
        made = snapshots.freeze(FreezeRun(self.dataset_id, filters=filters), jobs.Unwatched())
        snapshot = snapshots.find_snapshot(self.dataset_id, made["snapshot"])
        found = [self.told(entry) for entry in entries.stream_entries(self.dataset_id) if self.fits(entry, filters)]
        self.known[snapshot.number] = (snapshot.hash, found)

    def fits(self, entry, filters) -> bool:
        texts = " ".join((entry.question, entry.answer, entry.system or "", entry.reasoning or ""))
        return entry.status in (filters.statuses or (entry.status,)) and filters.text in texts

    def freeze_some(self, number, text, chosen, step) -> None:
        self.freeze(number, text, chosen, step, (Filters(text=text), Filters(statuses=("review",)))[number % 2])

    def chosen_snapshot(self, number):
        found = snapshots.list_snapshots(self.dataset_id)
        return found[number % len(found)] if found else None

    def go_to(self, number, text, chosen, step) -> None:
        if snapshot := self.chosen_snapshot(number):
            before = datasets.compute_digest(self.dataset_id)
            run = snapshots.RestoreRun(self.dataset_id, snapshot.number)
            step = tasks.start(snapshots.RESTORE, run).result["change_set"]
            if snapshots.is_whole(snapshot):
                assert not any(snapshots.compare(self.dataset_id, snapshot, None).counts.values())
            if number % 2 and step is not None:
                assert history.undo(self.dataset_id, step).skipped_count == 0
                assert datasets.compute_digest(self.dataset_id) == before

    def drop(self, number, text, chosen, step) -> None:
        if number % 3 == 0 and (snapshot := self.chosen_snapshot(number)):
            snapshots.delete_snapshot(snapshot.id)
            del self.known[snapshot.number]

    def restore(self, number, text, chosen, step) -> None:
        if number % 4 == 0 and self.backup is not None and not self.staged:
            path, numbers = self.backup
            backups.restore_backup(path)
            self.known = {one: held for one, held in self.known.items() if one in numbers}
        elif number % 4 == 1 and not self.staged:
            self.backup = (backups.make_backup(), set(self.known))

    def check(self) -> None:
        found = {one.number: one for one in snapshots.list_snapshots(self.dataset_id)}
        assert found.keys() == self.known.keys()
        for number, (hashed, rows) in self.known.items():
            streamed = [as_entry(row) for part in snapshots.stream(found[number]) for row in part]
            assert [self.told(entry) for entry in streamed] == rows
            hasher = PairHasher()
            assert hash_pairs([hasher.hash_rows(streamed)], None) == hashed == found[number].hash
        whole = [one for one in found.values() if snapshots.is_whole(one)]
        for before, after in itertools.pairwise(whole):
            self.compare(before, after)
            self.compare(after, before)

    def compare(self, before, after) -> None:
        compared = snapshots.compare(self.dataset_id, before, after)
        assert any(compared.counts.values()) == (before.hash != after.hash)
        old, new = ({row[-1]: row[:-1] for row in self.known[one.number][1]} for one in (before, after))
        assert len(new) == len(old) - compared.counts["removed"] + compared.counts["added"]
        changed = {one for one in old.keys() & new.keys() if old[one] != new[one]}
        assert set(compared.ids["changed"]) == changed
        assert set(compared.ids["added"]) <= new.keys() - old.keys()
        assert set(compared.ids["removed"]) <= old.keys() - new.keys()


setattr(Trial, "import", Trial.import_)


@settings(max_examples=40, deadline=None, suppress_health_check=list(HealthCheck))
@given(actions=st.lists(ACTION, max_size=25))
def test_whatever_is_done_each_snapshot_stays_as_it_was(app, actions):
    with app.app_context():
        trial = Trial()
        for name, number, text in actions:
            trial.act(name, number, text)
            trial.check()
        assert [one for one in backups.verify_database() if f"dataset {trial.dataset_id} " in one] == []
