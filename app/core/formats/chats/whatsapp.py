"""Chats that WhatsApp exports as text.

``5/4/24, 15:00 - Name: text`` is a message of Android, ``[13.06.2023, 18:08:30] Name: text`` one of iOS. A message goes
on until the next line that begins with a time. How the parts of a date are ordered depends on the phone and is told by
its numbers.
"""

import re
from collections.abc import Iterable, Iterator
from contextlib import suppress
from datetime import UTC, datetime
from itertools import chain, islice
from typing import BinaryIO

from app.core.formats.chats.talk import KIND, MEDIA, NOTICES, Said
from app.core.formats.limits import Limits, too_long
from app.core.formats.lines import limit_lines

_HEAD = re.compile(
    r"[\u200e\u200f]*\[?(?P<date>\d{1,4}[./-]\d{1,2}[./-]\d{1,4}|\d{4}년 \d{1,2}월 \d{1,2}일)[.,]?\s+"
    r"(?P<before>[^\d\s\[\]]{2,4}\s)?(?P<time>\d{1,2}[:.]\d{2}(?:[:.]\d{2})?)"
    r"(?:\s?(?P<half>[AaPp]\.?\s?[Mm]\.?))?(?:\]|\s-|,)\s"
)
_AUTHOR = re.compile(r"([^:\n]{1,80}): ?")
# What stands for a picture, a sound or a file in the languages that we know, on a line of its own or behind the mark of
# left-to-right that iOS puts before what it says itself. All parts have a longest length: a line can be a megabyte.
_MEDIA = re.compile(
    r"(?:^|\u200e)\u200e?(?:"
    r"<[^<>\n]{0,80}(?:media|medien|multimedia|médias|mídia|multimédia|adjunto|attached|anhang|allegato|bijgevoegd|"
    r"файл|メディア|媒体|미디어|وسائط)[^<>\n]{0,80}>"
    r"|(?:image|video|audio|sticker|gif|document|contact card|bild|dokument|imagen|vídeo|imagem|figurinha|immagine|"
    r"afbeelding|изображение)\s(?:omitted|weggelassen|omitido|omitida|ocultado|ocultada|omessa|omesso|weggelaten|omise|"
    r"absente?|пропущено)"
    r"|[\w. -]{1,120}\.\w{3,4} \((?:file attached|datei angehängt|archivo adjunto|fichier joint|file allegato|arquivo "
    r"anexado|bestand bijgevoegd|файл добавлен)\)"
    r")[ \t]*$",
    re.IGNORECASE | re.MULTILINE,
)
_EDITED = re.compile(
    r"\u200e?<(?:This message was edited|Diese Nachricht wurde bearbeitet|Se editó este mensaje[^<>]{0,40})>\s*\Z"
)
_DELETED = re.compile(
    r"\u200e?(?:This message was deleted|You deleted this message|Diese Nachricht wurde gelöscht)\.?\s*\Z"
)
_ORDER_SAMPLE = 5000


def recognises(text: str) -> str:
    """Why this is such a chat; nothing where it is none."""
    lines = [line for line in text.splitlines()[:40] if line.strip()]
    heads = [match for line in lines if (match := _HEAD.match(line))]
    named = sum(1 for match in heads if _AUTHOR.match(match.string, match.end()))
    is_one = bool(lines) and _HEAD.match(lines[0]) is not None and named >= 2
    return "its lines are messages of WhatsApp, with time and name" if is_one else ""


def messages(stream: BinaryIO, start: str, limits: Limits) -> Iterator[Said]:
    """The messages of an export as UTF-8."""
    lines = (
        (number, line.decode("utf-8", "replace").rstrip("\r\n"))
        for number, line in enumerate(limit_lines(stream, limits, KIND), 1)
    )
    ahead = list(islice(lines, _ORDER_SAMPLE))
    order = _date_order(match["date"] for _, line in ahead if (match := _HEAD.match(line)))
    head: re.Match[str] | None = None
    parts: list[str] = []
    begins = size = 0
    for number, line in chain(ahead, lines):
        found = _HEAD.match(line)
        if found is None:
            parts.append(line)
            size += len(line) + 1
            if size > limits.line_bytes:
                raise too_long(KIND, f"the message at line {begins}", limits)
            continue
        if head is not None:
            yield _said(head, "\n".join(parts), begins, order)
        head, begins, parts, size = found, number, [line[found.end() :]], 0
    if head is not None:
        yield _said(head, "\n".join(parts), begins, order)


def _date_order(dates: Iterable[str]) -> str:
    """Which part is the day, which the month: "dmy", "mdy" or "ymd", as the numbers allow, else as is usual."""
    first = ""
    for date in dates:
        numbers = [int(part) for part in re.findall(r"\d+", date)]
        first = first or date
        if numbers[0] > 31:
            return "ymd"
        if numbers[0] > 12:
            return "dmy"
        if numbers[1] > 12:
            return "mdy"
    return "mdy" if "/" in first else "dmy"


def _said(head: re.Match[str], text: str, line: int, order: str) -> Said:
    at = _seconds(head, order)
    named = _AUTHOR.match(text)
    if named is None:
        return Said("", "", at, left_out=(NOTICES,), line=line)
    author, text = named[1].strip("\u200e\u200f\u202a\u202c ~"), _EDITED.sub("", text[named.end() :])
    left_out = (MEDIA,) * len(_MEDIA.findall(text))
    text = _MEDIA.sub("", text).strip()
    # iOS marks what it says itself, as it marks media.
    if _DELETED.match(text) or text.startswith("\u200e"):
        return Said("", "", at, left_out=(*left_out, NOTICES), line=line)
    return Said(author, text, at, left_out=left_out, line=line)


def _seconds(head: re.Match[str], order: str) -> float | None:
    numbers = [int(part) for part in re.findall(r"\d+", head["date"])]
    year, month, day = (numbers[order.index(part)] for part in "ymd")
    hour, minute, second = [*(int(part) for part in re.findall(r"\d+", head["time"])), 0][:3]
    half = (head["half"] or head["before"] or "").strip().lower().replace(".", "")
    if half.startswith("p") or half in ("오후", "午後", "下午"):
        hour = hour % 12 + 12
    elif half.startswith("a") or half in ("오전", "午前", "上午"):
        hour %= 12
    with suppress(ValueError):
        return datetime(year if year > 99 else 2000 + year, month, day, hour, minute, second, tzinfo=UTC).timestamp()
    return None
