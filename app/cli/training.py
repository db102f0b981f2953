"""``ltt train``, ``ltt runs``, ``ltt run`` and ``ltt serve-model``."""

import json
import shutil
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import click

from app.cli.files import refuse_live
from app.cli.options import takes_options
from app.cli.progress import show_progress
from app.cli.workspace import open_workspace
from app.core.bundles.training import TRAINERS
from app.core.connections import TUNED_PORT
from app.core.errors import BadUsage, Conflict, NotFound
from app.core.text import plural
from app.core.training import METHODS, change_settings
from app.models import TrainingRun
from app.services import datasets, runners, running, snapshots
from app.services import training as service
from app.services.training import Quote, RunChoices, RunPlan, hosted

CHOSEN = ("snapshot", "where", "base", "licence", "seed", "held_out", "name", "note", "override", "price", "confirmed")
ACTIONS = (
    "show",
    "pause",
    "resume",
    "cancel",
    "bundle",
    "import-metrics",
    "record",
    "merge",
    "gguf",
    "delete",
    "delete-checkpoints",
    "delete-uploads",
)


@click.command()
@click.argument("dataset", metavar="[D]", default="")
@takes_options(RunChoices, "choices", only=CHOSEN, dataset_id=0)
@click.option("--method", type=click.Choice(list(METHODS)), help="How to train.  [default: full for a toy, else lora]")
@click.option(
    "--set", "said", metavar="KEY=VALUE", multiple=True, help="Another value of a setting; --plan lists them."
)
@click.option("--sweep", metavar="KEY=V,V…", multiple=True, help="A run for each value, 2 to 8 in all.")
@click.option("--out", type=click.Path(path_type=Path), help="Put what came of it here as well: a folder.")
@click.option(
    "--trainer", type=click.Choice(list(TRAINERS)), default="trl", help="Of a bundle in --out.  [default: trl]"
)
@click.option("--plan", is_flag=True, help="Print what would run and what it needs, and do nothing.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def train(
    dataset: str,
    choices: RunChoices,
    method: str | None,
    said: tuple[str, ...],
    sweep: tuple[str, ...],
    out: Path | None,
    trainer: str,
    plan: bool,
    as_json: bool,
) -> int | None:
    """Train a model on a snapshot of dataset D, on this computer, elsewhere, or as a bundle to take away."""
    with open_workspace():
        running.interrupt_dead()
        dataset_id, which = _find_data(dataset, choices.snapshot)
        usual = service.usual_choices(dataset_id, base=choices.base)
        settings = change_settings(usual.settings, said)
        choices = replace(
            choices, dataset_id=dataset_id, snapshot=which, method=method or usual.method, settings=settings
        )
        if plan:
            found = service.plan_run(choices, over=_read_sweep(sweep))
            click.echo(json.dumps(found.as_dict(), ensure_ascii=False) if as_json else _say_plan(found))
            return 1 if found.is_blocked else 0
        if out is not None and out.exists() and (out.is_file() or any(out.iterdir())):
            raise BadUsage(f"{out} is there already. Name a folder that is empty or that there is not.")
        made = _make_runs(choices, sweep)
        show = show_progress if sys.stderr.isatty() else None
        ended = []
        for run_id in made:
            try:
                ended.append(service.start_run(run_id, here=True, show=show))
            except KeyboardInterrupt:
                click.echo(f"\nRun {run_id} is paused. Go on with: ltt run {run_id} resume", err=True)
                return 130
        if out is not None:
            _copy_result(ended[-1], out, trainer)
        told = [service.as_dict(run) for run in ended]
    if as_json:
        click.echo(json.dumps(told[0] if len(told) == 1 else {"runs": told}, ensure_ascii=False))
    else:
        for one in told:
            click.echo(_say_run(one))
    return None


def _find_data(dataset: str, snapshot: str) -> tuple[int, str]:
    """The dataset and the snapshot that are meant; a snapshot alone is looked for in all datasets."""
    if dataset:
        return datasets.find_dataset(dataset).id, snapshot
    if not snapshot:
        raise BadUsage("Say on what to train: a dataset, or --snapshot S.")
    found = []
    for one in (*datasets.list_datasets(), *datasets.list_datasets(archived=True)):
        try:
            found.append((one, snapshots.find_snapshot(one.id, snapshot)))
        except NotFound:
            continue
    if len(found) == 1:
        return found[0][0].id, snapshot
    if not found:
        raise NotFound(f"No dataset has a snapshot {snapshot!r}.", snapshot=snapshot)
    raise BadUsage(f"{plural(len(found), 'dataset')} have a snapshot {snapshot!r}. Name the dataset as well.")


