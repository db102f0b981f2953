"""What kind of answer a record teaches, told by marks that any reader could check."""

import re

import msgspec
import regex

from app.core.record import Record

# The kinds in the order in which they are tried.
KINDS = {
    "tools": "Tool calls",
    "structured": "Structured output",
    "code": "Code",
    "calculation": "Calculation",
    "quoted": "Extraction",
    "rewritten": "Rewriting",
    "facts": "Facts",
    "text": "Free text",
    "none": "No answer",
}
# So much of a text is looked at: a document of a megabyte is told by its beginning.
_READ = 8_000
_FENCED = re.compile(r"```.*?(?:```|\Z)", re.DOTALL)
# A line that no prose ends or begins like.
_CODE_LINE = re.compile(
    r"[;{}]\s*$|\)\s*:\s*$|^\s*(?:def|import|from|return|function|var|let|const|public|private|#include|print)\b.*[()=;.]"
    r"|^\s*</?(?:!DOCTYPE|html|head|body|div|script|style|table|form)\b"
    r"|^\s*\w[\w.]*(?:\[.*\])? [-+]?= |^\s*(?:SELECT|INSERT|UPDATE|CREATE) "
)
# Something reckoned out: 48/2 = 24, 3 × 4 = 12, x = 2 + 5.
_RECKONED = re.compile(r"\d[\d.,]*\s*[-+*/×÷]\s*[$€£]?\d[^=\n]{0,40}=|=\s*[$€£]?\d[\d.,]*\s*[-+*/×÷]\s*[$€£]?\d")
_WORD = regex.compile(r"[\p{Han}\p{Hiragana}\p{Katakana}]|[^\W_]+")
_NUMBER = re.compile(r"\d+")
# A word with a capital that does not begin a sentence, a line or a quotation, and one with several capitals.
_NAME = regex.compile(r"(?<=[\p{Ll}\p{N},;)] )\p{Lu}\p{Ll}+|\b\p{Lu}[\p{Lu}\p{N}]+\b")
# Where all nouns have capitals, a name is two in a row.
_DOUBLE_NAME = regex.compile(r"(?<=[\p{Ll}\p{N},;)] )\p{Lu}\p{Ll}+ \p{Lu}\p{Ll}+|\b\p{Lu}[\p{Lu}\p{N}]+\b")
_MIN_QUOTED = 3
_MIN_REWRITTEN = 8
_decode = msgspec.json.Decoder().decode


def find_kind(record: Record, language: str = "") -> str:
    """The kind of answer of a record: a key of ``KINDS``. ``language`` is that of the answer, where it is known.

    An answer is *quoted* where all of it stands in what comes before, *rewritten* where four fifths of its words do,
    and states *facts* where it has a number or a name that nothing before it has. In scripts without capitals only
    numbers and words of other scripts can be told.
    """
    if any(one.tool_calls for one in (*record.turns, *record.trace)):
        return "tools"
    answer = record.answer[:_READ].strip()
    if not answer:
        return "none"
    if answer[:1] in ("{", "[") and _is_json(record.answer):
        return "structured"
    lines = [line for line in answer.splitlines() if line and not line.isspace()]
    if "```" in answer:
        if 2 * sum(map(len, _FENCED.findall(answer))) >= len(answer):
            return "code"
    elif 2 * sum(map(bool, map(_CODE_LINE.search, lines))) >= len(lines):
        return "code"
    if _RECKONED.search(answer):
        return "calculation"
    before = [record.system, *(one.text for one in (*record.turns, *record.trace)), record.question]
    prompt = "\n".join(text[:_READ] for text in before if text).casefold()
    folded = answer.casefold().strip(" .!?。！？\n\"'“”")
    if len(folded) >= _MIN_QUOTED and _stands_in(folded, prompt):
        return "quoted"
    words, known = set(_WORD.findall(folded)), set(_WORD.findall(prompt))
    if len(words) >= _MIN_REWRITTEN and len(words & known) * 5 >= len(words) * 4 and len(prompt) >= len(folded):
        return "rewritten"
    names = _DOUBLE_NAME if language == "de" else _NAME
    specific = (*_NUMBER.findall(answer), *names.findall(answer))
    if any(not known.issuperset(_WORD.findall(one.casefold())) for one in specific):
        return "facts"
    return "text"


def _is_json(text: str) -> bool:
    try:
        return isinstance(_decode(text), dict | list)
    except (msgspec.DecodeError, RecursionError):
        return False


def _stands_in(part: str, text: str) -> bool:
    """Whether a text stands in another, not in the middle of its words."""
    place = text.find(part)
    while place >= 0:
        end = place + len(part)
        if not (place and _joins(text[place - 1], part[0])) and not (end < len(text) and _joins(part[-1], text[end])):
            return True
        place = text.find(part, place + 1)
    return False


def _joins(left: str, right: str) -> bool:
    """Whether two letters side by side are of one word; those of scripts without spaces are not."""
    return left.isalnum() and right.isalnum() and not ("\u3040" <= left <= "\u9fff" or "\u3040" <= right <= "\u9fff")
