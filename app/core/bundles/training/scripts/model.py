"""Load the base model of a run as Transformers and PEFT do."""

import importlib
from pathlib import Path

import torch
from peft import LoraConfig, prepare_model_for_kbit_training
from transformers import AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig


def load_model(said, run):
    """The model, its tokenizer, and how the adapter is made; None where all weights are trained.

    ``said`` is a folder or a name on the Hub, in place of what run.json names.
    """
    base, settings, method = run["base"], run["settings"], run["method"]
    has_adapter = method in ("lora", "qlora") or (method in ("dpo", "kto") and settings["adapter"])
    adapter = None
    if has_adapter:
        adapter = LoraConfig(
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            lora_dropout=settings["dropout"],
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )
    if base["kind"] == "toy" and not said:
        # Only bundles of toy models have this file.
        toy = importlib.import_module("toy")
        return *toy.make_model(run), adapter
    name = said or base["path"] or base["name"]
    if base["kind"] == "folder" and not Path(name).is_dir():
        raise SystemExit(f"The base model is not at {name}. Say where it lies: MODEL=FOLDER sh train.sh")
    more = {"dtype": torch.float32}
    if has_adapter and torch.cuda.is_available():
        # Weights that stay as they are need no more; the adapter itself is kept in 32 bits.
        more["dtype"] = torch.bfloat16 if torch.cuda.is_bf16_supported() else torch.float16
    if method == "qlora":
        if not torch.cuda.is_available():
            raise SystemExit("QLoRA needs an NVIDIA GPU. Without one, make a bundle with the method LoRA.")
        more["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True,
            bnb_4bit_quant_type="nf4",
            bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=more["dtype"],
        )
        more["device_map"] = {"": torch.cuda.current_device()}
    tokenizer = AutoTokenizer.from_pretrained(name)
    if tokenizer.chat_template is None:
        raise SystemExit(f"{name} has no chat template. Take the instruct version of the model.")
    if tokenizer.pad_token is None:
        tokenizer.pad_token = tokenizer.eos_token
    model = AutoModelForCausalLM.from_pretrained(name, **more)
    if method == "qlora":
        model = prepare_model_for_kbit_training(model)
    return model, tokenizer, adapter
