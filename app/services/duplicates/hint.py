"""The hint while somebody types a question: pairs that ask nearly the same, found by the words that they share."""

from collections.abc import Iterable
from dataclasses import dataclass

from rapidfuzz import fuzz, process

from app.core.changes import chunks_of
from app.core.duplicates import Index, Match, compare_texts
from app.core.duplicates.normal import normalise_texts
from app.core.filters import Filters
from app.core.text import is_blank
from app.models import DuplicateScan, Entry, db
from app.services import datasets, entries, search
from app.services.duplicates.groups import latest_scan
from app.services.duplicates.neighbours import equal_nodes
from app.services.duplicates.since import recent_ids
from app.services.duplicates.store import index_folder

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


def find_hints(dataset_id: int, question: str, entry_id: int | None = None, *, size: int = 5) -> list[Hint]:
    """Pairs whose question is nearly this one, most alike first; ``entry_id`` is the pair being edited.

    Looks at candidates that share the rarest words, as the last scan knows them, or most of the words, as the search
    does, so it may pass one over.
    """
    if is_blank(question):
        return []
    question = question[:LONGEST]
    questions = _candidate_questions(dataset_id, question)
    questions.pop(entry_id or 0, None)
    ids = list(questions)
    form, *forms = normalise_texts([question, *(questions[one][:LONGEST] for one in ids)])
    likely: set[int] = set()
    for scorer in (fuzz.ratio, fuzz.token_sort_ratio):
        best = process.extract(form, forms, scorer=scorer, score_cutoff=LEAST, limit=LOOKED_AT)
        likely.update(ids[place] for _, _, place in best)
    hints = [Hint(one, questions[one], compare_texts(question, questions[one])) for one in likely]
    hints = [one for one in hints if one.match.level >= LEAST]
    return sorted(hints, key=lambda one: (-one.match.level, -one.match.score, one.entry_id))[:size]


def _candidate_questions(dataset_id: int, question: str) -> dict[int, str]:
    """The questions, by id, that may be like this one."""
    scan = latest_scan(dataset_id)
    ids = ids_by_words(scan, question) if scan is not None and scan.side != "answer" else None
    questions: dict[int, str] = {}
    if ids is not None and scan is not None:
        # The index knows one of several equal texts; stored pairs lead to the others.
        equal = equal_nodes(scan, ids, largest=2 * CANDIDATES)
        _add_questions(questions, dataset_id, [*sorted(equal), *recent_ids(scan, RECENT)])
    elif datasets.get(dataset_id).entry_count <= SMALL:
        query = entries.select_entries(dataset_id, Filters(), (Entry.id, Entry.question))
        questions.update((row[0], row[1]) for row in db.session.execute(query))
    elif (known := search.find_alike(dataset_id, question)) is not None:
        _add_questions(questions, dataset_id, known)
    return questions


def _add_questions(questions: dict[int, str], dataset_id: int, ids: Iterable[int]) -> None:
    for part in chunks_of(dict.fromkeys(ids), 500):
        query = entries.select_entries(dataset_id, Filters(ids=tuple(part)), (Entry.id, Entry.question))
        questions.update((row[0], row[1]) for row in db.session.execute(query))


def ids_by_words(scan: DuplicateScan, text: str) -> list[int] | None:
    """The ids of pairs that share the rarest words with a text, as the scan knew them; None without an index."""
    try:
        return Index.open(index_folder(scan.id)).candidates(text, CANDIDATES)
    except (FileNotFoundError, ValueError):
        return None
