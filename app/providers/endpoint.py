"""A server over HTTP as a connection allows it: no proxy, no other host, bounded in size and time, and no key shown.

Whatever a server sends may hold the key that it was sent. It is taken out of everything that leaves this module.
"""

import logging
import random
import re
import socket
import ssl
import threading
import time
import zlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any
from urllib.parse import quote, urljoin, urlsplit

import httpcore2
import httpx2
import msgspec

from app.core.connections import NOTHING, Address, Allowed, check_reach
from app.core.errors import Conflict, LttError, Unavailable
from app.core.text import clip
from app.version import __version__

# Their lines for debugging hold the headers of replies, and so a key that a server sent back.
for _name in ("httpx2", "httpcore2"):
    logging.getLogger(_name).setLevel(logging.WARNING)

HIDDEN = "[key]"
MOST_BYTES = 16 * 1024 * 1024
_MOST_REDIRECTS = 3
_CONNECT_SECONDS = 10.0
# Statuses after which the same request may succeed, RFC 9110 and 6585; 529 is sent by overloaded providers.
_AGAIN = frozenset({408, 425, 429, 500, 502, 503, 504, 529})
# Codes of 429 that waiting does not help: the account is empty.
SPENT = re.compile(r"insufficient_quota|billing|credit|balance", re.I)
_MOST_TRIES, _MOST_WAIT = 4, 30.0


@dataclass(frozen=True, slots=True)
class Reply:
    """What a server answered. Texts are without the key; names of headers are in small letters."""

    status: int
    headers: Mapping[str, str]
    body: bytes = field(repr=False)
    hide: Callable[[str], str] = field(repr=False)
    url: str = ""

    @property
    def text(self) -> str:
        """The body as text."""
        return self.hide(self.body.decode(errors="replace"))

    def json(self) -> Any:
        """The body as JSON. Raises Unavailable where it is none."""
        try:
            return _hide_all(msgspec.json.decode(self.body), self.hide)
        except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
            said = f"What {self.url} sends is not JSON: is it the address of a model's server?"
            raise Unavailable(said, code="not_json", status=self.status) from None

    def said(self) -> str:
        """What the server says is wrong, in one line of printable characters; empty where it says nothing."""
        try:
            found = self.json()
        except Unavailable:
            return ""
        error = found.get("error", found) if isinstance(found, dict) else found
        message = error.get("message", error.get("detail", "")) if isinstance(error, dict) else error
        return printable(message) if isinstance(message, str) else ""


def printable(text: str, limit: int = 200) -> str:
    """A text of a stranger in one line, with characters that do not print written as numbers."""
    return "".join(c if c.isprintable() else f"\\u{ord(c):04x}" for c in clip(text, limit))


