"""Forms of datasets."""

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import DataRequired, Length


class DatasetForm(FlaskForm):
    """Name, description and default system prompt of a dataset."""

    name = StringField("Name", [DataRequired("The dataset needs a name."), Length(max=200)])
    description = StringField("Description", [Length(max=1000)])
    system_prompt = TextAreaField("Default system prompt", render_kw={"rows": 6, "dir": "auto"})
