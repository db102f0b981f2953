"""What the rows of a file mean, judged by their keys and values, with a reason for each guess."""

from collections.abc import Sequence

from app.core.layouts.mapping import guess_columns
from app.core.layouts.registry import LAYOUTS
from app.core.layouts.sample import Recognition, Row, Sample


def recognise(rows: Sequence[Row]) -> Recognition:
    """Recognise the layout of sample rows: the one that has a place for most of their columns, else plain columns.

    ``ask`` means that a person must choose the columns.
    """
    if not rows:
        return Recognition("columns", confidence="ask", reasons={"layout": "there are no rows to look at"})
    sample = Sample(rows)
    claims = {layout.name: claim for layout in LAYOUTS.values() if (claim := layout.recognises(sample))}
    if not claims:
        return guess_columns(sample)
    best = max(claims, key=lambda name: len(claims[name].columns))
    return Recognition(best, reasons={"layout": claims[best].reason})
