"""Runs that are taken away as a bundle, and what comes back of them."""

import hashlib
import json
import zipfile

import pytest
import yaml

from app.core.bundles.training import TRAINERS
from app.core.errors import Conflict, Invalid
from app.core.training import Base, TrainingSettings, decode_spec
from app.services import datasets, pairs, snapshots, training
from app.services.training import RunChoices
from tests.training import QUICK, make_dataset

pytestmark = pytest.mark.usefixtures("context")


def make_run(dataset_id=None, *, base="acme/small-1b", method="lora", settings=QUICK, **more):
    choices = RunChoices(
        dataset_id or make_dataset(), where="bundle", base=base, method=method, settings=settings, **more
    )
    return training.start_run(training.create_run(choices).id, here=True)


def unzip(run, trainer, folder):
    """The files of a bundle by path, without its top folder."""
    path = folder / f"{trainer}.zip"
    training.write_bundle(run.id, trainer, path)
    with zipfile.ZipFile(path) as archive:
        return {name.partition("/")[2]: archive.read(name) for name in archive.namelist()}


def points_of(run, *steps, **more):
    number = hashlib.sha256((training.folder_of(run) / "run.json").read_bytes()).hexdigest()[:16]
    rows = [{"run": number, "step": step, "epoch": step / 6, "loss": 5.0 - step / 10, **more} for step in steps]
    rows[-1]["validation_loss"] = 3.5
    return rows


def bring(run, name, data):
    path = training.folder_of(run) / "brought"
    path.write_bytes(data)
    return training.import_metrics(run.id, path, name)


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_a_run_that_is_taken_away_waits_for_its_metrics():
    run = make_run()
    assert run.state == "waiting"
    assert (training.folder_of(run) / "data/train.jsonl").exists()


@pytest.fixture
def run():
    return make_run()


@pytest.mark.parametrize("trainer", TRAINERS)
def test_a_bundle_holds_its_data_with_sums_that_are_right_and_one_command(run, trainer, tmp_path):
    files = unzip(run, trainer, tmp_path)
    assert {"README.md", "train.sh", "requirements.txt", "run.json", "SHA256SUMS"} <= set(files)
    sums = dict(line.split("  ")[::-1] for line in files["SHA256SUMS"].decode().splitlines())
    assert sums == {
        path: hashlib.sha256(content).hexdigest() for path, content in files.items() if path != "SHA256SUMS"
    }
    assert files["run.json"] == (training.folder_of(run) / "run.json").read_bytes()
    readme = files["README.md"].decode()
    assert ("`samples.jsonl`" in readme) == (trainer in ("trl", "unsloth"))
    assert "\n    sh train.sh\n" in readme and training.spec_of(run).snapshot.hash in readme
    data = [path for path in files if path.startswith("data/")]
    assert len(data) == 2 and all(path in readme for path in data)
    for pin in files["requirements.txt"].decode().splitlines():
        assert "==" in pin


def test_the_same_run_gives_the_same_bytes_whatever_becomes_of_the_dataset(tmp_path):
    run = make_run()
    for trainer in TRAINERS:
        training.write_bundle(run.id, trainer, tmp_path / f"{trainer}.zip")
    pairs.add_pair(run.dataset_id, "Is this in the snapshot?", "No, it came later.", split="train")
    for trainer in TRAINERS:
        training.write_bundle(run.id, trainer, tmp_path / "again.zip")
        assert (tmp_path / "again.zip").read_bytes() == (tmp_path / f"{trainer}.zip").read_bytes()


def test_all_trainers_get_the_same_pairs_and_none_gets_the_test_split(tmp_path):
    dataset_id = make_dataset()
    pairs.add_pair(dataset_id, "Which pair is the secret one?", "This one is for testing.", split="test")
    run = make_run(dataset_id)
    for trainer in TRAINERS:
        files = unzip(run, trainer, tmp_path)
        data = b"".join(content for path, content in files.items() if path.startswith("data/"))
        assert b"secret" not in data
        for number in range(16):
            assert f"account number {number} cost".encode() in data


