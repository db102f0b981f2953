"""Rows of messages exactly as one trainer or service reads them. All are read as the layouts that they are made of."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

from app.core.layouts.base import Layout, LayoutOptions, never, with_columns
from app.core.layouts.dialect import TRL_DIALECT, Dialect, held_by, write_row
from app.core.layouts.openai import OPENAI
from app.core.layouts.preference import PREFERENCE
from app.core.layouts.prompt_completion import PROMPT_COMPLETION
from app.core.record import Record


def _in_dialect(base: Layout, dialect: Dialect) -> Callable[[Record, LayoutOptions], dict[str, Any]]:
    """The ``render`` of rows of another layout in a dialect; with ``keep_extra`` other columns stand beside."""

    def render(record: Record, options: LayoutOptions) -> dict[str, Any]:
        if base is OPENAI and not (record.turns or record.trace or record.extra) and record.reasoning is None:
            # Plain messages are the same in every dialect.
            return base.render(record, options)
        row = write_row(base.render(record, replace(options, keep_extra=False)), dialect)
        taken = base.columns.intersection((*row, *(row["input"] if base is PREFERENCE else ())))
        rest = {name: value for name, value in record.extra.items() if name not in taken}
        return with_columns(row, replace(record, extra=rest), options, dialect.columns, (*base.keys, *dialect.columns))

    return render


def _layout(
    name: str, title: str, dialect: Dialect, *, base: Layout = OPENAI, unrolls: bool = False, more: tuple[str, ...] = ()
) -> Layout:
    """A layout that is written in a dialect and read as the one that it is made of."""
    return replace(
        base,
        name=name,
        title=title,
        render=_in_dialect(base, dialect),
        holds=held_by(dialect, *more),
        keys=(*(key for key in base.keys if key not in OPENAI.columns), *dialect.columns),
        columns=frozenset(dialect.columns),
        message_keys=frozenset(dialect.keys),
        keeps=frozenset(),
        came="",
        recognises=never,
        unrolls=unrolls,
    )


_OPENAI_CHAT = Dialect(weight="weight", keys=("name", "refusal"), columns=("tools", "parallel_tool_calls", "functions"))
_OPENAI_PAIRS = replace(_OPENAI_CHAT, weight="", columns=("tools", "parallel_tool_calls"))
_TOGETHER = Dialect(reasoning="reasoning_content", weight="weight", columns=("tools", "weight"), knows_developer=False)
_FIREWORKS = replace(_TOGETHER, beside_call="")
_WORSE = ("rejected answer",)

OPENAI_SFT = _layout("openai-sft", "OpenAI fine-tuning", _OPENAI_CHAT)
OPENAI_DPO = _layout("openai-dpo", "OpenAI preference pairs", _OPENAI_PAIRS, base=PREFERENCE, more=_WORSE)
TOGETHER = _layout("together", "Together", _TOGETHER)
TOGETHER_PREFERENCE = _layout(
    "together-preference", "Preference pairs (Together)", replace(_TOGETHER, weight=""), base=PREFERENCE, more=_WORSE
)
FIREWORKS = _layout("fireworks", "Fireworks", _FIREWORKS)
FIREWORKS_PREFERENCE = _layout(
    "fireworks-preference", "Preference pairs (Fireworks)", replace(_FIREWORKS, weight=""), base=PREFERENCE, more=_WORSE
)
TRL = _layout("trl", "TRL messages", TRL_DIALECT, unrolls=True)
TRL_PROMPT_COMPLETION = _layout(
    "trl-prompt-completion", "Prompt and completion (TRL)", TRL_DIALECT, base=PROMPT_COMPLETION, unrolls=True
)
GPT_OSS = _layout("gpt-oss", "Messages for gpt-oss", replace(TRL_DIALECT, reasoning="thinking"), unrolls=True)
HUGGING_FACE = _layout("hugging-face", "Hugging Face messages", replace(TRL_DIALECT, weight="weight"))
AXOLOTL = _layout("axolotl", "axolotl messages", Dialect(reasoning="reasoning_content", weight="train"), unrolls=True)
MLX = _layout("mlx", "MLX-LM messages", TRL_DIALECT, unrolls=True)
MISTRAL = _layout(
    "mistral",
    "Mistral fine-tuning",
    Dialect(keys=(), weight="weight", knows_developer=False, alone=True, short_ids=True),
)
DIALECTS = (
    OPENAI_SFT,
    OPENAI_DPO,
    TOGETHER,
    TOGETHER_PREFERENCE,
    FIREWORKS,
    FIREWORKS_PREFERENCE,
    TRL,
    TRL_PROMPT_COMPLETION,
    GPT_OSS,
    HUGGING_FACE,
    AXOLOTL,
    MLX,
    MISTRAL,
)
