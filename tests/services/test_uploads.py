"""Uploaded files: where they lie, under which name, and for how long."""

import hashlib
import io
import os
import stat

import pytest

from app.core.errors import DiskFull, Gone, Invalid, TooLarge
from app.services import uploads

pytestmark = pytest.mark.usefixtures("dataset_id")


def save(content=b"hello", name="a.csv", **options):
    return uploads.save(io.BytesIO(content).read, name, **options)


def files():
    return sorted(path.name for path in uploads.folder().iterdir())


def test_an_upload_is_kept_byte_for_byte_for_its_owner_only():
    upload = save(b"q,a\n" * 1000)
    assert upload.path.read_bytes() == b"q,a\n" * 1000
    assert (upload.size, upload.sha256) == (4000, hashlib.sha256(b"q,a\n" * 1000).hexdigest())
    assert {stat.S_IMODE(path.stat().st_mode) for path in uploads.folder().iterdir()} == {0o600}
    assert uploads.get(upload.token) == upload


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("../../etc/passwd", "passwd"),
        ("C:\\x\\con.csv", "con.csv"),
        ('"><img>.csv', '"><img>.csv'),
        ("数据.csv", "数据.csv"),
        ("a\r\nX: y.csv", "aX: y.csv"),
        ("", "file"),
        ("x" * 300 + ".csv", "x" * 251 + ".csv"),
    ],
)
def test_a_name_is_shown_but_never_a_path(name, shown):
    upload = save(name=name)
    assert upload.name == shown
    assert upload.path.parent == uploads.folder() and upload.path.name == upload.token


def test_an_empty_file_is_refused_and_leaves_nothing():
    with pytest.raises(Invalid, match="no rows"):
        save(b"")
    assert files() == []


def test_too_much_is_refused_before_and_while_reading(app):
    app.config["LTT_MAX_UPLOAD_MB"] = 1
    for announced in (None, 2 * uploads.MB):
        with pytest.raises(TooLarge, match="LTT_MAX_UPLOAD_MB"):
            save(b"x" * (uploads.MB + 1), announced_bytes=announced)
    assert files() == []


def test_too_little_room_is_said_before_reading(monkeypatch):
    monkeypatch.setattr(uploads.shutil, "disk_usage", lambda path: _Usage(10 * uploads.MB))
    with pytest.raises(DiskFull, match="10 MB free; taking this file needs about 15 MB"):
        save(announced_bytes=5 * uploads.MB)


class _Usage:
    def __init__(self, free):
        self.free = free


def test_an_upload_that_breaks_off_leaves_nothing():
    def read(size):
        raise OSError("gone")

    with pytest.raises(OSError, match="gone"):
        uploads.save(read, "a.csv")
    assert files() == []


@pytest.mark.parametrize("token", ["", "x" * 32, "../ltt.db", "a/b"])
def test_what_was_never_uploaded_is_gone(token):
    with pytest.raises(Gone):
        uploads.get(token)


def test_uploads_are_kept_for_a_while_and_longer_while_needed(app):
    old, needed, new = save(), save(), save()
    for upload in (old, needed):
        for path in (upload.path, uploads._facts_path(upload.token)):
            os.utime(path, (0, 0))
    assert uploads.sweep(keep={needed.token}) == 1
    assert [uploads.is_kept(upload.token) for upload in (old, needed, new)] == [False, True, True]


def test_a_removed_upload_is_gone(app):
    upload = save()
    uploads.remove(upload.token)
    assert files() == [] and not uploads.is_kept(upload.token)
    with app.test_request_context(), pytest.raises(Gone):
        uploads.look(upload, files)
