"""Operations on whole pairs: system prompt, delete, split."""

from dataclasses import dataclass, replace

import regex

from app.core.cleaning.base import Operation, PairFunction, Result, missing, option, register
from app.core.cleaning.patterns import Pattern, escape
from app.core.cleaning.phrases import lines_of
from app.core.cleaning.replace import MODES, needle_of
from app.core.errors import Invalid
from app.core.record import Record
from app.core.text import is_blank

SYSTEM = {"all": "Set it on every pair", "missing": "Set it where there is none", "clear": "Clear it"}
WHICH = {"match": "Pairs that match", "other": "Pairs that do not match"}
HOW = {
    "marks": "At question and answer marks inside a text (Q: … A: …)",
    "separator": "Question and answer at a separator, part by part",
    "turns": "A conversation into one pair for each answer",
}


@dataclass(frozen=True)
class SystemPrompt:
    """Options of system-prompt."""

    text: str = option("", "System prompt", multiline=True)
    what: str = option("all", "What to do", choices=SYSTEM)


@dataclass(frozen=True)
class DeleteMatching:
    """Options of delete-matching."""

    find: str = option("", "Find", "In any of the chosen fields, code included.", multiline=True)
    mode: str = option("literal", "How to read it", choices=MODES)
    whole_word: bool = option(False, "Whole words only", "“art” is then not found in “party”.")
    ignore_case: bool = option(False, "Ignore case", "“user” then also finds “User”.")
    which: str = option("match", "Delete", choices=WHICH)


@dataclass(frozen=True)
class DeleteByLength:
    """Options of delete-by-length."""

    shortest: int = option(1, "Shortest", "Pairs with a chosen field of fewer visible characters are deleted.")
    longest: int = option(0, "Longest", "Pairs with a chosen field of more characters are deleted; 0 means no limit.")


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


def _prepare_system(options: SystemPrompt) -> PairFunction:
    if options.what == "clear":
        return lambda record, fields: record if record.system is None else replace(record, system=None)
    if not options.text:
        raise missing("Write the system prompt, or choose to clear it.", "text")

    def with_system(record: Record, fields: tuple[str, ...]) -> Result:
        kept = options.what == "missing" and not is_blank(record.system)
        return record if kept or record.system == options.text else replace(record, system=options.text)

    return with_system


def _texts(record: Record, fields: tuple[str, ...]) -> list[str]:
    """The texts of those fields; the worse answer of a preference pair is no reason to delete it."""
    out: list[str] = []
    for name in fields:
        value = getattr(record, name)
        if isinstance(value, tuple):
            out += [message.text for message in value if message.text]
        elif value is not None and name != "rejected_answer":
            out.append(value)
    return out


def _prepare_delete(options: DeleteMatching) -> PairFunction:
    if not options.find:
        raise missing("Write the text to find.", "find")
    literal = options.mode == "literal"
    pattern = Pattern(
        escape(options.find) if literal else options.find,
        ignore_case=options.ignore_case,
        whole_word=options.whole_word,
    )
    plain = literal and not options.ignore_case and not options.whole_word
    exact = options.find if literal and not options.ignore_case else ""

    def found(text: str) -> bool:
        return exact in text and (plain or pattern.search(text) is not None)

    def kept(record: Record, fields: tuple[str, ...]) -> Result:
        matches = any(found(text) for text in _texts(record, fields))
        return None if matches is (options.which == "match") else record

    return kept


def _prepare_length(options: DeleteByLength) -> PairFunction:
    if options.shortest < 0 or options.longest < 0 or 0 < options.longest < options.shortest:
        raise Invalid("The longest must not be less than the shortest.", code="bad_option", option="longest")

    def kept(record: Record, fields: tuple[str, ...]) -> Result:
        for text in _texts(record, fields):
            size = 0 if is_blank(text) else len(text.strip())
            if size < options.shortest or 0 < options.longest < size:
                return None
        return record

    return kept


