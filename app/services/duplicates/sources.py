"""Where pairs came from, in words, and how the pair that is kept takes over tags and sources of the others."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.changes import Value, chunks_of
from app.core.record import dump_json, load_json
from app.models import ChangeSet, Entry, Import, db
from app.services.entries import StoredEntry

# The key in a pair's extra values that lists where its removed copies came from.
SOURCES = "sources"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a pair came from (empty where it was written by hand) and when it was added."""

    source: str = ""
    created_at: datetime | None = None


def origins(ids: Iterable[int]) -> dict[int, Origin]:
    """The origins of pairs."""
    columns = (Entry.id, Import.file_name, Entry.source_row, ChangeSet.created_at)
    query = select(*columns).outerjoin(Import, Import.id == Entry.import_id)
    query = query.outerjoin(ChangeSet, ChangeSet.id == Entry.created_in)
    found: dict[int, Origin] = {}
    for part in chunks_of(ids, 500):
        for row in db.session.execute(query.where(Entry.id.in_(part))):
            found[row[0]] = Origin(sentence(row[1], row[2]), row[3])
    return found


def sentence(file_name: str | None, row: int | None) -> str:
    """``faq.csv, row 12``."""
    if not file_name:
        return ""
    return f"{file_name}, row {row:,}" if row else file_name


def united(
    tags: Value, extra: Value, others: Sequence[Value], sources: Sequence[str], own_source: str
) -> Mapping[str, tuple[Value, Value]]:
    """What the pair that is kept takes over, as the fields of a change: the tags of the others and their sources."""
    fields: dict[str, tuple[Value, Value]] = {}
    mine: list[str] = load_json(tags, [])
    all_tags = dict.fromkeys([*mine, *(tag for one in others for tag in load_json(one, []))])
    if len(all_tags) > len(mine):
        fields["tags"] = (tags, dump_json(list(all_tags)))
    kept = load_json(extra, {})
    known = kept.get(SOURCES, [])
    new = [one for one in dict.fromkeys(sources) if one and one != own_source]
    if isinstance(known, list) and (new := [one for one in new if one not in known]):
        fields["extra"] = (extra, dump_json({**kept, SOURCES: [*known, *new]}))
    return fields


def take_over(kept: StoredEntry, going: Sequence[StoredEntry]) -> dict[str, tuple[Value, Value]]:
    """What a pair takes over from those that go."""
    found = origins([kept.id, *(one.id for one in going)])
    sources = [found[one.id].source for one in going if one.id in found]
    own = found[kept.id].source if kept.id in found else ""
    return dict(united(kept.tags, kept.extra, [one.tags for one in going], sources, own))
