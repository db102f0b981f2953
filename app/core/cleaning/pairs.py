"""Operations on whole pairs: set the system prompt, delete."""

from dataclasses import dataclass, replace

from app.core.cleaning.base import Operation, PairFunction, Result, empty_option
from app.core.cleaning.needles import needles_of
from app.core.cleaning.patterns import Pattern
from app.core.cleaning.replace import MODES
from app.core.cleaning.texts import texts_of
from app.core.errors import Invalid
from app.core.options import option
from app.core.record import Record
from app.core.text import is_blank

SYSTEM = {"all": "Set it on every pair", "missing": "Set it where there is none", "clear": "Clear it"}
WHICH = {"match": "Pairs that match", "other": "Pairs that do not match"}


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


@Operation(
    name="system-prompt",
    title="Set or clear the system prompt",
    help="Gives pairs a system prompt, only those without one, or takes it away.",
    group="Pairs",
    kind="pair",
    Options=SystemPrompt,
    fields=("system",),
    choose_fields=False,
)
def prepare_system(options: SystemPrompt) -> PairFunction:
    """What sets or clears the system prompt."""
    if options.what == "clear":
        return lambda record, fields: record if record.system is None else replace(record, system=None)
    if not options.text:
        raise empty_option("Write the system prompt, or choose to clear it.", "text")

    def with_system(record: Record, fields: tuple[str, ...]) -> Result:
        kept = options.what == "missing" and not is_blank(record.system)
        return record if kept or record.system == options.text else replace(record, system=options.text)

    return with_system


def _deciding_texts(record: Record, fields: tuple[str, ...]) -> list[str]:
    """The texts of those fields; the worse answer of a preference pair is no reason to delete it."""
    return list(texts_of(record, [name for name in fields if name != "rejected_answer"]))


@Operation(
    name="delete-matching",
    title="Delete pairs that match",
    help="Deletes the pairs in which a text or pattern is found, or those in which it is not.",
    group="Pairs",
    kind="pair",
    effect="delete",
    Options=DeleteMatching,
    needles=lambda o: needles_of(o.find, mode=o.mode, ignore_case=o.ignore_case) if o.which == "match" else None,
)
def prepare_delete(options: DeleteMatching) -> PairFunction:
    """What deletes the pairs that match, or those that do not."""
    if not options.find:
        raise empty_option("Write the text to find.", "find")
    literal = options.mode == "literal"
    pattern = Pattern(
        options.find,
        literal=literal,
        ignore_case=options.ignore_case,
        whole_word=options.whole_word,
    )
    plain = literal and not options.ignore_case and not options.whole_word
    exact = options.find if literal and not options.ignore_case else ""

    def delete_matching(record: Record, fields: tuple[str, ...]) -> Result:
        matches = any(
            exact in text and (plain or pattern.search(text) is not None) for text in _deciding_texts(record, fields)
        )
        return None if matches is (options.which == "match") else record

    return delete_matching


@Operation(
    name="delete-by-length",
    title="Delete short or long pairs",
    help="Deletes pairs whose text is empty, shorter or longer than a limit.",
    group="Pairs",
    kind="pair",
    effect="delete",
    Options=DeleteByLength,
    fields=("answer",),
)
def prepare_length(options: DeleteByLength) -> PairFunction:
    """What deletes the pairs that are too short or too long."""
    if options.shortest < 0 or options.longest < 0 or 0 < options.longest < options.shortest:
        raise Invalid("The longest must not be less than the shortest.", code="bad_option", option="longest")

    def delete_by_length(record: Record, fields: tuple[str, ...]) -> Result:
        for text in _deciding_texts(record, fields):
            size = 0 if is_blank(text) else len(text.strip())
            if size < options.shortest or 0 < options.longest < size:
                return None
        return record

    return delete_by_length
