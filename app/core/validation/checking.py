"""Checking rows against profiles: each row by the rules of each profile, all of them by the rules of sets and files."""

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from typing import Any

import msgspec

from app.core.errors import BadUsage, Invalid
from app.core.layouts import LAYOUTS, RowError
from app.core.layouts.base import DEFAULT as DEFAULT_OPTIONS
from app.core.layouts.base import unrolled
from app.core.options import option
from app.core.record import Message, Record
from app.core.tokens import Spread, Tokenizer, find_family, share_counts
from app.core.validation.costs import read_price, reckon_cost
from app.core.validation.findings import Finding, Findings
from app.core.validation.lints import LINTS, Linter
from app.core.validation.profiles import DEFAULT, Profile, require_model
from app.core.validation.repeats import FirstNumbers
from app.core.validation.rules import RULES, FileFacts, Problem, Rule
from app.core.validation.shapes import SHAPES, Seen, Shape
from app.core.validation.training import TRAINS, Template, Training, say_trained

# How many findings are listed where nobody says so, and at most: more of them would fill the memory.
LISTED, MOST_LISTED = 100, 100_000
# For how many forms of plain rows a profile remembers what was found.
_MOST_FORMS = 10_000
# What a target does with a row, and how it is counted.
KEPT, DROPPED, REJECTED = "kept", "dropped", "rejected"
# What is no record can go nowhere.
_LOST = ("unreadable-row", "no-record")
# A prompt with what follows it; of two answers the better one.
_PROMPTED = ("prompt-completion", "labelled", "chosen-rejected")
_PLAIN_KEYS = {"role", "content", "weight", "name"}
_encode = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class ValidateOptions:
    """Which targets to check for, and how much of what is found is listed; all is counted."""

    profile: str = option(
        DEFAULT, "Profile", "Whose rules: one or several, with commas between them, or all.", metavar="P,P…"
    )
    model: str = option(
        "", "Model", "The model to be trained, where its limits differ from others of the profile.", metavar="M"
    )
    limit: int | None = option(
        None,
        "List",
        "How many findings are listed; all are counted.  [default: 100, by --json all]",
        metavar="N",
        between=(0, MOST_LISTED),
    )
    length: int | None = option(
        None,
        "Length",
        "How many tokens a record may have, where it is not the target's usual number.",
        metavar="N",
        between=(1, 10_000_000),
    )
    trained: bool = option(
        False, "Show what is trained", "List each record as the target reads it, with the parts of it that are trained."
    )
    template: str = option(
        "",
        "Chat template",
        "How conversations are written: chatml, a template of an installed package, or the folder of a model.",
        metavar="T",
    )
    trains: str = option(
        "",
        "Trained parts",
        "What is trained, where that was set otherwise than the target's default.",
        choices=TRAINS,
        metavar="WHAT",
    )
    epochs: int | None = option(
        None,
        "Epochs",
        "Reckon the cost of so many epochs.  [default: what the target does]",
        metavar="N",
        between=(1, 1_000),
    )
    price: str = option("", "Price", "The price of a million trained tokens, to reckon the cost by.", metavar="X")
    lint: bool = option(True, "Lints", "Look at questions and answers too, whatever trains on them.")

    def __post_init__(self) -> None:
        if self.limit is not None and not 0 <= self.limit <= MOST_LISTED:
            raise BadUsage(f"From 0 to {MOST_LISTED:,} findings can be listed.")
        read_price(self.price)


@dataclass
class Outcome:
    """What a target would do with all rows. ``kept + dropped = records``; ``rejected`` are those of the dropped ones
    over which it refuses the whole file or stops, ``cut`` those of the kept ones that lose text for their length."""

    kept: int = 0
    dropped: int = 0
    rejected: int = 0
    cut: int = 0


