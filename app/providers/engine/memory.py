"""How much memory a run needs, and how much there is."""

import os
import sys
import time
from pathlib import Path
from typing import TYPE_CHECKING, Any

from app.providers.engine.errors import Stop

if TYPE_CHECKING:
    from app.providers.engine.base import Base

MB = 1024 * 1024
# Python with PyTorch and the trainers, before there is a model.
_PROGRAM_MB = 700
# AdamW keeps two numbers of four bytes for each that is trained, beside its gradient.
_OPTIMIZER_BYTES, _GRADIENT_BYTES = 8, 4


class TooLittle(Stop):
    """There is less memory than a run needs; both in MB."""

    def __init__(self, needed: int, available: int, what: str) -> None:
        super().__init__(
            "too_little_memory",
            f"This run needs about {needed:,} MB of memory for {what}, and {available:,} MB can be had. "
            "Choose a smaller model, an adapter, a smaller batch or fewer tokens.",
        )
        self.needed, self.available = needed, available


def available_mb(device: str) -> int:
    """The memory of a device that can still be had, with what this process has already; a container's limit counts."""
    import psutil
    import torch

    if device == "cuda":
        free, _ = torch.cuda.mem_get_info()
        return int(free + torch.cuda.memory_reserved()) // MB
    if device == "mps":
        return int(torch.mps.recommended_max_memory()) // MB
    free = psutil.virtual_memory().available
    try:
        most = Path("/sys/fs/cgroup/memory.max").read_text(encoding="ascii").strip()
        used = int(Path("/sys/fs/cgroup/memory.current").read_text(encoding="ascii"))
        if most != "max":
            free = min(free, max(int(most) - used, 0))
    except (OSError, ValueError):
        pass
    return int(free + psutil.Process().memory_info().rss) // MB


def used_mb(device: str) -> int:
    """The memory that this process has of a device."""
    import psutil
    import torch

    if device == "cuda":
        return int(torch.cuda.memory_reserved()) // MB
    if device == "mps":
        return int(torch.mps.driver_allocated_memory()) // MB
    return int(psutil.Process().memory_info().rss) // MB


def peak_mb(device: str) -> int:
    """The most memory that this process has had of a device."""
    import torch

    if device == "cuda":
        return int(torch.cuda.max_memory_reserved()) // MB
    if device == "mps":
        return used_mb(device)
    if sys.platform == "linux":
        # What getrusage says is at least that of the process which started this one.
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) // 1024
    if os.name == "nt":
        import psutil

        return int(psutil.Process().memory_info().peak_wset) // MB
    import resource

    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return int(most // MB if sys.platform == "darwin" else most // 1024)


def require_room_for_weights(config: Any) -> None:
    """Raise TooLittle where a model cannot even be made, before its numbers are."""
    import torch
    from transformers import AutoModelForCausalLM

    with torch.device("meta"):
        numbers = sum(one.numel() for one in AutoModelForCausalLM.from_config(config).parameters())
    require_room(_PROGRAM_MB + numbers * 4 // MB, available_mb("cpu"), "its weights alone")


def reckon_mb(base: "Base") -> int:
    """The least that training takes, reckoned from the sizes of the model: weights, gradients and the optimizer's
    state. What is kept of each token for the way back comes to it."""
    empty = base.make_empty()
    numbers = sum(one.numel() for one in empty.parameters())
    has_half = base.has_adapter and base.precision != "fp32"
    weights = numbers / 2 * 1.1 if base.folder.method == "qlora" else numbers * (2 if has_half else 4)
    trained = numbers
    if base.has_adapter:
        from torch import nn

        layers = [one for one in empty.modules() if isinstance(one, nn.Linear)]
        trained = sum((one.in_features + one.out_features) * base.folder.settings["rank"] for one in layers)
    copies = 1 if base.folder.method in ("dpo", "kto") and not base.has_adapter else 0
    total = weights * (1 + copies) + trained * (_OPTIMIZER_BYTES + _GRADIENT_BYTES)
    return int(total) // MB + (_PROGRAM_MB if base.device == "cpu" else 0)


def require_room(needed: int, available: int, what: str) -> None:
    """Raise TooLittle where what is needed is more than there is."""
    if needed > available:
        raise TooLittle(needed, available, what)


def try_step(trainer: Any, base: "Base") -> tuple[int, float]:
    """The memory in MB at the most, and the seconds, of a step: one forth and back over the longest rows, then over
    the first. Nothing is learned, and chance goes on as if it had not been."""
    import torch

    rows = trainer.train_dataset
    size = min(trainer.args.per_device_train_batch_size, len(rows))
    names = [name for name in rows.column_names if name.endswith("_ids")]
    lengths = [sum(map(len, row)) for row in zip(*(rows[name] for name in names), strict=True)]
    longest = sorted(range(len(rows)), key=lambda at: -lengths[at])[:size]
    seconds = 0.0
    trainer.model.to(trainer.args.device)
    trainer.model.train()
    trainer.current_gradient_accumulation_steps = 1
    with torch.random.fork_rng():
        for chosen in (longest, range(size)):
            started = time.monotonic()
            kept = [{key: value for key, value in rows[at].items() if key in _columns(trainer)} for at in chosen]
            batch = trainer._prepare_inputs(trainer.data_collator(kept))
            with trainer.compute_loss_context_manager():
                loss = trainer.compute_loss(trainer.model, batch)
            loss.backward()
            seconds = time.monotonic() - started
    trainer.model.zero_grad(set_to_none=True)
    trained = sum(one.numel() for one in trainer.model.parameters() if one.requires_grad)
    # What was counted on the way is of no step.
    trainer._metrics["train"].clear()
    trainer._total_train_tokens = 0
    most = peak_mb(base.device) + trained * _OPTIMIZER_BYTES // MB
    return most, seconds * trainer.args.gradient_accumulation_steps


def _columns(trainer: Any) -> list[str]:
    trainer._set_signature_columns_if_needed()
    names: list[str] = trainer._signature_columns
    return names