def _hide_all(value: Any, hide: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return hide(value)
    if isinstance(value, list):
        return [_hide_all(one, hide) for one in value]
    if isinstance(value, dict):
        return {hide(name): _hide_all(one, hide) for name, one in value.items()}
    return value


class Endpoint:
    """One server. Each request is bounded by ``seconds`` in all, and its reply by ``most_bytes``.

    ``wait`` is how to wait between two tries; it may raise to stop. In another ``key_header`` than the usual one stands
    the key alone. Use it as a context, or call ``close``.
    """

    def __init__(
        self,
        address: Address,
        key: str = "",
        allowed: Allowed = NOTHING,
        *,
        seconds: float = 120.0,
        most_bytes: int = MOST_BYTES,
        wait: Callable[[float], None] = time.sleep,
        key_header: str = "Authorization",
    ) -> None:
        self.address, self.allowed = address, allowed
        self._key, self._seconds, self._most_bytes, self.wait = key, seconds, most_bytes, wait
        self._backend = _Backend(address, allowed)
        headers = {"User-Agent": f"llm-training-tools/{__version__}", "Accept-Encoding": "identity"}
        if key:
            headers[key_header] = f"Bearer {key}" if key_header == "Authorization" else key
        self._client = httpx2.Client(
            transport=_Transport(self._backend), headers=headers, trust_env=False, follow_redirects=False
        )

    def __enter__(self) -> "Endpoint":
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the network."""
        self._client.close()

    @property
    def has_key(self) -> bool:
        """Whether requests carry a key."""
        return bool(self._key)

    def hide(self, text: str) -> str:
        """The text without the key, also as addresses spell it."""
        return text.replace(self._key, HIDDEN).replace(quote(self._key, safe=""), HIDDEN) if self._key else text

    def send(
        self,
        method: str,
        path: str,
        *,
        json: object = None,
        files: Mapping[str, Any] | None = None,
        data: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        seconds: float | None = None,
        most_bytes: int | None = None,
        tries: int = _MOST_TRIES,
        at_root: bool = False,
    ) -> Reply:
        """Send one request to the address with ``path`` at its end; the reply may have any status.

        ``json`` is sent as such, ``files`` and ``data`` as a form; files as httpx takes them. What fails for a moment
        is tried again, up to ``tries`` times in all: say 1 where a second try could do something twice, or the files
        are open. ``at_root`` leaves out the path of the address.

        Raises Conflict for an address that may not be connected to, Unavailable (codes address, tls, slow, cut,
        too_large, redirect) for what else is wrong.
        """
        body: dict[str, Any] = {"files": files, "data": data}
        sent = dict(headers or {})
        url = (self.address.origin if at_root else self.address.url) + path
        if json is not None:
            body = {"content": msgspec.json.encode(json)}
            sent["Content-Type"] = "application/json"
        for attempt in range(1, tries + 1):
            # Half to all of 0.5, 1, 2 … seconds, so that many do not come again at once.
            pause: float | None = min(_MOST_WAIT, 2 ** (attempt - 2)) * random.uniform(0.5, 1.0)
            failure: LttError | None = None
            reply: Reply | None = None
            try:
                reply = self._send_once(method, url, body, sent, seconds, most_bytes)
                if reply.status not in _AGAIN or (reply.status == 429 and SPENT.search(reply.text)):
                    return reply
                if "retry-after" in reply.headers:
                    pause = read_retry_after(reply.headers["retry-after"])
            except Unavailable as error:
                failure = error
                if error.code != "cut":
                    raise
            if attempt == tries or pause is None or pause > _MOST_WAIT:
                break
            self.wait(pause)
        if failure is not None:
            raise failure
        assert reply is not None
        return reply

    def _send_once(
        self,
        method: str,
        url: str,
        body: dict[str, Any],
        headers: Mapping[str, str],
        seconds: float | None,
        most_bytes: int | None,
    ) -> Reply:
        limit, most = seconds or self._seconds, most_bytes or self._most_bytes
        self._backend.set_deadline(time.monotonic() + limit)
        try:
            for _ in range(_MOST_REDIRECTS + 1):
                timeout = httpx2.Timeout(limit, connect=min(limit, _CONNECT_SECONDS))
                with self._client.stream(method, url, headers=headers, timeout=timeout, **body) as response:
                    if response.status_code in (301, 302, 303, 307, 308) and "location" in response.headers:
                        url = self._follow(method, response)
                        continue
                    content = self._read(response, most)
                    told = {name.lower(): self.hide(text) for name, text in response.headers.items()}
                    return Reply(response.status_code, told, content, self.hide, self.address.url)
        except httpx2.TimeoutException:
            raise Unavailable(f"{self.address.origin} did not answer within {limit:g} s.", code="slow") from None
        except httpx2.ConnectError as error:
            raise self._explain_connect(error) from None
        except (httpx2.HTTPError, httpx2.StreamError, httpx2.InvalidURL, ssl.SSLError):
            # Whatever else the library raises may hold the request, so its text is not taken.
            raise Unavailable(f"{self.address.origin} broke off its answer.", code="cut") from None
        raise Unavailable(f"{self.address.origin} sends requests round in circles.", code="redirect")

    def _follow(self, method: str, response: httpx2.Response) -> str:
        """Where a request is sent on to. Raises Unavailable for another host, which gets neither key nor texts."""
        target = response.headers["location"]
        try:
            target = urljoin(str(response.url), target)
            parts = urlsplit(target)
            port = parts.port or {"http": 80, "https": 443}.get(parts.scheme, 0)
            own = (self.address.scheme, self.address.host, self.address.port)
            is_same = (parts.scheme, parts.hostname, port) == own and "@" not in parts.netloc
        except ValueError:
            is_same = False
        shown = printable(self.hide(target.partition("?")[0].rpartition("@")[2]), 120)
        if not is_same:
            said = f"{self.address.origin} sends requests on to {shown}, which was not followed."
            raise Unavailable(f"{said} If that is right, make it the address.", code="redirect")
        if method != "GET" and response.status_code not in (307, 308):
            said = f"{self.address.url} has moved to {shown} ({response.status_code}). Make that the address."
            raise Unavailable(said, code="redirect")
        return self.address.origin + (parts.path or "/") + (f"?{parts.query}" if parts.query else "")

    def _read(self, response: httpx2.Response, most: int) -> bytes:
        """The body, unpacked where it was packed although nobody asked for it."""
        packing = response.headers.get("content-encoding", "identity").strip().lower()
        unpack = None
        if packing in ("gzip", "x-gzip", "deflate"):
            unpack = zlib.decompressobj(wbits=47)
        elif packing not in ("", "identity"):
            way = printable(self.hide(packing), 20)
            raise Unavailable(f"{self.address.origin} packs its answers by {way}, unasked.", code="not_json")
        found = bytearray()
        for chunk in response.iter_raw():
            try:
                found += unpack.decompress(chunk, most + 1 - len(found)) if unpack else chunk
            except zlib.error:
                raise Unavailable(f"{self.address.origin} sends a damaged answer.", code="cut") from None
            if len(found) > most:
                said = f"{self.address.origin} sends more than {most / 1024 / 1024:g} MB, which was not read."
                raise Unavailable(said, code="too_large")
        return bytes(found)

    def _explain_connect(self, error: BaseException) -> Unavailable:
        causes: list[BaseException] = []
        cause: BaseException | None = error
        while cause is not None and cause not in causes:
            causes.append(cause)
            cause = cause.__cause__ or cause.__context__
        for one in causes:
            if isinstance(one, ssl.SSLCertVerificationError):
                said = f"The certificate of {self.address.host} cannot be trusted: {printable(one.verify_message)}."
                return Unavailable(said, code="tls")
            if isinstance(one, ssl.SSLError):
                said = f"{self.address.origin} does not speak TLS as it should. Is it an address with http?"
                return Unavailable(said, code="tls")
            if isinstance(one, _NoSuchName):
                said = f"There is no computer named {self.address.host}, or the network is away."
                return Unavailable(said, code="address")
        said = f"Nothing answers at {self.address.host}, port {self.address.port}. Is the server running?"
        return Unavailable(said, code="address")


def read_retry_after(text: str) -> float | None:
    """Seconds to wait, of a number or a date (RFC 9110 10.2.3); None where it is neither."""
    try:
        if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text.strip()):
            return float(text)
        until = parsedate_to_datetime(text)
        until = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(0.0, (until - datetime.now(UTC)).total_seconds())
    except (ValueError, TypeError, OverflowError):
        return None


class _Transport(httpx2.HTTPTransport):
    """The usual transport over connections that were looked at first."""

    def __init__(self, backend: "_Backend") -> None:
        # Authorities that a company adds are named by SSL_CERT_FILE.
        context = httpx2.create_ssl_context()
        super().__init__(verify=context, trust_env=False)
        self._pool = httpcore2.ConnectionPool(
            ssl_context=context,
            max_connections=256,
            max_keepalive_connections=32,
            keepalive_expiry=15.0,
            network_backend=backend,
        )


class _Backend(httpcore2.NetworkBackend):
    """Connects to the IP addresses that were checked, so that a name cannot mean another one a moment later."""

    def __init__(self, address: Address, allowed: Allowed) -> None:
        self._address, self._allowed = address, allowed
        self._plain = httpcore2.SyncBackend()
        self._local = threading.local()

    def set_deadline(self, at: float) -> None:
        """When the request of this thread must be over, by the monotonic clock."""
        self._local.at = at

    def left(self, timeout: float | None) -> float:
        """Seconds that an operation of this thread's request may take."""
        left = float(self._local.at) - time.monotonic()
        if left <= 0:
            raise httpcore2.ReadTimeout("the request took too long")
        return left if timeout is None else min(timeout, left)

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,
        local_address: str | None = None,
        socket_options: Iterable[Any] | None = None,
    ) -> httpcore2.NetworkStream:
        """Connect to the first of the host's addresses that may be and answers."""
        refused: Conflict | None = None
        failed: httpcore2.ConnectError | httpcore2.ConnectTimeout | None = None
        for ip in _resolve(host, port, self.left(timeout)):
            try:
                check_reach(self._address, ip, self._allowed)
                stream = self._plain.connect_tcp(ip, port, self.left(timeout), local_address, socket_options)
                return _Stream(stream, self)
            except Conflict as error:
                refused = error
            except (httpcore2.ConnectError, httpcore2.ConnectTimeout) as error:
                failed = error
        raise failed or refused or httpcore2.ConnectError("no address")


