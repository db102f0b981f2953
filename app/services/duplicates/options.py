"""What a scan is asked: which texts are compared, and with what."""

from dataclasses import dataclass
from pathlib import Path

from flask import current_app

from app.core.duplicates import SIDES, ComparisonOptions, semantic
from app.core.errors import BadUsage, Invalid
from app.core.options import option
from app.core.record import SPLITS
from app.core.text import clip
from app.services import datasets, uploads

# The kind of all change sets and jobs that settle duplicates.
KIND = "duplicates"
SCOPES = ("own", "dataset", "file", "splits")
NO_MODEL = (
    "Meanings cannot be compared: name the folder of a static model by LTT_SEMANTIC_MODEL, and install the extra "
    "“semantic” of this package."
)
_COMPARED = {"question": "questions", "answer": "answers", "pair": "questions with answers"}


@dataclass(frozen=True, slots=True)
class ScanOptions(ComparisonOptions):
    """Which texts to compare, and with what: the dataset itself unless one is named.

    ``dataset`` is the id of another one, ``file`` the token of an upload, ``splits`` are compared with each other (all
    three where none is named). With ``semantic`` texts that say the same in other words are looked for as well.
    """

    dataset: int | None = option(None, "Another dataset", "the id of another dataset to compare with")
    file: str | None = option(None, "A file")
    splits: tuple[str, ...] | None = option(
        None, "Between splits", "compare these splits with each other; [] means all three"
    )
    semantic: bool = option(
        False, "By meaning too", "find other words of the same meaning too (needs LTT_SEMANTIC_MODEL)"
    )

    @property
    def kind(self) -> str:
        """What the pairs are compared with, one of ``SCOPES``."""
        return next((name for name in SCOPES[1:] if getattr(self, name) is not None), "own")

    @property
    def compared_splits(self) -> tuple[str, ...]:
        """The splits whose pairs are read; none means all pairs."""
        return () if self.splits is None else self.splits or SPLITS

    @property
    def scope(self) -> dict[str, object]:
        """The scope as a scan keeps it."""
        scope: dict[str, object] = {}
        if self.dataset is not None:
            scope = {"dataset": self.dataset, "name": datasets.get(self.dataset).name}
        elif self.file is not None:
            scope = {"file": self.file, "name": uploads.get(self.file).name}
        elif self.splits is not None:
            scope = {"splits": list(self.compared_splits)}
        return {**scope, "semantic": True} if self.semantic else scope

    @property
    def title(self) -> str:
        """What the job is called: ``Find duplicate questions``."""
        compared = _COMPARED.get(self.side, self.side)
        where = {"dataset": " in another dataset", "file": " in a file", "splits": " between splits"}
        return f"Find duplicate {compared}{where.get(self.kind, '')}"

    def check(self, dataset_id: int) -> None:
        """Raise Invalid, NotFound or Gone where this cannot be searched."""
        datasets.get(dataset_id)
        if self.side not in SIDES:
            raise Invalid(f"There is no side {clip(self.side)!r}. Use one of {', '.join(SIDES)}.", code="bad_side")
        if self.dataset is not None and self.splits is not None:
            raise BadUsage("Send either dataset or splits.")
        if self.dataset is not None and datasets.get(self.dataset).id == dataset_id:
            raise Invalid("This is the same dataset. Choose another one.", code="same_dataset")
        if self.semantic:
            require_model()
        if self.file is not None:
            uploads.get(self.file)
        if unknown := sorted({*self.compared_splits} - {*SPLITS}):
            raise Invalid(f"There is no split {unknown[0]!r}. Use some of {', '.join(SPLITS)}.", code="bad_split")
        if len({*self.compared_splits}) == 1:
            raise Invalid("Name at least two splits to compare.", code="one_split")


def model_folder() -> Path | None:
    """The folder of the model by which meanings are compared, if one is set and the package for it is there."""
    folder = str(current_app.config["LTT_SEMANTIC_MODEL"])
    return Path(folder).expanduser() if folder and semantic.is_installed() else None


def require_model() -> Path:
    """The folder of the model. Raises Invalid where there is none."""
    folder = model_folder()
    if folder is None:
        raise Invalid(NO_MODEL, code="no_model")
    return folder
