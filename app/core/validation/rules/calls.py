"""Rules on tools, their calls and their results."""

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from app.core.text import clip
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import CHAT, SHAREGPT, FileFacts, Problem, Problems, Row, chat, place_of, rule
from app.core.validation.shapes import Said, Seen

_TOOL_NAME = re.compile(r"[A-Za-z0-9_-]{1,64}")
_MISTRAL_ID = re.compile(r"[A-Za-z0-9]{9}")
_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "number": (int, float),
    "integer": (int,),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}
_decode = msgspec.json.Decoder().decode
# What LLaMA-Factory takes a call out of, and what it leaves out of one (src/llamafactory/data/formatter.py).
_TOOL_CALL = re.compile("<tool_call>(.*?)</tool_call>", re.DOTALL)
_THOUGHT = re.compile("<think>.*?</think>", re.DOTALL)

_WEIGH: Row = {
    "type": "function",
    "function": {
        "name": "weigh",
        "description": "Weigh a container.",
        "parameters": {"type": "object", "properties": {"box": {"type": "string"}}, "required": ["box"]},
    },
}


def _call(arguments: Any = '{"box":"A7"}', name: str = "weigh", identifier: str = "call00001") -> Row:
    function = {"name": name, "arguments": arguments}
    return {
        "role": "assistant",
        "tool_calls": [{"id": identifier, "type": "function", "function": function}],
    }


_RESULT: Row = {"role": "tool", "tool_call_id": "call00001", "content": "12 kg"}
_ASKED = "How heavy is box A7?"
_SAID: Row = {"role": "assistant", "content": "12 kg."}


def _talk(*messages: Row | str, tools: Any = (_WEIGH,)) -> Row:
    return chat(*messages, tools=list(tools) if isinstance(tools, tuple) else tools)


_GOOD = _talk(_ASKED, _call(), _RESULT, _SAID)


def _function_of(call: Any) -> dict[str, Any]:
    function = call.get("function") if isinstance(call, dict) else None
    return function if isinstance(function, dict) else {}


@rule(
    "call-form",
    "A tool call that is not in form",
    "A call is an object with an id, the type function, and a function with a name.",
    good=_GOOD,
    bad=_talk(_ASKED, {"role": "assistant", "tool_calls": [{"name": "weigh", "arguments": "{}"}]}),
    shapes=CHAT,
)
def check_calls(seen: Seen, profile: Profile) -> Problems:
    """Lists of calls that are none or empty, and calls without an id, type or name."""
    for talk in seen.talks:
        for said in talk.said:
            calls = said.message.get("tool_calls")
            if calls is not None and (type(calls) is not list or not calls):
                yield Problem(
                    f"{said.path}.tool_calls", f"{place_of(said.path)}: the tool calls must be a list of calls."
                )
            elif calls is not None and said.role not in ("assistant", None):
                yield Problem(
                    f"{said.path}.tool_calls", f"{place_of(said.path)} calls a tool, and is not the assistant's."
                )
    for said, path, call in seen.calls:
        place = place_of(said.path)
        if type(call) is not dict:
            yield Problem(path, f"{place}: a tool call must be an object.")
            continue
        if profile.arguments == "text" and not (type(call.get("id")) is str and call["id"]):
            yield Problem(f"{path}.id", f"{place}: a tool call has no id.")
        if profile.arguments == "text" and call.get("type") != "function":
            yield Problem(f"{path}.type", f"{place}: a tool call must have the type “function”.")
        function = call.get("function")
        if type(function) is not dict or not (type(function.get("name")) is str and function["name"]):
            yield Problem(f"{path}.function", f"{place}: a tool call must have a function with a name.")


