"""The commands of the engine. What it says for programs is JSON on standard output; what is wrong is one sentence."""

import argparse
import json
import os
import sys
import threading
import time
from pathlib import Path

from app.providers.engine.errors import Stop, explain
from app.providers.engine.folder import Folder

EXITS = {"done": 0, "failed": 1, "paused": 10, "cancelled": 11}


def main(arguments: list[str]) -> int:
    """Do what the first argument says; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m app.providers.engine", description=__doc__)
    commands = parser.add_subparsers(dest="command", required=True)
    commands.add_parser("probe", help="what this Python can train on, as JSON")
    for name, said in (
        ("train", "train the run of a folder, or go on with it"),
        ("estimate", "what a run would need, as JSON"),
        ("mask", "which tokens are trained, as JSON lines"),
        ("merge", "write a model without adapter"),
        ("gguf", "write a model as GGUF"),
        ("serve", "answer chat completions on this computer"),
    ):
        command = commands.add_parser(name, help=said)
        command.add_argument("folder", type=Path)
        if name == "mask":
            command.add_argument("rows", type=int)
        if name in ("merge", "gguf"):
            command.add_argument("out", type=Path)
        if name == "serve":
            command.add_argument("--port", type=int, default=8089)
            command.add_argument("--checkpoint", type=int)
    asked = parser.parse_args(arguments)
    set_environment(asked)
    try:
        return run(asked)
    except Stop as stop:
        print(str(stop), file=sys.stderr)  # noqa: T201
        return 1


def set_environment(asked: argparse.Namespace) -> None:
    """What the packages read as they are imported: threads, and that nothing is fetched or told."""
    # One core is left to others; waiting threads sleep, else a busy machine takes ten times as long.
    os.environ.setdefault("OMP_NUM_THREADS", str(max((os.cpu_count() or 2) - 1, 1)))
    os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")
    settings = {"TOKENIZERS_PARALLELISM": "false", "HF_HUB_DISABLE_TELEMETRY": "1", "DO_NOT_TRACK": "1"}
    settings |= {"WANDB_DISABLED": "true", "TRANSFORMERS_VERBOSITY": "error", "TQDM_DISABLE": "1"}
    may_fetch = False
    if asked.command in ("train", "estimate"):
        try:
            spec = json.loads((asked.folder / "run.json").read_text(encoding="utf-8"))
            may_fetch = spec["settings"].get("allow_download") is True
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            may_fetch = False
    os.environ.update(settings)
    if not may_fetch:
        os.environ.update(HF_HUB_OFFLINE="1", TRANSFORMERS_OFFLINE="1")


def run(asked: argparse.Namespace) -> int:
    """Run a command. Raises Stop."""
    if asked.command == "probe":
        from app.providers.engine.base import probe

        print(json.dumps(probe()))  # noqa: T201
        return 0
    from app.providers.engine.base import list_missing

    missing = list_missing()
    if missing and asked.command != "train":
        raise Stop("no_packages", say_missing(missing))
    if asked.command == "train":
        return train(asked.folder, missing)
    if asked.command in ("estimate", "mask"):
        from app.providers.engine import training

        if asked.command == "mask":
            training.mask_rows(Folder(asked.folder), asked.rows)
        else:
            print(json.dumps(training.estimate(Folder(asked.folder))))  # noqa: T201
    elif asked.command == "serve":
        from app.providers.engine.serving import serve

        end_with_parent()
        serve(asked.folder, asked.port, asked.checkpoint)
    else:
        from app.providers.engine import results

        end_with_parent()
        (results.merge if asked.command == "merge" else results.write_gguf)(asked.folder, asked.out)
    return 0


def say_missing(missing: list[str]) -> str:
    """What is missing, and how to get it."""
    return f"This Python has no {', '.join(missing)}. python3 run.py add train installs what training needs."


def train(path: Path, missing: list[str]) -> int:
    """Train, and say in the folder how it ended."""
    folder = Folder(path)
    end_with_parent()
    if hasattr(os, "nice"):
        os.nice(max(10 - os.nice(0), 0))
    folder.tell(phase="loading")
    try:
        if missing:
            raise Stop("no_packages", say_missing(missing))
        newest = folder.go_back()
        from app.providers.engine.base import Base

        # What cannot be is found before the trainers are loaded, which takes seconds.
        base = Base(folder)
        from app.providers.engine import training

        return EXITS[training.train(folder, base, newest)]
    except Exception as error:  # noqa: BLE001 (whatever ends a run is told in its folder)
        kept = max(folder.checkpoints(), default=None)
        stop = explain(error, kept)
        if error is not stop:
            import traceback

            traceback.print_exception(error)
        print(str(stop), file=sys.stderr)  # noqa: T201
        # A checkpoint in the making may be what has filled the disk.
        folder.sweep()
        try:
            folder.event("failed", str(stop))
            folder.tell(phase="failed", message=str(stop), code=stop.code)
        except OSError:
            # Over what was there, which has the room: half a state is better than an old one.
            state = {**folder.state, "phase": "failed", "message": str(stop), "code": stop.code}
            (path / "state.json").write_text(json.dumps(state), encoding="utf-8")
        return EXITS["failed"]


def end_with_parent() -> None:
    """End this process once the one that started it is gone."""
    parent = os.getppid()

    def watch() -> None:
        while os.getppid() == parent and is_alive(parent):
            time.sleep(1)
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def is_alive(pid: int) -> bool:
    """Whether a process runs. Where orphans get another parent, that says it already."""
    if os.name != "nt":
        return True
    import psutil

    return bool(psutil.pid_exists(pid))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
