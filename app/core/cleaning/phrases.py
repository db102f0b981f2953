"""Sentences that say nothing, and marks before a text, by lists that users edit."""

from dataclasses import dataclass
from typing import Any

import regex

from app.core.cleaning.base import Operation, TextFunction, missing, register
from app.core.cleaning.patterns import escape
from app.core.cleaning.sentences import ends
from app.core.options import option

BOILERPLATE = """
As an AI language model
As an AI model
As an AI assistant
As an AI chatbot
As an AI,
As an artificial intelligence
As a large language model
As a language model
I'm just an AI
I am just an AI
I'm sorry, but as an AI
I am sorry, but as an AI
I apologize, but as an AI
As of my last knowledge update
As of my knowledge cutoff
I hope this helps
Let me know if you have any
Feel free to ask
Is there anything else I can help
""".strip()
PREFIXES = """
Q:
A:
Question:
Answer:
Human:
User:
Assistant:
AI:
Bot:
Instruction:
Response:
Input:
Output:
Frage:
Antwort:
질문:
답변:
问:
答:
س:
ج:
""".strip()
WHAT = {"sentence": "The whole sentence", "phrase": "Only the phrase, with the comma behind it"}
WHERE = {"start": "At the beginning of the text", "lines": "At the beginning of every line"}


@dataclass(frozen=True)
class Boilerplate:
    """Options of remove-boilerplate."""

    phrases: str = option(
        BOILERPLATE, "Phrases", "One on each line; they count where a sentence begins.", multiline=True
    )
    what: str = option("sentence", "Remove", choices=WHAT)


@dataclass(frozen=True)
class Prefixes:
    """Options of remove-prefixes."""

    prefixes: str = option(PREFIXES, "Prefixes", "One on each line.", multiline=True)
    where: str = option("start", "Where", choices=WHERE)


def lines_of(text: str) -> list[str]:
    """The lines that hold something."""
    return [line.strip() for line in text.splitlines() if line.strip()]


def _plain(text: str) -> str:
    """Lower case with straight apostrophes; as long as the text itself, so that places agree."""
    return text.replace("’", "'").translate(_LOWER) if not text.isascii() else text.lower()


# Lower case that never changes the length of a text.
_LOWER = {ord(c): c.lower() for c in map(chr, range(0x250)) if c.isupper() and len(c.lower()) == 1}


def _prepare_boilerplate(options: Boilerplate) -> TextFunction:
    phrases = tuple(sorted({_plain(line) for line in lines_of(options.phrases)}, key=len, reverse=True))
    if not phrases:
        raise missing("Write at least one phrase.", "phrases")
    whole = options.what == "sentence"

    def without(text: str) -> str:
        plain = _plain(text)
        if not any(phrase in plain for phrase in phrases):
            return text
        return _without_phrases(text, phrases, whole)

    return without


def _without_phrases(text: str, phrases: tuple[str, ...], whole: bool) -> str:
    """Each line sentence by sentence; a line that loses all its sentences goes with its line end."""
    lines: list[str] = []
    for line in text.splitlines(keepends=True):
        body = line.rstrip("\r\n")
        kept = "".join(_kept(sentence, phrases, whole) for sentence in _sentences(body))
        if kept == body:
            lines.append(line)
        elif kept.strip():
            lines.append(kept.rstrip(" ") + line[len(body) :])
    changed = "".join(lines)
    return changed if changed == text or not lines else _same_edges(changed, text)


def _same_edges(changed: str, text: str) -> str:
    """Without the empty lines that a removed paragraph leaves at the beginning or the end."""
    if not text[:1].isspace():
        changed = changed.lstrip("\r\n ")
    return changed if text[-1:].isspace() else changed.rstrip("\r\n ")


def _sentences(line: str) -> list[str]:
    """The sentences of a line, each with the spaces behind it."""
    places = [0]
    for end in ends(line):
        places.append(end + len(line[end:]) - len(line[end:].lstrip(" ")))
    return [line[a:b] for a, b in zip(places, [*places[1:], len(line)], strict=True) if a < b]


def _kept(sentence: str, phrases: tuple[str, ...], whole: bool) -> str:
    start = len(sentence) - len(sentence.lstrip(" \t*_\"“‘'"))
    plain = _plain(sentence)
    phrase = next(
        (one for one in phrases if plain.startswith(one, start) and _word_ends(plain, start + len(one))), None
    )
    if phrase is None:
        return sentence
    rest = sentence[start + len(phrase) :].lstrip(" ,:")
    if whole or not rest:
        return ""
    return sentence[:start] + rest[0].upper() + rest[1:]


def _word_ends(text: str, place: int) -> bool:
    return not (text[place : place + 1].isalnum() and text[place - 1].isalnum())


def _prepare_prefixes(options: Prefixes) -> TextFunction:
    prefixes = sorted(lines_of(options.prefixes), key=len, reverse=True)
    if not prefixes:
        raise missing("Write at least one prefix.", "prefixes")
    one = rf"(?:#{{1,6}}[ \t]*)?(?:{'|'.join(_prefix(prefix) for prefix in prefixes)})"
    start = options.where == "start"
    pattern = regex.compile(rf"\A\s*(?:{one}\s*)+" if start else rf"^[ \t]*(?:{one}[ \t]*)+", regex.MULTILINE)
    marks = tuple({prefix[-1] for prefix in prefixes} | {"："})

    def without(text: str) -> str:
        if not any(mark in text for mark in marks):
            return text
        return str(pattern.sub(_unless_half_bold, text))

    return without


def _unless_half_bold(match: Any) -> str:
    """A prefix inside a longer bold text stays, as its end would lose its beginning."""
    found: str = match[0]
    return found if found.count("**") % 2 or found.count("__") % 2 else ""


def _prefix(prefix: str) -> str:
    """The pattern of one prefix: a number may follow its word, its colon may be wide, one letter alone minds case."""
    word = prefix.rstrip(":")
    body = escape(word) if len(word) == 1 else f"(?i:{escape(word)})"
    bold = r"(?:\*\*|__)?"
    if prefix.endswith(":"):
        return rf"{bold}{body}[ ]?\d{{0,3}}{bold}[ ]?[:：]{bold}"
    return rf"{body}(?!\w)" if prefix[-1].isalnum() else body


REMOVE_BOILERPLATE = register(
    Operation(
        name="remove-boilerplate",
        title="Remove boilerplate",
        help="Removes sentences that begin with a phrase such as “As an AI language model”; the list can be edited.",
        group="Text",
        Options=Boilerplate,
        prepare=_prepare_boilerplate,
        fields=("answer",),
        examples=(
            (
                "As an AI language model, I have no body. The first ride feels unsteady.",
                "The first ride feels unsteady.",
            ),
            ("Golden Crumb. I hope this helps!", "Golden Crumb."),
        ),
    )
)

REMOVE_PREFIXES = register(
    Operation(
        name="remove-prefixes",
        title="Remove prefixes",
        help="Removes marks such as “Q:” and “Answer:” before a text; the list can be edited.",
        group="Text",
        Options=Prefixes,
        prepare=_prepare_prefixes,
        examples=(
            ("Q: What is rain?", "What is rain?"),
            ("**Answer:** Water.", "Water."),
            ("Rain: water.", "Rain: water."),
        ),
    )
)
