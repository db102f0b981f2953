"""How one trainer or service wants messages: its keys, forms of tool calls, its place for reasoning.

Sources: OpenAI's FineTuneChatRequestInput; together 3.1.1 (lib/utils/files.py) and its skills; Fireworks' pages on
fine-tuning; TRL 1.16 (docs/source/dataset_formats.md); axolotl 0.19 (docs/dataset-formats/conversation.qmd); mlx-lm
0.32.2 (LORA.md); openai/harmony (docs/format.md); mistral-finetune (utils/validate_data.py).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from app.core.layouts.base import IDS
from app.core.layouts.messages import text_of_parts
from app.core.layouts.shapes import unpacked
from app.core.reasoning import KEYS as REASONING_KEYS

_SHORT_ID = re.compile(r"[A-Za-z0-9]{9}")


@dataclass(frozen=True)
class Dialect:
    """How one target wants messages.

    ``arguments`` of tool calls are JSON ``text`` or an ``object``; ``reasoning`` is the key that it is read from, empty
    where it is not read; ``weight`` the key that says whether an answer is trained, by 0 and 1 or, as ``train``, by
    false and true. ``keys`` are other keys of messages that it knows, ``columns`` those of rows. ``beside_call`` says
    what stands for the text that a tool call has not: nothing, or an empty one; ``alone`` calls lose the text that they
    have, for targets that refuse both. ``short_ids`` are nine letters
    and digits. A developer's message becomes one of the system where the role is not known.
    """

    arguments: str = "text"
    reasoning: str = ""
    weight: str = ""
    keys: tuple[str, ...] = ("name",)
    columns: tuple[str, ...] = ("tools",)
    knows_developer: bool = True
    beside_call: str | None = None
    alone: bool = False
    short_ids: bool = False

    def write_messages(self, messages: list[Any]) -> list[dict[str, Any]]:
        """Messages in OpenAI's form as this target reads them."""
        ids: dict[str, str] = {}
        return [self._write_message(message, ids) for message in messages]

    def _write_message(self, message: Mapping[str, Any], ids: dict[str, str]) -> dict[str, Any]:
        role, text, calls = message["role"], message.get("content"), message.get("tool_calls")
        text = text_of_parts(text) if isinstance(text, list) else text
        if calls:
            text = self.beside_call if text is None or (self.alone and text) else text
        out: dict[str, Any] = {"role": "system" if role == "developer" and not self.knows_developer else role}
        if text is not None:
            out["content"] = text
        thought = next((message[key] for key in REASONING_KEYS if message.get(key)), None)
        if self.reasoning and thought is not None:
            out[self.reasoning] = thought
        if self.weight and "weight" in message:
            is_flag = self.weight == "train" and message["weight"] in (0, 1)
            out[self.weight if is_flag else "weight"] = bool(message["weight"]) if is_flag else message["weight"]
        out.update((key, message[key]) for key in self.keys if message.get(key) is not None)
        if calls:
            out["tool_calls"] = [self._write_call(call, ids) for call in calls]
        if message.get("tool_call_id") is not None:
            out["tool_call_id"] = self._write_id(message["tool_call_id"], ids)
        return out

    def _write_call(self, call: Any, ids: dict[str, str]) -> Any:
        if not isinstance(call, dict):
            return call
        call = {**call, "id": self._write_id(call["id"], ids)} if "id" in call else call
        function = call.get("function")
        if self.arguments == "object" and isinstance(function, dict):
            arguments = unpacked(function.get("arguments"))
            if isinstance(arguments, dict):
                return {**call, "function": {**function, "arguments": arguments}}
        return call

    def _write_id(self, found: Any, ids: dict[str, str]) -> Any:
        if not self.short_ids or not isinstance(found, str):
            return found
        if found not in ids:
            taken = {*ids.values(), *ids}
            free = (name for number in range(1, 100_000) if (name := f"call{number:05}") not in taken)
            ids[found] = found if _SHORT_ID.fullmatch(found) and found not in ids.values() else next(free)
        return ids[found]


def write_row(row: Mapping[str, Any], dialect: Dialect) -> dict[str, Any]:
    """A row in OpenAI's form as a target reads it: its messages wherever they stand, and the columns that it knows."""
    written: dict[str, Any] = {}
    for name, value in row.items():
        if name == "input":
            inside = {key: one for key, one in value.items() if key in dialect.columns}
            written[name] = {"messages": dialect.write_messages(value["messages"]), **inside}
        elif isinstance(value, list) and name not in ("tools", "functions"):
            written[name] = dialect.write_messages(value)
        elif name in dialect.columns or name not in ("tools", "functions", "parallel_tool_calls"):
            written[name] = value
    return written


def held_by(dialect: Dialect, *more: str) -> frozenset[str]:
    """What rows in a dialect can carry, as losses are named."""
    held = {"reasoning": dialect.reasoning, "weights": dialect.weight, IDS: not dialect.short_ids}
    always = ("system", "turns", "trace", "tools", *more)
    return frozenset((*always, *(name for name, is_held in held.items() if is_held)))


TRL_DIALECT = Dialect(arguments="object", reasoning="reasoning_content")
