"""Upper and lower case, and texts cut at the end of a sentence."""

import re
import unicodedata
from dataclasses import dataclass

from app.core.cleaning import code
from app.core.cleaning.base import Operation, TextFunction, empty_option
from app.core.cleaning.sentences import sentence_ends
from app.core.options import option

CASES = {
    "sentence": "Sentences begin with a capital",
    "lower": "lower case",
    "upper": "UPPER CASE",
    "title": "Each Word With A Capital",
}
_WORD = re.compile(r"[^\W\d_]+(?:['’][^\W\d_]+)*")
# A letter that is no capital of English, or of a script without capitals, where a sentence may begin.
_SMALL_START = re.compile(r"(?:\A|[.!?…。！？｡؟۔।॥][\"'”’»)\]*_」』）]*)[\s\"'“„‘«»(*_¿¡-]*[^\W\d_A-Z]")
_FIRST_LETTER = re.compile(r"[^\W\d_]")


@dataclass(frozen=True)
class Case:
    """Options of change-case."""

    to: str = option("sentence", "Write", "A text all in capitals is made lower case first.", choices=CASES)


@dataclass(frozen=True)
class Truncate:
    """Options of truncate."""

    limit: int = option(1000, "At most", "Characters; the text ends with the last whole sentence before.")


@Operation(
    name="change-case",
    title="Change case",
    help="Writes texts in lower or upper case, with capitals at sentences or at all words.",
    group="Text",
    Options=Case,
    examples=(("what is rain? it is water.", "What is rain? It is water."), ("READ THIS NOW", "Read this now")),
)
def prepare_case(options: Case) -> TextFunction:
    return {
        "lower": str.lower,
        "upper": str.upper,
        "title": lambda text: _WORD.sub(lambda match: match[0][0].title() + match[0][1:], text),
        "sentence": _capitalise_sentences,
    }[options.to]


def _capitalise_sentences(text: str) -> str:
    if _is_shouting(text):
        text = text.lower()
    elif not _SMALL_START.search(text):
        return text
    pieces: list[str] = []
    place = 0
    for end in [*sentence_ends(text), len(text)]:
        pieces.append(_capitalise_first(text[place:end]))
        place = end
    changed = "".join(pieces)
    # Capitals that would make it look like one that shouts are left out, or a second run would take them back.
    return text if _is_shouting(changed) else changed


def _is_shouting(text: str) -> bool:
    return text.isupper() and len(text.split()) > 2


def _capitalise_first(sentence: str) -> str:
    """The sentence with a capital, unless its first word is written as a name is (iPhone) or an address."""
    first = _FIRST_LETTER.search(sentence)
    if first is None or sentence[: first.start()].strip("\"'“„‘«»(*_¿¡- \t\r\n"):
        return sentence
    word = sentence[first.start() :].split(maxsplit=1)[0]
    if any(c.isupper() for c in word) or "." in word.rstrip(".") or "/" in word or "@" in word:
        return sentence
    return sentence[: first.start()] + first[0].title() + sentence[first.end() :]


@Operation(
    name="truncate",
    title="Truncate at a sentence",
    help="Shortens long texts to the last whole sentence before a limit; code blocks are never cut in two.",
    group="Text",
    Options=Truncate,
    handles_code=True,
    fields=("answer",),
    examples=(("Rain is water. It falls from clouds.", "Rain is water."), ("Short.", "Short.")),
    example_options={"limit": 20},
)
def prepare_truncate(options: Truncate) -> TextFunction:
    if options.limit < 1:
        raise empty_option("The limit must be at least one character.", "limit")
    return lambda text: text if len(text) <= options.limit else _cut_at_sentence(text, options.limit)


def _cut_at_sentence(text: str, limit: int) -> str:
    """The whole sentences, or failing that the whole words, before the limit; a piece of code stays whole or goes."""
    pieces = code.code_spans(text)
    for start, end in pieces:
        if start < limit < end:
            limit = start if text[:start].strip() else end
    if limit >= len(text):
        return text
    head = text[:limit]
    inside = [
        end for end in sentence_ends(text[: limit + 1]) if end <= limit and not any(a < end < b for a, b in pieces)
    ]
    after_code = [end for start, end in pieces if end <= limit and "\n" in text[start:end]]
    place = max([*inside, *after_code, 0])
    return head[: place or _last_word(text, limit)].rstrip()


def _last_word(text: str, limit: int) -> int:
    space = max(text.rfind(" ", 1, limit + 1), text.rfind("\n", 1, limit + 1))
    if space > 0 and text[:space].strip():
        return space
    while limit > 1 and (unicodedata.category(text[limit])[0] == "M" or "\u200d" in text[limit - 1 : limit + 1]):
        limit -= 1
    return limit
