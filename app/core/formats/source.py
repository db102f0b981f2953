"""A file that can be looked at before it is read: from a path or a stream, plain or compressed."""

import gzip
import io
import lzma
import re
import shutil
import stat
import struct
import tempfile
import weakref
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path, PurePath
from typing import Any, BinaryIO, cast

from app.core.bundles.order import MOST_BYTES, ORDER, RowOrder, read_order
from app.core.errors import Invalid, LttError, WrongKind
from app.core.formats.database_log import log_beside, take_log_in
from app.core.formats.foreign import refusing
from app.core.formats.limits import MB, Limits, too_large
from app.core.formats.members import Member, Members, choose_members

HEAD_BYTES = MB
GZIP = b"\x1f\x8b"
ZSTD = b"\x28\xb5\x2f\xfd"
ZIP = b"PK\x03\x04"
# Below this a high ratio harms nobody, and tiny repetitive files reach any ratio.
RATIO_FREE_BYTES = 50 * MB
_PIECE = 64 * 1024
_CHAT_MEMBER = re.compile(
    r"(?:^|/)(?:conversations\.json|result\.json|_chat\.txt|[^/]*whatsapp[^/]*\.txt)$", re.IGNORECASE
)
# What the standard library raises for archives that are damaged, or packed in a way that it does not know.
_DAMAGED = (
    zipfile.BadZipFile,
    zlib.error,
    lzma.LZMAError,
    EOFError,
    OSError,
    ValueError,
    NotImplementedError,
    struct.error,
)
_DOCUMENT_PARTS = ("[Content_Types].xml", "mimetype", "xl/workbook.xml", "content.xml")


