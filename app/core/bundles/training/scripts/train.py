"""Train as run.json says, on the rows in data/; train.sh calls this. What it writes:

checkpoints/   where it goes on when it is called again after a stop
metrics.jsonl  a line for each step that was measured: bring it back to see the curves
samples.jsonl  answers to some validation questions, at each checkpoint
result/        the best model or adapter, with its tokenizer
"""

# The model stands first: Unsloth must be imported before all else.
from model import load_model  # isort: skip

import argparse
import contextlib
import copy
import hashlib
import json
import math
import os
import shutil
import time
from pathlib import Path

import torch
from datasets import Dataset, load_dataset
from transformers import DataCollatorForSeq2Seq, EarlyStoppingCallback, TrainerCallback, set_seed
from trl import DPOConfig, DPOTrainer, KTOConfig, KTOTrainer, SFTConfig, SFTTrainer
from trl.chat_template_utils import get_training_chat_template

HERE = Path(__file__).resolve().parent
NAMES = {
    "loss": "loss",
    "mean_token_accuracy": "token_accuracy",
    "learning_rate": "learning_rate",
    "grad_norm": "gradient_norm",
    "num_tokens": "tokens",
    "seconds": "seconds",
    "memory_mb": "memory_mb",
    "eval_loss": "validation_loss",
    "eval_mean_token_accuracy": "validation_token_accuracy",
}


def read_rows(split):
    """The rows of a split; none where it has no file."""
    path = HERE / "data" / f"{split}.jsonl"
    return [json.loads(line) for line in path.open(encoding="utf-8")] if path.exists() else []


def find_answers(messages, tools, tokenizer):
    """The tokens of a conversation, and for each whether the model says it."""
    made = tokenizer.apply_chat_template(messages, tools=tools, return_dict=True, return_assistant_tokens_mask=True)
    if any(made["assistant_masks"]):
        return made["input_ids"], made["assistant_masks"]
    # The template does not mark what the model says: it is what each answer adds to the text before it.
    text = tokenizer.apply_chat_template(messages, tools=tools, tokenize=False)
    spans = []
    for number, message in enumerate(messages):
        if message["role"] == "assistant":
            said = [messages[:number], messages[: number + 1]]
            before = tokenizer.apply_chat_template(said[0], tools=tools, tokenize=False, add_generation_prompt=True)
            after = tokenizer.apply_chat_template(said[1], tools=tools, tokenize=False)
            if not (after.startswith(before) and text.startswith(after)):
                raise SystemExit(
                    "The chat template of this model rewrites earlier messages, so answers cannot be found."
                )
            spans.append((len(before), len(after)))
    found = tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)
    inside = [any(start < end <= to and start >= at for at, to in spans) for start, end in found["offset_mapping"]]
    return found["input_ids"], [int(one) for one in inside]


def tokenize(rows, tokenizer, settings):
    """Rows as tokens with labels, -100 where nothing is learned. Rows of which nothing is learned are left out."""
    found = []
    for row in rows:
        ids, said = find_answers(row["messages"], row.get("tools") or None, tokenizer)
        if settings["trains"] == "all":
            said = [1] * len(ids)
        elif settings["trains"] == "last-answer" and any(said):
            last = len(said) - said[::-1].index(1)
            first = last - next((at for at, one in enumerate(said[:last][::-1]) if not one), last)
            said = [int(first <= at < last) for at in range(len(said))]
        ids, said = ids[: settings["max_tokens"]], said[: settings["max_tokens"]]
        if any(said):
            labels = [one if is_said else -100 for one, is_said in zip(ids, said, strict=True)]
            found.append({"input_ids": ids, "labels": labels})
    if len(found) < len(rows):
        print(f"{len(rows) - len(found)} of {len(rows)} rows are left out: no token of an answer would be learned.")
    return Dataset.from_list(found) if found else None


