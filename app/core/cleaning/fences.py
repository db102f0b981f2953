"""Close code blocks that were left open."""

import re
from typing import Any

from app.core.cleaning.base import Operation

_ANY_FENCE = re.compile(
    r"^(?P<lead>[ \t>]*(?:(?:[-*+]|\d{1,9}[.)])[ \t]+)?)(?P<mark>`{3,}|~{3,})(?P<rest>[^\r\n]*)", re.M
)


@Operation(
    name="close-code-fences",
    title="Close code fences",
    help="Adds the missing last line to a code block that was never closed.",
    group="Markup",
    handles_code=True,
    fields=("answer",),
    examples=(("```python\nprint(1)", "```python\nprint(1)\n```"),),
)
def close_fences(text: str) -> str:
    """The text with a last line that closes its open code block (CommonMark 0.31.2, 4.5)."""
    if "```" not in text and "~~~" not in text:
        return text
    opened: Any = None
    for match in _ANY_FENCE.finditer(text):
        mark, rest = match["mark"], match["rest"]
        if opened is None:
            opened = match if mark[0] == "~" or "`" not in rest else None
        elif mark.startswith(opened["mark"]) and not rest.strip():
            opened = None
    if opened is None:
        return text
    newline = "\r\n" if "\r\n" in text else "\n"
    lead = "".join(c if c in " \t>" else " " for c in opened["lead"])
    return f"{text}{'' if text.endswith(chr(10)) else newline}{lead}{opened['mark']}"
