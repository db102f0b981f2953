"""Pushing to the Hub, tried against a server of our own that speaks its API."""

import json
import stat

import pytest

from app.core.errors import Conflict, Invalid, Unavailable
from app.core.filters import Filters
from app.core.record import Record
from app.core.spec import parse_target
from app.services import export, history, hub, jobs
from app.services.export import ExportOptions
from app.services.hub import PushRun
from tests.hub_server import TOKEN, serve_hub

pytest.importorskip("huggingface_hub")
pytestmark = pytest.mark.filterwarnings("ignore:::huggingface_hub")


@pytest.fixture(autouse=True)
def no_waiting(monkeypatch):
    """The library waits before it tries again."""
    monkeypatch.setattr("huggingface_hub.utils._http.time.sleep", lambda seconds: None)


@pytest.fixture
def server(monkeypatch):
    from huggingface_hub import constants

    with serve_hub() as running:
        monkeypatch.setattr(constants, "ENDPOINT", running.address)
        template = running.address + "/{repo_id}/resolve/{revision}/{filename}"
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
        monkeypatch.setenv("HF_TOKEN", TOKEN)
        yield running


@pytest.fixture
def filled(dataset_id):
    for split in ("train", "test"):
        history.create(dataset_id, [Record(f"q {split}", "a", reasoning="r")], summary="Add", split=split)
    return dataset_id


def pushed(dataset_id, repo="me/faq", **more):
    return hub.push(PushRun(dataset_id, repo, **more), jobs.Unwatched())


def test_a_new_dataset_is_private_and_holds_the_folder(server, filled, tmp_path):
    result = pushed(filled)
    assert server.private == {"me/faq": True} and result["address"] == f"{server.address}/datasets/me/faq"
    export.write_folder(filled, PushRun(filled).options, tmp_path / "set")
    local = {
        path.relative_to(tmp_path / "set").as_posix(): path.read_bytes()
        for path in (tmp_path / "set").rglob("*")
        if path.is_file()
    }
    assert server.files["me/faq"] == local and len(server.commits) == 1
    assert server.commits[0]["summary"] == "Push 2 pairs from LLM Training Tools"


def test_it_is_public_where_that_is_said(server, filled):
    pushed(filled, public=True, message="First")
    assert server.private == {"me/faq": False} and server.commits[0]["summary"] == "First"


def test_a_second_push_keeps_the_card_by_hand_writes_its_features_anew_and_drops_stale_files(server, filled):
    pushed(filled)
    files = server.files["me/faq"]
    files["README.md"] = files["README.md"].replace(b"pretty_name", b"license: mit\npretty_name") + b"\nBy hand.\n"
    files["notes.txt"] = b"mine"
    history.create(
        filled,
        [Record("q", "a", extra={"tools": [{"type": "function", "function": {"name": "f"}}]})],
        summary="Add",
        split="train",
    )
    options = ExportOptions().complete(parse_target("huggingface"), Filters(splits=("train",)))
    result = pushed(filled, options=options)
    card = server.files["me/faq"]["README.md"].decode()
    assert "license: mit" in card and "By hand." in card and "name: tools" in card and "test.jsonl" not in card
    assert result["removed"] == ["test.jsonl"] and sorted(server.files["me/faq"]) == [
        ".ltt/croissant.json",
        ".ltt/manifest.json",
        ".ltt/order.json",
        "README.md",
        "notes.txt",
        "train.jsonl",
    ]
    manifest = json.loads(server.files["me/faq"][".ltt/manifest.json"])
    assert [one["path"] for one in manifest["files"]] == ["train.jsonl"]


@pytest.mark.parametrize(
    ("status", "error", "said"),
    [
        (401, Conflict, "The Hub refuses this token for me/faq (401). It must be allowed to write there."),
        (403, Conflict, "refuses this token"),
        (500, Unavailable, "The Hub answers with an error (500)"),
        (503, Unavailable, "answers with an error"),
    ],
)
def test_a_refusal_is_one_sentence_without_the_token(server, filled, caplog, status, error, said):
    server.status = status
    with pytest.raises(error) as caught:
        pushed(filled)
    assert said in str(caught.value) and "\n" not in str(caught.value)
    assert TOKEN not in str(caught.value) + repr(caught.value) + caplog.text


def test_a_wrong_token_is_refused(server, filled, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_another-token-0123")
    with pytest.raises(Conflict, match="refuses this token"):
        pushed(filled)
    assert not server.files


@pytest.mark.parametrize("token", ["hf_0123\n4567-89", "hf_tökén-0123456", "hf_1"])
def test_what_can_be_no_token_is_refused_before_anything_is_sent(filled, monkeypatch, token):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(Conflict, match="is no token") as caught:
        pushed(filled)
    assert token not in str(caught.value)


def test_a_hub_that_is_not_there_is_told(filled, monkeypatch):
    from huggingface_hub import constants

    monkeypatch.setattr(constants, "ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr(
        constants, "HUGGINGFACE_CO_URL_TEMPLATE", "http://127.0.0.1:9/{repo_id}/resolve/{revision}/{filename}"
    )
    monkeypatch.setenv("HF_TOKEN", TOKEN)
    with pytest.raises(Unavailable, match="cannot be reached"):
        pushed(filled)


@pytest.mark.parametrize("repo", ["", "faq", "a/b/c", "me/..", "me/faq?x", "ме/faq", "-x/--"])
def test_a_name_that_cannot_be_is_refused_before_anything_is_sent(server, filled, repo):
    with pytest.raises(Invalid, match=r"OWNER/NAME"):
        pushed(filled, repo=repo)
    assert not server.files


def test_a_token_is_kept_for_its_owner_only_and_in_no_database(app, filled, data_dir, monkeypatch):
    monkeypatch.delenv("HF_TOKEN", raising=False)
    with pytest.raises(Conflict, match="There is no token"):
        PushRun(filled, "me/faq").check()
    hub.keep_token(f"{TOKEN}\n")
    path = data_dir / "hub.token"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    PushRun(filled, "me/faq").check()
    assert TOKEN.encode() not in b"".join(one.read_bytes() for one in data_dir.glob("ltt.db*"))
    for bad in ("short", "with blank inside", "ü" * 20):
        with pytest.raises(Invalid, match="no token"):
            hub.keep_token(bad)
    hub.keep_token("")
    assert not path.exists()


def test_a_set_whose_splits_leak_is_pushed_only_where_that_is_allowed(server, filled, ltt):
    for split in ("train", "test"):
        history.create(filled, [Record("How many boxes?", "There are 12.")], summary="Add", split=split)
    with pytest.raises(Conflict, match="1 leak between splits"):
        pushed(filled)
    assert server.commits == []
    refused = ltt("push", filled, "me/faq")
    assert refused.code == 4 and "--allow-leaks" in refused.err and server.commits == []
    allowed = ltt("push", filled, "me/faq", "--allow-leaks")
    assert allowed.code == 0 and len(server.commits) == 1
