"""Forms of pairs. Texts are taken as they are typed; only line ends are restored."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.changes import Value
from app.core.editing import answer_weight, parse_json, tools_name, with_answer_weight, with_tools
from app.core.errors import LttError, placed
from app.core.record import SPLITS, Record, dump_json, dump_messages
from app.core.stored import COLUMNS, StoredEntry
from app.core.text import fold_newlines, restore_newlines
from app.forms.conversation import Conversation, show_tools
from app.services.pairs import stored_tags

STATUS_CHOICES = [("review", "Needs review"), ("approved", "Approved"), ("rejected", "Rejected"), ("draft", "Draft")]

SPLIT_CHOICES = [("", "None"), *((name, name.capitalize()) for name in SPLITS)]


@dataclass(frozen=True, slots=True)
class Fault:
    """Why a form was refused, and the name of the field that is to be mended; empty where no single one is."""

    message: str = ""
    field: str = ""

    @property
    def anchor(self) -> str:
        """The id of that field: those of messages have none of their own."""
        return "fault" if "." in self.field else self.field


class PairForm(FlaskForm):
    """Question, answer and labels of one pair, and the version it was opened at (0 for a new one).

    By its ``key`` a new pair that is sent twice is added once.
    """

    question = TextAreaField("Question", default="", render_kw={"rows": 2, "dir": "auto"})
    answer = TextAreaField("Answer", default="", render_kw={"rows": 8, "dir": "auto"})
    system = TextAreaField("System prompt", default="", render_kw={"rows": 3, "dir": "auto"})
    reasoning = TextAreaField("Reasoning", default="", render_kw={"rows": 4, "dir": "auto"})
    rejected_answer = TextAreaField("Rejected answer", default="", render_kw={"rows": 4, "dir": "auto"})
    status = SelectField("Status", choices=[SelectChoice(*choice) for choice in STATUS_CHOICES], default="review")
    tags = StringField("Tags", default="")
    split = SelectField("Split", choices=[SelectChoice(*choice) for choice in SPLIT_CHOICES], default="")
    source = StringField("Source", default="", render_kw={"dir": "auto"})
    family = StringField("Family", default="", render_kw={"dir": "auto"})
    tools = TextAreaField("Tools", default="", render_kw={"rows": 4})
    answer_trained = BooleanField("Trained", default=True)
    version = IntegerField("Version", default=0)
    then = HiddenField("Then", default="")
    key = HiddenField("Key", default=lambda: secrets.token_hex(16))
    keep_tags = BooleanField("Keep the tags for the next", default=False)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # Messages are as many as were sent: no field of a class can say them.
        self.has_talk = self.is_submitted() and "conversation" in request.form
        self.talk = Conversation.of_form(request.form.items()) if self.has_talk else Conversation()

    @classmethod
    def of_entry(cls, entry: StoredEntry) -> "PairForm":
        """The form filled with what is stored."""
        record = entry.record()
        form = cls(
            formdata=None,
            question=entry.question,
            answer=entry.answer,
            system=entry.system or "",
            reasoning=entry.reasoning or "",
            rejected_answer=entry.rejected_answer or "",
            status=entry.status,
            tags=", ".join(entry.tag_list),
            split=entry.split or "",
            source=entry.source or "",
            family=entry.family or "",
            tools=show_tools(record.extra, tools_name(record.extra)),
            answer_trained=answer_weight(record.extra) != 0,
            version=entry.version,
        )
        form.talk = Conversation.of_record(record)
        return form

    def fault_of(self, error: LttError) -> Fault:
        """The field that an error is about, as the page names it once more; a message that was folded is shown."""
        details: Mapping[str, Any] = error.details
        name, number, call = (details.get(key) for key in ("field", "message", "call"))
        if number is None:
            return Fault(error.message, name or "")
        # The question counts among the messages, and has a name of its own.
        at = number - 1 if number <= len(self.talk.turns) else number - 2
        self.talk.show(at)
        if call is None:
            return Fault(error.message, f"m{at}.{name}")
        calls = [*self.talk.turns, *self.talk.trace][at].calls
        shown = "raw" if calls[call - 1].raw else "name" if name == "raw" else name
        return Fault(error.message, f"m{at}.c{call - 1}.{shown}")

    def tag_list(self) -> list[str]:
        """The tags that were typed, between commas."""
        return [tag for tag in (self.tags.data or "").split(",") if tag.strip()]

    def values(self, entry: StoredEntry) -> dict[str, Value]:
        """The stored forms of what was sent: an untouched field is the stored text byte for byte."""
        values: dict[str, Value] = {
            "question": restore_newlines(self.question.data or "", entry.question),
            "answer": restore_newlines(self.answer.data or "", entry.answer),
            "system": _optional_text(self.system.data, entry.system),
            "status": self.status.data,
            "tags": stored_tags(self.tag_list()) if self.tags.data != ", ".join(entry.tag_list) else entry.tags,
        }
        for field in (self.reasoning, self.rejected_answer, self.split, self.source, self.family):
            # What was not sent at all stays as it is.
            if field.raw_data:
                values[field.name] = _optional_text(field.data, getattr(entry, field.name))
        return {**values, **self._conversation_values(entry, values["system"])}

    def record(self) -> Record:
        """The new pair that the form means. Raises Invalid."""
        blank = StoredEntry("")
        fields: dict[str, Any] = {name: value for name, value in self.values(blank).items() if name in COLUMNS}
        return blank._replace(**fields).record()

    def _conversation_values(self, entry: StoredEntry, system: Value) -> dict[str, Value]:
        """Messages, tools and weights in their stored forms. Raises Invalid with the place of JSON that is none."""
        record = entry.record()
        extra, values = record.extra, {}
        if self.has_talk:
            turns, trace = self.talk.messages()
            # Compared as they are written: to Python 1, 1.0 and true are the same.
            turns_text, trace_text = dump_messages(turns), dump_messages(trace)
            values["turns"] = entry.turns if turns_text == dump_messages(record.turns) else turns_text
            values["trace"] = entry.trace if trace_text == dump_messages(record.trace) else trace_text
            extra = self.talk.follow(extra, record, system)
            if self.answer_trained.data != (answer_weight(extra) != 0):
                extra = with_answer_weight(extra, None if self.answer_trained.data else 0)
        if self.tools.raw_data:
            name, typed = tools_name(extra), fold_newlines(self.tools.data or "")
            shown = fold_newlines(show_tools(extra, name))
            if typed != shown:
                with placed(field="tools"):
                    tools = parse_json(typed, "The text of the tools") if typed.strip() else []
                # Other blanks between its values say nothing else.
                extra = with_tools(extra, tools) if show_tools({name: tools}, name) != shown else extra
        if self.has_talk or self.tools.raw_data:
            extra_text = dump_json(extra)
            values["extra"] = entry.extra if extra_text == dump_json(record.extra) else extra_text
        return values


def _optional_text(typed: str | None, stored: str | None) -> str | None:
    if not typed:
        return "" if stored == "" else None
    return restore_newlines(typed, stored)
