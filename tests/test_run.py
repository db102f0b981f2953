"""``run.py``: what is installed when, and what is run."""

import ast
import importlib.util
import json
import re
import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[1]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module over a checkout of its own, in which every program succeeds and is noted in ``run.ran``."""
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    for name in (module.LOCK, module.DEV_LOCK):
        (tmp_path / name).write_text("flask==3.1.3\n", encoding="utf-8")
    ran: list[tuple[str, ...]] = []
    for name in ("runs", "quiet"):
        monkeypatch.setattr(module, name, lambda *command: ran.append(tuple(map(str, command))) or True)
    monkeypatch.setattr(module, "become", lambda arguments, folder=None: ran.append(("become", *arguments)))
    monkeypatch.setattr(module, "make_venv", lambda: module.PYTHON.parent.mkdir(parents=True))
    for name, path in {
        "ROOT": "",
        "VENV": ".venv",
        "PYTHON": ".venv/bin/python",
        "STAMP": ".venv/installed.json",
    }.items():
        monkeypatch.setattr(module, name, tmp_path / path)
    module.ran = ran
    return module


def installs(run: ModuleType) -> list[str]:
    """The locks that were installed."""
    return [Path(command[-1]).name for command in run.ran if "--require-hashes" in command]


def test_it_needs_nothing_but_the_standard_library() -> None:
    tree = ast.parse((ROOT / "run.py").read_text(encoding="utf-8"))
    names = {alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names}
    names |= {node.module or "" for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)}
    assert {name.partition(".")[0] for name in names} <= sys.stdlib_module_names


@pytest.mark.parametrize(
    ("arguments", "command"),
    [
        ([], ("become", "-P", "-m", "app", "serve")),
        (["--port", "9000"], ("become", "-P", "-m", "app", "serve", "--port", "9000")),
        (["serve", "--no-browser"], ("become", "-P", "-m", "app", "serve", "--no-browser")),
        (["convert", "a.csv", "-"], ("become", "-P", "-m", "app", "convert", "a.csv", "-")),
        (["test", "tests/core"], ("become", "-m", "pytest", "tests/core")),
        (["bench"], ("become", "-m", "benchmarks")),
        (["--version"], ("become", "-P", "-m", "app", "--version")),
    ],
)
def test_the_first_argument_says_what_runs(run: ModuleType, arguments: list[str], command: tuple[str, ...]) -> None:
    run.main(arguments)
    assert run.ran[-1] == command


def finished(run: ModuleType) -> None:
    """What an install leaves behind."""
    run.PYTHON.parent.mkdir(parents=True, exist_ok=True)
    run.PYTHON.touch()


@pytest.fixture
def started(run: ModuleType) -> Callable[..., list[str]]:
    """Start with the given arguments; the locks that this start installed."""

    def start(*arguments: str) -> list[str]:
        run.ran.clear()
        run.main(list(arguments))
        finished(run)
        return installs(run)

    return start


def test_a_second_start_installs_nothing(started: Callable[..., list[str]]) -> None:
    assert (started(), started()) == (["requirements.lock"], [])


def test_a_changed_lock_is_installed(run: ModuleType, started: Callable[..., list[str]]) -> None:
    started()
    (run.ROOT / run.LOCK).write_text("flask==3.1.4\n", encoding="utf-8")
    assert started() == ["requirements.lock"]


def test_the_tests_bring_their_packages_and_the_server_needs_no_others(started: Callable[..., list[str]]) -> None:
    assert (started("test"), started(), started("test")) == (["requirements-dev.lock"], [], [])


def test_what_training_needs_is_added_by_pip_after_a_build_of_pytorch_for_this_machine(run: ModuleType) -> None:
    (run.ROOT / "requirements-train.in").write_text(
        "-r requirements.in\ntorch==2.13.0\ntrl==1.16.0\n", encoding="utf-8"
    )
    (run.ROOT / "requirements-train.lock").write_text("trl==1.16.0\n", encoding="utf-8")
    run.main(["add", "train"])
    told = [command[3:] for command in run.ran if command[1:4] == ("-m", "pip", "install")]
    options = ("install", "--disable-pip-version-check", "--no-input", "--quiet")
    lock = ("--require-hashes", "--no-deps", "-r", str(run.ROOT / "requirements-train.lock"))
    assert told == [(*options, "torch==2.13.0"), (*options, *lock)]


def test_training_and_the_tests_by_trainers_have_the_same_packages() -> None:
    """One environment serves both: tests/train runs in that of tests/trainers."""
    pins = [
        set(re.findall(r"^(?:torch|transformers|trl|peft|accelerate|datasets)==\S+", (ROOT / name).read_text(), re.M))
        for name in ("requirements-train.in", "requirements-trainers.in", "requirements-trainers.lock")
    ]
    assert len(pins[0]) == 6 and pins[2] <= pins[0]
    locked = (ROOT / "requirements-train.lock").read_text(encoding="utf-8")
    assert all(f"\n{pin} " in f"\n{locked}" for pin in pins[2]) and len(pins[2]) == 5


def test_an_interrupted_install_is_done_again(run: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "runs", lambda *command: False)
    with pytest.raises(SystemExit):
        run.install(run.LOCK)
    assert not run.satisfied(run.LOCK)


@pytest.mark.parametrize("stamp", ["", "{", "[]", json.dumps(["other"])])
def test_an_odd_stamp_means_install(run: ModuleType, stamp: str) -> None:
    finished(run)
    run.STAMP.write_text(stamp, encoding="utf-8")
    assert not run.satisfied(run.LOCK)


def test_without_ensurepip_it_says_what_mends_it(monkeypatch: pytest.MonkeyPatch) -> None:
    spec = importlib.util.spec_from_file_location("run_under_test", ROOT / "run.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(module.shutil, "which", lambda name: None)
    with pytest.raises(SystemExit, match=r"apt install python3\.\d+-venv"):
        module.make_venv()
