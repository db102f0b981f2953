"""Export targets: every trainer, service, table and archive that a dataset can be written for, as data.

A target is a format and a layout under the name of who reads the file, with what else it wants: a byte-order mark,
files beside the data, one file for each split. Limits, sources and dates stand in its profile
(``validation/profiles``).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from app.core.layouts import LAYOUTS

if TYPE_CHECKING:
    from app.core.validation import Profile

GROUPS = {
    "hosted": "Hosted services",
    "local": "Local trainers",
    "preference": "Preference",
    "tables": "Tables",
    "archives": "Archives",
}


@dataclass(frozen=True, slots=True)
class Target:
    """One choice of what to write. The first of ``formats`` is the usual one.

    ``profile`` names the rules and limits of who reads it; where there is none, ``source`` says where the form was
    found and ``date`` when. ``bundle`` says which files are written beside the data: the target is a folder or .zip
    then. ``is_legacy`` says that nothing new should be built on it, ``note`` what to know before it is chosen.
    """

    name: str
    title: str
    group: str
    hint: str
    layout: str
    formats: tuple[str, ...] = ("jsonl",)
    profile: str = ""
    bom: bool = False
    spreadsheet_safe: bool = False
    bundle: str = ""
    is_legacy: bool = False
    note: str = ""
    source: str = ""
    date: str = ""

    @property
    def format(self) -> str:
        """The usual format."""
        return self.formats[0]

    @property
    def container(self) -> str:
        """What is written: the formats that it can have, or a folder."""
        return "folder or .zip" if self.bundle else ", ".join(self.formats)


_UNROLLED = "A conversation with reasoning in earlier turns becomes a row for each turn."

EXPORT_TARGETS: dict[str, Target] = {
    one.name: one
    for one in (
        Target(
            "openai", "OpenAI", "hosted", "Chat JSONL for supervised fine-tuning", "openai-sft", profile="openai-sft"
        ),
        Target(
            "azure",
            "Azure AI Foundry",
            "hosted",
            "OpenAI’s file with a byte-order mark",
            "openai-sft",
            profile="azure",
            bom=True,
        ),
        Target("together", "Together", "hosted", "Messages with reasoning and weights", "together", profile="together"),
        Target(
            "fireworks", "Fireworks", "hosted", "Messages with reasoning and weights", "fireworks", profile="fireworks"
        ),
        Target("gemini", "Gemini (Vertex)", "hosted", "Contents with parts and functions", "gemini", profile="gemini"),
        Target(
            "bedrock-nova",
            "Bedrock Nova",
            "hosted",
            "Converse messages with blocks",
            "converse",
            profile="bedrock-nova",
        ),
        Target(
            "openai-rft", "OpenAI RFT", "hosted", "Prompts with a reference answer", "reference", profile="openai-rft"
        ),
        Target(
            "openai-legacy",
            "OpenAI prompt–completion",
            "hosted",
            "Two texts for babbage-002 and davinci-002",
            "prompt-completion-text",
            is_legacy=True,
            note="OpenAI’s checks for it are gone.",
            source="openai-python _validators.py e43b4224",
            date="2026-08-21",
        ),
        Target(
            "llama-factory",
            "LLaMA-Factory",
            "local",
            "ShareGPT with its dataset_info.json",
            "sharegpt",
            ("json",),
            "llama-factory",
            bundle="llama-factory",
        ),
        Target(
            "axolotl",
            "axolotl",
            "local",
            "Messages with the YAML that reads them",
            "axolotl",
            profile="axolotl",
            bundle="axolotl",
            note=_UNROLLED,
        ),
        Target(
            "unsloth", "Unsloth", "local", "Messages for its chat templates", "trl", profile="unsloth", note=_UNROLLED
        ),
        Target("trl", "TRL messages", "local", "Tool arguments as objects", "trl", profile="trl", note=_UNROLLED),
        Target(
            "trl-prompt-completion",
            "TRL prompt and completion",
            "local",
            "Trains the last answer alone",
            "trl-prompt-completion",
            profile="trl",
            note=_UNROLLED,
        ),
        Target(
            "mlx",
            "MLX-LM",
            "local",
            "A folder with train, valid and test",
            "mlx",
            profile="mlx",
            bundle="mlx",
            note=_UNROLLED,
        ),
        Target(
            "ms-swift",
            "MS-Swift",
            "local",
            "Messages with loss, tools as text",
            "swift",
            profile="ms-swift",
            note=_UNROLLED,
        ),
        Target(
            "gpt-oss",
            "gpt-oss",
            "local",
            "Messages with “thinking”, for the Harmony template",
            "gpt-oss",
            profile="trl",
            note=_UNROLLED,
        ),
        Target(
            "alpaca",
            "Alpaca",
            "local",
            "instruction, input, output, history",
            "alpaca",
            ("json", "jsonl"),
            source="LLaMA-Factory data/README.md ff6d4d12",
            date="2026-08-18",
        ),
        Target(
            "sharegpt",
            "ShareGPT",
            "local",
            "from and value",
            "sharegpt",
            ("json", "jsonl"),
            source="LLaMA-Factory data/README.md ff6d4d12",
            date="2026-08-18",
        ),
        Target(
            "text",
            "Plain text",
            "local",
            "Conversations as ChatML text",
            "chat-text",
            source="TRL docs/source/dataset_formats.md f2cd5771",
            date="2026-07-24",
        ),
        Target(
            "mistral-finetune",
            "mistral-finetune",
            "local",
            "Messages with ids of nine letters",
            "mistral",
            profile="mistral-finetune",
            is_legacy=True,
            note="Mistral’s hosted fine-tuning is deprecated.",
        ),
        Target(
            "openai-dpo", "OpenAI DPO", "preference", "Better and worse answers", "openai-dpo", profile="openai-dpo"
        ),
        Target(
            "together-preference",
            "Together preference",
            "preference",
            "Better and worse answers, with reasoning",
            "together-preference",
            profile="together",
        ),
        Target(
            "fireworks-preference",
            "Fireworks preference",
            "preference",
            "Better and worse answers, with reasoning",
            "fireworks-preference",
            profile="fireworks",
        ),
        Target(
            "gemini-preference",
            "Gemini preference",
            "preference",
            "Completions with scores",
            "gemini-preference",
            profile="gemini-preference",
        ),
        Target(
            "trl-preference",
            "TRL preference",
            "preference",
            "prompt, chosen, rejected",
            "trl-preference",
            profile="trl",
        ),
        Target("trl-kto", "TRL KTO", "preference", "Each answer with a label", "trl-kto", profile="trl"),
        Target(
            "llama-factory-preference",
            "LLaMA-Factory preference",
            "preference",
            "Pairs with their dataset_info.json",
            "llama-factory-preference",
            ("json",),
            "llama-factory",
            bundle="llama-factory",
        ),
        Target(
            "llama-factory-kto",
            "LLaMA-Factory KTO",
            "preference",
            "Labels with their dataset_info.json",
            "kto",
            ("json",),
            "llama-factory",
            bundle="llama-factory",
        ),
        Target("csv", "CSV", "tables", "Exact texts, one pair a row", "columns", ("csv",)),
        Target(
            "csv-excel",
            "CSV for Excel",
            "tables",
            "With a mark, formulas made safe",
            "columns",
            ("csv",),
            bom=True,
            spreadsheet_safe=True,
        ),
        Target("tsv", "TSV", "tables", "Tab-separated", "columns", ("tsv",)),
        Target("xlsx", "Excel workbook", "tables", "Every cell a text", "columns", ("xlsx",)),
        Target("parquet-columns", "Parquet", "tables", "Columns of text, compressed", "columns", ("parquet",)),
        Target("parquet", "Parquet of messages", "tables", "Conversations as JSON text", "openai", ("parquet",)),
        Target("sqlite", "SQLite", "tables", "A table, and the old view of messages", "columns", ("sqlite",)),
        Target(
            "huggingface",
            "Hugging Face dataset",
            "archives",
            "A file for each split, card, Croissant, manifest",
            "hugging-face",
            bundle="huggingface",
            source="datasets 5.2.0 and its documentation",
            date="2026-11-29",
        ),
    )
}


def describe_targets(profiles: Mapping[str, "Profile"]) -> list[dict[str, Any]]:
    """Every target as a JSON object: what it holds, and from its profile default limits, source and date."""
    found = []
    for target in EXPORT_TARGETS.values():
        layout, profile = LAYOUTS[target.layout], profiles.get(target.profile)
        limits = {**msgspec.to_builtins(profile.limits), **msgspec.to_builtins(profile.length)} if profile else {}
        source = "; ".join(one.title for one in profile.sources) if profile else target.source
        found.append(
            {
                "name": target.name,
                "title": target.title,
                "group": target.group,
                "hint": target.hint,
                "format": target.format,
                "layout": target.layout,
                "container": target.container,
                "holds": sorted(layout.holds),
                "needs": sorted(layout.needs),
                "profile": target.profile,
                "limits": {name: value for name, value in limits.items() if value not in (None, "")},
                "source": source,
                "date": profile.date.isoformat() if profile else target.date,
                "legacy": target.is_legacy,
                "note": target.note,
            }
        )
    return found
