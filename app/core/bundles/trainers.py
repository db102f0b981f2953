"""What trainers want beside their data: LLaMA-Factory's ``dataset_info.json``, the YAML of axolotl.

Sources: LLaMA-Factory, data/README.md and src/llamafactory/data/converter.py (ff6d4d12); axolotl 0.19,
docs/dataset-formats/conversation.qmd and docs/config-reference.
"""

from typing import Any

from app.core.bundles.base import Facts, as_json
from app.core.bundles.features import yaml_text

_TAGS = {
    "role_tag": "from",
    "content_tag": "value",
    "user_tag": "human",
    "assistant_tag": "gpt",
    "observation_tag": "observation",
    "function_tag": "function_call",
    "system_tag": "system",
}


def write_dataset_info(facts: Facts) -> bytes:
    """An entry for each file. Only columns that are there are named: LLaMA-Factory ends at one that is not."""
    columns = {"messages": "conversations"}
    more: dict[str, Any] = {}
    if facts.layout == "llama-factory-preference":
        columns |= {"chosen": "chosen", "rejected": "rejected"}
        more = {"ranking": True}
    elif facts.layout == "kto":
        columns["kto_tag"] = "kto_tag"
    columns |= {name: name for name in ("system", "tools") if facts.has_column(name)}
    return as_json(
        {
            facts.slug if part.split == "train" else f"{facts.slug}_{part.split}": {
                "file_name": part.path,
                "formatting": "sharegpt",
                **more,
                "columns": columns,
                "tags": _TAGS,
            }
            for part in facts.parts
        }
    )


def write_axolotl(facts: Facts) -> bytes:
    """The part of a configuration that names the files and says how their rows are read."""
    lines = [
        "# Put this into the configuration of a run that is started in this folder, or make the paths absolute.",
        "# Longer conversations than sequence_len are dropped unless excess_length_strategy says otherwise.",
        *axolotl_datasets(facts),
    ]
    return "\n".join([*lines, ""]).encode()


def axolotl_datasets(facts: Facts) -> list[str]:
    """The lines that name the files and say how their rows are read."""
    messages = facts.features.rows.fields["messages"].items
    keys = messages.fields if messages is not None else {}
    reading = ["    type: chat_template", "    field_messages: messages"]
    if "train" in keys:
        reading.append("    message_field_training: train")
    if "reasoning_content" in keys:
        reading += ["    field_thinking: reasoning_content", "    template_thinking_key: reasoning_content"]
    if facts.has_column("tools"):
        reading.append("    field_tools: tools")
    lines = ["chat_template: tokenizer_default"]
    for title, split in (("datasets", "train"), ("test_datasets", "validation")):
        named = [part for part in facts.parts if part.split == split]
        lines += [f"{title}:"] * bool(named)
        for part in named:
            lines += [f"  - path: {yaml_text(part.path)}", "    ds_type: json", "    split: train", *reading]
    return lines
