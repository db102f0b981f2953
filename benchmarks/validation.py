"""Checking a dataset and counting tokens beside the bare tokenizer, and what follows one edit; in fresh processes."""

import json
import os
import shutil
import sqlite3
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from benchmarks.measure import ROOT

STEPS = {
    "raw": "raw: read question and answer, count both with the bare tokenizer",
    "tokens": "count the tokens of one family, with all other statistics",
    "check": "check for one target, with all lints",
    "check_template": "check for one target by the chat template of a folder, with all lints",
    # The last check is the one that the moments follow: by no template that is gone.
    "check_four": "check for four targets, with all lints",
}
MOMENTS = {"recheck": "findings after one edit", "overview": "overview of the last check"}
# What most templates do with a plain conversation.
CHATML = (
    "{%- for message in messages %}{{- '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>\\n' }}"
    "{%- endfor %}{%- if add_generation_prompt %}{{- '<|im_start|>assistant\\n' }}{%- endif %}"
)
FOUR = "openai-sft,together,trl,llama-factory"


def report(filled: Path, rows: int, runs: int) -> str:
    """The section of the report."""
    told: dict[str, list[dict[str, float]]] = {name: [] for name in STEPS}
    folder = _copy(filled)
    for _ in range(runs):
        for name in STEPS:
            told[name].append(_run(name, folder))
    limit = statistics.median(one["seconds"] for one in told["raw"])
    bare, ours = (statistics.median(one[key] for one in told["raw"]) for key in ("bare", "ours"))
    lines = [f"## validation, {rows:,} pairs, median of {runs}", ""]
    lines += [
        f"Seconds are those of the work itself. The bare tokenizer alone takes {bare:.2f} s; through the counts that"
    ]
    lines += [f"targets share it has {bare / ours:.0%} of its speed.", ""]
    lines += ["| step | s | × raw | CPU s | peak MB |", "|---|---|---|---|---|"]
    for name, title in STEPS.items():
        spent, used = (statistics.median(one[key] for one in told[name]) for key in ("seconds", "cpu"))
        peak = max(one["peak"] for one in told[name])
        lines.append(f"| {title} | {spent:.2f} | {spent / limit:.2f} | {used:.2f} | {peak:.0f} |")
    lines += ["", "| moment | median ms | p95 ms |", "|---|---|---|"]
    for name, title in MOMENTS.items():
        one = _run(name, folder)
        lines.append(f"| {title} | {one['median']:.0f} | {one['p95']:.0f} |")
    return "\n".join(lines) + "\n"


def _copy(filled: Path) -> Path:
    target = filled.with_name("validation")
    shutil.rmtree(target, ignore_errors=True)
    return shutil.copytree(filled, target)


def _run(program: str, folder: Path) -> dict[str, float]:
    command = [sys.executable, "-m", "benchmarks.validation", program, str(folder)]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told: dict[str, float] = json.loads(process.stdout.read())
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {process.returncode}.")
    return {**told, "peak": usage.ru_maxrss / 1024}


def raw(folder: str) -> None:
    """The limit: a bare cursor, and the count of each text; beside it the same count as checks make it."""
    import quicktok

    from app.core.tokens import share_counts
    from app.providers.tokenizers import load_tokenizer

    counts = {"bare": quicktok.get_encoding("o200k_base").count, "ours": share_counts(load_tokenizer)("openai").count}
    spent = dict.fromkeys(counts, 0.0)
    connection = sqlite3.connect(f"file:{folder}/ltt.db?mode=ro", uri=True)
    began = time.monotonic(), time.process_time()
    cursor = connection.execute("SELECT question, answer FROM entries ORDER BY id")
    while rows := cursor.fetchmany(1_000):
        for name, count in counts.items():
            before = time.process_time()
            for question, answer in rows:
                count(question)
                count(answer)
            spent[name] += time.process_time() - before
    # What ours took is no part of the limit.
    _tell((began[0] + spent["ours"], began[1] + spent["ours"]), **spent)


def _tell(began: tuple[float, float], **more: float) -> None:
    spent = {"seconds": time.monotonic() - began[0], "cpu": time.process_time() - began[1]}
    print(json.dumps({**spent, **more}))


def _in_app(folder: str, work: Callable[[], object]) -> None:
    from app import create_app
    from app.models import close_cleanly
    from app.providers.tokenizers import load_tokenizer

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    load_tokenizer("openai")
    with app.app_context():
        began = time.monotonic(), time.process_time()
        work()
        _tell(began)
        close_cleanly()


def tokens(folder: str) -> None:
    """What ``ltt stats`` does for a dataset."""
    from app.core.stats import StatsOptions
    from app.services import stats
    from app.services.jobs import Unwatched

    _in_app(folder, lambda: stats.measure_dataset(1, StatsOptions(family="openai"), Unwatched()))


def check(folder: str, targets: str = "openai-sft") -> None:
    """What the button *Check* of the overview does."""
    from app.services import tasks, validation

    _in_app(folder, lambda: tasks.start(validation.CHECK, validation.CheckRun(1, targets), here=True))


def check_four(folder: str) -> None:
    """The same for several targets at once."""
    check(folder, FOUR)


def check_template(folder: str) -> None:
    """The same for a target that uses the chat template of the model, by one that somebody chose."""
    from app.services import tasks, validation

    model = Path(folder) / "model"
    model.mkdir(exist_ok=True)
    (model / "chat_template.jinja").write_text(CHATML, encoding="utf-8")
    (model / "tokenizer_config.json").write_text("{}", encoding="utf-8")

    def work() -> None:
        validation.choose_template(1, str(model))
        tasks.start(validation.CHECK, validation.CheckRun(1, "trl"), here=True)
        validation.choose_template(1, "")

    _in_app(folder, work)


def _tell_moments(moments: list[float]) -> None:
    ordered = sorted(moments)
    place = -(-95 * len(ordered) // 100) - 1
    print(json.dumps({"median": statistics.median(ordered) * 1_000, "p95": ordered[place] * 1_000}))


def recheck(folder: str) -> None:
    """One pair is edited and looked at again, at places all over the dataset; the first time loads what all need."""
    from app import create_app
    from app.core.changes import Change
    from app.models import close_cleanly
    from app.services import datasets, entries, history, validation

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    moments = []
    with app.app_context():
        number = datasets.get(1).entry_count
        for turn in range(41):
            entry = entries.get(1, turn * 7_919 % number + 1)
            change = Change(entry.id, {"answer": (entry.answer, f"{entry.answer} <b>New.</b>")})
            history.apply(1, [change], kind="edit", summary="Edit a pair")
            began = time.monotonic()
            validation.recheck_edited(1)
            moments.append(time.monotonic() - began)
        close_cleanly()
    _tell_moments(moments[1:])


def overview(folder: str) -> None:
    """The page as a browser gets it."""
    from app import create_app

    app = create_app({"LTT_DATA_DIR": folder, "LTT_LOG_LEVEL": "ERROR"})
    client, moments = app.test_client(), []
    for _ in range(41):
        began = time.monotonic()
        reply = client.get("/datasets/1/")
        moments.append(time.monotonic() - began)
        if reply.status_code != 200:
            raise SystemExit(reply.status)
    _tell_moments(moments[1:])


if __name__ == "__main__":
    globals()[sys.argv[1]](*sys.argv[2:])
