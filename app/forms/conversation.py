"""The messages of a pair as fields of its form, and back without losing what the fields do not show.

The fields of a message begin with ``m`` and a number that means nothing else: messages are in the order in which they
stand in the form, those before the question are earlier turns, those behind it lead to the answer. ``kept`` is what a
stored message holds and the fields cannot say, as JSON.

Of a long conversation only some messages stand in fields. The others are *folded*: each stretch of them goes along as
JSON in a field ``folded.N``, from which buttons take them. A script sends those in fields as JSON too (``messages.N``),
so that no form has too many fields.
"""

import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, fields
from itertools import groupby
from typing import Any

import msgspec

from app.core.editing import move_notes, parse_json
from app.core.errors import Invalid, placed
from app.core.layouts.base import NOTES
from app.core.record import Message, Record
from app.core.text import is_number, restore_newlines

_FIELD = re.compile(r"m(\d{1,6})\.(?:c(\d{1,6})\.)?(\w+)")
_PACKED = re.compile(r"(folded|messages)\.\d{1,6}")
_LINE_ENDS = re.compile(r"[\r\n]")
# Of so many messages before the question, or before the answer, all are shown; of more the last, and more by buttons.
MOST_SHOWN, SHOWN = 60, 30
# By buttons no more of them stand in fields at once than a form may have.
MOST_IN_FIELDS = 150


@dataclass
class CallFields:
    """One tool call: the name and arguments of its function, or where it is no such call, all of it as JSON."""

    name: str = ""
    arguments: str = ""
    raw: str = ""
    kept: str = ""


@dataclass
class MessageFields:
    """One message. ``at`` is its place in the stored conversation, empty for a new one. ``folded``: not in fields."""

    role: str = "user"
    text: str = ""
    reasoning: str = ""
    name: str = ""
    tool_call_id: str = ""
    trained: bool = True
    at: str = ""
    kept: str = ""
    calls: list[CallFields] = field(default_factory=list)
    folded: bool = False

    @classmethod
    def of_message(cls, message: Message, at: int) -> "MessageFields":
        """The fields of a stored message."""
        kept: dict[str, Any] = {} if message.weight is None else {"weight": message.weight}
        if message.extra:
            kept["extra"] = message.extra
        # What a browser gives back otherwise: no text at all, line ends, and line ends in a field of one line.
        if message.text is None or message.text == "" or "\r" in message.text:
            kept["text"] = message.text
        if message.reasoning and "\r" in message.reasoning:
            kept["reasoning"] = message.reasoning
        for key in ("name", "tool_call_id"):
            value = getattr(message, key)
            if value is not None and (value == "" or _LINE_ENDS.search(value)):
                kept[key] = value
        return cls(
            message.role,
            message.text or "",
            message.reasoning or "",
            message.name or "",
            message.tool_call_id or "",
            message.weight != 0,
            str(at),
            json.dumps(kept, ensure_ascii=False) if kept else "",
            [_fields_of_call(call) for call in message.tool_calls or ()],
        )

    def message(self, place: str) -> Message:
        """The message that the fields mean. Raises Invalid, with its place, on JSON that is none."""
        kept = _load_kept(self.kept)
        calls = []
        for number, call in enumerate(self.calls, 1):
            with placed(call=number, field="raw" if call.raw else "arguments"):
                calls.append(_call_of(call, f"Tool call {number} of {place}"))
        text: str | None = restore_newlines(self.text, kept.get("text"))
        if not text:
            text = kept["text"] if "text" in kept and not kept["text"] else None if calls else ""
        weight = kept.get("weight")
        if self.role == "assistant" and self.trained != (weight != 0):
            weight = None if self.trained else 0
        return Message(
            self.role,
            text,
            _restore_line(self.name, kept.get("name")),
            weight,
            calls or None,
            _restore_line(self.tool_call_id, kept.get("tool_call_id")),
            kept.get("extra", {}),
            restore_newlines(self.reasoning, kept.get("reasoning")) or None,
        )


def _load_kept(text: str) -> dict[str, Any]:
    if not text:
        return {}
    kept = parse_json(text, "What this form keeps of a message")
    kinds = {"extra": (dict,), "weight": (int, type(None))}
    if not isinstance(kept, dict) or not all(
        isinstance(value, kinds.get(key, (str, type(None)))) for key, value in kept.items()
    ):
        raise Invalid("What this form keeps of a message was changed on the way. Load the page again.", code="bad_form")
    return kept


def _restore_line(typed: str, stored: str | None) -> str | None:
    if stored is not None and _LINE_ENDS.sub("", stored) == _LINE_ENDS.sub("", typed):
        return stored
    return typed or None