@rule(
    "call-arguments",
    "Arguments of a tool call in the wrong form",
    "OpenAI's form has the arguments as JSON text; chat templates want an object, and write a text with more quotes.",
    good=_GOOD,
    bad=_talk(_ASKED, _call({"box": "A7"}), _RESULT, _SAID),
    shapes=CHAT,
)
def check_arguments(seen: Seen, profile: Profile) -> Problems:
    """Arguments that are a text where an object is wanted, the other way round, or no JSON object."""
    for said, path, call in seen.calls:
        function = _function_of(call)
        if not function:
            continue
        value, path, place = function.get("arguments"), f"{path}.function.arguments", place_of(said.path)
        if type(value) is dict:
            if profile.arguments == "text":
                yield Problem(path, f"{place}: the arguments must be JSON text, not an object.", "arguments-to-text")
        elif type(value) is not str:
            yield Problem(path, f"{place}: the arguments must be a JSON object.")
        elif type(_json_of(value)) is not dict:
            yield Problem(path, f"{place}: the arguments are no JSON object.")
        elif profile.arguments == "object":
            yield Problem(path, f"{place}: the arguments must be an object, not JSON text.", "arguments-to-object")


def _json_of(text: str) -> Any:
    """The value that JSON text stands for; None where it is none."""
    try:
        return _decode(text)
    except (msgspec.MsgspecError, UnicodeError, RecursionError):
        return None


def _tools_in(row: Row) -> list[dict[str, Any]]:
    """The tools of a row that are objects with a function, whatever holds them."""
    tools = row.get("tools")
    if tools is None and isinstance(row.get("input"), dict):
        tools = row["input"].get("tools")
    if type(tools) is str:
        tools = _json_of(tools)
    found = tools if isinstance(tools, list) else []
    return [tool for tool in found if isinstance(tool, dict) and _function_of(tool)]


@rule(
    "call-name",
    "A call of a tool that is not there",
    "The model would learn to call what nobody offers.",
    good=_GOOD,
    bad=_talk(_ASKED, _call(name="measure"), _RESULT, _SAID),
    shapes=CHAT,
    refused=False,
)
def check_called(seen: Seen, profile: Profile) -> Problems:
    """Names of functions that are not among the tools of the row."""
    if not seen.calls:
        return
    known = {name for tool in _tools_in(seen.row) if type(name := _function_of(tool).get("name")) is str}
    for said, path, call in seen.calls:
        name = _function_of(call).get("name")
        if type(name) is str and name not in known:
            what = "is not among the tools of the row" if known else "is called, and the row has no tools"
            yield Problem(f"{path}.function.name", f"{place_of(said.path)}: “{clip(name, 40)}” {what}.")


@rule(
    "call-schema",
    "Arguments that the tool does not take",
    "The model would learn calls that fail.",
    good=_GOOD,
    bad=_talk(_ASKED, _call('{"shelf":"A7"}'), _RESULT, _SAID),
    shapes=CHAT,
    refused=False,
)
def check_schemas(seen: Seen, profile: Profile) -> Problems:
    """Arguments that lack what the tool requires, or have a value of another type than it says."""
    if not seen.calls:
        return
    schemas = {
        name: _function_of(tool).get("parameters")
        for tool in _tools_in(seen.row)
        if type(name := _function_of(tool).get("name")) is str
    }
    for said, path, call in seen.calls:
        function = _function_of(call)
        name, value = function.get("name"), function.get("arguments")
        schema = schemas.get(name) if type(name) is str else None
        value = _json_of(value) if type(value) is str else value
        if isinstance(schema, dict) and isinstance(value, dict):
            for text in _objections(value, schema):
                said_so = f"{place_of(said.path)}, call of “{clip(str(name), 40)}”: {text}."
                yield Problem(f"{path}.function.arguments", said_so)


