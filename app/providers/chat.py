"""Chat completions of any server that speaks the format of OpenAI, and what such a server says of its models."""

import re
import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Protocol

import msgspec

from app.core.connections import MAX_MODEL
from app.core.errors import Conflict, LttError, Unavailable
from app.providers.endpoint import SPENT, Endpoint, Reply, printable

_MOST_MODELS = 1_000
_PEEK_SECONDS, _PEEK_BYTES = 10.0, 4 * 1024 * 1024
# Where servers say in /models how many tokens a model takes: vLLM; OpenRouter and Together; Mistral; Groq.
_CONTEXT_KEYS = ("max_model_len", "context_length", "max_context_length", "context_window")
# Newer models of OpenAI refuse max_tokens and name this one in its place.
_LIMIT, _OTHER_LIMIT = "max_tokens", "max_completion_tokens"


@dataclass(frozen=True, slots=True)
class Answer:
    """What a model answered; tokens as the server counts them, 0 where it does not. ``message`` is all of it."""

    text: str
    finish: str
    tokens_in: int
    tokens_out: int
    seconds: float
    message: Mapping[str, Any] = field(repr=False)


@dataclass(frozen=True, slots=True)
class ServedModel:
    """A model that a server names: who owns it by its word, when it was made, how many tokens it takes if known."""

    id: str
    owner: str
    created: int
    context: int | None


@dataclass(frozen=True, slots=True)
class Budget:
    """What a client may do: calls a minute, calls at once, and the cost at which it stops, by prices per million."""

    per_minute: int | None = None
    parallel: int = 1
    price_in: float = 0.0
    price_out: float = 0.0
    cap: float | None = None
    currency: str = "USD"


class Counter(Protocol):
    """Who wants to know of each call: before it is sent, and when it is over."""

    def begin(self, sent_bytes: int) -> None: ...

    def end(self, tokens_in: int, tokens_out: int, *, failed: bool) -> None: ...


class Chat:
    """A model of a server, within a budget; for any number of threads. Use it as a context.

    ``learned`` keeps what the server turned out to take, so that it is not tried again.
    """

    def __init__(
        self,
        endpoint: Endpoint,
        model: str,
        budget: Budget = Budget(),
        *,
        learned: Mapping[str, Any] | None = None,
        counter: Counter | None = None,
    ) -> None:
        self.endpoint, self.model, self.budget = endpoint, model, budget
        self.learned = dict(learned or {})
        self.spent = 0.0
        self._counter = counter
        self._free = threading.Semaphore(budget.parallel)
        self._lock = threading.Lock()
        self._sent: deque[float] = deque()

    def __enter__(self) -> "Chat":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.endpoint.close()

    def complete(
        self,
        messages: Sequence[Mapping[str, Any]],
        *,
        max_tokens: int | None = None,
        seconds: float | None = None,
        tries: int | None = None,
        **more: object,
    ) -> Answer:
        """The answer to messages. ``more`` goes into the request as it is, such as temperature or response_format.

        Raises Conflict (codes key, model, quota, cap, refused) and Unavailable (those of ``Endpoint.send``, not_json,
        busy, server), each with one sentence.
        """
        limits = [self.learned.get("limit", _LIMIT)] if max_tokens is not None else []
        while True:
            body = {"model": self.model, "messages": list(messages), **more, **dict.fromkeys(limits, max_tokens)}
            began = time.monotonic()
            reply, answer = self._call(body, seconds, tries)
            if answer is not None:
                message = answer["choices"][0]["message"]
                finish = str(answer["choices"][0].get("finish_reason") or "")
                return Answer(_text_of(message), finish, *_usage_of(answer), time.monotonic() - began, message)
            if not (reply.status == 400 and limits == [_LIMIT] and _OTHER_LIMIT in reply.text):
                raise self.explain(reply)
            limits = [_OTHER_LIMIT]
            self.learned["limit"] = _OTHER_LIMIT

    def _call(self, body: object, seconds: float | None, tries: int | None) -> tuple[Reply, Any]:
        """One request within the budget: the reply, and the answer where it is one."""
        more: dict[str, Any] = {} if tries is None else {"tries": tries}
        with self._free:
            self._await_turn()
            used, failed = (0, 0), True
            if self._counter:
                self._counter.begin(len(msgspec.json.encode(body)))
            try:
                reply = self.endpoint.send("POST", "/chat/completions", json=body, seconds=seconds, **more)
                if reply.status >= 400:
                    return reply, None
                answer = reply.json()
                if not _is_answer(answer):
                    said = f": {reply.said()}" if reply.said() else ". Is it the address of a model's server?"
                    raise Unavailable(f"{self.endpoint.address.origin} sends no answer{said}", code="not_json")
                used, failed = _usage_of(answer), False
                with self._lock:
                    self.spent += (used[0] * self.budget.price_in + used[1] * self.budget.price_out) / 1_000_000
                return reply, answer
            finally:
                if self._counter:
                    self._counter.end(*used, failed=failed)

    def _await_turn(self) -> None:
        """Wait until one more call fits into the minute. Raises Conflict (code cap) where the money is spent."""
        while True:
            with self._lock:
                if self.budget.cap is not None and self.spent >= self.budget.cap:
                    said = f"{self.spent:,.2f} {self.budget.currency} are spent, which is where this connection stops."
                    raise Conflict(said, code="cap")
                now = time.monotonic()
                while self._sent and now - self._sent[0] >= 60:
                    self._sent.popleft()
                if self.budget.per_minute is None or len(self._sent) < self.budget.per_minute:
                    self._sent.append(now)
                    return
                pause = 60 - (now - self._sent[0])
            self.endpoint.wait(pause)

    def explain(self, reply: Reply) -> LttError:
        """What a reply of 400 and more means, as an error with one sentence and a code."""
        said, origin, status = reply.said(), self.endpoint.address.origin, reply.status
        quoted = f" It says: {said}" if said else ""
        if status in (401, 403):
            what = "Key refused" if self.endpoint.has_key else "A key is wanted"
            advice = "Paste a new key" if self.endpoint.has_key else "Paste one"
            return Conflict(f"{what} by {origin} ({status}). {advice}.{quoted}", code="key")
        if status == 402 or (status == 429 and SPENT.search(reply.text)):
            return Conflict(f"The quota at {origin} is used up ({status}).{quoted}", code="quota")
        if status == 429:
            wait = reply.headers.get("retry-after", "")
            after = f"Try again in {wait} s." if wait.isdigit() and len(wait) < 10 else "Try again later."
            return Unavailable(f"{origin} gets too many requests (429). {after}{quoted}", code="busy")
        if status in (400, 404, 422) and "model" in reply.text.lower():
            known = self._list_names()
            if self.model not in known and (known or re.search(r"\bnot\b|unknown|no such|invalid", said, re.I)):
                names = ", ".join(printable(one, 60) for one in known[:3])
                have = f" It has {names}{' and more' if len(known) > 3 else ''}." if known else quoted
                return Conflict(f"{origin} has no model {printable(self.model, 80)}.{have}", code="model")
        if status in (404, 405):
            said = f"There is no chat at {self.endpoint.address.url} ({status}). Most addresses end in /v1."
            return Unavailable(said, code="address")
        if status >= 500:
            return Unavailable(f"{origin} answers with an error of its own ({status}).{quoted}", code="server")
        return Conflict(f"{origin} refuses the request ({status}).{quoted}", code="refused")

    def _list_names(self) -> list[str]:
        try:
            return [one.id for one in list_models(self.endpoint)]
        except LttError:
            return []

    def find_context(self) -> int | None:
        """How many tokens the model takes at once; None where the server does not say it."""
        try:
            found = next((one.context for one in list_models(self.endpoint) if one.id == self.model), None)
        except LttError:
            found = None
        if found is not None or self.endpoint.address.reach != "loopback":
            return found
        # As Ollama says it of what is loaded and of any model, LM Studio and llama.cpp, beside what all of them have.
        show = {"model": self.model}
        for path, body in (("/api/ps", None), ("/api/show", show), ("/api/v0/models", None), ("/props", None)):
            method = "POST" if body else "GET"
            try:
                reply = self.endpoint.send(method, path, json=body, seconds=_PEEK_SECONDS, tries=1, at_root=True)
                told = reply.json() if reply.status == 200 else None
            except LttError:
                continue
            if isinstance(told, dict):
                known = _list_of(told.get("models")) + _list_of(told.get("data"))
                ours = [one for one in known if self.model in (one.get("model"), one.get("name"), one.get("id"))]
                about, props = _object_of(told.get("model_info")), _object_of(told.get("default_generation_settings"))
                places = (
                    *(one.get(key) for key in ("loaded_context_length", *_CONTEXT_KEYS) for one in ours),
                    *(value for name, value in about.items() if name.endswith(".context_length")),
                    props.get("n_ctx"),
                )
                if (context := next(filter(None, map(_as_count, places)), None)) is not None:
                    return context
        return None


