"""What can be said of a search for duplicates, whatever is searched."""

from dataclasses import dataclass

from app.core.duplicates.base import DEFAULT_LEVEL, EXACT, FLOOR, NORMALISED
from app.core.options import option

SIDES = {"question": "Question", "answer": "Answer", "pair": "Question and answer"}
METHODS = {"exact": "Identical", "normalised": "Same but for case", "near": "Nearly the same", "semantic": "By meaning"}


@dataclass(frozen=True, slots=True)
class ComparisonOptions:
    """Which texts of the pairs are compared."""

    side: str = option("question", "What to compare", choices=SIDES, flag="--on")


@dataclass(frozen=True, slots=True)
class FileScanOptions(ComparisonOptions):
    """How records without a database are searched; ``model`` is the folder of the model that compares meanings."""

    method: str = option("near", "How alike copies are", choices=METHODS)
    threshold: int = option(
        DEFAULT_LEVEL, "Least score", "For near and semantic: the least score.", between=(FLOOR, 100)
    )
    model: str | None = option(
        None, "Model", "For semantic: the folder of a static model (model2vec).", metavar="FOLDER"
    )

    @property
    def level(self) -> int:
        """The level at which the method puts texts together."""
        return {"exact": EXACT, "normalised": NORMALISED}.get(self.method, self.threshold)
