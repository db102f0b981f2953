"""Bundles that are unzipped and trained by the one command of their README, with real TRL."""

import json
import os
import re
import subprocess
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from app.core.training import TrainingSettings
from app.services import datasets, pairs, training
from app.services.training import RunChoices
from tests.train.conftest import PYTHON
from tests.training import make_dataset

SETTINGS = TrainingSettings(
    max_tokens=128, epochs=2, learning_rate=1e-2, batch_size=4, accumulation=1, adapter=False, checkpoint_every=3,
    samples=1, toy_layers=1, toy_width=32, toy_vocabulary=400, device="cpu",
)  # fmt: skip
CHECK_CONFIGURATION = """
import importlib.machinery, json, sys, types
for name in ("omegaconf", "torchaudio"):
    sys.modules[name] = types.ModuleType(name)
    sys.modules[name].__spec__ = importlib.machinery.ModuleSpec(name, None)
sys.modules["omegaconf"].OmegaConf = None
import yaml
from llamafactory.hparams import get_train_args
model, data, trained, tuned, _ = get_train_args(yaml.safe_load(open("llama-factory.yaml")))
print(json.dumps([model.model_name_or_path, data.dataset, trained.learning_rate, tuned.stage, tuned.finetuning_type,
                  tuned.lora_rank, tuned.early_stopping_steps, trained.output_dir]))
"""

PLAIN = """{%- for message in messages %}{{ '<' + message.role + '>' + message.content + '</s>' }}{%- endfor %}
{%- if add_generation_prompt %}{{ '<assistant>' }}{%- endif %}"""
FIND_ANSWERS = """
import sys
sys.argv = ["train.py"]
import train
from transformers import AutoTokenizer
tokenizer = AutoTokenizer.from_pretrained("result")
tokenizer.chat_template = sys.stdin.read()
said = [("user", "And?"), ("assistant", "Yes."), ("user", "So?"), ("assistant", "No.")]
messages = [{"role": role, "content": text} for role, text in said]
for trains in ("answers", "last-answer", "all"):
    [row] = train.tokenize([{"messages": messages}], tokenizer, {"trains": trains, "max_tokens": 99})
    print(tokenizer.decode([one for one in row["labels"] if one != -100]))
"""


def unzip(run, trainer: str, folder: Path) -> Path:
    """The folder of a bundle."""
    training.write_bundle(run.id, trainer, folder / "bundle.zip")
    with zipfile.ZipFile(folder / "bundle.zip") as archive:
        archive.extractall(folder)
    [made] = {folder / name.partition("/")[0] for name in archive.namelist()}
    return made


def train(folder: Path) -> subprocess.CompletedProcess[str]:
    """Do what the README says, with a Python that has the packages."""
    [command] = re.findall(r"^    (sh .*)$", (folder / "README.md").read_text(), re.MULTILINE)
    ours = {name: value for name, value in os.environ.items() if not name.startswith(("COV_", "COVERAGE", "PYTHON"))}
    more = {"PYTHON": str(PYTHON), "OMP_NUM_THREADS": "1", "HF_HUB_OFFLINE": "1", "HF_HOME": str(folder)}
    return subprocess.run(
        command.split(), cwd=folder, env=ours | more, capture_output=True, text=True, timeout=600
    )  # fmt: skip


def make_run(**more):
    choices = RunChoices(make_dataset(train=24), where="bundle", base="toy", method="full", settings=SETTINGS, **more)
    return training.start_run(training.create_run(choices).id, here=True)