class _NoSuchName(httpcore2.ConnectError):
    """The host of an address is not known, or the network is away."""


def _resolve(host: str, port: int, seconds: float) -> list[str]:
    """The IP addresses of a host. The system's own look-up knows no deadline, so it is left behind when that comes."""
    answers: SimpleQueue[list[str] | Exception] = SimpleQueue()

    def look_up() -> None:
        try:
            found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
            answers.put(list(dict.fromkeys(str(one[4][0]) for one in found)))
        except (OSError, UnicodeError) as error:
            answers.put(error)

    threading.Thread(target=look_up, daemon=True).start()
    try:
        found = answers.get(timeout=seconds)
    except Empty:
        raise httpcore2.ConnectTimeout("the name was not found in time") from None
    if isinstance(found, Exception):
        raise _NoSuchName("no such name") from found
    return found


class _Stream(httpcore2.NetworkStream):
    """A connection whose every operation ends with the request's deadline, however slowly bytes come."""

    def __init__(self, stream: httpcore2.NetworkStream, backend: _Backend) -> None:
        self._stream, self._backend = stream, backend

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:
        return self._stream.read(max_bytes, self._backend.left(timeout))

    def write(self, buffer: bytes, timeout: float | None = None) -> None:
        self._stream.write(buffer, self._backend.left(timeout))

    def close(self) -> None:
        self._stream.close()

    def start_tls(
        self, ssl_context: ssl.SSLContext, server_hostname: str | None = None, timeout: float | None = None
    ) -> httpcore2.NetworkStream:
        secured = self._stream.start_tls(ssl_context, server_hostname, self._backend.left(timeout))
        return _Stream(secured, self._backend)

    def get_extra_info(self, info: str) -> Any:
        return self._stream.get_extra_info(info)
