"""Lints of a whole set: what only shows beside the other pairs."""

from array import array
from collections import Counter
from collections.abc import Iterator

from app.core.record import Record
from app.core.text import clip, plural, squeeze_blanks
from app.core.validation.lints.base import Remark, lint

# Short answers of so few kinds are labels: then there is a right number of each.
LABEL_CHARACTERS = 40
MOST_LABELS = 50
LEAST_RECORDS = 20
# Source: the advice of Fireworks on sets for classification.
UNBALANCED = 50
FEW = 10
_SAME_ANSWER = 5
# So many places of a label are known; more of it make it no rare one.
_MOST_PLACES = 5_000
_MOST_ANSWERS = 200_000


class Labels:
    """Whether the answers of a set are labels, and how many there are of each."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        # For each label the numbers of its first records, and their lines.
        self._places: dict[str, tuple[array[int], array[int]]] = {}
        self._records = 0
        self._open = True

    def add(self, answer: str, number: int = 0, line: int | None = None) -> None:
        """Take in the answer of a record."""
        self._records += 1
        if self._open:
            label = squeeze_blanks(answer)
            self.counts[label] += 1
            self._open = len(label) <= LABEL_CHARACTERS and len(self.counts) <= MOST_LABELS
            if not self._open:
                self.counts.clear()
                self._places.clear()
            elif self.counts[label] <= _MOST_PLACES:
                numbers, lines = self._places.setdefault(label, (array("Q"), array("Q")))
                numbers.append(number)
                lines.append(line or 0)

    def remarks(self, label: str, message: str) -> Iterator[Remark]:
        """The same of each record with a label."""
        for number, line in zip(*self._places[label], strict=True):
            yield Remark("answer", message, number, line or None)

    @property
    def found(self) -> bool:
        """Whether they are: few kinds, each of them several times on average."""
        return self._open and self._records >= LEAST_RECORDS and 2 <= len(self.counts) <= self._records / 5


def _labelled(**counts: int) -> list[Record]:
    return [Record(f"Ticket {label} {n}", label) for label, count in counts.items() for n in range(count)]


@lint(
    "unbalanced-labels",
    "Labels of very different number",
    "Where one label is 50 times as frequent as another, the model learns to say it always.",
    good=_labelled(billing=20, delivery=15),
    bad=_labelled(billing=150, delivery=2),
    sees_all=True,
)
class LabelBalance:
    """The rarest and the most frequent label of a set of labels."""

    def __init__(self) -> None:
        self._labels = Labels()

    def see(self, record: Record, number: int, line: int | None) -> None:
        """Count the label of a record."""
        self._labels.add(record.answer, number, line)

    def close(self) -> Iterator[Remark]:
        """The records of labels that are too rare beside the most frequent one."""
        if not self._labels.found:
            return
        [(most, highest), *_] = self._labels.counts.most_common(1)
        for label, count in sorted(self._labels.counts.items(), key=lambda one: one[1]):
            if highest > UNBALANCED * count:
                said = (
                    f"The label “{clip(label, 40)}” has {plural(count, 'record')}, “{clip(most, 40)}” has {highest:,}."
                )
                yield from self._labels.remarks(label, said)


@lint(
    "rare-label",
    "A label with few records",
    "A handful of examples is too little to learn a label from; it may also be a slip of the pen.",
    severity="hint",
    good=_labelled(billing=20, delivery=15),
    bad=_labelled(billing=30, delivery=20, delivry=1),
    sees_all=True,
)
class RareLabels(LabelBalance):
    """Labels that fewer than ten records have."""

    def close(self) -> Iterator[Remark]:
        """The records of rare labels, rarest first."""
        if self._labels.found:
            for label, count in sorted(self._labels.counts.items(), key=lambda one: one[1]):
                if count < FEW:
                    said = f"The label “{clip(label, 40)}” has only {plural(count, 'record')}."
                    yield from self._labels.remarks(label, said)


@lint(
    "rare-tag",
    "A tag of one pair",
    "It may be a slip of the pen beside a tag that many have.",
    severity="hint",
    good=[Record("A?", "B.", tags=("stock",))] * 5,
    bad=[*[Record("A?", "B.", tags=("stock",))] * 5, Record("C?", "D.", tags=("stok",))],
    sees_all=True,
)
class RareTags:
    """Tags that a single pair has, in a set where others are on many."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._places: dict[str, tuple[int, int | None]] = {}

    def see(self, record: Record, number: int, line: int | None) -> None:
        """Count the tags of a record."""
        for tag in record.tags:
            self._counts[tag] += 1
            if self._counts[tag] == 1:
                self._places[tag] = (number, line)

    def close(self) -> Iterator[Remark]:
        """The tags with one pair; none where most tags are so, as they name single pairs then."""
        single = [tag for tag, count in self._counts.items() if count == 1]
        if len(single) * 2 <= len(self._counts):
            for tag in single:
                yield Remark("tags", f"Only this pair has the tag “{clip(tag, 40)}”.", *self._places[tag])


