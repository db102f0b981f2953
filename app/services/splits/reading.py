"""The pairs of a dataset as rows to divide, and what the last division of it was."""

import json
import threading
from bisect import bisect_left
from collections import OrderedDict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from functools import partial
from typing import Any

from sqlalchemy import select

from app.core.changes import chunks_of
from app.core.options import decode
from app.core.record import load_json
from app.core.splits import SplitOptions, SplitRows
from app.core.stored import as_entry, content_hash, content_of
from app.models import ChangeSet, Entry, Import, Snapshot, db, reading
from app.services import datasets, duplicates, entries, history, snapshots

KIND = "split"
_COLUMNS = (Entry.id, Entry.content_hash, Entry.split, Entry.status)
_BESIDE = (Entry.source, Entry.family, Entry.tags, Entry.import_id, Entry.extra)
# A page asks for the same rows again at each change of its form.
_REMEMBERED = 2
_read: OrderedDict[tuple[object, ...], SplitRows] = OrderedDict()
_lock = threading.Lock()
Told = Callable[[int], None]
Stream = Callable[..., Iterator[list[Any]]]


def read_rows(dataset_id: int, told: Told = lambda done: None, *, snapshot: Snapshot | None = None) -> SplitRows:
    """All live pairs in the order of their ids, or those of a snapshot, with what the last search for duplicates found
    among them.

    Hashes of contents must be there (``history.rehash``); a snapshot may lack some.
    """
    stream = partial(entries.stream, dataset_id) if snapshot is None else partial(snapshots.stream, snapshot)
    rows = SplitRows()
    with reading() as connection:
        query = select(Import.id, Import.file_name).where(Import.dataset_id == dataset_id)
        files = {row[0]: row[1] for row in connection.execute(query)}
    for part in stream(columns=(*_COLUMNS, *_BESIDE), size=5000):
        names, hashes, splits, statuses, *beside = zip(*part, strict=True)
        if None in hashes:
            bare = [name for name, hashed in zip(names, hashes, strict=True) if hashed is None]
            found = _hash_contents(stream, bare)
            hashes = tuple(found.get(name, hashed) for name, hashed in zip(names, hashes, strict=True))
        first = rows.add_rows(names, (one or 0 for one in hashes), splits)
        rows.rejected.extend(place for place, one in enumerate(statuses, first) if one == "rejected")
        _tie_rows(rows, first, beside, files)
        told(len(rows))
    _add_turns(rows, stream)
    if (scan := duplicates.latest_scan(dataset_id)) is not None:
        rows.links, rows.searched = duplicates.read_links(scan, rows), True
    return rows


def _hash_contents(stream: Stream, ids: Sequence[int]) -> dict[int, int]:
    found: dict[int, int] = {}
    for some in chunks_of(ids, 500):
        for part in stream(where=[Entry.id.in_(some)]):
            found.update((entry.id, content_hash(content_of(entry))) for entry in map(as_entry, part))
    return found


def _tie_rows(rows: SplitRows, first: int, columns: Sequence[Sequence[Any]], files: dict[int, str]) -> None:
    sources, families, tags, imports, extras = columns
    names = [None if number is None else files.get(number, "") for number in imports]
    for kind, labels in (("source", sources), ("family", families), ("file", names)):
        if any(label is not None for label in labels):
            rows.tie_all(kind, first, labels)
    if any(stored is not None for stored in tags):
        # Few pairs have tags that no other one has.
        lists = {stored: load_json(stored, []) for stored in {*tags}}
        for turn in range(max(map(len, lists.values()))):
            having = {stored: tags[turn] for stored, tags in lists.items() if len(tags) > turn}
            rows.tie_all("tag", first, [having.get(stored) for stored in tags])
    for place, extra in enumerate(extras, first):
        if extra is not None:
            rows.tie_conversation(place, extra, names[place - first])


def _add_turns(rows: SplitRows, stream: Stream) -> None:
    """Note the messages of conversations that one pair goes on with where another ends."""
    named = set(rows.ties("conversation").places.tolist())
    shortest = 0
    for part in stream(where=[Entry.turns.is_not(None)]):
        for entry in map(as_entry, part):
            record = entry.record()
            place = bisect_left(rows.names, entry.id)
            if place not in named and place < len(rows) and rows.names[place] == entry.id:
                rows.add_turns(place, record)
                shortest = min(shortest or len(record.turns), len(record.turns))
    if shortest == 2:
        # Only then can a pair without earlier turns be the beginning of a conversation.
        for part in stream(where=[Entry.turns.is_(None)]):
            for entry in map(as_entry, part):
                place = bisect_left(rows.names, entry.id)
                if place not in named and place < len(rows) and rows.names[place] == entry.id:
                    rows.add_turns(place, entry.record())


def recall_rows(dataset_id: int, snapshot: Snapshot | None = None) -> SplitRows:
    """The same, remembered while nothing of the dataset changes."""
    history.rehash(dataset_id)
    dataset, scan = datasets.get(dataset_id), duplicates.latest_scan(dataset_id)
    seen = (scan.id, scan.checked_at, scan.last_set) if scan else None
    key = (str(db.engine.url), dataset_id, dataset.revision, dataset.last_number, seen, snapshot and snapshot.id)
    with _lock:
        known = _read.get(key)
        if known is None:
            known = _read[key] = read_rows(dataset_id, snapshot=snapshot)
            while len(_read) > _REMEMBERED:
                _read.popitem(last=False)
        _read.move_to_end(key)
        return known


def last_split(dataset_id: int) -> tuple[ChangeSet, SplitOptions] | None:
    """The newest division that is applied, and how it was made."""
    query = select(ChangeSet).where(
        ChangeSet.dataset_id == dataset_id, ChangeSet.kind == KIND, ChangeSet.state.in_(("applied", "compacted"))
    )
    step = db.session.execute(query.order_by(ChangeSet.number.desc()).limit(1)).scalar_one_or_none()
    if step is None:
        return None
    told = json.loads(step.details or "{}").get("options", {})
    return step, decode(SplitOptions, told, "The split", ignore_unknown=True)


def last_options(dataset_id: int) -> SplitOptions | None:
    """How the newest division was made, as another one begins."""
    last = last_split(dataset_id)
    # That pairs were placed anew once is no reason to do so again.
    return replace(last[1], lock=None) if last else None
