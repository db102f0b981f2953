"""Whether an entry answers a query, by looking at all of its texts: what every index has to agree with."""

import operator
from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from app.core.cleaning.base import CleaningStopped
from app.core.cleaning.patterns import Pattern
from app.core.errors import Invalid
from app.core.search.facts import facts_of
from app.core.search.query import Expression, Label, Measure, Query, Term, Words
from app.core.search.texts import has_tools, texts_of
from app.core.search.words import fold, words_of
from app.core.stored import StoredEntry
from app.core.text import is_blank

COMPARE: dict[str, Callable[[int, int], bool]] = {
    ">": operator.gt,
    ">=": operator.ge,
    "<": operator.lt,
    "<=": operator.le,
    "=": operator.eq,
}


# How the stored form of messages holds what an assistant thought. Texts have backslashes before their quotes.
MESSAGE_REASONING = '"reasoning":"'


@dataclass(frozen=True, slots=True)
class Around:
    """What is not said by an entry itself: which are exact copies of others, and which have a comment."""

    duplicates: Collection[int] = field(default_factory=frozenset)
    noted: Collection[int] = field(default_factory=frozenset)


class _Texts:
    """The texts of an entry, folded and taken apart when that is asked for."""

    def __init__(self, entry: StoredEntry) -> None:
        self._of = texts_of(entry)
        self._folded: dict[str, list[str]] = {}
        self._apart: dict[str, list[str]] = {}

    def plain(self, name: str) -> Iterable[str]:
        return self._of.get(name, ()) if name else (text for texts in self._of.values() for text in texts)

    def folded(self, name: str) -> list[str]:
        if name not in self._folded:
            self._folded[name] = list(map(fold, self.plain(name)))
        return self._folded[name]

    def apart(self, name: str) -> list[str]:
        """The words of each text, a blank before and after every one."""
        if name not in self._apart:
            self._apart[name] = [f" {' '.join(words_of(text))} " for text in self.folded(name)]
        return self._apart[name]


def make_matcher(query: Query, around: Around | None = None) -> Callable[[StoredEntry], bool]:
    """What says of an entry whether it answers the query. It raises Invalid where a pattern takes too long."""
    tests = [_test_of(term, around or Around()) for term in query.terms]
    # What costs little is asked first.
    order = sorted(range(len(tests)), key=lambda place: isinstance(query.terms[place], (Words, Expression)))
    chosen = [(tests[place], query.terms[place].negated) for place in order]

    def matches(entry: StoredEntry) -> bool:
        texts = _Texts(entry)
        return all(test(entry, texts) != negated for test, negated in chosen)

    return matches


def _test_of(term: Term, around: Around) -> Callable[[StoredEntry, _Texts], bool]:
    if isinstance(term, Words):
        return _test_of_words(term)
    if isinstance(term, Expression):
        pattern = Pattern(term.source, ignore_case=term.ignore_case)
        return lambda entry, texts: any(_search(pattern, text) for text in texts.plain(term.field))
    if isinstance(term, Measure):
        compare, place = COMPARE[term.sign], {"len": 0, "tokens": 1, "turns": 2}[term.name]
        return lambda entry, texts: compare(int(facts_of(entry)[place]), term.number)
    return lambda entry, texts: _has_label(entry, term, around)


def _test_of_words(term: Words) -> Callable[[StoredEntry, _Texts], bool]:
    sought = f" {' '.join(term.words)}" + ("" if term.begins else " ") if term.words else ""
    literal, name = term.literal, term.field

    def has_words(entry: StoredEntry, texts: _Texts) -> bool:
        if not literal:
            return any(sought in text for text in texts.apart(name))
        return any(
            literal in folded and (not sought or sought in f" {' '.join(words_of(folded))} ")
            for folded in texts.folded(name)
        )

    return has_words


def _search(pattern: Pattern, text: str) -> bool:
    try:
        return pattern.search(text) is not None
    except CleaningStopped as error:
        raise Invalid(
            "The pattern of the search takes too long. Avoid repeats inside repeats such as (a+)+.",
            code="regex_too_slow",
        ) from error


def _has_label(entry: StoredEntry, term: Label, around: Around) -> bool:
    value = term.values[0]
    match term.name:
        case "tag":
            return value in entry.tag_list
        case "status":
            return entry.status in term.values
        case "split":
            return (entry.split or "none") in term.values
        case "source":
            return fold(value) in fold(entry.source or "")
        case "language":
            return facts_of(entry).language == value
        case "is":
            return _is(entry, value, around)
        case _:
            return _has(entry, value, around)


def _is(entry: StoredEntry, value: str, around: Around) -> bool:
    if value == "duplicate":
        return entry.id in around.duplicates
    return (not is_blank(entry.answer) or entry.trace is not None) == (value == "answered")


def _has(entry: StoredEntry, value: str, around: Around) -> bool:
    match value:
        case "tools":
            return has_tools(entry)
        case "reasoning":
            return bool(entry.reasoning) or any(MESSAGE_REASONING in (one or "") for one in (entry.turns, entry.trace))
        case "rejected":
            return bool(entry.rejected_answer)
        case "system":
            return bool(entry.system)
        case "turns":
            return entry.turns is not None
        case "tags":
            return entry.tags is not None
        case "source":
            return bool(entry.source)
        case _:
            return entry.id in around.noted
