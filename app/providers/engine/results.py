"""What a run leaves: the result, merged, and as GGUF where llama.cpp's converter is found."""

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

from app.providers.engine.base import Base, find_base, refuse_pickles
from app.providers.engine.errors import Stop, explain_model
from app.providers.engine.folder import Folder

NO_CONVERTER = (
    "GGUF is written by convert_hf_to_gguf.py of llama.cpp, which is not found. Put it on the path, or name its folder"
    " in LLAMA_CPP."
)
# What of a checkpoint only goes on with training.
_OF_TRAINING = {
    "optimizer.pt", "scheduler.pt", "scaler.pt", "rng_state.pth", "trainer_state.json", "training_args.bin",
    "complete.json", "README.md",
}  # fmt: skip


def write_result(folder: Folder, base: Base, step: int) -> None:
    """Write ``result/`` of a checkpoint, whole or not at all."""
    making, result = folder.path / "result.making", folder.path / "result"
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir()
    for path in folder.checkpoint_path(step).iterdir():
        if path.name not in _OF_TRAINING:
            shutil.copy2(path, making / path.name)
    base.tokenizer.save_pretrained(making)
    shutil.copy2(folder.path / "run.json", making / "run.json")
    shutil.rmtree(result, ignore_errors=True)
    making.rename(result)


def find_model(path: Path, checkpoint: int | None) -> tuple[Path, str | None]:
    """The folder of a tuned model, and its base where it is an adapter. ``path`` is a run or a model itself."""
    base = None
    model = path
    if (path / "run.json").exists() and (path / "data").exists():
        folder = Folder(path)
        model = path / "result"
        if checkpoint is not None:
            if checkpoint not in folder.checkpoints():
                there = ", ".join(map(str, folder.checkpoints())) or "none"
                raise Stop("no_checkpoint", f"There is no checkpoint of step {checkpoint}. There are: {there}.")
            model = folder.checkpoint_path(checkpoint)
        base = find_base(folder)
    if not any((model / name).exists() for name in ("config.json", "adapter_config.json")):
        raise Stop("no_model", f"There is no model in {model}. A run has one once it is done.")
    if not (model / "adapter_config.json").exists():
        return model, None
    if base is None:
        from peft import PeftConfig

        base = str(PeftConfig.from_pretrained(str(model)).base_model_name_or_path)
    return model, base


def load_model(path: Path, checkpoint: int | None = None, device: str = "cpu") -> tuple[Any, Any]:
    """A tuned model and its tokenizer, ready to answer."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer

    found, base = find_model(path, checkpoint)
    dtype = torch.float32 if device == "cpu" else torch.bfloat16
    for folder in {found, Path(base or found)}:
        refuse_pickles(folder)
    try:
        model = AutoModelForCausalLM.from_pretrained(
            base or str(found), dtype=dtype, trust_remote_code=False, use_safetensors=True
        )
        if base is not None:
            from peft import PeftModel

            model = PeftModel.from_pretrained(model, str(found))
        return model.to(device).eval(), AutoTokenizer.from_pretrained(str(found), trust_remote_code=False)
    except Exception as error:
        raise explain_model(str(found), error) from error


def merge(path: Path, out: Path) -> None:
    """Write a model without adapter: base and adapter in one, or the model as it is."""
    require_free(out)
    model, tokenizer = load_model(path)
    if hasattr(model, "merge_and_unload"):
        model = model.merge_and_unload()
    making = out.with_name(f"{out.name}.making")
    shutil.rmtree(making, ignore_errors=True)
    making.mkdir(parents=True)
    model.save_pretrained(making)
    tokenizer.save_pretrained(making)
    for name in ("README.md", "run.json"):
        for source in (path / "result" / name, path / name):
            if source.is_file():
                shutil.copy2(source, making / name)
                break
    making.rename(out)


def find_converter() -> str | None:
    """The program of llama.cpp that writes GGUF: in the folder that LLAMA_CPP names, or on the path."""
    name = "convert_hf_to_gguf.py"
    named = Path(os.environ.get("LLAMA_CPP", "")) / name
    return str(named) if os.environ.get("LLAMA_CPP") and named.is_file() else shutil.which(name)


def write_gguf(path: Path, out: Path) -> None:
    """Write a model as GGUF by llama.cpp's own converter."""
    converter = find_converter()
    if converter is None:
        raise Stop("no_converter", NO_CONVERTER)
    require_free(out)
    merged, part = out.with_name(f"{out.name}.merged"), out.with_name(f"{out.name}.part")
    shutil.rmtree(merged, ignore_errors=True)
    try:
        merge(path, merged)
        command = [sys.executable, converter, str(merged), "--outfile", str(part)]
        done = subprocess.run(command, capture_output=True, text=True, errors="replace", check=False)
        if done.returncode or not part.exists():
            last = ((done.stderr or done.stdout).strip().splitlines() or ["it said nothing"])[-1][:300].rstrip(".")
            raise Stop("no_gguf", f"The converter of llama.cpp could not write this model: {last}.")
        part.replace(out)
    finally:
        shutil.rmtree(merged, ignore_errors=True)
        part.unlink(missing_ok=True)


def require_free(out: Path) -> None:
    """Raise Stop where something lies already."""
    if out.exists():
        raise Stop("exists", f"{out} is there already. Name a place where nothing lies.")
