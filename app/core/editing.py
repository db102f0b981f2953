"""What may be written into a conversation: messages, tool calls, tools and weights, each refused with its place.

What a file brought and nobody changed is taken as it stands, whatever it is.
"""

import json
import math
from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

import msgspec

from app.core.errors import Invalid, placed
from app.core.layouts.base import NOTES
from app.core.record import Message, message_from_json
from app.core.text import clip, is_blank, is_storable

ROLES = {
    "user": "User",
    "assistant": "Assistant",
    "tool": "Tool result",
    "system": "System",
    "developer": "Developer",
    "function": "Function result",
}
_KINDS: dict[str, tuple[type, str]] = {
    "role": (str, "a text"),
    "text": (str, "a text"),
    "reasoning": (str, "a text"),
    "name": (str, "a text"),
    "tool_call_id": (str, "a text"),
    "weight": (int, "0 or 1"),
    "tool_calls": (list, "a list"),
    "extra": (dict, "an object"),
}
# Notes on messages by their places in the conversation.
_PLACED = ("parts", "reasoning", "no-reasoning")
# Source: JSON Schema, draft 2020-12, of which tools use the vocabulary for validation.
_SCHEMA_TYPES = ("string", "number", "integer", "boolean", "array", "object", "null")
_DEPTH = 64
# Python reads no longer numbers.
_DIGITS = 4300


def parse_json(text: str, what: str) -> Any:
    """The value of JSON text. Raises Invalid, which says where it ends to be JSON."""
    try:
        value = json.loads(
            text,
            object_pairs_hook=_read_object,
            parse_constant=_refuse_constant,
            parse_float=_read_float,
            parse_int=_read_int,
        )
        msgspec.json.encode(value)
    except json.JSONDecodeError as error:
        reason = error.msg[0].lower() + error.msg[1:]
        said = f"{what} cannot be read as JSON: {reason}, at line {error.lineno}, column {error.colno}."
        raise Invalid(said, code="bad_json") from error
    except (RecursionError, msgspec.MsgspecError) as error:
        raise Invalid(f"{what} is nested too deeply.", code="bad_json") from error
    except ValueError as error:
        # UnicodeEncodeError is one of these: half of a character in an escape.
        half = isinstance(error, UnicodeError)
        reason = "it holds half of a character (a lone surrogate)" if half else str(error)
        raise Invalid(f"{what} cannot be kept: {reason}.", code="bad_json") from error
    return value


def _read_object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for key, value in pairs:
        if key in found:
            raise ValueError(f"the key “{clip(key, 40)}” stands twice in one object")
        found[key] = value
    return found


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no value of JSON")


def _read_int(text: str) -> int:
    if len(text) > _DIGITS:
        raise ValueError(f"the number {clip(text, 40)} is too large")
    return int(text)


def _read_float(text: str) -> float:
    value = float(text)
    if math.isinf(value):
        raise ValueError(f"the number {clip(text, 40)} is too large")
    return value


def read_messages(values: Sequence[Any], what: str) -> tuple[Message, ...]:
    """Messages from JSON values in their stored form. Raises Invalid on other keys and on values of another kind."""
    found = []
    for number, value in enumerate(values, 1):
        place = f"Message {number} of the {what}"
        if not isinstance(value, dict) or not isinstance(value.get("role"), str):
            raise Invalid(f"{place} must be an object with a role.", code="bad_message")
        for key, one in value.items():
            if key not in _KINDS:
                known = ", ".join(_KINDS)
                said = f"{place} has the key “{clip(key, 40)}”. Known are {known}; put others into extra."
                raise Invalid(said, code="bad_message")
            kind, name = _KINDS[key]
            if one is not None and (not isinstance(one, kind) or isinstance(one, bool)):
                raise Invalid(f"{place}: {key} must be {name}.", code="bad_message")
        filled = {key: one for key, one in value.items() if one is not None}
        found.append(message_from_json({**filled, "reasoning": filled.get("reasoning") or None}))
    return tuple(found)


