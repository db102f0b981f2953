import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from flask import Flask, current_app

from app import config
from app.core.errors import Busy, Gone, Invalid, TooLarge
from app.models import transaction
from app.services import bounded, datasets
from app.services.bounded import open_bounded, run_bounded

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="Memory and crashes are bounded by the system there.")
ALIVE_SECONDS = 20


def add(one: int, other: int) -> int:
    return one + other


def tell_process() -> int:
    return os.getpid()


def sleep_long() -> None:
    time.sleep(3600)


def sleep_shortly(seconds: int) -> int:
    time.sleep(seconds)
    return seconds


def spin() -> None:
    sum(range(10**12))


def take_memory(size_mb: int) -> int:
    return len(b"x" * (size_mb << 20))


def give_much(size_mb: int) -> bytes:
    return b"x" * (size_mb << 20)


def crash() -> None:
    os.kill(os.getpid(), signal.SIGSEGV)


def start_another(told: str) -> None:
    other = subprocess.Popen(["sleep", "3600"])
    Path(told).write_text(str(other.pid))
    time.sleep(3600)


def be_gone() -> None:
    raise Gone("It is gone.", code="long_gone", place=7)


def divide_by_zero() -> float:
    return 1 / 0


def count_datasets() -> tuple[int, str]:
    return len(datasets.list_datasets()), current_app.config["LTT_DATA_DIR"]


def is_running(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0] != "Z"
    except FileNotFoundError:
        return False


def wait_for_end(pid: int) -> bool:
    deadline = time.monotonic() + ALIVE_SECONDS
    while is_running(pid) and time.monotonic() < deadline:
        time.sleep(0.05)
    return not is_running(pid)


class Shelf:
    """Something that is kept between calls."""

    def __init__(self, *things: str) -> None:
        if not things:
            raise Gone("Nothing is on it.")
        self.things = list(things)

    def put(self, thing: str) -> int:
        self.things.append(thing)
        return len(self.things)

    def spin(self) -> None:
        spin()

    def crash(self) -> None:
        crash()

    def tell_process(self) -> int:
        return os.getpid()

    def lose(self) -> None:
        be_gone()


def test_it_runs_in_another_process_and_gives_what_the_function_gives() -> None:
    assert run_bounded(add, 1, 2) == 3
    assert run_bounded(tell_process) != os.getpid()


def test_a_refusal_comes_through_with_its_code_and_details() -> None:
    with pytest.raises(Gone) as refused:
        run_bounded(be_gone)
    assert (refused.value.message, refused.value.code, refused.value.details) == (
        "It is gone.",
        "long_gone",
        {"place": 7},
    )


def test_a_defect_comes_through_with_the_place_where_it_happened() -> None:
    with pytest.raises(ZeroDivisionError) as failed:
        run_bounded(divide_by_zero)
    assert "in divide_by_zero" in failed.value.__notes__[0]


@pytest.mark.parametrize("function", [sleep_long, spin])
def test_what_takes_too_long_is_ended(function: object) -> None:
    began = time.monotonic()
    with pytest.raises(TooLarge, match=r"Reading this file takes more than 1 second\."):
        run_bounded(function, seconds=1)  # type: ignore[arg-type]
    assert time.monotonic() - began < ALIVE_SECONDS


def test_what_takes_too_much_memory_is_ended() -> None:
    assert run_bounded(take_memory, 100) == 100 << 20
    with pytest.raises(TooLarge, match=r"Trying it takes more than 512 MB of memory\. .*LTT_LOOK_MB"):
        run_bounded(take_memory, 600, doing="Trying it")


def test_an_answer_has_a_largest_size() -> None:
    with pytest.raises(TooLarge, match="gives more than 16 MB to show"):
        run_bounded(give_much, 20)


def test_a_crash_is_a_refusal() -> None:
    with pytest.raises(Invalid, match=r"Reading this file made its process fail\. It is damaged, .*LTT_LOOK_MB"):
        run_bounded(crash)
    assert run_bounded(add, 1, 2) == 3


def test_what_a_child_started_ends_with_it(tmp_path: Path) -> None:
    with pytest.raises(TooLarge):
        run_bounded(start_another, str(tmp_path / "pid"), seconds=2)
    assert wait_for_end(int((tmp_path / "pid").read_text()))


def test_a_child_reads_the_database_of_the_application(context: Flask) -> None:
    with transaction():
        datasets.create_dataset("Kitchen")
    assert run_bounded(count_datasets) == (1, context.config["LTT_DATA_DIR"])