class Checker:
    """The rules of one profile, applied row by row."""

    def __init__(
        self,
        profile: Profile,
        findings: Findings,
        *,
        own: bool,
        usual: str = "",
        training: Training | None = None,
        listed: int = 0,
    ) -> None:
        unknown = [code for code in (*profile.rules, *profile.drops, *profile.takes) if code not in RULES]
        if unknown:
            raise Invalid(
                f"The profile {profile.name} names the rule {unknown[0]!r}, which there is not.", code="bad_profile"
            )
        if strange := [name for name in profile.shapes if name not in SHAPES]:
            raise Invalid(
                f"The profile {profile.name} names the shape {strange[0]!r}, which there is not.", code="bad_profile"
            )
        self.profile = profile
        self.own = own
        self.outcome = Outcome()
        self.layout = LAYOUTS.get(profile.layout)
        self._findings = findings
        self._usual = SHAPES[usual or profile.shapes[0]]
        # Those with most keys first: a labelled pair is also a pair.
        self._shapes = sorted((SHAPES[name] for name in profile.shapes), key=lambda shape: -len(shape.keys))
        used = [RULES[code] for code in profile.rules]
        self._row_rules = {shape.name: _of_level(used, ("row",), shape) for shape in self._shapes}
        self._text_rules = {shape.name: _of_level(used, ("texts",), shape) for shape in self._shapes}
        self._watchers = [(one, one.check(profile)) for one in used if one.level == "set"]
        self._file_rules = [one for one in used if one.level == "file"]
        self._length_rules = [one for one in used if one.level == "trained"]
        self._training = training
        self._listed = listed
        self.lengths = Spread()
        self.trained: list[dict[str, Any]] = []
        self._rows = 0
        self._known: dict[tuple[str, tuple[str, ...]], list[tuple[Rule, Problem]]] = {}

    def seen(self, row: dict[str, Any], same_as: int | None = None, stands_in: str = "", offset: int = 0) -> Seen:
        """The row as the form that it fits shows it; one that fits none is looked at as most rows are."""
        for shape in self._shapes if len(self._shapes) > 1 else ():
            if shape.fits(row):
                return Seen(row, shape, same_as, stands_in, offset)
        return Seen(row, self._usual, same_as, stands_in, offset)

    def check(self, seen: Seen, number: int, line: int | None, record: Record | None = None) -> None:
        """Find all that is wrong with a row, and with the length of its record; count what becomes of it."""
        shape, form = seen.shape.name, seen.form
        found = None if form is None else self._known.get((shape, form))
        if found is None:
            found = [(one, problem) for one in self._row_rules[shape] for problem in one.check(seen, self.profile)]
            if form is not None and len(self._known) < _MOST_FORMS:
                self._known[shape, form] = found
        found = found + [(one, each) for one in self._text_rules[shape] for each in one.check(seen, self.profile)]
        for one, watcher in self._watchers:
            found += [(one, problem) for problem in watcher.see(seen, number, line)]
        fate, is_cut = KEPT, False
        is_listed = len(self.trained) < self._listed
        if self._training is None or shape == "prompts":
            pass
        elif (
            record is not None
            and not self.own
            and not is_listed
            and (tokens := self._training.count_whole(record)) is not None
        ):
            # No rule of lengths has anything to say of what is trained whole.
            self.lengths.add(tokens, number)
        elif (plain := _plain_messages(seen, self.profile) if self.own else None) or record is not None:
            trained = self._training.judge(
                record or Record("", "", extra={"tools": seen.row.get("tools")}),
                shape,
                shown=is_listed,
                as_it_stands=self.own,
                completion=_size_of_completion(seen),
                messages=plain,
                reads_weights=not self.own or _has_key(seen, self.profile.weight_key),
            )
            self.lengths.add(trained.tokens, number)
            if is_listed:
                said = {"says": say_trained(trained), **asdict(trained)}
                self.trained.append({"profile": self.profile.name, "record": number, "line": line, **said})
            found += [(one, problem) for one in self._length_rules for problem in one.check(trained, self.profile)]
            fate, is_cut = KEPT if trained.kept else DROPPED, trained.cut_at is not None
            if trained.refused and self.profile.refuses != "nothing":
                fate = REJECTED
        self.outcome.cut += self.count(found, number, line, fate) == KEPT and is_cut

    def count(self, found: Iterable[tuple[Rule, Problem]], number: int, line: int | None, fate: str = KEPT) -> str:
        """Take in what was found in a row. Returns what becomes of it, when its length alone makes ``fate`` of it."""
        by_length, fate = fate, KEPT
        stops_loading = False
        for one, problem in found:
            severity = self.add(one, problem, number, line)
            drops = one.code in self.profile.drops and one.level != "trained"
            if one.at_loading and severity == "error":
                stops_loading = True
            elif drops or (one.code in _LOST and self.profile.refuses == "nothing"):
                fate = DROPPED
            elif severity == "error" and self._is_refused(one) and fate == KEPT:
                fate = REJECTED
        # Texts are counted last of all.
        fate = REJECTED if stops_loading else by_length if fate == KEPT else fate
        self.outcome.kept += fate == KEPT
        self.outcome.dropped += fate != KEPT
        self.outcome.rejected += fate == REJECTED
        self._rows += 1
        return fate

    def _is_refused(self, one: Rule) -> bool:
        """Whether the target stops at what is an error, or refuses the file; else it takes the row as it is."""
        if not one.refused or self.profile.refuses == "nothing":
            return False
        # Where answers alone are trained, it stops at a record without one.
        trained = (self._training.trains if self._training is not None else "") or self.profile.trains
        return one.code not in self.profile.takes or (one.code == "no-assistant" and trained != "all")

    def add(self, one: Rule, problem: Problem, number: int | None = None, line: int | None = None) -> str:
        """Take in one problem; returns its severity here."""
        severity = problem.severity or self.profile.rules.get(one.code, "error")
        number = problem.record if problem.record is not None else number
        line = problem.line if problem.line is not None else line
        name = self.profile.name
        self._findings.add(Finding(one.code, severity, problem.message, problem.path, number, line, problem.fix, name))
        return severity

    def leave_out(self, error: RowError, number: int, line: int | None) -> None:
        """Take in a record that cannot be written for this target: an export leaves it out."""
        code = "no-worse-answer" if error.code == "no_rejected_answer" else "not-written"
        self.add(RULES[code], Problem("", error.message), number, line)
        self.outcome.dropped += 1

    def tokens(self) -> dict[str, Any] | None:
        """How long the records are in tokens, and what they were counted by; None where they were not.

        ``billed`` is what one epoch reads: records over the limit count as the limit where they are cut, else not.
        """
        if self._training is None:
            return None
        lengths, length = self.lengths.measure(), self._training.length
        return {
            "family": self._training.counted_by,
            "exact": self._training.is_exact,
            "limit": length.tokens,
            "total": lengths.total,
            "median": lengths.median,
            "p95": lengths.p95,
            "max": lengths.longest,
            "billed": self.lengths.sum_within(length.tokens, cuts=length.beyond in ("cut", None)),
        }

    @property
    def template(self) -> str:
        """The chat template that records were written by; empty for our own plain form."""
        used = self._training.template if self._training is not None else None
        return used.name if used is not None else ""

    def spread(self) -> dict[str, Any] | None:
        """How the lengths are spread, for a chart: the width of a step and the counts; how many are over the limit,
        the longest; and for each model with a limit of its own how many are over that, and what an epoch reads then."""
        if self._training is None or not (longest := self.lengths.longest()):
            return None
        limit = self._training.length.tokens
        width, counts = self.lengths.bins()
        over = self.lengths.count_over(limit) if limit else 0
        cuts = self._training.length.beyond in ("cut", None)
        models = {
            one.name: {
                "limit": one.tokens,
                "over": self.lengths.count_over(one.tokens),
                "billed": self.lengths.sum_within(one.tokens, cuts=cuts),
            }
            for one in self.profile.models
            if one.tokens
        }
        return {"width": width, "counts": counts, "over": over, "longest": longest, "models": models}

    def cost(self, options: ValidateOptions) -> dict[str, Any] | None:
        """What a run costs, as far as prices and epochs are known; None where tokens were not counted."""
        tokens, model = self.tokens(), self.profile.model(options.model)
        if tokens is None:
            return None
        price = read_price(options.price)
        return reckon_cost(
            tokens["billed"],
            self.outcome.kept,
            rule=self.profile.epochs,
            epochs=options.epochs,
            price=price if price is not None or model is None else model.price,
            currency=model.currency if model else "USD",
            exact=tokens["exact"],
        ).as_dict()

    def close(self, facts: FileFacts) -> None:
        """Find what is wrong with all rows together and with the file."""
        facts = replace(facts, rows=self._rows, is_own=self.own)
        for one, watcher in self._watchers:
            for problem in watcher.close(facts):
                self.add(one, problem)
        for one in self._file_rules:
            for problem in one.check(facts, self.profile):
                self.add(one, problem)


