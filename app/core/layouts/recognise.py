"""What the rows of a file mean, judged by their keys and values, with a reason for each guess."""

from collections.abc import Sequence

from app.core.layouts.answers import BETTER, REJECTED
from app.core.layouts.base import with_usual_names
from app.core.layouts.mapping import guess_columns
from app.core.layouts.registry import LAYOUTS
from app.core.layouts.sample import Recognition, Sample
from app.core.layouts.shapes import Row

# Layouts whose columns people name by hand, and the names that they go by.
_COLUMN_LAYOUTS = ("preference", "trl-kto", "alpaca", "prompt-completion")
_COLUMN_NAMES = frozenset({*BETTER, *REJECTED, *(name for layout in _COLUMN_LAYOUTS for name in LAYOUTS[layout].keys)})


def recognise(rows: Sequence[Row]) -> Recognition:
    """Recognise the layout of sample rows: the one with a place for most of their columns, else plain columns.

    ``ask`` means that a person must choose the columns.
    """
    if not rows:
        return Recognition("columns", confidence="ask", reasons={"layout": "there are no rows to look at"})
    sample = Sample(rows)
    claims = {layout.name: claim for layout in LAYOUTS.values() if (claim := layout.recognises(sample))}
    guess = guess_columns(sample)
    if not claims:
        return _recognise_renamed(rows) or guess
    claims = {name: claim for name, claim in claims.items() if claim.special} or claims
    most = max(len(claim.columns) for claim in claims.values())
    best = [name for name, claim in claims.items() if len(claim.columns) == most]
    claim = claims[best[0]]
    question, answer = guess.mapping.get("question", ""), guess.mapping.get("answer", "")
    pairs = sample.count(lambda row: question in row and answer in row and claim.columns.isdisjoint(row))
    if pairs > claim.rows:
        return guess
    if len(best) > 1 and claims[best[1]].columns.isdisjoint(claim.columns) and claim.columns.isdisjoint(sample.chats):
        titles = " or ".join(LAYOUTS[name].title for name in best)
        warning = f"The rows could be {titles}. Choose the layout, or the columns of question and answer."
        return Recognition("columns", {}, "ask", {"layout": "its columns fit several layouts"}, (warning,))
    confidence = "sure" if claim.is_sure else "ask"
    return Recognition(best[0], dict(claim.mapping), confidence, {"layout": claim.reason})


def _recognise_renamed(rows: Sequence[Row]) -> Recognition | None:
    """The layout of rows whose columns are called in other letters, where it has a place for more than a pair."""
    sample = Sample([with_usual_names(row, _COLUMN_NAMES) for row in rows])
    for layout in (LAYOUTS[name] for name in _COLUMN_LAYOUTS):
        claim = layout.recognises(sample)
        if claim and len(claim.columns) > 2:
            return Recognition(layout.name, reasons={"layout": claim.reason})
    return None
