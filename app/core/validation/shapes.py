"""The forms of rows that targets read, seen as conversations: which keys tell them, where their messages stand.

A rule looks at a row through ``Seen``: its messages with their JSON paths and plain roles, whatever the form calls
them. What is no message at all is left out there and told by a rule of its own.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from app.core.text import PLAIN_STARTS, is_blank

# What each name of a role stands for.
ROLES = {
    "system": "system",
    "developer": "system",
    "user": "user",
    "human": "user",
    "assistant": "assistant",
    "gpt": "assistant",
    "model": "assistant",
    "function_call": "assistant",
    "tool_call": "assistant",
    "tool": "tool",
    "function": "tool",
    "observation": "tool",
    "tool_response": "tool",
}


class Said(NamedTuple):
    """A message: its path, itself, and the plain role, None where its role is no text that we know."""

    path: str
    message: dict[str, Any]
    role: str | None


class Talk(NamedTuple):
    """Messages that follow one another: a whole ``chat``, the ``prompt`` of an answer, or an ``answer``."""

    path: str
    kind: str
    said: tuple[Said, ...]


@dataclass(frozen=True, slots=True)
class Shape:
    """A form of rows. ``keys`` must all be there; ``lists`` says which of them hold messages, and of what kind.

    Messages have their role under ``role`` and what is said under ``text``. ``test`` tells rows of it from those of
    another form with the same keys.
    """

    name: str
    title: str
    keys: tuple[str, ...]
    lists: Mapping[str, str]
    role: str = "role"
    text: str = "content"
    test: Callable[[Mapping[str, Any]], bool] = lambda row: True

    def fits(self, row: Mapping[str, Any]) -> bool:
        """Whether a row is of this form, as far as its keys and its first message tell."""
        if not all(key in row for key in self.keys):
            return False
        for path in self.lists:
            found = _value_at(row, path)
            first = found[0] if isinstance(found, list) and found else found
            if isinstance(first, dict) and self.role not in first and ("from" in first or "role" in first):
                return False
        return self.test(row)

    def talks(self, row: Mapping[str, Any]) -> tuple[Talk, ...]:
        """The lists of messages of a row."""
        found = []
        for path, kind in self.lists.items():
            value = _value_at(row, path)
            if isinstance(value, dict) and self.role in value:
                found.append(Talk(path, kind, (self._said(path, value),)))
            elif isinstance(value, list):
                said = tuple(self._said(f"{path}[{at}]", one) for at, one in enumerate(value) if type(one) is dict)
                found.append(Talk(path, kind, said))
        return tuple(found)

    def _said(self, path: str, message: dict[str, Any]) -> Said:
        role = message.get(self.role)
        return Said(path, message, ROLES.get(role) if type(role) is str else None)


def _value_at(row: Mapping[str, Any], path: str) -> Any:
    """What stands at a path of keys; None where there is nothing."""
    value: Any = row
    for key in path.split("."):
        value = value.get(key) if isinstance(value, Mapping) else None
    return value


def _end_of(row: Mapping[str, Any], place: int) -> dict[str, Any]:
    """The first or last message of a row; empty where there is none."""
    messages = row.get("messages")
    found = messages[place] if isinstance(messages, list) and messages else None
    return found if isinstance(found, dict) else {}


def _first_part(row: Mapping[str, Any]) -> dict[str, Any]:
    """The first part of the first message, where its content is a list of objects."""
    content = _end_of(row, 0).get("content")
    part = content[0] if isinstance(content, list) and content else None
    return part if isinstance(part, dict) else {}


def _has_blocks(row: Mapping[str, Any]) -> bool:
    return "schemaVersion" in row or bool((part := _first_part(row)) and "type" not in part)


def _has_parts(row: Mapping[str, Any]) -> bool:
    """Not blocks without types, nor the parts of LLaMA-Factory's second version, whose texts are a ``value``."""
    part = _first_part(row)
    return not _has_blocks(row) and not ("value" in part and "text" not in part)


def _ends_with_question(row: Mapping[str, Any]) -> bool:
    return "reference_answer" in row or _end_of(row, -1).get("role") == "user"


