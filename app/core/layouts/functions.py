"""Tool calls and tools between OpenAI's form and the JSON text that ShareGPT and tables keep them in."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from typing import Any

import msgspec

from app.core.layouts.shapes import unpacked
from app.core.record import Record

_CALL_KEYS = {"role", "content", "tool_calls"}
_MADE_ID = re.compile(r"call\d{5}")


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


def with_plain_arguments(calls: list[Any]) -> list[Any]:
    """Tool calls whose arguments are compact JSON: what is told by objects keeps no blanks of a text."""
    written = []
    for call in calls:
        function = call.get("function") if isinstance(call, dict) else None
        arguments = unpacked(function.get("arguments")) if isinstance(function, dict) else None
        if isinstance(function, dict) and isinstance(arguments, dict):
            call = {**call, "function": {**function, "arguments": msgspec.json.encode(arguments).decode()}}
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


def with_call_ids(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages in OpenAI's form whose tool calls all have ids, each named by the result of its call.

    A missing id is taken from the result, else it is the number of the call in its conversation, in the nine letters
    and digits that Mistral wants. Calls that stand in messages of their own, one behind the other, become one message.
    """
    if not any(map(_calls_of, rows)):
        return rows
    written: list[dict[str, Any]] = []
    for row in rows:
        before = written[-1] if written else {}
        if _calls_of(row) and _calls_of(before) and row.keys() <= _CALL_KEYS and row.get("content") is None:
            before["tool_calls"] = [*before["tool_calls"], *row["tool_calls"]]
        else:
            written.append(dict(row))
    calls = [call for row in written for call in _calls_of(row) if isinstance(call, dict)]
    ids = [*(call.get("id") for call in calls), *(row.get("tool_call_id") for row in written)]
    taken = {one for one in ids if isinstance(one, str)}
    fresh = (name for number in range(1, 100_000) if (name := f"call{number:05}") not in taken)
    for place, row in enumerate(written):
        if _calls_of(row):
            results = []
            for result in written[place + 1 :]:
                if result["role"] != "tool":
                    break
                results.append(result)
            row["tool_calls"] = _matched([_openai_call(call) for call in row["tool_calls"]], results, fresh)
    return written


def _calls_of(row: Mapping[str, Any]) -> list[Any]:
    """The tool calls of a message; what else a file has under that name is none."""
    calls = row.get("tool_calls")
    return calls if isinstance(calls, list) else []


def is_made_id(value: object) -> bool:
    """Whether it may be an id that ``with_call_ids`` made."""
    return isinstance(value, str) and _MADE_ID.fullmatch(value) is not None


def in_call_order(rows: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """Messages in OpenAI's form, results sorted as their calls are: for forms in which only the order tells whose."""
    ordered: list[dict[str, Any]] = []
    places: dict[Any, int] = {}
    start = 0
    for row in rows:
        ordered.append(row)
        if row["role"] == "tool":
            ordered[start:] = sorted(
                ordered[start:], key=lambda one: places.get(str(one.get("tool_call_id")), len(places))
            )
            continue
        start = len(ordered)
        calls = _calls_of(row)
        ids = [call.get("id") if isinstance(call, dict) else None for call in calls]
        places = {one: place for place, one in enumerate(ids) if isinstance(one, str)}
    return ordered


def _openai_call(call: Any) -> Any:
    """A tool call in OpenAI's form: a function with JSON text as arguments, without keys that say nothing."""
    if not isinstance(call, dict):
        return call
    call = {key: value for key, value in call.items() if value is not None}
    function = call.get("function")
    if not isinstance(function, dict):
        if not isinstance(call.get("name"), str):
            return call
        function = {key: call.pop(key) for key in ("name", "arguments") if key in call}
    function = {key: value for key, value in function.items() if value is not None}
    if "name" in function and type(function.get("arguments")) is not str:
        function["arguments"] = msgspec.json.encode(function.get("arguments", {})).decode()
    return {**({} if "type" in call else {"type": "function"}), **call, "function": function}


def _matched(calls: list[Any], results: Sequence[dict[str, Any]], fresh: Iterator[str]) -> list[Any]:
    """The calls of one message under ids; their results, which follow it, are made to name them."""
    ids = [(call.get("id") or None) if isinstance(call, dict) else "" for call in calls]
    functions = [call.get("function") if isinstance(call, dict) else None for call in calls]
    names = [function.get("name") if isinstance(function, dict) else None for function in functions]

    def place_for(result: dict[str, Any], free: list[int]) -> int:
        return next((at for at in free if names[at] == result.get("name")), free[0])

    for result in results:
        free = [at for at, one in enumerate(ids) if one is None]
        if free and result.get("tool_call_id") and result["tool_call_id"] not in ids:
            ids[place_for(result, free)] = result["tool_call_id"]
    ids = [next(fresh) if one is None else one for one in ids]
    for result in results:
        if not result.get("tool_call_id"):
            said = [one.get("tool_call_id") for one in results]
            free = [at for at, one in enumerate(ids) if one and one not in said] or [len(ids) - 1]
            result["tool_call_id"] = ids[place_for(result, free)]
    return [
        {"id": one, **call} if isinstance(call, dict) and "id" not in call else {**call, "id": one} if one else call
        for one, call in zip(ids, calls, strict=True)
    ]


def join_results(texts: Sequence[str]) -> str:
    """The results of parallel tool calls in one text, a JSON list: LLaMA-Factory takes one observation at a time."""
    values = []
    for text in texts:
        value = unpacked(text)
        # What would not come back letter by letter stays a text.
        values.append(value if type(value) is str or msgspec.json.encode(value).decode() == text else text)
    return msgspec.json.encode(values).decode()


def split_results(text: str, number: int) -> list[str] | None:
    """The inverse of ``join_results``; None where the text is no list of so many results."""
    found = unpacked(text)
    if not isinstance(found, list) or len(found) != number:
        return None
    texts = [one if isinstance(one, str) else msgspec.json.encode(one).decode() for one in found]
    return texts if join_results(texts) == text else None


def with_text_tools(record: Record) -> Record:
    """The record with its tools as JSON text, as ShareGPT and MS-Swift keep them."""
    tools = record.extra.get("tools")
    if not isinstance(tools, list):
        return record
    return replace(record, extra={**record.extra, "tools": msgspec.json.encode(without_nulls(tools)).decode()})


def without_nulls(value: Any) -> Any:
    """A JSON value without keys that are null, such as a table of many rows fills in; a ``default`` may be null."""
    if isinstance(value, dict):
        return {key: without_nulls(one) for key, one in value.items() if one is not None or key in ("default", "const")}
    return [without_nulls(one) for one in value] if isinstance(value, list) else value
