"""Pages of a list in any order, by keyset: a link stays right whatever is added or deleted elsewhere."""

from dataclasses import dataclass

import numpy as np

from app.core.errors import BadUsage
from app.core.filters import EVERY, Filters
from app.core.text import is_number
from app.services import entries
from app.services.entries import Page
from app.services.lists.columns import UNKNOWN, Array, Columns, load_columns
from app.services.lists.counting import matching

ORDERS = (*entries.ORDERS, "edited", "longest", "shortest", "most-tokens", "fewest-tokens", "random")
_LARGE = np.iinfo(np.int64).max


@dataclass(frozen=True, slots=True)
class Order:
    """An order of pairs; ``seed`` is for the random one: the same seed, the same order of the same pairs."""

    name: str = "newest"
    seed: int = 1

    @property
    def is_by_id(self) -> bool:
        """Whether pairs follow one another by their ids, so that the database tells it as well."""
        return self.name in entries.ORDERS


def list_page(
    dataset_id: int,
    filters: Filters,
    *,
    cursor: str = "",
    order: Order | None = None,
    size: int = 50,
    columns: Columns | None = None,
) -> Page:
    """One page of a list. ``cursor`` is that of a neighbour page, ``columns`` those of now where they are at hand."""
    order = order or Order()
    columns = _columns_for(dataset_id, filters, order, columns)
    if columns is None:
        return entries.list_page(dataset_id, filters, cursor=cursor, order=order.name, size=size)
    backwards, anchor = _read_cursor(cursor, order)
    places = np.flatnonzero(matching(columns, dataset_id, filters))
    values, descending = _values(columns, places, order)
    chosen = _take(places, values, columns.ids, descending != backwards, anchor, size + 1)
    more, chosen = len(chosen) > size, chosen[:size]
    if backwards:
        chosen = chosen[::-1]
    found = entries.by_ids(dataset_id, columns.ids[chosen].tolist())
    rows = [found[one] for one in columns.ids[chosen].tolist() if one in found]

    def cursor_at(direction: str, place: int) -> str:
        entry_id = int(columns.ids[place])
        if order.is_by_id:
            return f"{direction}:{entry_id}"
        value = int(values[np.searchsorted(places, place)])
        return f"{direction}:{value}:{entry_id}"

    has_previous = more if backwards else anchor is not None
    has_next = True if backwards else more
    return Page(
        rows,
        cursor_at("before", chosen[0]) if len(chosen) and has_previous else None,
        cursor_at("after", chosen[-1]) if len(chosen) and has_next else None,
    )


def neighbours_of(
    dataset_id: int, filters: Filters, entry_id: int, order: Order | None = None, columns: Columns | None = None
) -> tuple[int | None, int | None]:
    """The ids before and after an entry in a list."""
    order = order or Order()
    columns = _columns_for(dataset_id, filters, order, columns)
    if columns is None:
        return entries.neighbours_of(dataset_id, filters, entry_id, order.name)
    here = columns.places([entry_id])
    if not len(here):
        return None, None
    places = np.flatnonzero(matching(columns, dataset_id, filters))
    own, descending = _values(columns, here, order)
    values, _ = _values(columns, places, order)
    anchor = int(own[0]), entry_id
    before, after = (
        _take(places, values, columns.ids, descending != backwards, anchor, 1) for backwards in (True, False)
    )
    return (
        int(columns.ids[before[0]]) if len(before) else None,
        int(columns.ids[after[0]]) if len(after) else None,
    )


def _columns_for(dataset_id: int, filters: Filters, order: Order, columns: Columns | None) -> Columns | None:
    """The columns where the list needs them, or is quicker by them; None where the database tells it as well."""
    if order.name not in ORDERS:
        raise BadUsage(f"There is no order {order.name!r}. Use one of {', '.join(ORDERS)}.")
    if order.is_by_id and (filters == EVERY or filters.text):
        return None
    columns = columns or load_columns(dataset_id, read=not order.is_by_id)
    # What is not known yet is only told by the texts themselves.
    return None if order.is_by_id and columns is not None and columns.unknown and filters.asks_facts else columns


def _values(columns: Columns, places: Array, order: Order) -> tuple[Array, bool]:
    """What the rows are ordered by, and whether the largest comes first. Rows of one value go by their ids."""
    ids = columns.ids[places]
    if order.is_by_id:
        return ids, order.name == "newest"
    if order.name == "edited":
        return columns.edited[places], True
    if order.name == "random":
        return _scatter(ids, order.seed), False
    cells = (columns.chars if order.name in ("longest", "shortest") else columns.tokens)[places].astype(np.int64)
    descending = order.name in ("longest", "most-tokens")
    # What is not measured yet comes last.
    return cells if descending else np.where(cells == UNKNOWN, _LARGE, cells), descending


def _scatter(ids: Array, seed: int) -> Array:
    """A number for each id that looks drawn by chance, never the same for two (the mixing of SplitMix64)."""
    with np.errstate(over="ignore"):
        mixed = ids.astype(np.uint64) + np.uint64(seed % 2**32) * np.uint64(0x9E3779B97F4A7C15)
        mixed = (mixed ^ (mixed >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        mixed = (mixed ^ (mixed >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return (mixed ^ (mixed >> np.uint64(31))).view(np.int64)


def _take(
    places: Array, values: Array, ids: Array, descending: bool, anchor: tuple[int, int] | None, size: int
) -> Array:
    """The first ``size`` places beyond the anchor, in order."""
    if anchor is not None:
        value, entry_id = anchor
        beyond, same = (values < value, values == value) if descending else (values > value, values == value)
        here = ids[places]
        keep = beyond | (same & ((here < entry_id) if descending else (here > entry_id)))
        places, values = places[keep], values[keep]
    if len(places) > 4 * size:
        # Only those up to the value of the last one wanted are put in order; of many alike, the first by id.
        cut = np.partition(values, len(values) - size if descending else size - 1)
        limit = cut[len(values) - size] if descending else cut[size - 1]
        sure = (values > limit) if descending else (values < limit)
        alike = np.flatnonzero(values == limit)
        alike = alike[::-1][:size] if descending else alike[:size]
        chosen = np.concatenate([np.flatnonzero(sure), alike])
        places, values = places[chosen], values[chosen]
    in_order = np.lexsort((ids[places], values))
    return places[in_order[::-1] if descending else in_order][:size]


def _read_cursor(cursor: str, order: Order) -> tuple[bool, tuple[int, int] | None]:
    if not cursor:
        return False, None
    direction, _, rest = cursor.partition(":")
    value, _, entry_id = rest.rpartition(":")
    value = value or entry_id
    if direction not in ("after", "before") or not is_number(entry_id) or order.is_by_id != (":" not in rest):
        raise entries.bad_cursor()
    sign, digits = value[:1] == "-", value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 20 and int(digits) <= _LARGE):
        raise entries.bad_cursor()
    return direction == "before", (-int(digits) if sign else int(digits), int(entry_id))
