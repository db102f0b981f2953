"""A whole chat in one text: with the marks of a chat template, or with who speaks before each turn.

Marks as the templates of ChatML (Qwen, Yi), Llama 2, 3 and 4, Mistral, Gemma, Zephyr, Phi, ChatGLM, Granite, DeepSeek,
Cohere and gpt-oss write them, the headings of Alpaca and Guanaco, and the transcripts of Vicuna, HH-RLHF and glaive.
"""

import re
from typing import NamedTuple

import msgspec

from app.core.layouts.base import RowError
from app.core.layouts.functions import tool_calls
from app.core.layouts.messages import role_of
from app.core.record import Message

# Marks of the beginning and the end of a text, which say nothing.
_EDGES = (
    "<s>", "</s>", "<bos>", "<eos>", "<|begin_of_text|>", "<|end_of_text|>", "<|endoftext|>", "<|startoftext|>",
    "[gMASK]", "<sop>", "<｜begin▁of▁sentence｜>", "<｜end▁of▁sentence｜>", "<BOS_TOKEN>", "<EOS_TOKEN>", "<pad>",
)  # fmt: skip


class Family(NamedTuple):
    """How a template marks turns: what opens one (its group ``role`` says whose), and what closes it."""

    name: str
    opens: re.Pattern[str]
    closes: tuple[str, ...] = ()

    @property
    def is_marked(self) -> bool:
        """Whether its marks stand in no other text."""
        return self.name not in ("Alpaca or Guanaco", "Vicuna", "transcript")


def _family(name: str, opens: str, *closes: str) -> Family:
    return Family(name, re.compile(opens), closes)


_SPEAKERS = (
    "system|user|human|assistant|gpt|ai|bot|function response|function|observation|tool|instruction|input|response"
)
_HARMONY = (
    r"<\|start\|>(?P<role>\w+)(?P<to>[^<]*)(?:<\|channel\|>(?P<channel>\w+)(?P<more>[^<]*))?"
    r"(?:<\|constrain\|>\w+)?<\|message\|>"
)
FAMILIES = (
    _family("ChatML", r"<\|im_start\|>\s*(?P<role>[\w-]+)[^\n<]*(?:\n|<\|im_sep\|>)", "<|im_end|>"),
    _family("Llama 3", r"<\|start_header_id\|>\s*(?P<role>\w+)\s*<\|end_header_id\|>", "<|eot_id|>", "<|eom_id|>"),
    _family("Llama 4", r"<\|header_start\|>\s*(?P<role>\w+)\s*<\|header_end\|>", "<|eot|>", "<|eom|>"),
    _family("Gemma", r"<(?:start_of_turn>|\|turn>)\s*(?P<role>\w+)\s*\n", "<end_of_turn>", "<turn|>"),
    _family("gpt-oss", _HARMONY, "<|end|>", "<|return|>", "<|call|>"),
    _family("Granite", r"<\|start_of_role\|>(?P<role>\w+)<\|end_of_role\|>"),
    _family("Cohere", r"<\|START_OF_TURN_TOKEN\|><\|(?P<role>\w+?)_TOKEN\|>", "<|END_OF_TURN_TOKEN|>"),
    _family("DeepSeek", r"<｜(?P<role>User|Assistant)｜>"),
    _family("Zephyr or Phi", r"<\|(?P<role>system|user|assistant|observation|tool)\|>", "<|end|>"),
    _family("Llama 2 or Mistral", r"(?P<role>\[/?(?:INST|SYSTEM_PROMPT|TOOL_CALLS|TOOL_RESULTS|AVAILABLE_TOOLS)\])"),
    _family("OpenChat", r"(?:GPT4(?: Correct)?|Code) (?P<role>User|Assistant|System):", "<|end_of_turn|>"),
    _family("Alpaca or Guanaco", rf"(?<!#)###[ ]*(?P<role>(?i:{_SPEAKERS}))[ ]*(?::|(?=\n))"),
    _family("Vicuna", r"(?:^|(?<=\s)|(?<=>))(?P<role>SYSTEM|USER|ASSISTANT|HUMAN|FUNCTION RESPONSE|GPT|BOT):(?=\s|$)"),
    _family(
        "transcript",
        rf"(?:^|\n)[ \t]*(?:\*\*)?(?P<role>(?i:{_SPEAKERS}|q|a|question|answer))(?:\*\*)?:(?:\*\*)?(?=\s|$)",
    ),
)
_OWN_ROLES = {
    "input": "input",
    "q": "user",
    "question": "user",
    "a": "assistant",
    "answer": "assistant",
    "function response": "tool",
    "[INST]": "user",
    "[/INST]": "assistant",
    "[SYSTEM_PROMPT]": "system",
    "[/SYSTEM_PROMPT]": "",
    "[TOOL_CALLS]": "call",
    "[TOOL_RESULTS]": "tool",
    "[/TOOL_RESULTS]": "assistant",
    "[AVAILABLE_TOOLS]": "tools",
    "[/AVAILABLE_TOOLS]": "",
}
# What stands above the headings of Alpaca says nothing of its own.
_PREAMBLE = "Below is an instruction that describes a task"
_LLAMA_SYSTEM = re.compile(r"\s*<<SYS>>(.*?)<</SYS>>", re.DOTALL)
_HERMES_CALL = re.compile(r"<tool_call>\s*(.*?)\s*</tool_call>", re.DOTALL)
_HERMES_RESULT = re.compile(r"<tool_response>\s*(.*?)\s*</tool_response>", re.DOTALL)
_GLAIVE_CALL = re.compile(r"<functioncall>\s*(\{.*\})\s*$", re.DOTALL)
_GLAIVE_QUOTED = re.compile(r"(\"arguments\"\s*:\s*)'(.*)'(\s*\})", re.DOTALL)