def test_pairs_that_the_seed_holds_out_are_the_same_for_each_trainer(tmp_path):
    run = make_run(make_dataset(validation=0, train=30), held_out=30)
    held = {}
    for trainer in TRAINERS:
        files = unzip(run, trainer, tmp_path)
        path = TRAINERS[trainer].files["validation"]
        held[trainer] = {number for number in range(30) if f"number {number} cost".encode() in files[path]}
    assert 0 < len(held["trl"]) < 30
    assert all(one == held["trl"] for one in held.values())


def test_data_that_was_changed_since_is_not_taken_along(tmp_path):
    run = make_run()
    path = training.folder_of(run) / "data/train.jsonl"
    path.write_bytes(path.read_bytes() + b"{}\n")
    with pytest.raises(Conflict, match="was changed since the run was made"):
        training.write_bundle(run.id, "trl", tmp_path / "b.zip")
    assert not list(tmp_path.glob("b.zip*"))


def test_only_trl_makes_a_toy_model(tmp_path):
    run = make_run(base="toy", method="full")
    assert "toy.py" in unzip(run, "trl", tmp_path)
    with pytest.raises(Invalid, match=r"axolotl cannot make a toy model. These can: TRL\."):
        training.write_bundle(run.id, "axolotl", tmp_path / "b.zip")


def test_preferences_go_to_trainers_that_learn_from_them(tmp_path):
    dataset_id = datasets.create_dataset("Pairs").id
    for number in range(8):
        question = f"What does box {number} weigh?"
        pairs.add_pair(
            dataset_id, question, f"Box {number} weighs {number + 2} kg.", split="train", rejected_answer="No idea."
        )
    run = make_run(dataset_id, method="dpo")
    rows = unzip(run, "trl", tmp_path)["data/train.jsonl"].splitlines()
    assert {"prompt", "chosen", "rejected"} <= set(json.loads(rows[0]))
    files = unzip(run, "llama-factory", tmp_path)
    assert yaml.safe_load(files["llama-factory.yaml"])["stage"] == "dpo"
    [info] = json.loads(files["dataset_info.json"]).values()
    assert info["ranking"] is True and info["file_name"] == "data/train.json"
    with pytest.raises(Invalid, match="There is no bundle of MLX for the method dpo. These can: TRL, LLaMA-Factory."):
        training.write_bundle(run.id, "mlx", tmp_path / "b.zip")


def test_metrics_that_are_brought_back_are_the_record_of_the_run():
    run = make_run(settings=QUICK)
    rows = points_of(run, 0, 6, 12)
    rows[0]["validation_loss"], rows[-1]["finished"] = 6.0, True
    run = bring(run, "metrics.jsonl", as_lines(rows))
    assert run.state == "done" and run.finished_at is not None
    told = training.as_dict(run)
    assert told["best"]["step"] == 12 and told["step"] == told["steps"] == 12
    assert [one.step for one in training.read_run(run).points] == [0, 6, 12]
    assert "3 points brought back from metrics.jsonl" in training.read_run(run).events[-1].message


def test_a_run_that_has_not_come_to_its_end_waits_for_more():
    run = make_run()
    run = bring(run, "metrics.jsonl", as_lines(points_of(run, 0, 6)))
    assert run.state == "waiting"
    assert training.as_dict(run)["step"] == 6 and training.as_dict(run)["steps"] == 12
    run = bring(run, "metrics.jsonl", as_lines(points_of(run, 0, 6, 12)))
    assert run.state == "done"


def test_what_is_brought_last_counts():
    run = make_run()
    bring(run, "metrics.jsonl", as_lines(points_of(run, 0, 3, 12)))
    run = bring(run, "metrics.jsonl", as_lines(points_of(run, 0, 6, 12)))
    assert [one.step for one in training.read_run(run).points] == [0, 6, 12]


def test_sample_answers_come_back_as_well():
    run = make_run()
    [point] = points_of(run, 0)
    rows = [
        {"run": point["run"], "step": step, "entry": 1, "question": "q", "answer": "a", "reference": "r"}
        for step in (0, 6)
    ]
    bring(run, "samples.jsonl", as_lines(rows))
    assert [(one.step, one.answer) for one in training.read_run(run).samples] == [(0, "a"), (6, "a")]


