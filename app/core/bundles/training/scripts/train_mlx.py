"""Train with MLX-LM as mlx.yaml says, and write what is measured to metrics.jsonl; train.sh calls this."""

import hashlib
import json
import os
import sys
import time
from pathlib import Path

import yaml
from mlx_lm import lora
from mlx_lm.tuner import callbacks

HERE = Path(__file__).resolve().parent
RUN = hashlib.sha256((HERE / "run.json").read_bytes()).hexdigest()[:16]
SETTINGS = yaml.load((HERE / "mlx.yaml").read_text(encoding="utf-8"), lora.yaml_loader)
ROWS = sum(1 for _ in (HERE / "data" / "train.jsonl").open("rb"))


class Recorder(callbacks.TrainingCallback):
    """A line for each step that was measured. MLX counts batches; a step is made of several."""

    def __init__(self, **rest):
        self.points, self.began = {}, time.monotonic()

    def on_train_loss_report(self, told):
        """Training was measured."""
        self.note(
            told["iteration"],
            loss=told["train_loss"],
            learning_rate=told["learning_rate"],
            tokens=int(told["trained_tokens"]),
            memory_mb=int(told["peak_memory"] * 1e9) // 2**20,
        )

    def on_val_loss_report(self, told):
        """Validation was measured, before the batch that is named."""
        self.note(told["iteration"], validation_loss=told["val_loss"])

    def note(self, batches, **values):
        """Keep what was measured, and write all of it anew."""
        step = batches // SETTINGS["grad_accumulation_steps"]
        epoch = round(batches * SETTINGS["batch_size"] / ROWS, 4)
        seconds = round(time.monotonic() - self.began, 3)
        point = self.points.setdefault(step, {"run": RUN, "step": step, "epoch": epoch})
        point.update(seconds=seconds, **values)
        if batches == SETTINGS["iters"]:
            point["finished"] = True
        part = HERE / "metrics.jsonl.part"
        part.write_text("".join(f"{json.dumps(self.points[one])}\n" for one in sorted(self.points)), encoding="utf-8")
        os.replace(part, HERE / "metrics.jsonl")


if __name__ == "__main__":
    callbacks.SUPPORT_CALLBACK["file"] = Recorder
    sys.argv += ["--config", str(HERE / "mlx.yaml"), "--report-to", "file"]
    lora.main()
