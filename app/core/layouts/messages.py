"""One message in any spelling: ``role``/``content``, ``from``/``value``, ``role``/``text``, mixed, in any letter case.

Roles as OpenAI, ShareGPT, LLaMA-Factory, MS-Swift, axolotl and the chat exports around them write them.
"""

from typing import Any

from app.core.layouts.base import RowError
from app.core.layouts.functions import tool_calls, with_text_arguments
from app.core.layouts.shapes import ROLE_KEYS, TEXT_KEYS
from app.core.reasoning import KEYS as REASONING_KEYS
from app.core.reasoning import split_thinking
from app.core.record import Message

# A tool call whose content is its JSON text.
_CALL = "call"
SPELLINGS = {
    "user": "user human customer client prompter instruction",
    "assistant": "assistant gpt model bot chatgpt ai agent chatbot bing bard claude gemini response",
    "system": "system",
    "developer": "developer",
    "tool": "tool observation tool_response tool_result function_response function_result ipython",
    "function": "function",
    _CALL: "function_call tool_call tool_calls",
}
_ROLES = {name: role for role, names in SPELLINGS.items() for name in names.split()}
ACCEPTED = (
    f"user ({', '.join(SPELLINGS['user'].split()[1:])}), assistant ({', '.join(SPELLINGS['assistant'].split()[1:])}), "
    f"system, developer, {', '.join(SPELLINGS['tool'].split())}, function, {', '.join(SPELLINGS[_CALL].split())}"
)
# Whether an answer is trained, as ChatGLM, MS-Swift and axolotl say it.
_TRAINED_KEYS = ("loss", "train")


def role_of(name: str) -> str | None:
    """The role that a name stands for, in any letter case; None where it is unknown."""
    return _ROLES.get(name) or _ROLES.get(name.strip().lower().replace("-", "_").replace(" ", "_"))


def read_message(message: Any, place: int, notes: dict[str, Any]) -> Message:
    """A message as a value; parts and the keys of reasoning are noted by its place in the chat. Raises RowError."""
    if type(message) is not dict:
        raise RowError(f"Message {place + 1} is not an object.", code="bad_message")
    # The quick way for nearly every message.
    if len(message) == 2:
        said, text = message.get("role", message.get("from")), message.get("content", message.get("value"))
        if type(text) is str and type(said) is str and _ROLES.get(said, _CALL) != _CALL:
            return Message(_ROLES[said], text)
    rest = dict(message)
    said = next((rest.pop(key) for key in ROLE_KEYS if key in rest), None)
    role = role_of(said) if isinstance(said, str) else None
    if role is None:
        raise RowError(f"Message {place + 1} has the unknown role {said!r}. Known are {ACCEPTED}.", code="bad_role")
    key = next((key for key in TEXT_KEYS if key in rest), "")
    text = rest.get(key)
    known: dict[str, Any] = {}
    if isinstance(text, list):
        text, reasoning = _join_parts(text, place, notes, role)
        if reasoning:
            known["reasoning"] = reasoning
    elif text is not None and type(text) is not str:
        raise RowError(f"The content of message {place + 1} is not a text.", code="not_text")
    if text is not None or key not in ("", "content"):
        del rest[key]
    _take_reasoning(rest, known, place, notes, role)
    for key, kind in (("name", str), ("tool_call_id", str), ("weight", int), ("tool_calls", list)):
        if key in rest and type(rest[key]) is kind and (key != "tool_calls" or rest[key]):
            known[key] = rest.pop(key)
    if role == _CALL:
        role = "assistant"
        before, call = split_thinking(text or "")
        if "tool_calls" not in known and (calls := tool_calls(call)):
            known["tool_calls"], text = calls, None
            if before is not None:
                known.setdefault("reasoning", before)
    if "tool_calls" in known:
        known["tool_calls"] = with_text_arguments(known["tool_calls"])
    for key in _TRAINED_KEYS:
        if isinstance(rest.get(key), bool) and not rest.pop(key) and role == "assistant":
            known.setdefault("weight", 0)
    return Message(role, text, extra=rest, **known)


def _take_reasoning(rest: dict[str, Any], known: dict[str, Any], place: int, notes: dict[str, Any], role: str) -> None:
    """Take the reasoning of an assistant from the first key that has some, and keys of reasoning that say nothing."""
    for key in REASONING_KEYS:
        if key not in rest:
            continue
        if rest[key] in (None, ""):
            notes.setdefault("no-reasoning", {}).setdefault(str(place), {})[key] = rest.pop(key)
        elif "reasoning" not in known and isinstance(rest[key], str) and role in ("assistant", _CALL):
            known["reasoning"] = rest.pop(key)
            if key != REASONING_KEYS[0]:
                notes.setdefault("reasoning", {})[str(place)] = key


def _join_parts(parts: list[Any], place: int, notes: dict[str, Any], role: str) -> tuple[str, str]:
    """The text of content parts, and the reasoning among them. Raises RowError for any other, such as an image."""
    texts, thoughts = [], []
    for part in parts:
        kind = part.get("type") if isinstance(part, dict) else None
        text = part.get("text", part.get("value")) if isinstance(part, dict) else None
        if kind in ("reasoning", "thinking") and role == "assistant":
            text = text if type(text) is str else part.get(kind)
            if type(text) is str:
                thoughts.append(text)
                continue
        if kind != "text" or type(text) is not str:
            name = str(kind or "unknown").removesuffix("_url")
            article = "an" if name[0] in "aeiou" else "a"
            raise RowError(f"Message {place + 1} holds {article} {name} part; only text can be kept.", code="not_text")
        texts.append(text)
    if not thoughts:
        notes.setdefault("parts", {})[str(place)] = parts
    return "".join(texts), "\n\n".join(thoughts)


def text_of_parts(parts: list[Any]) -> str:
    """The text of content parts that are known to be texts."""
    return "".join(part.get("text", part.get("value", "")) for part in parts)
