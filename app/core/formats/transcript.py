"""Plain text in which lines begin with who speaks: ``Q:`` and ``A:``, ``Frage:`` and ``Antwort:``, ``User:`` and
``Assistant:``.

A question begins a row of its own. Said by roles, all is one conversation until a line of dashes, a heading or a system
message begins another.
"""

import re
from collections.abc import Sequence
from typing import Any, NamedTuple

from app.core.errors import Invalid
from app.core.formats.base import Format, ReadOptions, Rows
from app.core.formats.limits import too_long, too_many_rows
from app.core.formats.lines import decode_head, numbered_lines, row_of
from app.core.formats.source import Source
from app.core.names import TARGET_OF_NAME, normal_name

KIND = "This transcript"
# What a speaker may be called who has a role.
_ROLES = {
    name: role
    for role, names in {
        "user": "user human customer client prompter interviewer kunde kundin nutzer benutzer mensch usuario 用户 用戶",
        "assistant": "assistant ai bot gpt chatgpt chatbot model agent support expert interviewee assistent 助手",
        "system": "system",
    }.items()
    for name in names.split()
}
_PAIR = {"question", "answer"}
# Letters for question and answer in German, Spanish, French, Italian, Dutch and Russian.
_LETTERS = {**dict.fromkeys("fpdvв", "question"), **dict.fromkeys("rо", "answer")}
_MARK = re.compile(
    r"\s*(?:[-*+>]\s+|#{1,6}\s*)?(?P<bold>\*\*|__)?(?P<name>[^\W\d_]+(?:[ _-][^\W\d_]+)?) ?#?\d*(?(bold)(?:\*\*|__)?)"
    r"\s*(?:：|(?:(?<=\d)[.)]|:)(?(bold)(?:\*\*|__)?)(?=\s|$))(?P<text>.*)"
)
_BREAK = re.compile(
    r"\s*(?:[-=*_#~]{3,}|#{1,6}\s+\S.*|\[?(?:conversation|chat|dialog|dialogue|gespräch)\b.{0,20})\s*", re.IGNORECASE
)
# A transcript shows what it is within these lines, and begins within so many.
_LOOKED_AT = 400
_TITLE_LINES = 5


class Speakers(NamedTuple):
    """Who speaks (question, answer, user, assistant, system) by the names that a transcript has for them.

    ``start`` is the line of the first mark, ``above`` how many lines over it say something.
    """

    names: dict[str, str]
    start: int
    above: int


def find_speakers(lines: Sequence[str]) -> Speakers | None:
    """The speakers of a transcript, by the lines at its start; None for any other text.

    Of names for questions and answers the first of each counts: an answer may have a line “Solution: …”.
    """
    names: dict[str, str] = {}
    start = None
    for place, line in enumerate(lines[:_LOOKED_AT]):
        match = _MARK.fullmatch(line)
        name = normal_name(match["name"]) if match else ""
        side = _LETTERS.get(name) or TARGET_OF_NAME.get(name, ("",))[0]
        if name in _ROLES:
            names[name] = _ROLES[name]
        elif side in _PAIR and side not in names.values():
            names[name] = side
        if start is None and name in names:
            start = place
    speakers = set(names.values())
    if start is None or not speakers & {"question", "user"} or not speakers & {"answer", "assistant"}:
        return None
    above = [line for line in lines[:start] if line.strip()]
    # A table may have such cells.
    is_table = any(line.count(sign) > 1 for line in above for sign in ",;\t|")
    return None if is_table or len(above) > _TITLE_LINES else Speakers(names, start, len(above))


def read(source: Source, options: ReadOptions) -> Rows:
    """A row for each question with its answer, or for each conversation. Raises Invalid where nobody speaks."""
    found = find_speakers(decode_head(source, options).splitlines())
    if found is None:
        raise Invalid("Nobody speaks in this text: no line begins with Q: and A:, or User: and Assistant:.")
    is_pairs = not _PAIR.isdisjoint(found.names.values())
    begins = ("question", "system", "user") if is_pairs else ("system",)
    number = start = size = 0
    parts: list[tuple[str, list[str]]] = []
    for line_number, line in numbered_lines(source, options, KIND):
        match = _MARK.fullmatch(line)
        who = found.names.get(normal_name(match["name"])) if match else None
        is_break = who is None and _BREAK.fullmatch(line) is not None and (not is_pairs or not parts)
        if parts and (is_break or (who in begins and [who for who, _ in parts] != ["system"])):
            number += 1
            if number > options.limits.rows:
                raise too_many_rows(KIND, options.limits)
            yield row_of(number, start, _values(parts, is_pairs=is_pairs))
            parts, size = [], 0
        if match and who:
            start = start if parts else line_number
            parts.append((who, [match["text"].strip()]))
        elif parts and not is_break:
            parts[-1][1].append(line)
        size += len(line) + 1
        if size > options.limits.line_bytes:
            raise too_long(KIND, f"the row at line {start}", options.limits)
    if parts:
        yield row_of(number + 1, start, _values(parts, is_pairs=is_pairs))


def _values(parts: list[tuple[str, list[str]]], *, is_pairs: bool) -> dict[str, Any]:
    texts = [(who, "\n".join(lines).strip()) for who, lines in parts]
    if not is_pairs:
        return {"messages": [{"role": who, "content": text} for who, text in texts]}
    values: dict[str, Any] = {}
    for who, text in texts:
        side = {"user": "question", "assistant": "answer"}.get(who, who)
        values[side] = f"{values[side]}\n\n{text}" if side in values else text
    return values


TRANSCRIPT = Format("transcript", "Transcript", (), read, None, "text/plain; charset=utf-8")
