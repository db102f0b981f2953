"""Digests of pairs: the lines that they are made of, and the hash of a set of pairs, whatever their order.

The line of a pair is canonical JSON (sorted keys, no blanks, UTF-8) of ``[system, turns, question, trace, answer,
rejected_answer]``, and the reasoning where there is some; then of ``[extra, sorted tags, status, split]``, and source
and family where there is either. Ids, versions and times stay out.
"""

from collections.abc import Iterable, Sequence
from hashlib import sha256
from operator import attrgetter
from typing import Any

import msgspec
import numpy as np

from app.core.record import load_json
from app.core.stored import PLACES, StoredEntry, as_entry, content_values

_canonical = msgspec.json.Encoder(order="deterministic").encode
_labels_of = attrgetter("extra", "tags", "status", "split", "source", "family")
# Content, then labels, stand first among the columns.
_CONTENT, _LABELLED = PLACES["tags"], PLACES["content_hash"]
# Most pairs share their labels with many others, as long as they have no other columns.
_REMEMBERED = 10_000


def content_line(entry: StoredEntry) -> bytes:
    """What the model learns of a pair."""
    return _canonical(content_values(entry))


def labels_line(entry: StoredEntry) -> bytes:
    """What stands beside it."""
    extra, tags, status, split, source, family = _labels_of(entry)
    labels = [load_json(extra, {}), sorted(load_json(tags, [])), status, split]
    return _canonical(labels if source is None and family is None else [*labels, source, family])


class PairHasher:
    """SHA-256 of the whole lines of pairs, of many of them quickly."""

    def __init__(self) -> None:
        self._labels: dict[tuple[Any, ...], bytes] = {}

    def hash_rows(self, rows: Iterable[Sequence[Any]]) -> bytes:
        """The hashes of pairs given as rows of all columns, one after the other: 32 bytes each."""
        hashes, known = [], self._labels
        for row in rows:
            question, answer, system, turns, trace, rejected, reasoning = row[:_CONTENT]
            labels = known.get(key := row[_CONTENT:_LABELLED])  # type: ignore[call-overload]
            if labels is None:
                if len(known) >= _REMEMBERED:
                    known.clear()
                labels = known[tuple(key)] = labels_line(as_entry(row))
            if turns is None and trace is None and reasoning is None:
                line = _canonical([system, [], question, [], answer, rejected])
            else:
                line = content_line(as_entry(row))
            hashes.append(sha256(line + labels).digest())
        return b"".join(hashes)


def hash_pairs(hashes: Iterable[bytes], system_prompt: str | None) -> str:
    """The hash of a set of pairs by the hashes of each, in any order, and of the system prompt of those without one."""
    ordered = np.sort(np.frombuffer(b"".join(hashes), dtype="S32"))
    whole = sha256(b"snapshot 1\n")
    if system_prompt:
        whole.update(_canonical(system_prompt) + b"\n")
    whole.update(ordered.tobytes())
    return whole.hexdigest()
