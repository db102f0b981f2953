"""What makes a bundle run by itself: the script, the sums of its files, and the page that people read first."""

import hashlib
import shlex
from collections.abc import Iterable

from app.core.bundles.base import Facts
from app.core.bundles.training.base import Trainer, base_model, name_run
from app.core.text import plural
from app.core.training import METHODS, RunSpec

SCRIPT, SUMS, README, REQUIREMENTS = "train.sh", "SHA256SUMS", "README.md", "requirements.txt"
_SCRIPT = """\
#!/bin/sh
# Checks the files, installs what requirements.txt names into .venv, trains. It can be called again after a stop.
#   MODEL=FOLDER sh train.sh    takes another folder or name for the base model
#   PYTHON=PATH sh train.sh     takes a Python that has the packages, and installs nothing
set -eu
cd "$(dirname "$0")"
if command -v sha256sum >/dev/null; then sha256sum -c {sums}; else shasum -a 256 -c {sums}; fi
if [ -z "${{PYTHON:-}}" ]; then
    PYTHON=.venv/bin/python
    [ -x "$PYTHON" ] || python3 -m venv .venv
    "$PYTHON" -m pip install -r {requirements}
fi
{before}exec {command}
"""


def write_files(trainer: Trainer, spec: RunSpec, run_json: bytes, facts: Facts, bring_back: str) -> dict[str, bytes]:
    """The files of a bundle beside its data, by path. ``bring_back`` is the command that takes its metrics in."""
    run = name_run(run_json)
    texts = {
        SCRIPT: _write_script(trainer, spec),
        REQUIREMENTS: _write_requirements(trainer, spec),
        README: _write_readme(trainer, spec, facts, run, bring_back),
        **trainer.write(spec, facts, run),
    }
    files = {"run.json": run_json, **{path: text.encode() for path, text in texts.items()}}
    digests = {part.path: part.sha256 for part in facts.parts}
    digests |= {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    files[SUMS] = "".join(f"{digest}  {path}\n" for path, digest in sorted(digests.items())).encode()
    return files


def _write_script(trainer: Trainer, spec: RunSpec) -> str:
    before, command = "", trainer.command
    if trainer.name == "mlx" and spec.method == "qlora":
        # Its weights are made smaller once; adapters are trained on those.
        before = f'[ -n "${{MODEL:-}}" ] || MODEL={shlex.quote(base_model(spec))}\n'
        before += '[ -d model-4bit ] || "$PYTHON" -m mlx_lm convert --hf-path "$MODEL" -q --mlx-path model-4bit\n'
        command = '"$PYTHON" train.py'
    return _SCRIPT.format(sums=SUMS, requirements=REQUIREMENTS, before=before, command=command)


def _write_requirements(trainer: Trainer, spec: RunSpec) -> str:
    lines = list(trainer.requirements)
    if spec.method == "qlora" and trainer.name in ("trl", "llama-factory", "ms-swift"):
        lines.append("bitsandbytes==0.50.2")
    return "\n".join([*lines, ""])


def _write_readme(trainer: Trainer, spec: RunSpec, facts: Facts, run: str, bring_back: str) -> str:
    settings, data = spec.settings, spec.snapshot
    said = {name: text.format(run=run) for name, text in (("metrics", trainer.metrics), ("result", trainer.result))}
    rows = "".join(f"| {part.path} | {part.split} | {part.rows:,} | {part.bytes:,} |\n" for part in facts.parts)
    base = "a toy model that is made here" if spec.base.kind == "toy" else base_model(spec)
    licence = f" Its licence, as confirmed when the run was made: {spec.base.licence}." if spec.base.licence else ""
    notes = list(_notes(trainer, spec))
    return f"""\
# {facts.title}

A run of LLM Training Tools to be trained on another machine, with {trainer.title} {trainer.version}.

    sh train.sh

This checks the files, installs `requirements.txt` into `.venv`, and trains. Called again after a stop, it \
{trainer.resumes}. Meant for: {trainer.system}.

- `MODEL=FOLDER sh train.sh` takes a base model from there.
- `PYTHON=PATH sh train.sh` takes a Python that has the packages, and installs nothing.

## What comes of it

- The model: `{said["result"]}`
- What was measured: {said["metrics"]}

Bring what was measured back by dropping each file on the page of the run, or by

    {bring_back}

## What is trained

- Data: {data.dataset}, snapshot v{data.number}{f" “{data.name}”" if data.name else ""}, \
{plural(data.records, "pair")}, hash `{data.hash}`
- Base model: {base}.{licence}
- Method: {METHODS[spec.method]}, {plural(settings.epochs, "epoch")}, learning rate {settings.learning_rate:g}, \
{settings.batch_size} × {settings.accumulation} rows a step, texts of {settings.max_tokens:,} tokens at most, \
seed {spec.seed}
- The run: `{run}`; all of its settings stand in `run.json`

| file | split | rows | bytes |
|---|---|---|---|
{rows}
The test split is not here: nothing is trained or chosen on it. Whoever gets this folder gets the texts of the data.

## What was tried

{trainer.checked}
{"".join(f"{chr(10)}{note}{chr(10)}" for note in notes)}"""


def _notes(trainer: Trainer, spec: RunSpec) -> Iterable[str]:
    if note := trainer.trains[spec.settings.trains]:
        yield note
    if spec.settings.patience and trainer.name == "mlx":
        yield f"{trainer.title} does not stop early here: it trains all epochs."
    if spec.base.kind == "folder":
        yield "The base model is not in this bundle. Take its folder along, and say where it lies by `MODEL`."
