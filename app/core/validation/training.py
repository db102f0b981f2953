"""What a target really trains of a record: how its conversation is written, which tokens are learned, where it is cut.

A conversation is written by a template as pieces in a row; a piece is what somebody says, or what stands around it.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from typing import NamedTuple

import msgspec

from app.core.layouts.base import messages_of, trailing_of
from app.core.layouts.functions import tools_in
from app.core.reasoning import with_thinking
from app.core.record import Message, Record
from app.core.text import plural
from app.core.tokens import Tokenizer
from app.core.validation.profiles import Length, Profile

# Few tokens have more letters.
_LONGEST_TOKEN = 24
_encode = msgspec.json.Encoder().encode


class Piece(NamedTuple):
    """A part of the written conversation. ``message`` counts from 0; ``learned`` is what the model would say itself.

    A ``mark`` is one token whatever letters show it.
    """

    text: str
    message: int
    learned: bool = False
    mark: bool = False


Template = Callable[[Sequence[Message], Sequence[object]], list[Piece]]


def write_chatml(messages: Sequence[Message], tools: Sequence[object]) -> list[Piece]:
    """ChatML: each message between marks, with its role in the first line.

    Source: the form that OpenAI published in 2023 and Qwen's templates have. Tools stand in a system message before
    all others, calls as JSON lines in their message.
    """
    if tools:
        listed = "\n".join(_encode(tool).decode() for tool in tools)
        messages = (Message("system", listed), *messages)
    pieces: list[Piece] = []
    for place, one in enumerate(messages):
        at, learned = place - bool(tools), one.role == "assistant" and one.weight != 0
        calls = [_encode(call).decode() for call in one.tool_calls or ()]
        text = "\n".join([*([one.text or ""] if one.text or not calls else []), *calls])
        start, role, end, line_end = _marks_around(one.role, at, learned)
        pieces += (start, role, Piece(with_thinking(one.reasoning, text), at, learned), end, line_end)
    return pieces


@lru_cache(1 << 10)
def _marks_around(role: str, message: int, learned: bool) -> tuple[Piece, Piece, Piece, Piece]:
    """What stands around the text of a message, which is the same for most records."""
    return (
        Piece("<|im_start|>", message, mark=True),
        Piece(f"{role}\n", message),
        Piece("<|im_end|>", message, learned, mark=True),
        Piece("\n", message),
    )


@dataclass(frozen=True, slots=True)
class Trained:
    """What becomes of a record. Spans are places in ``text``, the written conversation before it is cut.

    ``answer_tokens`` are those that the model would say itself, ``trained_answer_tokens`` those of them that are
    learned; ``trained_tokens`` counts others as well, where a target trains whole conversations. Those that are
    ``too_long`` are dropped or refused for their length. ``reasoning`` says whether that of the answer is ``kept`` or
    ``stripped``; empty where there is none.
    """

    kept: bool
    tokens: int
    trained_tokens: int
    answer_tokens: int
    trained_answer_tokens: int
    limit: int | None = None
    cut_at: int | None = None
    too_long: bool = False
    reasoning: str = ""
    text: str = ""
    spans: tuple[tuple[int, int], ...] = ()


@dataclass(frozen=True, slots=True)
class Training:
    """How a target is set: its profile, what tokens are counted by, the length that is allowed and what is trained."""

    profile: Profile
    tokenizer: Tokenizer
    length: Length
    write: Template = write_chatml

    @classmethod
    def of_profile(
        cls, profile: Profile, tokenizer: Tokenizer, *, model: str = "", tokens: int | None = None
    ) -> "Training":
        """The settings of a profile, with the limit of a model where it has one, or one that somebody chose."""
        known = profile.model(model)
        limit = tokens or (known.tokens if known else None) or profile.length.tokens
        length = profile.length
        return cls(
            profile, tokenizer, Length(tokens=limit, beyond=length.beyond, keeps=length.keeps, setting=length.setting)
        )

    def judge(
        self,
        record: Record,
        shape: str = "",
        *,
        shown: bool = False,
        as_it_stands: bool = False,
        completion: int = 1,
        messages: Sequence[Message] | None = None,
    ) -> Trained:
        """What is trained of a record that the target gets in a form of rows.

        With ``shown`` also the text, and where the trained parts of it stand. A row ``as_it_stands`` goes on with what
        an export leaves out, the messages behind its answer. ``completion`` is how many of its messages are the
        completion of a prompt. ``messages`` are those of the row, where they are known as the target gets them.
        """
        reasoning = "kept" if record.reasoning else ""
        if messages is None:
            messages, reasoning = _messages_of(record, self.profile, with_trailing=as_it_stands)
        pieces = self.write(messages, tools_in(record.extra.get("tools")) or ())
        sizes = [1 if one.mark else self.tokenizer.count(one.text) for one in pieces]
        trained_part = self.profile.trains_by_shape.get(shape, self.profile.trains)
        last = max((one.message for one in pieces if one.learned), default=-1)
        learned = [one.learned and (trained_part != "last-answer" or one.message == last) for one in pieces]
        start = 0
        if trained_part == "completion":
            # It begins where the prompt ends, which asks for an answer; said by another, it differs from the role on.
            first = pieces[-1].message + 1 - completion if pieces else 0
            own = [at for at, one in enumerate(pieces) if one.message == first]
            start = next((at for at in own if pieces[at].learned), own[min(1, len(own) - 1)] if own else len(pieces))
            learned = [at >= start and one for at, one in enumerate(learned)]
        answer_tokens = sum(size for size, said in zip(sizes, learned, strict=True) if said)
        total, limit = sum(sizes), self.length.tokens
        kept_sizes, cut_at = sizes, None
        too_long = limit is not None and total > limit and self.length.beyond != "cut"
        if too_long:
            kept_sizes = [0] * len(sizes)
        elif limit is not None and total > limit:
            cut_at = limit
            if self.length.keeps == "turns":
                kept_sizes = _cut_turns(pieces, sizes, limit)
            else:
                kept_sizes = _cut_end(sizes, limit, keeps_start=self.length.keeps == "start")
        said = sum(size for size, is_learned in zip(kept_sizes, learned, strict=True) if is_learned)
        trains = [
            trained_part == "all" or (trained_part == "completion" and at >= start) or is_learned
            for at, is_learned in enumerate(learned)
        ]
        trained_tokens = sum(size for size, is_trained in zip(kept_sizes, trains, strict=True) if is_trained)
        return Trained(
            kept=not (too_long and self.length.beyond == "drop")
            and (trained_tokens > 0 or "no-answer-left" not in self.profile.drops),
            tokens=total,
            trained_tokens=trained_tokens,
            answer_tokens=answer_tokens,
            trained_answer_tokens=said,
            limit=limit,
            cut_at=cut_at,
            too_long=too_long,
            reasoning=reasoning,
            text="".join(one.text for one in pieces) if shown else "",
            spans=tuple(self._spans(pieces, sizes, kept_sizes, trains)) if shown else (),
        )

    def _spans(
        self, pieces: Sequence[Piece], sizes: Sequence[int], kept: Sequence[int], trains: Sequence[bool]
    ) -> Iterator[tuple[int, int]]:
        """Where trained text stands, neighbours joined; of a piece that is cut its beginning, or its end."""
        start = end = place = 0
        for piece, size, left, is_trained in zip(pieces, sizes, kept, trains, strict=True):
            if is_trained and left:
                a, b = place, place + len(piece.text)
                if left < size:
                    letters = _letters_of_tokens(piece.text, left, self.tokenizer)
                    a, b = (b - letters, b) if self.length.keeps == "end" else (a, a + letters)
                if a != end:
                    if end > start:
                        yield start, end
                    start = a
                end = b
            place += len(piece.text)
        if end > start:
            yield start, end


def _messages_of(record: Record, profile: Profile, *, with_trailing: bool) -> tuple[list[Message], str]:
    """The messages of a record as a target reads them, and what it does with the reasoning.

    Templates strip the reasoning of earlier answers; a target without a place for it never gets to see any.
    """
    kept = profile.reasoning.key is not None
    messages = _conversation_of(record, profile, with_trailing=with_trailing)
    for place, one in enumerate(messages):
        if one.reasoning and (place < len(messages) - 1 or not kept):
            messages[place] = replace(one, reasoning=None)
    return messages, ("kept" if kept else "stripped") if record.reasoning else ""


def _conversation_of(record: Record, profile: Profile, *, with_trailing: bool) -> list[Message]:
    """All messages of a record, with those weights that the target reads; one as it stands also what follows its
    answer."""
    messages = [] if record.system is None else [Message("system", record.system)]
    messages += [*messages_of(record), *(trailing_of(record) if with_trailing else ())]
    return [
        one if one.weight is None or (profile.weights and one.role == "assistant") else replace(one, weight=None)
        for one in messages
    ]


def _cut_end(sizes: Sequence[int], limit: int, *, keeps_start: bool) -> list[int]:
    """How many tokens of each piece are left when the end, or the start, is cut off."""
    kept, left = [], limit
    for size in sizes if keeps_start else reversed(sizes):
        kept.append(min(size, left))
        left -= kept[-1]
    return kept if keeps_start else kept[::-1]


def _cut_turns(pieces: Sequence[Piece], sizes: Sequence[int], limit: int) -> list[int]:
    """How many tokens of each piece are left as LLaMA-Factory cuts: turn by turn, and both sides of a turn.

    A side that takes less than half of what is left for the turn stays whole, else both are shortened in proportion.
    Source: its function infer_seqlen (src/llamafactory/data/processor).
    """
    turns: list[tuple[list[int], list[int]]] = [([], [])]
    for place, piece in enumerate(pieces):
        if turns[-1][1] and not piece.learned and piece.message != pieces[turns[-1][1][-1]].message:
            turns.append(([], []))
        turns[-1][piece.learned].append(place)
    kept, left = [0] * len(pieces), limit
    for asked, said in turns:
        source, target = sum(sizes[at] for at in asked), sum(sizes[at] for at in said)
        if left <= 0:
            break
        if target * 2 < left:
            most = left
        elif source * 2 < left:
            most = left - source
        else:
            # As they reckon it: a whole number comes out one less at times.
            most = int(left * (target / (source + target)))
        new_target = min(most, target)
        new_source = min(max(left - new_target, 0), source)
        for places, room in ((asked, new_source), (said, new_target)):
            for at, size in zip(places, _cut_end([sizes[at] for at in places], room, keeps_start=True), strict=True):
                kept[at] = size
        left -= new_source + new_target
    return kept


def _letters_of_tokens(text: str, tokens: int, tokenizer: Tokenizer) -> int:
    """How many letters the first tokens of a text are, found by halves, then to the end of a token that is longer."""
    low, high = 0, len(text)
    while low < high:
        middle = (low + high + 1) // 2
        if tokenizer.count(text[:middle]) <= tokens:
            low = middle
        else:
            high = middle - 1
    ends = range(low, min(low + _LONGEST_TOKEN, len(text)) + 1)
    return max((end for end in ends if tokenizer.count(text[:end]) <= tokens), default=low)


def say_trained(trained: Trained) -> str:
    """How much of the answer is trained, and why not more, in a sentence."""
    said = f"{trained.trained_answer_tokens:,} of {plural(trained.answer_tokens, 'answer token')} trained"
    if trained.trained_answer_tokens == trained.answer_tokens or trained.limit is None:
        return f"{said}."
    if trained.too_long:
        return f"{said}: the record has {trained.tokens:,} tokens, and at most {trained.limit:,} are taken."
    end = "" if trained.kept else ", and the record is dropped"
    if not trained.trained_answer_tokens:
        return f"{said}: what stands before the answer alone fills {trained.limit:,} tokens{end}."
    return f"{said}: the record has {trained.tokens:,} tokens and is cut at {trained.limit:,}."
