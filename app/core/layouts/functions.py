"""Tool calls and tools between OpenAI's form and the JSON text that ShareGPT and tables keep them in."""

from typing import Any

import msgspec

from app.core.layouts.shapes import unpacked


def tool_calls(text: str) -> list[dict[str, Any]] | None:
    """A function call's JSON text as tool calls in OpenAI's form (arguments as JSON text); None where it is none."""
    value = unpacked(text.strip())
    calls = value if isinstance(value, list) else [value]
    if not calls or not all(isinstance(call, dict) and isinstance(call.get("name"), str) for call in calls):
        return None
    written = []
    for call in calls:
        arguments = call.get("arguments", {})
        text = arguments if isinstance(arguments, str) else msgspec.json.encode(arguments).decode()
        written.append({"type": "function", "function": {"name": call["name"], "arguments": text}})
    return written


def with_text_arguments(calls: list[Any]) -> list[Any]:
    """Tool calls whose arguments are JSON text, as OpenAI wants them."""
    written = []
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        if isinstance(function, dict) and type(function.get("arguments")) is dict:
            text = msgspec.json.encode(function["arguments"]).decode()
            call = {**call, "function": {**function, "arguments": text}}
        written.append(call)
    return written


def call_text(calls: list[Any]) -> str:
    """Tool calls as JSON text: one object, or a list of several."""
    plain = []
    for call in calls:
        function = call.get("function", call) if isinstance(call, dict) else None
        if isinstance(function, dict):
            plain.append({"name": function.get("name", ""), "arguments": unpacked(function.get("arguments", {}))})
    return msgspec.json.encode(plain[0] if len(plain) == 1 else plain).decode()


def tools_in(value: Any) -> list[dict[str, Any]] | None:
    """Tools in OpenAI's form: a list of them, or its JSON text; None where it is none, such as a column of hammers."""
    tools = unpacked(value)
    if not isinstance(tools, list) or not all(isinstance(tool, dict) for tool in tools):
        return None
    if type(value) is not str:
        return tools
    return [tool if "function" in tool else {"type": "function", "function": tool} for tool in tools]
