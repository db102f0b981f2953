"""Training runs over the API."""

import io
import zipfile

import pytest

from app.models.database import is_writing
from app.services import runners, tasks, training
from app.services.training import local
from tests.training import make_dataset, use_fake_engine

API = "/api/v1"
QUICK = {"settings": {"batch_size": 2, "accumulation": 1, "epochs": 2}}


@pytest.fixture(autouse=True)
def dataset(app, monkeypatch):
    use_fake_engine(monkeypatch)
    with app.app_context():
        make_dataset()


@pytest.fixture
def address():
    """Where the runs of the dataset are."""
    return f"{API}/datasets/1/runs"


def train(app, client, address, **more):
    """A run that is asked for over the API, and done by what stands in for the worker."""
    answer = client.post(address, json={**QUICK, **more})
    assert answer.status_code == 202, answer.json
    with app.app_context():
        tasks.run_queued(answer.json["job"]["id"], runners.me())
        runners.retire()
    return answer.json["run"]["run"]


def test_a_plan_tells_what_would_run(client, address):
    told = client.post(f"{address}/plan", json=QUICK).json
    assert (told["steps"], told["method"], told["splits"]["train"], told["blocked"]) == (12, "full", 12, False)
    assert client.get(address).json == {"runs": [], "total": 0}


def test_a_run_is_started_followed_named_and_deleted(app, client, address):
    run = train(app, client, address, name="First")
    told = client.get(f"{API}/runs/{run}").json
    assert (told["state"], told["name"], told["best"]["step"]) == ("done", "First", 12)
    measured = client.get(f"{API}/runs/{run}/metrics").json
    assert [one["step"] for one in measured["points"]] == list(range(13)) and measured["checkpoints"]
    assert client.patch(f"{API}/runs/{run}", json={"note": "good"}).json["note"] == "good"
    assert client.delete(f"{API}/runs/{run}?checkpoints=true").json["freed_bytes"] > 0
    assert client.get(f"{API}/runs/{run}/metrics").json["checkpoints"] == []
    assert client.delete(f"{API}/runs/{run}").json["run"] == run
    assert client.get(f"{API}/runs/{run}").status_code == 404


def test_a_create_that_is_sent_twice_makes_one_run(client, address):
    sent = [client.post(address, json=QUICK, headers={"Idempotency-Key": "k"}).json["run"]["run"] for _ in range(2)]
    assert sent[0] == sent[1] and client.get(address).json["total"] == 1


def test_others_can_write_while_a_run_is_planned(client, address, monkeypatch):
    writing = []

    class Probed(type(local.make_place())):
        def check(self, spec, folder):
            writing.append(is_writing())
            return []

    place = Probed()
    monkeypatch.setattr(local, "make_place", lambda: place)
    for body, where in ((QUICK, address), ({**QUICK, "over": {"epochs": [1, 2]}}, f"{address}/sweep")):
        sent = [client.post(where, json=body, headers={"Idempotency-Key": where}) for _ in range(2)]
        assert [one.status_code for one in sent] == [202, 202] and sent[0].json == sent[1].json
    assert writing == [False, False] and client.get(address).json["total"] == 3


def test_a_waiting_run_is_paused_resumed_and_cancelled(client, address):
    run = client.post(address, json=QUICK).json["run"]["run"]
    assert client.post(f"{API}/runs/{run}/pause").json["state"] == "paused"
    assert client.post(f"{API}/runs/{run}/resume").json["run"]["state"] == "queued"
    assert client.post(f"{API}/runs/{run}/cancel").json["state"] == "cancelled"
    assert client.post(f"{API}/runs/{run}/cancel").status_code == 409


def test_a_sweep_is_compared(app, client, address):
    made = client.post(f"{address}/sweep", json={**QUICK, "over": {"learning_rate": [0.001, 0.002]}}).json["runs"]
    ids = ",".join(str(one["run"]) for one in made)
    found = client.get(f"{API}/runs/compare?runs={ids}").json
    assert found["differences"] == [{"name": "learning_rate", "values": [0.001, 0.002]}]
    with app.app_context():
        assert {run.sweep for run in training.list_runs(1)} == {"Sweep 1"}


