"""What all bundles share: the files of a set, one for each split that has rows, and what is known of them."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from app.core.bundles.features import Features

# Where loaders of data do not look: what begins with a dot is passed over by datasets, MLX-LM and LLaMA-Factory.
ABOUT = ".ltt"
MANIFEST = f"{ABOUT}/manifest.json"


@dataclass(frozen=True, slots=True)
class Part:
    """The file of one split: how many pairs and rows it holds, its size and its SHA-256, and its tokens."""

    split: str
    path: str
    pairs: int
    rows: int
    bytes: int
    sha256: str
    tokens: int


@dataclass(frozen=True)
class Facts:
    """What the files beside the data are made of. ``layout`` is that of the rows, ``title`` the dataset's name."""

    title: str
    layout: str
    version: str
    parts: Sequence[Part]
    features: Features

    @property
    def slug(self) -> str:
        """The title as a name that programs take."""
        return re.sub(r"\W+", "_", self.title, flags=re.ASCII).strip("_").lower() or "dataset"

    def has_column(self, name: str) -> bool:
        """Whether some row has the column."""
        return name in self.features.rows.fields


def as_json(value: Any) -> bytes:
    """A value as JSON that people read."""
    return msgspec.json.format(msgspec.json.encode(value), indent=2) + b"\n"
