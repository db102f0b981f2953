"""Training on this computer: the engine as a child process, which writes what it does into the folder of the run."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from threading import Thread
from typing import IO, Any

import msgspec

from app.core.errors import Unavailable
from app.core.training import TARGETS, Base, RunSpec
from app.core.training.folder import read_state, write_whole
from app.providers.tuning.base import Obstacle, PlaceState

ENGINE = "app.providers.engine"
ADD = "python3 run.py add train"
PROBE_SECONDS, ESTIMATE_SECONDS = 120, 600
# How long an answer about packages and devices holds.
PROBED_SECONDS, MISSING_SECONDS = 600, 5
# Less than a worker gives to a job that it ends.
END_SECONDS = 2
# How often who waits for a model that is made is asked whether to go on.
MAKING_SECONDS = 1.0
LOG_BYTES = 4 * 1024 * 1024
EXITS = {0: "done", 10: "paused", 11: "cancelled"}
_ROOT = Path(__file__).resolve().parents[3]
_probed: dict[tuple[str, ...], tuple[float, dict[str, Any]]] = {}
# What a program that loads models of strangers sees of the environment: what the system, Python and the packages need,
# and nothing that was meant for others, such as keys or the address of a database.
PASSED = (
    "PATH", "HOME", "USER", "LOGNAME", "LANG", "LANGUAGE", "TZ", "TMPDIR", "TEMP", "TMP", "VIRTUAL_ENV", "LLAMA_CPP",
    "LD_LIBRARY_PATH", "DYLD_LIBRARY_PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "REQUESTS_CA_BUNDLE", "HF_HOME",
    "HF_HUB_CACHE", "SYSTEMROOT", "WINDIR", "COMSPEC", "PATHEXT", "PROGRAMDATA", "APPDATA", "LOCALAPPDATA",
    "USERPROFILE", "NUMBER_OF_PROCESSORS",
)  # fmt: skip
PASSED_BEGINNINGS = (
    "LC_", "XDG_", "CUDA_", "NVIDIA_", "HIP_", "HSA_", "ROCR_", "PYTORCH_", "TORCH_", "OMP_", "MKL_", "KMP_",
    "OPENBLAS_", "BNB_",
)  # fmt: skip
# Only where it may fetch a model.
PASSED_TO_DOWNLOAD = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "HF_ENDPOINT")


@dataclass
class LocalPlace:
    """This computer. ``python`` is the one that has the packages of the extra; None: the one that runs this."""

    python: Path | None = None
    engine: Sequence[str] = ("-m", ENGINE)
    name: str = "local"
    title: str = "This computer"
    lane: str = "training"
    poll_seconds: float = 0.5
    targets: Mapping[str, str] = field(default_factory=lambda: TARGETS)
    can_pause: bool = True
    _running: dict[str, "subprocess.Popen[bytes]"] = field(default_factory=dict)

    def probe(self) -> dict[str, Any]:
        """What the engine says of its packages and devices: ``versions``, ``devices`` and what is ``missing``.

        To ask takes seconds, so an answer holds for a while; one that something is missing only for a moment.
        """
        if not self.is_probed:
            found = self.ask("probe", seconds=PROBE_SECONDS) or {"missing": ["torch"]}
            _probed[self._key] = (time.monotonic(), found)
        return _probed[self._key][1]

    @property
    def is_probed(self) -> bool:
        """Whether ``probe`` answers at once."""
        asked, found = _probed.get(self._key, (float("-inf"), {}))
        holds = PROBED_SECONDS if found and not found.get("missing") else MISSING_SECONDS
        return time.monotonic() - asked <= holds

    @property
    def _key(self) -> tuple[str, ...]:
        return (str(self.python or sys.executable), *self.engine)

    def check(self, spec: RunSpec, folder: Path | None) -> list[Obstacle]:
        """What is missing on this computer, and with the data whether it fits into the memory."""
        if self.python is not None and not self.python.exists():
            return [Obstacle("no_train_python", f"LTT_TRAIN_PYTHON names {self.python}, which is not there.")]
        if said := _find_fault(spec.base):
            return [Obstacle("no_model", said)]
        if missing := self.probe().get("missing"):
            said = f"Training on this computer needs more packages ({', '.join(missing)}). Run: {ADD}"
            return [Obstacle("no_extra", said)]
        if folder is None:
            return [] if spec.settings.allow_download or not _is_away(spec.base) else [_warn_of_download(spec.base)]
        found = self.estimate(spec, folder)
        if found.get("fits") is False:
            return [Obstacle("no_memory", str(found.get("why") or "It does not fit into the memory."), details=found)]
        return [Obstacle("estimate", str(found.get("why") or ""), blocking=False, details=found)] if found else []

    def estimate(self, spec: RunSpec, folder: Path) -> dict[str, Any]:
        """Memory and time, measured by the engine by a step that is not kept."""
        return self.ask("estimate", str(folder), seconds=ESTIMATE_SECONDS)

    def versions(self) -> dict[str, str]:
        """Those of the engine's Python and packages."""
        found = self.probe()
        return {"python": str(found.get("python", "")), **found.get("versions", {})}

    def start(self, spec: RunSpec, folder: Path) -> str:
        """Start the engine; it goes on from the newest complete checkpoint by itself."""
        _end_former(folder)
        (folder / "control").unlink(missing_ok=True)
        process = subprocess.Popen(
            [*self._command, "train", str(folder)],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            cwd=_ROOT,
            env=self.environment(download=spec.settings.allow_download),
            start_new_session=True,
        )
        assert process.stdout is not None
        Thread(target=_keep_log, args=(process.stdout, folder / "log.txt"), daemon=True).start()
        handle = str(process.pid)
        self._running[handle] = process
        return handle

    def poll(self, handle: str, folder: Path) -> PlaceState:
        """What ``state.json`` says while the engine runs, and how it ended."""
        process = self._running[handle]
        code, said = process.poll(), read_state(folder)
        if code is None:
            return PlaceState("running", said.step, said.steps, said.message or said.phase)
        result = {"best": msgspec.to_builtins(said.best)}
        if code in EXITS:
            return PlaceState(EXITS[code], said.step, said.steps, said.message, result=result)
        if said.phase == "failed":
            return PlaceState("failed", said.step, said.steps, said.message, said.code or "failed", result)
        return PlaceState("failed", said.step, said.steps, _say_exit(code), "engine_ended", result)

    def pause(self, handle: str, folder: Path) -> None:
        """Ask the engine to stop after the step that it is at, with a checkpoint."""
        write_whole(folder / "control", b"pause")

    def cancel(self, handle: str, folder: Path) -> None:
        """Ask the engine to stop after the step that it is at."""
        write_whole(folder / "control", b"cancel")

    def resume(self, spec: RunSpec, handle: str, folder: Path) -> str:
        """The same as to start: the engine finds its checkpoint."""
        return self.start(spec, folder)

    def fetch(self, handle: str, folder: Path) -> dict[str, Any]:
        """What lies in ``result/`` already."""
        result = folder / "result"
        return {"model": str(result)} if result.is_dir() else {}

    def end(self, handle: str) -> None:
        """End the engine at once: what is complete stays."""
        process = self._running.pop(handle, None)
        if process is None:
            return
        process.terminate()
        try:
            process.wait(END_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def make(self, word: str, folder: Path, out: Path, wait: Callable[[], object] = lambda: None) -> None:
        """Let the engine make something of a result: ``merge`` or ``gguf``. ``wait`` is called while it works, and ends
        it by what it raises. Raises Unavailable with what the engine says."""
        making = subprocess.Popen(
            [*self._command, word, str(folder), str(out.absolute())],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            cwd=_ROOT,
            env=self.environment(),
        )
        with making:
            try:
                said = None
                while said is None:
                    with suppress(subprocess.TimeoutExpired):
                        said = making.communicate(timeout=MAKING_SECONDS)[1]
                    wait()
            except BaseException:
                making.kill()
                raise
        if making.returncode:
            lines = said.decode(errors="replace").strip().splitlines()
            raise Unavailable(lines[-1] if lines else _say_exit(making.returncode), code=f"no_{word}")

    def serve(self, folder: Path, port: int, checkpoint: int | None) -> "subprocess.Popen[bytes]":
        """The engine as a server on loopback, which ends with this process."""
        which = [] if checkpoint is None else ["--checkpoint", str(checkpoint)]
        words = [*self._command, "serve", str(folder.absolute()), "--port", str(port), *which]
        return subprocess.Popen(words, stdin=subprocess.DEVNULL, cwd=_ROOT, env=self.environment())

    def ask(self, *words: str, seconds: float) -> dict[str, Any]:
        """One question to the engine; its answer. Empty where there is no engine that answers."""
        try:
            asked = subprocess.run(
                [*self._command, *words],
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=seconds,
                cwd=_ROOT,
                env=self.environment(),
                check=False,
            )
            found = msgspec.json.decode(asked.stdout.strip().splitlines()[-1], type=dict[str, Any])
        except (OSError, subprocess.TimeoutExpired, IndexError, msgspec.MsgspecError):
            return {}
        return found

    def environment(self, *, download: bool = False) -> dict[str, str]:
        """What the engine sees of the environment: no keys, no telemetry, and no network unless it may download."""
        passed = {*PASSED, *(PASSED_TO_DOWNLOAD if download else ())}
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.upper() in passed or name.upper().startswith(PASSED_BEGINNINGS)
        }
        offline = {} if download else {"HF_HUB_OFFLINE": "1", "TRANSFORMERS_OFFLINE": "1"}
        return {**kept, **offline, "HF_HUB_DISABLE_TELEMETRY": "1", "PYTHONUNBUFFERED": "1", "PYTHONPATH": str(_ROOT)}

    @property
    def _command(self) -> list[str]:
        return [str(self.python or sys.executable), *self.engine]