@pytest.mark.usefixtures("context")
def test_a_bundle_trains_by_its_one_command_goes_on_after_a_stop_and_its_metrics_come_back(tmp_path):
    run = make_run()
    folder = unzip(run, "trl", tmp_path)
    done = train(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    assert (folder / "result" / "model.safetensors").exists() and (folder / "result" / "run.json").exists()
    first = (folder / "metrics.jsonl").read_bytes()

    # What describes the last checkpoint was not written: it goes on from the one before, to the same curve.
    (folder / "checkpoints" / "checkpoint-12" / "trainer_state.json").write_text("{", encoding="utf-8")
    again = train(folder)
    assert again.returncode == 0 and "checkpoint-12 is not whole" in again.stdout, again.stderr[-3000:]
    before, after = (
        [json.loads(line) for line in data.splitlines()] for data in (first, (folder / "metrics.jsonl").read_bytes())
    )
    assert [one["step"] for one in after] == [one["step"] for one in before] == list(range(13))
    for one, other in zip(before, after, strict=True):
        assert one.get("loss") == pytest.approx(other.get("loss"), abs=1e-6)
        assert one.get("tokens") == other.get("tokens")
        assert one.get("validation_loss") == pytest.approx(other.get("validation_loss"), abs=1e-6)

    # A template that marks no answers is read all the same.
    asked = subprocess.run(
        [PYTHON, "-c", FIND_ANSWERS], cwd=folder, input=PLAIN, capture_output=True, text=True, timeout=600
    )
    assert asked.stdout.splitlines()[-3:] == [
        "Yes.</s>No.</s>",
        "No.</s>",
        "<user>And?</s><assistant>Yes.</s><user>So?</s><assistant>No.</s>",
    ], asked.stderr[-3000:]

    run = training.import_metrics(run.id, folder / "metrics.jsonl")
    training.import_metrics(run.id, folder / "samples.jsonl")
    read = training.read_run(run)
    assert run.state == "done" and read.best.step > 0
    assert read.best.validation_loss < read.points[0].validation_loss
    assert [one.step for one in read.samples] == [0, 3, 6, 9, 12]

    # The state that the trainer keeps of itself gives the same curves.
    run = training.import_metrics(run.id, folder / "checkpoints" / "trainer_state.json")
    assert training.read_run(run).points == read.points


@pytest.mark.usefixtures("context")
def test_a_file_that_was_changed_on_the_way_is_not_trained_on(tmp_path):
    folder = unzip(make_run(), "trl", tmp_path)
    with (folder / "data" / "train.jsonl").open("a", encoding="utf-8") as file:
        file.write("{}\n")
    done = train(folder)
    assert done.returncode != 0 and "data/train.jsonl: FAILED" in done.stdout
    assert not (folder / "metrics.jsonl").exists()


@pytest.mark.usefixtures("context")
def test_llama_factory_takes_its_configuration(tmp_path):
    settings = TrainingSettings(learning_rate=1e-5, rank=8, patience=3, precision="fp32")
    choices = RunChoices(make_dataset(), where="bundle", base="acme/small", method="lora", settings=settings)
    run = training.start_run(training.create_run(choices).id, here=True)
    folder = unzip(run, "llama-factory", tmp_path)
    environment = {**os.environ, "DISABLE_VERSION_CHECK": "1", "HF_HOME": str(tmp_path), "OMP_NUM_THREADS": "1"}
    environment.pop("PYTHONPATH", None)
    done = subprocess.run(
        [PYTHON, "-c", CHECK_CONFIGURATION], cwd=folder, env=environment, capture_output=True, text=True, timeout=600
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-3000:]
    read = json.loads(done.stdout.splitlines()[-1])
    assert read[:7] == ["acme/small", ["run_1_of_bank"], 1e-5, "sft", "lora", 8, 3]
    assert re.fullmatch(r"output/[0-9a-f]{16}", read[7])


@pytest.mark.usefixtures("context")
def test_a_bundle_of_preferences_trains_as_well(tmp_path):
    dataset_id = datasets.create_dataset("Preferences").id
    for number in range(8):
        question, answer = f"What does box {number} weigh?", f"Box {number} weighs {number + 2} kg."
        split = "train" if number < 6 else "validation"
        pairs.add_pair(dataset_id, question, answer, rejected_answer="No idea.", split=split)
    settings = replace(SETTINGS, epochs=1, samples=0)
    choices = RunChoices(dataset_id, where="bundle", base="toy", method="dpo", settings=settings)
    run = training.start_run(training.create_run(choices).id, here=True)
    folder = unzip(run, "trl", tmp_path)
    done = train(folder)
    assert done.returncode == 0, done.stderr[-3000:]
    run = training.import_metrics(run.id, folder / "metrics.jsonl")
    assert run.state == "done" and [one.step for one in training.read_run(run).points] == [0, 1, 2]
