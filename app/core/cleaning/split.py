"""Split a pair that holds several."""

from dataclasses import dataclass, replace

import regex

from app.core.cleaning.base import Operation, PairFunction, Result, empty_option
from app.core.cleaning.patterns import escape_pattern
from app.core.cleaning.phrases import lines_of
from app.core.options import option
from app.core.record import Record

HOW = {
    "marks": "At question and answer marks inside a text (Q: … A: …)",
    "separator": "Question and answer at a separator, part by part",
    "turns": "A conversation into one pair for each answer",
}


@dataclass(frozen=True)
class SplitPair:
    """Options of split-pair."""

    how: str = option("marks", "Split", choices=HOW)
    question_marks: str = option(
        "Q:\nQuestion:\nUser:\nHuman:", "Marks of a question", "One on each line.", multiline=True
    )
    answer_marks: str = option("A:\nAnswer:\nAssistant:", "Marks of an answer", "One on each line.", multiline=True)
    separator: str = option(
        "---", "Separator", "Stands alone on a line, or anywhere when it holds a line end.", multiline=True
    )


@Operation(
    name="split-pair",
    title="Split a pair",
    help="Makes several pairs of one that holds several questions with answers, or of a conversation.",
    group="Pairs",
    kind="pair",
    effect="split",
    Options=SplitPair,
    fields=("question", "answer", "turns"),
    choose_fields=False,
)
def prepare_split(options: SplitPair) -> PairFunction:
    if options.how == "turns":
        return _split_turns
    if options.how == "separator":
        return _splitting_at(options.separator)
    return _splitting_at_marks(lines_of(options.question_marks), lines_of(options.answer_marks))


def _split_turns(record: Record, fields: tuple[str, ...]) -> Result:
    """A pair for each question that an answer follows directly, with the messages before it as its turns."""
    pairs = [
        replace(
            record,
            question=first.text or "",
            answer=second.text or "",
            turns=record.turns[:place],
            trace=(),
            rejected_answer=None,
            reasoning=second.reasoning,
        )
        for place, (first, second) in enumerate(zip(record.turns, record.turns[1:], strict=False))
        if first.role == "user" and second.role == "assistant" and first.text and second.text and not second.tool_calls
    ]
    return [*pairs, record] if pairs else record


def _splitting_at(separator: str) -> PairFunction:
    if not separator:
        raise empty_option("Write the separator.", "separator")
    body = escape_pattern(separator)
    pattern = regex.compile(body if "\n" in separator else rf"^[ \t]*{body}[ \t]*\r?$", regex.MULTILINE)

    def split(record: Record, fields: tuple[str, ...]) -> Result:
        if (separator not in record.question and separator not in record.answer) or _is_one_piece(record):
            return record
        questions, answers = _split_parts(pattern, record.question), _split_parts(pattern, record.answer)
        if len(questions) == len(answers) > 1:
            return [replace(record, question=q, answer=a) for q, a in zip(questions, answers, strict=True)]
        return record

    return split


def _split_parts(pattern: "regex.Pattern[str]", text: str) -> list[str]:
    return [part.strip() for part in pattern.split(text) if part.strip()]


def _is_one_piece(record: Record) -> bool:
    """Whether a pair cannot be split: tool calls, reasoning or a worse answer belong to all of it."""
    return bool(record.trace) or record.rejected_answer is not None or record.reasoning is not None


def _splitting_at_marks(questions: list[str], answers: list[str]) -> PairFunction:
    if not questions or not answers:
        raise empty_option("Write at least one mark of a question and one of an answer.", "question_marks")
    asks, replies = ("|".join(escape_pattern(mark) for mark in marks) for marks in (questions, answers))
    pattern = regex.compile(rf"^[ \t]*(?:\*\*)?(?:(?P<ask>{asks})|(?:{replies}))(?:\*\*)?", regex.MULTILINE)

    def split(record: Record, fields: tuple[str, ...]) -> Result:
        texts = (record.question, record.answer)
        if _is_one_piece(record) or not any(mark in text for mark in answers for text in texts):
            return record
        pieces = [
            *_pieces_at_marks(pattern, record.question, "ask"),
            *_pieces_at_marks(pattern, record.answer, "reply"),
        ]
        if len(pieces) < 4 or [kind for kind, _ in pieces] != ["ask", "reply"] * (len(pieces) // 2):
            return record
        bodies = [body for _, body in pieces]
        return [replace(record, question=q, answer=a) for q, a in zip(bodies[::2], bodies[1::2], strict=True)]

    return split


def _pieces_at_marks(pattern: "regex.Pattern[str]", text: str, first: str) -> list[tuple[str, str]]:
    """What stands behind each mark, and before the first one; empty pieces are none."""
    kind, place = first, 0
    out: list[tuple[str, str]] = []
    for match in [*pattern.finditer(text), None]:
        body = text[place : match.start() if match else len(text)].strip()
        if body:
            out.append((kind, body))
        if match:
            kind, place = "ask" if match["ask"] else "reply", match.end()
    return out
