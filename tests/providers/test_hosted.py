"""Training at services, against small servers that speak their APIs: each step once, whatever goes wrong."""

import json
import os
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from threading import Event

import pytest

from app.core.connections import Allowed, read_address
from app.core.errors import Conflict, Invalid
from app.core.training import Base, FrozenData, RunSpec, TrainingSettings, encode_spec
from app.core.training.folder import read_state
from app.core.training.points import read_points
from app.providers.endpoint import Endpoint
from app.providers.tuning.azure import KEY_HEADER, AzureApi
from app.providers.tuning.base import ENDED
from app.providers.tuning.fireworks import FireworksApi
from app.providers.tuning.hosted import HostedPlace
from app.providers.tuning.openai import OpenAIApi
from app.providers.tuning.together import TogetherApi
from tests.tuning_servers import CURVE, KEY, SERVICES, Fault, serve_tuning

APIS = {"openai": OpenAIApi, "azure": AzureApi, "together": TogetherApi, "fireworks": FireworksApi}
SPEC = RunSpec(
    "First",
    FrozenData("faq", 1, 1, "", "h" * 8, 12),
    {"train": 10, "validation": 2},
    Base("hub", "some-model"),
    "lora",
    TrainingSettings(epochs=2),
)
MADE = {"openai": "/fine_tuning/jobs$", "azure": "/fine_tuning/jobs$", "together": "/fine-tunes$"}
MADE["fireworks"] = "/supervisedFineTuningJobs$"
SENT = {"openai": "POST .*/files$", "azure": "POST .*/files$", "together": "POST .*/files/upload"}
SENT["fireworks"] = "POST .*:upload"


class Clock:
    """A clock that moves on when it is asked, so that nothing is waited for."""

    now = 0.0

    def __call__(self):
        self.now += 1_000
        return self.now


@pytest.fixture(params=list(SERVICES))
def kind(request):
    return request.param


@pytest.fixture
def server(kind):
    with serve_tuning(kind) as running:
        yield running


OPEN = []


@pytest.fixture(autouse=True)
def closed():
    """Whatever a test opened is closed at its end."""
    yield
    while OPEN:
        OPEN.pop().end("")


@pytest.fixture
def folder(tmp_path):
    return make_folder(tmp_path / "run")


def make_folder(folder, spec=SPEC, amount=10.0):
    (folder / "data").mkdir(parents=True)
    row = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    (folder / "data" / "train.jsonl").write_text((json.dumps(row) + "\n") * 10)
    (folder / "data" / "validation.jsonl").write_text(json.dumps(row) + "\n")
    (folder / "run.json").write_bytes(encode_spec(spec))
    (folder / "quote.json").write_text(json.dumps({"amount": amount, "currency": "USD"}))
    return folder


def open_place(server, kind, **more):
    address = read_address(server.base)
    header = KEY_HEADER if kind == "azure" else "Authorization"

    def open_endpoint():
        return Endpoint(address, KEY, Allowed(), key_header=header)

    OPEN.append(HostedPlace("7", "Mine", APIS[kind], address.url, open_endpoint, clock=Clock(), **more))
    return OPEN[-1]


def follow(place, folder, most=40):
    """Look until it has ended; all that was told."""
    handle, told = place.start(SPEC, folder), []
    for _ in range(most):
        told.append(place.poll(handle, folder))
        if told[-1].state in ENDED:
            return told
    return told


def make_long(server):
    """Let jobs run for many looks."""
    at = next(at for at, one in enumerate(server.stages) if one.lower().endswith("running"))
    server.stages = [*server.stages[:at], *[server.stages[at]] * 9, *server.stages[at:]]


def events_of(folder):
    return [json.loads(line) for line in (folder / "events.jsonl").read_text().splitlines()]