def check_messages(turns: Sequence[Message], trace: Sequence[Message], known: Collection[Message] = ()) -> None:
    """Raise Invalid on the first message that cannot be one; those that are ``known`` are not looked at."""
    # Looked up as they are written: one by one, a long conversation would take seconds.
    kept = set(map(repr, known))
    for number, message in enumerate((*turns, None, *trace), 1):
        if message is None:
            continue
        place = f"Message {number}"
        with placed(message=number, field="text"):
            if number > len(turns) and message.role == "user":
                said = f"{place} is the user’s and stands behind the question. Move it before the question."
                raise Invalid(said, code="bad_role", field="role")
            if repr(message) not in kept:
                _check_message(message, place)


def merge_messages(base: Sequence[Message], theirs: Sequence[Message], mine: Sequence[Message]) -> tuple[Message, ...]:
    """Mine, where each message that I left alone is as they have it. Where one of us added or took some away, mine.

    Messages are compared as they are written: an argument 1 is not the same as true.
    """
    if not len(base) == len(theirs) == len(mine):
        return tuple(mine)
    return tuple(
        other if repr(own) == repr(before) else own for before, other, own in zip(base, theirs, mine, strict=True)
    )


def _check_message(message: Message, place: str) -> None:
    if message.role not in ROLES:
        raise Invalid(
            f"{place} has the role {clip(message.role, 40)!r}. Use one of {', '.join(ROLES)}.",
            code="bad_role",
            field="role",
        )
    if message.weight not in (None, 0, 1):
        raise Invalid(f"The weight of {place.lower()} is 0 (not trained) or 1.", code="bad_weight", field="trained")
    if not message.tool_calls and message.role not in ("tool", "function") and is_blank(message.text):
        raise Invalid(f"{place} is empty. Write its text, or remove it.", code="blank_message")
    if message.tool_calls and message.role != "assistant":
        said = f"{place} calls a tool, and only the assistant does. Choose that role, or remove the call."
        raise Invalid(said, field="role")
    for name in ("text", "reasoning", "name", "tool_call_id"):
        with placed(field=name):
            check_storable(getattr(message, name), place)
    check_storable((message.tool_calls, message.extra), place)
    for number, call in enumerate(message.tool_calls or (), 1):
        with placed(call=number, field="arguments"):
            _check_call(call, f"Tool call {number} of {place.lower()}")


def _check_call(call: Any, which: str) -> None:
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict):
        raise Invalid(f"{which} must be an object with a function.", code="bad_call", field="raw")
    if not isinstance(function.get("name"), str) or is_blank(function["name"]):
        raise Invalid(f"{which} has no name. Name the tool that it calls.", code="bad_call", field="name")
    arguments = function.get("arguments", {})
    if isinstance(arguments, str):
        arguments = parse_json(arguments, f"{which}: the text of its arguments")
    if not isinstance(arguments, dict):
        raise Invalid(f"{which}: the arguments must be a JSON object, such as {{}}.", code="bad_call")


def check_storable(value: Any, place: str) -> None:
    """Raise Invalid where a text inside a value holds what no database keeps: U+0000 or half a character."""
    for text in _texts_in(value):
        if not is_storable(text):
            what = "a NUL character (U+0000)" if "\x00" in text else "half of a character (a lone surrogate)"
            raise Invalid(f"{place} holds {what}. Remove it.", code="nul" if "\x00" in text else "lone_surrogate")


def _texts_in(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for key, one in value.items():
            yield key
            yield from _texts_in(one)
    elif isinstance(value, (list, tuple)):
        for one in value:
            yield from _texts_in(one)


def check_tools(tools: Any) -> None:
    """Raise Invalid on the first tool that is none in OpenAI's form: a function with a name and a JSON Schema."""
    if not isinstance(tools, list):
        raise Invalid("The tools must be a JSON list, such as [].", code="bad_tool")
    check_storable(tools, "The list of tools")
    names = set()
    for number, tool in enumerate(tools, 1):
        place = f"Tool {number}"
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict):
            raise Invalid(f"{place} must be an object with a function.", code="bad_tool")
        name = function.get("name")
        if not isinstance(name, str) or is_blank(name):
            raise Invalid(f"{place} has no name. Give its function one.", code="bad_tool")
        if name in names:
            raise Invalid(f"{place} has the name “{clip(name, 40)}”, which another has too.", code="bad_tool")
        names.add(name)
        if "parameters" in function:
            parameters = function["parameters"]
            fault = "must be an object" if not isinstance(parameters, dict) else _find_fault(parameters, "")
            if fault:
                raise Invalid(f"{place}, “{clip(name, 40)}”: its parameters {fault}.", code="bad_tool")


