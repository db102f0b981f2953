"""The words of an entry as PostgreSQL keeps them: each once for every field that holds it, with its places there."""

from app.core.search.texts import FIELDS, texts_of
from app.core.search.words import fold, words_of
from app.core.stored import StoredEntry

# PostgreSQL keeps no more of a word, and no later or further places.
LONGEST, LAST_PLACE, MOST_PLACES = 500, 16_383, 256
# What the words of each field begin with.
LETTERS = dict(zip(FIELDS, "qasturx", strict=True))
# Kept for an entry of which that does not tell all: its phrases and its longest words are looked for in its texts.
LONG = "\ue001"


def words_vector(entry: StoredEntry) -> str:
    """The entry's words as the text of a ``tsvector``; all fields share one line of places, with gaps between texts."""
    places: dict[str, list[int]] = {}
    at = 0
    for name, texts in texts_of(entry).items():
        for text in texts:
            at += 2
            for word in words_of(fold(text)):
                places.setdefault(LETTERS[name] + word[:LONGEST], []).append(at)
                at += 1
    if at > LAST_PLACE or any(len(found) > MOST_PLACES or len(word) > LONGEST for word, found in places.items()):
        places = {word: [] for word in places}
        places[LONG] = []
    # Words are letters, marks and digits, so that nothing in them needs an escape.
    return " ".join(f"'{word}'" + (":" + ",".join(map(str, found)) if found else "") for word, found in places.items())