def test_a_run_goes_from_its_file_to_the_name_of_the_model(server, kind, folder):
    place = open_place(server, kind)
    told = follow(place, folder)
    assert told[-1].state == "done", told[-1]
    assert {one.state for one in told} <= {"queued", "running", "done"}
    sent = [one.content for one in server.files.values()]
    assert sent == [(folder / "data" / f"{name}.jsonl").read_bytes() for name in ("train", "validation")]
    points = read_points(folder / "metrics.jsonl")
    assert [(one.step, one.loss, one.validation_loss) for one in points] == [(a, b, d) for a, b, _, d in CURVE]
    fetched = place.fetch("", folder)
    assert fetched["model"] and json.loads((folder / "result" / "model.json").read_text())["model"] == fetched["model"]
    state = json.loads((folder / "state.json").read_text())
    assert state["phase"] == "done" and state["best"] == {"step": 4, "validation_loss": 1.7}
    assert server.count(SENT[kind]) == 2 and server.count("POST .*" + MADE[kind]) == 1


def test_what_is_asked_for_is_what_was_set(server, kind, folder):
    follow(open_place(server, kind), folder)
    (job,) = server.jobs.values()
    asked = job.asked
    if kind == "fireworks":
        assert asked["epochs"] == 2 and asked["loraRank"] == 16 and asked["baseModel"] == "some-model"
        assert asked["evaluationDataset"].startswith("accounts/me/datasets/ltt-")
    elif kind == "together":
        assert asked["n_epochs"] == 2 and asked["training_type"]["lora_r"] == 16 and asked["random_seed"] == 42
        assert asked["validation_file"] == "file-0002"
    else:
        assert asked["method"] == {"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}}
        assert asked["seed"] == 42 and asked["validation_file"] == "file-0002"


def test_nothing_is_asked_of_a_service_before_somebody_confirmed_what_it_costs(server, kind, folder):
    (folder / "quote.json").unlink()
    with pytest.raises(Conflict) as refused:
        open_place(server, kind).start(SPEC, folder)
    assert refused.value.code == "not_confirmed" and not server.requests


def test_each_event_and_point_stands_once_however_often_it_is_looked_at(server, kind, folder):
    server.most = 2
    place = open_place(server, kind)
    follow(place, folder)
    lines = (folder / "metrics.jsonl").read_text()
    told = events_of(folder)
    for _ in range(3):
        open_place(server, kind).poll("", folder)
    assert (folder / "metrics.jsonl").read_text() == lines and events_of(folder) == told
    assert len({one["remote"] for one in told}) == len(told) > 2
    assert not any("training loss" in one["message"] for one in told)


def test_a_torn_line_of_events_is_cut_off_and_written_again(server, kind, folder):
    place = open_place(server, kind)
    follow(place, folder)
    whole = (folder / "events.jsonl").read_bytes()
    (folder / "events.jsonl").write_bytes(whole[:-9])
    notes = json.loads((folder / "hosted.json").read_text())
    (folder / "hosted.json").write_text(json.dumps({**notes, "last_event": ""}))
    place.poll("", folder)
    assert [one["remote"] for one in events_of(folder)] == [json.loads(one)["remote"] for one in whole.splitlines()]


def test_a_slow_look_at_the_file_is_waited_for(server, kind, folder):
    server.file_looks = 3
    told = follow(open_place(server, kind), folder)
    assert told[-1].state == "done"
    waited = [one for one in told if one.code == "validating"]
    assert bool(waited) == (kind != "openai")
    assert server.count("POST .*" + MADE[kind]) == 1


def test_a_file_that_the_service_finds_wrong_ends_the_run_before_a_job_is_made(server, kind, folder):
    server.bad_file = "Line 7: messages[1] must contain a role <b>field</b>"
    told = follow(open_place(server, kind), folder)
    assert told[-1].state == "failed" and told[-1].code == "bad_file"
    assert "Line 7: messages[1] must contain a role <b>field</b>" in told[-1].message
    assert not server.jobs


def test_a_job_that_fails_says_why_in_the_words_of_the_service(server, kind, folder):
    failed = {"together": "error", "fireworks": "JOB_STATE_FAILED"}.get(kind, "failed")
    server.stages, server.message = (
        [server.stages[0], failed],
        "The job failed due to an invalid training file: \x1b[31m3",
    )
    told = follow(open_place(server, kind), folder)
    assert told[-1].state == "failed" and "invalid training file" in told[-1].message
    assert "\x1b" not in told[-1].message and told[-1].code == "service_failed"


def test_a_cancelled_job_is_cancelled_there(server, kind, folder):
    make_long(server)
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    while place.poll(handle, folder).state != "running":
        pass
    place.cancel(handle, folder)
    told = [place.poll(handle, folder) for _ in range(3)]
    assert told[-1].state == "cancelled"
    assert next(iter(server.jobs.values())).stage.lower().endswith("cancelled")


def test_a_job_that_ends_before_it_is_cancelled_is_done(server, kind, folder):
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    while not server.jobs or next(iter(server.jobs.values())).at < len(server.stages) - 2:
        place.poll(handle, folder)
    place.cancel(handle, folder)
    told = [place.poll(handle, folder) for _ in range(2)]
    assert told[-1].state in ("done", "cancelled")
    if kind != "fireworks":
        assert told[-1].state == "done" and any("ended" in one["message"] for one in events_of(folder))


def test_a_run_that_is_cancelled_early_makes_no_job(server, kind, folder):
    server.file_looks = 99
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    place.cancel(handle, folder)
    assert place.poll(handle, folder).state == "cancelled" and not server.jobs


@pytest.mark.parametrize("status", [401, 403])
def test_a_key_that_is_refused_ends_what_has_no_job_and_is_waited_for_by_what_has_one(server, kind, folder, status):
    place = open_place(server, kind)
    server.faults = [Fault("POST", status)]
    handle = place.start(SPEC, folder)
    told = place.poll(handle, folder)
    assert (told.state, told.code) == ("failed", "service_key")
    while not server.jobs:
        place.poll(handle, folder)
    server.faults = [Fault("GET", status)]
    told = place.poll(handle, folder)
    assert told.state == "running" and told.code == "service_key"
    assert follow(place, folder)[-1].state == "done"


@pytest.mark.parametrize(
    "fault",
    [
        Fault("", 500),
        Fault("", 503, headers={"Retry-After": "7"}),
        Fault("", 429, headers={"Retry-After": "7"}),
        Fault("", cut=True),
        Fault("", 200, body=b"<html>not json</html>"),
        Fault("", 302, headers={"Location": "http://127.0.0.1:9/elsewhere"}),
        Fault("", 200, body=b"[1]"),
    ],
    ids=["500", "503", "429", "cut", "html", "redirect", "list"],
)
@pytest.mark.parametrize("works", [False, True], ids=["undone", "done"])
def test_no_failure_of_any_request_makes_anything_twice(server, kind, folder, fault, works):
    # Each kind of request fails once, before or after the server has done what was asked.
    for where in ("GET", SENT[kind], "POST .*" + MADE[kind], "GET .*jobs|GET .*fine-tunes|GET .*FineTuning"):
        server.faults.append(replace(fault, where=where, works=works or fault.cut))
    told = follow(open_place(server, kind), folder, most=60)
    assert told[-1].state == "done", told[-1]
    assert len(server.jobs) == 1 and len(server.files) == 2
    assert any(one.message for one in told)


def test_a_reply_to_wait_is_kept_to(server, kind, folder):
    class Slow(Clock):
        def __call__(self):
            return self.now

    place = open_place(server, kind)
    place._clock = clock = Slow()
    server.faults = [Fault("", 429, headers={"Retry-After": "30"})]
    handle = place.start(SPEC, folder)
    told = place.poll(handle, folder)
    assert told.code == "busy" and "30 s" in told.message
    before = len(server.requests)
    clock.now = 29.0
    place.poll(handle, folder)
    assert len(server.requests) == before
    clock.now = 31.0
    place.poll(handle, folder)
    assert len(server.requests) > before


def test_a_service_that_makes_no_job_is_not_asked_for_ever(server, kind, folder):
    server.faults = [Fault("POST .*" + MADE[kind], 500, times=99)]
    told = follow(open_place(server, kind), folder, most=60)
    assert (told[-1].state, told[-1].code) == ("failed", "no_job") and server.count("POST .*" + MADE[kind]) == 5


def test_a_key_that_a_service_sends_back_is_in_no_file(server, kind, folder):
    server.message = f"Bearer {KEY} was wrong"
    server.faults = [
        Fault(SENT[kind], 400, {"error": {"message": f"bad key {KEY}"}}, {"X-Echo": f"Bearer {KEY}"}),
    ]
    place = open_place(server, kind)
    told = follow(place, folder)
    assert told[-1].state == "failed" and KEY not in told[-1].message and "[key]" in told[-1].message
    failed = {"together": "error", "fireworks": "JOB_STATE_FAILED"}.get(kind, "failed")
    server.stages, server.model = [server.stages[0], failed], KEY
    told = follow(place, folder)
    assert told[-1].state == "failed" and "[key] was wrong" in told[-1].message
    for path in folder.rglob("*"):
        assert not path.is_file() or KEY.encode() not in path.read_bytes(), path


def test_names_and_numbers_of_a_hostile_service_do_no_harm(server, kind, folder):
    server.model = "ft:<script>alert(1)</script>/../../etc\u202e\x07" + "x" * 1000
    server.curve = (
        (1, float("nan"), 0.5, float("inf")),
        (2, 1e300, -1.0, None),
        (10**12, 1.0, 0.5, 1.0),
        (3, 1.0, 0.5, 0.9),
    )
    place = open_place(server, kind)
    assert follow(place, folder)[-1].state == "done"
    model = place.fetch("", folder)["model"]
    assert model.startswith("ft:<script>") and len(model) <= 600 and "\x07" not in model and "\u202e" not in model
    assert [one.step for one in read_points(folder / "metrics.jsonl")][-1] == 3
    inside = {path.relative_to(folder).parts[0] for path in folder.rglob("*")}
    expected = {
        "data",
        "run.json",
        "quote.json",
        "hosted.json",
        "metrics.jsonl",
        "events.jsonl",
        "state.json",
        "result",
    }
    assert inside - {"checkpoints"} == expected


def test_a_model_is_not_lost_because_its_curve_cannot_be_read(server, kind, folder):
    where = {"together": "GET .*/metrics", "fireworks": "GET .*/signed"}.get(kind, "GET .*/(content|checkpoints)")
    server.faults = [Fault(where, 200, b"<html>", times=99)]
    place = open_place(server, kind)
    told = follow(place, folder)
    assert told[-1].state == "done" and place.fetch("", folder)["model"]


def test_uploaded_files_are_deleted_on_request_and_not_while_the_job_may_read_them(server, kind, folder):
    make_long(server)
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    while place.poll(handle, folder).state != "running":
        pass
    with pytest.raises(Conflict) as refused:
        place.forget(folder)
    assert refused.value.code == "run_active" and len(server.files) == 2
    follow(place, folder)
    assert len(place.forget(folder)) == 2 and not server.files
    assert place.forget(folder) == []


def test_checkpoints_of_a_service_stand_in_the_folder_by_their_steps(server, kind, folder):
    follow(open_place(server, kind), folder)
    found = {
        path.parent.name: json.loads(path.read_text()) for path in (folder / "checkpoints").glob("*/complete.json")
    }
    steps = [] if kind == "fireworks" else ["step-2", "step-4", "step-5"]
    assert sorted(found) == steps
    assert all(one["model"] and one["validation_loss"] for one in found.values())


def test_the_price_that_the_service_reckons_with_is_compared_with_what_was_confirmed(tmp_path):
    with serve_tuning("together") as server:
        server.price = 12.0
        told = follow(open_place(server, "together"), make_folder(tmp_path / "less", amount=10.0))
        assert (told[-1].state, told[-1].code) == ("failed", "cost_changed") and not server.jobs
        assert "12.00" in told[-1].message and "10.00" in told[-1].message
        told = follow(open_place(server, "together"), make_folder(tmp_path / "more", amount=11.5))
        assert told[-1].state == "done"


@pytest.mark.parametrize("kind", ["openai", "azure"])
def test_a_job_is_paused_and_goes_on(server, kind, folder):
    make_long(server)
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    while place.poll(handle, folder).state != "running":
        pass
    place.pause(handle, folder)
    told = [place.poll(handle, folder) for _ in range(4)]
    assert told[-1].state == "paused"
    assert place.resume(SPEC, handle, folder) == handle
    told = follow_on(place, handle, folder)
    assert told[-1].state == "done" and len(server.jobs) == 1


def follow_on(place, handle, folder):
    told = []
    while not told or (told[-1].state not in ENDED and len(told) < 40):
        told.append(place.poll(handle, folder))
    return told


def test_a_job_that_fireworks_paused_goes_on_once_somebody_says_so(tmp_path):
    with serve_tuning("fireworks") as server:
        folder, place = make_folder(tmp_path / "run"), open_place(server, "fireworks")
        server.stages = ["JOB_STATE_RUNNING", "JOB_STATE_PAUSED"]
        assert not place.can_pause
        told = follow(place, folder)
        assert told[-1].state == "paused"
        # Taken up after a restart it stays as it is told, until somebody lets it go on.
        handle = place.resume(SPEC, "", folder)
        assert follow_on(place, handle, folder)[-1].state == "done"


def test_azure_is_asked_with_a_version_unless_its_address_names_one(tmp_path):
    with serve_tuning("azure") as server:
        server.prefix = "/openai/v1"
        place = open_place(server, "azure")
        server.prefix = "/openai"
        assert follow(place, make_folder(tmp_path / "run"))[-1].state == "done"
        assert all("Authorization" not in one and one["api-key"] == KEY for one in server.headers)


def test_results_in_base64_are_read(tmp_path):
    import base64

    with serve_tuning("openai") as server:
        table = b"step,train_loss,train_accuracy,valid_loss,valid_mean_token_accuracy\n7,0.5,0.9,0.6,0.8\n"
        server.results_of = lambda job: base64.b64encode(table)
        folder = make_folder(tmp_path / "run")
        follow(open_place(server, "openai"), folder)
        point = read_points(folder / "metrics.jsonl")[-1]
        assert (point.step, point.loss, point.validation_loss, point.token_accuracy) == (7, 0.5, 0.6, 0.9)


def test_the_file_of_metrics_is_fetched_without_the_key_and_only_from_the_internet(tmp_path):
    with serve_tuning("fireworks") as server, serve_tuning("openai") as other:
        folder, place = make_folder(tmp_path / "run"), open_place(server, "fireworks")
        follow(place, folder)
        asked = [head for one, head in zip(server.requests, server.headers, strict=True) if "/signed/" in one]
        assert asked and all("Authorization" not in head for head in asked)
        server.address = other.address
        told = follow(place, make_folder(tmp_path / "next"))
        assert told[-1].state == "done" and not other.requests
        assert any("leads to no store" in one["message"] for one in events_of(tmp_path / "next"))


def test_what_speaks_against_a_run_is_told_before_anything_is_sent(server, kind, folder, monkeypatch):
    place = open_place(server, kind)
    assert place.check(SPEC, None) == [] and not server.requests
    assert place.check(SPEC, folder) == []
    for spec, code in (
        (replace(SPEC, method="kto"), "no_method"),
        (replace(SPEC, base=Base("toy", "toy")), "no_base"),
    ):
        assert [one.code for one in place.check(spec, folder)] == [code]
    server.faults = [Fault("GET", 401)]
    (found,) = place.check(SPEC, folder)
    assert found.code == "service_key" and found.blocking
    monkeypatch.setattr(place.service, "most_upload", 100)
    assert [one.code for one in place.check(SPEC, folder)] == ["large_upload"]
    # Once a job was asked for, nothing takes the run from who pays for it.
    monkeypatch.setattr(place.service, "most_upload", None)
    follow(place, folder)
    server.faults = [Fault("GET", 401, times=9)]
    assert place.check(SPEC, folder) == []


CHILD = """
import sys
from pathlib import Path
from tests.providers.test_hosted import SPEC, open_place

class Server:
    base = sys.argv[2]

place = open_place(Server, sys.argv[1])
folder = Path(sys.argv[3])
handle = place.start(SPEC, folder)
while place.poll(handle, folder).state not in ("done", "failed"):
    pass
"""


@pytest.mark.parametrize("at", ["upload", "job"])
def test_a_kill_while_a_file_or_a_job_is_on_its_way_makes_nothing_twice(server, kind, folder, at):
    arrived = Event()
    server.faults = [Fault(SENT[kind] if at == "upload" else "POST .*" + MADE[kind], held=arrived)]
    root = Path(__file__).resolve().parents[2]
    child = subprocess.Popen(
        [sys.executable, "-c", CHILD, kind, server.base, str(folder)],
        cwd=root,
        env={**os.environ, "PYTHONPATH": str(root)},
    )
    try:
        assert arrived.wait(300)
        child.send_signal(signal.SIGKILL)
    finally:
        child.kill()
        child.wait()
    # The server did what it was asked, and nobody was told.
    assert len(server.files) == (1 if at == "upload" else 2) and len(server.jobs) == (at == "job")
    told = follow(open_place(server, kind), folder)
    assert told[-1].state == "done"
    assert len(server.jobs) == 1 and len(server.files) == 2
    assert server.count("POST .*" + MADE[kind]) == 1


def test_a_run_goes_on_at_the_service_where_it_began_and_at_no_other(server, kind, folder):
    place = open_place(server, kind)
    handle = place.start(SPEC, folder)
    place.poll(handle, folder)
    with serve_tuning(kind) as elsewhere:
        other = open_place(elsewhere, kind)
        for ask in (lambda: other.resume(SPEC, handle, folder), lambda: other.forget(folder)):
            with pytest.raises(Conflict) as refused:
                ask()
            assert refused.value.code == "other_service" and server.base in refused.value.message
        assert other.poll(handle, folder).code == "other_service" and not elsewhere.requests
    assert follow(place, folder)[-1].state == "done" and len(server.jobs) == 1


@pytest.mark.parametrize("damage", [b"", b"[]", b'{"name": 1}', None])
def test_notes_that_are_damaged_are_told_and_nothing_is_made_twice(damage, folder):
    with serve_tuning("openai") as server:
        place = open_place(server, "openai")
        follow(place, folder)
        made = len(server.jobs), len(server.requests)
        (folder / "hosted.json").unlink()
        if damage is None:
            (folder / "hosted.json").mkdir()
        else:
            (folder / "hosted.json").write_bytes(damage)
        for ask in (lambda: place.resume(SPEC, "", folder), lambda: place.poll("", folder)):
            with pytest.raises(Invalid, match="damaged"):
                ask()
        assert (len(server.jobs), len(server.requests)) == made


def test_what_is_waited_for_is_told_before_anything_was_measured(folder):
    with serve_tuning("openai") as server:
        server.faults = [Fault("POST .*/files$", 503, {"error": {"message": "Come back later."}}, times=9)]
        place = open_place(server, "openai")
        handle = place.start(SPEC, folder)
        said = place.poll(handle, folder).message
        assert "Come back later" in said and read_state(folder).message == said
