#!/usr/bin/env python3
"""Starts LLM Training Tools from a checkout. Needs Python 3.11 or newer and nothing else.

    python3 run.py                    make .venv, install what is locked, start the server, open the browser
    python3 run.py serve --port 9000  the same with options; see: python3 run.py serve --help
    python3 run.py test [ARGUMENTS]   install the development packages and run all tests, or some
    python3 run.py test --faults      the tests of faults in full: kills, crowds, hostile files; about an hour
    python3 run.py bench              measure import and export beside other ways
    python3 run.py add hub            install the packages of an extra: hub, or train (1.5 GB and more)
    python3 run.py COMMAND ...        any other command of ltt: demo, import, export, convert, ...

The first start needs the network, for the packages; later ones do not.
"""

from __future__ import annotations

import sys

if sys.version_info < (3, 11):  # noqa: UP036 (older ones must get a sentence, not a traceback)
    sys.exit("LLM Training Tools needs Python 3.11 or newer; this is {}.{}.".format(*sys.version_info[:2]))

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
PYTHON = VENV / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
STAMP = VENV / "installed.json"
LOCK = "requirements.lock"
DEV_LOCK = "requirements-dev.lock"


def main(arguments: list[str]) -> None:
    """Do what the first argument says; without one, serve."""
    command, rest = (arguments[0], arguments[1:]) if arguments else ("serve", [])
    if command in ("-h", "--help"):
        print(__doc__)
    elif command == "--version":
        install(LOCK)
        become(["-P", "-m", "app", command])
    elif command == "test":
        install(DEV_LOCK)
        provide_browser()
        become(["-m", "pytest", *(rest or all_tests())], folder=ROOT)
    elif command == "add":
        add_extras(rest)
    elif command == "bench":
        install(DEV_LOCK)
        become(["-m", "benchmarks", *rest], folder=ROOT)
    else:
        install(LOCK)
        become(["-P", "-m", "app", *(["serve", command] if command.startswith("-") else [command]), *rest])


def install(lock: str) -> None:
    """Bring .venv to what the lock says, unless it is there already."""
    if satisfied(lock):
        return
    if not usable():
        make_venv()
    say(f"Installing the packages of {lock} into .venv. This happens once.")
    if not (install_build(lock) if builds_of(lock) else install_with_uv(lock) or install_with_pip(lock)):
        stop("The packages could not be installed; the lines above say why. Mend that and start again.")
    # The development lock holds everything of the other one, in the same versions.
    STAMP.write_text(json.dumps([fingerprint(name) for name in {LOCK, lock}]), encoding="utf-8")


def fingerprint(lock: str) -> str:
    """Changes with the lock, the Python and the place of the checkout."""
    parts = f"{lock} {sys.version_info[:2]} {ROOT}".encode()
    return hashlib.sha256(parts + (ROOT / lock).read_bytes()).hexdigest()


def add_extras(names: list[str]) -> None:
    """Install the packages of extras that have a lock, such as hub."""
    known = sorted(path.stem.removeprefix("requirements-") for path in ROOT.glob("requirements-*.lock"))
    extras = [name for name in known if name not in ("dev", "readers", "trainers")]
    if not names or not set(names) <= set(extras):
        stop(f"Name what to add: {', '.join(extras)}.")
    for name in names:
        install(f"requirements-{name}.lock")
    say(f"Added: {', '.join(names)}.")


