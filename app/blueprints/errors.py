"""Errors become answers here and nowhere else: a page, or the one JSON shape."""

import os
import re
import sqlite3
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from flask import Flask, current_app, make_response, render_template, request
from flask.typing import ResponseReturnValue
from flask_wtf.csrf import CSRFError
from jinja2 import TemplateError
from markupsafe import escape
from sqlalchemy.exc import SQLAlchemyError
from werkzeug.exceptions import HTTPException, InternalServerError, RequestEntityTooLarge
from werkzeug.wrappers import Response

from app import config
from app.blueprints.shell import same_page_in
from app.blueprints.view import back_or
from app.core import errors
from app.core.connections import may_hold_key
from app.core.text import clip
from app.frontdoor import answers, limits
from app.frontdoor.origins import SAFE_METHODS
from app.models import Dataset, failures
from app.services import datasets

STATUS: dict[type[errors.LttError], int] = {
    errors.Invalid: 422,
    errors.BadUsage: 400,
    errors.NotFound: 404,
    errors.Gone: 410,
    errors.Conflict: 409,
    errors.TooLarge: 413,
    errors.WrongKind: 415,
    errors.Busy: 503,
    errors.Unavailable: 503,
    errors.DiskFull: 507,
    errors.LttError: 500,
}
_CODES = {
    400: ("malformed", "The request cannot be understood."),
    403: ("forbidden", "This is not allowed."),
    404: ("not_found", "There is no such page."),
    405: ("method_not_allowed", "This address does not take such a request."),
    415: ("wrong_kind", "This kind of content is not taken here."),
    428: ("version_required", "Say which version you changed: send If-Match."),
}
# What the page is called, and what one can do, by status.
_ADVICE = {
    400: ("Not understood", "Look at the address, or go to the page and choose there."),
    403: ("Not allowed", "Load the page anew and do it from there."),
    404: ("Nothing here", "It may have been deleted, or the address has a slip of the pen."),
    405: ("No page", "A button of a page leads here. Go to that page and press it there."),
    409: ("Changed meanwhile", "Load the page anew: it shows what is there now. Then do it again."),
    410: ("Gone", "It was kept for a while and is not any more. Make it anew."),
    413: ("Too large", "What you sent was not read. Go back: the browser still has it in the form."),
    415: ("Another kind is needed", "Choose a file or a form of the kind that is named above."),
    422: ("Not taken yet", "Nothing was changed. Put right what is named above, and send it again."),
    428: ("Which version?", "Load what you change first."),
    429: ("Too many at once", "Wait a moment, then do it again."),
    500: ("Something went wrong", "Try it again. If it stays so, the log tells more under the number below."),
    503: ("Busy for a moment", "Try it again in a few seconds."),
    507: ("No room on the disk", "Make room, then do it again."),
}
_DEFECT = "Something went wrong in this program, and nothing was changed. The log of the server says more."
# What the program made and is not allowed, or not there as it was made: something for who looks after this computer.
_NO_ACCESS = (PermissionError, IsADirectoryError, NotADirectoryError)
_OLD_PAGE = "This page is no longer valid, and nothing was changed. Go back, reload it and try again."


@dataclass(frozen=True, slots=True)
class Problem:
    """What is told about an error."""

    status: int
    code: str
    message: str
    details: dict[str, object] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)

    @property
    def request_id(self) -> str:
        """The id under which the log knows the request."""
        return str(request.environ.get("ltt.request_id", ""))


# Problems that are shown on the page with the form that met them: what was sent can be mended there.
_MENDED_AT_ONCE = (400, 413, 415, 422, 503, 507)
# The same may be done a moment later: what was sent can be sent again as it is.
_SENT_AGAIN = (503, 507)
# What pages send of themselves, and nobody has typed.
_OWN_FIELDS = ("csrf_token", "version", "revision", "number", "id", "back", "seen", "shown", "named")
_SHOWN_ON: dict[str, Callable[[Problem], ResponseReturnValue]] = {}


def shown_on(endpoint: str) -> Callable[[Callable[[Problem], Any]], Callable[[Problem], Any]]:
    """Mark the function that gives the page on which the problems of a form are shown."""

    def mark(page: Callable[[Problem], Any]) -> Callable[[Problem], Any]:
        _SHOWN_ON[endpoint] = page
        return page

    return mark


def init_app(app: Flask) -> None:
    """Answer all errors of the application."""
    for kind in (errors.LttError, HTTPException, SQLAlchemyError, sqlite3.Error, OSError, OverflowError):
        app.register_error_handler(kind, handle_error)


def handle_error(error: Exception) -> ResponseReturnValue:
    if isinstance(error, HTTPException):
        if error.response is not None or (error.code or 500) < 400:
            return error.get_response()
        return answer_problem(_http_problem(error))
    known = failures.translate(error)
    if known is None:
        current_app.logger.error("A request failed", exc_info=error)
        return answer_problem(_file_problem(error) if isinstance(error, _NO_ACCESS) else _defect_problem())
    if known.code == "bad_option" and request.method in SAFE_METHODS:
        # It was said by the address.
        known = errors.BadUsage(known.message, code=known.code, **known.details)
    if not isinstance(error, errors.LttError):
        current_app.logger.warning("%s: %s", known.code, type(error).__name__)
    return answer_problem(problem_of(known))


