"""Bundles: folders of data files, one for each split that has rows, with what their reader wants beside them."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

from app.core.bundles.base import ABOUT, MANIFEST, Facts, Part, as_json
from app.core.bundles.card import write_card
from app.core.bundles.croissant import PATH as CROISSANT
from app.core.bundles.croissant import write_croissant
from app.core.bundles.features import Features, count_keys
from app.core.bundles.order import ORDER, OrderKeeper
from app.core.bundles.trainers import write_axolotl, write_dataset_info
from app.core.record import SPLITS

CARD = "README.md"


@dataclass(frozen=True)
class Bundle:
    """One kind of folder. ``splits`` are the names of its files without their ending, ``beside`` what else it holds.

    What stands beside is made of the facts and of the file that is there already, if any.
    """

    name: str
    beside: Mapping[str, Callable[[Facts, bytes | None], bytes]] = field(default_factory=dict)
    splits: Mapping[str, str] = field(default_factory=lambda: {split: split for split in SPLITS})


def _card(facts: Facts, old: bytes | None) -> bytes:
    return write_card(facts, None if old is None else old.decode("utf-8", "replace")).encode()


BUNDLES = {
    one.name: one
    for one in (
        Bundle("huggingface", {CARD: _card, CROISSANT: lambda facts, old: write_croissant(facts)}),
        Bundle("llama-factory", {"dataset_info.json": lambda facts, old: write_dataset_info(facts)}),
        Bundle("axolotl", {"axolotl.yml": lambda facts, old: write_axolotl(facts)}),
        Bundle("mlx", splits={"train": "train", "validation": "valid", "test": "test"}),
    )
}

__all__ = [
    "ABOUT",
    "BUNDLES",
    "CARD",
    "CROISSANT",
    "MANIFEST",
    "ORDER",
    "Bundle",
    "Facts",
    "Features",
    "OrderKeeper",
    "Part",
    "as_json",
    "count_keys",
]
