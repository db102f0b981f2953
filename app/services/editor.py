"""What the editor shows beside a pair: how many tokens its texts have, and where it comes from."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from app.core.record import load_json
from app.core.stored import StoredEntry
from app.core.tokens import FAMILIES, find_family
from app.models import ChangeSet, Dataset, Entry, Import, db
from app.providers.tokenizers import load_tokenizer
from app.services import validation


@dataclass(frozen=True, slots=True)
class TokenCounts:
    """The tokens of texts by their names, as a ``family`` of models counts; an estimate if not ``exact``."""

    tokens: Mapping[str, int]
    exact: bool
    family: str


def count_tokens(dataset: Dataset, texts: Mapping[str, str]) -> TokenCounts:
    """Count texts as the usual model of the dataset's first target does."""
    profile = validation.known_profiles().get(validation.read_choices(dataset).profiles[0])
    tokenizer = load_tokenizer(find_family(profile.models[0].name) if profile and profile.models else "")
    title = FAMILIES[tokenizer.family].title if tokenizer.exact else ""
    return TokenCounts({name: tokenizer.count(text) for name, text in texts.items()}, tokenizer.exact, title)


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a pair comes from: a file and its row, or who wrote it; and what its file says of document and model.

    The import is of the dataset into which the file was read, from where the pair may have been copied or moved.
    """

    actor: str
    at: datetime | None
    dataset_id: int | None = None
    import_id: int | None = None
    file_name: str = ""
    row: int | None = None
    document: str = ""
    passage: str = ""
    model: str = ""


def provenance_of(entry: StoredEntry) -> Provenance:
    """Where a pair comes from."""
    is_there = (Dataset.id == Import.dataset_id) & Dataset.deleted_at.is_(None)
    query = select(ChangeSet.actor, ChangeSet.created_at, Dataset.id, Import.id, Import.file_name).select_from(Entry)
    query = query.outerjoin(ChangeSet, ChangeSet.id == Entry.created_in).outerjoin(Import, Import.id == Entry.import_id)
    actor, at, read_into, import_id, file_name = db.session.execute(
        query.outerjoin(Dataset, is_there).where(Entry.id == entry.id)
    ).one()
    extra = load_json(entry.extra, {})
    said = {
        name: extra[name] for name in ("document", "passage", "context", "model") if isinstance(extra.get(name), str)
    }
    return Provenance(
        actor or "",
        at,
        read_into,
        import_id,
        file_name or "",
        entry.source_row,
        entry.source or said.get("document", ""),
        said.get("passage") or said.get("context", ""),
        said.get("model", ""),
    )
