"""Files that are too much, damaged or made to harm: refused in words, within bounds, and nothing else changes (D30 to D50)."""

import io
import json
import os
import sqlite3
import sys
import time
import zipfile
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

from tests.faults.traffic import lines
from tests.serving import Reply, Server, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="needs /proc")
Show = Callable[[str], None]
SHEET = "xl/worksheets/sheet1.xml"


def send(server: Server, dataset_id: int, data: bytes, name: str) -> Reply | dict[str, object]:
    """How an import was answered; where it became a job, the job at its end."""
    answer = server.ask("POST", f"/api/v1/datasets/{dataset_id}/imports?name={name}", data)
    return server.await_end(answer.json["job"]["id"]) if answer.status == 202 else answer


def refusal(server: Server, data: bytes, name: str, dataset_id: int) -> str:
    """The sentence by which a file is refused: by 415 or 422, or by a job that failed."""
    found = send(server, dataset_id, data, name)
    if isinstance(found, Reply):
        assert found.status in (413, 415, 422), f"{name}: {found.status} {found.body[:300]!r}"
        return found.json["error"]["message"]
    assert found["state"] == "failed", f"{name}: {found}"
    return str(found["error"])


def workbook(sheet: bytes, **more: bytes) -> bytes:
    """A workbook whose one sheet is this XML."""
    relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships"
    main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main"
    package = "http://schemas.openxmlformats.org/package/2006"
    parts = {
        "[Content_Types].xml": f'<Types xmlns="{package}/content-types"><Default Extension="xml" ContentType="application/xml"/>'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        '<Override PartName="/xl/workbook.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"/>'
        '<Override PartName="/xl/worksheets/sheet1.xml" ContentType='
        '"application/vnd.openxmlformats-officedocument.spreadsheetml.worksheet+xml"/></Types>',
        "_rels/.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relations}/officeDocument" Target="xl/workbook.xml"/></Relationships>',
        "xl/workbook.xml": f'<workbook xmlns="{main}" xmlns:r="{relations}"><sheets>'
        '<sheet name="S" sheetId="1" r:id="rId1"/></sheets></workbook>',
        "xl/_rels/workbook.xml.rels": f'<Relationships xmlns="{package}/relationships"><Relationship Id="rId1" '
        f'Type="{relations}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>',
    }
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in parts.items():
            archive.writestr(name, text)
        for name, data in {SHEET: sheet, **more}.items():
            archive.writestr(name, data)
    return out.getvalue()


HEAD = b'<worksheet xmlns="http://schemas.openxmlformats.org/spreadsheetml/2006/main"><sheetData>'
END = b"</sheetData></worksheet>"


def inline_row(*texts: bytes) -> bytes:
    """A row of a sheet with its texts in place."""
    cells = b"".join(b'<c t="inlineStr"><is><t>%s</t></is></c>' % text for text in texts)
    return b"<row>%s</row>" % cells


def test_the_workbooks_of_these_tests_can_be_read(server: Server) -> None:
    sheet = HEAD + inline_row(b"question", b"answer") + inline_row(b"How?", b"So.") + END
    assert server.bring(server.make_dataset(), workbook(sheet), "x.xlsx")["imported"] == 1


def test_d37_json_nested_without_end_is_refused(server: Server, full: bool) -> None:
    depth = 100_000 if full else 20_000
    dataset_id = server.make_dataset()
    documents = (b"[" * depth, b'{"a":' * depth, b"[" * depth + b"]" * depth, b'[{"question": ' + b"[" * depth)
    with server.unharmed():
        for number, document in enumerate(documents):
            for name in (f"{number}.json", f"{number}.jsonl"):
                assert refusal(server, document, name, dataset_id)


def test_d39_of_a_key_that_stands_twice_the_last_counts_and_it_is_told(server: Server) -> None:
    dataset_id = server.make_dataset()
    line = b'{"question": "first", "question": "last", "answer": "a"}\n'
    brought = server.bring(dataset_id, line + lines(3))
    assert server.entries(dataset_id)[0]["question"] == "last"
    assert "twice" in json.dumps(brought)


