"""Files sent to the API: in the field ``file`` of a form, or as the raw body."""

from collections.abc import Sequence

from flask import request
from werkzeug.datastructures import FileStorage

from app.core.errors import BadUsage, Invalid
from app.services import uploads
from app.services.uploads import Upload


def sent_fields() -> dict[str, str]:
    """The other fields of the form. A raw body that calls itself a form, as curl's do, is not read as one."""
    # A field without a name has None for it.
    return {name: value for name, value in request.form.items() if name} if _is_form() else {}


def receive(name: str | None, *, usual_name: str) -> Upload:
    """Keep the file, several as one set. It has the name that was said, else its own. Raises BadUsage for none."""
    if not _is_form():
        return uploads.save(request.stream.read, name or usual_name, announced_bytes=request.content_length)
    files = request.files.getlist("file")
    if not files:
        raise BadUsage("Send the file in a field named file.", code="no_file")
    return save_sent(files, name or files[0].filename or usual_name)


def save_sent(files: Sequence[FileStorage], name: str = "") -> Upload:
    """Keep a file of a form; several as one set."""
    names = [uploads.clean_name(file.filename or "file") for file in files]
    if len(files) == 1:
        return uploads.save(files[0].stream.read, name or names[0])
    if twice := next((one for one in names if names.count(one) > 1), None):
        raise Invalid(f"Two files are called {twice}. Send them one after the other.", code="same_name")
    return uploads.save_files(
        [(one, file.stream.read) for one, file in zip(names, files, strict=True)], name or names[0]
    )


def _is_form() -> bool:
    return request.mimetype == "multipart/form-data"
