"""Reasoning beside answers: the keys that messages have for it, and the block that texts begin with instead.

The block is ``<think>…</think>``, as DeepSeek's templates, LLaMA-Factory and MS-Swift have it.
"""

import re
from dataclasses import replace

from app.core.record import Message, Record

# The usual key first: TRL, axolotl, Together and Fireworks read it; vLLM writes “reasoning”, gpt-oss reads “thinking”.
KEYS = ("reasoning_content", "reasoning", "thinking")
THINK = "<think>"
_BLOCK = re.compile(r"\s*<think>(.*?)</think>\s*", re.DOTALL)


def split_thinking(text: str) -> tuple[str | None, str]:
    """The reasoning at the start of a text, and the text behind it; None, and all of it, where it does not begin so."""
    found = _BLOCK.match(text) if THINK in text else None
    return (found[1].strip() or None, text[found.end() :]) if found else (None, text)


def with_thinking(reasoning: str | None, text: str) -> str:
    """The text with its reasoning, if any, as a block before it."""
    return text if reasoning is None else f"<think>\n{reasoning}\n</think>\n\n{text}"


def lift_thinking(record: Record) -> Record:
    """The record with the blocks at the start of its answers as their reasoning; the same object where there is none.

    A block stays where there is no answer behind it, or where the answer has its reasoning already. An empty one goes.
    """
    changed = record
    if record.reasoning is None and THINK in record.answer:
        reasoning, answer = split_thinking(record.answer)
        if answer and answer != record.answer:
            changed = replace(record, reasoning=reasoning, answer=answer)
    turns, trace = tuple(map(_lift_message, record.turns)), tuple(map(_lift_message, record.trace))
    if (turns, trace) != (record.turns, record.trace):
        changed = replace(changed, turns=turns, trace=trace)
    return changed


def _lift_message(message: Message) -> Message:
    if message.role != "assistant" or message.reasoning is not None or not message.text or THINK not in message.text:
        return message
    reasoning, text = split_thinking(message.text)
    if text == message.text or not (text or message.tool_calls):
        return message
    return replace(message, reasoning=reasoning, text=text or None)
