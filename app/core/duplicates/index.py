"""A look-up of texts that share rare words with a new one, kept as a few arrays in files that are mapped, not read."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from app.core.duplicates.join import I32
from app.core.duplicates.normal import normalise_text
from app.core.duplicates.tokens import U32, tokenise_texts

# Tokens in more texts than this are common: they are looked up only where a text has no others.
COMMON = 1000
# So many tokens of the new text are looked up, each in so many texts at most.
LOOKED_UP, LONGEST = 12, 5000


@dataclass(frozen=True, slots=True)
class Index:
    """``postings`` are the texts of ``tokens``, which are sorted; ``common`` are the common tokens, sorted."""

    tokens: U32
    postings: npt.NDArray[np.int64]
    common: U32

    def save(self, folder: Path, ids: "npt.NDArray[np.int64] | Sequence[int]") -> None:
        """Write the index, with the texts known by ``ids`` instead of their positions."""
        folder.mkdir(parents=True, exist_ok=True)
        known = np.asarray(ids, np.int64)
        for name, values in (("tokens", self.tokens), ("postings", known[self.postings]), ("common", self.common)):
            np.save(folder / f"{name}.npy", values, allow_pickle=False)

    @classmethod
    def open(cls, folder: Path) -> "Index":
        """The index that was saved in a folder. Raises FileNotFoundError."""
        parts = (np.load(folder / f"{name}.npy", mmap_mode="r") for name in ("tokens", "postings", "common"))
        return cls(*parts)

    def candidates(self, text: str, limit: int = 200) -> list[int]:
        """The texts that share most rare words with this one, the likeliest first."""
        hashes = np.unique(tokenise_texts(normalise_text(text).encode("utf-8", "replace")).hashes)
        rare = hashes[~np.isin(hashes, self.common)]
        begins = np.searchsorted(self.tokens, hashes if len(rare) < 2 else rare)
        ends = np.searchsorted(self.tokens, hashes if len(rare) < 2 else rare, side="right")
        rarest = np.argsort(ends - begins, kind="stable")
        rarest = rarest[(ends - begins)[rarest] > 0][:LOOKED_UP]
        parts = [self.postings[begins[at] : min(ends[at], begins[at] + LONGEST)] for at in rarest.tolist()]
        if not parts:
            return []
        found, shared = np.unique(np.concatenate(parts), return_counts=True)
        return [int(one) for one in found[np.argsort(-shared, kind="stable")][:limit]]


def index_of(rarest: U32, frequency: U32, positions: I32) -> Index:
    """The index over texts with these rarest tokens (0 where there are fewer); ``positions`` name the texts."""
    flat = rarest.ravel()
    at = np.flatnonzero(flat)
    order = np.argsort(flat[at], kind="stable")
    at = at[order]
    common = np.flatnonzero(frequency > COMMON).astype(np.uint32)
    return Index(flat[at], positions[at // rarest.shape[1]].astype(np.int64), common)