def _fields_of_call(call: Any) -> CallFields:
    """The fields of a call. What is kept of it has empty places for what the fields say."""
    function = call.get("function") if isinstance(call, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("name"), str):
        return CallFields(raw=_show_json(call))
    arguments = function.get("arguments", "")
    name = function["name"]
    if not isinstance(arguments, (str, dict)) or _LINE_ENDS.search(name):
        return CallFields(raw=_show_json(call))
    is_text = isinstance(arguments, str)
    hollow = {**function, "name": ""}
    if "arguments" in function:
        hollow["arguments"] = arguments if is_text and "\r" in arguments else "" if is_text else {}
    shown = arguments if isinstance(arguments, str) else _show_json(arguments)
    return CallFields(name, shown, kept=json.dumps({**call, "function": hollow}, ensure_ascii=False))


def _call_of(fields: CallFields, place: str) -> Any:
    if fields.raw:
        return parse_json(fields.raw, place)
    kept = (
        parse_json(fields.kept, place)
        if fields.kept
        else {"type": "function", "function": {"name": "", "arguments": ""}}
    )
    function = kept.get("function") if isinstance(kept, dict) else None
    if not isinstance(function, dict) or not isinstance(function.get("arguments"), (str, dict, type(None))):
        raise Invalid(
            "What this form keeps of a tool call was changed on the way. Load the page again.", code="bad_form"
        )
    stored, typed = function.get("arguments"), fields.arguments
    written = {**function, "name": fields.name}
    if isinstance(stored, dict):
        written["arguments"] = parse_json(typed, f"{place}: the text of its arguments")
    elif stored is not None or typed:
        # Arguments that are JSON text stay as they were typed: their blanks are part of them.
        new = typed if fields.kept else typed or "{}"
        written["arguments"] = restore_newlines(new, stored)
    return {**kept, "function": written}


def _show_json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, indent=2)


def show_tools(extra: Mapping[str, Any], name: str) -> str:
    """The tools of a pair as JSON, one line for each value; a text that is no JSON as it is, nothing for none."""
    value = extra.get(name)
    if isinstance(value, str):
        try:
            value = parse_json(value, "The tools")
        except Invalid:
            return value
    return "" if value is None or value == [] else _show_json(value)


def pack_messages(messages: Iterable[MessageFields]) -> str:
    """Messages as JSON, without fields that say nothing."""

    def said(one: Any) -> dict[str, Any]:
        return {each.name: value for each in fields(one) if (value := getattr(one, each.name)) not in ("", [])}

    packed = [{**said(one), "role": one.role, "calls": [said(call) for call in one.calls]} for one in messages]
    for one in packed:
        del one["folded"]
    return json.dumps(packed, ensure_ascii=False, separators=(",", ":"))


def unpack_messages(text: str, *, folded: bool) -> list[MessageFields]:
    """The inverse of ``pack_messages``. Raises Invalid."""
    try:
        messages = msgspec.json.decode(text, type=list[MessageFields])
    except (msgspec.MsgspecError, UnicodeError, RecursionError) as error:
        said = "What this form keeps of messages was changed on the way. Load the page again."
        raise Invalid(said, code="bad_form") from error
    for one in messages:
        one.folded = folded
    return messages


@dataclass(frozen=True)
class Run:
    """Messages one after the other that are shown in fields, or folded; ``first`` is the place of the first."""

    first: int
    messages: Sequence[MessageFields]
    folded: bool

    @property
    def last(self) -> int:
        """The place of the last message."""
        return self.first + len(self.messages) - 1

    @property
    def packed(self) -> str:
        """The messages as JSON."""
        return pack_messages(self.messages)


def _runs_of(part: Sequence[MessageFields], first: int) -> list[Run]:
    found = []
    for folded, group in groupby(part, key=lambda one: one.folded):
        found.append(Run(first, list(group), folded))
        first += len(found[-1].messages)
    return found


def _messages_of(part: Iterable[MessageFields], first: int) -> tuple[Message, ...]:
    found = []
    for number, one in enumerate(part, first):
        with placed(message=number):
            found.append(one.message(f"message {number}"))
    return tuple(found)


