"""Two texts side by side: how alike they are, what they differ in, and why a search would put them together."""

from app.core.duplicates.base import EXACT, NORMALISED, Match
from app.core.duplicates.differences import differences
from app.core.duplicates.normal import normalised
from app.core.duplicates.scores import score


def compare(left: str, right: str, *, strict: bool | None = None) -> Match:
    """How alike two texts are. Answers are compared ``strict``: in them other words count however long they are."""
    if left == right:
        return Match(EXACT, 100.0, (), "Both are the same, letter by letter.")
    one, other = normalised(left), normalised(right)
    if one == other:
        return Match(NORMALISED, 100.0, (), "They differ in case, spaces, punctuation or hidden characters only.")
    alike = score(one, other)
    return Match(int(alike), alike, tuple(differences(left, right, one, other, strict=strict)), _why(one, other))


def _why(one: str, other: str) -> str:
    words, others = set(one.split()), set(other.split())
    if words == others:
        return "They have the same words in another order."
    return f"They share {len(words & others)} of {len(words | others)} words."
