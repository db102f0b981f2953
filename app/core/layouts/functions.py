"""Tool calls between OpenAI's form and the JSON text that ShareGPT keeps them in."""

import contextlib
from typing import Any

import msgspec


def tool_calls(text: str) -> list[dict[str, Any]] | None:
    """A function call's JSON text as tool calls in OpenAI's form (arguments as JSON text); None where it is none."""
    try:
        value = msgspec.json.decode(text)
    except (msgspec.MsgspecError, RecursionError):
        return None
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return None
    return [
        {"type": "function", "function": {"name": call["name"], "arguments": _arguments(call.get("arguments", {}))}}
        for call in calls
    ]


def _arguments(value: Any) -> str:
    return value if isinstance(value, str) else msgspec.json.encode(value).decode()


def call_text(calls: list[Any]) -> str:
    """Tool calls as JSON text: one object, or a list of several."""
    plain = [_plain_call(call) for call in calls if isinstance(call, dict)]
    return msgspec.json.encode(plain[0] if len(plain) == 1 else plain).decode()


def _plain_call(call: dict[str, Any]) -> dict[str, Any]:
    function = call.get("function", call)
    function = function if isinstance(function, dict) else {}
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        with contextlib.suppress(msgspec.MsgspecError, RecursionError):
            arguments = msgspec.json.decode(arguments)
    return {"name": function.get("name", ""), "arguments": arguments}