def _objections(value: dict[str, Any], schema: dict[str, Any]) -> Iterator[str]:
    """What the first level of an object has against its JSON Schema."""
    needed = schema.get("required")
    for name in needed if isinstance(needed, list) else ():
        if type(name) is str and name not in value:
            yield f"the argument “{clip(name, 40)}” is missing"
    known = schema.get("properties")
    if not isinstance(known, dict):
        return
    for name, one in value.items():
        said = known.get(name)
        kind = said.get("type") if isinstance(said, dict) else None
        types = _TYPES.get(kind) if isinstance(kind, str) else None
        if said is None and schema.get("additionalProperties") is False:
            yield f"there is no argument “{clip(name, 40)}”"
        elif types and one is not None and (not isinstance(one, types) or (type(one) is bool and bool not in types)):
            yield f"the argument “{clip(name, 40)}” must be of type {kind}"


@rule(
    "call-unanswered",
    "A tool call without its result",
    "Each call is answered before anybody speaks again; only the last message may end with a call.",
    good=_GOOD,
    bad=_talk(_ASKED, _call(), _SAID),
    shapes=CHAT,
)
def check_answered(seen: Seen, profile: Profile) -> Problems:
    """Calls whose id no result names before the next message of user or assistant."""
    for talk in seen.talks:
        waiting: dict[str, Said] = {}
        for said in talk.said:
            if said.role == "tool":
                identifier = said.message.get("tool_call_id")
                if type(identifier) is str:
                    waiting.pop(identifier, None)
                continue
            for identifier, caller in waiting.items():
                text = (
                    f"{place_of(caller.path)}: the call “{clip(identifier, 40)}” has no result before the next message."
                )
                yield Problem(f"{caller.path}.tool_calls", text)
            calls = said.message.get("tool_calls")
            waiting = {
                call["id"]: said
                for call in (calls if isinstance(calls, list) else ())
                if isinstance(call, dict) and type(call.get("id")) is str
            }


@rule(
    "result-unmatched",
    "A result that belongs to no call",
    "The id of a result must be that of a call before it.",
    good=_GOOD,
    bad=_talk(_ASKED, _call(), {**_RESULT, "tool_call_id": "call00002"}, _SAID),
    shapes=CHAT,
)
def check_results(seen: Seen, profile: Profile) -> Problems:
    """Results of tools without an id, or with one that no earlier call has."""
    for talk in seen.talks:
        called: set[str] = set()
        for said in talk.said:
            calls = said.message.get("tool_calls")
            for call in calls if isinstance(calls, list) else ():
                if isinstance(call, dict) and type(call.get("id")) is str:
                    called.add(call["id"])
            if said.message.get("role") != "tool":
                continue
            identifier = said.message.get("tool_call_id")
            if type(identifier) is not str or not identifier:
                yield Problem(f"{said.path}.tool_call_id", f"{place_of(said.path)}, a result, names no call.")
            elif identifier not in called:
                text = f"{place_of(said.path)}: no earlier call has the id “{clip(identifier, 40)}”."
                yield Problem(f"{said.path}.tool_call_id", text)


@rule(
    "call-with-text",
    "A tool call with a text beside it",
    "The target takes a call or a text, and refuses a message with both.",
    good=_GOOD,
    bad=_talk(_ASKED, {**_call(), "content": "One moment."}, _RESULT, _SAID),
    profile="mistral-finetune",
    shapes=CHAT,
)
def check_call_texts(seen: Seen, profile: Profile) -> Problems:
    """Messages that call a tool and say something."""
    for talk in seen.talks:
        for said in talk.said:
            if said.message.get("tool_calls") and said.message.get("content"):
                yield Problem(f"{said.path}.content", f"{place_of(said.path)} calls a tool and says something.")


@rule(
    "call-id-form",
    "An id of a call in another form",
    "The target wants nine letters and digits.",
    good=_GOOD,
    bad=_talk(_ASKED, _call(identifier="call_1"), {**_RESULT, "tool_call_id": "call_1"}, _SAID),
    profile="mistral-finetune",
    shapes=CHAT,
)
def check_call_ids(seen: Seen, profile: Profile) -> Problems:
    """Ids of calls that are not nine letters and digits."""
    for said, path, call in seen.calls:
        identifier = call.get("id") if isinstance(call, dict) else None
        if type(identifier) is not str or not _MISTRAL_ID.fullmatch(identifier):
            yield Problem(f"{path}.id", f"{place_of(said.path)}: the id of a call must be nine letters and digits.")