SHAPES: dict[str, Shape] = {
    one.name: one
    for one in (
        Shape("messages", "messages with roles", ("messages",), {"messages": "chat"}, test=_has_parts),
        Shape("prompts", "messages without an answer", ("messages",), {"messages": "chat"}, test=_ends_with_question),
        Shape(
            "preference",
            "an input with a preferred and a non-preferred output",
            ("input", "preferred_output", "non_preferred_output"),
            {"input.messages": "prompt", "preferred_output": "answer", "non_preferred_output": "answer"},
        ),
        Shape(
            "chosen-rejected",
            "a chosen and a rejected answer",
            ("chosen", "rejected"),
            {"prompt": "prompt", "chosen": "answer", "rejected": "answer"},
        ),
        Shape(
            "labelled",
            "a prompt and a completion with a label",
            ("prompt", "completion", "label"),
            {"prompt": "prompt", "completion": "answer"},
        ),
        Shape(
            "prompt-completion",
            "a prompt and a completion",
            ("prompt", "completion"),
            {"prompt": "prompt", "completion": "answer"},
        ),
        Shape("text", "one text", ("text",), {}),
        Shape(
            "sharegpt",
            "conversations of from and value",
            ("conversations",),
            {"conversations": "chat"},
            "from",
            "value",
        ),
        Shape(
            "sharegpt-preference",
            "conversations with a chosen and a rejected answer",
            ("conversations", "chosen", "rejected"),
            {"conversations": "prompt", "chosen": "answer", "rejected": "answer"},
            "from",
            "value",
        ),
        Shape(
            "sharegpt-labelled",
            "conversations with a tag",
            ("conversations", "kto_tag"),
            {"conversations": "chat"},
            "from",
            "value",
        ),
        Shape("alpaca", "an instruction and an output", ("instruction", "output"), {}),
        Shape(
            "alpaca-preference",
            "an instruction with a chosen and a rejected answer",
            ("instruction", "chosen", "rejected"),
            {},
        ),
        Shape("contents", "contents with parts", ("contents",), {"contents": "chat"}, text="parts"),
        Shape(
            "scored",
            "contents with scored completions",
            ("contents", "completions"),
            {"contents": "prompt"},
            text="parts",
        ),
        Shape("converse", "messages with blocks", ("messages",), {"messages": "chat"}, test=_has_blocks),
    )
}
# Lists whose plain messages are worth a quick look before all others.
_PLAIN_LISTS = {("messages", "role", "content"), ("conversations", "from", "value")}
# Keys beside them whose values rules look at; of all others they see the name alone.
READ_KEYS = frozenset({
    "tools", "functions", "parallel_tool_calls", "weight", "images", "input", "instruction", "output", "history",
    "system", "systemInstruction", "system_instruction", "toolConfig", "schemaVersion", "rejected_response", "chosen",
    "rejected", "prompt", "completion", "completions", "label", "kto_tag", "text", "reference_answer",
})  # fmt: skip


class Seen:
    """A row as the rules of one target see it.

    ``form`` is equal for rows that differ only in texts which are not blank and in what stands under keys that nobody
    reads; it is None for rows that hold more than plain messages. ``same_as`` is the number of an earlier record that
    is equal, ``stands_in`` says what of it stands in the file that it is compared with: ``record``, ``question`` or
    nothing. ``offset`` is about how many bytes of the file stand before it.
    """

    __slots__ = ("_calls", "_talks", "form", "offset", "row", "same_as", "shape", "stands_in")

    def __init__(
        self, row: dict[str, Any], shape: Shape, same_as: int | None = None, stands_in: str = "", offset: int = 0
    ) -> None:
        self.row = row
        self.shape = shape
        self.same_as = same_as
        self.stands_in = stands_in
        self.offset = offset
        self.form = _form_of(row, shape)
        self._talks: tuple[Talk, ...] | None = None
        self._calls: tuple[tuple[Said, str, Any], ...] | None = None

    @property
    def talks(self) -> tuple[Talk, ...]:
        """Its lists of messages."""
        if self._talks is None:
            self._talks = self.shape.talks(self.row)
        return self._talks

    @property
    def calls(self) -> tuple[tuple[Said, str, Any], ...]:
        """Each item of a list of tool calls in OpenAI's form, with its message and its path."""
        if self._calls is None:
            self._calls = tuple(
                (said, f"{said.path}.tool_calls[{at}]", call)
                for talk in self.talks
                for said in talk.said
                if isinstance(calls := said.message.get("tool_calls"), list)
                for at, call in enumerate(calls)
            )
        return self._calls

    def text(self, said: Said) -> Any:
        """What a message says, whatever kind of value it is."""
        return said.message.get(self.shape.text)


def _form_of(row: dict[str, Any], shape: Shape) -> tuple[str, ...] | None:
    """The roles of a row whose list of messages holds nothing but roles and texts, and its other keys; else None."""
    if len(shape.keys) != 1 or (len(row) != 1 and not READ_KEYS.isdisjoint(row)):
        return None
    name, role, text = shape.keys[0], shape.role, shape.text
    messages = row.get(name)
    if (name, role, text) not in _PLAIN_LISTS or type(messages) is not list:
        return None
    roles = []
    for message in messages:
        if type(message) is not dict or len(message) != 2:
            return None
        said, by = message.get(text), message.get(role)
        if type(said) is not str or type(by) is not str or (said[:1] not in PLAIN_STARTS and is_blank(said)):
            return None
        roles.append(by)
    return tuple(roles) if len(row) == 1 else (*roles, "", *row)
