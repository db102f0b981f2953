"""The trainers that bundles are made for, each with the files that it reads and how it is called.

Sources, of 2026-11-30: TRL 1.16.0, Transformers 5.24.0 and PEFT 0.21.2, run; LLaMA-Factory 0.9.5, its own parser
run; axolotl 0.19.0, its own schema of configurations run; MLX-LM 0.32.2, run on a processor; MS-Swift 4.6.0, the names
compared with the fields of its arguments; Unsloth 2026.10.9, its documentation and the signatures of its code.
"""

from math import ceil
from typing import Any

from app.core.bundles.base import Facts
from app.core.bundles.trainers import axolotl_datasets, write_dataset_info
from app.core.bundles.training.base import DATA, Trainer, base_model, read_script, write_yaml
from app.core.errors import Invalid
from app.core.training import COMPARING, RunSpec, count_steps, number_checkpoints

_SFT = ("full", "lora", "qlora")
_METRICS = "`metrics.jsonl`, and `samples.jsonl` with answers to some validation questions"
_LINES = {"train": f"{DATA}/train.jsonl", "validation": f"{DATA}/validation.jsonl"}
_EXACTLY = {"answers": "", "last-answer": "", "all": ""}
_NOTES = {
    "answers": "MLX learns the last answer of a conversation only; earlier ones are read.",
    "last-answer": "",
    "all": "",
}


