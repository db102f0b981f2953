"""What a page shows of a preview: some of its pairs, with what would change in each."""

from collections.abc import Iterator
from dataclasses import dataclass

from app.core.changes import Value
from app.core.stored import as_entry
from app.models import db
from app.services import entries
from app.services.cleaning import previews
from app.services.cleaning.outcomes import DELETED, DUPLICATE, EMPTIED, KEPT, SPLIT, Outcome, Washer
from app.services.cleaning.previews import Preview
from app.services.cleaning.scanning import scan
from app.services.cleaning.wishes import Cleaning
from app.services.entries import Filters

# The views of a preview, with the flag that its pairs have.
VIEWS = {"all": 0, "emptied": EMPTIED, "duplicates": DUPLICATE, "deleted": DELETED, "split": SPLIT, "kept": KEPT}
LONGEST_SECONDS = 1.5


@dataclass(frozen=True, slots=True)
class Shown:
    """One pair of a preview. ``outcome`` is None where the pair was edited or deleted since."""

    entry_id: int
    flags: int
    same_as: int
    outcome: Outcome | None = None

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


def look(dataset_id: int, wish: Cleaning, *, longest_seconds: float | None = LONGEST_SECONDS) -> Preview:
    """The preview of a wish for the dataset as it is now: kept, or made by a pass of limited time."""
    token, revision, kept = previews.of(dataset_id, wish)
    if kept is not None and (kept.scan.complete or longest_seconds is not None):
        return kept
    made = Preview(token, dataset_id, revision, wish, scan(dataset_id, wish, longest_seconds=longest_seconds))
    previews.save(made)
    return made


def show(
    preview: Preview, *, view: str = "all", order: str = "id", leave: frozenset[int] = frozenset(), skip: int = 0,
    size: int = 50,
) -> tuple[list[Shown], int]:  # fmt: skip
    """Some pairs of a view of a preview, and how many the view has. ``order`` is id or size (largest change first)."""
    found = preview.scan
    places = list(_places(preview, view, leave))
    if order == "size":
        places.sort(key=lambda place: -found.sizes[place])
    chosen = places[skip : skip + size]
    outcomes = _outcomes(preview, [found.ids[place] for place in chosen])
    return [_shown(preview, place, outcomes) for place in chosen], len(places)


def _places(preview: Preview, view: str, leave: frozenset[int]) -> Iterator[int]:
    found = preview.scan
    if view == "left":
        return (place for place, entry_id in enumerate(found.ids) if entry_id in leave)
    flag = VIEWS.get(view, 0)
    if flag:
        return (place for place, flags in enumerate(found.flags) if flags & flag)
    return (place for place, flags in enumerate(found.flags) if not flags & KEPT)


def _outcomes(preview: Preview, ids: list[int]) -> dict[int, Outcome]:
    washer = Washer(preview.wish.compiled())
    query = entries.query(preview.dataset_id, Filters(ids=tuple(ids)), washer.columns)
    return {one.entry.id: one for one in washer.outcomes(map(as_entry, db.session.execute(query)))}


def _shown(preview: Preview, place: int, outcomes: dict[int, Outcome]) -> Shown:
    found = preview.scan
    outcome = outcomes.get(found.ids[place])
    if outcome is not None and outcome.entry.version != found.versions[place]:
        outcome = None
    return Shown(found.ids[place], found.flags[place], found.same[place], outcome)
