"""A small server that speaks the chat format of OpenAI, and misbehaves in every way that a test asks for."""

import gzip
import json
import socket
import ssl
import struct
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import Any

KEY = "sk-only-for-tests-0123456789-7f2a"

# Of nobody but these tests: for 127.0.0.1, valid until 2126.
CERTIFICATE = """\
-----BEGIN CERTIFICATE-----
MIIBnTCCAUOgAwIBAgIUXZM8N4Eb1QcxVk8dXaxG0pvQGaIwCgYIKoZIzj0EAwIw
FTETMBEGA1UEAwwKVGVzdHMgb25seTAgFw0yNjExMzAwMzM4NDJaGA8yMTI2MTEw
NjAzMzg0MlowFTETMBEGA1UEAwwKVGVzdHMgb25seTBZMBMGByqGSM49AgEGCCqG
SM49AwEHA0IABEhdvQQX6Ces6ydaqVSSLe9FmsAuG+IScGyU7bK8wO6VmqWNSAFx
Qzew2faTKM69Ck1CuBzsPUinyzexEySY0FSjbzBtMB0GA1UdDgQWBBQiZPGQUzYW
J0yBoyum4J8BE/LAtzAfBgNVHSMEGDAWgBQiZPGQUzYWJ0yBoyum4J8BE/LAtzAa
BgNVHREEEzARhwR/AAABgglsb2NhbGhvc3QwDwYDVR0TAQH/BAUwAwEB/zAKBggq
hkjOPQQDAgNIADBFAiEAz+EvoFlOoQipWXhYffeZQ8QJV/4+Bwcv7ik52ko13yIC
IE8YQO0I/24wxJsg0eLcVjGUsCg0kwiPybXEYtvYF6cJ
-----END CERTIFICATE-----
-----BEGIN PRIVATE KEY-----
MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgyJq8/j3EH3sR7bwE
H3ZjlmuBUPc7Hgb7y2C4x1EkdlOhRANCAARIXb0EF+gnrOsnWqlUki3vRZrALhvi
EnBslO2yvMDulZqljUgBcUM3sNn2kyjOvQpNQrgc7D1Ip8s3sRMkmNBU
-----END PRIVATE KEY-----
"""


class ChatServer:
    """What the server has and how it behaves; ``manners`` are taken one by one, the last of them for good.

    Each is a word of ``Handler.misbehave``, a status, or a function that is given the handler. Where it says @KEY@
    it sends the key that it was sent.
    """

    def __init__(self) -> None:
        self.key = ""
        self.models: list[dict[str, Any]] = [{"id": "small", "object": "model", "created": 1, "owned_by": "test"}]
        self.answer = "ok"
        self.manners: list[Any] = [""]
        self.headers: dict[str, str] = {}
        self.error: dict[str, Any] = {"error": {"message": "It does not work.", "code": "broken"}}
        self.refuses_limit = False
        self.pages: dict[str, Any] = {}
        self.requests: list[tuple[str, str, dict[str, str], Any]] = []
        self.released = Event()
        self.port = 0
        self.scheme = "http"

    @property
    def address(self) -> str:
        """What a connection is made with."""
        return f"{self.scheme}://127.0.0.1:{self.port}/v1"

    @property
    def chats(self) -> list[Any]:
        """The bodies of the chats that were asked for."""
        return [body for method, path, _, body in self.requests if path.endswith("/chat/completions")]


