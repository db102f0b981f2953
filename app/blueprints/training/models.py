"""Models of runs and what else is sent of them as files."""

from collections.abc import Iterator

from flask import Response

from app.blueprints.export import content_disposition, sent_file
from app.core.errors import NotFound
from app.core.training.zipping import stream_zip
from app.models import TrainingRun
from app.services import training


def send_model(run: TrainingRun, what: str) -> Response:
    """What came of a run (``result``), or was made of that (``merge``, ``gguf``). A folder is a .zip that is made while
    it is sent. Raises NotFound where it is not there."""
    name = training.MADE.get(what, "result")
    path = training.folder_of(run) / name
    if not path.exists():
        missing = {"merge": "no merged model", "gguf": "no GGUF file"}.get(what, "no result")
        raise NotFound(f"Run {run.number} has {missing} on this computer.", run=run.number)
    called = f"run-{run.number}" + ("-merged" if what == "merge" else "")
    if path.is_dir():
        return answer_with(stream_zip(path, called), "application/zip", f"{called}.zip")
    return sent_file(path, f"{called}.gguf", "application/octet-stream")


def answer_with(content: bytes | Iterator[bytes], kind: str, name: str) -> Response:
    """A file of that kind and name."""
    answer = Response(content, mimetype=kind)
    answer.headers["Content-Disposition"] = content_disposition(name)
    return answer
