"""The literal that must stand in a text for a pattern to match it: a database finds it quicker than a pattern runs."""

import regex

# Letters that a search without case also finds in other scripts (dotted I, long s, Kelvin).
_FOLDING = "iskISK"
_SHORTEST = 2
# An escape of a letter or number with all that may belong to it, a set, a repeat, a group without groups inside.
_SKIPPED = regex.compile(r"\\[0-9A-Za-z]+(?:\{[^}]*\}|<[^>]*>)?|\[\^?\]?(?:\\.|[^\]\\])*\]|\{[^}]*\}")


def needle_of(text: str, *, mode: str, ignore_case: bool) -> tuple[str, bool] | None:
    """The literal that must occur for anything to match, and whether case matters not."""
    if mode == "regex":
        text = literal_of(text)
    if not text:
        return None
    if not ignore_case:
        return text, False
    runs = "".join(c if c.isascii() and c not in _FOLDING else "\0" for c in text).split("\0")
    longest = max(runs, key=len)
    return (longest.lower(), True) if longest else None


def literal_of(pattern: str) -> str:
    """The longest run of plain characters that every match of a pattern holds; empty where that cannot be told."""
    # Alternatives and what begins with (? may need nothing of what stands beside them.
    if "|" in pattern or "(?" in pattern or "(*" in pattern:
        return ""
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
    longest = max(runs, key=len)
    return longest if len(longest) >= _SHORTEST else ""