class Recorder(TrainerCallback):
    """Writes metrics.jsonl and samples.jsonl. What was measured lies in each checkpoint too, and survives a stop."""

    def __init__(self, run, questions, tokenizer):
        self.run, self.questions, self.tokenizer = run, questions, tokenizer
        self.began, self.before, self.tokens = time.monotonic(), 0.0, 0

    def on_train_begin(self, args, state, control, **rest):
        """Go on counting where a stopped run ended, and forget samples of steps that are done again."""
        self.before = max((one.get("seconds", 0.0) for one in state.log_history), default=0.0)
        self.tokens = max((one.get("num_tokens", 0) for one in state.log_history), default=0)
        path = HERE / "samples.jsonl"
        if state.is_world_process_zero and path.exists():
            lines = path.read_text(encoding="utf-8").splitlines()
            kept = [line for line in lines if state.global_step and json.loads(line)["step"] <= state.global_step]
            path.write_text("".join(f"{line}\n" for line in kept), encoding="utf-8")

    def on_log(self, args, state, control, **rest):
        """Say of each measurement when it was and how much memory was used."""
        more = {"seconds": round(self.before + time.monotonic() - self.began, 3), "run": self.run}
        if torch.cuda.is_available():
            more["memory_mb"] = torch.cuda.max_memory_allocated() // 2**20
        if "num_tokens" in state.log_history[-1]:
            # TRL counts them from where it was started last.
            more["num_tokens"] = state.log_history[-1]["num_tokens"] + self.tokens
        state.log_history[-1].update(more)

    def on_evaluate(self, args, state, control, model, **rest):
        """Write what was measured so far, and answer the sample questions."""
        self.write(state)
        model.eval()
        for entry, (prompt, tools, reference) in enumerate(self.questions, 1):
            text = self.tokenizer.apply_chat_template(prompt, tools=tools, tokenize=False, add_generation_prompt=True)
            asked = self.tokenizer(text, add_special_tokens=False, return_tensors="pt").to(model.device)
            asked.pop("token_type_ids", None)
            with torch.no_grad():
                said = model.generate(
                    **asked, max_new_tokens=160, do_sample=False, pad_token_id=self.tokenizer.pad_token_id
                )
            answer = self.tokenizer.decode(said[0][asked["input_ids"].shape[1] :], skip_special_tokens=True)
            sample = {"step": state.global_step, "entry": entry, "question": prompt[-1]["content"], "answer": answer}
            if state.is_world_process_zero:
                with (HERE / "samples.jsonl").open("a", encoding="utf-8") as out:
                    out.write(
                        json.dumps({"run": self.run, **sample, "reference": reference}, ensure_ascii=False) + "\n"
                    )

    def on_train_end(self, args, state, control, **rest):
        """Write what was measured last."""
        self.write(state, finished=True)

    def write(self, state, *, finished=False):
        """metrics.jsonl anew: one line for each step, in order."""
        points = {}
        for one in state.log_history:
            known = {NAMES[name]: one[name] for name in NAMES if isinstance(one.get(name), (int, float))}
            if len(known) > 1 and "train_runtime" not in one:
                point = points.setdefault(one["step"], {"run": self.run, "step": one["step"], "epoch": one["epoch"]})
                point.update({name: value for name, value in known.items() if math.isfinite(value)})
        if finished and points:
            points[max(points)]["finished"] = True
        if state.is_world_process_zero:
            part = HERE / "metrics.jsonl.part"
            part.write_text("".join(f"{json.dumps(points[step])}\n" for step in sorted(points)), encoding="utf-8")
            os.replace(part, HERE / "metrics.jsonl")


def find_checkpoint(folder):
    """The newest whole checkpoint: what describes it is written last, so it must be readable to its end."""
    for path in sorted(folder.glob("checkpoint-*"), key=lambda one: -int(one.name.rpartition("-")[2])):
        try:
            json.loads((path / "trainer_state.json").read_text(encoding="utf-8"))
            return path
        except (OSError, ValueError):
            print(f"{path.name} is not whole and is left out.")
    return None