def satisfied(lock: str) -> bool:
    """Whether the last complete install was of this lock."""
    try:
        return PYTHON.exists() and fingerprint(lock) in json.loads(STAMP.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def usable() -> bool:
    """Whether .venv has a Python of this version that runs."""
    test = f"import sys; sys.exit(sys.version_info[:2] != {tuple(sys.version_info[:2])})"
    return PYTHON.exists() and quiet(PYTHON, "-c", test)


def make_venv() -> None:
    """Make .venv anew, with pip unless uv will do its work."""
    has_ensurepip = importlib.util.find_spec("ensurepip") is not None
    if importlib.util.find_spec("venv") is None or not (has_ensurepip or shutil.which("uv")):
        stop(
            "This Python cannot make virtual environments: its parts venv and ensurepip are missing.\n"
            f"On Debian and Ubuntu this mends it: sudo apt install python3.{sys.version_info[1]}-venv"
        )
    import venv

    say(f"Making {VENV} for Python {sys.version_info[0]}.{sys.version_info[1]}.")
    venv.create(VENV, clear=True, symlinks=os.name != "nt", with_pip=not shutil.which("uv"))


def install_with_uv(lock: str) -> bool:
    """Install by uv, which is quicker, where there is one that works."""
    uv = shutil.which("uv")
    if uv is None:
        return False
    options = ("--quiet", "--compile-bytecode", "--python", PYTHON, "--require-hashes")
    if runs(uv, "pip", "install", *options, "-r", ROOT / lock):
        return True
    say("uv could not do it. Trying with pip.")
    return False


def install_with_pip(lock: str, *more: str) -> bool:
    """Install by pip, which may have to be put into .venv first."""
    return provide_pip() and runs(*pip_install(), "--require-hashes", *more, "-r", ROOT / lock)


def builds_of(lock: str) -> list[str]:
    """What a lock leaves out because its builds differ by machine: PyTorch, where it is wanted."""
    wanted = (ROOT / lock).with_suffix(".in")
    lines = wanted.read_text(encoding="utf-8").splitlines() if wanted.exists() else []
    return [line for line in lines if line.startswith("torch==")]


def install_build(lock: str) -> bool:
    """Install PyTorch as pip finds it for this machine, then what the lock says. A build that is there is kept."""
    say(
        "PyTorch comes first: 0.2 to 3 GB. Without a graphics card a small build is enough: the install page of "
        f"PyTorch says how to get it. Whichever {' '.join(builds_of(lock))} is in .venv already is kept."
    )
    return provide_pip() and runs(*pip_install(), *builds_of(lock)) and install_with_pip(lock, "--no-deps")


def pip_install() -> tuple[str | Path, ...]:
    """The beginning of what pip is told."""
    return (PYTHON, "-m", "pip", "install", "--disable-pip-version-check", "--no-input", "--quiet")


def provide_pip() -> bool:
    """Put pip into .venv, where it is not there yet."""
    return quiet(PYTHON, "-m", "pip", "--version") or runs(PYTHON, "-m", "ensurepip", "--upgrade")


def provide_browser() -> None:
    """Fetch a browser for the browser tests where the system has none; without one they are skipped, loudly."""
    if not any(shutil.which(name) for name in ("chromium", "chromium-browser", "google-chrome")):
        runs(PYTHON, "-m", "playwright", "install", "chromium")


def all_tests() -> list[str]:
    """The arguments for all tests: two processes share the test files."""
    return ["-n", "2", "--dist", "loadfile"] if (os.cpu_count() or 1) > 1 else []


def become(arguments: list[str], folder: Path | None = None) -> None:
    """Go on as the Python of .venv, so that signals and the exit code are its own."""
    if folder:
        os.chdir(folder)
    paths = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(paths)}
    command = [str(PYTHON), *arguments]
    if os.name == "nt":
        sys.exit(subprocess.call(command, env=environment))
    sys.stdout.flush()
    os.execve(command[0], command, environment)


def runs(*command: str | Path) -> bool:
    """Whether a program ends well. What it says is shown."""
    return subprocess.call([str(part) for part in command]) == 0


def quiet(*command: str | Path) -> bool:
    """Whether a program ends well. What it says is not shown."""
    sink = subprocess.DEVNULL
    try:
        return subprocess.call([str(part) for part in command], stdout=sink, stderr=sink) == 0
    except OSError:
        return False


def say(sentence: str) -> None:
    """Tell what happens."""
    print(sentence, file=sys.stderr, flush=True)


def stop(sentence: str) -> None:
    """Give up with a sentence."""
    sys.exit(sentence)


if __name__ == "__main__":
    main(sys.argv[1:])
