"""Training: the trainers of TRL, with what a run of ours has more: points, samples, checkpoints and an end."""

import json
import math
import os
import random
import time
import warnings
from pathlib import Path
from typing import Any

import torch
from datasets import Dataset
from transformers import PrinterCallback, TrainerCallback, set_seed
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer

from app.providers.engine import memory
from app.providers.engine.base import Base
from app.providers.engine.errors import Stop
from app.providers.engine.folder import Folder, count_bytes, replace_json, space_checkpoints
from app.providers.engine.masks import IGNORED, Masker, read_tools

# A sample answer is as long as this at most.
_SAMPLE_TOKENS, _SAMPLE_LETTERS = 64, 2_000
# The trainers use what their own libraries are about to rename.
warnings.filterwarnings("ignore", category=FutureWarning)
_NAMES = {
    "loss": "loss", "mean_token_accuracy": "token_accuracy", "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm", "num_tokens": "tokens",
}  # fmt: skip


class _Own:
    """What all three trainers do otherwise here."""

    def evaluate(self, *args: Any, **options: Any) -> Any:
        """Measure, and let chance go on as if nothing had been measured: a pause changes no curve."""
        with torch.random.fork_rng():
            return super().evaluate(*args, **options)  # type: ignore[misc]

    def create_model_card(self, *args: Any, **options: Any) -> None:
        """No card: the program writes one of its own for the result."""


class _SFT(_Own, SFTTrainer):
    def evaluation_loop(self, dataloader: Any, *args: Any, **options: Any) -> Any:
        """The loss of all trained tokens of the validation data, each counted alike: its power of e is the perplexity.

        The usual mean of the means of batches depends on which rows stand together.
        """
        from transformers.trainer_utils import EvalLoopOutput

        model = self.model.eval()
        total, right, tokens, rows = 0.0, 0.0, 0, 0
        for inputs in dataloader:
            inputs = self._prepare_inputs(inputs)
            count = int((inputs["labels"][:, 1:] != IGNORED).sum())
            with torch.no_grad(), self.compute_loss_context_manager():
                loss = self.compute_loss(model, inputs, num_items_in_batch=torch.tensor(1))
            total, tokens, rows = total + float(loss), tokens + count, rows + len(inputs["labels"])
            right += self._metrics["eval"]["mean_token_accuracy"][-1] * count
        self._metrics["eval"].clear()
        self._metrics["eval"]["mean_token_accuracy"] = [right / max(tokens, 1)]
        return EvalLoopOutput(None, None, {"eval_loss": total / max(tokens, 1)}, rows)


class _DPO(_Own, DPOTrainer):
    pass


class _KTO(_Own, KTOTrainer):
    pass


