"""The quick ways for what is exported most: plain pairs as OpenAI JSONL and as a table of columns."""

from collections.abc import Callable, Iterator, Sequence
from operator import attrgetter, itemgetter
from typing import Any

import msgspec

from app.core.formats import WriteOptions
from app.core.formats.csv import cells_of, stream_lines
from app.core.stored import PLACES, StoredEntry
from app.core.text import PLAIN_STARTS, all_visible, is_blank
from app.services.export.options import Options
from app.services.export.rendering import chunks_of, default_system, record_of, renderer, write_options

# What a pair without turns, trace, tags and other columns consists of.
PLAIN = ("id", "status", "split", "system", "question", "answer", "rejected_answer")
_rest_of = attrgetter("turns", "trace", "tags", "extra")
_NOTHING = (None, None, None, None)
_encode = msgspec.json.Encoder().encode


def openai_lines(dataset_id: int, options: Options) -> Iterator[bytes]:
    """The quick way for OpenAI JSONL: a plain pair is a constant envelope around its texts."""
    default = default_system(dataset_id, options)
    render = renderer(dataset_id, options)
    encode, keep = _encode, options.keep_extra
    user, assistant, end = b'{"role":"user","content":', b'},{"role":"assistant","content":', b"}]}\n"
    for rows in chunks_of(dataset_id, options):
        lines: list[bytes] = []
        for row in rows:
            messages = row.turns is not None or row.trace is not None
            if messages or row.extra is not None or (keep and row.tags is not None):
                if (record := record_of(row, options)) is not None:
                    lines.extend(encode(one) + b"\n" for one in render(record, row))
                continue
            question, answer = row.question, row.answer
            if answer[:1] not in PLAIN_STARTS and is_blank(answer):
                continue
            system = row.system if row.system is not None else default
            if system is None:
                lines.append(b'{"messages":[' + user + encode(question) + assistant + encode(answer) + end)
            else:
                head = b'{"messages":[{"role":"system","content":' + encode(system) + b"},"
                lines.append(head + user + encode(question) + assistant + encode(answer) + end)
        yield b"".join(lines)


def table(dataset_id: int, options: Options) -> Iterator[bytes]:
    """The quick way for CSV and TSV of columns: the cells of a plain pair are its stored texts."""
    how = write_options(dataset_id, options)
    return stream_lines(_batches(dataset_id, options, how), how)


def _batches(dataset_id: int, options: Options, how: WriteOptions) -> Iterator[list[Sequence[Any]]]:
    render, plain = renderer(dataset_id, options), _cells_of(how.columns)

    def line(row: StoredEntry) -> Sequence[Any] | None:
        if _rest_of(row) == _NOTHING:
            return None if is_blank(row.answer) else plain(row)
        if (record := record_of(row, options)) is None:
            return None
        (values,) = render(record, row)
        return cells_of([values.get(name) for name in how.columns])

    for rows in chunks_of(dataset_id, options):
        if all(_rest_of(row) == _NOTHING for row in rows) and all_visible([row.answer for row in rows]):
            yield list(map(plain, rows))
        else:
            yield [one for row in rows if (one := line(row)) is not None]


def _cells_of(columns: Sequence[str]) -> Callable[[Any], Sequence[Any]]:
    """What takes the cells of these columns from a stored row; columns that no plain pair has stay empty."""
    places = {name: PLACES[name] for name in PLAIN}
    if all(name in places for name in columns) and len(columns) > 1:
        return itemgetter(*(places[name] for name in columns))
    return lambda row: [row[places[name]] if name in places else None for name in columns]
