"""Forms of datasets."""

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length

from app.core.text import restore_newlines


class DatasetForm(FlaskForm):
    """Name, description and default system prompt of a dataset."""

    name = StringField("Name", [DataRequired("The dataset needs a name."), Length(max=200)])
    description = StringField("Description", [Length(max=1000)])
    system_prompt = TextAreaField("Default system prompt", render_kw={"rows": 6, "dir": "auto"})

    def typed_prompt(self, stored: str | None = None) -> str:
        """The default system prompt with its line ends as in texts of pairs."""
        return restore_newlines(self.system_prompt.data or "", stored)
