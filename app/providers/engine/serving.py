"""Answers chat completions of a tuned model as OpenAI's interface has them, on this computer only.

Whoever asks is bounded: the size of a request, the tokens of an answer, and how many wait. Requests whose Host is not
this computer are refused, so no page of a stranger reaches it by a name of its own.
"""

import json
import threading
import time
import uuid
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import chain
from pathlib import Path
from typing import Any

from app.providers.engine.base import find_device
from app.providers.engine.errors import Stop
from app.providers.engine.results import load_model

BODY_BYTES = 1024 * 1024
MESSAGES = 200
ANSWER_TOKENS, USUAL_TOKENS = 4_096, 256
WAITING = 8
# Whoever sends nothing, or takes nothing, is not waited for longer.
SOCKET_SECONDS = 60


class Refused(Exception):
    """A request that is not answered, with its status and why."""

    def __init__(self, status: int, message: str, kind: str = "invalid_request_error") -> None:
        super().__init__(message)
        self.status, self.kind = status, kind


class Model:
    """A model that answers one request at a time, each whole or bit by bit."""

    def __init__(self, path: Path, checkpoint: int | None) -> None:
        self.device = find_device("auto")
        self.model, self.tokenizer = load_model(path, checkpoint, self.device)
        run = path / "run.json"
        self.name: str = json.loads(run.read_text(encoding="utf-8"))["name"] if run.exists() else path.resolve().name
        self.most = int(getattr(self.model.config, "max_position_embeddings", 0) or 4_096)
        self._one = threading.Lock()
        self._places = threading.BoundedSemaphore(WAITING)

    def answer(self, asked: dict[str, Any]) -> Iterator[tuple[str, dict[str, int] | None, str]]:
        """Texts as they come, then the counts of tokens and why it ended. Raises Refused, before the first text."""
        ids, options = self._prepare(asked)
        if not self._places.acquire(blocking=False):
            raise Refused(429, f"{WAITING} requests wait already. Ask again later.", "rate_limit_exceeded")
        try:
            with self._one:
                yield from self._generate(ids, options, asked.get("seed"))
        finally:
            self._places.release()

    def _generate(self, ids: Any, options: dict[str, Any], seed: int | None) -> Iterator[Any]:
        import torch
        from transformers import StoppingCriteria, StoppingCriteriaList, TextIteratorStreamer

        streamer = TextIteratorStreamer(self.tokenizer, skip_prompt=True, skip_special_tokens=True)
        ended = threading.Event()
        found: dict[str, Any] = {}

        class Ended(StoppingCriteria):
            def __call__(self, tokens: Any, scores: Any, **_: Any) -> Any:
                return torch.full((tokens.shape[0],), ended.is_set(), device=tokens.device, dtype=torch.bool)

        def work() -> None:
            try:
                if seed is not None:
                    torch.manual_seed(seed)
                with torch.no_grad():
                    found["tokens"] = self.model.generate(
                        input_ids=ids, attention_mask=torch.ones_like(ids), streamer=streamer,
                        pad_token_id=self.tokenizer.pad_token_id, stopping_criteria=StoppingCriteriaList([Ended()]),
                        **options,
                    )  # fmt: skip
            except Exception as error:  # noqa: BLE001 (it is told to who asked)
                found["error"] = error
                streamer.end()

        thread = threading.Thread(target=work, daemon=True)
        thread.start()
        try:
            for text in streamer:
                if text:
                    yield text, None, ""
        finally:
            # Whoever asked may have gone.
            ended.set()
            thread.join()
        if "error" in found:
            raise Refused(500, f"The model failed: {type(found['error']).__name__}.", "server_error")
        told, said = ids.shape[1], found["tokens"].shape[1] - ids.shape[1]
        reason = "length" if said >= options["max_new_tokens"] else "stop"
        yield "", {"prompt_tokens": told, "completion_tokens": said, "total_tokens": told + said}, reason

    def _prepare(self, asked: dict[str, Any]) -> tuple[Any, dict[str, Any]]:
        """The tokens of the question, and how it is to be answered. Raises Refused."""
        messages = asked.get("messages")
        if not isinstance(messages, list) or not 0 < len(messages) <= MESSAGES:
            raise Refused(400, f"messages must be a list of 1 to {MESSAGES}.")
        if not all(isinstance(one, dict) and isinstance(one.get("role"), str) for one in messages):
            raise Refused(400, "Each message must be an object with a role and a content.")
        if asked.get("n", 1) != 1:
            raise Refused(400, "One answer is given to a request: n must be 1.")
        wanted = asked.get("max_completion_tokens", asked.get("max_tokens")) or USUAL_TOKENS
        heat, share = asked.get("temperature"), asked.get("top_p")
        heat, share = 1.0 if heat is None else heat, 1.0 if share is None else share
        seed = asked.get("seed")
        if type(wanted) is not int or not 0 < wanted <= ANSWER_TOKENS:
            raise Refused(400, f"max_tokens must be a number from 1 to {ANSWER_TOKENS:,}.")
        if type(heat) not in (int, float) or not 0 <= heat <= 2:
            raise Refused(400, "temperature must be a number from 0 to 2.")
        if type(share) not in (int, float) or not 0 < share <= 1:
            raise Refused(400, "top_p must be a number above 0 and up to 1.")
        if seed is not None and (type(seed) is not int or not 0 <= seed < 2**63):
            raise Refused(400, "seed must be a whole number from 0 on.")
        stop = asked.get("stop") or []
        stop = [stop] if isinstance(stop, str) else stop
        if not isinstance(stop, list) or len(stop) > 4 or not all(isinstance(one, str) and one for one in stop):
            raise Refused(400, "stop must be a text, or up to four.")
        try:
            ids = self.tokenizer.apply_chat_template(
                [_with_text(one) for one in messages],
                tools=asked.get("tools") or None,
                add_generation_prompt=True,
                return_tensors="pt",
                return_dict=True,
            )["input_ids"].to(self.device)
        except Exception as error:
            said = (str(error).splitlines() or [""])[0][:200].rstrip(".")
            raise Refused(400, f"The chat template does not write these messages: {said}.") from error
        room = self.most - ids.shape[1]
        if room < 1:
            raise Refused(400, f"The messages have {ids.shape[1]:,} tokens; the model takes {self.most:,} in all.")
        options: dict[str, Any] = {"max_new_tokens": min(wanted, room), "do_sample": heat > 0}
        if heat > 0:
            options |= {"temperature": float(heat), "top_p": float(share), "top_k": 0}
        if stop:
            options |= {"stop_strings": stop, "tokenizer": self.tokenizer}
        return ids, options


