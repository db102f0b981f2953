"""What is trained: the device, the tokenizer and the model, with an adapter or without.

A toy model is made from a configuration, and its tokenizer from the data: to try the way, offline and in minutes. It is
kept in ``base/`` of the run, since an adapter is worth nothing without it.
"""

import importlib
import importlib.metadata
import importlib.util
import os
import platform
import shutil
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from app.providers.engine.errors import Stop, explain_model
from app.providers.engine.folder import Folder

PACKAGES = ("torch", "transformers", "trl", "peft", "accelerate", "datasets")
PAD, START, END = "<|pad|>", "<|im_start|>", "<|im_end|>"
# A vocabulary learns little more from more texts.
VOCABULARY_ROWS = 20_000
MB = 1024 * 1024


def list_missing() -> list[str]:
    """The packages that training needs and this Python has not."""
    return [name for name in PACKAGES if importlib.util.find_spec(name) is None]


def probe() -> dict[str, Any]:
    """What this Python can train on, and what it lacks."""
    missing = list_missing()
    known = [*PACKAGES, "bitsandbytes"]
    versions = {name: importlib.metadata.version(name) for name in known if importlib.util.find_spec(name) is not None}
    devices: list[dict[str, Any]] = []
    quantizes, why = False, "PyTorch is missing."
    if "torch" not in missing:
        import torch

        from app.providers.engine.memory import available_mb

        title = platform.processor() or platform.machine()
        devices.append({"name": "cpu", "title": title, "memory_mb": available_mb("cpu")})
        for number in range(torch.cuda.device_count() if torch.cuda.is_available() else 0):
            found = torch.cuda.get_device_properties(number)
            devices.append({"name": "cuda", "title": found.name, "memory_mb": found.total_memory // MB})
        if torch.backends.mps.is_available():
            devices.append({"name": "mps", "title": "Apple GPU", "memory_mb": available_mb("mps")})
        quantizes, why = can_quantize(find_device("auto"))
    return {
        "python": platform.python_version(), "versions": versions, "missing": missing, "devices": devices,
        "qlora": {"works": quantizes, "why": why}, "threads": int(os.environ["OMP_NUM_THREADS"]),
    }  # fmt: skip


def find_device(wanted: str) -> str:
    """The device to train on. Raises Stop where the wanted one is not there."""
    import torch

    there = {"cuda": torch.cuda.is_available(), "mps": torch.backends.mps.is_available(), "cpu": True}
    if wanted == "auto":
        return next(name for name, is_there in there.items() if is_there)
    if not there.get(wanted):
        found = ", ".join(name for name, is_there in there.items() if is_there)
        raise Stop("no_device", f"There is no device {wanted!r} for PyTorch here. Found: {found}.")
    return wanted


def find_precision(wanted: str, device: str) -> str:
    """The numbers to reckon with: fp32, bf16 or fp16. Raises Stop where the device cannot."""
    import torch

    has_bf16 = device == "cpu" or (device == "cuda" and torch.cuda.is_bf16_supported())
    if wanted == "auto":
        return "bf16" if device == "cuda" and has_bf16 else "fp32"
    if (wanted == "bf16" and not has_bf16) or (wanted == "fp16" and device != "cuda"):
        raise Stop("no_precision", f"The device {device} cannot reckon in {wanted}. Choose the precision auto or fp32.")
    return wanted


def can_quantize(device: str) -> tuple[bool, str]:
    """Whether bitsandbytes makes a layer of four bits that reckons here, and why not."""
    if importlib.util.find_spec("bitsandbytes") is None:
        return False, "QLoRA needs the package bitsandbytes, which is not installed."
    try:
        import torch

        layers = importlib.import_module("bitsandbytes.nn")
        layer = layers.Linear4bit(64, 64, compute_dtype=torch.float32).to(device)
        layer(torch.ones(1, 64, device=device))
    except Exception as error:  # noqa: BLE001 (it is what this asks for)
        said = (str(error).splitlines() or [""])[0][:200].rstrip(".")
        return False, f"bitsandbytes is installed and does not work on {device}: {type(error).__name__}: {said}."
    return True, ""


class Base:
    """The base model of a run: its tokenizer, and the model as often as it is needed."""

    def __init__(self, folder: Folder) -> None:
        self.folder, settings = folder, folder.settings
        self.device = find_device(settings["device"])
        self.precision = find_precision(settings["precision"], self.device)
        is_preference = folder.method in ("dpo", "kto")
        self.has_adapter = folder.method in ("lora", "qlora") or (is_preference and settings["adapter"])
        if folder.method == "qlora":
            works, why = can_quantize(self.device)
            if not works:
                raise Stop("no_qlora", f"{why} Choose LoRA, which needs more memory and nothing else.")
        self.path = find_base(folder)
        from transformers import AutoConfig, AutoTokenizer

        options = {"local_files_only": not settings["allow_download"], "trust_remote_code": False}
        try:
            self.tokenizer: Any = AutoTokenizer.from_pretrained(self.path, **options)
            self.config: Any = AutoConfig.from_pretrained(self.path, **options)
        except Exception as error:
            raise explain_model(self.path, error) from error
        if not self.tokenizer.chat_template:
            raise Stop(
                "no_template", f"The model {self.path} has no chat template, so it cannot be trained on conversations."
            )
        if self.tokenizer.pad_token is None:
            self.tokenizer.pad_token = self.tokenizer.eos_token

    def make_empty(self) -> Any:
        """The model without numbers in it, to be counted."""
        import torch
        from transformers import AutoModelForCausalLM

        with torch.device("meta"):
            return AutoModelForCausalLM.from_config(self.config)

    def load(self) -> Any:
        """The model as it was before training."""
        import torch
        from transformers import AutoModelForCausalLM, BitsAndBytesConfig

        # Frozen weights need not be finer than what they are reckoned with; trained ones do.
        is_frozen = self.has_adapter and self.precision != "fp32"
        dtype = {"bf16": torch.bfloat16, "fp16": torch.float16}[self.precision] if is_frozen else torch.float32
        refuse_pickles(Path(self.path))
        options: dict[str, Any] = {"dtype": dtype, "local_files_only": not self.folder.settings["allow_download"]}
        if self.folder.method == "qlora":
            options["quantization_config"] = BitsAndBytesConfig(
                load_in_4bit=True,
                bnb_4bit_quant_type="nf4",
                bnb_4bit_use_double_quant=True,
                bnb_4bit_compute_dtype=dtype,
            )
            options["device_map"] = {"": self.device}
        try:
            return AutoModelForCausalLM.from_pretrained(
                self.path, trust_remote_code=False, use_safetensors=True, **options
            )
        except Exception as error:
            raise explain_model(self.path, error) from error

    def adapter(self) -> Any:
        """How the adapter is made; None where all weights are trained."""
        if not self.has_adapter:
            return None
        from peft import LoraConfig

        settings = self.folder.settings
        return LoraConfig(
            r=settings["rank"],
            lora_alpha=settings["alpha"],
            lora_dropout=settings["dropout"],
            target_modules="all-linear",
            task_type="CAUSAL_LM",
        )


def find_base(folder: Folder) -> str:
    """What the base model goes by: its folder, or its name on the Hub. A toy is made here where it is not yet."""
    kind = folder.base["kind"]
    if kind == "toy":
        path = folder.path / "base"
        if not path.exists():
            make_toy(folder, path)
        return str(path)
    if kind == "folder":
        if not folder.base["path"] or not Path(folder.base["path"]).is_dir():
            raise Stop("no_model", f"The folder of the base model is not there: {folder.base['path']}.")
        return str(folder.base["path"])
    return str(folder.base["name"])


def refuse_pickles(folder: Path) -> None:
    """Raise Stop where the weights in a folder are pickles only: to read one is to run what whoever made it wrote."""
    if folder.is_dir() and not any(folder.glob("*.safetensors")):
        for found in sorted(one.name for one in folder.iterdir() if one.suffix in (".bin", ".pt", ".pth", ".ckpt")):
            raise Stop(
                "pickled",
                f"The weights in {folder} are a pickle ({found}), which can run code as it is read. Take the model as"
                " safetensors.",
            )


def toy_config(settings: dict[str, Any], words: int) -> Any:
    """The configuration of a toy model: a small Llama. Its width is a multiple of 16, as wide as its heads at least."""
    from transformers import LlamaConfig

    width = settings["toy_width"]
    heads = width // 32 if width % 32 == 0 else width // 16
    return LlamaConfig(
        vocab_size=words, hidden_size=width, intermediate_size=3 * width, num_hidden_layers=settings["toy_layers"],
        num_attention_heads=heads, num_key_value_heads=heads, max_position_embeddings=max(settings["max_tokens"], 2048),
        tie_word_embeddings=True, pad_token_id=0, bos_token_id=None, eos_token_id=2,
    )  # fmt: skip


def make_toy(folder: Folder, path: Path) -> None:
    """Make a toy model by its seed, with a vocabulary (byte-pair encoding) learned from the training rows."""
    from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers
    from transformers import LlamaForCausalLM, PreTrainedTokenizerFast, set_seed

    from app.providers.engine.memory import require_room_for_weights

    rows = folder.rows("train")[:VOCABULARY_ROWS]
    texts = [
        one["content"]
        for row in rows
        for name in ("messages", "prompt", "chosen", "rejected", "completion")
        for one in row.get(name) or ()
        if isinstance(one.get("content"), str)
    ]
    words = Tokenizer(models.BPE())
    words.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    words.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=folder.settings["toy_vocabulary"],
        special_tokens=[PAD, START, END],
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    words.train_from_iterator(["system user assistant tool", *texts], trainer)
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=words, pad_token=PAD, eos_token=END, additional_special_tokens=[START],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    tokenizer.chat_template = Path(__file__).with_name("chatml.jinja").read_text(encoding="utf-8").rstrip("\n")
    config = toy_config(folder.settings, len(tokenizer))
    require_room_for_weights(config)
    set_seed(folder.spec["seed"])
    making = Path(mkdtemp(prefix="base-", suffix=".making", dir=folder.path))
    LlamaForCausalLM(config).save_pretrained(making)
    tokenizer.save_pretrained(making)
    try:
        making.rename(path)
    except OSError:
        # Another process has made the same meanwhile.
        shutil.rmtree(making)
        if not path.exists():
            raise
