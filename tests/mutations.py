"""Small files of every format that is read, and what can happen to their bytes on the way."""

import datetime
import gzip
import io
import json
import random
import sqlite3
import tempfile
import zipfile
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path
from typing import Any

from app.core.conversion import ConvertOptions, convert
from app.core.errors import LttError
from app.core.formats import FORMATS, BadRow, Source, WriteOptions
from app.core.formats.jsonl import encode_line
from app.core.reading import bad_row_dict, plan_reading, read_records
from app.core.spec import parse_target

PAIRS = [
    {"question": "Wie öffnet man es?", "answer": "Mit dem Schlüssel.\nVon links."},
    {"question": "Why, and when?", "answer": "Because 👩‍💻 “so”, at 12:30."},
    {"question": "为什么？", "answer": "因为。 =1+1"},
    {"question": "Is it 1e5?", "answer": "No, 100000 | or 7"},
]


def _written(kind: str, **options: str) -> bytes:
    out = io.BytesIO()
    write = FORMATS[kind].write
    assert write is not None
    write(PAIRS * 3, out, WriteOptions(**options))  # type: ignore[arg-type]
    return out.getvalue()


def _workbook() -> bytes:
    """A workbook with dates, formulas, errors and a second sheet; its texts are shared."""
    import xlsxwriter

    out = io.BytesIO()
    with xlsxwriter.Workbook(out, {"in_memory": True}) as book:
        sheet, date = book.add_worksheet("pairs"), book.add_format({"num_format": "dd.mm.yyyy"})
        sheet.write_row(0, 0, ("question", "answer", "when"))
        for number, pair in enumerate(PAIRS, 1):
            sheet.write_row(number, 0, tuple(pair.values()))
            sheet.write_datetime(number, 2, datetime.date(2026, 1, number), date)
        sheet.write_formula(5, 1, "=NA()", None, "#N/A")
        book.add_worksheet("empty")
    return out.getvalue()


def _open_document() -> bytes:
    row = (
        "<table:table-row><table:table-cell office:value-type={!r}{}><text:p>{}</text:p></table:table-cell>"
        '<table:table-cell office:value-type="string"><text:p>{}</text:p></table:table-cell></table:table-row>'
    )
    cells = row.format("string", "", "question", "answer")
    for number, pair in enumerate(PAIRS):
        cells += row.format("float", f' office:value="{number}"', f"{number} €", pair["answer"])
    content = (
        '<?xml version="1.0" encoding="UTF-8"?><office:document-content office:version="1.2"'
        ' xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0"'
        ' xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0"'
        ' xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
        f'<table:table table:name="one">{cells}</table:table></office:spreadsheet></office:body></office:document-content>'
    )
    kind = "application/vnd.oasis.opendocument.spreadsheet"
    return zipped({"mimetype": kind.encode(), "META-INF/manifest.xml": b"<manifest/>", "content.xml": content.encode()})


def _nested_parquet() -> bytes:
    import pyarrow
    from pyarrow import parquet

    chats = [
        [{"role": "user", "content": one["question"]}, {"role": "assistant", "content": one["answer"]}] for one in PAIRS
    ]
    when = [datetime.datetime(2026, 1, day, tzinfo=datetime.UTC) for day in range(1, 5)]
    table = pyarrow.table({"messages": chats, "when": when, "bytes": [b"\xff", b"a", None, b""]})
    out = io.BytesIO()
    parquet.write_table(table, out, compression="gzip", row_group_size=2)
    return out.getvalue()


def _database() -> bytes:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "seed.db"
        with closing(sqlite3.connect(path)) as connection:
            connection.executescript(
                "CREATE TABLE messages (id INTEGER PRIMARY KEY, question TEXT, answer TEXT, size REAL,"
                " length INTEGER GENERATED ALWAYS AS (length(answer)) VIRTUAL);"
                "CREATE TABLE tags (name TEXT PRIMARY KEY) WITHOUT ROWID; CREATE VIEW seen AS SELECT * FROM messages;"
            )
            rows = [(one["question"], one["answer"] * 20, 1.5) for one in PAIRS * 10]
            connection.executemany("INSERT INTO messages (question, answer, size) VALUES (?, ?, ?)", rows)
            connection.commit()
        return path.read_bytes()


def _jsonl(*values: object) -> bytes:
    return "".join(json.dumps(value, ensure_ascii=False) + "\n" for value in values).encode()


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, indent=1).encode()