def main():
    """Load, train, keep the best."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", help="a folder, or a name on the Hub, in place of the base model of run.json")
    told = (HERE / "run.json").read_bytes()
    run, number = json.loads(told), hashlib.sha256(told).hexdigest()[:16]
    settings, method = run["settings"], run["method"]
    model, tokenizer, adapter = load_model(parser.parse_args().model, run)
    with contextlib.suppress(ValueError):
        # Of a template that TRL does not know answers are found another way.
        tokenizer.chat_template = get_training_chat_template(tokenizer) or tokenizer.chat_template
    rows, validation = read_rows("train"), read_rows("validation")

    each = math.ceil(math.ceil(len(rows) / settings["batch_size"]) / settings["accumulation"])
    every = settings["checkpoint_every"] or max(math.ceil(each / 3), 1)
    checkpoints = HERE / "checkpoints"
    newest = find_checkpoint(checkpoints)
    strategy = "steps" if validation else "no"
    is_16_bit = torch.cuda.is_available() and settings["precision"] != "fp32"
    config = {
        "output_dir": str(checkpoints),
        "num_train_epochs": settings["epochs"],
        "learning_rate": settings["learning_rate"],
        "lr_scheduler_type": settings["scheduler"],
        "warmup_steps": settings["warmup_steps"],
        "weight_decay": settings["weight_decay"],
        "per_device_train_batch_size": settings["batch_size"],
        "per_device_eval_batch_size": settings["batch_size"],
        "gradient_accumulation_steps": settings["accumulation"],
        "gradient_checkpointing": torch.cuda.is_available(),
        "max_length": settings["max_tokens"],
        "seed": run["seed"],
        "bf16": is_16_bit and settings["precision"] != "fp16" and torch.cuda.is_bf16_supported(),
        "fp16": is_16_bit and (settings["precision"] == "fp16" or not torch.cuda.is_bf16_supported()),
        "use_cpu": settings["device"] == "cpu",
        "logging_steps": max(each * settings["epochs"] // 1000, 1),
        "logging_nan_inf_filter": False,
        "eval_strategy": strategy,
        "eval_steps": every,
        "eval_on_start": bool(validation) and newest is None,
        "save_strategy": "steps",
        "save_steps": every,
        "save_total_limit": settings["keep_last"] + 1,
        "load_best_model_at_end": bool(validation),
        "metric_for_best_model": "eval_loss",
        "greater_is_better": False,
        "report_to": "none",
    }
    if method == "dpo":
        make, config = DPOTrainer, DPOConfig(**config, beta=settings["beta"])
    elif method == "kto":
        make, config = KTOTrainer, KTOConfig(**config, beta=settings["beta"])
    else:
        make, config = SFTTrainer, SFTConfig(**config)
    if method in ("dpo", "kto"):
        paths = {
            name: str(HERE / "data" / f"{name}.jsonl")
            for name, some in (("train", rows), ("validation", validation))
            if some
        }
        data, more = load_dataset("json", data_files=paths), {} if adapter else {"ref_model": copy.deepcopy(model)}
    else:
        data = {"train": tokenize(rows, tokenizer, settings), "validation": tokenize(validation, tokenizer, settings)}
        more = {"data_collator": DataCollatorForSeq2Seq(tokenizer)}

    questions = []
    for row in validation[: settings["samples"]]:
        said = row["messages"] if "messages" in row else [*row["prompt"], *(row.get("chosen") or row["completion"])]
        if len(said) > 1 and said[-1]["role"] == "assistant" and said[-1].get("content"):
            questions.append((said[:-1], row.get("tools") or None, said[-1]["content"]))

    set_seed(run["seed"])
    trainer = make(
        model,
        args=config,
        train_dataset=data["train"],
        eval_dataset=data.get("validation"),
        processing_class=tokenizer,
        peft_config=adapter,
        callbacks=[Recorder(number, questions, tokenizer)],
        **more,
    )
    if settings["patience"] and validation:
        trainer.add_callback(EarlyStoppingCallback(settings["patience"]))
    trainer.train(resume_from_checkpoint=str(newest) if newest else None)
    trainer.save_state()
    trainer.save_model(str(HERE / "result"))
    tokenizer.save_pretrained(HERE / "result")
    shutil.copy(HERE / "run.json", HERE / "result" / "run.json")
    print("Done: result/ holds the model, metrics.jsonl what was measured.")


if __name__ == "__main__":
    main()
