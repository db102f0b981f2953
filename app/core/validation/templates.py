"""Chat templates: what of a conversation they write is said by the model, and so can be learned.

A template may mark that itself, by blocks named ``generation`` around what the model says. Where it does not, the
conversation is written up to each answer, with and without it: what is added is the answer, as long as the beginning
stays the same. Some templates write earlier turns otherwise once others follow; of these answers nothing is claimed.
"""

import os
import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from typing import Any, NamedTuple

from app.core.record import Message
from app.core.validation.training import Piece, Written

Span = tuple[int, int]


class TemplateRefusal(Exception):
    """A template does not write a conversation, for the reason that the text says."""


class Rendered(NamedTuple):
    """What a template wrote, with the places of what it marks as said by the model; None where it marks nothing."""

    text: str
    said: tuple[Span, ...] | None = None


# Writes messages, and with True the beginning of an answer behind them. Raises TemplateRefusal.
Render = Callable[[Sequence[Mapping[str, Any]], bool], Rendered]
MISPLACED = "The blocks by which this template marks answers are written where no trainer finds them."
# How marks of templates look: <|im_start|>, <start_of_turn>, <s>, [INST], and those with wide bars.
_MARK = re.compile(r"<\|[^|<>\s]{1,40}\|>|<｜[^｜<>\s]{1,40}｜>|</?[a-z]+(?:_[a-z]+)*>|\[/?[A-Z]+(?:_[A-Z]+)*\]")
# What looks like a mark and is text to the models that we know of.
_TEXTS = {"<think>", "</think>", "<tools>", "</tools>", "<tool_call>", "</tool_call>", "<tool_response>"}
_TEXTS |= {"</tool_response>", "<function>", "</function>", "<parameter>", "</parameter>"}


def find_marks(source: str) -> set[str]:
    """What stands in a template and is likely to be one token each. A tokenizer knows it for sure."""
    return {one for one in _MARK.findall(source) if one not in _TEXTS}


def as_template_message(message: Message) -> dict[str, Any]:
    """A message as templates get it: only the keys that it has, reasoning by both names that they know.

    Source: apply_chat_template of transformers 5.24, which drops keys without a value and fills these two.
    """
    found: dict[str, Any] = {"role": message.role, "content": message.text, "name": message.name}
    found |= {"reasoning_content": message.reasoning, "thinking": message.reasoning}
    found |= {"tool_calls": message.tool_calls, "tool_call_id": message.tool_call_id}
    return {key: value for key, value in found.items() if value is not None} | message.extra


def write_by_template(
    messages: Sequence[Message],
    render: Render,
    *,
    marks: Iterable[str] = (),
    find_tokens: Callable[[str], Sequence[Span]] | None = None,
) -> Written:
    """A conversation as a template writes it, in pieces. ``find_tokens`` tells where each token of a text stands.

    Without it ``marks`` are pieces of their own. A message of weight 0 is not learned.
    """
    said = [as_template_message(one) for one in messages]
    pattern = re.compile("|".join(map(re.escape, sorted(marks, key=len, reverse=True))) or r"(?!)")
    try:
        whole = render(said, False)
    except TemplateRefusal as refusal:
        return Written(refused=str(refusal))
    unclear = ""
    if whole.said is None:
        answers = [at for at, one in enumerate(messages) if one.role == "assistant" and one.weight != 0]
        spans, unclear = _compare_prefixes(said, answers, whole.text, render, pattern)
    elif any(not 0 <= start <= end <= len(whole.text) for start, end in whole.said):
        spans, unclear = [], MISPLACED
    else:
        spans = _give_to_messages(whole.said, said, whole.text, render)
    learned = [
        (start, end, place, messages[place].role == "assistant" and messages[place].weight != 0)
        for start, end, place in spans
        if end > start
    ]
    tokens = find_tokens(whole.text) if find_tokens is not None else None
    return Written(tuple(_cut_pieces(whole.text, learned, pattern, tokens)), unclear)