def _write_trl(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    files = {"train.py": read_script("train.py"), "model.py": read_script("model.py")}
    return files | ({"toy.py": read_script("toy.py")} if spec.base.kind == "toy" else {})


def _write_unsloth(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    return {"train.py": read_script("train.py"), "model.py": read_script("model_unsloth.py")}


def _write_axolotl(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    settings, has_validation = spec.settings, _has_validation(facts)
    every, _ = number_checkpoints(_rows(facts), settings)
    values = {
        "base_model": base_model(spec),
        "load_in_4bit": True if spec.method == "qlora" else None,
        "adapter": spec.method if spec.method != "full" else None,
        **(
            {}
            if spec.method == "full"
            else {
                "lora_r": settings.rank,
                "lora_alpha": settings.alpha,
                "lora_dropout": settings.dropout,
                "lora_target_linear": True,
            }
        ),
        "train_on_inputs": settings.trains == "all",
        "sequence_len": settings.max_tokens,
        "excess_length_strategy": "truncate",
        "sample_packing": False,
        "dataset_prepared_path": "prepared",
        "num_epochs": settings.epochs,
        "micro_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler": settings.scheduler,
        "warmup_steps": settings.warmup_steps,
        "optimizer": "adamw_torch",
        "weight_decay": settings.weight_decay,
        "seed": spec.seed,
        "bf16": {"auto": "auto", "bf16": True}.get(settings.precision, False),
        "fp16": settings.precision == "fp16",
        "gradient_checkpointing": True,
        "logging_steps": 1,
        "save_steps": every,
        "save_total_limit": settings.keep_last + 1,
        "val_set_size": 0,
        "eval_steps": every if has_validation else None,
        **_choose_best(facts),
        "early_stopping_patience": settings.patience or None if has_validation else None,
        "auto_resume_from_checkpoints": True,
        "output_dir": f"output/{run}",
    }
    return {"axolotl.yml": write_yaml(_title(spec, facts), values, axolotl_datasets(facts))}


def _learning(spec: RunSpec) -> dict[str, Any]:
    """How is learned, in the words of Transformers' ``TrainingArguments``."""
    settings = spec.settings
    return {
        "num_train_epochs": settings.epochs,
        "per_device_train_batch_size": settings.batch_size,
        "per_device_eval_batch_size": settings.batch_size,
        "gradient_accumulation_steps": settings.accumulation,
        "learning_rate": settings.learning_rate,
        "lr_scheduler_type": settings.scheduler,
        "warmup_steps": settings.warmup_steps,
        "weight_decay": settings.weight_decay,
        "seed": spec.seed,
    }


def _checkpoints(spec: RunSpec, facts: Facts) -> dict[str, Any]:
    """When is measured and kept, in the same words."""
    settings, has_validation = spec.settings, _has_validation(facts)
    every, _ = number_checkpoints(_rows(facts), settings)
    return {
        "logging_steps": 1,
        "save_steps": every,
        "save_total_limit": settings.keep_last + 1,
        "eval_strategy": "steps" if has_validation else "no",
        "eval_steps": every if has_validation else None,
        "eval_on_start": True if has_validation else None,
        **_choose_best(facts),
    }


def _choose_best(facts: Facts) -> dict[str, Any]:
    """That the checkpoint with the lowest validation loss is the result; nothing where nothing is measured."""
    if not _has_validation(facts):
        return {}
    return {"load_best_model_at_end": True, "metric_for_best_model": "eval_loss", "greater_is_better": False}


def _write_llama_factory(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    settings, has_validation, method = spec.settings, _has_validation(facts), spec.method
    is_preference = method in COMPARING
    has_adapter = settings.adapter if is_preference else method != "full"
    values = {
        "model_name_or_path": base_model(spec),
        "stage": method if is_preference else "sft",
        "do_train": True,
        "finetuning_type": "lora" if has_adapter else "full",
        **(
            {
                "lora_rank": settings.rank,
                "lora_alpha": settings.alpha,
                "lora_dropout": settings.dropout,
                "lora_target": "all",
            }
            if has_adapter
            else {}
        ),
        "quantization_bit": 4 if method == "qlora" else None,
        "quantization_method": "bnb" if method == "qlora" else None,
        "pref_beta": settings.beta if is_preference else None,
        "dataset_dir": ".",
        "dataset": facts.slug,
        "eval_dataset": f"{facts.slug}_validation" if has_validation else None,
        "cutoff_len": settings.max_tokens,
        "train_on_prompt": True if settings.trains == "all" and not is_preference else None,
        "mask_history": True if settings.trains == "last-answer" and not is_preference else None,
        **_learning(spec),
        "bf16": settings.precision in ("auto", "bf16"),
        "fp16": settings.precision == "fp16",
        **_checkpoints(spec, facts),
        "compute_accuracy": True if has_validation and not is_preference else None,
        "early_stopping_steps": settings.patience or None if has_validation else None,
        "report_to": "none",
        "output_dir": f"output/{run}",
    }
    template = [
        "# The template is read from the tokenizer. Where that fails, name one of LLaMA-Factory’s:",
        "# template: qwen3",
    ]
    return {
        "llama-factory.yaml": write_yaml(_title(spec, facts), values, template),
        "dataset_info.json": write_dataset_info(facts).decode(),
    }


def _write_swift(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    settings, has_validation = spec.settings, _has_validation(facts)
    paths = {part.split: part.path for part in facts.parts}
    has_adapter = spec.method != "full"
    values = {
        "model": base_model(spec),
        "use_hf": True,
        "tuner_type": "lora" if has_adapter else "full",
        "lora_rank": settings.rank if has_adapter else None,
        "lora_alpha": settings.alpha if has_adapter else None,
        "lora_dropout": settings.dropout if has_adapter else None,
        "target_modules": "all-linear" if has_adapter else None,
        "quant_method": "bnb" if spec.method == "qlora" else None,
        "quant_bits": 4 if spec.method == "qlora" else None,
        "dataset": [paths["train"]],
        "val_dataset": [paths["validation"]] if has_validation else None,
        "split_dataset_ratio": 0.0,
        "loss_scale": {"answers": "default", "last-answer": "last_round", "all": "all"}[settings.trains],
        "max_length": settings.max_tokens,
        "truncation_strategy": "right",
        **_learning(spec),
        "torch_dtype": {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}.get(settings.precision),
        **_checkpoints(spec, facts),
        "early_stop_interval": settings.patience or None if has_validation else None,
        "report_to": ["none"],
        "add_version": False,
        "output_dir": f"output/{run}",
    }
    return {"swift.yaml": write_yaml(_title(spec, facts), values)}


def _write_mlx(spec: RunSpec, facts: Facts, run: str) -> dict[str, str]:
    settings, rows = spec.settings, _rows(facts)
    _, steps = count_steps(rows, settings)
    every, _ = number_checkpoints(rows, settings)
    # MLX counts batches, and a step is made of several. None may hold more rows than a file has.
    size = min(settings.batch_size, *(part.rows for part in facts.parts))
    batches = ceil(settings.batch_size * settings.accumulation / size)
    schedule: dict[str, Any] | None = {
        "constant": None,
        "linear": {"name": "linear_schedule", "arguments": [settings.learning_rate, 0.0, steps]},
        "cosine": {"name": "cosine_decay", "arguments": [settings.learning_rate, steps]},
    }[settings.scheduler]
    if schedule and settings.warmup_steps:
        schedule["warmup"] = settings.warmup_steps
    values = {
        "model": "model-4bit" if spec.method == "qlora" else base_model(spec),
        "train": True,
        "fine_tune_type": "full" if spec.method == "full" else "lora",
        "num_layers": -1,
        "lora_parameters": {
            "rank": settings.rank,
            "dropout": settings.dropout,
            "scale": settings.alpha / settings.rank,
        },
        "data": DATA,
        "mask_prompt": settings.trains != "all",
        "max_seq_length": settings.max_tokens,
        "optimizer": "adamw",
        "optimizer_config": {"adamw": {"weight_decay": settings.weight_decay}},
        "batch_size": size,
        "grad_accumulation_steps": batches,
        "iters": steps * batches,
        "learning_rate": settings.learning_rate,
        "lr_schedule": schedule,
        "seed": spec.seed,
        "grad_checkpoint": True,
        "val_batches": -1,
        "steps_per_report": batches,
        "steps_per_eval": every * batches,
        "save_every": every * batches,
        "adapter_path": f"output/{run}",
    }
    return {"mlx.yaml": write_yaml(_title(spec, facts), values), "train.py": read_script("train_mlx.py")}


def _title(spec: RunSpec, facts: Facts) -> list[str]:
    steps = count_steps(_rows(facts), spec.settings)[1]
    return [f"{facts.title}, written by LLM Training Tools {facts.version}. One GPU makes about {steps:,} steps of it."]


def _rows(facts: Facts) -> int:
    return next((part.rows for part in facts.parts if part.split == "train"), 0)


def _has_validation(facts: Facts) -> bool:
    return any(part.split == "validation" for part in facts.parts)


TRAINERS = {
    one.name: one
    for one in (
        Trainer(
            name="trl",
            title="TRL",
            version="1.16.0",
            requirements=(
                "torch==2.13.0",
                "transformers==5.24.0",
                "trl==1.16.0",
                "peft==0.21.2",
                "accelerate==1.15.0",
                "datasets==5.2.0",
            ),
            targets={**dict.fromkeys(_SFT, "trl"), "dpo": "trl-preference", "kto": "trl-kto"},
            trains=_EXACTLY,
            files=_LINES,
            command='"$PYTHON" train.py ${MODEL:+--model "$MODEL"}',
            write=_write_trl,
            metrics=_METRICS,
            result="result/",
            resumes="goes on from its newest whole checkpoint",
            checked="Run with these versions on 2026-11-30, on a processor: all weights, LoRA, DPO and KTO. QLoRA "
            "needs a GPU and was not run.",
            has_toy=True,
            system="Linux, macOS or Windows; a GPU for anything but toy models",
        ),
        Trainer(
            name="unsloth",
            title="Unsloth",
            version="2026.10.9",
            requirements=("unsloth==2026.10.9", "trl==1.15.0", "transformers==5.17.0"),
            targets=dict.fromkeys(_SFT, "unsloth"),
            trains=_EXACTLY,
            files=_LINES,
            command='"$PYTHON" train.py ${MODEL:+--model "$MODEL"}',
            write=_write_unsloth,
            metrics=_METRICS,
            result="result/",
            resumes="goes on from its newest whole checkpoint",
            checked="Checked against the code and the documentation of this version on 2026-11-30, not run.",
        ),
        Trainer(
            name="axolotl",
            title="axolotl",
            version="0.19.0",
            requirements=("axolotl==0.19.0",),
            targets=dict.fromkeys(_SFT, "axolotl"),
            trains={"answers": "", "all": ""},
            files=_LINES,
            command='"$PYTHON" -m axolotl.cli.main train axolotl.yml ${MODEL:+--base-model "$MODEL"}',
            write=_write_axolotl,
            metrics="`output/{run}/trainer_state.json`, or that of its newest checkpoint",
            result="output/{run}/",
            resumes="goes on from its newest checkpoint",
            checked="The configuration was taken by axolotl's own schema on 2026-11-30; no run was made.",
        ),
        Trainer(
            name="llama-factory",
            title="LLaMA-Factory",
            version="0.9.5",
            requirements=("llamafactory==0.9.5",),
            targets={
                **dict.fromkeys(_SFT, "llama-factory"),
                "dpo": "llama-factory-preference",
                "kto": "llama-factory-kto",
            },
            trains=_EXACTLY,
            files={"train": f"{DATA}/train.json", "validation": f"{DATA}/validation.json"},
            command='"$PYTHON" -m llamafactory.cli train llama-factory.yaml ${MODEL:+model_name_or_path="$MODEL"}',
            write=_write_llama_factory,
            metrics="`output/{run}/trainer_log.jsonl`, or `trainer_state.json` beside it",
            result="output/{run}/",
            resumes="goes on from its newest checkpoint",
            checked="The configuration was taken by LLaMA-Factory's own parser on 2026-11-30; no run was made.",
        ),
        Trainer(
            name="ms-swift",
            title="MS-Swift",
            version="4.6.0",
            requirements=("ms-swift==4.6.0",),
            targets=dict.fromkeys(_SFT, "ms-swift"),
            trains=_EXACTLY,
            files=_LINES,
            command='"$PYTHON" -m swift.cli.main sft swift.yaml ${MODEL:+--model "$MODEL"}',
            write=_write_swift,
            metrics="`output/{run}/logging.jsonl`",
            result="output/{run}/",
            resumes="begins again; add resume_from_checkpoint to swift.yaml to go on",
            checked="The names were compared with the arguments of this version on 2026-11-30; no run was made.",
        ),
        Trainer(
            name="mlx",
            title="MLX",
            version="0.32.2",
            requirements=("mlx-lm==0.32.2",),
            targets=dict.fromkeys(_SFT, "mlx"),
            trains=_NOTES,
            files={"train": f"{DATA}/train.jsonl", "validation": f"{DATA}/valid.jsonl"},
            command='"$PYTHON" train.py ${MODEL:+--model "$MODEL"}',
            write=_write_mlx,
            metrics="`metrics.jsonl`",
            result="output/{run}/",
            resumes="begins again",
            checked="Run with this version on 2026-11-30, on a processor: LoRA and all weights. 4 bits were not run.",
            system="macOS on Apple silicon",
        ),
    )
}


def list_trainers(spec: RunSpec) -> list[Trainer]:
    """The trainers that can do what a run asks for."""
    return [one for one in TRAINERS.values() if not _find_obstacle(one, spec)]


def find_trainer(name: str, spec: RunSpec) -> Trainer:
    """The trainer of that name. Raises Invalid where there is none, or where it cannot do what the run asks for."""
    if name not in TRAINERS:
        raise Invalid(f"There is no trainer {name!r}. Use one of {', '.join(TRAINERS)}.", code="no_trainer")
    if obstacle := _find_obstacle(TRAINERS[name], spec):
        able = ", ".join(one.title for one in list_trainers(spec))
        raise Invalid(f"{obstacle} These can: {able}.", code="trainer_cannot", trainer=name)
    return TRAINERS[name]


def _find_obstacle(trainer: Trainer, spec: RunSpec) -> str:
    if spec.method not in trainer.targets:
        return f"There is no bundle of {trainer.title} for the method {spec.method}."
    if spec.settings.trains not in trainer.trains:
        return f"{trainer.title} cannot learn just the last answer."
    if spec.base.kind == "toy" and not trainer.has_toy:
        return f"{trainer.title} cannot make a toy model."
    return ""