def test_a_model_is_made_and_taken(app, client, address):
    run = train(app, client, address)
    assert client.get(f"{API}/runs/{run}/model").mimetype == "application/zip"
    assert client.get(f"{API}/runs/{run}/model?what=merge").status_code == 404
    assert client.post(f"{API}/runs/{run}/make", json={"what": "magic"}).status_code == 422
    answer = client.post(f"{API}/runs/{run}/make", json={"what": "merge"})
    assert answer.status_code == 202 and answer.json["job"]["kind"] == "make-model"
    with app.app_context():
        tasks.run_queued(answer.json["job"]["id"], runners.me())
        runners.retire()
    assert client.get(f"{API}/runs/{run}/model?what=merge").data.startswith(b"PK")
    assert client.post(f"{API}/runs/{run}/make", json={"what": "merge"}).status_code == 409


def test_what_cannot_be_is_refused_in_words(client, address):
    for body, status, said in (
        ({"settings": {"epoch": 2}}, 422, "no option “epoch”"),
        ({"settings": {"epochs": 0}}, 422, "Epochs must be from 1 to 1000"),
        ({"settings": {"learning_rate": 5}}, 422, "Learning rate must be from 1e-08 to 1"),
        ({"method": "magic"}, 422, "Method must be one of: full"),
        ({"where": "nowhere"}, 404, "There is no place"),
        ({"snapshot": "v7"}, 404, "There is no snapshot"),
        ({"bases": "toy"}, 422, "no such field"),
    ):
        answer = client.post(address, json=body)
        assert answer.status_code == status and said in answer.json["error"]["message"], answer.json
    assert client.post(f"{API}/datasets/9/runs", json={}).status_code == 404


def test_a_run_is_taken_away_and_its_metrics_are_brought_back(app, client, address):
    run = train(app, client, address, where="bundle", base="acme/small", method="lora")
    bundle = client.get(f"{API}/runs/{run}/bundle?trainer=axolotl")
    assert bundle.status_code == 200 and bundle.mimetype == "application/zip"
    assert "run_1_of_bank_axolotl.zip" in bundle.headers["Content-Disposition"]
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        assert "run_1_of_bank_axolotl/train.sh" in archive.namelist()
    assert client.get(f"{API}/runs/{run}/bundle?trainer=none").status_code == 422
    line = b'{"step": 12, "epoch": 2.0, "validation_loss": 1.5, "finished": true}\n'
    metrics = f"{API}/runs/{run}/metrics"
    done = client.post(metrics, data={"file": (io.BytesIO(line), "metrics.jsonl")})
    assert done.status_code == 200 and done.json["state"] == "done" and done.json["best"]["step"] == 12
    assert client.get(metrics).json["points"] == [{"step": 12, "epoch": 2.0, "validation_loss": 1.5}]
    with app.app_context():
        (training.folder_of(training.require_run(run)) / "run.json").write_text("{broken")
    record = client.get(f"{API}/runs/{run}/record").json
    assert record["spec"]["base"]["name"] == "acme/small" and "| best | 12 |" in record["card"]
    raw = client.post(f"{metrics}?name=m.jsonl", data=b'{"step": 1, "lo', content_type="application/octet-stream")
    assert raw.status_code == 422 and "Line 1 of this file is broken" in raw.json["error"]["message"]


@pytest.mark.parametrize("name", ["x" * 5000, "~nobody-here/model", "\x00", "a/" * 3000, "../../etc/passwd"])
def test_a_base_model_of_any_name_is_answered(client, name, address):
    assert client.post(f"{address}/plan", json={"base": name, "where": "bundle"}).status_code < 500
    assert client.get("/datasets/1/training/new", query_string={"base": name, "model": name}).status_code < 500


@pytest.mark.parametrize("runs", ["", "x", "1,", "-1", "\u0661", "1," * 60 + "1"])
def test_what_is_no_list_of_runs_is_not_compared(client, address, runs):
    refused = client.get("/api/v1/runs/compare", query_string={"runs": runs})
    assert refused.status_code == 400 and "at most 50 runs" in refused.json["error"]["message"]
