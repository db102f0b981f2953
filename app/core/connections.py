"""Connections to servers of models: which addresses may be used, and what is said of a connection.

An address is read by rules of our own and not by those of a library: what is checked must be what is connected to.
"""

import re
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv6Address, IPv6Network, ip_address

from app.core.errors import Conflict, Invalid
from app.core.text import clip, is_blank, is_number

MAX_NAME, MAX_MODEL, MAX_ADDRESS = 80, 200, 500
MAX_PER_MINUTE, MAX_PARALLEL, MAX_MONEY = 100_000, 256, 1_000_000.0
# Where the key of a connection comes from.
KEY_SOURCES = ("none", "variable", "stored")
KEY = re.compile(r"[\x21-\x7e]{8,2000}")
# In capitals, as variables are named: in small letters it would take keys, which begin with hf_ or gsk_.
VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]{0,99}")
_URL = re.compile(r"(https?)://(\[[^\[\]/]*\]|[^\[\]:/]*)(?::(\d{1,5}))?(/[\x21-\x7e]*)?", re.IGNORECASE)
_LABEL = re.compile(r"[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?")
_PORTS = {"http": 80, "https": 443}
# IPv6 addresses that stand for IPv4 ones: RFC 6052 and, deprecated, RFC 4291 2.5.5.1.
_NAT64, _COMPATIBLE = IPv6Network("64:ff9b::/96"), IPv6Network("::/96")
_ODD = "Write an IP address as four plain numbers, such as 127.0.0.1."


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the user explicitly allowed for one address: plain http to another computer, and private networks."""

    http: bool = False
    private: bool = False


NOTHING = Allowed()


@dataclass(frozen=True, slots=True)
class Address:
    """Where a server answers. ``path`` is empty or begins with a slash and has none at its end."""

    scheme: str
    host: str
    port: int
    path: str

    @property
    def origin(self) -> str:
        """Scheme, host and port, as far as they are not the usual ones: whom a key is for."""
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}" + ("" if self.port == _PORTS[self.scheme] else f":{self.port}")

    @property
    def url(self) -> str:
        """The whole address."""
        return self.origin + self.path

    @property
    def reach(self) -> str:
        """As ``reach_of`` of the host; ``name`` where only the network can tell."""
        if self.host == "localhost" or self.host.endswith(".localhost"):
            return "loopback"
        ip = _as_ip(self.host)
        return reach_of(ip) if ip else "name"


@dataclass(frozen=True, slots=True)
class Values:
    """What is said of a connection. Prices and ``cap`` are in ``currency``, prices for a million tokens.

    A price of None is not known, one of 0 is no fee. ``variable`` names the environment variable of the key.
    """

    name: str
    address: str
    model: str
    key_source: str = "none"
    variable: str = ""
    allow_http: bool = False
    allow_private: bool = False
    price_in: float | None = None
    price_out: float | None = None
    currency: str = "USD"
    per_minute: int | None = None
    parallel: int = 1
    cap: float | None = None

    @property
    def allowed(self) -> Allowed:
        """What the user allowed for the address."""
        return Allowed(self.allow_http, self.allow_private)

    def checked(self) -> "Values":
        """The same, as it is kept. Raises Invalid with what is wrong."""
        name, model = " ".join(self.name.split()), self.model.strip()
        if is_blank(name) or len(name) > MAX_NAME or not name.isprintable():
            raise Invalid(f"A connection needs a name of at most {MAX_NAME} visible characters.", code="bad_name")
        if is_number(name):
            raise Invalid("Name the connection by more than a number: each has a number already.", code="bad_name")
        if is_blank(model) or len(model) > MAX_MODEL or not model.isprintable():
            raise Invalid(f"Name the model, by at most {MAX_MODEL} visible characters.", code="bad_model")
        address = read_address(self.address)
        check_address(address, self.allowed)
        if self.key_source not in KEY_SOURCES:
            raise Invalid(f"The key is one of {', '.join(KEY_SOURCES)}.", code="bad_key")
        variable = self.variable.strip() if self.key_source == "variable" else ""
        if self.key_source == "variable" and not VARIABLE.fullmatch(variable):
            # What was typed may be the key itself, so it is not repeated.
            said = "Name the environment variable of the key, in capitals, such as EXAMPLE_API_KEY."
            raise Invalid(said, code="bad_variable")
        currency = self.currency.strip().upper() or "USD"
        if not (len(currency) == 3 and currency.isascii() and currency.isalpha()):
            raise Invalid("A currency is three letters, such as USD or EUR.", code="currency")
        for label, amount in (
            ("The price in", self.price_in),
            ("The price out", self.price_out),
            ("The sum", self.cap),
        ):
            # A number that is none fails both comparisons.
            if amount is not None and not 0 <= amount <= MAX_MONEY:
                raise Invalid(f"{label} must be a number from 0 to {MAX_MONEY:,.0f}.", code="bad_price")
        if self.per_minute is not None and not 1 <= self.per_minute <= MAX_PER_MINUTE:
            raise Invalid(f"Requests a minute are from 1 to {MAX_PER_MINUTE:,}.", code="bad_limit")
        if not 1 <= self.parallel <= MAX_PARALLEL:
            raise Invalid(f"Calls at once are from 1 to {MAX_PARALLEL}.", code="bad_limit")
        return Values(
            name,
            address.url,
            model,
            self.key_source,
            variable,
            self.allow_http,
            self.allow_private,
            self.price_in,
            self.price_out,
            currency,
            self.per_minute,
            self.parallel,
            self.cap,
        )


@dataclass(frozen=True, slots=True)
class LocalServer:
    """A program that serves models on this computer: its usual port, how it is started, what it says that it is."""

    key: str
    name: str
    port: int
    start: str
    owner: str


# Where ``ltt serve-model`` answers.
TUNED_PORT = 8089
# Ports and `owned_by` of /v1/models: docs of each program, seen 2026-11.
LOCAL_SERVERS = (
    LocalServer("ollama", "Ollama", 11434, "ollama serve", "library"),
    LocalServer("lmstudio", "LM Studio", 1234, "lms server start", "organization_owner"),
    LocalServer("llamacpp", "llama.cpp", 8080, "llama-server -m model.gguf", "llamacpp"),
    LocalServer("vllm", "vLLM", 8000, "vllm serve <model>", "vllm"),
    LocalServer("tuned", "Tuned model", TUNED_PORT, "ltt serve-model <run>", "local"),
)


def read_address(text: str) -> Address:
    """The parts of an address. Raises Invalid for one that is not plainly http or https to a host.

    User names, queries and fragments are refused: they carry keys into logs. So are spellings of numbers that
    programs read differently, such as 0177.0.0.1 and 2130706433.
    """
    text = text.strip()
    if len(text) > MAX_ADDRESS:
        raise Invalid(f"An address has at most {MAX_ADDRESS} characters.", code="bad_address")
    if "@" in text:
        # What stands before it may be a key, so nothing of the address is repeated.
        raise Invalid(
            "Leave user name and password out of the address; the key has a field of its own.", code="userinfo"
        )
    if "?" in text or "#" in text:
        raise Invalid("Leave out of the address what follows ? or #.", code="bad_address")
    if not text.isascii():
        raise Invalid("Write the address in plain ASCII; a name of other letters begins with xn--.", code="bad_address")
    found = _URL.fullmatch(text)
    if found is None or "\\" in text:
        said = "Write the address as https://HOST/v1, or http://127.0.0.1:PORT/v1 for a server on this computer."
        raise Invalid(said, code="bad_address")
    scheme, host = found[1].lower(), _read_host(found[2].lower())
    port = int(found[3] or _PORTS[scheme])
    if not 1 <= port <= 65535:
        raise Invalid("A port is a number from 1 to 65535.", code="bad_address")
    path = (found[4] or "").rstrip("/").removesuffix("/chat/completions")
    if any(part in (".", "..", "") for part in path.split("/")[1:]) or "%" in path:
        raise Invalid("The path of an address has plain names between single slashes, such as /v1.", code="bad_address")
    return Address(scheme, host, port, path)


def may_hold_key(name: str, text: str) -> bool:
    """Whether what was typed into a field of a connection may hold a key, perhaps in the wrong place."""
    text = text.strip()
    if name == "address":
        return bool(re.search(r"[@?#]", text)) or (KEY.fullmatch(text) is not None and not re.search(r"[/:.]", text))
    if name == "variable":
        return bool(text) and not VARIABLE.fullmatch(text)
    return name == "api_key"


def _read_host(host: str) -> str:
    if host.startswith("["):
        ip = _as_ip(host[1:-1])
        if not isinstance(ip, IPv6Address) or ip.scope_id:
            raise Invalid("Between [ and ] stands an IPv6 address without a zone, such as [::1].", code="bad_address")
        return str(ip)
    labels = host.removesuffix(".").split(".")
    # A name whose last part is a number is an IP address to browsers, in whatever spelling (WHATWG URL, "ends in a
    # number"); systems read it as one too.
    if labels[-1].isdigit() or re.fullmatch(r"0x[0-9a-f]*", labels[-1]):
        try:
            return str(IPv4Address(host))
        except ValueError as error:
            raise Invalid(_ODD, code="bad_address") from error
    if len(host) > 253 or not all(_LABEL.fullmatch(label) for label in labels):
        raise Invalid("The address needs the name of a computer, such as api.example.com.", code="bad_address")
    return ".".join(labels)


def _as_ip(host: str) -> IPv4Address | IPv6Address | None:
    try:
        return ip_address(host)
    except ValueError:
        return None


def reach_of(ip: IPv4Address | IPv6Address) -> str:
    """How far an IP address leads: ``loopback``, ``private``, ``public``, or ``never`` where no server can be.

    Private is whatever is not for the whole internet, such as 10.0.0.0/8, 169.254.0.0/16, 100.64.0.0/10 and fc00::/7
    (the registries of special addresses, as Python's ipaddress has them).
    """
    if isinstance(ip, IPv6Address):
        if ip.ipv4_mapped:
            return reach_of(ip.ipv4_mapped)
        inner = ip.sixtofour or (ip.teredo[1] if ip.teredo else None)
        if ip in _NAT64:
            inner = IPv4Address(int(ip) & 0xFFFFFFFF)
        if inner:
            return "public" if reach_of(inner) == "public" else "private"
        if (ip in _COMPATIBLE and not ip.is_loopback) or ip.is_multicast:
            return "never"
        if ip.is_site_local:
            return "private"
    if ip.is_loopback:
        return "loopback"
    if ip.is_unspecified or ip.is_multicast or (isinstance(ip, IPv4Address) and ip.is_reserved):
        return "never"
    return "public" if ip.is_global else "private"


def check_address(address: Address, allowed: Allowed) -> None:
    """Raise Invalid where the address may not be used, as far as its text tells; names are checked when connected."""
    reach = address.reach
    if reach == "name":
        _check_http(address, allowed)
    else:
        _check(address, reach, address.host, allowed)


def check_reach(address: Address, ip: str, allowed: Allowed) -> None:
    """Raise Conflict where an IP address that the host of an address leads to may not be connected to."""
    found = _as_ip(ip.partition("%")[0])
    try:
        _check(address, reach_of(found) if found else "never", ip, allowed)
    except Invalid as error:
        raise Conflict(error.message, code=error.code) from None


def _check(address: Address, reach: str, ip: str, allowed: Allowed) -> None:
    if reach == "never":
        raise Invalid(f"{clip(ip)} is no address that a server can have. {_ODD}", code="bad_address")
    if reach == "private" and not allowed.private:
        said = (
            f"{address.host} is on a private network ({ip})." if ip != address.host else f"{ip} is a private address."
        )
        raise Invalid(f"{said} Allow private addresses for this connection if you mean it.", code="private_address")
    if reach != "loopback":
        _check_http(address, allowed)


def _check_http(address: Address, allowed: Allowed) -> None:
    if address.scheme == "http" and not allowed.http:
        said = f"Over http everybody on the way to {address.host} can read the key and the texts."
        raise Invalid(f"{said} Use https, or allow http for this connection.", code="plain_http")