class Source:
    """The bytes of one file. ``name`` is the inner name of a compressed one; ``head`` its first megabyte, decoded.

    A source made of a path can be opened any number of times, one made of a stream once.

    An archive of several data files has ``members``. Its own bytes are those of the first of them; ``open_member``
    gives each as a source.
    """

    def __init__(
        self,
        *,
        path: Path | None = None,
        stream: BinaryIO | None = None,
        name: str = "",
        limits: Limits,
        member: str = "",
    ):
        self.path = path
        self.limits = limits
        self.name = name or (path.name if path else "")
        self.compression = ""
        # The log that lay beside a database and is read with it.
        self.log = ""
        # Files that lie in the archive beside the one that is read.
        self.passed_over = 0
        self.members: tuple[Member, ...] = ()
        # What is to be said of files in the archive that are not read.
        self.warnings: tuple[str, ...] = ()
        self._stream = stream
        self._member = member
        # How the member itself is packed.
        self._inner = ""
        self._order = ""
        self._used = False
        self._first = self._read_first()
        if member:
            self.compression = "zip"
        elif self._first.startswith(ZIP):
            self._find_member()
        elif packed := _packing_of(self._first):
            self.compression = packed
            self.keep()
        self.head = self._first
        if self.compression:
            if self.compression == "zip":
                with self.open() as stream:
                    self._inner = _packing_of(stream.read(len(ZSTD)))
            if self.compression != "zip" or self._inner:
                self.name = self.name.removesuffix(".gz").removesuffix(".zst")
            with self.open() as stream:
                self.head = _read_fully(stream, HEAD_BYTES)
        self.complete = len(self.head) < HEAD_BYTES

    @classmethod
    def of_path(cls, path: str | Path, *, name: str = "", limits: Limits | None = None) -> "Source":
        """A source for a file on disk; a database is read with the log beside it, from a copy.

        Raises Invalid where there is no file, for an unreadable archive, and as ``take_log_in``.
        """
        path = Path(path)
        if not path.is_file():
            raise Invalid(f"There is no file {path.name!r}.", code="no_file")
        if (log := log_beside(path)) is not None:
            folder = tempfile.mkdtemp(prefix="ltt-")
            copy = Path(folder) / "copy"
            try:
                is_database = take_log_in(path, copy)
                source = cls(path=copy if is_database else path, name=name or path.name, limits=limits or Limits())
            except BaseException:
                shutil.rmtree(folder)
                raise
            weakref.finalize(source, shutil.rmtree, folder)
            source.log = log.name if is_database else ""
            return source
        return cls(path=path, name=name, limits=limits or Limits())

    @classmethod
    def of_stream(cls, stream: BinaryIO, *, name: str = "", limits: Limits | None = None) -> "Source":
        """A source for a stream that can be read once, such as standard input."""
        return cls(stream=stream, name=name, limits=limits or Limits())

    @classmethod
    def of_bytes(cls, data: bytes, *, name: str = "", limits: Limits | None = None) -> "Source":
        """A source for bytes in memory, such as pasted text."""
        return cls(stream=io.BytesIO(data), name=name, limits=limits or Limits())

    @property
    def size(self) -> int | None:
        """Bytes on disk, where known."""
        return self.path.stat().st_size if self.path else None

    @property
    def is_seekable(self) -> bool:
        """Whether it can be read more than once."""
        return self.path is not None or (self._stream is not None and self._stream.seekable())

    def keep(self) -> None:
        """Spool a stream to a temporary file, so that it can be read more than once."""
        if self.is_seekable:
            return
        spool = tempfile.TemporaryFile()  # noqa: SIM115 (lives as long as the source)
        weakref.finalize(self, spool.close)
        spool.write(self._first)
        assert self._stream is not None
        shutil.copyfileobj(self._stream, spool, MB)
        spool.seek(0)
        self._stream = spool

    def _read_first(self) -> bytes:
        if self.path is not None:
            with self.path.open("rb") as file:
                return file.read(HEAD_BYTES)
        assert self._stream is not None
        if self._stream.seekable():
            start = self._stream.tell()
            first = self._stream.read(HEAD_BYTES)
            self._stream.seek(start)
            return first
        return _read_fully(self._stream, HEAD_BYTES)

    def _find_member(self) -> None:
        self.keep()
        inside: list[zipfile.ZipInfo] = []
        found = Members(())
        # A damaged archive is refused by the format that recognises it, in its own words.
        with suppress(LttError), self._open_stored() as raw, open_archive(raw) as archive:
            inside = [one for one in archive.infolist() if not one.is_dir() and not _is_link(one)]
        announced = {one.filename: one.file_size for one in inside}
        if not announced or any(part in announced for part in _DOCUMENT_PARTS):
            return
        inner = [name for name in announced if not name.startswith("__MACOSX/") and not name.endswith(".DS_Store")]
        # What messengers and assistants export: the chat itself, beside pictures and pages.
        if len(inner) > 1 and len(chats := [name for name in inner if _CHAT_MEMBER.search(name)]) == 1:
            self.passed_over, inner = len(inner) - 1, chats
        if len(inner) > 1 and "channels.json" in announced:
            slack = f"This .zip holds {len(inner)} files (it looks like an export of Slack, with a file for each day)."
            raise Invalid(f"{slack} Unpack it and drop the files one by one.")
        if len(inner) != 1:
            with self._open_stored() as raw, open_archive(raw) as archive:

                def read(name: str) -> bytes:
                    with open_member(archive, name) as unpacked:
                        return _read_fully(unpacked, HEAD_BYTES)

                found = choose_members([one.filename for one in inside], read)
            inner = [one.path for one in found.files]
            self.members, self.warnings, self._order = found.files, found.warnings, found.order
        self.compression, self._member = "zip", inner[0]
        # What it says of itself may be a lie, so it is counted again while it is read.
        check_expansion("zip", sum(announced[name] for name in inner), self.size, self.limits)
        self.name = PurePath(inner[0].replace("\\", "/")).name

    def open_member(self, path: str) -> "Source":
        """One data file of the archive."""
        if self.path is None:
            # Several are read at once, so each needs the archive for itself.
            with tempfile.NamedTemporaryFile(prefix="ltt-", delete=False) as kept, self._open_stored() as raw:
                shutil.copyfileobj(raw, kept, MB)
            self.path = Path(kept.name)
            weakref.finalize(self, self.path.unlink, missing_ok=True)
        name = PurePath(path.replace("\\", "/")).name
        return Source(path=self.path, name=name, limits=self.limits, member=path)

    def read_order(self) -> RowOrder | None:
        """The order in which the rows of the members are to be read, where the archive says one."""
        if not self._order:
            return None
        with suppress(LttError), self._open_stored() as raw, open_archive(raw) as archive:
            folder = self._order.removesuffix(ORDER)
            with open_member(archive, self._order) as unpacked:
                order = read_order(_read_fully(unpacked, MOST_BYTES))
            if order is not None:
                order.files = [folder + name for name in order.files]
            return order
        return None

    @contextmanager
    def _open_stored(self) -> Iterator[BinaryIO]:
        """The stored bytes, from the start."""
        if self.path is not None:
            with self.path.open("rb") as file:
                yield file
            return
        assert self._stream is not None
        if self._stream.seekable():
            self._stream.seek(0)
            yield self._stream
            return
        if self._used:
            raise RuntimeError("A stream can be read once only.")
        self._used = True
        yield io.BufferedReader(_Chained(self._first, self._stream), MB)

    @contextmanager
    def open(self) -> Iterator[BinaryIO]:
        """The decoded bytes, from the start, counted against the limits while they are read."""
        with self._open_stored() as raw:
            if self.compression == "zip":
                with open_archive(raw) as archive, open_member(archive, self._member) as inner:
                    yield self._within_limits(_unpack(inner, self._inner) if self._inner else inner, raw)
            elif self.compression:
                yield self._within_limits(_unpack(raw, self.compression), raw)
            else:
                yield raw

    def _within_limits(self, stream: "Unpacked", packed: BinaryIO) -> BinaryIO:
        return io.BufferedReader(_Bounded(stream, packed, self.limits, self.compression), MB)

    @contextmanager
    def seekable(self) -> Iterator[BinaryIO]:
        """The decoded bytes as a file that can seek; a compressed one is unpacked to a temporary file first."""
        if not self.compression and self.is_seekable:
            with self._open_stored() as raw:
                yield raw
            return
        with self.open() as packed, tempfile.TemporaryFile() as plain:
            shutil.copyfileobj(packed, plain, MB)
            plain.seek(0)
            yield plain

    @contextmanager
    def as_path(self) -> Iterator[Path]:
        """The decoded bytes as a file with a path."""
        if self.path is not None and not self.compression:
            yield self.path
            return
        with tempfile.TemporaryDirectory(prefix="ltt-") as folder:
            path = Path(folder) / "data"
            with self.open() as packed, path.open("wb") as plain:
                shutil.copyfileobj(packed, plain, MB)
            yield path


