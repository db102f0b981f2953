"""What a dataset contains that cleaning could put right: all detectors in one pass."""

from collections.abc import Iterable
from dataclasses import dataclass

from app.core.cleaning.base import find_operation
from app.core.cleaning.recipe import Cleaner, Step, compile_recipe
from app.core.record import Record
from app.core.text import plural


@dataclass(frozen=True)
class Suggestion:
    """A step worth taking, how many records it would change, and a sentence that says so."""

    step: Step
    count: int
    sentence: str


# Each step with what its texts are said to do; in the order in which a recipe should run them.
DETECTORS: tuple[tuple[Step, str], ...] = (
    (Step("fix-mojibake"), "hold broken characters"),
    (Step("remove-invisible"), "hold invisible characters"),
    (Step("normalise-unicode"), "hold letters with loose accents"),
    (Step("normalise-newlines"), "have line ends of several kinds"),
    (Step("html-to-markdown"), "hold HTML"),
    (Step("decode-entities"), "hold entities such as &amp;"),
    (Step("remove-prefixes"), "begin with a mark such as “Q:”"),
    (Step("remove-boilerplate"), "hold boilerplate"),
    (Step("close-code-fences"), "have an open code block"),
    (Step("trim"), "have spaces too many"),
    (Step("remove-empty-lines", {"leave": "one"}), "have several empty lines in a row"),
    (Step("mask"), "hold personal data"),
    (Step("delete-by-length"), "are empty"),
)
_NAMES = {"question": "question", "answer": "answer"}


def suggest_steps(records: Iterable[Record]) -> list[Suggestion]:
    """The steps that would change something, with exact counts for each step taken alone."""
    counters = [_Counter(step, words) for step, words in DETECTORS]
    for record in records:
        for counter in counters:
            counter.count_change(record)
    return [counter.as_suggestion() for counter in counters if counter.count]


class _Counter:
    """Counts what one step would change, by field."""

    def __init__(self, step: Step, words: str) -> None:
        self._step, self._words = step, words
        self._cleaner: Cleaner = compile_recipe([step])
        self.count = 0
        self._fields = {name: 0 for name in self._cleaner.reads if name in _NAMES}

    def count_change(self, record: Record) -> None:
        """Count the record if the step would change it."""
        result = self._cleaner.clean(record)
        if result is record:
            return
        self.count += 1
        for name in self._fields:
            if not isinstance(result, Record) or getattr(result, name) != getattr(record, name):
                self._fields[name] += 1

    def as_suggestion(self) -> Suggestion:
        """The step with its sentence: "64 answers and 3 questions hold HTML"."""
        parts = [plural(count, _NAMES[name]) for name, count in reversed(self._fields.items()) if count]
        said = " and ".join(parts) or plural(self.count, "pair")
        verb, rest = self._words.split(" ", 1)
        if said.startswith("1 ") and len(parts) < 2:
            verb = {"have": "has", "are": "is"}.get(verb, f"{verb}s")
        return Suggestion(self._step, self.count, f"{said} {verb} {rest}.")


def suggested_steps(suggestions: Iterable[Suggestion]) -> tuple[Step, ...]:
    """A recipe of the suggestions that lose nothing: without masks and deletions, which are for people to choose."""
    return tuple(s.step for s in suggestions if find_operation(s.step.operation).group not in ("Privacy", "Pairs"))
