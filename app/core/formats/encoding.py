"""Which encoding a file has: byte-order mark, then strict UTF-8, then a detector; never a silent guess."""

import codecs
from contextlib import suppress
from dataclasses import dataclass

from app.core.errors import LttError
from app.core.formats.foreign import refusing

_BOMS = (
    (codecs.BOM_UTF8, "utf-8-sig", "a byte-order mark says UTF-8"),
    (codecs.BOM_UTF32_LE, "utf-32", "a byte-order mark says UTF-32"),
    (codecs.BOM_UTF32_BE, "utf-32", "a byte-order mark says UTF-32"),
    (codecs.BOM_UTF16_LE, "utf-16", "a byte-order mark says UTF-16"),
    (codecs.BOM_UTF16_BE, "utf-16", "a byte-order mark says UTF-16"),
)
CHOICES = (
    "utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "cp1252", "iso-8859-15", "cp1250", "cp1251", "cp1253",
    "cp1254", "cp1255", "cp1256", "cp1257", "iso-8859-2", "koi8-r", "gb18030", "big5", "cp932", "euc-jp", "cp949",
)  # fmt: skip
_SAMPLE = 256 * 1024
# How to decode so that what cannot be decoded spoils its row alone: half characters stand for it, which no text holds.
UNDECODED = "ltt-undecoded"
codecs.register_error(UNDECODED, lambda error: ("\udcff" * (error.end - error.start), error.end))  # type: ignore[attr-defined]
# Codecs of Python that are no encodings of files.
_NO_ENCODINGS = frozenset({"idna", "punycode", "unicode_escape", "raw_unicode_escape", "undefined", "mbcs", "oem"})
# In the order in which a tie is settled: Korean text reads as plausible Chinese in GB 18030, the reverse is not true.
_EAST_ASIAN = ("cp949", "cp932", "gb18030", "big5", "euc-jp")


@dataclass(frozen=True, slots=True)
class Encoding:
    """An encoding with the reason in words; ``sure`` is False where a person should look at the preview."""

    name: str
    reason: str
    sure: bool = True
    warning: str = ""


def is_encoding(name: str) -> bool:
    """Whether text can be in an encoding of that name."""
    try:
        codec = codecs.lookup(name)
        return codec.name.replace("-", "_") not in _NO_ENCODINGS and isinstance(b"a".decode(codec.name, "replace"), str)
    except (LookupError, ValueError):
        return False


def detect_encoding(head: bytes, *, complete: bool) -> Encoding:
    """The encoding of a file from its first bytes."""
    for mark, name, reason in _BOMS:
        if head.startswith(mark):
            return Encoding(name, reason)
    if without_mark := _utf16_without_mark(head):
        return without_mark
    invalid = _invalid_utf8(head, complete=complete)
    if not invalid:
        return Encoding("utf-8", "every byte is valid UTF-8", warning=_mojibake_warning(head))
    # A few stray bytes in a file that otherwise holds real multi-byte UTF-8.
    if sum(c > "\x7f" for c in head.decode("utf-8", "ignore")) >= invalid:
        return Encoding("utf-8", "nearly every line is valid UTF-8", warning="Some lines are not valid UTF-8.")
    return _guess_encoding(head, complete=complete)


def _utf16_without_mark(head: bytes) -> Encoding | None:
    sample = head[:4096]
    if len(sample) < 4 or b"\x00" not in sample:
        return None
    even, odd = sample[0::2].count(0), sample[1::2].count(0)
    half = len(sample) // 2
    if odd > half * 0.3 and even < half * 0.05:
        return Encoding("utf-16-le", "every second byte is zero, as in UTF-16", sure=False)
    if even > half * 0.3 and odd < half * 0.05:
        return Encoding("utf-16-be", "every second byte is zero, as in UTF-16", sure=False)
    return None


def _invalid_utf8(head: bytes, *, complete: bool) -> int:
    """How many undecodable places there are; a character cut off at the end of a sample is none."""
    decoder = codecs.getincrementaldecoder("utf-8")
    try:
        decoder().decode(head, final=complete)
    except UnicodeDecodeError:
        text = decoder("surrogateescape").decode(head, final=complete)
        return sum("\udc80" <= c <= "\udcff" for c in text)
    return 0


