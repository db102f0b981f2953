"""What shape a value of a row has: a message, a chat, a flag, or JSON text of one of these."""

import ast
import re
from collections.abc import Mapping
from typing import Any

import msgspec

Row = Mapping[str, Any]
ROLE_KEYS = ("role", "from")
TEXT_KEYS = ("content", "value", "text")
# What says yes, no or how many, as a table or as JSON has it: no answer and no prompt.
_FLAG = re.compile(r"\s*(?:[-+]?\d+(?:[.,]\d+)*|true|false|yes|no|null|none|nan)?\s*", re.IGNORECASE)


def unpacked(value: Any) -> Any:
    """A list or object that a table could only hold as JSON text, as itself again; anything else as it is.

    Text as Python prints a list of objects, in single quotes, is understood as well.
    """
    if type(value) is str and value[:1] in ("[", "{"):
        try:
            return msgspec.json.decode(value)
        except (msgspec.MsgspecError, RecursionError):
            if not value.startswith(("[{'", "{'")):
                return value
        try:
            return ast.literal_eval(value)
        except (ValueError, SyntaxError, MemoryError, RecursionError):
            return value
    return value


def is_message(value: Any) -> bool:
    """Whether a value has the keys of a message: who says it, and what is said or called."""
    return (
        isinstance(value, dict)
        and any(isinstance(value.get(key), str) for key in ROLE_KEYS)
        and any(key in value for key in (*TEXT_KEYS, "tool_calls", "function_call"))
    )


def is_turn(value: Any) -> bool:
    """Whether a value is a question with its answer, as older MS-Swift has it."""
    return isinstance(value, dict) and "human" in value and "assistant" in value


def is_chat(value: Any) -> bool:
    """Whether a value is a list of messages, or JSON text of one. Judged by the first."""
    found = unpacked(value)
    return isinstance(found, list) and bool(found) and is_message(found[0])


def is_flag(value: Any) -> bool:
    """Whether a value is a number, true or false, or nothing, also where a table holds it as text."""
    if isinstance(value, str):
        return _FLAG.fullmatch(value) is not None
    return value is None or isinstance(value, (int, float))


def is_history(value: Any) -> bool:
    """Whether a value is a list of earlier turns: pairs of texts, or messages; JSON text of one as well."""
    found = unpacked(value)
    if not isinstance(found, list) or not found:
        return False
    return is_message(found[0]) or all(isinstance(pair, list) and len(pair) == 2 for pair in found)
