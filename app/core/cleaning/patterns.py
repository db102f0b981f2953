"""Searching with patterns that users write: checked first, stopped when slow or when the output grows too large."""

import math
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from typing import Any

import regex

from app.core.cleaning.base import CleaningStopped, empty_option
from app.core.errors import Invalid

# A run may spend this long on a pattern, and a microsecond more for each character that it reads. All of it is time of
# the processor: that others keep it busy makes no pattern slow.
SECONDS = 0.75
SECONDS_PER_CHARACTER = 1e-6
MAX_CHARACTERS = 1_000_000
_SURE = 20_000_000
# Longer waits are taken with the interpreter free for other threads; short ones are not worth the hand-over.
_SHORT_SECONDS = 0.01
_LEAST_SECONDS = 0.001
# Watching the time costs more than searching a short text, so patterns that cannot run wild are not watched there.
_QUICK_CHARACTERS = 2_000
# What a pattern may be. Compiling unrolls counted repeats, and recursion takes a gigabyte before its time is up.
MAX_PATTERN = 1_000
MAX_LITERAL = 10_000
MAX_GROUPS = 100
MAX_NESTED = 20
MAX_COUNT = 1_000
_MAX_REPEATED = 10_000
_PIECES = regex.compile(
    r"""\\L<(?P<list>)
    | \\.                                                      # an escape
    | \[\^?\]?(?:\[:\^?\w+:\]|\\.|[^\]\\])*+\]                # a set
    | \(\?\#[^)]*\)                                           # a comment
    | (?P<recursion>\(\?(?:R|[+-]?\d|&|P>|\(DEFINE))
    | (?P<flags>\(\?[a-zA-Z]*[xbeV])
    | (?P<open>\()
    | (?P<close>\))
    | \{(?P<least>\d*)(?:,(?P<most>\d*))?\}
    | (?P<fuzzy>\{[\d<=,+eids ]*[eids][\d<=,+eids ]*(?::[^}]*)?\})""",
    regex.VERBOSE | regex.DOTALL,
)
_HARMLESS = regex.compile(r"\\.|\(\?(?::|=|!|<=|<!|P?<\w+>)|\[[^\]\[\\]+\]")
_REPEATS = regex.compile(r"[*+?{]+")
_REPEATED_GROUP = regex.compile(r"\)[*+?{]")


def escape_pattern(text: str) -> str:
    """The text as a pattern that matches only itself."""
    return str(regex.escape(text, special_only=True))


@dataclass(slots=True)
class _Time:
    """What patterns have taken so far, and how many characters they have read."""

    spent: float = 0.0
    read: int = 0


_shared: ContextVar[_Time | None] = ContextVar("time of patterns", default=None)
_deadline: ContextVar[float] = ContextVar("when patterns have to be done", default=math.inf)


@contextmanager
def share_time() -> Iterator[None]:
    """All patterns that are made inside, as those of one recipe, share the time that one may take."""
    token = _shared.set(_Time())
    try:
        yield
    finally:
        _shared.reset(token)


@contextmanager
def limit_time(seconds: float) -> Iterator[None]:
    """What patterns do inside ends within so many seconds of the processor, however much they have read."""
    token = _deadline.set(time.thread_time() + seconds)
    try:
        yield
    finally:
        _deadline.reset(token)


