"""Numbers as a cell of a workbook shows them: by the number format of the cell.

The formats are those of ECMA-376, part 1, 18.8.30 and 18.8.31. The signs for decimals and thousands, and the dates that
a spreadsheet program writes as its user's system does, stand in no file: here they are ``.`` and ``,`` and ISO dates.
"""

import math
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta
from decimal import ROUND_HALF_UP, Decimal
from fractions import Fraction
from functools import lru_cache

# A spreadsheet program knows no more of a number.
DIGITS = 15
ISO_DATE, ISO_TIME = "yyyy-mm-dd", "hh:mm:ss"
_ENGLISH = 0x09
# What the last day of a calendar is: 31 December 9999, 0:00.
_LAST_DAY = 2_958_465
_TOKEN = re.compile(
    r'(?P<literal>"[^"]*"|\\.)|(?P<space>_.)|(?P<fill>\*.)|(?P<bracket>\[[^\]]*\])|(?P<general>General)'
    r"|(?P<noon>AM/PM|A/P|上午/下午)|(?P<exponent>E[+-])|(?P<date>y+|m+|d+|h+|s+|e+|b+|g+|r+)|(?P<digit>[0#?])"
    r"|(?P<sign>[.,%/@])|(?P<other>.)",
    re.IGNORECASE | re.DOTALL,
)
_CONDITION = re.compile(r"\[(<=|>=|<>|<|>|=)(-?\d+(?:\.\d+)?)\]")
_TESTS: dict[str, Callable[[float, float], bool]] = {
    "<": lambda a, b: a < b,
    "<=": lambda a, b: a <= b,
    ">": lambda a, b: a > b,
    ">=": lambda a, b: a >= b,
    "=": lambda a, b: a == b,
    "<>": lambda a, b: a != b,
}
_MONTHS = (
    "January", "February", "March", "April", "May", "June",
    "July", "August", "September", "October", "November", "December",
)  # fmt: skip
_DAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")


@dataclass(frozen=True)
class _Part:
    """A piece of a format: literal, digit, date, elapsed, noon, exponent, sign or general, and its text."""

    kind: str
    text: str


@dataclass
class _Section:
    """One of the formats that a number format is made of, separated by semicolons."""

    parts: list[_Part] = field(default_factory=list)
    condition: tuple[str, float] | None = None
    # Names of months and days, or numbers of another calendar, which only the user's system could write.
    is_foreign: bool = False

    @property
    def is_date(self) -> bool:
        return any(part.kind in ("date", "elapsed", "noon") for part in self.parts)

    def applies(self, value: float) -> bool:
        return self.condition is None or _TESTS[self.condition[0]](value, self.condition[1])


def general(value: float) -> str:
    """A number without a format."""
    text = f"{value:.{DIGITS}g}"
    if "e" in text and abs(value) < 1e21:
        text = f"{Decimal(text):f}"
    return text


def show(value: float, code: str, *, since_1904: bool = False) -> str:
    """A number as its number format shows it; dates are counted from 1900, or ``since_1904``.

    A format that cannot be understood, and a date that there is not, show the number.
    """
    try:
        return _shown(value, code, since_1904).strip()
    except (ValueError, ArithmeticError):
        return general(value)


def _shown(value: float, code: str, since_1904: bool) -> str:
    sections = _sections(code)
    if not sections or not math.isfinite(value):
        return general(value)
    section, is_signed = _section_of(value, sections)
    if section.is_date:
        return _date(value, section, since_1904)
    text = _number(abs(value) if is_signed else value, section.parts)
    return f"-{text}" if is_signed and value < 0 and not _says_sign(section, sections) else text


def _section_of(value: float, sections: Sequence[_Section]) -> tuple[_Section, bool]:
    """The section for a number, and whether it stands for the number without its sign."""
    if any(section.condition for section in sections):
        return next((section for section in sections[:-1] if section.applies(value)), sections[-1]), True
    if value < 0 and len(sections) > 1:
        return sections[1], True
    if value == 0 and len(sections) > 2:
        return sections[2], True
    return sections[0], True


def _says_sign(section: _Section, sections: Sequence[_Section]) -> bool:
    """Whether a section is for negative numbers and writes their sign itself."""
    return len(sections) > 1 and section is sections[1] and sections[0].condition is None


