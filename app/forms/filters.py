"""The part of an address that says which pairs."""

from werkzeug.datastructures import MultiDict

from app.core.filters import Filters
from app.core.record import SPLITS, STATUSES


def read_filters(values: "MultiDict[str, str]") -> Filters:
    """The filters of an address; a status or split that there is not says nothing."""
    return Filters(
        text=values.get("q", ""),
        statuses=tuple(one for one in values.getlist("status") if one in STATUSES),
        splits=tuple(one for one in values.getlist("split") if one in SPLITS),
        tags=tuple(values.getlist("tag")[:50]),
        import_id=values.get("import", type=int),
    )
