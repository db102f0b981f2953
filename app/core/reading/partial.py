"""What can be read of a row that is refused: its parts, with nothing in the place of what is missing."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any, TypeVar

from app.core.errors import Invalid
from app.core.formats import BadRow, Row
from app.core.layouts.conversation import find_container
from app.core.layouts.paths import has_value
from app.core.layouts.shapes import ROLE_KEYS, TEXT_KEYS, is_chat, unpacked
from app.core.reading.records import Read, records_of
from app.core.reading.settings import ReadSettings

S = TypeVar("S", bound=ReadSettings)


def forgiving(settings: S) -> S:
    """The settings, and what is missing may be missing: texts of a row may be empty, or be objects."""
    return replace(settings, allow_unanswered=True, allow_empty_prompt=True, objects=True)


def read_parts(row: Row, settings: ReadSettings) -> Read | None:
    """The row and the record of its parts; None where its layout finds none in it."""
    for values in _fill_missing(row.values, settings):
        try:
            [found] = records_of([row._replace(values=values)], forgiving(settings))
        except Invalid:
            return None
        if not isinstance(found, BadRow):
            return found
    return None


def _fill_missing(values: Mapping[str, Any], settings: ReadSettings) -> Iterator[dict[str, Any]]:
    """The values as they are, then with an empty text or answer where one is missing altogether."""
    filled = dict(values)
    yield filled
    if settings.layout == "columns":
        # What has none of the columns says nothing.
        if any(has_value(values, name) for name in settings.mapping.values()):
            names = [settings.mapping.get(target, target) for target in ("question", "answer")]
            yield {**filled, **{name: "" for name in names if not has_value(values, name)}}
        return
    container = find_container(filled, "messages")
    if is_chat(filled.get(container)):
        messages = unpacked(filled[container])
        keys = [next((key for key in names if key in messages[0]), names[0]) for names in (ROLE_KEYS, TEXT_KEYS)]
        yield {**filled, container: [*messages, dict(zip(keys, ("assistant", ""), strict=True))]}
