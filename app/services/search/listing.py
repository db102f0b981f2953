"""All words of an index as one text, in which letters inside words are looked for.

SQLite's index names its words as well, but reads all places of each one for that: a second and more for a million
words, which take 15 ms as one text.
"""

from collections.abc import Callable, Iterator
from typing import Any

from sqlalchemy import Select, and_, column, func, or_, select, table

from app.core.search.texts import texts_of
from app.core.search.words import fold, words_of
from app.core.stored import as_entry
from app.models import Dataset, Entry, SearchState, SearchWords, Turns, db, end_reading
from app.services.search.facts import READ
from app.services.search.marking import MADE_BY, forget_words, table_name, words_name

# The words of up to so many entries that came later are taken from their texts.
MOST_UNLISTED = 2_000
# SQLite's index keeps so many bytes of a word. Of what is cut off nobody knows what it held.
_WORD_BYTES = 32_768
_LEAST_CUT = _WORD_BYTES // 4
_PART = 10_000


def list_words() -> bool:
    """List the words of one index that has no list, or an old one; False where there was none. Raises Busy."""
    for dataset_id, number, upto in _find_unlisted():
        words = table(words_name(table_name(dataset_id, number)), column("term"))
        parts: list[str] = []
        is_cut = False
        for part in db.session.execute(select(words.c.term)).scalars().partitions(_PART):
            parts.append("\n".join((*part, "")))
            is_cut = is_cut or max(map(len, part)) >= _LEAST_CUT
        listed = None if is_cut else "\n" + "".join(parts)
        end_reading()
        with Turns() as turns:
            turns.stand_back()
            session = turns.begin()
            forget_words(session, dataset_id)
            state = session.get(SearchState, dataset_id, populate_existing=True)
            # The words of an index that was dropped meanwhile are not kept.
            if state is not None and state.index_number == number:
                session.add(SearchWords(dataset_id=dataset_id, index_number=number, upto=upto, words=listed))
            turns.pause()
        return True
    end_reading()
    return False


def _find_unlisted() -> Iterator[tuple[int, int, int]]:
    """Indexes without a list that is new enough: dataset, number of the index, and the last entry that it knows."""
    of_index = SearchWords.dataset_id == SearchState.dataset_id, SearchWords.index_number == SearchState.index_number
    rows = db.session.execute(
        select(SearchState.dataset_id, SearchState.index_number, SearchState.index_upto, SearchWords.upto)
        .join(Dataset, Dataset.id == SearchState.dataset_id)
        .outerjoin(SearchWords, and_(*of_index))
        .where(SearchState.index_number > 0, SearchState.made_by == MADE_BY, Dataset.deleted_at.is_(None))
    ).all()
    for dataset_id, number, upto, listed in rows:
        if listed is None or (
            listed < upto and len(db.session.execute(_unlisted(dataset_id, listed, upto)).all()) > MOST_UNLISTED
        ):
            yield dataset_id, number, upto


def _unlisted(dataset_id: int, listed: int, upto: int) -> Select[Any]:
    """The texts of what came to an index since its words were listed, up to one more than are looked at."""
    since = Entry.dataset_id == dataset_id, Entry.deleted_in.is_(None), Entry.id > listed, Entry.id <= upto
    return select(*READ).where(*since).limit(MOST_UNLISTED + 1)


def find_words(
    execute: Callable[..., Any], dataset_id: int, number: int, upto: int, letters: str, *, ends: bool, most: int
) -> list[str] | None:
    """The words of an index that hold the letters, or end with them; None where they are more than ``most``.

    ``number`` and ``upto`` are those of the index. None also where one of its words is not kept whole.
    """
    mine = SearchWords.dataset_id == dataset_id, SearchWords.index_number == number
    listed = execute(select(SearchWords.upto, SearchWords.words).where(*mine)).first()
    newer = execute(_unlisted(dataset_id, listed.upto, upto)).all() if listed and listed.upto < upto else ()
    if listed is None or len(newer) > MOST_UNLISTED:
        return _ask_index(execute, table_name(dataset_id, number), letters, ends=ends, most=most)
    texts = (text for row in newer for of_field in texts_of(as_entry(row)).values() for text in of_field)
    unlisted = {word for text in texts for word in words_of(fold(text))}
    if listed.words is None or any(len(word) >= _LEAST_CUT for word in unlisted):
        return None
    found = {word for word in unlisted if (word.endswith(letters) if ends else letters in word)}
    sought = letters + "\n" if ends else letters
    place = listed.words.find(sought)
    while place >= 0 and len(found) <= most:
        end = listed.words.index("\n", place + len(letters))
        found.add(listed.words[listed.words.rindex("\n", 0, place) + 1 : end])
        place = listed.words.find(sought, end)
    return sorted(found) if len(found) <= most else None


def _ask_index(execute: Callable[..., Any], index: str, letters: str, *, ends: bool, most: int) -> list[str] | None:
    """The same from the index itself."""
    words = table(words_name(index), column("term"))
    place = func.substr(words.c.term, -len(letters)) == letters if ends else func.instr(words.c.term, letters) > 0
    is_cut = func.length(words.c.term) >= _LEAST_CUT
    found = execute(select(words.c.term).where(or_(place, is_cut)).limit(most + 1)).scalars().all()
    if len(found) > most or any(len(word) >= _LEAST_CUT for word in found):
        return None
    return list(found)
