"""Personal data in texts: where it stands, checked by its own rules so that other numbers are left alone."""

import ipaddress
import re
from collections.abc import Callable, Iterator
from functools import lru_cache

import regex

from app.core.cleaning.links import EMAIL

_IBAN = regex.compile(
    r"(?<![A-Za-z0-9])[A-Z]{2}\d{2}(?:[ \xa0]?[A-Z0-9]{4}){2,7}(?:[ \xa0]?[A-Z0-9]{1,3})?(?![A-Za-z0-9])"
)
_IBAN_START = re.compile(r"[A-Z][A-Z]\d\d")
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
_DOTTED_DIGITS = re.compile(r"\d\.\d{1,3}\.\d")
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
# What each of them holds, found by its rarest character.
_KEY_HINT = re.compile(
    r"[-_AGJ9](?:"
    r"(?:(?<=[srp]k[-_])|(?<=gh[pousr]_)|(?<=b_pat_)|(?<=glpat-)|(?<=xox[abeoprs]-)|(?<=hf_)|(?<=npm_))[\w-]{10}"
    r"|(?<=A)(?:[KS]IA|Iza)|(?<=SG)\.|(?<=eyJ)|(?<=ya29)\.|(?<=-----)BEGIN)"
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
_PHONE_WORD = (
    r"(?:\b(?i:tel(?:efon|efoon|ephone|efono|éfono|efone)?|téléphone|phone(?: number)?|mobile?|móvil|celular|cell|fax"
    r"|call|dial|ring|sms|hotline|helpline|toll[ -]free|whatsapp|handy|portable|cellulare)\b"
    r"|电话|手机|電話|携帯|전화|연락처|휴대폰|هاتف|جوال|тел(?:ефон)?|моб)"
)
_PHONE_DIGITS = r"\(?\d(?:(?:[ .\-/]|\)[ ]?|[ ]?\(|[ ]-[ ])?\d){6,14}"
_NAMED_PHONE = regex.compile(
    rf"{_PHONE_WORD}[.:：]?[ ]*(?:(?:us|me|is|at|on|no\.?|number)[ .:]*)?\K\+?{_PHONE_DIGITS}(?!\w)"
)
# More numbers after one: “…, … or …”, with another word such as “Fax” before it.
_NEXT_PHONE = regex.compile(
    r"[ ]*(?:[,;/|&+、，]|\b(?:or|and|oder|und|ou|et|o|y|e|или|и|أو|و|または|또는)\b|[或和又])?[ ]*"
    rf"(?:{_PHONE_WORD}[.:：]?[ ]*)?\K[+＋]?{_PHONE_DIGITS}(?![\w%€$£]|[.,/:-]\d)"
)
_PHONE_DATE = regex.compile(r"(?:19|20)\d\d[-./ ]\d\d?[-./ ]\d\d?|\d\d?[-./]\d\d?[-./](?:19|20)\d\d")
# Fewer digits than these, with little between them, are no phone number.
_SEVEN_DIGITS = re.compile(r"\d[^\w\n]{0,3}" * 6 + r"\d")
_PLUS = re.compile(r"[+＋][ (]?\d(?:[ ()./-]{0,3}\d){6}")
# All decimal digits are in these ranges, which the search passes over quicker than asking each character what it is.
_DIGITS = "0-9\u0660-\u1c59\ua620-\uabf9\uff10-\uff19\U000104a0-\U0001fbf9"
# What stands in an account number, an IPv4 address, and in any number of seven digits.
_NUMBER = re.compile(f"[{_DIGITS}]" + r"(?:(?<=[A-Z][A-Z]\d)\d|(?<=\d)(?:\.\d{1,3}\.\d|" + r"[^\w\n]{0,3}\d" * 6 + "))")
# So many characters after a plus sign may belong to its number, with an extension.
_LONGEST_PHONE = 48
# Groups of digits that a country may write its numbers in. What is like thousands, two long groups or a range is none.
_GROUPED = regex.compile(
    r"(?<![\w+]|\w[.,/:=#-]|[$€£]|\d[ ])(?!0\.\d|\d{1,3}(?:[ .]\d{3})+(?![\d.-]|[ ]\d)|\d{3}-\d{3}-\d{3}(?!\d))"
    r"(?=[(0]|\d+[ .\-]\d+[ .\-]\d)\(?\d{1,5}\)?(?:[ ]?[ .\-/][ ]?\(?\d{1,6}\)?){1,5}(?![\w%€$£]|[.,/:-]\d|[ ]\d)"
)
# Countries whose written forms are tried on numbers without a country code.
_REGIONS = (
    "US",
    "GB",
    "DE",
    "FR",
    "ES",
    "IT",
    "IN",
    "JP",
    "KR",
    "BR",
    "CN",
    "NL",
    "AU",
    "MX",
    "PL",
    "TR",
    "RU",
    "SE",
    "CH",
    "AT",
    "BE",
)

Span = tuple[int, int]


def _digits(text: str) -> str:
    return "".join(c for c in text if c.isdecimal())


def emails(text: str) -> Iterator[Span]:
    """Where e-mail addresses stand."""
    if "@" in text:
        yield from (match.span() for match in EMAIL.finditer(text))


def ibans(text: str) -> Iterator[Span]:
    """Where account numbers of a country's form with right check digits stand (ISO 13616)."""
    if not _IBAN_START.search(text):
        return
    from stdnum import iban

    for match in _IBAN.finditer(text):
        for end in range(match.end(), match.start() + 14, -1):
            boundary = end == match.end() or not text[end].isalnum()
            number = text[match.start() : end].replace("\xa0", " ")
            if boundary and number[-1].isalnum() and iban.is_valid(number, check_country=False):
                yield match.start(), end
                break


def cards(text: str) -> Iterator[Span]:
    """Where card numbers of a known issuer with the right check digit stand."""
    if not _SEVEN_DIGITS.search(text):
        return
    from stdnum import luhn

    for match in _CARD.finditer(text):
        number = _digits(match[0])
        if _ISSUER.fullmatch(number) and luhn.is_valid(number):
            yield match.span()


def addresses(text: str) -> Iterator[Span]:
    """Where IP addresses stand; not versions, nor addresses that name no machine such as 127.0.0.1."""
    found = []
    if _DOTTED_DIGITS.search(text):
        found += [
            m for m in _IPV4.finditer(text) if not _VERSION_BEFORE.search(text, max(m.start() - 12, 0), m.start())
        ]
    if "::" in text or text.count(":") >= 7:
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
    if _KEY_HINT.search(text):
        yield from (match.span() for match in _KEY.finditer(text) if _DIGIT.search(match[0]) or match[0][0] == "-")
    if _may_name_key(text):
        yield from (match.span() for match in _NAMED_KEY.finditer(text) if _secret(match[0]))


def _may_name_key(text: str) -> bool:
    if ":" not in text and "=" not in text and "earer" not in text:
        return False
    lower = text.lower()
    return any(hint in lower for hint in _NAMED_HINTS)


def _secret(value: str) -> bool:
    """A word is no key: it has digits and letters."""
    return any(c.isdecimal() for c in value) and any(c.isalpha() for c in value)


def social_numbers(text: str) -> Iterator[Span]:
    """Where social security numbers of the United States stand."""
    if "-" in text and _SEVEN_DIGITS.search(text):
        yield from (match.span() for match in _SSN.finditer(text))


def phones(text: str) -> Iterator[Span]:
    """Where phone numbers stand: valid ones, such as look usual, those after a word, and what is listed after them."""
    if not _SEVEN_DIGITS.search(text):
        return
    found = list(_valid_phones(text))
    for pattern in (_PHONE, _NAMED_PHONE):
        found += (match.span() for match in pattern.finditer(text) if _may_be_phone(match[0]))
    yield from found
    # Where one number stands, those that are listed after it are numbers too, in whatever form.
    ends = {end for _, end in found}
    for _, end in found:
        while (match := _NEXT_PHONE.match(text, end)) and _may_be_phone(match[0]):
            end = match.end()
            if end in ends:
                break
            ends.add(end)
            yield match.span()


def _may_be_phone(text: str) -> bool:
    """Whether a number is no date, nor too long or short. Two zeros may begin an order number as well."""
    return (11 if text.startswith("00") else 7) <= len(_digits(text)) <= 15 and not _PHONE_DATE.match(text)


def _valid_phones(text: str) -> Iterator[Span]:
    """Where numbers stand that are valid in the country of their code, or as one of ``_REGIONS`` writes its own."""
    import phonenumbers

    for plus in _PLUS.finditer(text):
        window = text[plus.start() : plus.start() + _LONGEST_PHONE]
        if match := next(iter(phonenumbers.PhoneNumberMatcher(window, None)), None):
            yield plus.start() + match.start, plus.start() + match.end
    for match in _GROUPED.finditer(text):
        if _may_be_phone(match[0]) and _is_national(match[0]):
            yield match.span()


@lru_cache(1 << 12)
def _is_national(number: str) -> bool:
    """Whether some country writes a valid number of its own in these groups."""
    import phonenumbers

    for region in _REGIONS:
        try:
            parsed = phonenumbers.parse(number, region)
        except phonenumbers.NumberParseException:
            return False
        if (
            phonenumbers.is_valid_number(parsed)
            and phonenumbers.PhoneNumberMatcher(
                number, region, leniency=phonenumbers.Leniency.STRICT_GROUPING
            ).has_next()
        ):
            return True
    return False


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


def may_hold_key(text: str) -> bool:
    """Whether a text may hold a key: a quick look that passes over none."""
    return bool(_KEY_HINT.search(text)) or _may_name_key(text)


def may_hold_others(text: str) -> bool:
    """The same for personal data of all kinds but keys."""
    return "@" in text or bool(_NUMBER.search(text)) or "::" in text or text.count(":") >= 7


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