class Pattern:
    """A compiled pattern with the time it may take. One for each run: what is spent counts over all texts."""

    def __init__(
        self,
        source: str,
        *,
        literal: bool = False,
        ignore_case: bool = False,
        whole_word: bool = False,
        option: str = "find",
    ) -> None:
        if not source:
            raise empty_option("The pattern is empty. Write what to look for.", option)
        if literal and len(source) > MAX_LITERAL:
            raise Invalid(
                f"A text of more than {MAX_LITERAL:,} characters is found only as it stands: "
                "with its case, and not as whole words.",
                code="too_long",
                option=option,
            )
        if literal:
            source = escape_pattern(source)
        else:
            _check_bounds(source, option)
        self.source = source
        # What repeats at most one thing, and that no group, can only be slow on long texts.
        plain = _HARMLESS.sub("", source)
        self._quick = "(?" not in plain and len(_REPEATS.findall(plain)) <= 1 and not _REPEATED_GROUP.search(plain)
        self._time = _shared.get() or _Time()
        flags = regex.MULTILINE | regex.VERSION0 | (regex.IGNORECASE if ignore_case else 0)
        try:
            regex.compile(source, flags)  # without the frame below, so that the position is the user's own
            self._regex = regex.compile(rf"(?<!\w)(?:{source})(?!\w)" if whole_word else source, flags)
            self._search = self._regex.search
        except regex.error as error:
            raise Invalid(
                _pattern_error(error, "pattern"), code="bad_pattern", option=option, position=error.pos
            ) from error
        except (OverflowError, RecursionError, ValueError, MemoryError) as error:
            raise Invalid(
                "The pattern is too deep or too large. Make it simpler.", code="bad_pattern", option=option, position=0
            ) from error

    def search(self, text: str) -> Any:
        """The first match, or None."""
        if self._quick and len(text) <= _QUICK_CHARACTERS:
            return self._regex.search(text)
        return self._run_timed("search", text)

    def find_all(self, text: str) -> list[Any]:
        """All matches, in order."""
        with self._measured(text) as left:
            return list(self._regex.finditer(text, timeout=max(left, _LEAST_SECONDS), concurrent=True))

    def replace(self, replacement: str, text: str) -> str:
        """All matches replaced; groups as ``\\1`` or ``\\g<name>``."""
        # Most texts hold no match, and to search them costs less than to make ready for replacing.
        if self._quick and len(text) <= _QUICK_CHARACTERS and self._search(text) is None:
            return text
        if (len(text) + 1) * (len(replacement) + replacement.count("\\") * len(text)) > _SURE:
            return check_size(text, self._replace_in_steps(replacement, text))
        if self._quick and len(text) <= _QUICK_CHARACTERS:
            return str(self._regex.sub(replacement, text))
        return check_size(text, str(self._run_timed("sub", text, replacement)))

    def check_replacement(self, replacement: str, option: str = "replace") -> None:
        """Refuse a replacement that names a group the pattern does not have."""
        try:
            regex.compile(f"(?:{self.source})|", self._regex.flags).sub(replacement, "")
        except regex.error as error:
            raise Invalid(
                _pattern_error(error, "replacement"), code="bad_replacement", option=option, position=error.pos
            ) from error
        except (IndexError, ValueError) as error:
            message = "The replacement names a group that the pattern does not have."
            raise Invalid(message, code="bad_replacement", option=option, position=replacement.find("\\")) from error

    def _replace_in_steps(self, replacement: str, text: str) -> str:
        """The same in steps, so that memory is never filled before the size can be checked."""
        if self.search(text) is None:
            return text
        pieces: list[str] = []
        place = size = 0
        with self._measured(text) as left:
            for match in self._regex.finditer(text, timeout=max(left, _LEAST_SECONDS), concurrent=True):
                pieces += (text[place : match.start()], match.expand(replacement))
                size += len(pieces[-2]) + len(pieces[-1])
                if size > max(MAX_CHARACTERS, len(text)):
                    raise _too_large()
                place = match.end()
        return "".join([*pieces, text[place:]])

    def _run_timed(self, method: str, text: str, *first: str) -> Any:
        call = getattr(self._regex, method)
        with self._measured(text) as left:
            if left > _SHORT_SECONDS:
                try:
                    return call(*first, text, timeout=_SHORT_SECONDS)
                except TimeoutError:
                    pass
            return call(*first, text, timeout=max(left - _SHORT_SECONDS, _LEAST_SECONDS), concurrent=True)

    @contextmanager
    def _measured(self, text: str) -> Iterator[float]:
        """The seconds that a text may take; what it took counts for those that follow."""
        self._time.read += len(text)
        start = time.thread_time()
        try:
            own = SECONDS + self._time.read * SECONDS_PER_CHARACTER - self._time.spent
            yield min(own, _deadline.get() - start)
        except TimeoutError as error:
            raise too_slow() from error
        finally:
            self._time.spent += time.thread_time() - start


def _check_bounds(source: str, option: str) -> None:
    """Refuse what takes time or memory without end before any text is searched, with its place."""

    def refuse(sentence: str, position: int) -> Invalid:
        where = f"The pattern cannot be taken at character {position + 1}: {sentence}"
        return Invalid(where, code="bad_pattern", option=option, position=position)

    if len(source) > MAX_PATTERN:
        raise refuse(f"it is longer than {MAX_PATTERN:,} characters.", MAX_PATTERN)
    groups = 0
    # For each open group, how often the most repeated thing in it is repeated; and for what stands last.
    inside, last = [1], 1
    end = 0
    for piece in _PIECES.finditer(source):
        start, kind = piece.start(), piece.lastgroup
        last = last if start == end else 1
        end = piece.end()
        if kind == "recursion":
            raise refuse("a pattern must not call itself or its groups.", start)
        if kind == "fuzzy":
            raise refuse("fuzzy matching is not taken. Write \\{ for a brace.", start)
        if kind == "list":
            raise refuse("named lists are not taken.", start)
        if kind == "flags":
            raise refuse("the flags x, b, e, V0 and V1 are not taken.", start)
        if kind == "open":
            groups += 1
            inside.append(1)
            last = 1
            if groups > MAX_GROUPS:
                raise refuse(f"there are more than {MAX_GROUPS} groups.", start)
            if len(inside) > MAX_NESTED:
                raise refuse(f"groups are nested deeper than {MAX_NESTED}.", start)
        elif kind == "close" and len(inside) > 1:
            last = inside.pop()
            inside[-1] = max(inside[-1], last)
        elif kind in ("least", "most"):
            counts = [text for text in (piece["least"], piece["most"]) if text]
            if any(len(text) > 9 or int(text) > MAX_COUNT for text in counts):
                raise refuse(f"a repeat counts further than {MAX_COUNT:,}.", start)
            last *= max(map(int, counts), default=1)
            inside[-1] = max(inside[-1], last)
            if last > _MAX_REPEATED:
                raise refuse(f"repeats inside repeats count further than {_MAX_REPEATED:,}.", start)


def check_size(before: str, after: str) -> str:
    """The new text, refused where it has grown past the limit."""
    if len(after) > MAX_CHARACTERS and len(after) > len(before):
        raise _too_large()
    return after


def too_slow() -> CleaningStopped:
    """The refusal of a pattern that takes more than its time."""
    return CleaningStopped(
        "The pattern is too slow. Nothing was changed. Avoid repeats inside repeats such as (a+)+.",
        code="regex_too_slow",
    )


def _too_large() -> CleaningStopped:
    return CleaningStopped(
        f"The replacement makes a text longer than {MAX_CHARACTERS:,} characters. Nothing was changed.",
        code="output_too_large",
    )


def _pattern_error(error: Any, what: str) -> str:
    where = f" at character {error.pos + 1}" if error.pos is not None else ""
    return f"The {what} cannot be read{where}: {error.msg}."
