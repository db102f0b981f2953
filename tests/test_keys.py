"""The data folder and its secrets."""

import os
from pathlib import Path

import pytest

from app import keys
from app.core.errors import Conflict


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """An empty data folder, made under a careless umask."""
    before = os.umask(0)
    keys.prepare_folder(tmp_path / "data")
    yield tmp_path / "data"
    os.umask(before)


@pytest.mark.parametrize(("make", "name"), [(keys.secret_key, keys.KEY_FILE), (keys.api_token, keys.TOKEN_FILE)])
class TestSecret:
    """Holds for the key and for the token."""

    def test_it_is_long_and_its_owners_alone(self, folder: Path, make, name: str) -> None:
        assert len(make(folder)) >= 32
        assert (folder / name).stat().st_mode & 0o777 == 0o600
        assert folder.stat().st_mode & 0o777 == 0o700

    def test_it_stays_the_same(self, folder: Path, make, name: str) -> None:
        assert make(folder) == make(folder)

    def test_it_differs_per_folder(self, folder: Path, make, name: str, tmp_path: Path) -> None:
        keys.prepare_folder(tmp_path / "other")
        assert make(folder) != make(tmp_path / "other")

    @pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644])
    def test_one_that_others_can_read_is_refused(self, folder: Path, make, name: str, mode: int) -> None:
        make(folder)
        (folder / name).chmod(mode)
        with pytest.raises(Conflict, match="other users"):
            make(folder)

    def test_a_short_one_is_refused(self, folder: Path, make, name: str) -> None:
        (folder / name).touch(mode=0o600)
        (folder / name).write_bytes(b"dev")
        with pytest.raises(Conflict, match="too short"):
            make(folder)

    def test_a_link_is_refused(self, folder: Path, make, name: str, tmp_path: Path) -> None:
        (tmp_path / "elsewhere").write_bytes(os.urandom(64))
        (folder / name).symlink_to(tmp_path / "elsewhere")
        with pytest.raises(Conflict):
            make(folder)


@pytest.mark.parametrize("key", [b"\x00" * 32, b"change-me" * 4 + b"change-m", b"a" * 64])
def test_a_well_known_kind_of_key_is_refused(folder: Path, key: bytes) -> None:
    (folder / keys.KEY_FILE).touch(mode=0o600)
    (folder / keys.KEY_FILE).write_bytes(key)
    with pytest.raises(Conflict, match="too simple"):
        keys.secret_key(folder)


def test_a_folder_open_to_others_is_closed(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o755)
    keys.prepare_folder(tmp_path / "data")
    assert (tmp_path / "data").stat().st_mode & 0o777 == 0o700