def _make_runs(choices: RunChoices, sweep: tuple[str, ...]) -> list[int]:
    over = _read_sweep(sweep)
    try:
        if not over:
            return [service.create_run(choices).id]
        return [run.id for run in service.create_sweep(choices, over)]
    except Conflict as error:
        said = {"findings": "--override REASON", "not_confirmed": f"--confirm '{error.details.get('sum')}'"}
        if error.code not in said:
            raise
        told = f"{error.message.rstrip('.')} ({said[error.code]})."
        raise Conflict(told, code=error.code, **error.details) from error


def _read_sweep(sweep: tuple[str, ...]) -> dict[str, list[str]]:
    """The values of each setting that a sweep goes over."""
    over = {}
    for one in sweep:
        name, sign, values = one.partition("=")
        if not sign:
            raise BadUsage(f"{one!r} is not KEY=VALUE,VALUE.")
        over[name.strip().replace("-", "_")] = [value.strip() for value in values.split(",") if value.strip()]
    return over


def _copy_result(run: TrainingRun, out: Path, trainer: str) -> None:
    result = service.folder_of(run) / "result"
    if run.state == "done" and result.is_dir():
        shutil.copytree(result, out, dirs_exist_ok=True)
    elif run.place == "bundle":
        service.write_bundle(run.id, trainer, out)


def _say_plan(plan: RunPlan) -> str:
    told, survey = plan.as_dict(), plan.survey
    snapshot = f"snapshot {told['snapshot']}" if told["snapshot"] else "a snapshot that is made of it as it is"
    splits = ", ".join(f"{number:,} {name}" for name, number in survey.splits.items())
    lines = [
        f"{plan.dataset.name}, {snapshot}: {splits}",
        f"{told['base']['name']}, {METHODS[plan.choices.method]}, {plan.choices.where}",
        *_say_steps(plan),
        *(f"must be fixed: {one.title} ({one.records:,}). {one.said}" for one in survey.blocking),
        *(f"stands in the way: {one.message}" for one in plan.refusals),
        *(f"note: {one}" for one in plan.notes),
        *(f"note: {one.message}" for one in plan.obstacles if not one.blocking and one.message),
        *_say_quote(plan.quote),
        *(f"recommended: {one.name} {one.value} ({one.reason})" for one in plan.recommended),
        plan.command,
    ]
    return "\n".join(lines)


def _say_steps(plan: RunPlan) -> list[str]:
    least, most = min(plan.steps_swept), max(plan.steps_swept)
    each = f"{plan.steps_per_epoch:,} an epoch"
    every = f"one every {plural(plan.checkpoint_every, 'step') if plan.checkpoint_every > 1 else 'step'}"
    if not plan.swept:
        return [f"{plural(plan.steps, 'step')}, {each}", f"{plural(plan.checkpoints, 'checkpoint')}, {every}"]
    steps = f"{least:,} to {most:,} steps" if least < most else plural(most, "step")
    return [f"{len(plan.swept)} runs of {steps}, {each}", f"checkpoints, {every}"]


def _say_quote(quote: Quote | None) -> list[str]:
    """What a run at a service costs, and what to say to start it."""
    if quote is None:
        return []
    if quote.amount is None:
        return [f"cost: not known. {quote.missing}"]
    return [
        f"cost: {quote.formula}",
        f"goes to: {quote.sends}",
        *(f"note: {one}" for one in quote.notes),
        f"start it with: --confirm '{quote.sum}'",
    ]


def _say_run(told: dict[str, Any]) -> str:
    best = told["best"]
    measured = f", best {best['validation_loss']:.4f} at step {best['step']:,}" if best else ""
    of = f" of {told['steps']:,}" if told["steps"] else ""
    name = f" {told['name']}" if told["name"] else ""
    why = f"  {told['message']}" if told["message"] and told["state"] != "done" else ""
    return f"{told['run']:>6}  {told['state']:<12}{told['snapshot']}{name}  step {told['step']:,}{of}{measured}{why}"