def _find_fault(base: Base) -> str:
    """Why a base model cannot be one that lies on this computer, in a sentence; empty where nothing speaks against it.

    What looks like a path and is no folder was taken for the name of a model.
    """
    if base.kind == "hub" and base.name.startswith(("/", "~", ".")):
        return f"There is no folder {base.name} on this computer."
    path = Path(base.path) if base.kind == "folder" and base.path else None
    if path is None or (path / "config.json").exists():
        return ""
    if (path / "adapter_config.json").exists():
        return f"{path} holds an adapter and not a whole model: merge it into its base first, and use what comes of it."
    return f"{path} holds no model: it has no config.json."


def _is_away(base: Base) -> bool:
    """Whether a model of the Hub is not among those that were downloaded before, where its programs keep them."""
    home = os.environ.get("HF_HOME") or Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache", "huggingface")
    cache = Path(os.environ.get("HF_HUB_CACHE") or Path(home, "hub")).expanduser()
    return base.kind == "hub" and not (cache / f"models--{base.name.replace('/', '--')}").is_dir()


def _warn_of_download(base: Base) -> Obstacle:
    said = f"{base.name} was not downloaded to this computer before, and it may not be downloaded now."
    return Obstacle("not_downloaded", said, blocking=False)


def _end_former(folder: Path) -> None:
    """End an engine that still works in this folder: it was left by a process that was killed a moment ago."""
    try:
        pid = int(msgspec.json.decode((folder / "state.json").read_bytes())["pid"])
        words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
    except (OSError, KeyError, TypeError, ValueError, msgspec.DecodeError):
        return
    if str(folder).encode() in words:
        with suppress(OSError):
            os.kill(pid, signal.SIGKILL)
        while Path(f"/proc/{pid}").exists() and _state_of(pid) != "Z":
            time.sleep(0.05)


def _state_of(pid: int) -> str:
    """What Linux says a process does; Z is one that has ended and that nobody has buried."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (OSError, IndexError):
        return "Z"


def _keep_log(source: IO[bytes], path: Path) -> None:
    """Copy what is printed into a file, up to a size: a program that prints for ever fills no disk."""
    try:
        with source, path.open("ab") as log:
            while piece := source.read1(65536):  # type: ignore[attr-defined]
                if log.tell() < LOG_BYTES:
                    log.write(piece[: LOG_BYTES - log.tell()])
                    log.flush()
    except OSError:
        # A full disk must not end what prints.
        while source.read(65536):
            pass


def _say_exit(code: int) -> str:
    if code == -9:
        return "The training was ended from outside (signal 9), most likely because the memory was full."
    return f"The training ended without a word (code {code}). Its log says more."