def test_the_record_of_a_run_says_all_that_is_needed_to_repeat_it(tmp_path):
    run = make_run(name="Away", licence="MIT")
    bring(run, "metrics.jsonl", as_lines(points_of(run, 0, 12)))
    target = tmp_path / "record"
    assert training.write_record(run.id, target) == ["run.json", "README.md", "metrics.jsonl", "events.jsonl"]
    assert decode_spec((target / "run.json").read_bytes()) == training.spec_of(run)
    card = (target / "README.md").read_text()
    assert (
        "# Away" in card and "MIT" in card and training.spec_of(run).snapshot.hash in card and "| best | 12 |" in card
    )
    with pytest.raises(Conflict, match="is there already"):
        training.write_record(run.id, target)


def test_the_file_of_another_run_is_refused_and_changes_nothing():
    run, other = make_run(), make_run(seed=7)
    with pytest.raises(Invalid, match="This file is of another run"):
        bring(run, "metrics.jsonl", as_lines(points_of(other, 0, 12)))
    assert training.read_run(run).points == [] and training.require_run(run.id).state == "waiting"


def test_nothing_is_brought_back_to_a_run_of_this_computer(monkeypatch):
    from tests.training import choose, use_fake_engine

    use_fake_engine(monkeypatch)
    run = training.start_run(training.create_run(choose(make_dataset())).id, here=True)
    with pytest.raises(Conflict, match="was not taken away as a bundle"):
        bring(run, "metrics.jsonl", b"{}")


def test_a_bundle_can_be_made_of_a_run_that_was_trained_here(monkeypatch, tmp_path):
    from tests.training import choose, use_fake_engine

    use_fake_engine(monkeypatch)
    run = training.start_run(training.create_run(choose(make_dataset())).id, here=True)
    assert "train.py" in unzip(run, "trl", tmp_path)


def test_a_name_with_marks_of_the_shell_stays_a_name(tmp_path):
    name = "acme/a'b$(touch x)"
    run = make_run(base=name, method="qlora")
    script = unzip(run, "mlx", tmp_path)["train.sh"].decode()
    assert "MODEL='acme/a'\"'\"'b$(touch x)'\n" in script
    for trainer in ("axolotl", "llama-factory", "ms-swift"):
        assert "touch" not in unzip(run, trainer, tmp_path)["train.sh"].decode()
    assert yaml.safe_load(unzip(run, "axolotl", tmp_path)["axolotl.yml"])["base_model"] == name


def test_settings_reach_each_configuration(tmp_path):
    settings = TrainingSettings(
        max_tokens=777, epochs=2, learning_rate=1e-5, batch_size=3, accumulation=2, rank=8, alpha=24, patience=2
    )
    run = make_run(settings=settings)
    read = lambda trainer, path: yaml.safe_load(unzip(run, trainer, tmp_path)[path])  # noqa: E731
    axolotl = read("axolotl", "axolotl.yml")
    assert (axolotl["sequence_len"], axolotl["learning_rate"], axolotl["lora_r"]) == (777, 1e-5, 8)
    assert axolotl["datasets"][0]["path"] == "data/train.jsonl"
    factory = read("llama-factory", "llama-factory.yaml")
    assert (factory["cutoff_len"], factory["learning_rate"], factory["lora_alpha"]) == (777, 1e-5, 24)
    swift = read("ms-swift", "swift.yaml")
    assert (swift["max_length"], swift["gradient_accumulation_steps"], swift["lora_rank"]) == (777, 2, 8)
    mlx = read("mlx", "mlx.yaml")
    # 12 rows are 4 batches, 2 steps, of each of 2 epochs.
    assert (mlx["iters"], mlx["grad_accumulation_steps"], mlx["lora_parameters"]["scale"]) == (8, 2, 3.0)


def test_a_batch_of_mlx_is_no_larger_than_the_validation_split(tmp_path):
    settings = TrainingSettings(batch_size=4, accumulation=1, epochs=1)
    run = make_run(make_dataset(validation=2), settings=settings)
    mlx = yaml.safe_load(unzip(run, "mlx", tmp_path)["mlx.yaml"])
    assert (mlx["batch_size"], mlx["grad_accumulation_steps"], mlx["iters"]) == (2, 2, 6)


def test_the_snapshot_remembers_the_run():
    run = make_run()
    snapshot = snapshots.get_snapshot(run.snapshot_id)
    assert (
        training.spec_of(run).base == Base("hub", "acme/small-1b")
        and snapshot.hash == training.spec_of(run).snapshot.hash
    )
