"""What pages and the API do with files that are made to harm: they read them in a bounded child."""

import gzip
import io

import pyarrow
import pytest
from pyarrow import parquet

from app.core.conversion import ConvertOptions
from app.core.errors import DiskFull, TooLarge
from app.services import bounded, conversion, uploads

MB = 1024 * 1024
TABLE = b"question,answer\n" + b"What is it?,This.\n" * 5000
PROBLEM = "expands to more than 200 times its size"


@pytest.fixture
def looks(monkeypatch):
    """What was called in a child so far, by name."""
    seen = []
    real = bounded.run_bounded

    def note(function, *arguments, **options):
        seen.append(function.__name__)
        return real(function, *arguments, **options)

    monkeypatch.setattr(bounded, "run_bounded", note)
    return seen


def bomb() -> bytes:
    text = pyarrow.DictionaryArray.from_arrays(pyarrow.array([0] * 1000, pyarrow.int32()), pyarrow.array(["x" * MB]))
    out = io.BytesIO()
    parquet.write_table(pyarrow.table({"question": text, "answer": text}), out, compression="zstd", store_schema=False)
    return out.getvalue()


def send(client, address: str, data: bytes, name: str):
    return client.post(address, data={"file": (io.BytesIO(data), name)}, content_type="multipart/form-data")


def test_a_file_that_grows_is_refused_by_every_door(client, looks):
    client.post("/datasets", data={"name": "Kitchen"})
    shown = client.get(send(client, "/convert", bomb(), "b.parquet").location)
    assert shown.status_code == 413 and PROBLEM in shown.text
    taken = send(client, "/datasets/1/import", bomb(), "b.parquet")
    assert taken.status_code == 422 and PROBLEM in taken.text
    for address in ("/api/v1/convert?name=b.parquet", "/api/v1/datasets/1/imports?name=b.parquet"):
        answer = client.post(address, data=bomb(), content_type="application/octet-stream")
        assert answer.status_code == 413 and PROBLEM in answer.json["error"]["message"]
    assert looks == ["_detect"] * 4


def test_small_plain_text_is_read_here_and_all_else_in_a_child(client, looks):
    for data, name in (
        (b"question,answer\nWhat?,This.\n", "a.csv"),
        (b'{"question": "q", "answer": "a"}\n', "a.jsonl"),
    ):
        assert client.get(send(client, "/convert", data, name).location).status_code == 200
    assert looks == []
    for data, name in ((TABLE, "a.csv"), (gzip.compress(TABLE[:1000]), "a.csv.gz")):
        looks.clear()
        assert "What is it?" in client.get(send(client, "/convert", data, name).location).text
        assert looks == ["_detect", "_make_preview"]


def test_a_large_table_is_previewed_imported_and_converted_in_children(client, looks):
    client.post("/datasets", data={"name": "Kitchen"})
    page = send(client, "/datasets/1/import", TABLE, "a.csv").location
    assert "What is it?" in client.get(page).text
    assert client.post(page).status_code == 303
    assert looks == ["_detect", "_make_preview", "_find_late_columns"]
    looks.clear()
    page = send(client, "/convert", TABLE, "a.csv").location
    assert "5,000 records in, 5,000 records out" in client.get(f"{page}/report").text
    assert client.post(f"{page}/file?to=csv:columns").data.count(b"This.") == 5000
    assert client.get(f"{page}/rejects").data == b""
    assert looks == ["_detect", "_count_losses", "_write_converted", "_write_rejects"]


@pytest.fixture
def upload(app):
    with app.app_context():
        yield uploads.save(io.BytesIO(TABLE).read, "a.csv")


def left_behind() -> list[str]:
    return [path.name for path in uploads.folder().iterdir() if path.suffix == ".part"]


def test_a_converted_file_has_a_largest_size(app, upload):
    app.config["LTT_MAX_DECODED_MB"] = 1
    wanted = ConvertOptions(to="jsonl:openai")
    finished = conversion.convert_file(upload, wanted)
    assert len(b"".join(finished.pieces())) == finished.size < MB
    big = uploads.save(io.BytesIO(TABLE * 3).read, "b.csv")
    with pytest.raises(TooLarge, match="LTT_MAX_DECODED_MB"):
        conversion.convert_file(big, wanted)
    assert left_behind() == []


def test_a_converted_file_leaves_some_of_the_disk(upload, monkeypatch):
    usage = uploads.shutil.disk_usage("/")._replace(free=uploads._SPARE_BYTES + 1000)
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: usage)
    with pytest.raises(DiskFull, match="no room"):
        conversion.convert_file(upload, ConvertOptions())
    assert left_behind() == []


def test_losses_of_a_large_file_are_counted_of_its_first_records(client, monkeypatch):
    monkeypatch.setattr(conversion, "COUNTED_SECONDS", -1)
    page = send(client, "/convert", b"question,answer\nWhat?,\nWhy?,So.\nWho?,Me.\n", "a.csv").location
    shown = client.get(f"{page}/report").text
    assert "Of the first records" in shown and "Download all records left out" in shown