class _Quiet(ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Clients that go away are what is tried here."""


@contextmanager
def serve_chat(*, tls: bool = False) -> Iterator[ChatServer]:
    """A running server."""
    state = ChatServer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *args: object) -> None: ...

        def answer(self, status: int, body: object, **headers: str) -> None:
            sent = self.headers.get("Authorization", "").removeprefix("Bearer ")
            data = body if isinstance(body, bytes) else json.dumps(body).replace("@KEY@", sent).encode()
            self.send_response(status)
            for name, value in {"Content-Length": str(len(data)), **state.headers, **headers}.items():
                self.send_header(name.replace("_", "-"), value.replace("@KEY@", sent))
            self.end_headers()
            self.wfile.write(data)

        def reset(self) -> None:
            """Close without a word, and not politely."""
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.close_connection = True
            self.connection.close()

        def handle_any(self) -> None:
            content = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            body = json.loads(content) if content.startswith(b"{") else content
            state.requests.append((self.command, self.path, dict(self.headers), body))
            said = self.headers.get("Authorization", "")
            if self.path in state.pages:
                self.answer(200, state.pages[self.path])
            elif state.key and said != f"Bearer {state.key}":
                self.answer(401, {"error": {"message": f"Incorrect key: {said}", "code": "invalid_api_key"}})
            elif self.path == "/v1/models":
                self.answer(200, {"object": "list", "data": state.models})
            elif self.path == "/v1/chat/completions":
                manner = state.manners.pop(0) if len(state.manners) > 1 else state.manners[0]
                if manner:
                    self.misbehave(manner, said)
                else:
                    self.chat(body)
            else:
                self.answer(404, {"error": {"message": "Not found"}})

        def chat(self, body: dict[str, Any]) -> None:
            if body["model"] not in [one["id"] for one in state.models]:
                error = {"message": f"The model `{body['model']}` does not exist", "code": "model_not_found"}
                self.answer(404, {"error": error})
            elif state.refuses_limit and "max_tokens" in body:
                said = "Unsupported parameter: 'max_tokens'. Use 'max_completion_tokens' instead."
                self.answer(400, {"error": {"message": said}})
            else:
                self.answer(200, self.completion())

        def completion(self) -> dict[str, Any]:
            choice = {"index": 0, "message": {"role": "assistant", "content": state.answer}, "finish_reason": "stop"}
            usage = {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
            return {"id": "c1", "object": "chat.completion", "choices": [choice], "usage": usage}

        def misbehave(self, manner: Any, said: str) -> None:
            if isinstance(manner, int):
                self.answer(manner, state.error)
            elif callable(manner):
                manner(self)
            elif manner == "reset":
                self.reset()
            elif manner == "cut":
                whole = json.dumps(self.completion()).encode()
                self.send_response(200)
                self.send_header("Content-Length", str(len(whole)))
                self.end_headers()
                self.wfile.write(whole[: len(whole) // 2])
                self.wfile.flush()
                self.reset()
            elif manner == "silent":
                state.released.wait(60)
            elif manner == "drip":
                # A line of a header that never ends, byte by byte: each read is quick, all of them are not.
                self.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
                while not state.released.wait(0.05):
                    self.wfile.write(b"a")
            elif manner == "drip-body":
                self.send_response(200)
                self.send_header("Content-Length", "1000000")
                self.end_headers()
                while not state.released.wait(0.05):
                    self.wfile.write(b" ")
            elif manner == "endless":
                self.send_response(200)
                self.send_header("Transfer-Encoding", "chunked")
                self.end_headers()
                while True:
                    self.wfile.write(b"10000\r\n" + b" " * 0x10000 + b"\r\n")
            elif manner == "bomb":
                self.answer(200, gzip.compress(b" " * 50_000_000), Content_Encoding="gzip")
            elif manner == "gzip":
                self.answer(200, gzip.compress(json.dumps(self.completion()).encode()), Content_Encoding="gzip")
            elif manner == "html":
                self.answer(200, b"<!doctype html><title>Sign in</title>", Content_Type="text/html")
            elif manner == "half-json":
                self.answer(200, b'{"choices": [')
            elif manner == "other-json":
                self.answer(200, {"status": "fine"})
            elif manner == "error-in-200":
                self.answer(200, state.error)
            elif manner == "echo":
                # The header comes back in everything that there is to a reply.
                choice = {"message": {"role": "assistant", "content": f"You sent {said}"}, "finish_reason": said}
                self.answer(200, {"choices": [choice], "usage": {}}, X_Echo=said)
            elif manner == "echo-error":
                escaped = "".join(f"\\u{ord(c):04x}" for c in said)
                self.answer(400, f'{{"error": {{"message": "No: {escaped}"}}}}'.encode(), X_Echo=said)
            elif manner.startswith("to "):
                status, target = manner[3:].split(" ")
                self.answer(int(status), b"", Location=target)
            else:
                raise AssertionError(manner)

        do_GET = do_POST = handle_any

    server = _Quiet(("127.0.0.1", 0), Handler)
    if tls:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "both.pem"
            file.write_text(CERTIFICATE, encoding="ascii")
            context.load_cert_chain(file)
        server.socket = context.wrap_socket(server.socket, server_side=True)
        state.scheme = "https"
    state.port = server.server_port
    thread = Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield state
    finally:
        state.released.set()
        server.shutdown()
        server.server_close()
        thread.join()