class Keeper(TrainerCallback):
    """Keeps what happens in the folder of the run, and ends the training where it is to end."""

    def __init__(self, folder: Folder, base: Base, samples: list[tuple[int, dict[str, Any]]]) -> None:
        self.folder, self.base, self.samples = folder, base, samples
        self.trainer: Any = None
        self.notes: list[str] = []
        self.ended = ""
        self.point: dict[str, Any] = {}
        points = list(folder.lines("metrics.jsonl"))
        last = points[-1] if points else {}
        self.seconds_before, self.tokens_before = last.get("seconds", 0.0), last.get("tokens", 0)
        self.measured = [(one["step"], one["validation_loss"]) for one in points if "validation_loss" in one]
        self.started = time.monotonic()

    @property
    def best(self) -> tuple[int, float] | None:
        """The step with the least validation loss among those that get a checkpoint, the first of equals."""
        return min((one for one in self.measured if one[0]), key=lambda one: one[1], default=None)

    def on_train_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.started = time.monotonic()
        self.folder.tell(phase="training", step=state.global_step, steps=state.max_steps, epoch=_round(state.epoch))
        if not state.global_step:
            self._write_samples(0)

    def on_step_begin(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if self.folder.state["phase"] != "training":
            self.folder.tell(phase="training")

    def on_step_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        self.folder.tell(step=state.global_step, epoch=_round(state.epoch))
        word = self.folder.take_control()
        if word == "cancel":
            self.ended = "cancelled"
            control.should_training_stop, control.should_save, control.should_evaluate = True, False, False
        elif word == "pause" and state.global_step < state.max_steps:
            self.ended = "paused"
            control.should_training_stop = control.should_save = True
        elif state.global_step >= state.max_steps:
            control.should_save = True
            control.should_evaluate = self.trainer.eval_dataset is not None

    def on_epoch_end(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        if not self.ended:
            self.folder.event("epoch", f"Epoch {round(state.epoch)} of {math.ceil(args.num_train_epochs)} is done.")

    def on_log(self, args: Any, state: Any, control: Any, logs: dict[str, Any] | None = None, **_: Any) -> None:
        logs = logs or {}
        if "train_runtime" in logs:
            return
        if "loss" in logs:
            self.point = {_NAMES[name]: value for name, value in logs.items() if name in _NAMES}
            if not math.isfinite(self.point["loss"]):
                raise Stop(
                    "diverged",
                    f"The loss is no number any more at step {state.global_step:,}. A smaller learning rate may help.",
                )
            self.point["tokens"] = int(self.point.get("tokens", 0)) + self.tokens_before
            if not control.should_evaluate:
                self._write_point(state)
            else:
                self.folder.tell(phase="evaluating")
        elif "eval_loss" in logs:
            self.point |= {"validation_loss": logs["eval_loss"]}
            if "eval_mean_token_accuracy" in logs:
                self.point["validation_token_accuracy"] = logs["eval_mean_token_accuracy"]
            if not math.isfinite(logs["eval_loss"]):
                raise Stop("diverged", f"The validation loss is no number any more at step {state.global_step:,}.")
            self._write_point(state)
            self._compare(state.global_step, logs["eval_loss"], control)

    def _write_point(self, state: Any) -> None:
        seconds = round(self.seconds_before + time.monotonic() - self.started, 3)
        head = {"step": state.global_step, "epoch": _round(state.epoch), "seconds": seconds}
        here = {"memory_mb": memory.used_mb(self.base.device)}
        finite = {name: value for name, value in self.point.items() if math.isfinite(value)}
        self.folder.append("metrics.jsonl", {**head, **finite, **here})
        self.point = {}

    def _compare(self, step: int, loss: float, control: Any) -> None:
        before = self.best
        self.measured.append((step, loss))
        best = self.best
        if best is not None and best != before:
            self.folder.tell(best={"step": best[0], "validation_loss": best[1]})
            if before is not None:
                self.folder.event("best", f"Step {step:,} is the best so far: validation loss {loss:.4f}.")
        patience = self.folder.settings["patience"]
        if patience and step and best is not None:
            waited = sum(1 for one, _ in self.measured if one > best[0])
            if waited >= patience and not self.ended and step < self.trainer.state.max_steps:
                self.ended = "stopped_early"
                control.should_training_stop = control.should_save = True

    def on_save(self, args: Any, state: Any, control: Any, **_: Any) -> None:
        step = state.global_step
        self.folder.tell(phase="saving")
        if self.ended != "paused":
            self._write_samples(step)
        for name in ("metrics.jsonl", "samples.jsonl"):
            if (self.folder.path / name).exists():
                with (self.folder.path / name).open("rb+") as file:
                    os.fsync(file.fileno())
        path = self.folder.checkpoint_path(step)
        Path(args.output_dir, f"checkpoint-{step}").rename(path)
        for file_path in path.iterdir():
            with file_path.open("rb+") as file:
                os.fsync(file.fileno())
        loss = next((loss for at, loss in self.measured if at == step), None)
        replace_json(path / "complete.json", {"step": step, "validation_loss": loss, "bytes": count_bytes(path)})
        self.folder.event("checkpoint", f"Step {step:,} is kept as a checkpoint of {count_bytes(path) / 1e6:,.1f} MB.")
        self._prune()

    def _prune(self) -> None:
        """Remove all checkpoints but the last ones and the best."""
        steps = list(self.folder.checkpoints())
        keep = set(steps[-max(self.folder.settings["keep_last"], 1) :])
        if self.best is not None:
            keep.add(self.best[0])
        for step in steps:
            if step not in keep:
                size = count_bytes(self.folder.checkpoint_path(step))
                self.folder.remove_checkpoint(step)
                freed = f"{size / 1e6:,.1f} MB"
                self.folder.event("removed", f"The checkpoint of step {step:,} is removed, which frees {freed}.")

    def _write_samples(self, step: int) -> None:
        """Answer the chosen questions, without chance."""
        tokenizer, model = self.base.tokenizer, self.trainer.model
        was_training = model.training
        model.eval()
        try:
            for entry, row in self.samples:
                asked, reference = split_question(row)
                inputs = tokenizer.apply_chat_template(
                    asked, tools=read_tools(row), add_generation_prompt=True, return_tensors="pt", return_dict=True
                )
                most = self.folder.settings["max_tokens"]
                inputs = {key: value[:, -most:].to(model.device) for key, value in inputs.items()}
                with torch.no_grad(), torch.random.fork_rng(), self.trainer.compute_loss_context_manager():
                    said = model.generate(
                        **inputs, max_new_tokens=_SAMPLE_TOKENS, do_sample=False, use_cache=True,
                        pad_token_id=tokenizer.pad_token_id,
                    )  # fmt: skip
                answer = tokenizer.decode(said[0][inputs["input_ids"].shape[1] :], skip_special_tokens=True)
                self.folder.append(
                    "samples.jsonl",
                    {
                        "step": step, "entry": entry, "question": asked[-1].get("content") or "",
                        "answer": answer[:_SAMPLE_LETTERS], "reference": reference[:_SAMPLE_LETTERS],
                    },
                )  # fmt: skip
        finally:
            model.train(was_training)


def _round(epoch: float | None) -> float:
    return round(epoch or 0.0, 4)


def split_question(row: dict[str, Any]) -> tuple[list[dict[str, Any]], str]:
    """What is asked in a row, up to its last answer, and that answer."""
    if "messages" not in row:
        [*_, answer] = row.get("completion") or row["chosen"]
        return row["prompt"], answer.get("content") or ""
    messages = row["messages"]
    last = max((at for at, one in enumerate(messages) if one["role"] == "assistant"), default=len(messages))
    answer = messages[last].get("content") or "" if last < len(messages) else ""
    return messages[:last] or messages, answer


def choose_samples(rows: list[dict[str, Any]], number: int, seed: int) -> list[tuple[int, dict[str, Any]]]:
    """Some rows by chance that the seed fixes, each with its place from 1 on."""
    places = sorted(random.Random(seed).sample(range(len(rows)), min(number, len(rows))))
    return [(at + 1, rows[at]) for at in places]


def make_trainer(folder: Folder, base: Base) -> tuple[Any, Keeper]:
    """The trainer of a run, ready to start, and what keeps its traces."""
    settings, method = folder.settings, folder.method
    rows = {name: folder.rows(name) for name in ("train", "validation")}
    if not rows["train"]:
        raise Stop("no_data", "There are no rows to train on: data/train.jsonl is empty.")
    if method == "kto" and settings["batch_size"] < 2:
        raise Stop("batch_too_small", "KTO compares the rows of a batch: set a batch size of 2 or more.")
    notes: list[str] = []
    train, validation = (_make_dataset(folder, base, name, found, notes) for name, found in rows.items())
    every = space_checkpoints(len(train), settings)
    classes: dict[str, tuple[Any, Any]] = {"dpo": (_DPO, DPOConfig), "kto": (_KTO, KTOConfig)}
    make, configure = classes.get(method, (_SFT, SFTConfig))
    warmup = settings["warmup_steps"]
    options: dict[str, Any] = {
        "output_dir": str(folder.checkpoints_path), "max_length": settings["max_tokens"],
        "num_train_epochs": settings["epochs"], "per_device_train_batch_size": settings["batch_size"],
        "per_device_eval_batch_size": settings["batch_size"], "gradient_accumulation_steps": settings["accumulation"],
        "learning_rate": settings["learning_rate"], "weight_decay": settings["weight_decay"], "warmup_steps": warmup,
        "lr_scheduler_type": "constant_with_warmup" if settings["scheduler"] == "constant" else settings["scheduler"],
        "logging_steps": 1, "logging_nan_inf_filter": False, "save_strategy": "steps", "save_steps": every,
        "eval_strategy": "no" if validation is None else "steps", "eval_steps": every,
        "seed": folder.spec["seed"], "data_seed": folder.spec["seed"], "use_cpu": base.device == "cpu",
        "bf16": base.precision == "bf16", "fp16": base.precision == "fp16", "report_to": "none", "disable_tqdm": True,
        "activation_checkpointing": base.device != "cpu" and folder.base["kind"] != "toy", "push_to_hub": False,
        "dataloader_num_workers": 0, "dataloader_pin_memory": base.device == "cuda",
    }  # fmt: skip
    more: dict[str, Any] = {}
    if method in ("dpo", "kto"):
        options["beta"] = settings["beta"]
        if not base.has_adapter:
            more["ref_model"] = base.load()
    set_seed(folder.spec["seed"])
    keeper = Keeper(folder, base, choose_samples(rows["validation"], settings["samples"], folder.spec["seed"]))
    trainer = make(
        model=base.load(),
        args=configure(**options),
        train_dataset=train,
        eval_dataset=validation,
        processing_class=base.tokenizer,
        peft_config=base.adapter(),
        callbacks=[keeper],
        **more,
    )
    keeper.trainer, keeper.notes = trainer, notes
    trainer.remove_callback(PrinterCallback)
    return trainer, keeper


def _make_dataset(folder: Folder, base: Base, name: str, rows: list[dict[str, Any]], notes: list[str]) -> Any:
    """The rows as a trainer takes them, None where there are none; what is to be told of them goes to the notes."""
    if not rows:
        return None
    if folder.method in ("dpo", "kto"):
        # Values of several types in one column, as arguments of tools have them, stay as they are.
        return Dataset.from_list(rows, on_mixed_types="use_json")
    masker = Masker(base.tokenizer, folder.settings["trains"], folder.settings["max_tokens"])
    masked = [masker.mask(row) for row in rows]
    kept = [one for one in masked if any(one.trained)]
    if len(kept) < len(rows):
        left_out = f"{len(rows) - len(kept):,} of {len(rows):,} {name} rows"
        notes.append(f"{left_out} have no trained token and are left out.")
    if not kept:
        raise Stop("no_data", f"No row of data/{name}.jsonl has a trained token among its first {masker.max_tokens:,}.")
    labels = [
        [token if is_trained else IGNORED for token, is_trained in zip(one.tokens, one.trained, strict=True)]
        for one in kept
    ]
    return Dataset.from_dict({"input_ids": [one.tokens for one in kept], "labels": labels})


def estimate(folder: Folder) -> dict[str, Any]:
    """What a run would need, tried by a step where its weights have room, and whether it fits."""
    found: dict[str, Any] = {"seconds_per_step": None, "steps": None, "fits": True, "why": ""}
    try:
        base = Base(folder)
        available = memory.available_mb(base.device)
        memory.require_room(memory.reckon_mb(base), available, "its weights and what is learned of them")
        trainer, _ = make_trainer(folder, base)
        needed, seconds = memory.try_step(trainer, base)
        found |= {"memory_mb": needed, "available_mb": available}
        found |= {"seconds_per_step": round(seconds, 3), "steps": count_steps(trainer)}
        memory.require_room(needed, available, "a step of its longest rows")
    except memory.TooLittle as stop:
        found |= {"memory_mb": stop.needed, "available_mb": stop.available, "fits": False, "why": str(stop)}
    return found


def count_steps(trainer: Any) -> int:
    """The steps of a whole run."""
    batches = len(trainer.get_train_dataloader())
    steps: int = math.ceil(batches / trainer.args.gradient_accumulation_steps) * trainer.args.num_train_epochs
    return steps


def train(folder: Folder, base: Base, newest: int) -> str:
    """Train to the end, or until somebody wants otherwise; returns done, paused or cancelled.

    ``newest`` is the step of the checkpoint to go on from, -1 where there is none.
    """
    folder.tell(phase="estimating", device=base.device)
    available = memory.available_mb(base.device)
    memory.require_room(memory.reckon_mb(base), available, "its weights and what is learned of them")
    trainer, keeper = make_trainer(folder, base)
    needed, _ = memory.try_step(trainer, base)
    memory.require_room(needed, available, "a step of its longest rows")
    if newest < 0:
        steps = count_steps(trainer)
        folder.event("started", f"Training starts: {steps:,} steps on {base.device} in {base.precision}.")
        for note in keeper.notes:
            folder.event("note", note)
        folder.event("memory", f"A step of the longest rows takes {needed:,} MB, and {available:,} MB are free.")
    else:
        folder.event("resumed", f"Training goes on from the checkpoint of step {newest:,}.")
    if keeper.best is not None:
        folder.state["best"] = {"step": keeper.best[0], "validation_loss": keeper.best[1]}
    trainer.args.eval_on_start = newest < 0 and trainer.eval_dataset is not None
    set_seed(folder.spec["seed"])
    trainer.train(resume_from_checkpoint=str(folder.checkpoint_path(newest)) if newest >= 0 else None)
    ended, step = keeper.ended, trainer.state.global_step
    if ended == "cancelled":
        folder.event("cancelled", f"Cancelled at step {step:,}. The checkpoints stay.")
    elif ended == "paused":
        folder.event("paused", f"Paused at step {step:,}; it goes on from there.")
    else:
        if ended == "stopped_early":
            patience = folder.settings["patience"]
            folder.event("stopped_early", f"Stopped at step {step:,}, after {patience} validations without a gain.")
        from app.providers.engine.results import write_result

        folder.tell(phase="saving")
        write_result(folder, base, keeper.best[0] if keeper.best is not None else step)
        best = f" The best checkpoint is that of step {keeper.best[0]:,}." if keeper.best is not None else ""
        folder.event("done", f"Trained {step:,} steps.{best}")
        ended = "done"
    folder.tell(phase=ended, step=step, message=next(reversed(list(folder.lines("events.jsonl"))))["message"])
    return ended


def mask_rows(folder: Folder, number: int) -> None:
    """Print of the first training rows which tokens are trained, a JSON line for each."""
    masker = Masker(Base(folder).tokenizer, folder.settings["trains"], folder.settings["max_tokens"])
    for row in folder.rows("train")[:number]:
        found = masker.mask(row)
        said = {"tokens": found.tokens, "trained": [int(one) for one in found.trained], "text_spans": found.spans}
        print(json.dumps({**said, "text": found.text}, ensure_ascii=False))  # noqa: T201 (it is what was asked for)