@rule(
    "null-beside-call",
    "null beside a tool call",
    'The target prefers "" to null as the content of a message that calls a tool.',
    good=_talk(_ASKED, {**_call(), "content": ""}, _RESULT, _SAID),
    bad=_talk(_ASKED, {**_call(), "content": None}, _RESULT, _SAID),
    profile="fireworks",
    shapes=CHAT,
    refused=False,
)
def check_nulls(seen: Seen, profile: Profile) -> Problems:
    """Content that is null in messages that call a tool."""
    for talk in seen.talks:
        for said in talk.said:
            if said.message.get("tool_calls") and said.message.get("content", "") is None:
                yield Problem(
                    f"{said.path}.content", f'{place_of(said.path)}: write "" beside a call, not null.', "null-to-empty"
                )


@rule(
    "old-functions",
    "Functions in the old form",
    "“functions” and “function_call” are deprecated; “tools” and “tool_calls” have taken their place.",
    good=_GOOD,
    bad=chat(_ASKED, _SAID, functions=[{"name": "weigh"}]),
    shapes=CHAT,
    refused=False,
)
def check_functions(seen: Seen, profile: Profile) -> Problems:
    """Keys of the deprecated form."""
    if "functions" in seen.row:
        yield Problem("functions", "“functions” is deprecated. Use “tools”.")
    for talk in seen.talks:
        for said in talk.said:
            if "function_call" in said.message:
                yield Problem(
                    f"{said.path}.function_call", f"{place_of(said.path)} uses “function_call”. Use “tool_calls”."
                )


@rule(
    "tools-kind",
    "Tools that are no list",
    "OpenAI's form has tools as a list; forms with turns have it as JSON text.",
    good=_GOOD,
    bad=_talk(_ASKED, "12 kg.", tools='[{"type":"function","function":{"name":"weigh"}}]'),
    shapes=(*CHAT, *SHAREGPT),
)
def check_tools_kind(seen: Seen, profile: Profile) -> Problems:
    """Tools that are a text where a list is wanted, or the other way round."""
    tools, path = seen.row.get("tools"), "tools"
    if tools is None and isinstance(seen.row.get("input"), dict):
        tools, path = seen.row["input"].get("tools"), "input.tools"
    # An empty object in a text is taken for no tools.
    if tools is None or tools == "" or (profile.tools == "text" and type(tools) is str and _json_of(tools) == {}):
        return
    if profile.tools == "list" and type(tools) is not list:
        fix = "tools-to-list" if type(tools) is str and type(_json_of(tools)) is list else None
        yield Problem(path, "The tools must be a list, not JSON text or an object.", fix)
    elif profile.tools == "text" and type(tools) is not str:
        yield Problem(path, "The tools must be JSON text, not a list.", "tools-to-text")
    elif type(tools) is str and type(_json_of(tools)) is not list:
        yield Problem(path, "The tools are no JSON list.")


@rule(
    "tools-read",
    "Tools that cannot be read",
    "Tools are a list of objects, or such a list as JSON text; anything else stops the run.",
    good=_GOOD,
    bad=_talk(_ASKED, "12 kg.", tools=""),
    profile="trl",
)
def check_tools_read(seen: Seen, profile: Profile) -> Problems:
    """Tools that are no list of objects, nor JSON text of one; null and an empty object are taken for none."""
    tools = seen.row.get("tools")
    found = _json_of(tools) if type(tools) is str else tools
    if tools is None or (type(tools) is str and tools.strip() == "null") or (seen.shape.name == "text" and found):
        return
    if found != {} and not (type(found) is list and all(type(one) is dict for one in found)):
        yield Problem("tools", "The tools must be a list of objects.")


