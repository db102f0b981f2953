"""Load the base model of a run as Unsloth does."""

from pathlib import Path

from unsloth import FastLanguageModel


def load_model(said, run):
    """The model with its adapter, its tokenizer, and None: the adapter is there already.

    ``said`` is a folder or a name on the Hub, in place of what run.json names.
    """
    base, settings, method = run["base"], run["settings"], run["method"]
    name = said or base["path"] or base["name"]
    if base["kind"] == "folder" and not Path(name).is_dir():
        raise SystemExit(f"The base model is not at {name}. Say where it lies: MODEL=FOLDER sh train.sh")
    model, tokenizer = FastLanguageModel.from_pretrained(
        model_name=name,
        max_seq_length=settings["max_tokens"],
        load_in_4bit=method == "qlora",
        full_finetuning=method == "full",
    )
    if method != "full":
        model = FastLanguageModel.get_peft_model(
            model,
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            lora_dropout=settings["dropout"],
            target_modules=["q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"],
            use_gradient_checkpointing="unsloth",
            random_state=run["seed"],
        )
    return model, tokenizer, None