def list_models(endpoint: Endpoint, seconds: float = _PEEK_SECONDS) -> list[ServedModel]:
    """The models that a server names, newest first, at most a thousand.

    Names that cannot be shown or kept are left out. Raises as ``Endpoint.send`` and ``Reply.json``.
    """
    reply = endpoint.send("GET", "/models", seconds=seconds, most_bytes=_PEEK_BYTES, tries=1)
    found = reply.json()
    if reply.status != 200 or not isinstance(found, dict) or not isinstance(found.get("data"), list):
        raise Unavailable(f"{endpoint.address.url} lists no models ({reply.status}).", code="not_json")
    models = [
        ServedModel(
            one["id"],
            printable(str(one.get("owned_by") or ("organization_owner" if "organization_owner" in one else ""))),
            _as_count(one.get("created")) or 0,
            next(filter(None, (_as_count(one.get(key)) for key in _CONTEXT_KEYS)), None),
        )
        for one in _list_of(found["data"])[:_MOST_MODELS]
        if isinstance(one.get("id"), str) and one["id"].isprintable() and 0 < len(one["id"].strip()) <= MAX_MODEL
    ]
    return sorted(models, key=lambda one: -one.created)


def _list_of(value: Any) -> list[dict[str, Any]]:
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []


def _object_of(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def _as_count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 2**53 else None


def _is_answer(value: Any) -> bool:
    choices = _list_of(value.get("choices")) if isinstance(value, dict) else []
    return bool(choices) and isinstance(choices[0].get("message"), dict)


def _text_of(message: Mapping[str, Any]) -> str:
    """The text of an answer, which some servers send in parts."""
    content = message.get("content")
    if isinstance(content, list):
        return "".join(str(part.get("text", "")) for part in _list_of(content))
    return content if isinstance(content, str) else ""


def _usage_of(answer: Mapping[str, Any]) -> tuple[int, int]:
    told = _object_of(answer.get("usage"))
    return _as_count(told.get("prompt_tokens")) or 0, _as_count(told.get("completion_tokens")) or 0
