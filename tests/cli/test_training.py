"""``ltt train``, ``ltt runs`` and ``ltt run``: what they print, and what they refuse."""

import pytest

from app.services import models
from tests.training import make_dataset, use_fake_engine
from tests.tuning_servers import KEY, serve_tuning

QUICK = ("--set", "batch_size=2", "--set", "accumulation=1", "--set", "epochs=2")


@pytest.fixture(autouse=True)
def dataset(app, monkeypatch):
    use_fake_engine(monkeypatch)
    with app.app_context():
        make_dataset()


def test_a_plan_says_what_would_run_and_does_nothing(ltt):
    found = ltt("train", "Bank", "--plan")
    assert found.code == 0, found
    assert "12 train, 4 validation" in found.out and "ltt train Bank" in found.out
    told = ltt("train", "Bank", "--plan", "--json").json
    assert told["steps"] == 3 and told["method"] == "full" and not told["blocked"]
    assert ltt("runs", "--json").json == {"runs": []}


def test_a_plan_of_a_sweep_counts_its_runs(ltt):
    sweep = ("--sweep", "epochs=1,2", "--sweep", "learning_rate=1e-3,2e-3")
    found = ltt("train", "Bank", *QUICK, *sweep, "--plan")
    assert "4 runs of 6 to 12 steps, 6 an epoch" in found.out and "--sweep learning_rate=1e-3,2e-3" in found.out
    assert ltt("train", "Bank", *sweep, "--plan", "--json").json["runs"] == 4
    assert ltt("train", "Bank", "--sweep", "epochs=1", "--plan").code == 3


def test_a_run_is_trained_listed_and_copied(ltt, tmp_path):
    out = tmp_path / "model"
    told = ltt("train", "Bank", *QUICK, "--out", out, "--json").json
    assert told["state"] == "done" and told["steps"] == 12 and told["snapshot"] == "v1"
    assert set(told["best"]) == {"step", "validation_loss", "perplexity"}
    assert sorted(path.name for path in out.iterdir()) == ["README.md", "adapter.bin", "run.json"]
    assert [one["run"] for one in ltt("runs", "Bank", "--json").json["runs"]] == [told["run"]]
    assert "done" in ltt("run", told["run"]).out
    assert ltt("train", "Bank", "--out", out).code == 2
    freed = ltt("run", told["run"], "delete", "--json").json
    assert freed["freed_bytes"] > 0 and ltt("run", told["run"]).code == 4


def test_a_snapshot_alone_says_the_dataset(ltt):
    made = ltt("snapshot", "Bank", "--name", "first", "--json").json
    assert ltt("train", "--snapshot", made["hash"][:12], "--plan", "--json").json["snapshot"] == "v1"
    assert ltt("train", "--snapshot", "first", "--plan", "--json").json["dataset"] == "Bank"
    assert ltt("train", "--plan").code == 2
    assert ltt("train", "--snapshot", "none", "--plan").code == 4


def test_what_cannot_be_is_refused_in_words(ltt):
    for words, code, said in (
        (("--set", "epoch=2"), 3, "not NAME=VALUE of a setting"),
        (("--set", "epochs=many"), 3, "Epochs must be a whole number"),
        (("--set", "learning_rate=nan"), 3, "Learning rate must be a number"),
        (("--method", "lora"), 3, "A toy model is trained with all its weights"),
        (("--where", "nowhere"), 4, "There is no place 'nowhere'"),
        (("--snapshot", "v9"), 4, "There is no snapshot"),
        (("--base", "/nowhere/model", "--licence", "MIT"), 4, "There is no folder /nowhere/model on this computer."),
    ):
        found = ltt("train", "Bank", *words)
        assert found.code == code and said in found.err, (words, found)


def test_a_sweep_trains_one_after_the_other(ltt):
    told = ltt("train", "Bank", *QUICK[:4], "--sweep", "epochs=1,2", "--name", "S", "--json").json
    assert [(one["state"], one["settings"]["epochs"], one["sweep"]) for one in told["runs"]] == [
        ("done", 1, "S"),
        ("done", 2, "S"),
    ]


