"""Personal data in texts: where it stands, checked by its own rules so that other numbers are left alone."""

import ipaddress
import re
from collections.abc import Callable, Iterator

import regex

from app.core.cleaning.links import EMAIL

# Lengths by country, from the registry of ISO 13616 (SWIFT, release 99).
_REGISTRY = """
AD=24 AE=23 AL=28 AT=20 AZ=28 BA=20 BE=16 BG=22 BH=22 BI=27 BR=29 BY=28 CH=21 CR=22 CY=28 CZ=24 DE=22 DJ=27 DK=18
DO=28 EE=20 EG=29 ES=24 FI=18 FK=18 FO=18 FR=27 GB=22 GE=22 GI=23 GL=18 GR=27 GT=28 HN=28 HR=21 HU=28 IE=22 IL=23
IQ=23 IS=26 IT=27 JO=30 KW=30 KZ=20 LB=28 LC=32 LI=21 LT=20 LU=20 LV=21 LY=25 MC=27 MD=24 ME=22 MK=19 MN=20 MR=27
MT=31 MU=30 NI=28 NL=18 NO=15 OM=23 PK=24 PL=28 PS=29 PT=25 QA=29 RO=24 RS=22 RU=33 SA=24 SC=31 SD=18 SE=24 SI=19
SK=24 SM=27 SO=23 ST=25 SV=28 TL=23 TN=24 TR=26 UA=29 VA=22 VG=24 XK=20 YE=30
"""
_IBAN_LENGTHS = dict(pair.split("=") for pair in _REGISTRY.split())
_IBAN = regex.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \xa0]?[A-Z0-9]{4}){2,7}(?:[ \xa0]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
_CARD = regex.compile(r"(?<![\w.+/-])[2-6]\d{3}(?:[ -]?\d){9,15}(?![\d]|[.,/-]\d)")
# First digits and lengths of the large issuers (ISO/IEC 7812).
_ISSUER = regex.compile(
    r"4(?:\d{12}|\d{15}|\d{18})|5[1-5]\d{14}|2(?:22[1-9]|2[3-9]\d|[3-6]\d\d|7[01]\d|720)\d{12}|3[47]\d{13}|3(?:0[0-5]|[689]\d)\d{11}"
    r"|35\d{14}|6(?:011|5\d\d|4[4-9]\d|2\d\d)\d{12,15}|(?:5018|5020|5038|6304|6759|676[1-3])\d{8,15}"
)
_IPV4 = regex.compile(
    r"(?<![\w.-]|\d[:/])(?:(?:25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(?:25[0-5]|2[0-4]\d|1?\d?\d)(?![\w-]|\.\d)"
)
_VERSION_BEFORE = regex.compile(r"(?:\b(?:version|release|build|section|chapter|firmware|v)[ .:]*)\Z", regex.IGNORECASE)
_IPV6 = regex.compile(r"(?<![\w:.])(?:[0-9A-Fa-f]{0,4}:){2,7}[0-9A-Fa-f]{0,4}(?![\w:])")
_KEY = regex.compile(
    r"-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|\Z)"
    r"|(?<![A-Za-z0-9_])(?:"
    r"(?:AKIA|ASIA)[0-9A-Z]{16}"
    r"|(?:sk|rk|pk)[-_](?:(?:ant|proj|live|test|or|svcacct)[-_])?[A-Za-z0-9_-]{16,}"
    r"|gh[pousr]_[A-Za-z0-9]{20,}|github_pat_[A-Za-z0-9_]{20,}|glpat-[A-Za-z0-9_-]{16,}"
    r"|xox[abeoprs]-[A-Za-z0-9-]{10,}|AIza[0-9A-Za-z_-]{30,}|ya29\.[0-9A-Za-z_-]{20,}|hf_[A-Za-z0-9]{20,}|npm_[A-Za-z0-9]{30,}"
    r"|SG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}|eyJ[A-Za-z0-9_-]{8,}\.eyJ[A-Za-z0-9_-]{8,}\.[A-Za-z0-9_-]{8,}"
    r")(?![A-Za-z0-9_])"
)
# A name that says what follows; only what follows is the secret.
_NAMED_KEY = regex.compile(
    r"(?i:(?:api|access|secret|private|auth)[_ -]?(?:key|token)|client[_ -]?secret|password|passwd|bearer)"
    r"[\"']?[ ]*(?:[:=]|(?<=[Bb]earer))[ ]*[\"']?\K[A-Za-z0-9+/_=.-]{12,}"
)
_KEY_HINTS = (
    "-----BEGIN",
    "AKIA",
    "ASIA",
    "sk",
    "rk",
    "pk",
    "gh",
    "glpat-",
    "xox",
    "AIza",
    "ya29.",
    "hf_",
    "npm_",
    "SG.",
    "eyJ",
)
_NAMED_HINTS = ("key", "token", "secret", "passw", "bearer")
_SSN = regex.compile(r"(?<![\w-])(?!000|666|9)\d{3}-(?!00)\d\d-(?!0000)\d{4}(?![\w-])")
_PHONE = regex.compile(
    r"(?<![\w+.,/:=#$€£-]|\d[ ])"
    r"(?:(?:\+|00(?=[1-9]))[ ]?[1-9]\d{0,2}(?:[ .\-/]?\(\d{1,4}\))?(?:[ .\-/]?\d{1,5}){2,6}"
    r"|(?:1[ .\-]?)?\(\d{2,5}\)[ ]?\d{2,5}(?:[ .\-]?\d{2,5}){1,3}"
    r"|(?:1[ .\-])?\d{3}[ .\-]\d{3}[ .\-]\d{4}"
    r"|0\d{1,4}[ \-/.]\d{2,8}(?:[ \-.]?\d{2,5}){0,3}"
    r"|01[016789]-?\d{3,4}-?\d{4})"
    r"(?![\w%€$£]|[.,/:-]\d|[ ]\d)"
)
_NAMED_PHONE = regex.compile(
    r"(?:\b(?i:tel(?:efon|ephone|efono)?|phone(?: number)?|mobile?|cell|fax|call|whatsapp|handy)\b"
    r"|电话|手机|電話|전화|هاتف|тел)"
    r"[.:：]?[ ]*(?:(?:us|me|is|at|on|no\.?|number)[ .:]*)?\K"
    r"\+?\(?\d(?:(?:[ .\-/]|\)[ ]?|[ ]?\(|[ ]-[ ])?\d){6,14}(?!\w)"
)
_PHONE_DATE = regex.compile(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d")

Span = tuple[int, int]


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())


def luhn(number: str) -> bool:
    """Whether the check digit of a card number is right (ISO/IEC 7812-1, annex B)."""
    total = 0
    for place, digit in enumerate(reversed(number)):
        value = int(digit) * (2 if place % 2 else 1)
        total += value - 9 if value > 9 else value
    return total % 10 == 0


def iban_is_valid(iban: str) -> bool:
    """Whether the length fits the country and the check digits are right (ISO 13616, ISO 7064 mod 97-10)."""
    compact = iban.replace(" ", "").replace("\xa0", "")
    if _IBAN_LENGTHS.get(compact[:2]) != str(len(compact)):
        return False
    return int("".join(str(int(c, 36)) for c in compact[4:] + compact[:4])) % 97 == 1


def emails(text: str) -> Iterator[Span]:
    """Where e-mail addresses stand."""
    if "@" in text:
        yield from (match.span() for match in EMAIL.finditer(text))


def ibans(text: str) -> Iterator[Span]:
    """Where account numbers with right check digits stand."""
    for match in _IBAN.finditer(text):
        for end in range(match.end(), match.start() + 14, -1):
            boundary = end == match.end() or not text[end].isalnum()
            if boundary and text[end - 1].isalnum() and iban_is_valid(text[match.start() : end]):
                yield match.start(), end
                break


def cards(text: str) -> Iterator[Span]:
    """Where card numbers of a known issuer with the right check digit stand."""
    for match in _CARD.finditer(text):
        number = _digits(match[0])
        if _ISSUER.fullmatch(number) and luhn(number):
            yield match.span()


def addresses(text: str) -> Iterator[Span]:
    """Where IP addresses stand; not versions, nor addresses that name no machine such as 127.0.0.1."""
    found = []
    if text.count(".") >= 3:
        found += [
            m for m in _IPV4.finditer(text) if not _VERSION_BEFORE.search(text, max(m.start() - 12, 0), m.start())
        ]
    if text.count(":") >= 2:
        found += [
            m for m in _IPV6.finditer(text) if m[0].count(":") == 7 or ("::" in m[0] and any(map(str.isdecimal, m[0])))
        ]
    for match in found:
        try:
            address = ipaddress.ip_address(match[0])
        except ValueError:
            continue
        if not (address.is_loopback or address.is_unspecified or str(address) == "255.255.255.255"):
            yield match.span()


def keys(text: str) -> Iterator[Span]:
    """Where keys, tokens and passwords of known shape or with a name before them stand; each holds a digit."""
    if any(hint in text for hint in _KEY_HINTS):
        yield from (match.span() for match in _KEY.finditer(text) if _DIGIT.search(match[0]) or match[0][0] == "-")
    lower = text.lower()
    if any(hint in lower for hint in _NAMED_HINTS):
        yield from (match.span() for match in _NAMED_KEY.finditer(text) if _secret(match[0]))


def _secret(value: str) -> bool:
    """A word is no key: it has digits and letters."""
    return any(c.isdecimal() for c in value) and any(c.isalpha() for c in value)


def social_numbers(text: str) -> Iterator[Span]:
    """Where social security numbers of the United States stand."""
    if "-" in text:
        yield from (match.span() for match in _SSN.finditer(text))


def phones(text: str) -> Iterator[Span]:
    """Where phone numbers stand: international, in a usual national form, or after a word such as "Tel."."""
    for pattern in (_PHONE, _NAMED_PHONE):
        for match in pattern.finditer(text):
            # An order number may begin with two zeros as well, but is not that long.
            least = 11 if match[0].startswith("00") else 7
            if least <= len(_digits(match[0])) <= 15 and not _PHONE_DATE.match(match[0]):
                yield match.span()


# In this order: what an earlier one has found, a later one does not see.
FINDERS: dict[str, Callable[[str], Iterator[Span]]] = {
    "key": keys,
    "email": emails,
    "iban": ibans,
    "card": cards,
    "ssn": social_numbers,
    "ip": addresses,
    "phone": phones,
}
_DIGIT = re.compile(r"\d")


def find(text: str, kinds: tuple[str, ...]) -> list[tuple[int, int, str]]:
    """All personal data of those kinds as ``(start, end, kind)``, in order and without overlap."""
    if not _DIGIT.search(text):
        kinds = tuple(kind for kind in kinds if kind == "email" or (kind == "key" and "-----BEGIN" in text))
    found: list[tuple[int, int, str]] = []
    for kind in kinds:
        for start, end in FINDERS[kind](text):
            if not any(start < b and a < end for a, b, _ in found):
                found.append((start, end, kind))
    return sorted(found)


def same(kind: str, value: str) -> str:
    """The form in which two writings of one thing are equal."""
    if kind in ("phone", "card", "ssn"):
        return _digits(value)
    if kind == "iban":
        return value.replace(" ", "").replace("\xa0", "")
    return value if kind == "key" else value.lower()
