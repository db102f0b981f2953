"""Spaces, empty lines and line ends."""

import re
from dataclasses import dataclass

from app.core.cleaning.base import Operation, TextFunction
from app.core.options import option

_INNER = re.compile(r"(?<=[^ \t\xa0\r\n])(?:[ \t\xa0]{2,}|\t)(?=[^ \t\xa0\r\n])")
_BEFORE_END = re.compile(r"[ \t\xa0]+(?=\r?\n)")
# Indented code at the beginning: its first line must keep its distance.
_INDENTED = re.compile(r"(?:[ \t]*\r?\n)*((?: {4}|\t)[ \t]*\S[^\n]*\n(?: {4}|\t)[ \t]*\S)")
_EMPTY_LINE = re.compile(r"(?:\A|(?<=\n)|(?<=\r)(?!\n))[ \t\xa0\u3000]*(?:\r\n|\n|\r)")
_EMPTY_LINES = re.compile(r"((?:\r\n|\n|\r))(?:[ \t\xa0\u3000]*(?:\r\n|\n|\r)){2,}")
_LAST_EMPTY = re.compile(r"(?:(?:\r\n|\n|\r)[ \t\xa0\u3000]*){1,2}\Z")
_OTHER_NEWLINES = re.compile("\r\n?|[\u2028\u2029\x85]")

LEAVE = {"none": "None", "one": "One between paragraphs"}
NEWLINES = {"lf": "LF (Linux, macOS, the web)", "crlf": "CRLF (Windows)"}


@dataclass(frozen=True)
class Trim:
    """Options of trim."""

    ends: bool = option(True, "Beginning and end of the text", "Spaces and empty lines around the text.")
    lines: bool = option(True, "End of each line", "Also the two spaces that mean a line break in Markdown.")
    inner: bool = option(True, "Several spaces inside a line become one", "The indentation of a line stays.")


@dataclass(frozen=True)
class EmptyLines:
    """Options of remove-empty-lines."""

    leave: str = option("none", "Leave", "Markdown needs one empty line between paragraphs.", choices=LEAVE)


@dataclass(frozen=True)
class Newlines:
    """Options of normalise-newlines."""

    to: str = option("lf", "Line ends", choices=NEWLINES)


@Operation(
    name="trim",
    title="Trim and collapse spaces",
    help="Removes spaces around the text and at the ends of lines, and makes several spaces one.",
    group="Tidy",
    Options=Trim,
    examples=(("  Two  words. \n  - item\n", "Two words.\n  - item"), ("As it is.", "As it is.")),
)
def prepare_trim(options: Trim) -> TextFunction:
    """What takes out the spaces that the options name."""

    def trim_spaces(text: str) -> str:
        if options.inner and ("  " in text or "\t" in text or "\xa0" in text):
            text = _INNER.sub(" ", text)
        if options.lines and (" \n" in text or " \r" in text or "\t" in text or "\xa0" in text):
            text = _BEFORE_END.sub("", text)
        if not options.ends:
            return text
        indented = _INDENTED.match(text) if text.startswith((" ", "\t", "\n", "\r")) else None
        return text[indented.start(1) :].rstrip() if indented else text.strip()

    return trim_spaces


@Operation(
    name="remove-empty-lines",
    title="Remove empty lines",
    help="Removes lines with nothing on them; one between paragraphs can stay.",
    group="Tidy",
    Options=EmptyLines,
    examples=(("One\n\n\nTwo\n \nThree", "One\nTwo\nThree"),),
)
def prepare_empty_lines(options: EmptyLines) -> TextFunction:
    """What removes empty lines, all of them or all but one between paragraphs."""

    def remove_lines(text: str) -> str:
        if "\n" not in text and "\r" not in text:
            return text
        if options.leave == "one":
            return _EMPTY_LINES.sub(r"\1\1", text)
        return _LAST_EMPTY.sub("", _EMPTY_LINE.sub("", text))

    return remove_lines


@Operation(
    name="normalise-newlines",
    title="Normalise line ends",
    help="Gives all lines, those of code too, the same line end.",
    group="Tidy",
    Options=Newlines,
    handles_code=True,
    examples=(("One\r\nTwo\rThree", "One\nTwo\nThree"),),
)
def prepare_newlines(options: Newlines) -> TextFunction:
    """What gives a text one kind of line end."""

    def change_ends(text: str) -> str:
        if not text.isascii() or "\r" in text:
            text = _OTHER_NEWLINES.sub("\n", text)
        return text.replace("\n", "\r\n") if options.to == "crlf" else text

    return change_ends