@lru_cache(512)
def _sections(code: str) -> tuple[_Section, ...]:
    sections = [_Section()]
    language = _ENGLISH
    for match in _TOKEN.finditer(code):
        kind, text = str(match.lastgroup), match[0]
        section = sections[-1]
        if kind == "literal":
            section.parts.append(_Part("literal", text[1:-1] if text[0] == '"' else text[1:]))
        elif kind == "space":
            section.parts.append(_Part("literal", " "))
        elif kind == "bracket":
            condition = _CONDITION.fullmatch(text)
            if condition:
                section.condition = (condition[1], float(condition[2]))
            elif re.fullmatch(r"\[(h+|m+|s+)\]", text, re.IGNORECASE):
                section.parts.append(_Part("elapsed", text[1:-1].lower()))
            elif text.startswith("[$"):
                currency, _, place = text[2:-1].partition("-")
                language, section.is_foreign = _language(place, language)
                section.parts.append(_Part("literal", currency))
        elif kind == "other" and text == ";":
            sections.append(_Section())
        elif kind == "other":
            section.parts.append(_Part("literal", text))
        elif kind == "date":
            named = text[0] in "mMdD" and len(text) > 2 and language != _ENGLISH
            section.is_foreign = section.is_foreign or named or text[0].lower() in "ebgr"
            section.parts.append(_Part("date", text.lower()))
        elif kind != "fill":
            section.parts.append(_Part(kind, text))
    for section in sections:
        section.parts = _with_minutes(section.parts)
    return tuple(sections[:3]) if sections[0].parts or len(sections) > 1 else ()


def _language(place: str, known: int) -> tuple[int, bool]:
    """The primary language of ``[$-407]`` or ``[$-de-DE]``, and whether the date is one of the user's own system.

    The number holds the language in its last two bytes, the calendar and the script of the digits before them.
    """
    if not place:
        return known, False
    if not re.fullmatch(r"[0-9A-Fa-f]{1,8}", place):
        return (_ENGLISH if place.lower().startswith("en") else 0), False
    number = int(place, 16)
    # F800 and F400 are the long date and the time of the system.
    if number in (0xF800, 0xF400):
        return _ENGLISH, True
    return number & 0x3FF, (number >> 16) & 0xFF not in (0, 1)


def _with_minutes(parts: list[_Part]) -> list[_Part]:
    """``m`` and ``mm`` are minutes behind hours and before seconds."""
    times = [place for place, part in enumerate(parts) if part.kind in ("date", "elapsed")]
    found = list(parts)
    for number, place in enumerate(times):
        if parts[place].kind != "date" or parts[place].text not in ("m", "mm"):
            continue
        before = parts[times[number - 1]].text[0] if number else ""
        after = parts[times[number + 1]].text[0] if number + 1 < len(times) else ""
        if before == "h" or after == "s":
            found[place] = _Part("date", parts[place].text.replace("m", "i"))
    return found


