"""What was exported and how, so that it can be found again: counts, hashes, the snapshot, the options."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

from app.core.digests import PairHasher, hash_pairs
from app.core.filters import EVERY
from app.core.options import encode
from app.core.record import Record
from app.core.stored import StoredEntry
from app.core.targets import EXPORT_TARGETS
from app.models import Snapshot
from app.providers.tokenizers import load_tokenizer
from app.services import snapshots, splits
from app.services.export.options import ExportOptions, find_origin
from app.services.export.picking import count_tokens
from app.version import __version__


class Tally:
    """Counts of the pairs that go out, by split and tag, their tokens, and the hash of all of them."""

    def __init__(self) -> None:
        self.pairs = Counter[str]()
        self.tokens = Counter[str]()
        self.tags: dict[str, Counter[str]] = {}
        self._hasher, self._hashes, self._tokenizer = PairHasher(), list[bytes](), load_tokenizer()

    def add(self, row: StoredEntry, record: Record, rows: list[dict[str, Any]], split: str | None = None) -> None:
        """Count a pair, under the split that it goes out as where that is another than its own."""
        split = split or row.split or ""
        self.pairs[split] += 1
        self.tokens[split] += count_tokens(record, self._tokenizer)
        self.tags.setdefault(split, Counter()).update(row.tag_list)
        self._hashes.append(self._hasher.hash_rows([row]))

    def hash_pairs(self, system_prompt: str | None) -> str:
        """The hash that a snapshot of just these pairs has."""
        return hash_pairs(self._hashes, system_prompt)


def snapshot_of(dataset_id: int, options: ExportOptions, revision: int) -> Snapshot | None:
    """The snapshot that was exported, else the one that holds what the dataset held at a revision, if there is one."""
    return find_origin(dataset_id, options).snapshot or snapshots.newest_of(dataset_id, revision)


def name_snapshot(dataset_id: int, options: ExportOptions, revision: int) -> dict[str, Any] | None:
    """The same as programs see it."""
    found = snapshot_of(dataset_id, options, revision)
    return {"snapshot": snapshots.label_of(found), "name": found.name, "hash": found.hash} if found else None


def build_manifest(dataset_id: int, options: ExportOptions, result: Mapping[str, Any], tally: Tally) -> dict[str, Any]:
    """What was exported and how; ``result`` is what programs see of it. There is no time in it: the same pairs give
    the same manifest.
    """
    origin, divided = find_origin(dataset_id, options), splits.last_split(dataset_id)
    return {
        "made_by": {"name": "LLM Training Tools", "version": __version__},
        "dataset": origin.title,
        "snapshot": result["snapshot"],
        "pairs_hash": tally.hash_pairs(origin.system_prompt),
        "target": options.target,
        "profile": EXPORT_TARGETS[options.target].profile if options.target else "",
        "format": options.format,
        "layout": options.layout,
        "filter": {} if options.filters == EVERY else encode(options.filters, only_changed=True),
        "options": {
            name: value
            for name, value in encode(options, only_changed=True).items()
            if name not in ("filters", "format", "layout", "target")
        },
        "split_seed": divided[1].seed if divided else None,
        **result,
        "splits": {
            split: {"records": tally.pairs[split], "tokens": tally.tokens[split], "tags": dict(tally.tags[split])}
            for split in sorted(tally.pairs)
        },
    }
