"""What a page shows of a preview: some of its pairs, with what would change in each."""

from dataclasses import dataclass

from app.core.changes import Value
from app.core.filters import Filters
from app.core.stored import as_entry
from app.models import db
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


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """One pair of a preview. ``outcome`` is None where the pair was edited or deleted since."""

    entry_id: int
    flags: int
    same_as: int
    outcome: CleaningOutcome | None = None

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
        scan = run_bounded(_scan_briefly, dataset_id, wish, longest_seconds, doing="Looking for this pattern")
    else:
        scan = scan_dataset(dataset_id, wish, longest_seconds=longest_seconds)
    made = CleaningPreview(token, dataset_id, revision, wish, scan)
    previews.save_preview(made)
    return made


def _scan_briefly(dataset_id: int, wish: CleaningOptions, seconds: float) -> CleaningScan:
    return scan_dataset(dataset_id, wish, longest_seconds=seconds)


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
    cleaner = EntryCleaner(preview.wish.compiled())
    filters = Filters(ids=tuple(found.ids[place] for place in chosen))
    rows = db.session.execute(entries.select_entries(preview.dataset_id, filters, cleaner.columns))
    outcomes = {one.entry.id: one for one in cleaner.outcomes(map(as_entry, rows))}
    shown = []
    for place in chosen:
        outcome = outcomes.get(found.ids[place])
        if outcome is not None and outcome.entry.version != found.versions[place]:
            outcome = None
        shown.append(PreviewRow(found.ids[place], found.flags[place], found.same[place], outcome))
    return shown, len(places)
