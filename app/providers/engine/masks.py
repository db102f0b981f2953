"""Which tokens of a row are trained: those that the model would say itself, as the settings want it.

A chat template may mark them by blocks named ``generation``. Where it does not, the conversation is written up to each
answer, with and without it: what is added is the answer, as long as the beginning stays the same. It is reckoned as our
page *What is trained* announces it (``app/core/validation/templates.py``), and tests/train compares both token by
token; the engine has it once more because it imports nothing of ours.
"""

import json
import os
import re
from collections.abc import Sequence
from contextlib import suppress
from typing import Any, NamedTuple

Span = tuple[int, int]
IGNORED = -100
_GENERATION = re.compile(r"\{%-?\s*generation\s*-?%\}")
# How marks of templates look: <|im_start|>, <start_of_turn>, <s>, [INST], and those with wide bars.
_MARK = re.compile(r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?[a-z]+(?:_[a-z]+)*>|\[/?[A-Z]+(?:_[A-Z]+)*\]")
_TEXTS = {"<think>", "</think>", "<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>"}
_TEXTS |= {"</tool_response>", "<function>", "</function>", "<parameter>", "</parameter>"}


class Masked(NamedTuple):
    """A row as the model gets it: its tokens, those that are trained, and where these stand in the text."""

    text: str
    tokens: list[int]
    trained: list[bool]
    spans: list[Span]


class Masker:
    """Writes rows by the chat template of a tokenizer, and finds what is trained of them."""

    def __init__(self, tokenizer: Any, trains: str, max_tokens: int) -> None:
        self.tokenizer, self.trains, self.max_tokens = tokenizer, trains, max_tokens

    def mask(self, row: dict[str, Any]) -> Masked:
        """A row of messages, or of a prompt with what follows it, cut at the end where it is too long."""
        messages, tools = row.get("messages"), read_tools(row)
        if messages is None:
            return self._mask_completion(row, tools)
        text, marked = self._render(messages, tools)
        if self.trains == "all":
            spans = [(0, len(text))]
        else:
            found = self._find_answers(messages, tools, text, marked)
            last = max((place for _, _, place in found), default=-1)
            spans = [(a, b) for a, b, place in found if self.trains == "answers" or place == last]
        encoded = self._encode(text)
        trained = [any(a < end and start < b for a, b in spans) for start, end in encoded["offset_mapping"]]
        return Masked(text, encoded["input_ids"][: self.max_tokens], trained[: self.max_tokens], spans)

    def _mask_completion(self, row: dict[str, Any], tools: Any) -> Masked:
        """A prompt with what follows it, which begins where its tokens part from those of the prompt alone."""
        asked = self._encode(self._render(row["prompt"], tools, asks=True)[0])["input_ids"]
        texts = [
            self._render([*row["prompt"], *row[name]], tools)[0]
            for name in ("completion", "chosen", "rejected")
            if name in row
        ]
        encoded = [self._encode(text) for text in texts]
        start = min(_count_alike(asked, one["input_ids"]) for one in encoded)
        tokens, offsets = encoded[0]["input_ids"], encoded[0]["offset_mapping"]
        spans = [(offsets[start][0], len(texts[0]))] if start < len(tokens) else []
        trained = [at >= start for at in range(len(tokens))]
        return Masked(texts[0], tokens[: self.max_tokens], trained[: self.max_tokens], spans)

    def _encode(self, text: str) -> Any:
        return self.tokenizer(text, add_special_tokens=False, return_offsets_mapping=True)

    def _render(
        self, messages: Sequence[dict[str, Any]], tools: Any, asks: bool = False
    ) -> tuple[str, list[Span] | None]:
        """The text of a conversation, with the places that its template marks, if it marks any."""
        from transformers.utils.chat_template_utils import render_jinja_template

        template = self.tokenizer.get_chat_template(None, tools)
        marks = bool(_GENERATION.search(template))
        texts, places = render_jinja_template(
            conversations=[[{key: value for key, value in one.items() if value is not None} for one in messages]],
            tools=tools,
            chat_template=template,
            return_assistant_tokens_mask=marks,
            add_generation_prompt=asks,
            **self.tokenizer.special_tokens_map,
        )
        return texts[0], [tuple(one) for one in places[0]] if marks else None

    def _find_answers(
        self, messages: Sequence[dict[str, Any]], tools: Any, whole: str, marked: list[Span] | None
    ) -> list[tuple[int, int, int]]:
        """Where each answer stands in the text, with the place of its message; of some it cannot be told."""
        answers = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
        if marked is not None:
            if len(marked) == len(answers):
                return [(a, b, place) for (a, b), place in zip(marked, answers, strict=True) if b > a]
            # A message may have several, or none: it has those that begin before the text goes on in another way.
            reach = [len(whole)] * len(answers)
            for number, place in enumerate(answers[:-1]):
                with suppress(Exception):
                    reach[number] = _count_alike(whole, self._render(messages[: place + 1], tools)[0])
            owners = [next(at for at, end in zip(answers, reach, strict=True) if a <= end) for a, _ in marked]
            return [(a, b, place) for (a, b), place in zip(marked, owners, strict=True) if b > a]
        found: list[tuple[int, int, int]] = []
        marks = {*self.tokenizer.all_special_tokens, *_MARK.findall(self.tokenizer.get_chat_template(None, tools))}
        for place in answers:
            try:
                bare, asked = (self._render(messages[:place], tools, asks)[0] for asks in (False, True))
                answered = whole if place == len(messages) - 1 else self._render(messages[: place + 1], tools)[0]
            except Exception:  # noqa: BLE001 (templates raise what they like; then nothing is claimed of this answer)
                continue
            start = _count_alike(asked, answered)
            if not whole.startswith(answered) or start < len(bare) or (found and start < found[-1][1]):
                continue
            # Blanks behind the mark at the end of a turn are not said by the model.
            end = len(answered.rstrip())
            ends_with_mark = any(answered[start:end].endswith(mark) for mark in marks - _TEXTS)
            found.append((start, end if ends_with_mark else len(answered), place))
        return found


def read_tools(row: dict[str, Any]) -> Any:
    """The tools of a row, which may be JSON text; None where there are none."""
    tools = row.get("tools")
    return (json.loads(tools) if isinstance(tools, str) and tools.strip() else tools) or None


def _count_alike(one: Any, other: Any) -> int:
    """How many letters, or tokens, are the same at the beginnings of two."""
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 (no paths are meant)
