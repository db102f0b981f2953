"""Two texts side by side: how alike they are, what they differ in, and why a search would put them together."""

from app.core.duplicates.base import EXACT, NORMALISED, Match
from app.core.duplicates.differences import find_differences
from app.core.duplicates.normal import normalise_text
from app.core.duplicates.scores import score_forms


def compare_texts(left: str, right: str, *, strict: bool | None = None) -> Match:
    """How alike two texts are. Answers are compared ``strict``: in them other words count however long they are."""
    if left == right:
        return Match(EXACT, 100.0, (), "Both are the same, letter by letter.")
    one, other = normalise_text(left), normalise_text(right)
    if one == other:
        return Match(NORMALISED, 100.0, (), "They differ in case, spaces, punctuation or hidden characters only.")
    alike = score_forms(one, other)
    words, others = set(one.split()), set(other.split())
    if words == others:
        why = "They have the same words in another order."
    else:
        why = f"They share {len(words & others)} of {len(words | others)} words."
    return Match(int(alike), alike, tuple(find_differences(left, right, one, other, strict=strict)), why)