def _size_of_completion(seen: Seen) -> int:
    """How many messages follow the prompt of a row."""
    said = seen.row.get("chosen" if seen.shape.name == "chosen-rejected" else "completion")
    return len(said) if seen.shape.name in _PROMPTED and isinstance(said, list) else 1


def _has_key(seen: Seen, key: str) -> bool:
    """Whether some message of a row has a key."""
    return any(key in said.message for talk in seen.talks for said in talk.said)


def _plain_messages(seen: Seen, profile: Profile) -> list[Message] | None:
    """The messages of a row as the target's template gets them, also where they are no record; None for others than
    those that have only a role and a text."""
    shape = seen.shape
    has_answers = shape.name not in _PROMPTED and any(talk.kind == "answer" for talk in seen.talks)
    if (shape.role, shape.text) != ("role", "content") or not seen.talks or has_answers:
        return None
    known = profile.roles.get("role", ())
    system = seen.row.get("system") if "from" in profile.roles else None
    found = [Message("system", system)] if system and type(system) is str else []
    for said in [said for talk in seen.talks if talk.path != "rejected" for said in talk.said]:
        role, text = said.message.get("role"), said.message.get("content")
        if type(text) is list and all(isinstance(one, dict) and type(one.get("text")) is str for one in text):
            text = "\n".join(one["text"] for one in text)
        if type(role) is not str or type(text) is not str or not said.message.keys() <= _PLAIN_KEYS:
            return None
        # Another name for the assistant counts where the target knows it.
        plain = "assistant" if said.role == "assistant" and role in known else role
        reads = profile.weights and profile.weight_key == "weight" and plain == "assistant"
        weight = said.message.get("weight") if reads else None
        found.append(Message(plain, text, weight=weight if type(weight) is int else None))
    return found