def _date(value: float, section: _Section, since_1904: bool) -> str:
    """A date or time. Raises ValueError where there is none of this number."""
    if section.is_foreign:
        section = _sections(_iso(section.parts))[0]
    parts = section.parts
    seconds = Decimal(repr(value)) * 86400
    decimals = _second_decimals(parts)
    seconds = seconds.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP)
    if any(part.kind == "elapsed" for part in parts):
        return ("-" if seconds < 0 else "") + _clock(abs(seconds), parts, None)
    if not 0 <= seconds < (_LAST_DAY + 1) * 86400:
        raise ValueError(value)
    return _clock(seconds, parts, _day(int(seconds // 86400), since_1904))


def _iso(parts: Sequence[_Part]) -> str:
    texts = "".join(part.text[0] for part in parts if part.kind in ("date", "elapsed"))
    has_date, has_time = bool(set(texts) & set("ydebgr")) or "m" in texts, bool(set(texts) & set("hsi"))
    return " ".join(code for code, there in ((ISO_DATE, has_date), (ISO_TIME, has_time)) if there)


def _day(number: int, since_1904: bool) -> date | None:
    """The day of a number; none for 0 of 1900, which only times have. Day 60 of 1900 was never there."""
    if since_1904:
        return date(1904, 1, 1) + timedelta(number)
    return date(1899, 12, 31 if number < 60 else 30) + timedelta(number) if number else None


def _second_decimals(parts: Sequence[_Part]) -> int:
    """How many decimals of seconds are shown."""
    for place, part in enumerate(parts):
        if part.kind == "sign" and part.text == "." and place and parts[place - 1].text[:1] == "s":
            return sum(1 for _ in _digits_from(parts, place + 1))
    return 0


def _digits_from(parts: Sequence[_Part], place: int) -> Sequence[_Part]:
    end = place
    while end < len(parts) and parts[end].kind == "digit":
        end += 1
    return parts[place:end]


def _clock(seconds: Decimal, parts: Sequence[_Part], day: date | None) -> str:
    whole = int(seconds)
    within = whole % 86400
    hours, minutes, rest = within // 3600, within // 60 % 60, within % 60
    is_half = any(part.kind == "noon" for part in parts)
    fraction = f"{seconds % 1:f}"[2:]
    texts: list[str] = []
    for part in parts:
        if part.kind == "elapsed":
            unit = {"h": 3600, "m": 60, "s": 1}[part.text[0]]
            texts.append(str(whole // unit).zfill(len(part.text)))
        elif part.kind == "date" and part.text[0] in "his":
            number = {"h": (hours % 12 or 12) if is_half else hours, "i": minutes, "s": rest}[part.text[0]]
            texts.append(str(number).zfill(min(len(part.text), 2)))
        elif part.kind == "date":
            texts.append(_day_part(part.text, day))
        elif part.kind == "noon":
            before, after = part.text.split("/")
            texts.append(before if hours < 12 else after)
        elif part.kind == "digit":
            texts.append(fraction[:1])
            fraction = fraction[1:]
        elif part.kind in ("literal", "sign"):
            texts.append(part.text)
    return "".join(texts)


def _day_part(text: str, day: date | None) -> str:
    if text[0] == "y":
        year = 1900 if day is None else day.year
        return f"{year:04}" if len(text) > 2 else f"{year % 100:02}"
    month = 1 if day is None else day.month
    if text[0] == "m":
        name = _MONTHS[month - 1]
        return {1: str(month), 2: f"{month:02}", 3: name[:3], 5: name[0]}.get(len(text), name)
    number = 0 if day is None else day.day
    name = _DAYS[5 if day is None else day.weekday()]
    return {1: str(number), 2: f"{number:02}", 3: name[:3]}.get(len(text), name)


def _number(value: float, parts: Sequence[_Part]) -> str:
    """A number that is not negative, by the parts of its section."""
    kinds = {part.kind for part in parts}
    signs = {part.text for part in parts if part.kind == "sign"}
    if "general" in kinds or "@" in signs:
        return "".join(general(value) if part.kind == "general" or part.text == "@" else part.text for part in parts)
    if "digit" not in kinds:
        return "".join(part.text for part in parts if part.text != ",")
    number = Decimal(f"{value:.{DIGITS}g}") * 100 ** sum(part.text == "%" for part in parts if part.kind == "sign")
    if "/" in signs:
        return _fraction(number, parts)
    first = next(place for place, part in enumerate(parts) if part.kind == "digit")
    point = next((place for place, part in enumerate(parts) if part.text == "." and part.kind == "sign"), len(parts))
    exponent = next((place for place, part in enumerate(parts) if part.kind == "exponent"), len(parts))
    whole_end = min(point, exponent)
    places = [place for place in range(whole_end) if parts[place].kind == "digit"]
    last = max((place for place, part in enumerate(parts[:exponent]) if part.kind == "digit"), default=first)
    commas = [place for place in range(whole_end) if parts[place].kind == "sign" and parts[place].text == ","]
    is_grouped = bool(places) and any(places[0] < place < places[-1] for place in commas)
    scale = sum(1 for place, part in enumerate(parts[:exponent]) if part.text == "," and place > last)
    scale += sum(1 for place in commas if places and places[-1] < place) if last > whole_end else 0
    number /= 1000**scale
    decimals = [place for place in range(point + 1, exponent) if parts[place].kind == "digit"]
    power = 0
    if exponent < len(parts):
        number, power = _scientific(number, max(len(places), 1), len(decimals))
    number = number.quantize(Decimal(1).scaleb(-len(decimals)), ROUND_HALF_UP)
    whole, _, rest = f"{number:f}".partition(".")
    texts = _whole(whole.lstrip("0"), parts, places, is_grouped)
    if not places and whole.strip("0"):
        texts[point] = whole + "."
    texts |= _decimals(rest, parts, decimals)
    written: list[str] = []
    for place, part in enumerate(parts):
        if place > exponent and part.kind == "digit":
            continue
        if place in texts:
            written.append(texts[place])
        elif part.kind == "exponent":
            width = len(_digits_from(parts, place + 1))
            sign = "-" if power < 0 else "+" if part.text[1] == "+" else ""
            written.append(f"{part.text[0]}{sign}{abs(power):0{width}}")
        elif part.text != "," or part.kind == "literal":
            written.append(part.text)
    return "".join(written)


def _scientific(number: Decimal, width: int, decimals: int) -> tuple[Decimal, int]:
    """A number as one of so many digits before the point, and the power of ten that goes with it."""
    if not number:
        return number, 0
    power = number.adjusted()
    power = power // width * width if width > 1 else power
    scaled = number.scaleb(-power)
    if scaled.quantize(Decimal(1).scaleb(-decimals), ROUND_HALF_UP) >= Decimal(10) ** width:
        power += width
        scaled = number.scaleb(-power)
    return scaled, power


def _whole(digits: str, parts: Sequence[_Part], places: Sequence[int], is_grouped: bool) -> dict[int, str]:
    """The digits before the point at their places; those that have none stand at the first."""
    texts: dict[int, str] = {}
    count = 0
    for place in reversed(places):
        mine = digits[-1:]
        digits = digits[:-1]
        if place == places[0]:
            mine = digits + mine
        if not mine:
            mine = {"0": "0", "?": " "}.get(parts[place].text, "")
        text = ""
        for digit in reversed(mine):
            text = digit + ("," if is_grouped and count and count % 3 == 0 and digit != " " else "") + text
            count += 1
        texts[place] = text
    return texts


def _decimals(digits: str, parts: Sequence[_Part], places: Sequence[int]) -> dict[int, str]:
    """The digits behind the point at their places; zeros at the end stand where the format asks for them."""
    texts: dict[int, str] = {}
    is_needed = False
    for place, digit in zip(reversed(places), reversed(digits), strict=True):
        is_needed = is_needed or digit != "0" or parts[place].text == "0"
        texts[place] = digit if is_needed else " " if parts[place].text == "?" else ""
    return texts


def _fraction(number: Decimal, parts: Sequence[_Part]) -> str:
    """A number as a whole and a fraction: ``# ?/?``, ``# ??/16``."""
    slash = next(place for place, part in enumerate(parts) if part.text == "/" and part.kind == "sign")
    top = slash
    while top and parts[top - 1].kind == "digit":
        top -= 1
    end = slash + 1
    while end < len(parts) and (parts[end].kind == "digit" or parts[end].text.isdigit()):
        end += 1
    below = "".join(part.text for part in parts[slash + 1 : end])
    if not below or top == slash:
        raise ValueError(number)
    has_whole = any(part.kind == "digit" for part in parts[:top])
    if below.strip("0#?"):
        limit = int("".join(digit if digit.isdigit() else "0" for digit in below))
        found = Fraction(round(Fraction(number) * limit), limit)
        numerator, denominator = int(found * limit), limit
    else:
        found = Fraction(number).limit_denominator(10 ** len(below) - 1)
        numerator, denominator = found.numerator, found.denominator
    whole, numerator = divmod(numerator, denominator) if has_whole else (0, numerator)
    before = [part for part in parts[:top] if part.kind != "digit"]
    prefix = "".join(part.text for part in before).strip()
    suffix = "".join(part.text for part in parts[end:])
    texts = [str(whole)] if whole or (has_whole and not numerator) else []
    texts += [f"{numerator}/{denominator}"] if numerator or not has_whole else []
    return prefix + " ".join(texts) + suffix
