"""Sentences that say nothing, and marks before a text, by lists that users edit."""

import re
from dataclasses import dataclass
from typing import Any

import regex

from app.core.cleaning.base import Operation, TextFunction, empty_option
from app.core.cleaning.patterns import escape_pattern
from app.core.cleaning.sentences import sentence_ends
from app.core.errors import Invalid
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
MAX_LINES, MAX_LINE = 1_000, 200
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
    """The lines that hold something. Raises Invalid where there are too many, or one is too long."""
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    if len(lines) > MAX_LINES or any(len(line) > MAX_LINE for line in lines):
        raise Invalid(
            f"A list has at most {MAX_LINES:,} lines of at most {MAX_LINE:,} characters.", code="too_many_phrases"
        )
    return lines


def _fold_letters(text: str) -> str:
    """Lower case with straight apostrophes; as long as the text itself, so that places agree."""
    return text.replace("’", "'").translate(_LOWER) if not text.isascii() else text.lower()


def _lower_letters(text: str) -> str:
    return text.replace("’", "'").lower()


# Lower case that never changes the length of a text.
_LOWER = {ord(c): c.lower() for c in map(chr, range(0x250)) if c.isupper() and len(c.lower()) == 1}


@Operation(
    name="remove-boilerplate",
    title="Remove boilerplate",
    help="Removes sentences that begin with a phrase such as “As an AI language model”; the list can be edited.",
    group="Text",
    Options=Boilerplate,
    fields=("answer",),
    examples=(
        (
            "As an AI language model, I have no body. The first ride feels unsteady.",
            "The first ride feels unsteady.",
        ),
        ("Golden Crumb. I hope this helps!", "Golden Crumb."),
    ),
)
def prepare_boilerplate(options: Boilerplate) -> TextFunction:
    """What removes sentences that begin with a phrase, or only the phrase."""
    phrases = tuple(sorted({_fold_letters(line) for line in lines_of(options.phrases)}, key=len, reverse=True))
    if not phrases:
        raise empty_option("Write at least one phrase.", "phrases")
    whole = options.what == "sentence"
    find_any = re.compile("|".join(map(re.escape, phrases))).search
    # Where a phrase holds nothing but ASCII, no other letter becomes one of its own by the quicker lower case.
    fold = _lower_letters if all(map(str.isascii, phrases)) else _fold_letters

    def remove_boilerplate(text: str) -> str:
        if not find_any(fold(text)):
            return text
        lines: list[str] = []
        for line in text.splitlines(keepends=True):
            body = line.rstrip("\r\n")
            starts = [0, *(end + len(body[end:]) - len(body[end:].lstrip(" ")) for end in sentence_ends(body))]
            sentences = (body[a:b] for a, b in zip(starts, [*starts[1:], len(body)], strict=True))
            kept = "".join(_without_phrase(sentence, phrases, whole) for sentence in sentences)
            if kept == body:
                lines.append(line)
            elif kept.strip():
                # A line that loses all its sentences goes with its line end.
                lines.append(kept.rstrip(" ") + line[len(body) :])
        changed = "".join(lines)
        if changed == text or not lines:
            return changed
        # A removed paragraph leaves no empty lines at the beginning or the end.
        changed = changed if text[:1].isspace() else changed.lstrip("\r\n ")
        return changed if text[-1:].isspace() else changed.rstrip("\r\n ")

    return remove_boilerplate


def _without_phrase(sentence: str, phrases: tuple[str, ...], whole: bool) -> str:
    start = len(sentence) - len(sentence.lstrip(" \t*_\"“‘'"))
    plain = _fold_letters(sentence)
    for phrase in phrases:
        end = start + len(phrase)
        inside_word = plain[end : end + 1].isalnum() and plain[end - 1].isalnum()
        if not plain.startswith(phrase, start) or inside_word:
            continue
        rest = sentence[end:].lstrip(" ,:")
        return "" if whole or not rest else sentence[:start] + rest[0].upper() + rest[1:]
    return sentence


@Operation(
    name="remove-prefixes",
    title="Remove prefixes",
    help="Removes marks such as “Q:” and “Answer:” before a text; the list can be edited.",
    group="Text",
    Options=Prefixes,
    examples=(
        ("Q: What is rain?", "What is rain?"),
        ("**Answer:** Water.", "Water."),
        ("Rain: water.", "Rain: water."),
    ),
)
def prepare_prefixes(options: Prefixes) -> TextFunction:
    """What removes the prefixes before a text or before each of its lines."""
    prefixes = sorted(lines_of(options.prefixes), key=len, reverse=True)
    if not prefixes:
        raise empty_option("Write at least one prefix.", "prefixes")
    one = rf"(?:#{{1,6}}[ \t]*)?(?:{'|'.join(_prefix_pattern(prefix) for prefix in prefixes)})"
    start = options.where == "start"
    pattern = regex.compile(rf"\A\s*(?:{one}\s*)+" if start else rf"^[ \t]*(?:{one}[ \t]*)+", regex.MULTILINE)
    marks = tuple({prefix[-1] for prefix in prefixes} | {"："})

    def unless_half_bold(match: Any) -> str:
        # A prefix inside a longer bold text stays, as its end would lose its beginning.
        found: str = match[0]
        return found if found.count("**") % 2 or found.count("__") % 2 else ""

    def remove_prefixes(text: str) -> str:
        return str(pattern.sub(unless_half_bold, text)) if any(mark in text for mark in marks) else text

    return remove_prefixes


def _prefix_pattern(prefix: str) -> str:
    """The pattern of one prefix: a number may follow its word, its colon may be wide, one letter alone minds case."""
    word = prefix.rstrip(":")
    body = escape_pattern(word) if len(word) == 1 else f"(?i:{escape_pattern(word)})"
    bold = r"(?:\*\*|__)?"
    if prefix.endswith(":"):
        return rf"{bold}{body}[ ]?\d{{0,3}}{bold}[ ]?[:：]{bold}"
    return rf"{body}(?!\w)" if prefix[-1].isalnum() else body
