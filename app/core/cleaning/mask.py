"""Masks for personal data: the same person or number gets the same pseudonym."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, fields

import regex

from app.core.cleaning import identifiers
from app.core.cleaning.base import Operation, empty_option
from app.core.options import option

LABELS = {
    "email": "EMAIL",
    "phone": "PHONE",
    "iban": "IBAN",
    "card": "CARD",
    "ip": "IP",
    "key": "KEY",
    "ssn": "SSN",
}
STYLES = {
    "number": "[EMAIL_1], [EMAIL_2]: counted in each pair",
    "label": "[EMAIL]: all alike",
    "secret": "[EMAIL_4f9a2c7d]: the same in the whole dataset, made with a secret",
}
_USED = regex.compile(r"\[(EMAIL|PHONE|IBAN|CARD|IP|KEY|SSN)_(\d{1,6})\]")


@dataclass(frozen=True)
class Mask:
    """Options of mask."""

    email: bool = option(True, "E-mail addresses")
    phone: bool = option(
        True,
        "Phone numbers",
        "Valid ones, usual forms, after a word such as “Tel.”, and those listed after one. What may be missed: bare "
        "digits without a word, letters (1-800-FLOWERS), short ones such as 112, rare national forms.",
    )
    iban: bool = option(True, "Account numbers (IBAN)", "Only with right check digits.")
    card: bool = option(True, "Card numbers", "Only of known issuers and with the right check digit.")
    ip: bool = option(True, "IP addresses", "127.0.0.1 and versions stay.")
    key: bool = option(True, "Keys, tokens and passwords", "Of known shape, or after a name such as “api_key”.")
    ssn: bool = option(True, "Social security numbers (USA)")
    style: str = option("number", "Pseudonyms", choices=STYLES)
    secret: str = option("", "Secret", "For the last style: the same secret gives the same pseudonyms again.")


class Masker:
    """Masks texts; numbers start anew with each record, behind those that its texts already hold."""

    def __init__(self, options: Mask, kinds: tuple[str, ...]) -> None:
        self._style, self._secret, self._kinds = options.style, options.secret, kinds
        self._texts: Iterable[str] = ()
        self._numbers: dict[tuple[str, str], int] = {}
        self._last: dict[str, int] | None = None

    def begin(self, texts: Iterable[str]) -> None:
        """Another record begins; its texts are only read where something is masked."""
        self._texts = texts
        self._last = None

    def __call__(self, text: str) -> str:
        # A mask may set free what stood too close to be recognised before.
        while found := identifiers.find(text, self._kinds):
            text = self._masked(text, found)
        return text

    def _masked(self, text: str, found: list[tuple[int, int, str]]) -> str:
        pieces: list[str] = []
        place = 0
        for start, end, kind in found:
            pieces += (text[place:start], self._pseudonym(kind, identifiers.same(kind, text[start:end])))
            place = end
        return "".join([*pieces, text[place:]])

    def _pseudonym(self, kind: str, value: str) -> str:
        label = LABELS[kind]
        if self._style == "number":
            return f"[{label}_{self._number(kind, label, value)}]"
        return f"[{label}]" if self._style == "label" else f"[{label}_{_keyed(self._secret, kind, value)}]"

    def _number(self, kind: str, label: str, value: str) -> int:
        if self._last is None:
            self._numbers, self._last = {}, _used(self._texts)
        if (kind, value) not in self._numbers:
            self._numbers[kind, value] = self._last[label] = self._last.get(label, 0) + 1
        return self._numbers[kind, value]


@Operation(
    name="mask",
    title="Mask personal data",
    help="Puts masks for e-mail addresses, phone, account and card numbers, IP addresses and keys, in code too. "
    "It may miss some: names and street addresses are not looked for.",
    group="Privacy",
    Options=Mask,
    per_record=True,
    deep=True,
    keep_code=False,
    fields=("question", "answer", "reasoning", "system", "turns"),
    examples=(
        (
            "Write to ann@example.org or bob@example.org; Ann is ann@example.org.",
            "Write to [EMAIL_1] or [EMAIL_2]; Ann is [EMAIL_1].",
        ),
        ("Call +49 30 1234567. Pay to DE89 3704 0044 0532 0130 00.", "Call [PHONE_1]. Pay to [IBAN_1]."),
        ("Version 1.2.3.4 of 2024-01-15", "Version 1.2.3.4 of 2024-01-15"),
    ),
)
def prepare(options: Mask) -> Masker:
    kinds = tuple(kind for kind in identifiers.FINDERS if getattr(options, kind))
    if not kinds:
        raise empty_option("Tick at least one kind of data to mask.", fields(options)[0].name)
    if options.style == "secret" and not options.secret:
        raise empty_option("Write a secret, so that nobody can guess the data from the pseudonyms.", "secret")
    return Masker(options, kinds)


def _used(texts: Iterable[str]) -> dict[str, int]:
    """The highest number of each label that the texts hold."""
    last: dict[str, int] = {}
    for text in texts:
        for match in _USED.finditer(text) if "_" in text else ():
            last[match[1]] = max(last.get(match[1], 0), int(match[2]))
    return last


def _keyed(secret: str, kind: str, value: str) -> str:
    key = hashlib.blake2b(secret.encode("utf-8", "surrogatepass")).digest()
    return hashlib.blake2b(f"{kind}\0{value}".encode("utf-8", "surrogatepass"), key=key, digest_size=4).hexdigest()
