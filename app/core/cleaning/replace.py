"""Remove a text, or replace it by another."""

from dataclasses import dataclass
from functools import partial

from app.core.cleaning.base import Operation, TextFunction, empty_option
from app.core.cleaning.characters import mend_emoji
from app.core.cleaning.needles import needles_of
from app.core.cleaning.patterns import MAX_CHARACTERS, Pattern, check_size
from app.core.options import option

MODES = {"literal": "As it is written", "regex": "Regular expression"}
PARTS = {
    "match": "The text itself",
    "up-to": "Everything from the beginning up to and with the text",
    "from": "Everything from the text to the end",
}


@dataclass(frozen=True)
class RemoveText:
    """Options of remove-text."""

    text: str = option("", "Text to remove", "Exactly as it stands in the pairs.", multiline=True)
    part: str = option("match", "What to remove", "The rest of the text stays.", choices=PARTS)
    mode: str = option("literal", "How to read it", choices=MODES)
    whole_word: bool = option(False, "Whole words only", "“art” is then not found in “party”.")
    ignore_case: bool = option(False, "Ignore case", "“user” then also finds “User”.")


@dataclass(frozen=True)
class FindReplace:
    """Options of find-replace."""

    find: str = option("", "Find", "The text or pattern to look for.", multiline=True)
    replace: str = option(
        "", "Replace with", r"With a regular expression, \1 stands for the first group.", multiline=True
    )
    mode: str = option("literal", "How to read it", choices=MODES)
    whole_word: bool = option(False, "Whole words only", "“art” is then not found in “party”.")
    ignore_case: bool = option(False, "Ignore case", "“user” then also finds “User”.")


@Operation(
    name="remove-text",
    title="Remove text",
    help="Removes a text wherever it stands and keeps all that stands before and after it.",
    group="Text",
    Options=RemoveText,
    needles=lambda o: needles_of(o.text, mode=o.mode, ignore_case=o.ignore_case),
    examples=(("Hello. User: What is rain?", "Hello.  What is rain?"), ("No mark here.", "No mark here.")),
    example_options={"text": "User:"},
)
def prepare_remove(options: RemoveText) -> TextFunction:
    """What removes a text, or all before or behind it."""
    if not options.text:
        raise empty_option("Write the text to remove.", "text")
    if options.part == "match":
        return _mending(_prepare_replacing(options.text, "", options, "text"))
    pattern = Pattern(
        options.text,
        literal=options.mode == "literal",
        ignore_case=options.ignore_case,
        whole_word=options.whole_word,
        option="text",
    )
    exact = options.text if options.mode == "literal" and not options.ignore_case else ""

    def cut_off(text: str) -> str:
        match = pattern.search(text) if exact in text else None
        if match is None:
            return text
        return text[match.end() :] if options.part == "up-to" else text[: match.start()]

    return _mending(cut_off)


def _mending(change: TextFunction) -> TextFunction:
    return lambda text: mend_emoji(text, change(text))


@Operation(
    name="find-replace",
    title="Find and replace",
    help="Replaces a text or a pattern by another text.",
    group="Text",
    Options=FindReplace,
    needles=lambda o: needles_of(o.find, mode=o.mode, ignore_case=o.ignore_case),
    examples=(("The color of colors.", "The colour of colours."),),
    example_options={"find": "color", "replace": "colour"},
)
def prepare_replace(options: FindReplace) -> TextFunction:
    """What replaces a text or pattern."""
    if not options.find:
        raise empty_option("Write the text to find.", "find")
    return _mending(_prepare_replacing(options.find, options.replace, options, "find"))


def _prepare_replacing(find: str, new: str, options: RemoveText | FindReplace, name: str) -> TextFunction:
    literal = options.mode == "literal"
    if literal and not options.whole_word and not options.ignore_case:
        grows = len(new) > len(find)

        def replace_literal(text: str) -> str:
            if find not in text:
                return text
            if grows and len(text) + text.count(find) * (len(new) - len(find)) > MAX_CHARACTERS:
                check_size(text, text + new * min(text.count(find), MAX_CHARACTERS // len(new) + 1))
            return text.replace(find, new)

        return replace_literal
    pattern = Pattern(
        find, literal=literal, ignore_case=options.ignore_case, whole_word=options.whole_word, option=name
    )
    if not literal:
        pattern.check_replacement(new)
    template = new.replace("\\", "\\\\") if literal else new
    exact = find if literal and not options.ignore_case else ""
    if not exact:
        return partial(pattern.replace, template)
    return lambda text: pattern.replace(template, text) if exact in text else text