def test_d42_a_workbook_that_expands_without_end_is_refused_in_time(server: Server, full: bool, show: Show) -> None:
    dataset_id = server.make_dataset()
    row = inline_row(b"a" * 100, b"b" * 100)
    sheet = HEAD + inline_row(b"question", b"answer") + row * ((314 if full else 80) * 2**20 // len(row)) + END
    packed = workbook(sheet)
    held = server.forget_peak()
    with server.unharmed(5 if full else 30):
        said = refusal(server, packed, "bomb.xlsx", dataset_id)
    grown = server.memory_mb() - held
    show(f"{len(packed) / 2**20:.2f} MB to {len(sheet) / 2**20:.0f} MB: + {grown:.0f} MB")
    assert "LTT_MAX_RATIO" in said and grown <= 100


ENTITIES = {
    "bomb": b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa">'
    + b"".join(b'<!ENTITY %c "%s">' % (98 + n, b"&%c;" % (97 + n) * 10) for n in range(9))
    + b"]>",
    "file": b'<!DOCTYPE x [<!ENTITY j SYSTEM "file:///etc/passwd">]>',
    "network": b'<!DOCTYPE x [<!ENTITY j SYSTEM "http://127.0.0.1:%d/got-it">]>',
}


@pytest.mark.parametrize("kind", ENTITIES)
def test_d43_entities_of_a_workbook_reach_neither_files_nor_network(server: Server, kind: str) -> None:
    dataset_id = server.make_dataset()
    document = ENTITIES[kind].replace(b"%d", str(server.port).encode())
    sheet = document + HEAD + inline_row(b"question", b"answer") + inline_row(b"How?", b"so &j; so") + END
    requests_before = server.said.count("got-it")
    held = server.forget_peak()
    found = send(server, dataset_id, workbook(sheet), "x.xlsx")
    assert not isinstance(found, Reply) or found.status < 500
    # Refused, or read with the entity left as it is: never what it stands for.
    texts = json.dumps(server.entries(dataset_id))
    assert "root:" not in texts and "aaaaaaaaaaa" not in texts
    assert server.said.count("got-it") == requests_before
    assert server.memory_mb() - held <= 100


def test_d45_of_a_database_only_plain_tables_are_read(server: Server, tmp_path: Path) -> None:
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            """
            CREATE TABLE faq (question TEXT, answer TEXT, long TEXT AS (question || answer) VIRTUAL,
                              stored TEXT AS (upper(question)) STORED);
            INSERT INTO faq (question, answer) VALUES ('How?', 'So.'), ('Why?', 'Because.');
            CREATE TABLE log (line TEXT);
            CREATE TRIGGER watch AFTER INSERT ON faq BEGIN INSERT INTO log VALUES ('changed'); END;
            CREATE VIEW endless AS WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n)
                SELECT x AS question, x AS answer FROM n;
            CREATE VIRTUAL TABLE words USING fts5 (question, answer);
            """
        )
    dataset_id = server.make_dataset()
    began = time.monotonic()
    assert server.bring(dataset_id, path.read_bytes(), "x.db")["imported"] == 2
    for name in ("endless", "words", "words_content", "words_config"):
        answer = server.ask("POST", f"/api/v1/datasets/{dataset_id}/imports?name=x.db&sheet={name}", path.read_bytes())
        assert answer.status in (400, 422), f"{name}: {answer.body[:300]!r}"
    assert time.monotonic() - began < 60
    assert {one["question"] for one in server.entries(dataset_id)} == {"How?", "Why?"}


def test_d46_a_database_of_garbage_is_refused(server: Server) -> None:
    dataset_id = server.make_dataset()
    with server.unharmed(10):
        for size in (0, 100, 4096, 100_000):
            garbage = b"SQLite format 3\x00" + bytes(index * 7919 % 251 for index in range(size))
            assert refusal(server, garbage, "x.db", dataset_id)


def leftovers(server: Server) -> set[Path]:
    """What lies in the folders of uploads and of buffers."""
    return {path for path in server.folder.rglob("*") if path.is_file() and path.parent != server.folder}


def test_d49_an_upload_that_breaks_off_leaves_nothing(server: Server, full: bool) -> None:
    dataset_id = server.make_dataset()
    before, said = leftovers(server), len(server.said)
    head = (
        f"POST /api/v1/datasets/{dataset_id}/imports?name=x.jsonl HTTP/1.1\r\nHost: localhost\r\n"
        f"Authorization: Bearer {server.token}\r\nContent-Length: 4000000\r\n\r\n"
    ).encode()
    with server.unharmed(300):
        for _ in range(500 if full else 20):
            with server.connect() as connection:
                connection.sendall(head + lines(1_000)[: 2_000_000 if full else 100_000])
        wait_for(lambda: leftovers(server) <= before, 60)
    assert server.api("GET", f"/datasets/{dataset_id}/imports")["imports"] == []
    assert "Traceback" not in server.said[said:]


def test_d50_a_download_that_breaks_off_leaves_nothing(server: Server, full: bool, show: Show) -> None:
    dataset_id = server.make_dataset()
    server.bring(dataset_id, lines(30_000))
    files, said = server.open_files(), len(server.said)
    for _ in range(500 if full else 20):
        with server.connect() as connection:
            connection.sendall(b"GET /api/v1/datasets/%d/export HTTP/1.1\r\nHost: localhost\r\n\r\n" % dataset_id)
            assert connection.recv(65_536)
    # Connections of the pool stay open: as many as there are threads, each with the database and its log.
    wait_for(lambda: server.open_files() <= files + 40, 60)
    # A read that were left open would keep the log from being emptied.
    wait_for(lambda: is_emptied(server.folder), 30)
    assert "Traceback" not in server.said[said:]
    show(f"{files} files open before, {server.open_files()} after")


def is_emptied(folder: Path) -> bool:
    """Whether SQLite can fold the whole log into the database now. Checkpoints belong under the lock of writers."""
    from app.models.filelock import FileLock

    with FileLock(folder / "write.lock"), closing(sqlite3.connect(folder / "ltt.db", timeout=1)) as connection:
        busy, *_ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
    return bool(busy == 0 and os.stat(folder / "ltt.db-wal").st_size == 0)
