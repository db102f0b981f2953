"""What writes through the API share: If-Match on changes, Idempotency-Key on creates."""

import hashlib
import json
import re
from collections.abc import Callable
from datetime import timedelta
from functools import wraps
from typing import Any, TypeVar, cast

from flask import current_app, jsonify, make_response, request, url_for
from sqlalchemy import delete
from sqlalchemy.orm import Session
from werkzeug.exceptions import PreconditionRequired
from werkzeug.wrappers import Response

from app.blueprints.api.specification import IDEMPOTENCY_KEY, reads_header
from app.core.errors import BadUsage, Conflict
from app.frontdoor import limits
from app.models import IdempotencyKey, Job, db, transaction
from app.models.base import now
from app.services import jobs

_VERSION = re.compile(r'(?:W/)?"?(\d{1,18})"?')
_KEY = re.compile(r"[\x21-\x7e]{1,200}")
_KEPT_HEADERS = ("Content-Type", "Location", "ETag")
_KEPT_FOR = timedelta(hours=24)
View = TypeVar("View", bound=Callable[..., Any])

# What an endpoint of the API returns. (The types of Flask cannot be used: flask-openapi3 resolves annotations at run
# time, and Flask's name modules that are there for type checkers only.)
Answer = Response | tuple[Response, int]


def expected_version() -> int:
    """The version that the caller changed, from If-Match. Without one the answer is 428."""
    text = request.headers.get("If-Match")
    if not text:
        raise PreconditionRequired
    match = _VERSION.fullmatch(text.strip())
    if match is None:
        raise BadUsage('If-Match must hold one version, as in: If-Match: "3".')
    return int(match[1])


def version_if_given() -> int | None:
    """The version in If-Match, for what can be done without one."""
    return expected_version() if request.headers.get("If-Match") else None


def with_version(body: Response, version: int) -> Response:
    """The answer with its version, ready for the next If-Match."""
    body.set_etag(str(version))
    return body


def accepted_job(job: Job, **more: object) -> Response:
    """202 with a job that goes on, and where to ask for it."""
    answer = make_response(jsonify(job=jobs.as_dict(job), **more), 202)
    answer.headers["Location"] = url_for("api_jobs.get", job_id=job.id)
    return answer


def answer_job(job: Job) -> Response:
    """The result of a job that is done; else 202, and where to ask for it."""
    return jsonify(job.result) if job.state == "done" else accepted_job(job)


def idempotent(view: View) -> View:
    """A create sent twice with one Idempotency-Key happens once and is answered alike. Stands below the route."""

    @reads_header(IDEMPOTENCY_KEY)
    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Answer:
        return _write_once(_read_key(), lambda: view(*args, **kwargs))

    return cast(View, once)


def idempotent_once_ready(view: View) -> View:
    """The same for a view that has much to find out before it writes: it gives a function that does, and only while
    that runs nobody else can write."""

    @reads_header(IDEMPOTENCY_KEY)
    @wraps(view)
    def once(*args: Any, **kwargs: Any) -> Answer:
        key = _read_key()
        stored = db.session.get(IdempotencyKey, key) if key else None
        return _repeat_answer(stored) if stored else _write_once(key, view(*args, **kwargs))

    return cast(View, once)


def _read_key() -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not _KEY.fullmatch(key):
        raise BadUsage("Idempotency-Key must be 1 to 200 visible ASCII characters.")
    return key


def _write_once(key: str | None, write: Callable[[], Answer]) -> Answer:
    if key is None:
        return write()
    # The answer is stored in the transaction of the create: both are there or neither.
    with transaction() as session:
        stored = session.get(IdempotencyKey, key)
        return _repeat_answer(stored) if stored else _remember_answer(session, key, make_response(write()))


def _repeat_answer(stored: IdempotencyKey) -> Response:
    if stored.fingerprint != _request_fingerprint():
        raise Conflict("This Idempotency-Key was used for another request. Use a new one.", code="key_reused")
    answer = make_response(stored.body, stored.status)
    answer.headers.update(json.loads(stored.headers))
    answer.headers["Idempotency-Replayed"] = "true"
    return answer


def _remember_answer(session: Session, key: str, answer: Response) -> Response:
    session.execute(delete(IdempotencyKey).where(IdempotencyKey.created_at < now() - _KEPT_FOR))
    if answer.status_code < 300:
        headers = {name: answer.headers[name] for name in _KEPT_HEADERS if name in answer.headers}
        session.add(
            IdempotencyKey(
                key=key,
                fingerprint=_request_fingerprint(),
                status=answer.status_code,
                headers=json.dumps(headers),
                body=answer.get_data(),
            )
        )
    return answer


def _request_fingerprint() -> str:
    """The same request again has the same one. An upload counts by its length: its bytes are not in memory."""
    is_upload = limits.takes_upload(current_app, request.endpoint)
    body = str(request.content_length).encode() if is_upload else request.get_data()
    return hashlib.sha256(b"\0".join([request.method.encode(), request.full_path.encode(), body])).hexdigest()