def test_looks_of_one_request_share_the_time_for_it(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    app.config["LTT_LOOK_SECONDS"] = 2
    with app.test_request_context():
        began = time.monotonic()
        for _ in range(3):
            with pytest.raises(TooLarge, match=r"more than 2 seconds\. Raise the limit with LTT_LOOK_SECONDS\."):
                run_bounded(sleep_long)
        # The first one waits two and a half times as long, as it takes nothing of the processor.
        assert 5 <= time.monotonic() - began < 14


def test_time_is_that_of_the_processor(app: Flask) -> None:
    app.config["LTT_LOOK_SECONDS"] = 2
    with app.test_request_context():
        assert run_bounded(sleep_shortly, 3) == 3
        assert bounded.seconds_left() > 1
        with pytest.raises(TooLarge, match="more than 2 seconds"):
            run_bounded(spin)
        assert bounded.seconds_left() < 1


def test_there_are_only_so_many_children(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bounded, "SLOT_SECONDS", 0.1)
    slots = threading.BoundedSemaphore(1)
    with slots, pytest.raises(Busy):
        run_bounded(add, 1, 2, slots=slots)
    assert run_bounded(add, 1, 2, slots=slots) == 3
    with pytest.raises(Invalid):
        run_bounded(crash, slots=slots)
    assert run_bounded(add, 1, 2, slots=slots) == 3


def test_many_threads_get_their_own_answers() -> None:
    answers: dict[int, int] = {}

    def ask(number: int) -> None:
        answers[number] = run_bounded(add, number, 1, slots=threading.BoundedSemaphore(1))

    threads = [threading.Thread(target=ask, args=(number,)) for number in range(20)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: number + 1 for number in range(20)}


def test_a_child_ends_when_the_server_stops(app: Flask) -> None:
    stopping = app.extensions["ltt.stopping"] = threading.Event()
    with app.app_context():
        threading.Timer(0.5, stopping.set).start()
        with pytest.raises(Busy, match="being stopped"):
            run_bounded(sleep_long, seconds=ALIVE_SECONDS)


def test_a_child_ends_with_the_process_that_started_it(tmp_path: Path) -> None:
    told = tmp_path / "pid"
    program = (
        "from app.services.bounded import run_bounded; import test_bounded;"
        f"run_bounded(test_bounded.start_another, {str(told)!r}, seconds=600)"
    )
    folders = os.pathsep.join([str(config.ROOT), str(Path(__file__).parent)])
    parent = subprocess.Popen(
        [sys.executable, "-c", program], env={**os.environ, "PYTHONPATH": folders}, start_new_session=True
    )
    deadline = time.monotonic() + ALIVE_SECONDS
    while not (told.exists() and told.read_text()) and time.monotonic() < deadline:
        time.sleep(0.05)
    parent.kill()
    parent.wait()
    assert wait_for_end(int(told.read_text()))


def test_an_object_is_kept_between_calls_and_ends_with_its_block() -> None:
    with open_bounded(Shelf, "a", doing="Keeping it") as call:
        assert [call("put", "b"), call("put", "c")] == [2, 3]
        with pytest.raises(Gone):
            call("lose")
        assert call("put", "d") == 4
        process = call("tell_process")
        assert process != os.getpid()
    assert wait_for_end(process)


def test_a_late_answer_is_not_given_to_the_next_call(monkeypatch: pytest.MonkeyPatch) -> None:
    def give_up(*_: object) -> bytes:
        raise TooLarge("It takes too long.", code="over_limit")

    with open_bounded(Shelf, "a", doing="Keeping it") as call:
        with monkeypatch.context() as patched:
            patched.setattr(bounded, "_receive", give_up)
            with pytest.raises(TooLarge):
                call("put", "b")
        with pytest.raises(TooLarge, match="It takes too long"):
            call("put", "c")


def test_what_cannot_be_made_is_refused_where_it_is_opened() -> None:
    with pytest.raises(Gone, match="Nothing is on it"), open_bounded(Shelf, doing="Keeping it"):
        pytest.fail("It was opened.")


@pytest.mark.parametrize(
    ("method", "sentence"),
    [("spin", r"Keeping it takes more than 4 seconds\. .*LTT_LOOK_SECONDS"), ("crash", "made its process fail")],
)
def test_after_a_bound_is_passed_nothing_more_can_be_called(method: str, sentence: str) -> None:
    with open_bounded(Shelf, "a", doing="Keeping it") as call:
        for _ in range(2):
            with pytest.raises((TooLarge, Invalid), match=sentence):
                call(method)
    with open_bounded(Shelf, "a", doing="Keeping it") as call:
        assert call("put", "b") == 2