def _of_level(rules: Iterable[Rule], levels: Sequence[str], shape: Shape) -> list[Rule]:
    return [one for one in rules if one.level in levels and (not one.shapes or shape.name in one.shapes)]


@dataclass
class Validation:
    """One run over the rows of a file or the records of a dataset."""

    profiles: Sequence[Profile]
    options: ValidateOptions
    facts: FileFacts
    # The profiles for which the rows of the file are checked as they are, with the form of most of them; for others
    # they are checked as they would be exported.
    own: Mapping[str, str] = field(default_factory=dict)
    # The hashes of the records of another file, with and without their answers.
    other: Mapping[int, str] = field(default_factory=dict)
    # What counts the tokens of a family of models; without it lengths are not looked at.
    load_tokenizer: Callable[[str], Tokenizer] | None = None
    # Lints that are not asked.
    off: Container[str] = ()
    # How conversations are written for targets that use the chat template of a model.
    template: Template | None = None
    findings: Findings = field(init=False)
    checkers: list[Checker] = field(init=False)
    linter: Linter | None = field(init=False)
    _numbers: FirstNumbers = field(default_factory=FirstNumbers)

    def __post_init__(self) -> None:
        require_model(self.options.model, self.profiles)
        if self.load_tokenizer is not None:
            self.load_tokenizer = share_counts(self.load_tokenizer)
        self.findings = Findings(LISTED if self.options.limit is None else self.options.limit)
        self.linter = Linter(self.findings, off=self.off) if self.options.lint else None
        self.checkers = [
            Checker(
                one,
                self.findings,
                own=one.name in self.own,
                usual=self.own.get(one.name, ""),
                training=self._training_of(one),
                listed=(MOST_LISTED if self.options.limit is None else self.options.limit)
                if self.options.trained
                else 0,
            )
            for one in self.profiles
        ]
        for one in self.checkers:
            if not one.own and one.layout is None:
                said = f"Records cannot be written for {one.profile.name} yet: it checks files that are in its form."
                raise Invalid(said, code="no_layout", profile=one.profile.name)

    def _training_of(self, profile: Profile) -> Training | None:
        if self.load_tokenizer is None:
            return None
        usual = profile.models[0].name if profile.models else ""
        used = self.template if profile.template else None
        family = find_family(self.options.model) or (used.family if used is not None else "") or find_family(usual)
        options = self.options
        return Training.of_profile(
            profile,
            self.load_tokenizer(family),
            model=options.model,
            tokens=options.length,
            template=used,
            trains=options.trains,
        )

    @property
    def needs_records(self) -> bool:
        """Whether rows have to be understood, and not only looked at."""
        return (
            bool(self.other)
            or self.linter is not None
            or self.load_tokenizer is not None
            or not all(one.own for one in self.checkers)
        )

    def see(
        self, number: int, line: int | None, row: dict[str, Any], read: Callable[[bool], Record] | None = None
    ) -> None:
        """Check one row; ``read`` makes its record where that is needed, or raises RowError. Called with true, it takes
        one with a blank question or answer too: targets do."""
        self.facts.records += 1
        record: Record | None = None
        refusal: RowError | None = None
        blank: Record | None = None
        if read is not None and self.needs_records:
            try:
                record = read(False)
            except RowError as error:
                refusal = error
                if self.load_tokenizer is not None and error.code in ("blank_question", "blank_answer"):
                    with suppress(RowError):
                        blank = read(True)
            except UnicodeEncodeError:
                refusal = RowError("A text holds half of a character (a lone surrogate).")
        if record is not None and self.linter is not None:
            self.linter.see(record, number, line)
        offset = self.facts.bytes_read
        same_as = self._find_repeat(row, number)
        stands_in = self.stands_in(record) if record is not None and self.other else ""
        for checker in self.checkers:
            if checker.own:
                checker.check(checker.seen(row, same_as, stands_in, offset), number, line, record or blank)
            elif refusal is not None:
                checker.count([(RULES["no-record"], Problem("", refusal.message))], number, line)
            elif record is not None:
                self._see_exported(checker, record, number, line, same_as, stands_in)

    def see_record(self, number: int, record: Record, content_hash: int | None) -> None:
        """Check one record that stands in no file, by what its row would be for each target."""
        self.facts.records += 1
        first = self._numbers.find(hash(keys_of(record)) if content_hash is None else content_hash, number)
        same_as = None if first == number else first
        if self.linter is not None:
            self.linter.see(record, number)
        for checker in self.checkers:
            self._see_exported(checker, record, number, None, same_as, "")

    def see_unreadable(self, number: int, line: int | None, reason: str) -> None:
        """Take in a row that is no object at all."""
        self.facts.records += 1
        for checker in self.checkers:
            checker.count([(RULES["unreadable-row"], Problem("", reason))], number, line)

    def _see_exported(
        self, checker: Checker, record: Record, number: int, line: int | None, same_as: int | None, stands_in: str
    ) -> None:
        layout = checker.layout
        assert layout is not None
        try:
            rows = layout.rows_of(record, DEFAULT_OPTIONS)
        except RowError as error:
            checker.leave_out(error, number, line)
            return
        # Each row is judged by what stands in it.
        records = unrolled(record) if layout.unrolls and layout.labels is None else (record,) * len(rows)
        for row, one in zip(rows, records, strict=True):
            if checker.template:
                one = _with_calls_of(row, one)
            checker.check(checker.seen(row, same_as, stands_in), number, line, one)

    def _find_repeat(self, row: dict[str, Any], number: int) -> int | None:
        """The number of the first row that is equal; by 64 bits of a hash, so that a million take little memory."""
        encoded = _encode(row)
        self.facts.bytes_read += len(encoded) + 1
        first = self._numbers.find(hash(encoded), number)
        return None if first == number else first

    def stands_in(self, record: Record) -> str:
        """What of a record stands in the other file."""
        return self.other.get(hash(keys_of(record)[0])) or self.other.get(hash(keys_of(record)[1]), "")

    def close(self) -> dict[str, Any]:
        """Check what all rows are together. Returns the result object of commands and of the API."""
        for checker in self.checkers:
            checker.close(self.facts)
        if self.linter is not None:
            self.linter.close()
        names = [one.name for one in self.profiles]
        findings = self.findings
        titles = {code: one.title for code, one in (RULES | LINTS).items()}
        trained = (
            {"trained": [one for checker in self.checkers for one in checker.trained]} if self.options.trained else {}
        )
        return {
            "profile": ",".join(names),
            "records": self.facts.records,
            "errors": findings.number("error"),
            "warnings": findings.number("warning"),
            "hints": findings.number("hint"),
            "findings": [one.as_dict() for one in findings.first()],
            "rules": findings.by_code(titles),
            "profiles": {
                one.profile.name: {
                    "kept": one.outcome.kept,
                    "dropped": one.outcome.dropped,
                    "rejected": one.outcome.rejected,
                    "cut": one.outcome.cut,
                    "errors": findings.number("error", one.profile.name),
                    "warnings": findings.number("warning", one.profile.name),
                    "hints": findings.number("hint", one.profile.name),
                    "checked": "as it is" if one.own else "as exported",
                    "template": one.template,
                    "tokens": one.tokens(),
                    "cost": one.cost(self.options),
                }
                for one in self.checkers
            },
            "tokens": self.checkers[0].tokens(),
            "cost": self.checkers[0].cost(self.options),
            **trained,
        }


def _with_calls_of(row: Mapping[str, Any], record: Record) -> Record:
    """The record with its tool calls as they stand in its row: a template sees whether arguments are text."""
    messages = row.get("messages")
    if not isinstance(messages, list) or not any(one.tool_calls for one in (*record.turns, *record.trace)):
        return record
    calls = iter([one["tool_calls"] for one in messages if isinstance(one, dict) and one.get("tool_calls")])
    turns, trace = (
        tuple(replace(one, tool_calls=next(calls, one.tool_calls)) if one.tool_calls else one for one in some)
        for some in (record.turns, record.trace)
    )
    return replace(record, turns=turns, trace=trace)


def keys_of(record: Record) -> tuple[bytes, bytes]:
    """What makes a record the same as one of another file, with its answer and without; blanks and case do not."""
    turns = [(message.role, message.text) for message in record.turns]
    question = _encode([turns, " ".join(record.question.split()).casefold()])
    return question + b"\0" + " ".join(record.answer.split()).casefold().encode(), question