@rule(
    "tool-form",
    "A tool that is not in form",
    "A tool has the type function, and a function with a name of up to 64 letters, digits, - and _.",
    good=_GOOD,
    bad=_talk(_ASKED, "12 kg.", tools=({"type": "function", "function": {"name": "weigh a box"}},)),
    shapes=CHAT,
)
def check_tools(seen: Seen, profile: Profile) -> Problems:
    """Tools without type or name, and names that stand there twice or hold other letters."""
    path = "tools" if "tools" in seen.row else "input.tools"
    tools = seen.row.get("tools")
    if tools is None and isinstance(seen.row.get("input"), dict):
        tools = seen.row["input"].get("tools")
    names: set[str] = set()
    for at, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = _function_of(tool)
        name = function.get("name")
        if not function or tool.get("type") != "function":
            yield Problem(f"{path}[{at}]", f"Tool {at + 1} must have the type “function” and a function.")
        elif type(name) is not str or not _TOOL_NAME.fullmatch(name):
            text = f"Tool {at + 1}: a name has 1 to 64 letters, digits, - and _."
            yield Problem(f"{path}[{at}].function.name", text)
        elif name in names:
            yield Problem(f"{path}[{at}].function.name", f"Tool {at + 1} has the name “{name}” of an earlier one.")
        names.add(name) if type(name) is str else None


@rule(
    "tool-parameters",
    "Parameters that are no schema",
    "The parameters of a tool are a JSON Schema of an object.",
    good=_GOOD,
    bad=_talk(_ASKED, "12 kg.", tools=({"type": "function", "function": {"name": "weigh", "parameters": ["box"]}},)),
    shapes=CHAT,
)
def check_parameters(seen: Seen, profile: Profile) -> Problems:
    """Parameters that are no object, or a schema of something else."""
    for at, tool in enumerate(_tools_in(seen.row) if seen.form is None else ()):
        parameters = _function_of(tool).get("parameters")
        if parameters is None:
            continue
        wrong = type(parameters) is not dict or parameters.get("type", "object") != "object"
        if wrong or not isinstance(parameters.get("properties", {}), dict):
            yield Problem(
                f"tools[{at}].function.parameters", f"Tool {at + 1}: the parameters must be a schema of an object."
            )


@rule(
    "parallel-kind",
    "parallel_tool_calls that is not true or false",
    "It says whether several tools may be called at once.",
    good={**_GOOD, "parallel_tool_calls": False},
    bad={**_GOOD, "parallel_tool_calls": "no"},
    shapes=CHAT,
)
def check_parallel(seen: Seen, profile: Profile) -> Problems:
    """A value that is not true or false."""
    if type(seen.row.get("parallel_tool_calls", True)) is not bool:
        yield Problem("parallel_tool_calls", "“parallel_tool_calls” must be true or false.")


@rule(
    "calls-lost",
    "Tool calls that are lost",
    "Read with these tags, messages lose their tool calls; only turns of the kind function_call keep them.",
    good={"conversations": [{"from": "human", "value": _ASKED}, {"from": "gpt", "value": "12 kg."}]},
    bad=_GOOD,
    profile="llama-factory",
    shapes=("messages",),
    refused=False,
)
def check_lost_calls(seen: Seen, profile: Profile) -> Problems:
    """Tool calls in messages of OpenAI's form."""
    for said, path, _ in seen.calls:
        text = f"{place_of(said.path)}: its tool call is lost. Write the file as ShareGPT."
        yield Problem(path, text)


