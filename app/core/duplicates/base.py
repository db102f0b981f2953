"""What a search for duplicates is asked and what it answers, as plain values."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

    from app.core.duplicates.index import Index

Texts = Sequence[str]
# Told how far the search is: a share from 0 to 1, and what it does. May raise to stop it.
Progress = Callable[[float, str], None]
# Gives the other text of each record (its answer where questions are compared) for ascending positions.
Others = Callable[[Sequence[int]], list[str]]

# How alike two texts are, in whole steps: RapidFuzz's score from FLOOR to 100, and above it what needs no score.
EXACT, NORMALISED, FLOOR = 102, 101, 80
DEFAULT_LEVEL = 90
LEVELS = (*range(FLOOR, 101), NORMALISED, EXACT)
# The level of answers that were not compared, as where answers or whole pairs are what is compared.
UNKNOWN = 255
# What two texts can differ in although nearly all of their letters agree, each a bit of ``Pairs.differs``.
DIFFERENCES = ("number", "date", "unit", "name", "negation", "yes/no", "word")
# Kinds of groups. The first four hold copies: all but one member can go. The others need somebody to look.
KINDS = ("exact", "normalised", "near", "semantic", "conflict", "variant")
# The kinds of which all but one member can be removed without anybody looking.
SAFE = KINDS[:2]
# What pairs are put together as.
WHAT = ("copies", "conflicts", "variants")


@dataclass(frozen=True, slots=True)
class Options:
    """What to look for. ``lowest`` is the least level that is kept; ``threads`` share the work.

    ``rarest`` tokens of a text make its keys, two at a time; among more than ``cap`` texts with one key only
    neighbours are compared; ``family`` texts of one frame make a family. ``index`` asks for one.
    """

    side: str = "question"
    lowest: int = FLOOR
    threads: int = 2
    rarest: int = 6
    cap: int = 24
    family: int = 10
    index: bool = False


@dataclass(frozen=True, slots=True)
class Pairs:
    """Records found alike, as parallel arrays in no order.

    ``left`` < ``right`` are positions (int32). ``level`` is how alike the compared texts are (uint8, see ``LEVELS``),
    ``score`` the same from 0 to 100 (float32), ``differs`` what they differ in (uint8, bits by ``DIFFERENCES``).
    ``answer_level`` and ``answer_differs`` say the same of the answers where questions are compared; an answer level
    below ``FLOOR`` means other answers. Of equal texts only enough pairs are listed to hold them together.
    """

    left: "npt.NDArray[np.int32]"
    right: "npt.NDArray[np.int32]"
    level: "npt.NDArray[np.uint8]"
    score: "npt.NDArray[np.float32]"
    differs: "npt.NDArray[np.uint8]"
    answer_level: "npt.NDArray[np.uint8]"
    answer_differs: "npt.NDArray[np.uint8]"

    def __len__(self) -> int:
        return len(self.left)

    def take(self, places: "npt.NDArray[Any]") -> "Pairs":
        """Some of the pairs, by a mask or their places."""
        return Pairs(*(getattr(self, one.name)[places] for one in fields(self)))


@dataclass(frozen=True, slots=True)
class Family:
    """Records made from one frame, such as ``what is the weather in …``; ``members`` are positions."""

    frame: str
    members: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Found:
    """What a search found; ``compared`` counts the candidates that RapidFuzz scored, ``index`` finds texts again."""

    pairs: Pairs
    families: tuple[Family, ...]
    compared: int
    index: "Index | None"


@dataclass(frozen=True, slots=True)
class Group:
    """Records that belong together at the levels from ``lowest`` to ``highest``.

    Below ``lowest`` it is part of a larger group, above ``highest`` it falls apart. ``kind`` is one of ``KINDS``:
    copies by the laxest level that holds them together, a *conflict* (like questions, other answers) or a *variant*
    (alike but for what ``differs`` names). Conflicts and variants are never part of a bulk removal.
    """

    members: tuple[int, ...]
    kind: str
    lowest: int
    highest: int
    score: float
    differs: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that two like texts differ in; a side is empty where it has nothing of the kind."""

    kind: str
    left: str
    right: str


@dataclass(frozen=True, slots=True)
class Match:
    """How alike two texts are, what they differ in, and one sentence that says why they were found."""

    level: int
    score: float
    differs: tuple[Difference, ...] = ()
    why: str = ""


def difference_names(bits: int) -> tuple[str, ...]:
    """The names of the bits of ``Pairs.differs``."""
    return tuple(name for place, name in enumerate(DIFFERENCES) if bits >> place & 1)


def text_of(side: str, question: str, answer: str) -> str:
    """What is compared first of a pair on one of ``SIDES``: the answer, or the question, which the answer follows."""
    return answer if side == "answer" else question


def compares_answers(side: str) -> bool:
    """Whether answers are compared where questions are alike. Copies have both alike, never the two as one text."""
    return side != "answer"


def kind_of(level: int) -> str:
    """The kind of copies that a level means."""
    return "exact" if level == EXACT else "normalised" if level == NORMALISED else "near"