@click.command()
@click.argument("dataset", metavar="[D]", default="")
@click.option("--limit", type=click.IntRange(1, 1000), default=50, show_default=True, help="How many.")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def runs(dataset: str, limit: int, as_json: bool) -> None:
    """List training runs, newest first: of dataset D, or of all."""
    with open_workspace():
        dataset_id = datasets.find_dataset(dataset).id if dataset else None
        told = [service.as_dict(run) for run in service.list_runs(dataset_id, size=limit)]
    if as_json:
        click.echo(json.dumps({"runs": told}, ensure_ascii=False))
        return
    for one in told:
        click.echo(_say_run(one))


@click.command()
@click.argument("run_id", metavar="N", type=int)
@click.argument("action", metavar="[ACTION]", type=click.Choice(ACTIONS), default="show")
@click.argument("target", metavar="[FILE|FOLDER]", type=click.Path(path_type=Path), required=False)
@click.option("--trainer", type=click.Choice(list(TRAINERS)), default="trl", help="Of a bundle.  [default: trl]")
@click.option("--json", "as_json", is_flag=True, help="Print one JSON object.")
def run(run_id: int, action: str, target: Path | None, trainer: str, as_json: bool) -> None:
    """Show training run N, or do with it: pause, resume, cancel, bundle FOLDER|FILE.zip, import-metrics FILE,
    record FOLDER (run.json, card, what was measured), merge FOLDER, gguf FILE, delete, delete-checkpoints,
    delete-uploads (the files that it sent to a service)."""
    if (target is None) == (action in ("bundle", "import-metrics", "record", "merge", "gguf")):
        raise BadUsage(f"`ltt run N {action}` takes {'a file or a folder' if target is None else 'nothing more'}.")
    with open_workspace():
        running.interrupt_dead()
        said: dict[str, Any] = {}
        if action == "pause":
            service.pause_run(run_id)
        elif action == "cancel":
            service.cancel_run(run_id)
        elif action == "resume":
            show = show_progress if sys.stderr.isatty() else None
            service.resume_run(run_id, here=not runners.any_worker(), show=show)
        elif action == "bundle" and target is not None:
            said = {"bundle": service.write_bundle(run_id, trainer, target).as_dict()}
        elif action == "import-metrics" and target is not None:
            refuse_live(target, "Name the file of metrics.")
            service.import_metrics(run_id, target)
        elif action == "record" and target is not None:
            said = {"files": service.write_record(run_id, target)}
        elif action in ("merge", "gguf") and target is not None:
            said = dict(service.make_of_result(run_id, action, target))
        elif action in ("delete", "delete-checkpoints"):
            freed = service.delete_run(run_id) if action == "delete" else service.delete_checkpoints(run_id)
            said = {"run": run_id, "freed_bytes": freed}
        elif action == "delete-uploads":
            said = {"deleted": hosted.delete_uploads(run_id)}
        told = said if action == "delete" else {**service.as_dict(service.require_run(run_id)), **said}
    if as_json:
        click.echo(json.dumps(told, ensure_ascii=False))
    elif "freed_bytes" in said:
        click.echo(f"Deleted, {said['freed_bytes'] / 1e6:,.1f} MB are free again.", err=True)
    else:
        click.echo(_say_run(told))


@click.command()
@click.argument("model", metavar="MODEL_FOLDER|RUN")
@click.option("--port", type=click.IntRange(1, 65535), default=TUNED_PORT, show_default=True, help="On which port.")
@click.option(
    "--checkpoint", type=click.IntRange(0), help="Which checkpoint of a run, by its step.  [default: the best]"
)
def serve_model(model: str, port: int, checkpoint: int | None) -> int:
    """Answer with a tuned model on this computer, as an OpenAI-compatible endpoint that other programs can use."""
    with open_workspace():
        folder = Path(model)
        if model.isdecimal() and not folder.is_dir():
            folder = service.folder_of(service.require_run(int(model)))
        server = service.serve_model(folder, port, checkpoint)
    try:
        return server.wait()
    except KeyboardInterrupt:
        # Ctrl+C reaches the server as well.
        server.wait()
        return 0
