"""Code inside Markdown: fenced blocks and inline spans, which cleaning leaves alone unless told otherwise."""

import re
from bisect import bisect_left
from collections.abc import Callable, Iterator
from itertools import islice

# CommonMark 0.31.2, 4.5 and 6.1. A fence may be indented further than there, as inside lists, or quoted.
_FENCE = re.compile(
    r"^[ \t>]*(?P<mark>`{3,}|~{3,})(?:(?<=`)[^`\n]*|(?<=~)[^\n]*)"
    r"(?:\n(?s:.*?)^[ \t>]*(?P=mark)[`~]*[ \t]*\r?$|\n(?s:.*)|\Z)",
    re.MULTILINE,
)
_TICKS = re.compile(r"`+")
_BLANK_LINE = re.compile(r"\n[ \t]*\r?\n")

# One private character stands for one piece of code while a text is changed around it.
_PRIVATE = range(0xF0000, 0xFFFFE)


def code_spans(text: str) -> list[tuple[int, int]]:
    """Where code stands, in order, fences with their marks; an open fence reaches to the end."""
    if "`" not in text and "~~~" not in text:
        return []
    found: list[tuple[int, int]] = []
    place = 0
    for match in _FENCE.finditer(text):
        found += _inline_spans(text, place, match.start())
        found.append(match.span())
        place = match.end()
    return [*found, *_inline_spans(text, place, len(text))]


def _inline_spans(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """Runs of backticks that a run of the same length closes within the paragraph."""
    runs = [match.span() for match in _TICKS.finditer(text, start, end)]
    if len(runs) < 2:
        return
    blanks = [match.start() for match in _BLANK_LINE.finditer(text, runs[0][0], runs[-1][1])]
    at = 0
    while at < len(runs):
        left, right = runs[at]
        blank = bisect_left(blanks, right)
        end = blanks[blank] if blank < len(blanks) else runs[-1][1]
        for closing in range(at + 1, len(runs)):
            if runs[closing][0] > end:
                break
            if runs[closing][1] - runs[closing][0] == right - left:
                yield left, runs[closing][1]
                at = closing
                break
        at += 1


def skip_code(function: Callable[[str], str]) -> Callable[[str], str]:
    """The function kept away from code: it sees each piece as one private character."""

    def change_prose(text: str) -> str:
        # Most texts do not change at all, and then nobody need look for code.
        changed = function(text)
        if changed is text or changed == text or ("`" not in text and "~~~" not in text):
            return changed
        found = code_spans(text)
        if not found:
            return changed
        edges = [0, *(edge for span in found for edge in span), len(text)]
        prose = [text[left:right] for left, right in zip(edges[::2], edges[1::2], strict=True)]
        pieces = [text[left:right] for left, right in found]
        used = set(text)
        marks = list(islice((mark for mark in map(chr, _PRIVATE) if mark not in used), len(found)))
        if len(marks) == len(found):
            changed = function("".join(a + b for a, b in zip(prose, [*marks, ""], strict=True)))
            if all(changed.count(mark) == 1 for mark in marks):
                return changed.translate({ord(mark): piece for mark, piece in zip(marks, pieces, strict=True)})
        # The function would lose or double code: it gets the prose piece by piece instead.
        return "".join(function(a) + b for a, b in zip(prose, [*pieces, ""], strict=True))

    return change_prose