def test_a_failed_run_has_its_exit_code_and_is_resumed(ltt, monkeypatch):
    monkeypatch.setenv("FAKE_ENGINE_FAIL_AT", "6")
    found = ltt("train", "Bank", *QUICK)
    assert found.code == 5 and "The disk is full." in found.err
    monkeypatch.delenv("FAKE_ENGINE_FAIL_AT")
    assert ltt("run", "1", "resume", "--json").json["state"] == "done"
    assert ltt("run", "1", "pause").code == 4
    assert ltt("run", "1", "import-metrics").code == 2


def test_a_run_is_taken_away_and_its_metrics_are_brought_back(ltt, tmp_path):
    words = ("train", "Bank", *QUICK, "--where", "bundle", "--base", "acme/small", "--trainer", "axolotl")
    told = ltt(*words, "--out", tmp_path / "away.zip", "--json").json
    assert told["state"] == "waiting" and (tmp_path / "away.zip").stat().st_size
    found = ltt("run", told["run"], "bundle", tmp_path / "away", "--trainer", "llama-factory", "--json").json["bundle"]
    assert found["trainer"] == "llama-factory" and found["rows"] == {"train": 12, "validation": 4}
    assert (tmp_path / "away" / "train.sh").exists()
    refused = ltt("run", told["run"], "bundle", tmp_path / "away")
    assert refused.code == 4 and "is there already" in refused.err
    metrics = tmp_path / "trainer_log.jsonl"
    metrics.write_text('{"current_steps": 12, "total_steps": 12, "eval_loss": 1.5, "epoch": 2.0}\n')
    done = ltt("run", told["run"], "import-metrics", metrics, "--json").json
    assert done["state"] == "done" and done["best"]["step"] == 12
    metrics.write_text('{"current_steps": 900, "total_steps": 900, "eval_loss": 1.5, "epoch": 2.0}\n')
    refused = ltt("run", told["run"], "import-metrics", metrics)
    assert refused.code == 3 and "of another run" in refused.err
    assert ltt("run", told["run"], "import-metrics").code == 2
    files = ltt("run", told["run"], "record", tmp_path / "record", "--json").json["files"]
    assert files[:2] == ["run.json", "README.md"] and (tmp_path / "record" / "run.json").exists()


def test_a_run_at_a_service_is_planned_confirmed_and_cleared_up(ltt, app, monkeypatch):
    monkeypatch.setattr("app.services.training.running.TICK_SECONDS", 0.01)
    monkeypatch.setattr("app.providers.tuning.hosted.POLL_SECONDS", 0.0)
    with serve_tuning("openai") as server:
        with app.app_context():
            models.add_connection(models.Values("tuner", server.base, "gpt-4o-mini", "stored"), KEY)
        asked = ("train", "Bank", "--where", "tuner", "--base", "gpt-4o-mini", "--price", "3")
        total = ltt(*asked, "--plan", "--json").json["quote"]["sum"]
        assert total and f"--confirm '{total}'" in ltt(*asked, "--plan").out
        refused = ltt(*asked)
        assert refused.code == 4 and f"(--confirm '{total}')" in refused.err and not server.requests
        done = ltt(*asked, "--confirm", total, "--json").json
        assert done["state"] == "done" and done["model"].startswith("ft:gpt-4o-mini")
        cleared = ltt("run", done["run"], "delete-uploads", "--json").json
        assert len(cleared["deleted"]) == 2 and not server.files


def test_runs_that_hold_what_was_deleted_or_forgotten_are_named(ltt):
    first = ltt("train", "Bank", *QUICK, "--json").json["run"]
    step = ltt("clean", "--dataset", "Bank", "--replace", "Account", "Konto", "--json").json["change_set"]
    second = ltt("train", "Bank", *QUICK, "--json").json["run"]
    deleted = ltt("snapshot-delete", "Bank", "v1", "--anyway", "--yes")
    assert deleted.code == 0 and f"`ltt run {first} delete`" in deleted.err
    assert f"`ltt run {second} delete`" not in deleted.err
    assert ltt("run", second, "delete").code == 0
    assert f"until they are deleted: `ltt run {first} delete`." in ltt("forget", "Bank", step, "--yes").err
    assert ltt("run", first, "delete").code == 0
    assert "raining" not in ltt("snapshot-delete", "Bank", "v2", "--anyway", "--yes").err
