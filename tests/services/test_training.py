"""Training runs: tied to a snapshot, trained once, seen as they go, and taken up where they stopped."""

import pytest

from app.core.training import decode_spec
from app.services import jobs, snapshots, training
from tests.training import choose, make_dataset, use_fake_engine

pytestmark = pytest.mark.usefixtures("context")


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    use_fake_engine(monkeypatch)


def train(dataset_id, **more):
    return training.start_run(training.create_run(choose(dataset_id, **more)).id, here=True)


def test_a_run_is_trained_from_the_snapshot_to_its_card():
    dataset_id = make_dataset()
    run = train(dataset_id, name="First")
    assert run.state == "done" and jobs.get(run.job_id).state == "done"
    points = training.read_points(run)
    assert [one["step"] for one in points] == list(range(13))
    folder = training.folder_of(run)
    spec = decode_spec((folder / "run.json").read_bytes())
    assert spec == training.spec_of(run) and spec.splits == {"train": 12, "validation": 4}
    assert spec.snapshot.hash == snapshots.find_snapshot(dataset_id, "v1").hash
    card = (folder / "result" / "README.md").read_text()
    assert spec.snapshot.hash in card and "# First" in card
    told = training.as_dict(run)
    assert told["state"] == "done" and told["best"]["step"] == 12 and told["steps"] == 12
