"""Forms of pairs. Texts are taken as they are typed; only line ends are restored."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, HiddenField, IntegerField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from app.core.changes import Value
from app.core.record import SPLITS
from app.core.stored import StoredEntry
from app.core.text import fold_newlines, restore_newlines
from app.services.pairs import stored_tags

STATUS_CHOICES = [("review", "Needs review"), ("approved", "Approved"), ("rejected", "Rejected"), ("draft", "Draft")]

SPLIT_CHOICES = [("", "None"), *((name, name.capitalize()) for name in SPLITS)]


class PairForm(FlaskForm):
    """Question, answer and labels of one pair, and the version it was opened at (0 for a new one)."""

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
    version = IntegerField("Version", default=0)
    then = HiddenField("Then", default="")
    keep_tags = BooleanField("Keep the tags for the next", default=False)

    @classmethod
    def of_entry(cls, entry: StoredEntry) -> "PairForm":
        """The form filled with what is stored."""
        return cls(
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
            version=entry.version,
        )

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
        return values

    def typed_system(self) -> str | None:
        """The system prompt of a new pair; nothing typed is none."""
        return fold_newlines(self.system.data or "") or None


def _optional_text(typed: str | None, stored: str | None) -> str | None:
    if not typed:
        return "" if stored == "" else None
    return restore_newlines(typed, stored)