def _mojibake_warning(head: bytes) -> str:
    text = head[:_SAMPLE].decode("utf-8", "ignore")
    marks = sum(
        text.count(mark) for mark in ("Ã¤", "Ã¶", "Ã¼", "Ã©", "Ã¨", "â€™", "â€œ", "â€“", "Ã±", "Â°", "Ð°", "ï¿½")
    )
    marks += text.count("\ufffd")
    return (
        f"{marks} places look wrongly decoded before (such as “Ã¼” for “ü”). They are kept as they are."
        if marks
        else ""
    )


def _guess_encoding(head: bytes, *, complete: bool) -> Encoding:
    sample = head if complete else head[: head.rfind(b"\n") + 1] or head
    sample = sample[:_SAMPLE]
    sample = sample[: sample.rfind(b"\n") + 1] or sample
    east = {name: _east_asian_score(sample, name) for name in _EAST_ASIAN}
    name = max(_EAST_ASIAN, key=lambda one: east[one])
    score = east[name]
    if score > 0.6:
        return Encoding(name, f"its two-byte characters read well as {name.upper()}", sure=False)
    return _guess_western(sample)


def _east_asian_score(sample: bytes, name: str) -> float:
    """The share of non-ASCII characters that are frequent in the script the code was made for; 0 if not decodable."""
    try:
        text = sample.decode(name)
    except UnicodeDecodeError:
        return 0.0
    foreign = [c for c in text if c > "\x7f"]
    if not foreign:
        return 0.0
    common = sum(_is_common(c, name) for c in foreign)
    return common / len(foreign) * (1 if len(foreign) * 2 > sum(b > 0x7F for b in sample) * 0.9 else 0.8)


def _is_common(c: str, name: str) -> bool:
    if name == "cp949":
        return "\uac00" <= c <= "\ud7a3" or "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uff60"
    if name in ("cp932", "euc-jp"):
        return (
            "\u3040" <= c <= "\u30ff"
            or "\u3000" <= c <= "\u303f"
            or ("\u4e00" <= c <= "\u9fff" and _is_frequent(c, name))
        )
    punctuation = "\u3000" <= c <= "\u303f" or "\uff00" <= c <= "\uff60" or "\u2010" <= c <= "\u2027"
    return punctuation or ("\u4e00" <= c <= "\u9fff" and _is_frequent(c, name))


def _is_frequent(c: str, name: str) -> bool:
    """Whether a Chinese character belongs to the frequent first level of its national table."""
    code = c.encode(name, "ignore")
    if len(code) != 2:
        return False
    lead = code[0]
    if name == "gb18030":
        return 0xB0 <= lead <= 0xD7 and code[1] >= 0xA1
    if name == "big5":
        return 0xA4 <= lead <= 0xC6
    return 0x88 <= lead <= 0x97 if name == "cp932" else 0xB0 <= lead <= 0xCF


def _guess_western(sample: bytes) -> Encoding:
    from charset_normalizer import from_bytes

    best = None
    # Where it fails, it has told nothing.
    with suppress(LttError), refusing("No encoding was found ({reason}).", code="encoding"):
        best = from_bytes(sample, cp_isolation=[name for name in CHOICES if not name.startswith("utf")]).best()
    name = best.encoding.replace("_", "-") if best else "cp1252"
    if name in ("cp1250", "iso-8859-15", "iso-8859-2", "cp1254", "cp1257", "latin-1") and _reads_as_cp1252(sample):
        name = "cp1252"
    name = name if name in CHOICES else codecs.lookup(name).name
    return Encoding(name, "it is not UTF-8; this fits its bytes best", sure=False)


def _reads_as_cp1252(sample: bytes) -> bool:
    """Whether every byte above ASCII is a letter or sign that Western European text uses."""
    try:
        text = sample.decode("cp1252")
    except UnicodeDecodeError:
        return False
    usual = set("äöüÄÖÜßéèêëáàâãåæçíìîïñóòôõøœúùûÿýÉÈÀÁÂÃÅÆÇÍÓÔÕØŒÚÑ€£§°±²³µ·½¼¾«»„“”‘’‚…–—•™®©¿¡\xa0´")
    return all(c in usual for c in text if c > "\x7f")
