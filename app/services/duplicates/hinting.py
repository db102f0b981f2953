"""The hint while somebody types a question: pairs that ask nearly the same, found by their rarest words."""

from collections.abc import Sequence
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from app.core.changes import chunks_of
from app.core.duplicates import Index, Match, compare
from app.core.duplicates.normal import normalised_shard
from app.core.text import is_blank
from app.models import DuplicateScan, Entry, db
from app.services import datasets, entries
from app.services.duplicates import listing, neighbours, since, storing
from app.services.entries import Filters

CANDIDATES = 200
RECENT = 1_000
# Without an index all questions of so small a dataset are looked at.
SMALL = 3_000
LEAST = 85
LONGEST = 4_000
# A first, quicker look leaves so many for an exact one.
LOOKED_AT = 20


@dataclass(frozen=True, slots=True)
class Hint:
    """A pair that asks nearly the same."""

    entry_id: int
    question: str
    match: Match


def hint(dataset_id: int, question: str, entry_id: int | None = None, *, size: int = 5) -> list[Hint]:
    """Pairs whose question is nearly this one, most alike first; ``entry_id`` is the pair being edited.

    Looks at candidates that share the rarest words, so it may pass one over.
    """
    if is_blank(question):
        return []
    question = question[:LONGEST]
    found = {one: text for one, text in _candidates(dataset_id, question).items() if one != entry_id}
    hints = [Hint(one, found[one], compare(question, found[one])) for one in _likeliest(question, found)]
    hints = [one for one in hints if one.match.level >= LEAST]
    return sorted(hints, key=lambda one: (-one.match.level, -one.match.score, one.entry_id))[:size]


def _likeliest(question: str, found: dict[int, str]) -> list[int]:
    ids = list(found)
    form, *forms = normalised_shard([question, *(found[one][:LONGEST] for one in ids)])
    likely: dict[int, None] = {}
    for scorer in (fuzz.ratio, fuzz.token_sort_ratio):
        best = process.extract(form, forms, scorer=scorer, score_cutoff=LEAST, limit=LOOKED_AT)
        likely.update(dict.fromkeys(ids[place] for _, _, place in best))
    return list(likely)


def _candidates(dataset_id: int, question: str) -> dict[int, str]:
    scan = listing.latest(dataset_id)
    ids = by_words(scan, question) if scan is not None and scan.side != "answer" else None
    if ids is not None and scan is not None:
        # The index knows one of several equal texts; stored pairs lead to the others.
        equal = neighbours.equal_to(scan, ids, largest=2 * CANDIDATES)
        return questions(dataset_id, [*sorted(equal), *since.recent_ids(scan, RECENT)])
    if datasets.get(dataset_id).entry_count > SMALL:
        return {}
    query = entries.select_entries(dataset_id, Filters(), (Entry.id, Entry.question))
    return {row[0]: row[1] for row in db.session.execute(query)}


def by_words(scan: DuplicateScan, text: str) -> list[int] | None:
    """The ids of pairs that share the rarest words with a text, as the scan knew them; None without an index."""
    try:
        return Index.open(storing.folder(scan.id)).candidates(text, CANDIDATES)
    except (FileNotFoundError, ValueError):
        return None


def questions(dataset_id: int, ids: Sequence[int]) -> dict[int, str]:
    """The questions of live pairs."""
    found: dict[int, str] = {}
    for part in chunks_of(dict.fromkeys(ids), 500):
        query = entries.select_entries(dataset_id, Filters(ids=tuple(part)), (Entry.id, Entry.question))
        found.update((row[0], row[1]) for row in db.session.execute(query))
    return found
