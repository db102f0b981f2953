"""The language of the one search box: what is typed there, as conditions that all have to hold.

Nothing that is typed is an error. What cannot be understood is looked for as it stands, and a sentence says so.
"""

import re
from dataclasses import dataclass, replace
from functools import lru_cache

from app.core.cleaning.patterns import Pattern
from app.core.errors import BadUsage, Invalid
from app.core.record import SPLITS, STATUSES
from app.core.search.texts import FIELDS
from app.core.search.words import fold, words_of
from app.core.text import clip, is_storable

MOST_CHARACTERS = 1_000
# A word of fewer letters stands for itself only, and not for all that begin with it.
LEAST_BEGINNING = 3
STATES = ("duplicate", "empty", "answered")
THINGS = ("tools", "reasoning", "rejected", "system", "turns", "tags", "source", "note")
MEASURES = ("len", "tokens", "turns")
LABELS = ("tag", "status", "split", "source", "language", "is", "has")
_CHOICES = {"status": STATUSES, "split": (*SPLITS, "none"), "is": STATES, "has": THINGS}
_MEASURE = re.compile(r"(len|tokens|turns)(>=|<=|>|<|=)(\d{1,12})(?:$|(?=\s))", re.ASCII)
_NAME = re.compile(r"([a-z]+):", re.ASCII)
_WORD = re.compile(r"\S+")