def _find_fault(schema: Any, path: str, depth: int = 0) -> str:
    """What is wrong with a JSON Schema, said of the parameters that it is for; empty where nothing is."""
    at = f"at {path.lstrip('.')} " if path else ""
    if isinstance(schema, bool):
        return ""
    if not isinstance(schema, dict):
        return f"{at}must be a schema, which is an object"
    if depth > _DEPTH:
        return "are nested too deeply"
    kinds = schema.get("type", [])
    for kind in kinds if isinstance(kinds, list) else [kinds]:
        if kind not in _SCHEMA_TYPES:
            return f"{at}have the type {clip(json.dumps(kind), 40)}. Known are {', '.join(_SCHEMA_TYPES)}"
    properties, required = schema.get("properties", {}), schema.get("required", [])
    if not isinstance(properties, dict):
        return f"{at}have properties that are no object"
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        return f"{at}have something under “required” that is no list of names"
    if missing := [name for name in required if "properties" in schema and name not in properties]:
        return f"{at}require “{clip(missing[0], 40)}”, which is not among their properties"
    if "enum" in schema and not (isinstance(schema["enum"], list) and schema["enum"]):
        return f"{at}have something under “enum” that is no list of values"
    inner = [(f"{path}.{name}", one) for name, one in properties.items()]
    inner += [
        (f"{path}[]" if name == "items" else path, schema[name])
        for name in ("items", "additionalProperties", "not")
        if name in schema
    ]
    for name in ("anyOf", "oneOf", "allOf", "prefixItems"):
        if name in schema:
            if not (isinstance(schema[name], list) and schema[name]):
                return f"{at}have something under “{name}” that is no list of schemas"
            inner += [(path, one) for one in schema[name]]
    return next((fault for where, one in inner if (fault := _find_fault(one, where, depth + 1))), "")


def answer_weight(extra: Mapping[str, Any]) -> int | None:
    """The weight of the answer: 0 where it is not trained."""
    weight = _note_of(extra, "answer").get("weight")
    return weight if isinstance(weight, int) else None


def with_answer_weight(extra: Mapping[str, Any], weight: int | None) -> dict[str, Any]:
    """``extra`` with the weight of the answer, among what the message of the answer carries besides its text."""
    note = {key: value for key, value in _note_of(extra, "answer").items() if key != "weight"}
    return _with_note(extra, "answer", note if weight is None else {**note, "weight": weight})


def with_tools(extra: Mapping[str, Any], tools: Any) -> dict[str, Any]:
    """``extra`` with other tools, under the name and in the form in which it has them; without any, under none."""
    name = tools_name(extra)
    if tools == []:
        return {key: value for key, value in extra.items() if key != name}
    is_text = isinstance(extra.get(name), str)
    return {**extra, name: msgspec.json.encode(tools).decode() if is_text else tools}


def tools_name(extra: Mapping[str, Any]) -> str:
    """The name under which a pair has its tools."""
    return "functions" if "functions" in extra and "tools" not in extra else "tools"


def move_notes(extra: Mapping[str, Any], moved: Mapping[int, int]) -> dict[str, Any]:
    """``extra`` with its notes on messages by place at their new places; what is gone has none."""
    found = dict(extra)
    for name in _PLACED:
        note = _note_of(found, name)
        places = {place: moved[int(place)] for place in note if place.isdecimal() and int(place) in moved}
        found = _with_note(found, name, {str(new): note[place] for place, new in places.items()})
    return found


def _note_of(extra: Mapping[str, Any], name: str) -> dict[str, Any]:
    notes = extra.get(NOTES)
    note = notes.get(name) if isinstance(notes, dict) else None
    return note if isinstance(note, dict) else {}


def _with_note(extra: Mapping[str, Any], name: str, note: Mapping[str, Any]) -> dict[str, Any]:
    """``extra`` with one of its notes, in its place; an empty one is taken out, and with the last all of them."""
    if note == _note_of(extra, name):
        return dict(extra)
    kept = extra.get(NOTES)
    notes = {**(kept if isinstance(kept, dict) else {}), name: dict(note)}
    if not note:
        del notes[name]
    if notes:
        return {**extra, NOTES: notes}
    return {key: value for key, value in extra.items() if key != NOTES}
