"""Several pairs pasted at once: read as any file is, looked at without being kept, and added as one step."""

from dataclasses import replace

from app.core.errors import LttError
from app.models import Import
from app.services import uploads
from app.services.imports import waiting
from app.services.imports.previewing import Preview, preview
from app.services.imports.running import get
from app.services.imports.settings import Settings
from app.services.imports.tasks import start
from app.services.uploads import Upload

PASTED = Settings(on_duplicate="skip", remember=False)


def preview_pasted(dataset_id: int, text: str) -> Preview:
    """What adding the pasted pairs would do. Nothing of the text is kept. Raises Invalid where it is no data."""
    upload = uploads.save_text(text)
    try:
        return preview(dataset_id, upload, _settings_of(upload))
    finally:
        uploads.remove(upload.token)


def add_pasted(dataset_id: int, text: str) -> Import:
    """Add the pasted pairs as one import, without those that are there already; what is bad goes to quarantine.

    Raises Invalid where no pair can be read, or where it is not clear which column is what; nothing is kept then.
    """
    upload = uploads.save_text(text)
    row = waiting.add(dataset_id, upload, PASTED)
    try:
        start(row.id, _settings_of(upload))
    except LttError:
        if get(row.id).state == "waiting":
            waiting.discard(row.id)
        raise
    return get(row.id)


def _settings_of(upload: Upload) -> Settings:
    found = waiting.detect(upload, PASTED)
    if found.layout == "columns" and not found.header and not found.mapping and len(found.columns) == 2:
        # Two columns without names, as spreadsheets give them: people write the question first.
        return replace(PASTED, mapping=dict(zip(("question", "answer"), found.columns, strict=True)))
    return PASTED