def _prepare_split(options: SplitPair) -> PairFunction:
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
        )
        for place, (first, second) in enumerate(zip(record.turns, record.turns[1:], strict=False))
        if first.role == "user" and second.role == "assistant" and first.text and second.text and not second.tool_calls
    ]
    return [*pairs, record] if pairs else record


def _splitting_at(separator: str) -> PairFunction:
    if not separator:
        raise missing("Write the separator.", "separator")
    body = escape(separator)
    pattern = regex.compile(body if "\n" in separator else rf"^[ \t]*{body}[ \t]*\r?$", regex.MULTILINE)

    def split(record: Record, fields: tuple[str, ...]) -> Result:
        if (separator not in record.question and separator not in record.answer) or _whole(record):
            return record
        questions, answers = _parts(pattern, record.question), _parts(pattern, record.answer)
        if len(questions) == len(answers) > 1:
            return [replace(record, question=q, answer=a) for q, a in zip(questions, answers, strict=True)]
        return record

    return split


def _parts(pattern: "regex.Pattern[str]", text: str) -> list[str]:
    return [part.strip() for part in pattern.split(text) if part.strip()]


def _whole(record: Record) -> bool:
    """Whether a pair cannot be split: tool calls or a worse answer belong to all of it."""
    return bool(record.trace) or record.rejected_answer is not None


def _splitting_at_marks(questions: list[str], answers: list[str]) -> PairFunction:
    if not questions or not answers:
        raise missing("Write at least one mark of a question and one of an answer.", "question_marks")
    asks, replies = ("|".join(escape(mark) for mark in marks) for marks in (questions, answers))
    pattern = regex.compile(rf"^[ \t]*(?:\*\*)?(?:(?P<ask>{asks})|(?:{replies}))(?:\*\*)?", regex.MULTILINE)

    def split(record: Record, fields: tuple[str, ...]) -> Result:
        texts = (record.question, record.answer)
        if _whole(record) or not any(mark in text for mark in answers for text in texts):
            return record
        pieces = [*_pieces(pattern, record.question, "ask"), *_pieces(pattern, record.answer, "reply")]
        if len(pieces) < 4 or [kind for kind, _ in pieces] != ["ask", "reply"] * (len(pieces) // 2):
            return record
        bodies = [body for _, body in pieces]
        return [replace(record, question=q, answer=a) for q, a in zip(bodies[::2], bodies[1::2], strict=True)]

    return split


def _pieces(pattern: "regex.Pattern[str]", text: str, first: str) -> list[tuple[str, str]]:
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


SYSTEM_PROMPT = register(
    Operation(
        name="system-prompt",
        title="Set or clear the system prompt",
        help="Gives pairs a system prompt, only those without one, or takes it away.",
        group="Pairs",
        kind="pair",
        Options=SystemPrompt,
        prepare=_prepare_system,
        fields=("system",),
        choose_fields=False,
    )
)

DELETE_MATCHING = register(
    Operation(
        name="delete-matching",
        title="Delete pairs that match",
        help="Deletes the pairs in which a text or pattern is found, or those in which it is not.",
        group="Pairs",
        kind="pair",
        effect="delete",
        Options=DeleteMatching,
        prepare=_prepare_delete,
        needle=lambda o: needle_of(o.find, mode=o.mode, ignore_case=o.ignore_case) if o.which == "match" else None,
    )
)

DELETE_BY_LENGTH = register(
    Operation(
        name="delete-by-length",
        title="Delete short or long pairs",
        help="Deletes pairs whose text is empty, shorter or longer than a limit.",
        group="Pairs",
        kind="pair",
        effect="delete",
        Options=DeleteByLength,
        prepare=_prepare_length,
        fields=("answer",),
    )
)

SPLIT_PAIR = register(
    Operation(
        name="split-pair",
        title="Split a pair",
        help="Makes several pairs of one that holds several questions with answers, or of a conversation.",
        group="Pairs",
        kind="pair",
        effect="split",
        Options=SplitPair,
        prepare=_prepare_split,
        fields=("question", "answer", "turns"),
        choose_fields=False,
    )
)
