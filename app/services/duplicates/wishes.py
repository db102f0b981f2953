"""What a scan is asked: which texts are compared, and with what."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from flask import current_app

from app.core.duplicates import SIDES, semantic
from app.core.errors import Invalid
from app.core.record import SPLITS
from app.core.text import clip
from app.services import datasets, uploads

# The kind of all change sets and jobs that settle duplicates.
KIND = "duplicates"
SCOPES = ("own", "dataset", "file", "splits")
Other = tuple[str, Any]
NO_MODEL = (
    "Meanings cannot be compared: name the folder of a static model by LTT_SEMANTIC_MODEL, and install the extra "
    "“semantic” of this package."
)
_COMPARED = {"question": "questions", "answer": "answers", "pair": "questions with answers"}


@dataclass(frozen=True, slots=True)
class Wish:
    """Which texts to compare (question, answer or pair), and with what.

    ``other`` is None for the dataset itself, ``("dataset", id)``, ``("file", token of an upload)`` or
    ``("splits", names)``, where no names mean all three. With
    ``semantic`` texts that say the same in other words are looked for as well.
    """

    side: str = "question"
    other: Other | None = None
    semantic: bool = False

    @property
    def kind(self) -> str:
        """What the pairs are compared with: own, dataset, file or splits."""
        return self.other[0] if self.other else "own"

    def check(self, dataset_id: int) -> None:
        """Raise Invalid, NotFound or Gone where this cannot be searched."""
        datasets.get(dataset_id)
        if self.side not in SIDES:
            raise Invalid(f"There is no side {clip(self.side)!r}. Use one of {', '.join(SIDES)}.", code="bad_side")
        if self.kind not in SCOPES:
            raise Invalid(f"There is no scope {clip(self.kind)!r}. Use one of {', '.join(SCOPES)}.", code="bad_scope")
        if self.kind == "dataset" and datasets.get(self._value).id == dataset_id:
            raise Invalid("This is the same dataset. Choose another one.", code="same_dataset")
        if self.semantic:
            require_model()
        if self.kind == "file":
            uploads.get(self._value)
        if self.kind == "splits":
            _check_splits(self.splits)

    @property
    def _value(self) -> Any:
        return self.other[1] if self.other else None

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits to compare."""
        return tuple(self._value or SPLITS) if self.kind == "splits" else ()

    @property
    def scope(self) -> dict[str, object]:
        """The scope as a scan keeps it."""
        return {**self._others, **({"semantic": True} if self.semantic else {})}

    @property
    def _others(self) -> dict[str, object]:
        if self.kind == "file":
            return {"file": self._value, "name": uploads.get(self._value).name}
        if self.kind == "dataset":
            return {"dataset": self._value, "name": datasets.get(self._value).name}
        return {"splits": list(self.splits)} if self.kind == "splits" else {}

    @property
    def title(self) -> str:
        """What the job is called: ``Find duplicate questions``."""
        compared = _COMPARED.get(self.side, self.side)
        where = {"dataset": " in another dataset", "file": " in a file", "splits": " between splits"}
        return f"Find duplicate {compared}{where.get(self.kind, '')}"

    def as_dict(self) -> dict[str, object]:
        """The form in which jobs keep it."""
        return {"side": self.side, "other": list(self.other) if self.other else None, "semantic": self.semantic}

    @classmethod
    def from_dict(cls, value: Mapping[str, Any]) -> "Wish":
        """The inverse of ``as_dict``."""
        other = value.get("other")
        if other:
            other = (other[0], tuple(other[1]) if isinstance(other[1], list) else other[1])
        return cls(value["side"], other or None, bool(value.get("semantic")))


def model() -> Path | None:
    """The folder of the model by which meanings are compared, if one is set and the package for it is there."""
    folder = str(current_app.config["LTT_SEMANTIC_MODEL"])
    return Path(folder).expanduser() if folder and semantic.available() else None


def require_model() -> Path:
    """The folder of the model. Raises Invalid where there is none."""
    folder = model()
    if folder is None:
        raise Invalid(NO_MODEL, code="no_model")
    return folder


def _check_splits(names: tuple[str, ...]) -> None:
    if unknown := set(names) - set(SPLITS):
        raise Invalid(f"There is no split {sorted(unknown)[0]!r}. Use some of {', '.join(SPLITS)}.", code="bad_split")
    if len(set(names)) < 2:
        raise Invalid("Name at least two splits to compare.", code="one_split")