def _packing_of(first: bytes) -> str:
    """How a file is packed that begins so; empty for not at all."""
    return "gzip" if first.startswith(GZIP) else "zstd" if first.startswith(ZSTD) else ""


def _unpack(packed: "BinaryIO | Unpacked", kind: str) -> "Unpacked":
    if kind == "gzip":
        return Unpacked(gzip.GzipFile(fileobj=cast(BinaryIO, packed)), "gzip file")
    import pyarrow

    stream = pyarrow.CompressedInputStream(pyarrow.PythonFile(_Uncloseable(packed), mode="r"), "zstd")
    return Unpacked(stream, "Zstandard file")


def _is_link(one: zipfile.ZipInfo) -> bool:
    return stat.S_ISLNK(one.external_attr >> 16)


def _read_fully(stream: "BinaryIO | Unpacked", size: int) -> bytes:
    parts: list[bytes] = []
    while size > 0 and (part := stream.read(size)):
        parts.append(part)
        size -= len(part)
    return b"".join(parts)


@contextmanager
def open_archive(file: BinaryIO, kind: str = "zip file") -> Iterator[zipfile.ZipFile]:
    """A .zip, or a file that is one inside. Raises Invalid where it is damaged, WrongKind for a workbook."""
    with _unpacking(kind):
        archive = zipfile.ZipFile(file)
    with archive:
        yield archive


