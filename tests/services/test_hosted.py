"""Runs at services: the calendar and the sum first, then every step once, and a model that is connected."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from threading import Event

import pytest

from app.core.errors import BadUsage, Conflict, Invalid
from app.core.training import TrainingSettings
from app.models import Price, db, end_reading
from app.providers.tuning.fireworks import FireworksApi
from app.providers.tuning.together import TogetherApi
from app.services import backups, jobs, models, pairs, running, tasks, training
from app.services.models import Values
from app.services.training import RunChoices, hosted
from app.services.training.quoting import say_sum
from app.services.training.running import take_up
from tests.training import make_dataset
from tests.tuning_servers import KEY, Fault, serve_tuning

pytestmark = pytest.mark.usefixtures("context", "quick")
BASE = "gpt-4o-mini"


@pytest.fixture
def quick(monkeypatch):
    """Nothing is waited for between two looks."""
    monkeypatch.setattr("app.services.training.running.TICK_SECONDS", 0.01)
    monkeypatch.setattr("app.providers.tuning.hosted.POLL_SECONDS", 0.0)
    monkeypatch.setattr("app.providers.tuning.hosted.WAITS", (0.0,))


@pytest.fixture
def server():
    with serve_tuning("openai") as running_one:
        yield running_one


def connect(server, name="Tuner", *, model=BASE):
    return models.add_connection(Values(name, server.base, model, "stored"), KEY)


def choose(dataset_id, connection, **more):
    chosen = RunChoices(
        dataset_id,
        where=connection.name,
        base=BASE,
        licence="theirs",
        method="lora",
        settings=TrainingSettings(epochs=3),
        price="3",
    )
    return replace(chosen, **more)


def confirm(choices):
    """The same with the sum that it costs."""
    return replace(choices, confirmed=training.plan_run(choices).quote.sum)


def start(choices):
    return training.start_run(training.create_run(choices).id, here=True)


def test_a_run_goes_from_the_snapshot_to_a_connected_model(server):
    dataset_id, connection = make_dataset(), connect(server)
    run = start(confirm(choose(dataset_id, connection, name="First")))
    assert run.state == "done" and run.place == str(connection.id)
    told = training.as_dict(run)
    assert told["model"].startswith("ft:gpt-4o-mini:") and told["best"] == {
        "step": 4,
        "validation_loss": 1.7,
        "perplexity": pytest.approx(5.4739, abs=1e-3),
    }
    sent = [json.loads(line) for line in next(iter(server.files.values())).content.splitlines()]
    assert len(sent) == 12 and [one["role"] for one in sent[0]["messages"]] == ["user", "assistant"]
    made = models.get(run.result["connection"])
    assert (made.address, made.model) == (connection.address, told["model"]) and made.id != connection.id
    card = (training.folder_of(run) / "result" / "README.md").read_text()
    assert "theirs" in card and training.spec_of(run).snapshot.hash in card


def test_the_test_split_is_sent_to_nobody(server):
    dataset_id, connection = make_dataset(), connect(server)
    pairs.add_pair(dataset_id, "What is secret?", "This is a test.", split="test")
    start(confirm(choose(dataset_id, connection)))
    assert all(b"secret" not in one.content for one in server.files.values())


def test_nothing_is_sent_before_the_sum_is_confirmed(server):
    dataset_id, connection = make_dataset(), connect(server)
    chosen = choose(dataset_id, connection)
    quote = training.plan_run(chosen).quote
    assert quote.amount and quote.tokens and f"× 3 × 3 USD ÷ 1,000,000 = {quote.sum}" in quote.formula
    for said, code in (("", "not_confirmed"), ("0.01 USD", "cost_changed"), ("1e9", "cost_changed")):
        with pytest.raises(Conflict) as refused:
            training.create_run(replace(chosen, confirmed=said))
        assert refused.value.code == code and quote.sum in refused.value.message
    assert not server.requests and not training.list_runs(dataset_id)


def test_a_sum_that_changed_is_asked_for_again(server):
    dataset_id, connection = make_dataset(), connect(server)
    chosen = confirm(choose(dataset_id, connection))
    for changed in (replace(chosen, price="30"), replace(chosen, settings=TrainingSettings(epochs=9))):
        with pytest.raises(Conflict) as refused:
            training.create_run(changed)
        assert refused.value.code == "cost_changed"
    assert not server.requests


def test_a_price_is_asked_for_once_and_kept(server):
    dataset_id, connection = make_dataset(), connect(server)
    chosen = choose(dataset_id, connection, price="")
    quote = training.plan_run(chosen).quote
    assert quote.amount is None and "a million trained tokens" in quote.missing
    with pytest.raises(Conflict) as refused:
        training.create_run(replace(chosen, confirmed="1.00 USD"))
    assert refused.value.code == "no_price"
    with pytest.raises(BadUsage):
        training.plan_run(replace(chosen, price="a lot"))
    start(confirm(replace(chosen, price="2.5")))
    assert db.session.get(Price, ("openai-sft", BASE)).price == 2.5
    again = training.plan_run(chosen).quote
    assert again.price == 2.5 and again.sum
    free = training.plan_run(replace(chosen, price="0")).quote
    assert free.sum == "0.00 USD" and free.amount == 0


@pytest.mark.parametrize(
    ("amount", "said"), [(0.0, "0.00"), (0.00004, "0.0000"), (0.1234, "0.1234"), (1.0, "1.00"), (1e6, "1000000.00")]
)
def test_sums_are_said_so_that_they_can_be_confirmed(amount, said):
    assert say_sum(amount, "EUR") == f"{said} EUR"


def test_tokens_of_the_training_pairs_alone_are_counted(server):
    connection = connect(server)
    less = training.plan_run(choose(make_dataset("A"), connection)).quote
    more = training.plan_run(choose(make_dataset("B", validation=8), connection)).quote
    assert less.tokens == more.tokens


def test_the_calendar_is_told_and_blocks_after_the_last_day(server, monkeypatch):
    dataset_id, connection = make_dataset(), connect(server)
    chosen = choose(dataset_id, connection)
    plan = training.plan_run(chosen)
    dates = {one["date"]: one["severity"] for one in plan.quote.calendar}
    assert dates["2027-01-06"] in ("warning", "error")
    assert any("2027-01-06" in one.message for one in plan.obstacles)
    for day, blocks in ((datetime(2027, 1, 6, tzinfo=UTC), False), (datetime(2027, 1, 7, tzinfo=UTC), True)):
        monkeypatch.setattr("app.services.training.quoting.now", lambda day=day: day)
        plan = training.plan_run(chosen)
        blocking = [one.message for one in plan.refusals if one.code == "calendar"]
        assert bool(blocking) == blocks
        if blocks:
            assert "The last day for new fine-tuning jobs" in blocking[0]
            with pytest.raises(Conflict):
                training.create_run(confirm(chosen))
    assert not server.requests


def test_what_a_service_does_not_train_is_refused_before_anything_is_sent(server):
    dataset_id, connection = make_dataset(), connect(server)
    for more, code in (({"method": "kto"}, "no_method"), ({"base": "toy", "method": "full"}, "no_base")):
        with pytest.raises(Conflict) as refused:
            training.create_run(choose(dataset_id, connection, **more))
        assert refused.value.code == code
    with pytest.raises(Invalid) as refused:
        training.create_sweep(choose(dataset_id, connection), {"epochs": ["1", "2"]}, "S")
    assert "one by one" in refused.value.message and not server.requests


def test_a_file_that_the_profile_refuses_is_not_uploaded(server):
    connection = connect(server)
    run = training.create_run(confirm(choose(make_dataset(train=4, validation=2), connection, override="a try")))
    with pytest.raises(Conflict) as refused:
        training.start_run(run.id, here=True)
    assert "would not take the file" in refused.value.message
    assert server.count("POST") == 0 and training.require_run(run.id).state == "failed"


def test_a_job_that_fails_fails_the_run_in_the_words_of_the_service(server):
    server.stages, server.message = ["validating_files", "failed"], "The file has <b>3</b> rows."
    run = training.create_run(confirm(choose(make_dataset(), connect(server))))
    with pytest.raises(Exception, match="<b>3</b> rows"):
        training.start_run(run.id, here=True)
    told = training.as_dict(training.require_run(run.id))
    assert told["state"] == "failed" and told["code"] == "service_failed"


def test_the_key_is_in_no_file_and_no_row_but_its_own(server, tmp_path, caplog):
    caplog.set_level("DEBUG")
    server.message, server.stages = f"Your key {KEY} is wrong", ["validating_files", "failed"]
    connection = connect(server)
    for fault in (
        [],
        [Fault("POST .*/jobs$", 401, {"error": {"message": f"Incorrect API key provided: {KEY}"}})],
        [Fault("GET .*/jobs", 302, headers={"Location": f"https://example.com/?key={KEY}"}, times=1)],
    ):
        server.faults = fault
        run = training.create_run(confirm(choose(make_dataset(f"D{len(fault)}{id(fault)}"), connection)))
        with pytest.raises(Exception) as refused:
            training.start_run(run.id, here=True)
        assert KEY not in str(refused.value)
    assert KEY not in caplog.text
    backups.make_backup(tmp_path / "copy.db")
    folder = training.runs_folder().parent
    for path in [tmp_path / "copy.db", *folder.rglob("*")]:
        if path.is_file() and path.parent.name != "keys":
            assert KEY.encode() not in path.read_bytes(), path
    assert server.count("POST .*/jobs$") >= 2


def test_uploads_are_recorded_with_who_sent_them_and_deleted_on_request(server):
    connection = connect(server)
    run = start(confirm(choose(make_dataset(), connection)))
    uses = models.list_uses(connection.id)
    assert len(uses) == 2 and {one.job_id for one in uses} == {run.job_id}
    assert sum(one.sent_bytes for one in uses) == sum(len(one.content) for one in server.files.values())
    assert len(hosted.delete_uploads(run.id)) == 2 and not server.files
    assert hosted.delete_uploads(run.id) == []


def test_a_run_whose_process_died_goes_on_with_its_job(server):
    """The worker takes it up; the data, the file and the job are those that were made before."""
    dataset_id, connection = make_dataset(), connect(server)
    run = training.create_run(confirm(choose(dataset_id, connection)))
    folder = training.folder_of(run)
    place = hosted.find_place(run.place)
    spec = training.prepare(run, jobs.Unwatched())
    handle = place.start(spec, folder)
    while place.poll(handle, folder).state != "running":
        pass
    place.end(handle)
    connection_gone = json.loads((folder / "hosted.json").read_text())
    assert connection_gone["job"]
    run = training.start_run(run.id, here=True)
    assert run.state == "done" and len(server.jobs) == 1 and len(server.files) == 2


def test_a_cancelled_run_is_cancelled_there_even_where_no_process_follows_it(server):
    server.stages = ["queued", *["running"] * 99, "succeeded"]
    dataset_id, connection = make_dataset(), connect(server)
    run = training.create_run(confirm(choose(dataset_id, connection)))
    folder, place = training.folder_of(run), hosted.find_place(run.place)
    handle = place.start(training.prepare(run, jobs.Unwatched()), folder)
    while place.poll(handle, folder).state != "running":
        pass
    place.end(handle)
    run = training.cancel_run(run.id)
    assert run.state == "cancelled" and not server.count("cancel")
    with pytest.raises(Conflict, match="not told yet"):
        training.delete_run(run.id)
    # The network is away, then it is back.
    server.faults = [Fault("", 500)]
    assert hosted.stop_left() == 0
    assert hosted.stop_left() == 1 and server.count("cancel") == 1
    assert next(iter(server.jobs.values())).stage == "cancelled"
    assert hosted.stop_left() == 0
    training.delete_run(run.id)


def test_a_run_is_paused_only_where_the_service_can(monkeypatch):
    with serve_tuning("together") as server:
        monkeypatch.setitem(hosted.HOSTS, "127.0.0.1", TogetherApi)
        connection = connect(server)
        run = training.create_run(confirm(choose(make_dataset(), connection, base="some/model")))
        with pytest.raises(Conflict) as refused:
            training.pause_run(run.id)
        assert refused.value.code == "no_pause"
        assert start(confirm(choose(make_dataset("B"), connection, base="some/model"))).state == "done"


def test_a_model_of_fireworks_is_connected_where_it_is_served(monkeypatch):
    with serve_tuning("fireworks") as server:
        monkeypatch.setitem(hosted.HOSTS, "127.0.0.1", FireworksApi)
        run = start(confirm(choose(make_dataset(), connect(server), base="accounts/fireworks/models/x")))
        made = models.get(run.result["connection"])
        assert made.address == f"{server.address}/inference/v1" and made.model.startswith("accounts/me/models/ltt-")


def test_a_model_of_azure_waits_for_its_deployment(monkeypatch):
    with serve_tuning("azure") as server:
        monkeypatch.setattr(hosted, "AZURE", ("127.0.0.1",))
        run = start(confirm(choose(make_dataset(), connect(server))))
        assert run.state == "done" and "deployed" in run.result["connection_problem"]
        assert next(iter(server.files.values())).content.startswith(b"\xef\xbb\xbf{")
        assert all("Authorization" not in one for one in server.headers)


def test_places_are_the_connections_to_other_computers(server):
    connect(server)
    models.add_connection(Values("Cloud", "https://api.openai.com/v1", BASE, "variable", variable="OPENAI_API_KEY"))
    models.add_connection(Values("Another", "https://llm.example.com/v1", BASE))
    names = [one.title for one in training.list_places()]
    assert [one for one in names if one in ("Cloud", "Another, in OpenAI’s format")] == [
        "Cloud",
        "Another, in OpenAI’s format",
    ]
    assert "Tuner" not in names


CHILD = """
import sys
from app.factory import create_bare_app
from app.services import running, training

app = create_bare_app({"LTT_DATA_DIR": sys.argv[1], "TESTING": True})
with app.app_context():
    training.start_run(int(sys.argv[2]), here=True)
"""


@pytest.mark.parametrize("where", ["POST .*/files$", "POST .*/jobs$"])
def test_a_kill_of_the_whole_program_makes_nothing_twice(app, server, where):
    run = training.create_run(confirm(choose(make_dataset(), connect(server))))
    arrived = Event()
    server.faults = [Fault(where, held=arrived)]
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, app.config["LTT_DATA_DIR"], str(run.id)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        assert arrived.wait(300)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    end_reading()
    assert running.interrupt_dead() == 1
    assert take_up() == 1
    taken = training.require_run(run.id)
    assert taken.state == "interrupted"
    tasks.run_now(taken.job_id)
    assert training.require_run(run.id).state == "done"
    assert len(server.files) == 2 and len(server.jobs) == 1 and server.count("POST .*/jobs$") == 1