def zipped(members: dict[str, bytes]) -> bytes:
    """An archive of these members."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, data in members.items():
            # The kind of an .ods must be readable without unpacking it.
            archive.writestr(name, data, zipfile.ZIP_STORED if name == "mimetype" else zipfile.ZIP_DEFLATED)
    return out.getvalue()


_CHAT = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": PAIRS[0]["question"]},
    {"role": "assistant", "content": PAIRS[0]["answer"]},
]
_TELEGRAM = {
    "name": "Ada",
    "type": "personal_chat",
    "id": 1,
    "messages": [
        {"id": n, "type": "message", "date": f"2026-01-01T10:0{n}:00", "from": who, "from_id": who, "text": text}
        for n, (who, text) in enumerate((("Ada", "How?"), ("Bo", ["So ", {"type": "bold", "text": "it is"}])), 1)
    ],
}
_CHATGPT = [
    {
        "title": "One",
        "create_time": 1.0,
        "current_node": "b",
        "mapping": {
            "a": {"id": "a", "parent": None, "children": ["b"], "message": {
                "id": "a", "author": {"role": "user"}, "create_time": 1.0,
                "content": {"content_type": "text", "parts": ["How?"]}}},
            "b": {"id": "b", "parent": "a", "children": [], "message": {
                "id": "b", "author": {"role": "assistant"}, "create_time": 2.0,
                "content": {"content_type": "text", "parts": ["So."]}}},
        },
    }
]  # fmt: skip
_DISCORD = {
    "guild": {"id": "1", "name": "G"},
    "channel": {"id": "2", "type": "GuildTextChat", "name": "c"},
    "messages": [
        {"id": str(n), "type": "Default", "timestamp": f"2026-01-01T10:0{n}:00+00:00", "content": text,
         "author": {"id": who, "name": who, "isBot": who == "Bo"}, "mentions": [], "reactions": []}
        for n, (who, text) in enumerate((("Ada", "How?"), ("Bo", "So.")), 1)
    ],
}  # fmt: skip
_SLACK = [
    {"type": "message", "user": "U1", "text": "How &lt;so&gt;?", "ts": "1700000000.000100"},
    {
        "type": "message",
        "user": "U2",
        "text": "Like <@U1> this",
        "ts": "1700000001.000100",
    },
]
_TREE = {
    "message_tree_id": "t", "tree_state": "ready", "prompt": {
        "message_id": "a", "text": "How?", "role": "prompter", "lang": "en",
        "replies": [{"message_id": "b", "text": "So.", "role": "assistant", "rank": 0, "replies": []}]},
}  # fmt: skip
_SQUAD = {
    "version": "1.1",
    "data": [{"title": "T", "paragraphs": [{"context": "So it is.", "qas": [
        {"id": "1", "question": "How?", "answers": [{"text": "So", "answer_start": 0}]}]}]}],
}  # fmt: skip
_WHATSAPP = "".join(f"[02.01.26, 10:0{n}:00] {who}: {text}\n" for n, (who, text) in enumerate(
    (("Ada", "How is it?"), ("Bo", "So.\nAnd more"), ("Ada", "Why?"), ("Bo", "‎<attached: a.jpg>")), 1
)).encode()  # fmt: skip
_QUESTIONS = "".join(f"Q: {one['question']}\nA: {one['answer']}\n\n" for one in PAIRS)
_TABLE = "# Pairs\n\n| Question | Answer |\n|---|---|\n" + "".join(
    f"| {one['question']} | {one['answer'].replace('|', chr(92) + '|').replace(chr(10), '<br>')} |\n" for one in PAIRS
)
_CSV = _written("csv")

# By the name of the file, which tells the format where the content does not.
SEEDS: dict[str, bytes] = {
    "pairs.csv": _CSV,
    "semicolon.csv": _written("csv", delimiter=";"),
    "utf16.csv": _CSV.decode().encode("utf-16"),
    "western.csv": "Frage;Antwort\nWie läuft es?;Schön für dich – „gut“\nWo?;Über der Straße\n".encode("cp1252"),
    "chinese.csv": "问题,答案\n为什么？,因为它很好，所以我们用它。\n".encode("gb18030") * 4,
    "pairs.tsv": _written("tsv"),
    "pairs.jsonl": _written("jsonl"),
    "chat.jsonl": _jsonl({"messages": _CHAT}, {"messages": _CHAT[1:], "tools": "[]", "weight": 1}),
    "sharegpt.jsonl": _jsonl(*[{"conversations": [{"from": "human", "value": "How?"}, {"from": "gpt", "value": "So."}]}] * 3),
    "alpaca.json": _json([{"instruction": "How?", "input": "it", "output": "So.", "history": [["a", "b"]]}] * 3),
    "preference.jsonl": _jsonl(*[{"prompt": "How?", "chosen": "So.", "rejected": "No."}] * 3),
    "tree.jsonl": _jsonl(_TREE, _TREE),
    "gemini.jsonl": _jsonl({"contents": [{"role": "user", "parts": [{"text": "How?"}]}, {"role": "model", "parts": [{"text": "So."}]}]}),
    "calls.jsonl": _jsonl({"messages": [_CHAT[1], {"role": "assistant", "content": None, "tool_calls": [
        {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": 1}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "2"}, _CHAT[2]], "tools": [{"type": "function", "function": {"name": "f"}}]}),
    "utf16.json": json.dumps(PAIRS).encode("utf-16"),
    "pairs.json": _written("json"),
    "columns.json": _json({name: [one[name] for one in PAIRS] for name in PAIRS[0]}),
    "keyed.json": _json({one["question"]: one["answer"] for one in PAIRS}),
    "squad.json": _json(_SQUAD),
    "result.json": _json(_TELEGRAM),
    "conversations.json": _json(_CHATGPT),
    "discord.json": _json(_DISCORD),
    "slack.json": _json(_SLACK),
    "sillytavern.jsonl": _jsonl(
        {"user_name": "Ada", "character_name": "Bo", "create_date": "2026-01-01"},
        {"name": "Ada", "is_user": True, "send_date": "January 1, 2026 10:00am", "mes": "How?"},
        {"name": "Bo", "is_user": False, "send_date": "January 1, 2026 10:01am", "mes": "So."},
    ),
    "_chat.txt": _WHATSAPP,
    "faq.txt": _QUESTIONS.encode(),
    "faq.md": _TABLE.encode(),
    "headings.md": "".join(f"## {one['question']}\n\n{one['answer']}\n\n" for one in PAIRS).encode(),
    "page.html": b"<!doctype html><html><body><table><tr><td>How?</td></tr></table></body></html>",
    "pairs.parquet": _written("parquet"),
    "nested.parquet": _nested_parquet(),
    "pairs.sqlite": _written("sqlite"),
    "seed.db": _database(),
    "pairs.csv.gz": gzip.compress(_CSV, mtime=0),
    "pairs.zip": zipped({"pairs.csv": _CSV}),
    "export.zip": zipped({"result.json": _json(_TELEGRAM), "photo.jpg": b"\xff\xd8\xff" * 9}),
    "workbook.zip": zipped({"workbook.xlsx": _written("xlsx")}),
    "pairs.xlsx": _written("xlsx"),
    "workbook.xlsx": _workbook(),
    "document.docx": zipped({"[Content_Types].xml": b"<Types/>", "word/document.xml": b"<w:document/>" * 40}),
    "sheet.ods": _open_document(),
    "old.xls": b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(range(256)) * 12,
}  # fmt: skip
# Each look at one of them starts a process.
WORKBOOKS = ("workbook.zip", "pairs.xlsx", "workbook.xlsx", "document.docx", "sheet.ods", "old.xls")


@dataclass(frozen=True, slots=True)
class Mutated:
    """A file after an accident; its seed makes it again."""

    seed: int
    name: str
    data: bytes


def mutate(seed: int, names: tuple[str, ...] = tuple(SEEDS)) -> Mutated:
    """The file that belongs to a seed. The seed alone tells what it was and what happened to it."""
    chance = random.Random(seed)
    name = names[seed % len(names)]
    data = SEEDS[name]
    if data.startswith(b"PK") and chance.random() < 0.6:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            members = {one: archive.read(one) for one in archive.namelist()}
        hit = chance.choice(list(members))
        members[hit] = _damage(members[hit], chance)
        data = zipped(members)
    elif data.startswith(b"\x1f\x8b") and chance.random() < 0.5:
        data = gzip.compress(_damage(gzip.decompress(data), chance), mtime=0)
    else:
        data = _damage(data, chance)
    return Mutated(seed, name, data)


def _damage(data: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.choice((1, 1, 1, 2, 3, 8))):
        data = chance.choice(_ACCIDENTS)(data, chance)
    return data


def _span(data: bytes, chance: random.Random, longest: int = 200) -> tuple[int, int]:
    start = chance.randrange(len(data) + 1)
    return start, min(start + chance.randrange(1, longest), len(data))


def _change_value(data: bytes, chance: random.Random) -> bytes:
    """JSON in which some value is of another kind; other bytes with some of them turned round."""
    try:
        lines = [json.loads(line) for line in ([data] if data[:2] in (b"[\n", b"{\n") else data.splitlines())]
    except (ValueError, RecursionError):
        start, end = _span(data, chance)
        return data[:start] + data[start:end][::-1] + data[end:]
    holder: dict[str, Any] = {"": lines}
    found: list[tuple[Any, Any]] = []
    waiting: list[Any] = [holder]
    while waiting:
        one = waiting.pop()
        for key, value in one.items() if isinstance(one, dict) else enumerate(one):
            found.append((one, key))
            if isinstance(value, (dict, list)):
                waiting.append(value)
    for _ in range(chance.choice((1, 1, 2, 5))):
        place, key = chance.choice(found[1:] or found)
        place[key] = chance.choice(_ODD_VALUES)
    return "\n".join(json.dumps(line) for line in lines).encode()


def _flip_bit(data: bytes, chance: random.Random) -> bytes:
    if not data:
        return data
    place = chance.randrange(len(data))
    return data[:place] + bytes([data[place] ^ 1 << chance.randrange(8)]) + data[place + 1 :]


def _set_bytes(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance, 12)
    return data[:start] + bytes([chance.choice((0, 255, 127, 128, 0x22, 0x0A))]) * (end - start) + data[end:]


def _cut_off(data: bytes, chance: random.Random) -> bytes:
    return data[: chance.randrange(len(data) + 1)]


def _cut_out(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:start] + data[end:]


def _insert(data: bytes, chance: random.Random) -> bytes:
    start = chance.randrange(len(data) + 1)
    return data[:start] + chance.choice(_ODD_BYTES) + data[start:]


def _repeat(data: bytes, chance: random.Random) -> bytes:
    start, end = _span(data, chance)
    return data[:end] + data[start:end] * chance.choice((1, 2, 50)) + data[end:]


def _swap(data: bytes, chance: random.Random) -> bytes:
    first, middle, last = sorted(chance.randrange(len(data) + 1) for _ in range(3))
    return data[:first] + data[middle:last] + data[first:middle] + data[last:]


def _splice(data: bytes, chance: random.Random) -> bytes:
    other = SEEDS[chance.choice(list(SEEDS))]
    start, end = _span(other, chance, 2000)
    place, until = _span(data, chance)
    return data[:place] + other[start:end] + data[until:]


_ODD_BYTES = (
    b"\x00", b"\xff\xfe", b"\xef\xbb\xbf", b"\x00" * 64, b'"', b'"' * 3, b"\r", b"\r\n\r\n", b"\\ud800", b"\\u0000",
    b"\xed\xa0\x80", b"\xc3", b"\x1a", b"[" * 3000, b'{"a":' * 2000, b"[" * 900 + b"]" * 900, b'{"data":' * 900 + b"[]" + b"}" * 900, b"[" * 90000 + b"]" * 90000, b"1e999", b"-" * 50, b"9" * 5000, b"NaN", b"null", b"{}", b"[]",
    b"true,", b"0,", "٣".encode(), "²".encode(), "\u2028".encode(), "\ufffe\uffff".encode(), b"&#0;", b"_x0000_", b"]]>", b"<!DOCTYPE a [",
    b",", b":", b"}", b"]", b"--", b"|", b"|---|---|\n", b"9999-99-99", b"99999999999999999999", b"\xf4\x90\x80\x80", bytes(range(256)),
)  # fmt: skip


def _nested(depth: int) -> Any:
    value: Any = "deep"
    for level in range(depth):
        value = [value] if level % 2 else {"text": value}
    return value


_ODD_VALUES = (
    None, True, 0, -1, 1.5, 10**400, "", " ", "a", "\u0000", "\ud800", [], {}, [[]], [None], [{}], {"": None}, {"a": {"a": []}},
    ["a", 1], [["a", "b"]], {"role": "user"}, {"content": {}}, _nested(70), _nested(400),
)  # fmt: skip
_ACCIDENTS: tuple[Callable[[bytes, random.Random], bytes], ...] = (
    _change_value, _change_value, _flip_bit, _flip_bit, _set_bytes, _cut_off, _cut_out, _insert, _insert, _repeat, _swap, _splice,
)  # fmt: skip
TARGETS = ("jsonl:openai", "csv:columns", "parquet:columns", "json:sharegpt", "sqlite:columns", "xlsx:columns")


def _write_reject(bad: BadRow) -> None:
    encode_line({**bad_row_dict(bad), "raw": bad.raw})


def read_everywhere(file: Mutated) -> bool:
    """Detect a file, read all its rows and convert it. Whether that went, or it was refused in words."""
    settings = ConvertOptions()
    try:
        source = Source.of_bytes(file.data, name=file.name)
        plan, _ = plan_reading(source, settings)
        for _ in read_records(source, plan):
            pass
        target = parse_target(TARGETS[file.seed % len(TARGETS)])
        convert(source, io.BytesIO(), plan, target, keep_extra=True, rejects=_write_reject)
    except LttError:
        return False
    return True


def seeds(first: int, number: int) -> Iterator[int]:
    """Seeds of files, of which one in twelve is a workbook."""
    names = list(SEEDS)
    quick = cycle([place for place, name in enumerate(names) if name not in WORKBOOKS])
    slow = cycle([place for place, name in enumerate(names) if name in WORKBOOKS])
    for count in range(number):
        yield (first + count) * len(names) + next(slow if count % 12 == 11 else quick)
