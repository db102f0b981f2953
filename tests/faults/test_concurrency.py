"""Many at once: nobody is refused for another's sake, and nothing is written over what somebody wrote (D21 to D29)."""

import sys
import threading
import time
from collections.abc import Callable

import pytest

from tests.faults.traffic import Editors, lines
from tests.serving import Server, run_ltt, wait_for

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="its figures are those of Linux")
Show = Callable[[str], None]


def test_d21_writers_and_readers_lose_nothing_and_are_never_locked_out(server: Server, full: bool, show: Show) -> None:
    editors = Editors.of_new_dataset(server, 32)
    many = 32 if full else 8
    with editors.at_work(many, many):
        time.sleep(300 if full else 2)
        wait_for(lambda: len(editors.saved) > 20, 60)
    editors.assert_nothing_lost()
    assert "locked" not in server.said
    p99 = editors.quantile(99)
    busy = editors.statuses[503]
    show(f"{len(editors.saved)} edits, {editors.statuses[409]} conflicts, {busy} told to come again, p99 {p99:.0f} ms")
    assert not full or (busy == 0 and p99 <= 500)


def test_d26_an_import_of_many_rows_leaves_editors_in_peace(server: Server, full: bool, show: Show) -> None:
    editors = Editors.of_new_dataset(server, 64, pause_seconds=0.5 if full else 0.02)
    target, rows = server.make_dataset("Imported"), 200_000 if full else 30_000
    began = time.monotonic()
    with editors.at_work(20 if full else 4):
        assert server.bring(target, lines(rows))["imported"] == rows
    seconds = time.monotonic() - began
    editors.assert_nothing_lost()
    assert server.api("GET", f"/datasets/{target}")["pairs"] == rows
    p99 = editors.quantile(99)
    show(f"{rows:,} rows in {seconds:.1f} s, {len(editors.saved)} edits, p99 {p99:.0f} ms")
    assert not full or p99 <= 500


def test_d27_two_imports_at_once_are_both_complete(server: Server, full: bool) -> None:
    rows, datasets = 100_000 if full else 25_000, [server.make_dataset(), server.make_dataset()]
    counts: dict[str, int] = {}

    def bring(name: str, dataset_id: int) -> None:
        counts[name] = server.bring(dataset_id, lines(rows, name))["imported"]

    # Two into one dataset, a third into another.
    wanted = [("one", datasets[0]), ("two", datasets[0]), ("three", datasets[1])]
    threads = [threading.Thread(target=bring, args=each) for each in wanted]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert counts == {"one": rows, "two": rows, "three": rows}
    pairs = [server.api("GET", f"/datasets/{dataset_id}")["pairs"] for dataset_id in datasets]
    assert pairs == [2 * rows, rows]


def test_d29_a_command_writes_while_the_server_runs(server: Server, full: bool, tmp_path_factory) -> None:
    editors = Editors.of_new_dataset(server, 16)
    table = tmp_path_factory.mktemp("command") / "more.csv"
    table.write_text("question,answer\n" + "".join(f"More {n}?,Yes {n}.\n" for n in range(500)))
    times = 20 if full else 1
    with editors.at_work(4):
        for number in range(times):
            done = run_ltt(server.folder, "import", str(table), "--dataset", f"By command {number}", "--create")
            assert done.returncode == 0, done.stderr
            undone = run_ltt(server.folder, "undo", f"By command {number}")
            assert undone.returncode == 0 and "locked" not in done.stderr + undone.stderr
    editors.assert_nothing_lost()
    found = {one["name"]: one["pairs"] for one in server.api("GET", "/datasets")["datasets"]}
    assert [found[f"By command {number}"] for number in range(times)] == [0] * times
