"""The part of an address that says which pairs."""

from werkzeug.datastructures import MultiDict

from app.core.filters import Filters, read_ids
from app.core.record import SPLITS, STATUSES
from app.forms.arguments import read_choices, read_whole


def read_filters(values: "MultiDict[str, str]") -> Filters:
    """The filters of an address. Raises BadUsage for a status or split that there is not."""
    return Filters(
        text=values.get("q", ""),
        statuses=read_choices(values.getlist("status"), "status", STATUSES),
        splits=read_choices(values.getlist("split"), "split", SPLITS),
        tags=tuple(filter(None, values.getlist("tag"))),
        ids=read_ids(values.get("ids", "")),
        import_id=read_whole(values, "import", None),
        finding=values.get("finding", "")[:60],
        left_out=values.get("left_out", "")[:80],
    )