@rule(
    "function-call-form",
    "A function call that cannot be read",
    "A turn of the kind function_call is JSON: an object with name and arguments, or a list of them.",
    level="texts",
    good={
        "conversations": [
            {"from": "human", "value": _ASKED},
            {"from": "function_call", "value": '{"name":"weigh","arguments":{"box":"A7"}}'},
            {"from": "observation", "value": "12 kg"},
            {"from": "gpt", "value": "12 kg."},
        ]
    },
    bad={"conversations": [{"from": "human", "value": _ASKED}, {"from": "function_call", "value": "weigh(A7)"}]},
    profile="llama-factory",
    shapes=("messages", *SHAREGPT),
)
def check_function_calls(seen: Seen, profile: Profile) -> Problems:
    """Function calls that are no JSON, or lack name or arguments; reasoning may stand before them."""
    key = seen.shape.text
    for talk in seen.talks:
        for said in talk.said:
            value = said.message.get(key)
            if said.message.get(seen.shape.role) != "function_call" or type(value) is not str:
                continue
            tagged = _TOOL_CALL.search(value)
            calls = _json_of((tagged[1] if tagged else _THOUGHT.sub("", value, count=1)).strip())
            calls = calls if isinstance(calls, list) else [calls]
            if not calls:
                yield Problem(f"{said.path}.{key}", f"{place_of(said.path)} calls nothing.", severity="warning")
            elif not all(isinstance(one, dict) and {"name", "arguments"} <= one.keys() for one in calls):
                said_so = f"{place_of(said.path)}: a function call must be JSON with name and arguments."
                yield Problem(f"{said.path}.{key}", said_so)


@rule(
    "tool-object",
    "A tool that cannot be written out",
    "Each tool is written with its name and its parameters into the conversation; one without them stops the run.",
    good={"conversations": [{"from": "human", "value": _ASKED}], "tools": msgspec.json.encode([_WEIGH]).decode()},
    bad={"conversations": [{"from": "human", "value": _ASKED}], "tools": '[{"name":"weigh"}]'},
    profile="llama-factory",
    shapes=("messages", *SHAREGPT),
)
def check_tool_objects(seen: Seen, profile: Profile) -> Problems:
    """Tools in a JSON text that are no objects, or have no name or no properties of parameters."""
    text = seen.row.get("tools")
    tools = _json_of(text) if type(text) is str else None
    for at, tool in enumerate(tools if isinstance(tools, list) else ()):
        function = tool.get("function") if isinstance(tool, dict) and tool.get("type") == "function" else tool
        parameters = function.get("parameters") if isinstance(function, dict) and "name" in function else None
        if not isinstance(parameters, dict) or not isinstance(parameters.get("properties"), dict):
            yield Problem("tools", f"Tool {at + 1} must be an object with a name and parameters with properties.")


@rule(
    "mixed-arguments",
    "One argument with values of several types",
    "Columns of a table have one type each: objects whose values change their type must be JSON text.",
    good=[_talk(_ASKED, _call({"box": "A7"}), _RESULT, _SAID)] * 2,
    bad=[_talk(_ASKED, _call({"box": "A7"}), _RESULT, _SAID), _talk(_ASKED, _call({"box": 7}), _RESULT, _SAID)],
    level="set",
    profile="axolotl",
    shapes=CHAT,
)
class WatchArguments:
    """The types of the arguments of each function, over all rows."""

    def __init__(self, profile: Profile) -> None:
        self._types: dict[str, tuple[type, int]] = {}

    def see(self, seen: Seen, number: int, line: int | None) -> Problems:
        """Arguments whose type is not that of an earlier row."""
        for said, path, call in () if seen.form else seen.calls:
            arguments = _function_of(call).get("arguments")
            for name, value in arguments.items() if isinstance(arguments, dict) else ():
                if value is None or len(self._types) > 10_000:
                    continue
                kind = float if type(value) is int else type(value)
                before, first = self._types.setdefault(name, (kind, number))
                if before is not kind:
                    text = f"{place_of(said.path)}: “{clip(name, 40)}” has another type than in record {first:,}."
                    yield Problem(f"{path}.function.arguments.{name}", text)

    def close(self, facts: FileFacts) -> Iterable[Problem]:
        """All is told row by row."""
        return ()
