"""Which of the pairs go out, and in which order, where only a look at each of them tells."""

import marshal
import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import ExitStack
from hashlib import blake2b
from itertools import chain, islice

import msgspec

from app.core.record import Record
from app.core.spool import require_space
from app.core.stored import StoredEntry, as_entry
from app.core.tokens import Tokenizer

# So many are put in order in memory; of more, each of so many files takes a share.
AT_ONCE, FILES = 10_000, 64
_CHECKED = 20_000
UNTAGGED = ("",)


def count_tokens(record: Record, tokenizer: Tokenizer) -> int:
    """The tokens of all texts of a record and of its tool calls, without the marks of a chat template."""
    longest = max(tokenizer.count(record.answer), tokenizer.count(record.rejected_answer or ""))
    total = longest + sum(tokenizer.count(text) for text in (record.system, record.question, record.reasoning) if text)
    for message in (*record.turns, *record.trace):
        total += sum(tokenizer.count(text) for text in (message.text, message.reasoning) if text)
        if message.tool_calls:
            total += tokenizer.count(msgspec.json.encode(message.tool_calls).decode())
    return total


def place_of(seed: int, entry_id: int) -> bytes:
    """Where a seed puts a pair among all others: 64 bits of a hash, so that others that come or go move none."""
    return blake2b(b"%d:%d" % (seed, entry_id), digest_size=8).digest()


def shuffle(rows: Iterable[StoredEntry], seed: int) -> Iterator[StoredEntry]:
    """The rows in the order of ``place_of``. Of many, a small part is in memory at a time. Raises DiskFull."""
    coming = iter(rows)
    first = list(islice(coming, AT_ONCE))
    if len(first) < AT_ONCE:
        yield from sorted(first, key=lambda row: place_of(seed, row.id))
        return
    with ExitStack() as stack:
        files = [stack.enter_context(tempfile.TemporaryFile()) for _ in range(FILES)]
        for number, row in enumerate(chain(first, coming)):
            if number % _CHECKED == 0:
                require_space(0)
            place = place_of(seed, row.id)
            marshal.dump((place, tuple(row)), files[place[0] * FILES // 256])
        first = []
        for file in files:
            end = file.tell()
            file.seek(0)
            part = []
            while file.tell() < end:
                part.append(marshal.load(file))
            part.sort()
            for _, row in part:
                yield as_entry(row)


def take_of_each_tag(
    rows: Iterable[StoredEntry],
    most: int,
    fits: Callable[[StoredEntry], bool],
    leave: Callable[[StoredEntry], object],
) -> Iterator[StoredEntry]:
    """The first rows of each tag, as long as all tags of a row have room; ``leave`` is told of others.

    What does not fit the layout takes no room, and is given on.
    """
    taken = Counter[str]()
    for row in rows:
        if not fits(row):
            yield row
            continue
        tags = row.tag_list or UNTAGGED
        if any(taken[tag] >= most for tag in tags):
            leave(row)
            continue
        taken.update(tags)
        yield row
