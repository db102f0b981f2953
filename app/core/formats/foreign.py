"""What other people's readers and writers raise, as a refusal with their reason: one place for all of them.

It stands around the call of a library and nothing else, so that a defect of this program is never told as a damaged
file. A library may still call back what is ours: what it is not known to raise is logged with its traceback as well.
"""

import errno
import logging
import traceback
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import NoReturn, TypeVar

from app.core.errors import LttError, TooLarge, WrongKind

T = TypeVar("T")
log = logging.getLogger(__name__)
# What the disk or the system is to blame for. The doors know what it means.
_SYSTEM = frozenset(
    {errno.EIO, errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EACCES}
)
_ENDED = object()


def refuse(
    error: BaseException, sentence: str, *known: type[Exception], code: str, kind: type[LttError] = WrongKind
) -> NoReturn:
    """Raise what an error that left a library means; ``sentence`` has a place for the ``{reason}``.

    ``known`` is what the library raises for bad files. Refusals and errors of the system stay what they are. Call it
    where the error is caught.
    """
    if isinstance(error, LttError) or (isinstance(error, OSError) and error.errno in _SYSTEM):
        raise
    # A library in Rust that panics raises something that is no Exception.
    if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
        raise
    if isinstance(error, MemoryError):
        raise TooLarge(sentence.format(reason="it needs more memory than there is"), code="over_limit") from error
    if isinstance(error, RecursionError):
        raise kind(sentence.format(reason="it is nested too deeply"), code="too_deep") from error
    if not isinstance(error, known):
        # Without its message, which may hold a text of the file.
        place = "".join(traceback.format_tb(error.__traceback__))
        log.warning("A library raised %s, which it is not known to.\n%s", type(error).__name__, place)
    raise kind(sentence.format(reason=reason_of(error)), code=code) from error


def reason_of(error: BaseException) -> str:
    """What a library says of an error, as a part of a sentence."""
    said = "".join(c for c in str(error).split("\n", 1)[0] if c.isprintable())
    return said.rstrip(".")[:200] or type(error).__name__


@contextmanager
def refusing(sentence: str, *known: type[Exception], code: str, kind: type[LttError] = WrongKind) -> Iterator[None]:
    """Put it around the call of a library: whatever leaves it is told as ``refuse`` says."""
    try:
        yield
    except BaseException as error:  # noqa: BLE001
        refuse(error, sentence, *known, code=code, kind=kind)


def each(
    items: Iterable[T], sentence: str, *known: type[Exception], code: str, kind: type[LttError] = WrongKind
) -> Iterator[T]:
    """What a library gives one by one; whatever leaves it is told as ``refuse`` says."""
    coming = iter(items)
    while True:
        try:
            item = next(coming, _ENDED)
        except BaseException as error:  # noqa: BLE001
            refuse(error, sentence, *known, code=code, kind=kind)
        if item is _ENDED:
            return
        yield item  # type: ignore[misc]
