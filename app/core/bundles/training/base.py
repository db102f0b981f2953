"""What all bundles for training share: what a trainer can do, and how a run is told from another."""

import hashlib
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from app.core.bundles.base import Facts
from app.core.bundles.features import yaml_text
from app.core.training import RunSpec

_SCRIPTS = Path(__file__).parent / "scripts"
# Where data lies in a bundle.
DATA = "data"


@dataclass(frozen=True)
class Trainer:
    """One program that trains from a bundle, of the ``version`` that its requirements pin.

    ``targets`` maps each method that it can to the export target that its data is written for, ``trains`` each choice
    of what is learned to a word of warning, empty where it is learned just so. ``files`` are its data by split,
    ``command`` is the line of ``train.sh`` that trains; ``write`` makes its configuration, by path. ``metrics`` is the
    file to bring back, ``result`` where its model lies. ``resumes`` says what happens where the command is given
    again. ``checked`` is how and when all this was tried.
    """

    name: str
    title: str
    version: str
    requirements: tuple[str, ...]
    targets: Mapping[str, str]
    trains: Mapping[str, str]
    files: Mapping[str, str]
    command: str
    write: Callable[[RunSpec, Facts, str], Mapping[str, str]]
    metrics: str
    result: str
    resumes: str
    checked: str
    has_toy: bool = False
    system: str = "Linux with an NVIDIA GPU"


def name_run(run_json: bytes) -> str:
    """What tells a run from all others: the beginning of the SHA-256 of its ``run.json``."""
    return hashlib.sha256(run_json).hexdigest()[:16]


def read_script(name: str) -> str:
    """The text of a script that goes into bundles."""
    return (_SCRIPTS / name).read_text(encoding="utf-8")


def base_model(spec: RunSpec) -> str:
    """What programs are told to load: a folder where the base is one, else a name on the Hub."""
    return spec.base.path or spec.base.name


def write_yaml(title: Iterable[str], values: Mapping[str, Any], rest: Iterable[str] = ()) -> str:
    """Settings as YAML, with a comment before and lines of their own after them. What is None is left out."""
    lines = [f"# {line}" for line in title]
    lines += [f"{name}: {_yaml_value(value)}" for name, value in values.items() if value is not None]
    return "\n".join([*lines, *rest, ""])


def _yaml_value(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        # YAML 1.1 takes 1e-05 for a text: a number there has a point.
        return re.sub(r"^(-?\d+)e", r"\1.0e", repr(value))
    if isinstance(value, (list, tuple)):
        return f"[{', '.join(_yaml_value(one) for one in value)}]"
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{name}: {_yaml_value(one)}" for name, one in value.items()) + "}"
    return yaml_text(value) if isinstance(value, str) else str(value)
