"""What follows from the settings before anything runs: steps, checkpoints, and the same on the command line."""

from math import ceil

from app.core.options import command_line, encode
from app.core.training.settings import TrainingSettings, usual_settings
from app.core.training.spec import Base


def count_steps(rows: int, settings: TrainingSettings) -> tuple[int, int]:
    """The steps of one epoch, and those of all."""
    batches = ceil(rows / settings.batch_size)
    each = max(ceil(batches / settings.accumulation), 1) if rows else 0
    return each, each * settings.epochs


def number_checkpoints(rows: int, settings: TrainingSettings) -> tuple[int, int]:
    """After how many steps there is a checkpoint, and how many there will be; the last step has one as well."""
    each, total = count_steps(rows, settings)
    every = settings.checkpoint_every or max(ceil(each / 3), 1)
    return every, ceil(total / every)


def name_command(
    dataset: str, snapshot: str, where: str, base: Base, method: str, settings: TrainingSettings, *rest: str
) -> str:
    """``ltt train`` with what is not as usual; ``rest`` are more words."""
    usual = encode(usual_settings(base.kind, method))
    changed = {name: value for name, value in encode(settings).items() if value != usual[name]}
    words = ["train", dataset, *(("--snapshot", snapshot) if snapshot else ())]
    words += [word for pair in (("--where", where), ("--base", base.path or base.name)) for word in pair]
    words += ["--method", method]
    for name, value in changed.items():
        words += ["--set", f"{name}={say_setting(value)}"]
    return command_line(*words, *rest, one_line=False)


def say_setting(value: object) -> str:
    """The value of a setting as ``--set`` takes it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return f"{value:g}" if isinstance(value, float) else str(value)
