"""Texts that mean the same in other words, by the vectors of a model that the user names. Nothing is downloaded.

A static model (model2vec) gives each text the weighted mean of its tokens' vectors; texts are compared by the cosine
of their vectors, all with all in blocks, so that the time grows with the square of their number.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from app.core.duplicates.base import FLOOR, UNKNOWN, Pairs, Progress, Texts
from app.core.errors import Invalid, TooLarge

F32 = npt.NDArray[np.float32]

# Beyond this many texts comparing all with all takes hours.
MOST = 200_000
BLOCK = 1_000
# So many nearest neighbours of a text are kept.
NEAREST = 20


def is_installed() -> bool:
    """Whether the package for static models is installed."""
    from importlib.util import find_spec

    return find_spec("model2vec") is not None


def load_model(folder: Path) -> Any:
    """The model in a folder. Raises Invalid where there is none, or where the package for it is not installed."""
    if not is_installed():
        raise Invalid("Semantic duplicates need one more package: pip install 'llm-training-tools[semantic]'.")
    if not (folder / "config.json").is_file():
        raise Invalid(f"There is no model in “{folder.name}”: the folder of a static model holds config.json.")
    from model2vec import StaticModel

    try:
        return StaticModel.from_pretrained(str(folder))
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise Invalid(f"The model in “{folder.name}” cannot be read: {error}.") from error


def embed_texts(texts: Texts, model: Any) -> F32:
    """The vectors of texts, shape (texts, dimensions), each of length 1; all 0 where no token of a text is known."""
    found = np.asarray(model.encode(list(texts), use_multiprocessing=False), np.float32)
    length = np.linalg.norm(found, axis=1, keepdims=True)
    result: F32 = np.divide(found, length, out=np.zeros_like(found), where=length > 0)
    return result


def find_near(vectors_: F32, *, lowest: int = FLOOR, progress: Progress | None = None) -> Pairs:
    """Pairs of texts whose vectors' cosine, times 100, reaches ``lowest``. Raises TooLarge beyond ``MOST`` texts."""
    if len(vectors_) > MOST:
        raise TooLarge(f"Semantic duplicates are searched among at most {MOST:,} texts; these are {len(vectors_):,}.")
    none = (np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32))
    parts = (none, *_near_in_blocks(vectors_, lowest / 100, progress))
    left, right, score = (np.concatenate(column) for column in zip(*parts, strict=True))
    score = np.minimum(score * 100, 100).astype(np.float32)
    number = len(left)
    return Pairs(
        left.astype(np.int32),
        right.astype(np.int32),
        score.astype(np.uint8),
        score,
        np.zeros(number, np.uint8),
        np.full(number, UNKNOWN, np.uint8),
        np.zeros(number, np.uint8),
    )


def _near_in_blocks(
    vectors_: F32, lowest: float, progress: Progress | None
) -> Iterator[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64], F32]]:
    """The near neighbours that follow each text, a block of texts at a time."""
    for begin in range(0, len(vectors_), BLOCK):
        if progress is not None:
            progress(begin / len(vectors_), "comparing meanings")
        cosine = vectors_[begin : begin + BLOCK] @ vectors_[begin:].T
        # A text is not its own neighbour, and each pair is listed once.
        cosine[np.tril_indices(len(cosine), 0, cosine.shape[1])] = 0
        if cosine.shape[1] > NEAREST:
            worst = np.partition(cosine, -NEAREST, axis=1)[:, -NEAREST]
            cosine[cosine < worst[:, None]] = 0
        left, right = np.nonzero(cosine >= lowest - 1e-6)
        yield left + begin, right + begin, cosine[left, right]


def by_meaning(folder: Path) -> Callable[[Texts, Progress], Pairs]:
    """What finds the pairs of texts that mean the same, by the model in a folder. Raises what ``load_model`` raises."""
    model = load_model(folder)
    return lambda texts, progress: find_near(
        embed_texts(texts, model), progress=lambda share, text: progress(0.5, text)
    )
