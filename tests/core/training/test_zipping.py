"""A folder as a .zip, made while it is sent."""

import io
import zipfile

from app.core.training.zipping import stream_zip


def test_the_zip_holds_every_file_and_no_link(tmp_path):
    (tmp_path / "deep").mkdir()
    (tmp_path / "deep" / "weights.bin").write_bytes(bytes(range(256)) * 9000)
    (tmp_path / "README.md").write_text("card", "utf-8")
    (tmp_path / "link").symlink_to("/etc/hostname")
    pieces = [piece for piece in stream_zip(tmp_path, "run-3") if piece]
    assert len(pieces) > 3
    with zipfile.ZipFile(io.BytesIO(b"".join(pieces))) as archive:
        assert archive.testzip() is None
        assert archive.namelist() == ["run-3/README.md", "run-3/deep/weights.bin"]
        assert archive.read("run-3/deep/weights.bin") == bytes(range(256)) * 9000


def test_twice_is_the_same(tmp_path):
    (tmp_path / "a").write_text("one", "utf-8")
    assert b"".join(stream_zip(tmp_path, "x")) == b"".join(stream_zip(tmp_path, "x"))
