"""Where keys of connections are kept, and for whom."""

import stat
import sys
from types import ModuleType

import pytest

from app.core.errors import Conflict
from app.providers import keys
from tests.chat_server import KEY

HOST = "https://api.example.com"


@pytest.fixture
def no_keyring(monkeypatch):
    """A computer without the package keyring."""
    monkeypatch.setattr(keys, "find_spec", lambda name: None)


@pytest.fixture
def keyring(monkeypatch):
    """A keyring that works, or does what a test makes it do."""
    module, errors = ModuleType("keyring"), ModuleType("keyring.errors")

    class KeyringError(Exception):
        pass

    class Backend:
        priority = 5

    errors.KeyringError = KeyringError
    module.errors, module.kept, module.backend = errors, {}, Backend()
    module.get_keyring = lambda: module.backend
    module.set_password = lambda service, name, key: module.kept.update({(service, name): key})
    module.get_password = lambda service, name: module.kept.get((service, name))
    module.delete_password = lambda service, name: module.kept.pop((service, name))
    monkeypatch.setitem(sys.modules, "keyring", module)
    monkeypatch.setitem(sys.modules, "keyring.errors", errors)
    monkeypatch.setattr(keys, "find_spec", lambda name: module)
    return module


def files(folder):
    return sorted(path for path in folder.rglob("*") if path.is_file())


def test_without_a_keyring_a_key_is_in_a_file_of_its_own(tmp_path, no_keyring):
    key_id = keys.keep_key(tmp_path, HOST, KEY)
    assert keys.read_key(tmp_path, key_id, HOST) == KEY
    (path,) = files(tmp_path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600 and stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert keys.find_grant(tmp_path, key_id).tail == "7f2a"
    keys.forget_key(tmp_path, key_id)
    assert files(tmp_path) == []


def test_a_keyring_that_works_has_the_key_and_no_file_has(tmp_path, keyring):
    key_id = keys.keep_key(tmp_path, HOST, KEY)
    assert list(keyring.kept.values()) == [KEY] and keys.read_key(tmp_path, key_id, HOST) == KEY
    assert all(KEY.encode() not in path.read_bytes() for path in files(tmp_path))
    keys.forget_key(tmp_path, key_id)
    assert keyring.kept == {} and files(tmp_path) == []


def test_a_keyring_that_does_not_work_is_passed_over(tmp_path, keyring):
    def fail(*args):
        raise keyring.errors.KeyringError("no bus")

    for name, broken in (("set_password", fail), ("get_password", lambda *args: None), ("get_password", fail)):
        setattr(keyring, name, broken)
        key_id = keys.keep_key(tmp_path, HOST, KEY)
        assert keys.find_grant(tmp_path, key_id).source == "file" and keys.read_key(tmp_path, key_id, HOST) == KEY


def test_a_keyring_that_writes_plain_files_is_not_used(tmp_path, keyring):
    keyring.backend.priority = 0.5
    keys.keep_key(tmp_path, HOST, KEY)
    assert keyring.kept == {}


def test_a_keyring_that_is_locked_later_is_said(tmp_path, keyring):
    key_id = keys.keep_key(tmp_path, HOST, KEY)
    keyring.kept.clear()
    with pytest.raises(Conflict, match="keyring"):
        keys.read_key(tmp_path, key_id, HOST)


def test_a_key_goes_to_its_own_host_only(tmp_path, no_keyring, monkeypatch):
    monkeypatch.setenv("EXAMPLE_API_KEY", KEY)
    for key_id in (keys.keep_key(tmp_path, HOST, KEY), keys.allow_variable(tmp_path, HOST, "EXAMPLE_API_KEY")):
        assert keys.read_key(tmp_path, key_id, HOST) == KEY
        for other in ("https://evil.test", "http://api.example.com", f"{HOST}:8443"):
            with pytest.raises(Conflict) as error:
                keys.read_key(tmp_path, key_id, other)
            assert error.value.code == "key" and KEY not in error.value.message


def test_a_variable_must_be_set_to_a_key(tmp_path, monkeypatch):
    key_id = keys.allow_variable(tmp_path, HOST, "EXAMPLE_API_KEY")
    monkeypatch.delenv("EXAMPLE_API_KEY", raising=False)
    with pytest.raises(Conflict, match="EXAMPLE_API_KEY is not set"):
        keys.read_key(tmp_path, key_id, HOST)
    monkeypatch.setenv("EXAMPLE_API_KEY", "two words of a secret")
    with pytest.raises(Conflict) as error:
        keys.read_key(tmp_path, key_id, HOST)
    assert "two words" not in error.value.message


@pytest.mark.parametrize("key_id", [None, "", "../../secret", "0" * 32, "A" * 32])
def test_what_is_kept_under_no_id_is_no_key(tmp_path, key_id):
    (tmp_path / "secret.json").write_text("{}")
    with pytest.raises(Conflict):
        keys.read_key(tmp_path, key_id, HOST)
    keys.forget_key(tmp_path, key_id)
    assert files(tmp_path) == [tmp_path / "secret.json"]


def test_a_file_that_others_can_read_is_refused(tmp_path, no_keyring):
    key_id = keys.keep_key(tmp_path, HOST, KEY)
    (path,) = files(tmp_path)
    path.chmod(0o644)
    with pytest.raises(Conflict, match="other users"):
        keys.read_key(tmp_path, key_id, HOST)


def test_a_damaged_file_is_no_key(tmp_path, no_keyring):
    key_id = keys.keep_key(tmp_path, HOST, KEY)
    (path,) = files(tmp_path)
    for content in ("", "[]", "{}", '{"origin": 1}'):
        path.write_text(content)
        with pytest.raises(Conflict):
            keys.read_key(tmp_path, key_id, HOST)