@lint(
    "one-answer",
    "One answer to many questions",
    "Where many questions get the same words, the model learns to say them to everything.",
    good=[Record(f"How heavy is box {n}?", f"{n} kg.") for n in range(30)],
    bad=[
        *(Record(f"How heavy is box {n}?", f"{n} kg.") for n in range(30)),
        *(Record(f"Where is the box with number {n}?", "Please contact the help desk for that.") for n in range(8)),
    ],
    sees_all=True,
)
class OneAnswer:
    """Answers that at least five different questions share; labels are meant to be shared."""

    def __init__(self) -> None:
        self._labels = Labels()
        # Of each record the hash of its answer, half of that of its question, its number, and its line if it has one.
        self._answers, self._questions, self._numbers, self._lines = array("q"), array("i"), array("q"), array("q")
        # How often answers were met, by a part of their hashes: texts are kept of those alone that many may share.
        self._met = bytearray(1 << 22)
        self._shown: dict[int, str] = {}

    def see(self, record: Record, number: int, line: int | None) -> None:
        """Note the question for its answer."""
        answer = squeeze_blanks(record.answer)
        self._labels.add(record.answer, number, line)
        if not answer:
            return
        key = hash(answer)
        self._answers.append(key)
        self._questions.append(hash(record.question) >> 32)
        self._numbers.append(number)
        if line is not None:
            self._lines.frombytes(bytes(8 * (len(self._numbers) - 1 - len(self._lines))))
            self._lines.append(line)
        place = key & 0x3FFFFF
        if self._met[place] < _SAME_ANSWER - 1:
            self._met[place] += 1
        elif key not in self._shown and len(self._shown) < _MOST_ANSWERS:
            self._shown[key] = clip(answer, 60)

    def close(self) -> Iterator[Remark]:
        """The records whose answers many share, the most frequent answer first. The same question again is none."""
        import numpy as np

        if self._labels.found or not self._shown:
            return
        answers = np.frombuffer(self._answers, dtype=np.int64)
        questions = np.frombuffer(self._questions, dtype=np.int32)
        known = np.sort(np.array(list(self._shown)))
        places = np.minimum(np.searchsorted(known, answers), len(known) - 1)
        shared = np.flatnonzero(known[places] == answers)
        del places
        shared = shared[np.argsort(answers[shared], kind="stable")]
        is_first = np.diff(answers[shared], prepend=~answers[shared[:1]]) != 0
        starts = np.flatnonzero(is_first)
        is_new = is_first | (np.diff(questions[shared], prepend=0) != 0)
        counts = np.add.reduceat(is_new.astype(np.int64), starts)
        ends = [*starts[1:].tolist(), len(shared)]
        for group in np.argsort(-counts, kind="stable").tolist():
            if counts[group] < _SAME_ANSWER:
                return
            mine = shared[starts[group] : ends[group]]
            said = f"{counts[group]:,} questions have the answer “{self._shown[int(answers[mine[0]])]}”."
            for place in mine.tolist():
                line = self._lines[place] if place < len(self._lines) else 0
                yield Remark("answer", said, self._numbers[place], line or None)


@lint(
    "length-outlier",
    "A text far longer than the others",
    "It may be a whole document that slipped in, or several pairs that were read as one.",
    severity="hint",
    good=[Record(f"How heavy is box {n}?", "It weighs " + "about " * (n % 7) + "12 kg.") for n in range(40)],
    bad=[
        *(Record(f"How heavy is box {n}?", "It weighs " + "about " * (n % 7) + "12 kg.") for n in range(40)),
        Record("How heavy is box 41?", "It weighs 12 kg. " * 2_000),
    ],
    sees_all=True,
)
class LengthOutliers:
    """Questions and answers far outside of the usual lengths.

    Far means more than three times the distance of the quartiles above the upper one, on a scale of powers of two
    (Tukey's far out values), and at least 1,000 characters.
    """

    def __init__(self) -> None:
        self._lengths = {"question": array("I"), "answer": array("I")}
        self._places: dict[tuple[str, int], tuple[int, int | None]] = {}

    def see(self, record: Record, number: int, line: int | None) -> None:
        """Note the lengths of a record."""
        for path, text in (("question", record.question), ("answer", record.answer)):
            lengths = self._lengths[path]
            if len(text) >= 1_000:
                self._places[path, len(lengths)] = (number, line)
            lengths.append(len(text))

    def close(self) -> Iterator[Remark]:
        """The texts that are far too long, in the order of the file."""
        import numpy as np

        for path, lengths in self._lengths.items():
            if len(lengths) < LEAST_RECORDS or not self._places:
                continue
            sizes = np.frombuffer(lengths, dtype=np.uint32)
            scale = np.log2(sizes + 1.0)
            low, median, high = np.quantile(scale, (0.25, 0.5, 0.75))
            top = 2 ** (high + 3 * max(high - low, 0.5)) - 1
            for (name, place), (number, line) in self._places.items():
                if name == path and sizes[place] > top:
                    usual = f"half of them have {round(2**median - 1):,} or fewer"
                    yield Remark(path, f"The {path} has {int(sizes[place]):,} characters; {usual}.", number, line)
