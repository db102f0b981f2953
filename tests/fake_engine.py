"""A stand-in for the engine in tests: it writes the same files, by a made-up curve, and learns nothing.

It is called as the engine is: ``python fake_engine.py train FOLDER``. It needs nothing but the standard library.
``FAKE_ENGINE_*`` variables of the environment say what shall go wrong: ``MISSING`` (packages that are not there),
``STEP_SECONDS``, ``FAIL_AT`` (a step at which it fails), ``DIE_AT`` (a step at which it is gone without a word),
``FITS`` (0: no memory).
"""

import json
import os
import shutil
import sys
import time
from datetime import UTC, datetime
from pathlib import Path


def main(word, *rest):
    if word == "probe":
        missing = [one for one in os.environ.get("FAKE_ENGINE_MISSING", "").split(",") if one]
        sys.stdout.write(json.dumps({"versions": {"torch": "0"}, "devices": [{"name": "cpu"}], "missing": missing}))
        return 0
    if word == "estimate":
        fits = os.environ.get("FAKE_ENGINE_FITS", "1") == "1"
        why = "" if fits else "It needs 9,000 MB, and 100 MB are free."
        sys.stdout.write(
            json.dumps({"memory_mb": 9000, "available_mb": 100, "seconds_per_step": 1, "fits": fits, "why": why})
        )
        return 0
    if word in ("merge", "gguf"):
        time.sleep(float(os.environ.get("FAKE_ENGINE_STEP_SECONDS", "0")))
        return make(word, Path(rest[1]))
    return train(Path(rest[0]))


def make(word, out):
    if os.environ.get("FAKE_ENGINE_FAIL_AT"):
        sys.stderr.write("Loading.\nThe model cannot be read: it is broken.\n")
        return 1
    if word == "merge":
        out.mkdir()
    (out / "model.safetensors" if word == "merge" else out).write_bytes(b"merged" if word == "merge" else b"GGUF")
    return 0


def train(folder):
    parent = os.getppid()
    spec = json.loads((folder / "run.json").read_bytes())
    settings = spec["settings"]
    rows = len((folder / "data/train.jsonl").read_bytes().splitlines())
    has_validation = (folder / "data/validation.jsonl").exists()
    each = -(-rows // (settings["batch_size"] * settings["accumulation"]))
    steps = each * settings["epochs"]
    every = settings["checkpoint_every"] or max(-(-each // 3), 1)
    points, events = folder / "metrics.jsonl", folder / "events.jsonl"
    done = [json.loads(path.read_bytes())["step"] for path in folder.glob("checkpoints/step-*/complete.json")]
    at = max(done, default=0)
    cut(points, at)
    cut(folder / "samples.jsonl", at)
    best = None
    if at:
        best = json.loads((folder / f"checkpoints/step-{at}/complete.json").read_bytes())["best"]
    add(events, {"at": stamp(), "step": at, "kind": "resumed" if at else "started", "message": "Go"})
    if not at:
        add(points, {"step": 0, "epoch": 0.0, "seconds": 0.0, **valid(has_validation, 0)})
    say(folder, "training", at, steps, best)
    for step in range(at + 1, steps + 1):
        time.sleep(float(os.environ.get("FAKE_ENGINE_STEP_SECONDS", "0")))
        if os.getppid() != parent:
            return 1
        if step == int(os.environ.get("FAKE_ENGINE_DIE_AT", "0")):
            os._exit(9)
        if step == int(os.environ.get("FAKE_ENGINE_FAIL_AT", "0")):
            say(folder, "failed", step - 1, steps, best, "The disk is full.", "disk_full")
            return 1
        is_checkpoint = step % every == 0 or step == steps
        said = valid(has_validation, step) if is_checkpoint else {}
        add(points, {"step": step, "epoch": step / each, "seconds": float(step), "loss": 5.0 / step, **said})
        if is_checkpoint:
            if said and (best is None or said["validation_loss"] < best["validation_loss"]):
                best = {"step": step, "validation_loss": said["validation_loss"]}
            keep(folder, step, said.get("validation_loss"), best)
        say(folder, "training", step, steps, best)
        wanted = (folder / "control").read_text() if (folder / "control").exists() else ""
        if wanted:
            if wanted == "pause":
                keep(folder, step, said.get("validation_loss"), best)
            word = {"pause": "paused", "cancel": "cancelled"}[wanted]
            add(events, {"at": stamp(), "step": step, "kind": word, "message": word})
            say(folder, word, step, steps, best)
            return {"pause": 10, "cancel": 11}[wanted]
    (folder / "result").mkdir(exist_ok=True)
    (folder / "result/adapter.bin").write_bytes(b"weights")
    add(events, {"at": stamp(), "step": steps, "kind": "done", "message": "Done"})
    say(folder, "done", steps, steps, best)
    return 0


def valid(has_validation, step):
    return {"validation_loss": round(1.0 + 4.0 / (step + 1), 6)} if has_validation else {}


def keep(folder, step, loss, best):
    place = folder / f"checkpoints/step-{step}"
    shutil.rmtree(place, ignore_errors=True)
    place.mkdir(parents=True)
    (place / "weights").write_bytes(b"w" * 100)
    told = {"step": step, "validation_loss": loss, "bytes": 100, "best": best}
    (place / "complete.json").write_text(json.dumps(told))


def say(folder, phase, step, steps, best, message="", code=""):
    told = {"phase": phase, "step": step, "steps": steps, "epoch": 0.0, "best": best, "message": message}
    told |= {"code": code, "device": "cpu", "pid": os.getpid()}
    (folder / "state.part").write_text(json.dumps(told))
    os.replace(folder / "state.part", folder / "state.json")


def add(path, line):
    with path.open("a") as file:
        file.write(json.dumps(line) + "\n")


def cut(path, step):
    if path.exists():
        lines = [one for one in path.read_text().splitlines() if json.loads(one)["step"] <= step]
        path.write_text("".join(f"{one}\n" for one in lines))


def stamp():
    return datetime.now(UTC).isoformat()


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
