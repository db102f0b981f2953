"""All layouts, in the order in which they are listed."""

from app.core.layouts.alpaca import ALPACA
from app.core.layouts.anthropic import ANTHROPIC
from app.core.layouts.base import Layout
from app.core.layouts.chat_text import CHAT_TEXT
from app.core.layouts.columns import COLUMNS
from app.core.layouts.converse import CONVERSE
from app.core.layouts.dialects import DIALECTS
from app.core.layouts.doccano import DOCCANO
from app.core.layouts.gemini import GEMINI, GEMINI_PREFERENCE
from app.core.layouts.kto import KTO, TRL_KTO
from app.core.layouts.label_studio import LABEL_STUDIO
from app.core.layouts.message_rows import MESSAGE_ROWS
from app.core.layouts.oasst import OASST
from app.core.layouts.openai import OPENAI
from app.core.layouts.preference import LLAMA_FACTORY_PREFERENCE, PREFERENCE, TRL_PREFERENCE
from app.core.layouts.prompt_completion import PROMPT_COMPLETION, PROMPT_COMPLETION_TEXT
from app.core.layouts.reference import REFERENCE
from app.core.layouts.sharegpt import SHAREGPT
from app.core.layouts.squad import SQUAD
from app.core.layouts.swift import SWIFT

LAYOUTS: dict[str, Layout] = {
    one.name: one
    for one in (
        OPENAI,
        COLUMNS,
        ALPACA,
        SHAREGPT,
        PROMPT_COMPLETION,
        PROMPT_COMPLETION_TEXT,
        PREFERENCE,
        TRL_PREFERENCE,
        LLAMA_FACTORY_PREFERENCE,
        TRL_KTO,
        KTO,
        SWIFT,
        SQUAD,
        GEMINI,
        GEMINI_PREFERENCE,
        CONVERSE,
        REFERENCE,
        ANTHROPIC,
        DOCCANO,
        LABEL_STUDIO,
        OASST,
        MESSAGE_ROWS,
        CHAT_TEXT,
        *DIALECTS,
    )
}