@contextmanager
def open_member(
    archive: zipfile.ZipFile, member: str | zipfile.ZipInfo, kind: str = "zip file"
) -> Iterator["Unpacked"]:
    """A file in a .zip. Raises as ``open_archive``, and WrongKind for a password."""
    try:
        with _unpacking(kind, RuntimeError):
            inner = archive.open(member)
    except LttError as error:
        if isinstance(error.__cause__, RuntimeError) and not isinstance(error.__cause__, NotImplementedError):
            what = f"The {kind} is protected by a password. Unpack it first."
            raise WrongKind(what, code="encrypted") from error
        raise
    with inner:
        yield Unpacked(inner, kind)


def _unpacking(kind: str, *known: type[Exception]) -> AbstractContextManager[None]:
    """Put it around what unpacks a file."""
    sentence = f"The {kind} is damaged or cut off ({{reason}}). Fetch it again."
    return refusing(sentence, *_DAMAGED, *known, code="damaged", kind=WrongKind if kind == "workbook" else Invalid)


class Unpacked:
    """What a library unpacks. Raises Invalid where it is damaged, WrongKind for a workbook."""

    def __init__(self, stream: Any, kind: str) -> None:
        self._stream = stream
        self._kind = kind

    def read(self, size: int) -> bytes:
        """The next bytes, as a file gives them."""
        with _unpacking(self._kind):
            return bytes(self._stream.read(size))


class _Uncloseable:
    """A file for a library that would close it."""

    closed = False

    def __init__(self, file: "BinaryIO | Unpacked") -> None:
        self._file = file

    def read(self, size: int = -1) -> bytes:
        return self._file.read(size)

    def close(self) -> None: ...


class _Chained(io.RawIOBase):
    """The first bytes of a stream again, then the rest of it."""

    def __init__(self, first: bytes, rest: BinaryIO) -> None:
        self._first = memoryview(first)
        self._rest = rest

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        if self._first:
            part = self._first[: len(buffer)]
            self._first = self._first[len(part) :]
        else:
            part = memoryview(self._rest.read(len(buffer)) or b"")
        buffer[: len(part)] = part
        return len(part)


class _Bounded(io.RawIOBase):
    """A decompressor that stops at the limits on decoded bytes and on the ratio to the packed ones it read."""

    def __init__(self, stream: Unpacked, packed: BinaryIO, limits: Limits, kind: str) -> None:
        self._stream = stream
        self._packed = packed
        self._limits = limits
        self._kind = kind
        self._count = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        # Of an archive as many packed bytes are read ahead as are asked for.
        part = self._stream.read(min(len(buffer), _PIECE))
        buffer[: len(part)] = part
        self._count += len(part)
        check_expansion(self._kind, self._count, self._packed.tell(), self._limits)
        return len(part)


def check_expansion(kind: str, decoded: int, packed: int | None, limits: Limits) -> None:
    """Raise TooLarge where a compressed file grows past the limits."""
    if decoded > limits.decoded_bytes:
        size = f"{limits.decoded_bytes // MB:,} MB"
        raise too_large(f"This {kind} file", f"it grows to more than {size}", size, "LTT_MAX_DECODED_MB")
    if packed and decoded > RATIO_FREE_BYTES and decoded > packed * limits.ratio:
        raise too_large(
            f"This {kind} file",
            f"it expands to more than {limits.ratio} times its size",
            f"{limits.ratio} times",
            "LTT_MAX_RATIO",
        )