class Chat(NamedTuple):
    """What a text holds: the template, the messages with the system message first, and the tools as JSON text."""

    template: str
    messages: list[Message]
    tools: str | None = None


def read_chat(text: str) -> Chat | None:
    """The chat in a text; None where there are no marks, or words that nobody answers. Raises RowError."""
    for family in FAMILIES:
        marks = list(family.opens.finditer(text))
        roles = [_role_of(mark["role"]) for mark in marks]
        if family.name == "transcript" and marks and text[: marks[0].start()].strip():
            continue
        if "user" in roles and (family.is_marked or "assistant" in roles):
            return _take_apart(family, text, marks, roles)
    return None


def _role_of(said: str) -> str:
    """The role that a mark names; empty for one that only closes, and as it is where it is unknown."""
    known = _OWN_ROLES.get(said, _OWN_ROLES.get(said.lower()))
    return known if known is not None else role_of(said) or said


def _take_apart(family: Family, text: str, marks: list[re.Match[str]], roles: list[str]) -> Chat:
    messages: list[Message] = []
    tools: str | None = None
    thought: list[str] = []
    above = re.sub(r"^SYSTEM:\s*", "", _trim(text[: marks[0].start()], family))
    if above and not above.startswith(_PREAMBLE):
        messages.append(Message("system", above))
    ends = [*(mark.start() for mark in marks[1:]), len(text)]
    for place, (mark, role, end) in enumerate(zip(marks, roles, ends, strict=True)):
        said = _trim(text[mark.end() : end], family)
        parts = mark.groupdict()
        if role == "tools":
            tools = said
        elif not role:
            if said:
                raise RowError(f"There is text between the marks of the template: “{said[:40]}”.", code="bad_message")
        elif role == "input":
            if said and messages and messages[-1].role == "user":
                messages[-1] = Message("user", f"{messages[-1].text}\n\n{said}")
        elif parts.get("channel") == "analysis":
            thought.append(said)
        elif role == "assistant" and not said and (place + 1 == len(marks) or roles[place + 1] in ("call", "")):
            # The prompt for the next answer, or the place before a call.
            continue
        else:
            name = re.search(r"to=functions\.([\w.-]+)", f"{parts.get('to') or ''}{parts.get('more') or ''}")
            if name and role == "assistant":
                said = f'<tool_call>{{"name": "{name[1]}", "arguments": {said or "{}"}}}</tool_call>'
            reasoning = "\n\n".join(thought) or None if role == "assistant" else None
            thought = thought if reasoning is None else []
            messages += _messages_of(role, said, reasoning)
    if messages and messages[0].role == "user" and (system := _LLAMA_SYSTEM.match(messages[0].text or "")):
        rest = (messages[0].text or "")[system.end() :].strip()
        messages[:1] = [Message("system", system[1].strip()), Message("user", rest)]
    return Chat(family.name, messages, tools)


def _trim(said: str, family: Family) -> str:
    """A turn without the marks around it. Raises RowError for text behind its end."""
    for close in family.closes:
        before, mark, behind = said.partition(close)
        if family.name == "ChatML" and mark and not _strip_edges(behind):
            # Between its marks stands nothing else: blanks belong to what is said.
            return before
        if _strip_edges(behind):
            raise RowError(f"There is text behind the mark {close}: “{behind.strip()[:40]}”.", code="bad_message")
        said = before
    return _strip_edges(said)


def _strip_edges(said: str) -> str:
    said = said.strip()
    while edge := next((edge for edge in _EDGES if said.startswith(edge)), ""):
        said = said.removeprefix(edge).lstrip()
    while edge := next((edge for edge in _EDGES if said.endswith(edge)), ""):
        said = said.removesuffix(edge).rstrip()
    return said


def _messages_of(role: str, said: str, reasoning: str | None) -> list[Message]:
    """The messages of a turn: calls and results of tools have their own form."""
    if role == "user" and (results := _HERMES_RESULT.findall(said)) and not _HERMES_RESULT.sub("", said).strip():
        return [Message("tool", result) for result in results]
    if role == "tool" and (results := _HERMES_RESULT.findall(said)):
        return [Message("tool", result) for result in results]
    if role == "call":
        calls = tool_calls(said)
        return [Message("assistant", said if calls is None else None, tool_calls=calls, reasoning=reasoning)]
    if role == "assistant":
        found = [tool_calls(text) for text in _HERMES_CALL.findall(said)]
        rest = _HERMES_CALL.sub("", said)
        if not found and (glaive := _GLAIVE_CALL.search(said)):
            # Its arguments stand in single quotes.
            quoted = _GLAIVE_QUOTED.sub(lambda part: f"{part[1]}{_quote(part[2])}{part[3]}", glaive[1])
            found, rest = [tool_calls(quoted)], said[: glaive.start()]
        calls = [call for each in found for call in each or ()]
        if calls and None not in found:
            return [Message("assistant", rest.strip() or None, tool_calls=calls, reasoning=reasoning)]
    if role_of(role) is None:
        raise RowError(f"The chat in the text has the unknown role “{role}”.", code="bad_role")
    return [Message(role, said, reasoning=reasoning)]


def _quote(text: str) -> str:
    return msgspec.json.encode(text).decode()
