"""What a page shows of a preview: some of its pairs, with what would change in each."""

import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, replace

from app.core.changes import Value
from app.core.cleaning import CleaningStopped, patterns
from app.core.difference import cut_to_change
from app.core.errors import TooLarge
from app.core.filters import Filters
from app.core.record import Record
from app.core.stored import StoredEntry, as_entry
from app.models import Entry, db
from app.services import entries, history
from app.services.bounded import run_bounded
from app.services.cleaning import previews
from app.services.cleaning.options import CleaningOptions
from app.services.cleaning.outcomes import DELETED, DUPLICATE, EMPTIED, KEPT, SPLIT, CleaningOutcome, EntryCleaner
from app.services.cleaning.previews import CleaningPreview
from app.services.cleaning.scanning import CleaningScan, scan_dataset

# The views of a preview, with the flag that its pairs have.
VIEWS = {"all": 0, "emptied": EMPTIED, "duplicates": DUPLICATE, "deleted": DELETED, "split": SPLIT, "kept": KEPT}
LONGEST_SECONDS = 1.5
# Of few pairs a busy machine shows all in that time; the longest texts keep no page for minutes.
FEW_SECONDS = 10.0
_DOING = "Looking for this pattern"
# What patterns of a look may take, and after what it is ended: on long texts they see late that time is up.
# The page is there within two seconds.
PATTERN_SECONDS = 1.5
_ALL_SECONDS = 1.8
# So many characters are shown of a text; of each of many texts the fewer, so that all fit into the answer of a child.
MAX_SHOWN = 4_000
_MAX_SHOWN_OF_MANY = 200
_ROOM = 2_000_000
_MAX_CREATED = 10


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One pair of a preview. ``outcome`` is None where the pair was edited or deleted since.

    ``is_cut`` tells that texts were too long to be shown whole; ``created`` counts all pairs that are split off.
    ``is_left`` tells that showing it takes more than a look may take.
    """

    entry_id: int
    flags: int
    same_as: int
    outcome: CleaningOutcome | None = None
    is_cut: bool = False
    created: int = 0
    is_left: bool = False

    @property
    def question(self) -> str:
        """The question as it is now."""
        return self.outcome.entry.question if self.outcome else ""

    @property
    def fields(self) -> dict[str, tuple[Value, Value]]:
        """The texts that change, the answer last."""
        if self.outcome is None:
            return {}
        return {name: sides for name, sides in self.outcome.fields.items() if name not in ("status", "live")}


def preview_dataset(
    dataset_id: int, wish: CleaningOptions, *, longest_seconds: float | None = LONGEST_SECONDS
) -> CleaningPreview:
    """The preview of a wish for the dataset as it is now: kept, or made by a pass of limited time."""
    token, revision, kept = previews.preview_of(dataset_id, wish)
    if kept is not None and (kept.scan.complete or longest_seconds is not None):
        return kept
    if wish.has_patterns and longest_seconds is not None:
        # While a page waits, a pattern runs where neither its time nor its memory is ours. Hashes are written here.
        history.rehash(dataset_id)
        try:
            scan = run_bounded(_scan_briefly, dataset_id, wish, longest_seconds, doing=_DOING, seconds=_ALL_SECONDS)
        except TooLarge as error:
            raise patterns.too_slow() if "seconds" in error.details else error from error
    else:
        few_seconds = None if longest_seconds is None else FEW_SECONDS
        scan = scan_dataset(dataset_id, wish, longest_seconds=longest_seconds, few_seconds=few_seconds)
    made = CleaningPreview(token, dataset_id, revision, wish, scan)
    previews.save_preview(made)
    return made


def _scan_briefly(dataset_id: int, wish: CleaningOptions, seconds: float) -> CleaningScan:
    # The last text that is begun has its time as well.
    with patterns.limit_time(PATTERN_SECONDS):
        return scan_dataset(dataset_id, wish, longest_seconds=min(seconds, PATTERN_SECONDS - patterns.SECONDS))


def preview_rows(
    preview: CleaningPreview,
    *,
    view: str = "all",
    order: str = "id",
    leave: frozenset[int] = frozenset(),
    skip: int = 0,
    size: int = 50,
) -> tuple[list[PreviewRow], int]:
    """Some pairs of a view of a preview, and how many the view has. ``order`` is id or size (largest change first)."""
    found = preview.scan
    if view == "left":
        places = [place for place, entry_id in enumerate(found.ids) if entry_id in leave]
    elif flag := VIEWS.get(view, 0):
        places = [place for place, flags in enumerate(found.flags) if flags & flag]
    else:
        places = [place for place, flags in enumerate(found.flags) if not flags & KEPT]
    if order == "size":
        places.sort(key=lambda place: -found.sizes[place])
    chosen = places[skip : skip + size]
    asked = preview.dataset_id, preview.wish, tuple(found.ids[place] for place in chosen)
    outcomes: list[tuple[CleaningOutcome, bool, int]] = []
    is_all = True
    if not preview.wish.has_patterns:
        outcomes = list(_cut_outcomes(*asked))
    elif chosen:
        try:
            outcomes, is_all = run_bounded(_outcomes_briefly, *asked, doing=_DOING, seconds=_ALL_SECONDS)
        except TooLarge:
            is_all = False
    last = max((one.entry.id for one, *_ in outcomes), default=0)
    by_id = {one.entry.id: (one, is_cut, created) for one, is_cut, created in outcomes}
    shown = []
    for place in chosen:
        row = PreviewRow(found.ids[place], found.flags[place], found.same[place])
        now = by_id.get(row.entry_id)
        if now is not None and now[0].entry.version == found.versions[place]:
            row = replace(row, outcome=now[0], is_cut=now[1], created=now[2])
        elif not is_all and row.entry_id > last:
            row = replace(row, is_left=True)
        shown.append(row)
    return shown, len(places)


def _outcomes_briefly(
    dataset_id: int, wish: CleaningOptions, ids: tuple[int, ...]
) -> tuple[list[tuple[CleaningOutcome, bool, int]], bool]:
    """What can be shown within the time of a look, and whether that is all: the pass may have had more time."""
    began = time.thread_time()
    shown = []
    with patterns.limit_time(PATTERN_SECONDS), suppress(CleaningStopped):
        for one in _cut_outcomes(dataset_id, wish, ids):
            shown.append(one)
            if time.thread_time() - began > PATTERN_SECONDS - patterns.SECONDS:
                return shown, False
        return shown, True
    return shown, False


def _cut_outcomes(
    dataset_id: int, wish: CleaningOptions, ids: tuple[int, ...]
) -> Iterator[tuple[CleaningOutcome, bool, int]]:
    """What becomes of pairs, cut to what is shown; with whether a change was cut, and how many pairs are split off."""
    cleaner = EntryCleaner(wish.compiled())
    # One by one: whole texts of all rows together may be too large.
    query = entries.select_entries(dataset_id, Filters(ids=ids), cleaner.columns).order_by(Entry.id)
    room = _ROOM
    rows = db.session.execute(query, execution_options={"yield_per": 1})
    for one in cleaner.outcomes(map(as_entry, rows)):
        longest = MAX_SHOWN if room > 0 else _MAX_SHOWN_OF_MANY
        fields = {name: cut_to_change(*sides, longest) for name, sides in one.fields.items()}
        question, answer = one.entry.question[:longest], (one.entry.answer or "")[:longest]
        entry = StoredEntry(question, answer, id=one.entry.id, version=one.entry.version)
        created = [Record(made.question[:longest], made.answer[:longest]) for made in one.created[:_MAX_CREATED]]
        room -= sum(len(text or "") for sides in fields.values() for text in sides) + len(question + answer)
        room -= sum(len(made.question) + len(made.answer) for made in created)
        yield replace(one, entry=entry, fields=fields, created=created), fields != one.fields, len(one.created)
