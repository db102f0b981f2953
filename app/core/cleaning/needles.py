"""Literals that must stand in a text for a pattern to match it: a database finds them quicker than a pattern runs."""

import regex

# Letters that a search without case also finds in other scripts (dotted I, long s, Kelvin).
_FOLDING = "iskISK"
_SHORTEST = 2
# An escape of a letter or number with all that may belong to it, a set, a repeat, a group without groups inside.
_SKIPPED = regex.compile(r"\\[0-9A-Za-z]+(?:\{[^}]*\}|<[^>]*>)?|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}")


Needles = tuple[tuple[str, ...], bool]


def needles_of(text: str, *, mode: str, ignore_case: bool) -> Needles | None:
    """The literals that must all occur for anything to match, and whether case matters not."""
    literals = literals_of(text) if mode == "regex" else [text]
    if ignore_case:
        plain = ("".join(c if c.isascii() and c not in _FOLDING else "\0" for c in literal) for literal in literals)
        literals = [longest for runs in plain if (longest := max(runs.split("\0"), key=len).lower())]
    return (tuple(dict.fromkeys(literals)), ignore_case) if any(literals) else None


def literals_of(pattern: str) -> list[str]:
    """The runs of plain characters that every match of a pattern holds; none where that cannot be told."""
    # Alternatives and what begins with (? may need nothing of what stands beside them.
    if "|" in pattern or "(?" in pattern or "(*" in pattern:
        return []
    runs, depth, place = [""], 0, 0
    while place < len(pattern):
        skipped = _SKIPPED.match(pattern, place)
        char = pattern[place]
        place = skipped.end() if skipped else place + 1
        if char in "?*{" and not depth:
            runs[-1] = runs[-1][:-1]
        if skipped or char in "()^$.?*+{}[]":
            depth += {"(": 1, ")": -1}.get(char, 0) if not skipped else 0
            runs.append("")
            continue
        if char == "\\":
            char, place = pattern[place : place + 1], place + 1
        if not depth:
            runs[-1] += char
    return [run for run in runs if len(run) >= _SHORTEST]