@dataclass
class Conversation:
    """The messages before the question and those behind it, as fields."""

    turns: list[MessageFields] = field(default_factory=list)
    trace: list[MessageFields] = field(default_factory=list)

    @classmethod
    def of_record(cls, record: Record) -> "Conversation":
        """The fields of what is stored."""
        behind = len(record.turns) + 1
        return cls(
            [MessageFields.of_message(one, at) for at, one in enumerate(record.turns)],
            [MessageFields.of_message(one, at) for at, one in enumerate(record.trace, behind)],
        ).folding()

    def folding(self) -> "Conversation":
        """The same, folded where it is long: the last messages of each part are shown."""
        for part in (self.turns, self.trace):
            for one in part[:-SHOWN] if len(part) > MOST_SHOWN else ():
                one.folded = True
        return self

    def runs(self) -> tuple[list[Run], list[Run]]:
        """Turns and trace, each in stretches that are shown or folded."""
        return _runs_of(self.turns, 0), _runs_of(self.trace, len(self.turns))

    def show(self, at: int) -> None:
        """Have the message at a place shown, with those beside it."""
        messages = [*self.turns, *self.trace]
        for one in messages[max(at - 2, 0) : at + 3] if messages[at].folded else ():
            one.folded = False

    def unfold(self, first: int, last: int) -> None:
        """Show the messages of these places; far from them some are folded where too many would stand in fields."""
        messages = [*self.turns, *self.trace]
        for one in messages[first : last + 1]:
            one.folded = False
        shown = [at for at, one in enumerate(messages) if not one.folded]
        shown.sort(key=lambda at: max(first - at, at - last))
        for at in shown[MOST_IN_FIELDS:]:
            messages[at].folded = True

    @classmethod
    def of_form(cls, form: Iterable[tuple[str, str]]) -> "Conversation":
        """The fields as they were sent, in their order."""
        found = cls()
        messages: dict[str, MessageFields] = {}
        calls: dict[tuple[str, str], CallFields] = {}
        part = found.turns
        for name, value in form:
            if name == "question":
                part = found.trace
            if packed := _PACKED.fullmatch(name):
                part.extend(unpack_messages(value, folded=packed[1] == "folded"))
            if not (match := _FIELD.fullmatch(name)):
                continue
            key, call, what = match.groups()
            if key not in messages:
                messages[key] = MessageFields(trained=False)
                part.append(messages[key])
            if call is not None:
                if (key, call) not in calls:
                    calls[key, call] = CallFields()
                    messages[key].calls.append(calls[key, call])
                if what in ("name", "arguments", "raw", "kept"):
                    setattr(calls[key, call], what, value)
            elif what == "trained":
                messages[key].trained = value == "1"
            elif what in ("role", "text", "reasoning", "name", "tool_call_id", "at", "kept"):
                setattr(messages[key], what, value)
        return found

    def messages(self) -> tuple[tuple[Message, ...], tuple[Message, ...]]:
        """Turns and trace. Raises Invalid with the place of what is no JSON."""
        behind = len(self.turns) + 2
        return _messages_of(self.turns, 1), _messages_of(self.trace, behind)

    def arrange(self, act: str) -> None:
        """Do what a button says: ``turn``, ``trace``, ``up:2``, ``down:2``, ``remove:2``, ``call:2``, ``uncall:2.0``,
        or of what is folded ``first:2``, to show it from there on, or ``last:2``, up to there.

        Numbers are places among all messages but question and answer.
        """
        verb, _, where = act.partition(":")
        if verb in ("turn", "trace"):
            role = "assistant" if verb == "trace" or (self.turns and self.turns[-1].role == "user") else "user"
            (self.turns if verb == "turn" else self.trace).append(MessageFields(role))
            return
        number, _, call = where.partition(".")
        parts = [*self.turns, None, *self.trace]
        places = [at for at, one in enumerate(parts) if one is not None]
        if not is_number(number) or int(number) >= len(places):
            return
        at = places[int(number)]
        one = parts[at]
        assert one is not None
        if verb in ("first", "last"):
            part = self.turns if int(number) < len(self.turns) else self.trace
            start = 0 if part is self.turns else len(self.turns)
            here = int(number)
            if verb == "first":
                self.unfold(here, min(here + SHOWN, start + len(part)) - 1)
            else:
                self.unfold(max(here - SHOWN + 1, start), here)
        elif verb == "call":
            one.calls.append(CallFields())
        elif verb == "uncall":
            if is_number(call) and int(call) < len(one.calls):
                del one.calls[int(call)]
        elif verb in ("up", "down", "remove"):
            del parts[at]
            if verb != "remove":
                parts.insert(max(at - 1, 0) if verb == "up" else at + 1, one)
        asked = parts.index(None)
        self.turns = [one for one in parts[:asked] if one is not None]
        self.trace = [one for one in parts[asked + 1 :] if one is not None]

    def follow(self, extra: dict[str, Any], before: Record, system: str | None) -> dict[str, Any]:
        """``extra`` of the stored pair, its notes on messages by place moved along with them."""
        if NOTES not in extra:
            return extra
        is_beside = extra[NOTES].get("system") == "beside" if isinstance(extra[NOTES], dict) else False
        shift_old = 1 if before.system is not None and not is_beside else 0
        shift = 1 if system is not None and not is_beside else 0
        asked_old, asked = len(before.turns), len(self.turns)
        answered_old, answered = asked_old + 1 + len(before.trace), asked + 1 + len(self.trace)
        moved = {int(one.at): at for at, one in enumerate(self.turns) if is_number(one.at)}
        moved |= {int(one.at): at for at, one in enumerate(self.trace, asked + 1) if is_number(one.at)}
        moved[asked_old] = asked
        # The answer, and what stood behind it.
        trailing = extra[NOTES].get("trailing", ()) if isinstance(extra[NOTES], dict) else ()
        moved |= {answered_old + more: answered + more for more in range(1 + len(trailing))}
        return move_notes(extra, {0: 0, **{old + shift_old: new + shift for old, new in moved.items()}})
