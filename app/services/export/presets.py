"""Choices of exports that are kept under a name, for each dataset its own."""

from sqlalchemy import select

from app.core.errors import Conflict, Invalid, NotFound
from app.core.options import decode, encode
from app.models import ExportPreset, db, transaction
from app.services import datasets, entries
from app.services.export.options import ExportOptions

MAX_NAME = 80
MOST = 50


def save_preset(dataset_id: int, name: str, options: ExportOptions) -> ExportPreset:
    """Keep the choices of an export under a name, in place of what that name stood for. Raises Invalid, Conflict."""
    name, values = _clean_name(name), encode(options, only_changed=True)
    with transaction() as session:
        datasets.get(dataset_id)
        found = _find(dataset_id, name)
        if found is None:
            if len(list_presets(dataset_id)) >= MOST:
                raise Conflict(f"A dataset keeps up to {MOST} choices. Delete one first.", code="too_many")
            found = ExportPreset(dataset_id=dataset_id, name=name)
            session.add(found)
        found.options = values
        session.flush()
        return found


def list_presets(dataset_id: int) -> list[ExportPreset]:
    """The kept choices of a dataset, by name."""
    query = select(ExportPreset).where(ExportPreset.dataset_id == dataset_id)
    return sorted(db.session.execute(query).scalars(), key=lambda one: one.name.casefold())


def read_preset(dataset_id: int, name: str) -> ExportOptions:
    """The options that a name stands for. Raises NotFound, and Invalid where they can be no more."""
    found = _find(dataset_id, name)
    if found is None:
        have = ", ".join(one.name for one in list_presets(dataset_id)) or "none"
        raise NotFound(f"There are no choices named {name!r}. There are: {have}.", code="no_preset")
    return options_of_preset(found).checked()


def options_of_preset(preset: ExportPreset) -> ExportOptions:
    """The options as they were kept, perhaps by another version."""
    return decode(ExportOptions, preset.options, preset.name, ignore_unknown=True)


def delete_preset(dataset_id: int, name: str) -> None:
    """Forget choices. Raises NotFound."""
    with transaction() as session:
        read = _find(dataset_id, name)
        if read is None:
            raise NotFound(f"There are no choices named {name!r}.", code="no_preset")
        session.delete(read)


def _find(dataset_id: int, name: str) -> ExportPreset | None:
    query = select(ExportPreset).where(ExportPreset.dataset_id == dataset_id, ExportPreset.name == name.strip())
    return db.session.execute(query).scalar_one_or_none()


def _clean_name(name: str) -> str:
    name = " ".join(name.split())
    if not name:
        raise Invalid("The choices need a name.", code="blank_name")
    if len(name) > MAX_NAME or "/" in name:
        raise Invalid(f"A name has up to {MAX_NAME} characters and no slash. Use another.", code="bad_name")
    entries.check_text(name, "name")
    return name
