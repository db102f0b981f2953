"""Files sent to the API: in the field ``file`` of a form, or as the raw body."""

from flask import request

from app.core.errors import BadUsage
from app.services import uploads
from app.services.uploads import Upload


def sent_fields() -> dict[str, str]:
    """The other fields of the form. A raw body that calls itself a form, as curl's do, is not read as one."""
    # A field without a name has None for it.
    return {name: value for name, value in request.form.items() if name} if _is_form() else {}


def receive(name: str | None, *, usual_name: str) -> Upload:
    """Keep the file. It has the name that was said, else its own. Raises BadUsage where a form has none."""
    if not _is_form():
        return uploads.save(request.stream.read, name or usual_name, announced_bytes=request.content_length)
    file = request.files.get("file")
    if file is None:
        raise BadUsage("Send the file in a field named file.", code="no_file")
    return uploads.save(file.stream.read, name or file.filename or usual_name)


def _is_form() -> bool:
    return request.mimetype == "multipart/form-data"
