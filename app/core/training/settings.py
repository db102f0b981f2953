"""The settings of a training run, declared once for commands, forms, the API and ``run.json``."""

from collections.abc import Iterable
from dataclasses import dataclass, replace

from app.core.errors import Invalid
from app.core.options import option, options_of, read_text

METHODS = {
    "full": "All weights",
    "lora": "LoRA",
    "qlora": "QLoRA (4 bit)",
    "dpo": "DPO, from a better and a worse answer",
    "kto": "KTO, from answers with a label",
}
# In which shape each method reads the data: names of export targets.
TARGETS = {"full": "trl", "lora": "trl", "qlora": "trl", "dpo": "trl-preference", "kto": "trl-kto"}
# Those that compare answers: their losses are not those of texts, so e to their power is no perplexity.
COMPARING = ("dpo", "kto")
SCHEDULERS = {"cosine": "Cosine", "linear": "Linear", "constant": "Constant"}
TRAINS = {"answers": "All answers", "last-answer": "The last answer", "all": "Everything"}
PRECISIONS = {"auto": "As the device can", "fp32": "32 bit", "bf16": "bfloat16", "fp16": "16 bit"}
DEVICES = {"auto": "The best that is found", "cpu": "Processor", "cuda": "NVIDIA GPU", "mps": "Apple GPU"}
_MOST = 2**31 - 1


@dataclass(frozen=True, slots=True)
class TrainingSettings:
    """What can be set of a run, whatever trains it. Of the learning rate, ``usual_settings`` knows more."""

    max_tokens: int = option(
        1024, "Longest text", "Tokens of the longest text; what is longer is cut.", between=(16, _MOST)
    )
    epochs: int = option(3, "Epochs", "How often all pairs are seen.", between=(1, 1000))
    learning_rate: float = option(2e-4, "Learning rate", "How far one step goes.", between=(1e-8, 1.0))
    batch_size: int = option(4, "Batch", "Pairs that are looked at together.", between=(1, 4096))
    accumulation: int = option(4, "Batches a step", "Batches that are added up to one step.", between=(1, 4096))
    rank: int = option(16, "Rank", "Of LoRA: the larger, the more it can learn.", between=(1, 1024))
    alpha: int = option(32, "Alpha", "Of LoRA: how strongly it counts, usually twice the rank.", between=(1, 4096))
    dropout: float = option(0.0, "Dropout", "Of LoRA: which share is left out at random.", between=(0.0, 0.9))
    adapter: bool = option(True, "Adapter", "DPO and KTO train an adapter, or else all weights.")
    warmup_steps: int = option(0, "Warm-up", "Steps until the learning rate is reached.", between=(0, _MOST))
    scheduler: str = option("cosine", "Schedule", "How the learning rate falls.", choices=SCHEDULERS)
    weight_decay: float = option(0.0, "Weight decay", "How strongly weights are kept small.", between=(0.0, 1.0))
    checkpoint_every: int = option(
        0,
        "Checkpoint",
        "Steps between two checkpoints, at each of which validation is measured; 0: three an epoch.",
        between=(0, _MOST),
    )
    keep_last: int = option(1, "Keep", "Checkpoints that are kept beside the best.", between=(1, 100))
    patience: int = option(0, "Patience", "Stop after so many checkpoints without a gain; 0: never.", between=(0, 1000))
    trains: str = option("answers", "Learns from", "Which texts of a pair are learned.", choices=TRAINS)
    beta: float = option(0.1, "Beta", "Of DPO and KTO: how near the model stays to its base.", between=(0.001, 10.0))
    samples: int = option(
        5, "Sample answers", "Validation questions that are answered at checkpoints.", between=(0, 50)
    )
    precision: str = option("auto", "Precision", "With which numbers it is reckoned.", choices=PRECISIONS)
    device: str = option("auto", "Device", "On what it is trained.", choices=DEVICES)
    toy_layers: int = option(2, "Layers of the toy", "Of the toy model only.", between=(1, 16))
    toy_width: int = option(128, "Width of the toy", "Of the toy model only.", between=(16, 1024))
    toy_vocabulary: int = option(2048, "Vocabulary of the toy", "Of the toy model only.", between=(300, 65536))
    allow_download: bool = option(False, "Download", "The base model may be fetched from the Hub.")

    def checked(self) -> "TrainingSettings":
        """The settings themselves. Raises Invalid for what does not go together."""
        if self.toy_width % 16:
            raise Invalid("The width of the toy must be a multiple of 16.", code="bad_option", option="toy_width")
        return self


def change_settings(settings: TrainingSettings, said: Iterable[str]) -> TrainingSettings:
    """The settings with what texts such as ``epochs=2`` say. Raises Invalid for a setting that there is not."""
    known = {one.name: one for one in options_of(TrainingSettings)}
    changed = {}
    for one in said:
        name, sign, value = one.partition("=")
        name = name.strip().replace("-", "_")
        if not sign or name not in known:
            have = ", ".join(known)
            raise Invalid(f"{one!r} is not NAME=VALUE of a setting. There are: {have}.", code="unknown_option")
        changed[name] = read_text(known[name], value.strip())
    return replace(settings, **changed)


def trains_adapter(method: str, settings: TrainingSettings) -> bool:
    """Whether a run trains an adapter, and not the weights themselves."""
    return method in ("lora", "qlora") or (method in COMPARING and settings.adapter)


def usual_settings(base_kind: str, method: str) -> TrainingSettings:
    """What is set where nobody says anything: a toy learns from nothing: larger steps, no adapter."""
    usual = TrainingSettings()
    return replace(usual, learning_rate=1e-3, adapter=False) if base_kind == "toy" else usual
