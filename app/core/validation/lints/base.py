"""What a lint is, the register of all of them, and the run over records."""

from collections.abc import Callable, Container, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, Protocol

from app.core.cleaning.base import TEXT_FIELDS, find_operation
from app.core.cleaning.code import skip_code
from app.core.cleaning.recipe import Step
from app.core.record import Record
from app.core.validation.findings import Finding, Findings
from app.core.validation.profiles import Severity


class Remark(NamedTuple):
    """What a lint has to say of a record: the field that it means, and a sentence. Those of sets name the record."""

    path: str
    message: str
    record: int | None = None
    line: int | None = None


class SetLint(Protocol):
    """A lint that has to see all records before it can speak."""

    def see(self, record: Record, number: int, line: int | None) -> None:
        """Take in a record."""

    def close(self) -> Iterable[Remark]:
        """What there is to say of all of them."""


@dataclass(frozen=True, slots=True)
class Lint:
    """A lint with what people read of it.

    ``check`` is called with each record, or makes a ``SetLint`` where ``sees_all`` is set. Where there is ``may``,
    it is called only if that holds of the record's texts, joined by blanks: a look that takes next to no time and
    passes over nothing that ``check`` would find. ``step`` is the step of cleaning that puts it right. ``good``
    and ``bad`` are records that it passes and that it finds.
    """

    code: str
    title: str
    why: str
    severity: Severity
    check: Callable[..., Any]
    good: Sequence[Record]
    bad: Sequence[Record]
    step: Step | None = None
    sees_all: bool = False
    may: Callable[[str], object] | None = None


LINTS: dict[str, Lint] = {}


def lint(
    code: str,
    title: str,
    why: str,
    *,
    good: Record | Sequence[Record],
    bad: Record | Sequence[Record],
    severity: Severity = "warning",
    step: Step | None = None,
    sees_all: bool = False,
    may: Callable[[str], object] | None = None,
) -> Callable[[Any], Any]:
    """Register a function, or a class for all records, as a lint. An example that is one record stands for a file."""

    def register(check: Any) -> Any:
        files = [(one,) if isinstance(one, Record) else tuple(one) for one in (good, bad)]
        LINTS[code] = Lint(code, title, why, severity, check, files[0], files[1], step, sees_all, may)
        return check

    return register


class Linter:
    """All lints over the records of a file or a dataset, in one pass; what they find goes into ``findings``."""

    def __init__(self, findings: Findings, *, off: Container[str] = ()) -> None:
        self._findings = findings
        asked = [one for one in LINTS.values() if one.code not in off]
        self._singles = [(one, one.may, one.check) for one in asked if not one.sees_all]
        self._sets = [(one, one.check()) for one in asked if one.sees_all]

    def see(self, record: Record, number: int, line: int | None = None) -> None:
        """Look at one record."""
        whole = " ".join([text for _, text in texts_of(record)])
        for one, may, check in self._singles:
            if may is None or may(whole):
                for remark in check(record):
                    self._add(one, remark, number, line)
        for _, watcher in self._sets:
            watcher.see(record, number, line)

    def close(self) -> None:
        """Add what can be said once all records were seen."""
        for one, watcher in self._sets:
            for remark in watcher.close():
                self._add(one, remark, remark.record, remark.line)

    def _add(self, one: Lint, remark: Remark, number: int | None, line: int | None) -> None:
        fix = one.step.operation if one.step else None
        self._findings.add(Finding(one.code, one.severity, remark.message, remark.path, number, line, fix))


Remarks = Iterator[Remark]


def texts_of(record: Record) -> Iterator[tuple[str, str]]:
    """Every text of a record that a model would read, with the field that it stands in."""
    if record.system:
        yield "system", record.system
    for place, message in enumerate(record.turns):
        if message.text:
            yield f"turns[{place}]", message.text
    yield "question", record.question
    for place, message in enumerate(record.trace):
        if message.text:
            yield f"trace[{place}]", message.text
    if record.reasoning:
        yield "reasoning", record.reasoning
    if record.answer:
        yield "answer", record.answer
    if record.rejected_answer:
        yield "rejected_answer", record.rejected_answer


def named(path: str) -> str:
    """A field as sentences begin with it: ``The question``, ``Turn 2``."""
    name, _, number = path.partition("[")
    if number:
        return f"{'Turn' if name == 'turns' else 'Step'} {int(number.rstrip(']')) + 1}"
    return {"system": "The system prompt", "rejected_answer": "The worse answer", "reasoning": "The reasoning"}.get(
        name, f"The {name}"
    )


def changed_by(name: str) -> Callable[[str], bool]:
    """Whether a cleaning operation with its usual options would change a text."""
    operation = find_operation(name)
    change = operation.prepare(operation.options({}))
    if operation.keep_code and not operation.handles_code:
        change = skip_code(change)
    return lambda text: change(text) != text


def in_every_text(operation: str, **options: Any) -> Step:
    """The step that cleans each text that ``texts_of`` gives."""
    return Step(operation, options, TEXT_FIELDS)