def _compare_prefixes(
    messages: Sequence[Mapping[str, Any]],
    answers: Sequence[int],
    whole: str,
    render: Render,
    marks: re.Pattern[str],
) -> tuple[list[tuple[int, int, int]], str]:
    """Where each of the answers stands in the whole text, with its place; and of which of them it cannot be told."""
    found: list[tuple[int, int, int]] = []
    lost: list[int] = []
    for number, place in enumerate(answers, 1):
        try:
            bare = render(messages[:place], False).text
            asked = render(messages[:place], True).text
            answered = whole if place == len(messages) - 1 else render(messages[: place + 1], False).text
        except TemplateRefusal:
            lost.append(number)
            continue
        # A prompt may begin an answer otherwise than the answer is written, as with an open block of thoughts.
        start = _count_alike(asked, answered)
        if not whole.startswith(answered) or start < len(bare) or (found and start < found[-1][1]):
            lost.append(number)
            continue
        # Blanks behind the mark at the end of a turn are not said by the model.
        end = len(answered.rstrip())
        ends_with_mark = any(one.end() == end for one in marks.finditer(answered, start))
        found.append((start, end if ends_with_mark else len(answered), place))
    if not lost:
        return found, ""
    which = f"answer {lost[0]:,}" if len(lost) == 1 else f"{len(lost):,} answers"
    said = f"The template writes {which} of {len(answers):,} otherwise once more turns follow"
    return found, f"{said}: what is trained of it cannot be told."


def _count_alike(one: str, other: str) -> int:
    """How many letters two texts have in common at their beginnings."""
    return len(os.path.commonprefix([one, other]))  # noqa: RUF071 (letters are meant)


def _give_to_messages(
    spans: Sequence[Span], messages: Sequence[Mapping[str, Any]], whole: str, render: Render
) -> list[tuple[int, int, int]]:
    """Each span that a template marks, with the place of the message that it belongs to."""
    answers = [place for place, one in enumerate(messages) if one["role"] == "assistant"]
    if not answers:
        return []
    if len(spans) == len(answers):
        return [(*span, place) for span, place in zip(spans, answers, strict=True)]
    # A message may have several, or none: it has those that begin before the text goes on in another way without the
    # messages behind it.
    reach = [len(whole)] * len(answers)
    for number, place in enumerate(answers[:-1]):
        with suppress(TemplateRefusal):
            reach[number] = _count_alike(whole, render(messages[: place + 1], False).text)
    return [(*span, next(at for at, end in zip(answers, reach, strict=True) if span[0] <= end)) for span in spans]


def _cut_pieces(
    text: str,
    learned: Sequence[tuple[int, int, int, bool]],
    marks: re.Pattern[str],
    tokens: Sequence[Span] | None,
) -> list[Piece]:
    """The text in pieces: what the model says, what stands between, and each mark unless the tokens are known."""
    parts: list[Piece] = []
    place, message = 0, max(learned[0][2] - 1, 0) if learned else 0
    for start, end, of_message, is_learned in learned:
        if start > place:
            parts.append(Piece(text[place:start], message))
        parts.append(Piece(text[start:end], of_message, is_learned))
        place, message = end, of_message + 1
    if place < len(text):
        # What stands behind the last answer is of its turn.
        parts.append(Piece(text[place:], learned[-1][2] if learned else 0))
    if tokens is not None:
        return _share_tokens(parts, tokens)
    found: list[Piece] = []
    for part in parts:
        at = 0
        for mark in marks.finditer(part.text):
            if mark.start() > at:
                found.append(part._replace(text=part.text[at : mark.start()]))
            found.append(part._replace(text=mark[0], mark=True))
            at = mark.end()
        if at < len(part.text):
            found.append(part._replace(text=part.text[at:]))
    return found


def _share_tokens(parts: Sequence[Piece], tokens: Sequence[Span]) -> list[Piece]:
    """The pieces with the ends of their tokens. One that reaches over an edge is of the piece that is learned.

    Source: transformers marks the tokens from that of the first letter of an answer to that of its last.
    """
    starts = [0]
    for part in parts:
        starts.append(starts[-1] + len(part.text))
    ends: list[list[int]] = [[] for _ in parts]
    for start, end in tokens:
        first = min(bisect_right(starts, start), len(parts)) - 1
        last = min(bisect_right(starts, max(end - 1, start)), len(parts)) - 1
        owner = next((one for one in range(first, last + 1) if parts[one].learned), first)
        ends[owner].append(min(max(end - starts[owner], 0), len(parts[owner].text)))
    return [part._replace(ends=tuple(found)) for part, found in zip(parts, ends, strict=True)]