@dataclass(frozen=True, slots=True)
class Words:
    """Words that follow one another in one text of a field (any field where that is empty).

    ``begins`` says that the last one may go on. ``literal`` is what the folded text must hold as it stands, where there
    is more to the words than letters, or no word at all.
    """

    field: str
    words: tuple[str, ...]
    begins: bool
    literal: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Expression:
    """A regular expression over the texts of a field as they stand (any field where that is empty)."""

    field: str
    source: str
    ignore_case: bool
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Label:
    """Something that a pair has beside its texts, such as ``status`` with one of some values."""

    name: str
    values: tuple[str, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Measure:
    """A number of a pair that is compared: ``len``, ``tokens`` or ``turns``."""

    name: str
    sign: str
    number: int
    negated: bool = False


Term = Words | Expression | Label | Measure


@dataclass(frozen=True, slots=True)
class Query:
    """All that has to hold of a pair, and a sentence for each thing that was not understood."""

    text: str = ""
    terms: tuple[Term, ...] = ()
    remarks: tuple[str, ...] = ()

    @property
    def words(self) -> tuple[Words, ...]:
        """The terms that are words."""
        return tuple(term for term in self.terms if isinstance(term, Words))

    @property
    def has_wanted_words(self) -> bool:
        """Whether words are looked for, and not only excluded."""
        return any(not term.negated for term in self.words)

    def inside_words(self) -> "Query":
        """The same, where what is looked for may stand inside words: what is tried where no words are found."""
        terms = tuple(
            replace(term, words=(), literal=_literal_of(term)) if isinstance(term, Words) and not term.negated else term
            for term in self.terms
        )
        return replace(self, terms=terms)


def _literal_of(term: Words) -> str:
    return term.literal or " ".join(term.words)


@lru_cache(maxsize=256)
def parse_query(text: str) -> Query:
    """What is typed into the box. Raises BadUsage on a text over the limit."""
    if len(text) > MOST_CHARACTERS:
        raise BadUsage(
            f"The search text is longer than {MOST_CHARACTERS:,} characters. Search for a part of it.",
            code="long_query",
        )
    return _Reader(text).read()


class _Reader:
    """Reads one text from left to right."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._terms: list[Term] = []
        self._remarks: list[str] = []

    def read(self) -> Query:
        while (found := _WORD.search(self._text, self._at)) is not None:
            self._at = found.start()
            negated = found[0][0] == "-" and len(found[0]) > 1
            self._at += negated
            self._read_term(negated)
        return Query(self._text, tuple(_gather(self._terms)), tuple(dict.fromkeys(self._remarks)))

    def _remark(self, start: int, why: str) -> None:
        self._remarks.append(f"“{clip(self._text[start : self._at], 40)}” is looked for as it stands: {why}")

    def _read_term(self, negated: bool) -> None:
        start = self._at
        if measure := _MEASURE.match(self._text, start):
            self._at = measure.end()
            self._terms.append(Measure(measure[1], measure[2], int(measure[3]), negated))
            return
        named = _NAME.match(self._text, start)
        name = named[1] if named else ""
        if (named and name in FIELDS) or name in LABELS or name == "regex":
            self._at = named.end() if named else start
            if name == "regex":
                return self._read_expression(start, "", negated)
            if name in FIELDS and self._text.startswith("regex:", self._at):
                self._at += len("regex:")
                return self._read_expression(start, name, negated)
            quoted = self._text.startswith('"', self._at)
            value = self._read_value(start)
            if name in LABELS:
                return self._read_label(start, name, value, negated)
            if value or quoted:
                return self._add_words(value, name, quoted, negated)
            self._remark(start, f"nothing stands after {name}:.")
            return self._add_words(self._text[start : self._at], "", False, negated)
        quoted = self._text.startswith('"', start)
        value = self._read_value(start)
        if name and value[len(name) + 1 :] and not value.startswith("//", len(name) + 1):
            self._remark(start, f"there is no field {name}.")
        elif re.match(rf"(?:{'|'.join(MEASURES)})[<>=]", value):
            self._remark(start, "a whole number has to follow, such as len>500.")
        elif not quoted and (hint := _hint(value, name)):
            self._remark(start, hint)
        self._add_words(value, "", quoted, negated)

    def _read_value(self, start: int) -> str:
        """A phrase without its quotes, or whatever comes before the next blank."""
        if self._text.startswith('"', self._at):
            end = self._text.find('"', self._at + 1)
            value = self._text[self._at + 1 : end if end >= 0 else None]
            if end < 0:
                said = f"before “{clip(value, 40)}” is not closed: all that follows belongs to it."
                self._remarks.append(f"The quote {said if value.strip() else 'at the end is not closed.'}")
            self._at = end + 1 if end >= 0 else len(self._text)
            return value
        found = _WORD.match(self._text, self._at)
        self._at = found.end() if found else self._at
        return found[0] if found else ""

    def _add_words(self, value: str, field: str, quoted: bool, negated: bool) -> None:
        folded = fold(value).replace("\x00", "")
        words = tuple(words_of(folded))
        if quoted:
            folded = folded.strip()
        # What is more than letters with blanks between has to stand in the text just so.
        literal = "" if "".join(folded.split()) == "".join(words) else folded
        if not words and not literal:
            if value.strip():
                self._remarks.append(f"“{clip(value, 40)}” holds nothing that can be looked for, and is passed over.")
            return
        begins = not quoted and bool(words) and (len(words[-1]) >= LEAST_BEGINNING or bool(literal and words[1:]))
        self._terms.append(Words(field, words, begins, literal, negated))

    def _read_label(self, start: int, name: str, value: str, negated: bool) -> None:
        choices = _CHOICES.get(name)
        if not value or not is_storable(value) or (choices is not None and value.lower() not in choices):
            why = f"after {name}: comes one of {', '.join(choices)}." if choices else f"nothing stands after {name}:."
            self._remark(start, why)
            self._add_words(self._text[start : self._at], "", False, negated)
            return
        self._terms.append(Label(name, (value.lower() if choices or name == "language" else value,), negated))

    def _read_expression(self, start: int, field: str, negated: bool) -> None:
        """``/…/`` with an i after it where case does not matter; a slash inside is written with a backslash before."""
        found = re.compile(r"/((?:\\.|[^/\\])*)/(i?)(?=\s|$)", re.DOTALL).match(self._text, self._at)
        if found is None:
            plain = _WORD.match(self._text, self._at)
            self._at = plain.end() if plain else self._at
            why = "a pattern stands between slashes, such as regex:/colou?r/i."
        else:
            self._at, source = found.end(), found[1].replace("\\/", "/")
            try:
                Pattern(source, ignore_case=bool(found[2]))
            except Invalid as error:
                why = error.message[:1].lower() + error.message[1:]
            else:
                self._terms.append(Expression(field, source, bool(found[2]), negated))
                return
        self._remark(start, why)
        self._add_words(self._text[start : self._at], "", False, negated)


def _hint(value: str, name: str) -> str:
    """How to write what looks like the search language of another program; empty where nothing does."""
    if value in ("OR", "AND", "NOT"):
        return (
            "all conditions have to hold; a choice is written such as regex:/one|other/i, and -word leaves out a word."
        )
    if value == f"{name}:" and name:
        return f"there is no field {name}."
    if len(value) > 2 and re.fullmatch(r"/.+/i?", value):
        return f"a pattern is written regex:{value}."
    if value.endswith("*") and words_of(fold(value)):
        return "a word also finds what begins with it, without a star."
    return ""


def _gather(terms: list[Term]) -> list[Term]:
    """The terms, where one status or another, or one split or another, is one condition: a pair has only one."""
    found: list[Term] = []
    for term in terms:
        if isinstance(term, Label) and term.name in ("status", "split") and not term.negated:
            for place, earlier in enumerate(found):
                if isinstance(earlier, Label) and earlier.name == term.name and not earlier.negated:
                    found[place] = replace(earlier, values=tuple(dict.fromkeys((*earlier.values, *term.values))))
                    break
            else:
                found.append(term)
        elif term not in found:
            found.append(term)
    return found