def _with_text(message: dict[str, Any]) -> dict[str, Any]:
    content = message.get("content")
    if isinstance(content, list):
        if not all(isinstance(one, dict) and isinstance(one.get("text"), str) for one in content):
            raise Refused(400, "Only texts can be asked: a part of a message is none.")
        content = "".join(one["text"] for one in content)
    if content is not None and not isinstance(content, str):
        raise Refused(400, "The content of a message must be a text.")
    return {**message, "content": content}


class Handler(BaseHTTPRequestHandler):
    """GET /v1/models and POST /v1/chat/completions."""

    protocol_version = "HTTP/1.1"
    server_version = "ltt-engine"
    sys_version = ""
    timeout = SOCKET_SECONDS
    model: Model

    def do_GET(self) -> None:
        """The one model."""
        try:
            self._require_local()
            if self.path.partition("?")[0] not in ("/v1/models", "/models"):
                raise Refused(404, "There is nothing here. Known are /v1/models and /v1/chat/completions.")
            listed = [{"id": self.model.name, "object": "model", "created": 0, "owned_by": "local"}]
            self._send(200, {"object": "list", "data": listed})
        except Refused as refused:
            self._refuse(refused)

    def do_POST(self) -> None:
        """An answer."""
        try:
            self._require_local()
            asked = self._read()
            if self.path.partition("?")[0] not in ("/v1/chat/completions", "/chat/completions"):
                raise Refused(404, "There is nothing here. Known are /v1/models and /v1/chat/completions.")
            head = {"id": f"chatcmpl-{uuid.uuid4().hex}", "created": int(time.time()), "model": self.model.name}
            parts = self.model.answer(asked)
            (self._stream if asked.get("stream") is True else self._answer)(head, parts, asked)
        except Refused as refused:
            self._refuse(refused)
        except (ConnectionError, TimeoutError):
            self.close_connection = True

    def _require_local(self) -> None:
        port = self.connection.getsockname()[1]
        hosts = {f"{name}:{port}" for name in ("127.0.0.1", "localhost", "[::1]")}
        if (self.headers.get("Host") or "").lower() not in hosts:
            raise Refused(403, "This server answers to this computer's own names only.")
        origin = self.headers.get("Origin")
        if origin and origin.partition("://")[2].lower() not in hosts:
            raise Refused(403, "Pages of other sites are not answered.")

    def _read(self) -> dict[str, Any]:
        if self.headers.get("Transfer-Encoding"):
            self.close_connection = True
            raise Refused(411, "Say the length of the request.")
        length = self.headers.get("Content-Length", "")
        if not length.isascii() or not length.isdigit():
            self.close_connection = True
            raise Refused(411, "Say the length of the request.")
        # More digits than a length has are not even read as a number.
        if len(length) > 12 or int(length) > BODY_BYTES:
            self.close_connection = True
            raise Refused(413, f"A request has {BODY_BYTES:,} bytes at most.")
        body = self.rfile.read(int(length))
        if (self.headers.get("Content-Type") or "").partition(";")[0].strip().lower() != "application/json":
            raise Refused(415, "Send JSON, with Content-Type: application/json.")
        try:
            asked = json.loads(body)
            json.dumps(asked, ensure_ascii=False).encode()
        except UnicodeEncodeError as error:
            raise Refused(400, "The request holds half of a character (a lone surrogate).") from error
        except (ValueError, RecursionError) as error:
            raise Refused(400, "The request is no JSON.") from error
        if not isinstance(asked, dict):
            raise Refused(400, "The request is no JSON object.")
        return asked

    def _answer(self, head: dict[str, Any], parts: Iterator[Any], asked: dict[str, Any]) -> None:
        found = list(parts)
        *_, usage, reason = found[-1]
        message = {"role": "assistant", "content": "".join(text for text, _, _ in found)}
        choice = {"index": 0, "message": message, "finish_reason": reason}
        self._send(200, {**head, "object": "chat.completion", "choices": [choice], "usage": usage})

    def _stream(self, head: dict[str, Any], parts: Iterator[Any], asked: dict[str, Any]) -> None:
        # What is refused is refused before the head is sent.
        first = next(parts)
        self.close_connection = True
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream; charset=utf-8")
        self.send_header("Cache-Control", "no-store")
        self.send_header("Connection", "close")
        self.end_headers()
        head = {**head, "object": "chat.completion.chunk"}
        self._send_part({**head, "choices": [{"index": 0, "delta": {"role": "assistant"}, "finish_reason": None}]})
        told = asked.get("stream_options")
        wants_usage = isinstance(told, dict) and told.get("include_usage") is True
        try:
            for text, usage, reason in chain([first], parts):
                delta = {"content": text} if text else {}
                self._send_part({**head, "choices": [{"index": 0, "delta": delta, "finish_reason": reason or None}]})
                if usage and wants_usage:
                    self._send_part({**head, "choices": [], "usage": usage})
        except Refused as refused:
            self._send_part({"error": {"message": str(refused), "type": refused.kind, "code": refused.status}})
        finally:
            # The model stops where nobody listens any more.
            parts.close()  # type: ignore[attr-defined]
        self.wfile.write(b"data: [DONE]\n\n")

    def _send_part(self, value: dict[str, Any]) -> None:
        self.wfile.write(f"data: {json.dumps(value, ensure_ascii=False)}\n\n".encode())
        self.wfile.flush()

    def _refuse(self, refused: Refused) -> None:
        error = {"message": str(refused), "type": refused.kind, "param": None, "code": refused.status}
        self._send(refused.status, {"error": error})

    def _send(self, status: int, value: dict[str, Any]) -> None:
        body = json.dumps(value, ensure_ascii=False).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Nothing: what is asked is nobody's business."""


def serve(path: Path, port: int, checkpoint: int | None) -> None:
    """Serve a model until the process ends. One line on standard output says where."""
    handler = type("OwnHandler", (Handler,), {"model": Model(path, checkpoint)})
    try:
        server = ThreadingHTTPServer(("127.0.0.1", port), handler)
    except OSError as error:
        raise Stop("no_port", f"The port {port} of this computer cannot be had: {error.strerror}.") from error
    server.daemon_threads = True
    where = f"http://127.0.0.1:{server.server_address[1]}/v1"
    print(json.dumps({"model": handler.model.name, "address": where}), flush=True)  # type: ignore[attr-defined]  # noqa: T201
    server.serve_forever()
