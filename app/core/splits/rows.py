"""What is known of pairs that are to be divided: plain arrays, so that a million fit in little memory.

A *place* is the position of a pair among those that were added. A *tie* joins all pairs that share a key of one kind.
"""

from array import array
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from app.core.layouts.base import messages_of
from app.core.record import SPLITS, Record, dump_messages

Numbers = npt.NDArray[np.int64]
Sides = npt.NDArray[np.uint8]

# The number of each split; 0 is none.
NUMBER_OF: dict[str | None, int] = {None: 0, **{name: number for number, name in enumerate(SPLITS, 1)}}
# The kinds of keys. Of several that a pair has the first decides by which its group is placed.
KINDS = ("source", "conversation", "file", "tag", "family")
# Names under which files tell which conversation a pair is part of.
CONVERSATION_NAMES = (
    "conversation_id", "conv_id", "convo_id", "chat_id", "dialog_id", "dialogue_id", "thread_id", "session_id",
    "conversation_hash",
)  # fmt: skip


class Tie(NamedTuple):
    """Keys of one kind: which pairs have one, and the hash of each."""

    places: Numbers
    keys: Numbers


class Link(NamedTuple):
    """Pairs that a search found alike: places, how alike they are from 0 to 100, and whether their answers are too."""

    left: Numbers
    right: Numbers
    score: npt.NDArray[np.float32]
    copies: npt.NDArray[np.bool]


NO_LINKS = Link(np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.float32), np.zeros(0, np.bool))


_Ids = msgspec.defstruct("_Ids", [(name, Any, None) for name in CONVERSATION_NAMES])
_decode_ids = msgspec.json.Decoder(_Ids).decode


@dataclass
class SplitRows:
    """Pairs by place. ``names`` are their ids, or the numbers of their rows; ``now`` the splits that they have."""

    names: "array[int]" = field(default_factory=lambda: array("q"))
    contents: "array[int]" = field(default_factory=lambda: array("q"))
    now: bytearray = field(default_factory=bytearray)
    links: Link = NO_LINKS
    # Whether a search for duplicates stands behind the links.
    searched: bool = False
    # Places of rejected pairs, which no export takes: they leak nothing.
    rejected: "array[int]" = field(default_factory=lambda: array("q"))
    labels: dict[str, dict[str, int]] = field(default_factory=lambda: {kind: {} for kind in KINDS})
    _places: dict[str, "array[int]"] = field(default_factory=lambda: {kind: array("q") for kind in KINDS})
    _keys: dict[str, "array[int]"] = field(default_factory=lambda: {kind: array("q") for kind in KINDS})
    _whole: tuple["array[int]", "array[int]"] = field(default_factory=lambda: (array("q"), array("q")))
    _begin: tuple["array[int]", "array[int]"] = field(default_factory=lambda: (array("q"), array("q")))

    def __len__(self) -> int:
        return len(self.names)

    def add_rows(self, names: Iterable[int], contents: Iterable[int], splits: Iterable[str | None]) -> int:
        """Take in pairs; returns the place of the first."""
        first = len(self.names)
        self.names.extend(names)
        self.contents.extend(contents)
        self.now.extend(NUMBER_OF.get(split, 0) for split in splits)
        return first

    def tie(self, kind: str, place: int, label: str) -> None:
        """Give a pair a key; all that have the same one belong together where that kind is kept together."""
        known = self.labels[kind]
        key = known.get(label)
        if key is None:
            key = known[label] = hash_key(kind, label)
        self._places[kind].append(place)
        self._keys[kind].append(key)

    def tie_all(self, kind: str, first: int, labels: Sequence[str | None]) -> None:
        """Give keys to pairs that follow one another, from a place on; None gives none."""
        known = self.labels[kind]
        for label in {*labels} - known.keys() - {None}:
            known[label] = hash_key(kind, label)  # type: ignore[index,arg-type]
        self._places[kind].fromlist([place for place, label in enumerate(labels, first) if label is not None])
        self._keys[kind].fromlist([known[label] for label in labels if label is not None])

    def tie_conversation(self, place: int, extra: str | None, file: str | None) -> bool:
        """Tie a pair to the conversation that its other columns name; whether they name one."""
        if extra is None or "_" not in extra:
            return False
        found = _decode_ids(extra)
        for name in CONVERSATION_NAMES:
            value = getattr(found, name)
            if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
                # Small numbers are counted anew in every file.
                said = str(value)
                self.tie("conversation", place, f"{file or ''}\0{said}" if said.isdecimal() and len(said) < 8 else said)
                return True
        return False

    def add_turns(self, place: int, record: Record) -> None:
        """Note the messages of a pair: one that goes on where another ends is of the same conversation."""
        for (places, keys), messages in zip(
            (self._whole, self._begin), (messages_of(record), record.turns), strict=True
        ):
            if messages:
                places.append(place)
                keys.append(hash_key("messages", dump_messages(tuple(messages)) or ""))

    def ties(self, kind: str) -> Tie:
        """The keys of a kind."""
        return Tie(np.array(self._places[kind], np.int64), np.array(self._keys[kind], np.int64))

    def tie_turns(self) -> Tie:
        """Keys that pairs of one conversation share because one goes on where another ends."""
        whole, begin = (
            Tie(np.array(places, np.int64), np.array(keys, np.int64)) for places, keys in (self._whole, self._begin)
        )
        # Most conversations are whole: only those matter that another one goes on.
        shared = np.isin(whole.keys, begin.keys)
        return Tie(
            np.concatenate((whole.places[shared], begin.places)), np.concatenate((whole.keys[shared], begin.keys))
        )

    def tie_contents(self) -> Tie:
        """Keys that pairs with the same content share."""
        return Tie(np.arange(len(self), dtype=np.int64), np.array(self.contents, np.int64))

    def count_groups(self, kind: str) -> tuple[int, int]:
        """How many keys of a kind there are, and how many pairs have the most common one."""
        keys = self.ties(kind).keys
        if not len(keys):
            return 0, 0
        numbers = np.unique(keys, return_counts=True)[1]
        return len(numbers), int(numbers.max())

    def sides(self) -> Sides:
        """The splits that the pairs have, as numbers."""
        return np.frombuffer(bytes(self.now), np.uint8)


def hash_key(kind: str, label: str) -> int:
    """A signed 64-bit number for a key, the same on every machine."""
    digest = blake2b(label.encode("utf-8", "surrogatepass"), digest_size=8, person=kind.encode()).digest()
    return int.from_bytes(digest, "little", signed=True)


def count_sides(sides: Sides) -> tuple[int, ...]:
    """How many pairs are in train, validation and test."""
    return tuple(int(one) for one in np.bincount(sides, minlength=len(SPLITS) + 1)[1:])


def named_counts(numbers: Sequence[int]) -> dict[str, int]:
    """The numbers of the splits by their names."""
    return dict(zip(SPLITS, numbers, strict=True))