def problem_of(error: errors.LttError) -> Problem:
    """The status, code and sentence of a domain error."""
    status = next(STATUS[kind] for kind in type(error).__mro__ if kind in STATUS)
    headers = {"Retry-After": "2"} if status == 503 else {}
    return Problem(status, error.code, error.message, dict(error.details), headers)


def _http_problem(error: HTTPException) -> Problem:
    if isinstance(error, InternalServerError):
        return _defect_problem()
    if isinstance(error, CSRFError):
        return Problem(403, "csrf", _OLD_PAGE)
    if isinstance(error, RequestEntityTooLarge):
        return problem_of(limits.too_large(*limits.of_endpoint(current_app, request.endpoint)))
    status = error.code or 500
    code, message = _CODES.get(status, ("error", answers.reason_phrase(status) + "."))
    kept = {name: value for name, value in error.get_headers() if name in ("Allow", "Retry-After")}
    return Problem(status, code, message, {}, kept)


def _defect_problem() -> Problem:
    return Problem(500, "defect", _DEFECT)


def _file_problem(error: OSError) -> Problem:
    """A file or folder of the data folder that is not what it was made as, or that may not be read or written."""
    path = Path(os.fsdecode(error.filename2 or error.filename or ""))
    if not path.is_relative_to(config.data_dir(current_app.config)):
        return _defect_problem()
    said = f"“{clip(path.name, 80)}” of the data folder cannot be read or written. See what lies there and whose it is."
    return Problem(409, "no_access", said)


def answer_problem(problem: Problem) -> Response:
    """The problem as a page or as JSON, as the request wants it."""
    if answers.wants_json(request.environ):
        body = answers.error_json(problem.code, problem.message, problem.request_id, problem.details)
        response = make_response(body, problem.status)
        response.mimetype = "application/json"
    else:
        response = make_response(_page_of_form(problem) or _error_page(problem))
        response.status_code = problem.status
    response.headers.extend(problem.headers)
    return response


def _page_of_form(problem: Problem) -> ResponseReturnValue | None:
    """The page with the form that met the problem, where it has one that can still be made."""
    page = _SHOWN_ON.get(request.endpoint or "")
    mended = problem.status in _MENDED_AT_ONCE or problem.code == errors.Restored.code
    if page is None or not mended or problem.code == "csrf":
        return None
    try:
        return page(problem)
    except (errors.LttError, HTTPException, SQLAlchemyError, sqlite3.Error, OSError):
        return None


def _sent_fields(problem: Problem) -> list[tuple[str, str, bool]]:
    """The fields of the form that was refused, each with whether people wrote or chose it; none where none was read."""
    # A body that was refused for its size is not read now.
    if request.method != "POST" or problem.status == 413:
        return []
    try:
        fields = list(request.form.items(multi=True))
    except (HTTPException, OSError):
        return []
    return [
        (name, text, bool(text.strip()) and name not in _OWN_FIELDS and not name.startswith("was."))
        for name, text in fields
        if not may_hold_key(name, text)
    ]


def _find_dataset() -> Dataset | None:
    """The dataset of the address, if it is there."""
    # Where the address takes no such method, nothing of it is known but its text.
    named = re.match(r"/datasets/(\d{1,18})(/|$)", request.path)
    try:
        return datasets.get(int(named[1])) if named else None
    except (errors.NotFound, SQLAlchemyError, sqlite3.Error):
        return None


def _own_page(problem: Problem) -> str:
    """The page to do it again from: the one that was asked for, or of what was sent the one that it belongs to."""
    if request.method in SAFE_METHODS and problem.status >= 500:
        return request.full_path if request.query_string else request.path
    dataset, endpoint = _find_dataset(), request.endpoint or limits.endpoint_of(current_app, "POST", request.path)
    return same_page_in(dataset, endpoint or "") if dataset and problem.status not in (400, 404) else ""


def _error_page(problem: Problem) -> str:
    """The error page; a plain one when the templates or the database are what failed."""
    names = ["errors/_error.html"] if request.headers.get("HX-Request") else []
    fields = _sent_fields(problem)
    title, advice = _ADVICE.get(problem.status, (answers.reason_phrase(problem.status), ""))
    try:
        return render_template(
            [*names, "errors/error.html"],
            status=problem.status,
            title=title,
            advice=advice,
            dataset=_find_dataset(),
            code=problem.code,
            message=problem.message,
            details=problem.details,
            request_id=problem.request_id,
            fields=fields,
            has_typed=any(is_typed for _, _, is_typed in fields),
            resend=request.full_path if fields and problem.status in _SENT_AGAIN and not request.files else "",
            again=(back_or("") if fields else "") or _own_page(problem),
        )
    except (TemplateError, SQLAlchemyError, sqlite3.Error, OSError):
        refusal = answers.Refusal(problem.status, problem.code, problem.message)
        page = answers.refusal_body(refusal, problem.request_id, as_json=False)[1].decode()
        texts = [f"<h2>{escape(name)}</h2><pre>{escape(text)}</pre>" for name, text, is_typed in fields if is_typed]
        return page.replace("</main>", "".join([*texts, "</main>"]))
