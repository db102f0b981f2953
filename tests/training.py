"""Datasets that are fit to be trained on, and the fake engine in place of the real one."""

import sys
from pathlib import Path

import pytest

from app.core.training import TrainingSettings
from app.providers.tuning.local import PASSED_BEGINNINGS, LocalPlace
from app.services import datasets, pairs
from app.services.training import RunChoices

ENGINE = (str(Path(__file__).with_name("fake_engine.py")),)
QUICK = TrainingSettings(batch_size=2, accumulation=1, epochs=2, learning_rate=1e-3, adapter=False)


def use_fake_engine(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let this computer train by the fake engine, which is told by its variables what shall go wrong."""
    monkeypatch.setattr("app.providers.tuning.local.PASSED_BEGINNINGS", (*PASSED_BEGINNINGS, "FAKE_ENGINE_"))
    monkeypatch.setattr("app.providers.tuning.local._probed", {})
    place = LocalPlace(Path(sys.executable), ENGINE)
    monkeypatch.setattr("app.services.training.local.make_place", lambda: place)


def make_dataset(name: str = "Bank", *, validation: int = 4, train: int = 12) -> int:
    """The id of a dataset whose pairs are divided; with no validation pairs none has a split."""
    made = datasets.create_dataset(name)
    for number in range(train + validation):
        split = None if not validation else "train" if number < train else "validation"
        question = f"What does account number {number} cost in a year?"
        pairs.add_pair(made.id, question, f"Account number {number} costs {number * 7 + 3} euros.", split=split)
    return made.id


def choose(dataset_id: int, **more: object) -> RunChoices:
    """A quick run of a toy on this computer."""
    return RunChoices(dataset_id, base="toy", method="full", settings=QUICK, **more)  # type: ignore[arg-type]
