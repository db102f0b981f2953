"""What a target really trains of a record: how its conversation is written, which tokens are learned, where it is cut.

A conversation is written by a template as pieces in a row; a piece is what somebody says, or what stands around it.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field, replace
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple, Protocol

import msgspec

from app.core.layouts.base import messages_of, trailing_of
from app.core.layouts.functions import tools_in
from app.core.reasoning import THINK, with_thinking
from app.core.record import Message, Record
from app.core.text import plural
from app.core.tokens import Tokenizer
from app.core.validation.profiles import Length, Profile

# Few tokens have more letters.
_LONGEST_TOKEN = 24
_encode = msgspec.json.Encoder().encode
# What of a conversation is trained, where somebody has set it.
TRAINS = {
    "": "As the target does it",
    "all": "The whole text",
    "answers": "All answers",
    "last-answer": "The last answer",
}
# By so many letters a text is recognised in what a template wrote; some lay out what follows in their own way.
_RECOGNISED = 60


class Piece(NamedTuple):
    """A part of the written conversation. ``message`` counts from 0; ``learned`` is what the model would say itself.

    A ``mark`` is one token whatever letters show it. ``ends`` are the places in the text where its tokens end, where a
    tokenizer of the template has found them.
    """

    text: str
    message: int
    learned: bool = False
    mark: bool = False
    ends: tuple[int, ...] | None = None


class Written(NamedTuple):
    """A conversation as a template writes it. ``unclear`` says of which answers it cannot be told what is learned, and
    ``refused`` why there is nothing."""

    pieces: tuple[Piece, ...] = ()
    unclear: str = ""
    refused: str = ""


class Template(Protocol):
    """A chat template. Where it ``counts``, its pieces have the ends of their tokens; else its family does."""

    @property
    def name(self) -> str:
        """What it goes by."""

    @property
    def family(self) -> str:
        """The family of models that it is of, if that is known."""

    @property
    def counts(self) -> bool:
        """Whether it has a tokenizer."""

    def write(self, messages: Sequence[Message], tools: Sequence[object]) -> Written:
        """The conversation in the words of the template."""


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


def count_around(tokenizer: Tokenizer, *, has_system: bool) -> int:
    """The tokens of a pair of texts, with a system prompt or without, beside those of its texts."""
    messages = [Message("user", ""), Message("assistant", "")]
    pieces = write_chatml([Message("system", ""), *messages] if has_system else messages, ())
    return sum(1 if one.mark else tokenizer.count(one.text) for one in pieces)


@dataclass(frozen=True, slots=True)
class Trained:
    """What becomes of a record. Spans are places in ``text``, the written conversation before it is cut.

    ``answer_tokens`` are those that the model would say itself, ``trained_answer_tokens`` those of them that are
    learned; ``trained_tokens`` counts others as well, where a target trains whole conversations. Those that are
    ``too_long`` are dropped or refused for their length. ``reasoning`` says whether that of the answer is ``kept`` or
    ``stripped``, ``earlier_reasoning`` the same of earlier turns; empty where there is none. ``left`` are the places
    that are not cut. ``refused`` says why a template does not write the record at all, ``lost`` names what it leaves
    out without a word, and ``unclear`` says of which answers it cannot be told what is trained.
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
    left: tuple[tuple[int, int], ...] = ()
    earlier_reasoning: str = ""
    refused: str = ""
    lost: tuple[str, ...] = ()
    unclear: str = ""


@dataclass(frozen=True, slots=True)
class Training:
    """How a target is set: its profile, what tokens are counted by, the length that is allowed and what is trained.

    Without a ``template`` conversations are written as ChatML. ``trains`` is what somebody has set, if not the default.
    """

    profile: Profile
    tokenizer: Tokenizer
    length: Length
    template: Template | None = None
    trains: str = ""
    # What stands around the texts of a pair without a system prompt, and with one.
    _around: dict[bool, int] = field(default_factory=dict, init=False, repr=False, compare=False)

    @classmethod
    def of_profile(
        cls,
        profile: Profile,
        tokenizer: Tokenizer,
        *,
        model: str = "",
        tokens: int | None = None,
        template: Template | None = None,
        trains: str = "",
    ) -> "Training":
        """The settings of a profile, with the limit of a model where it has one, or one that somebody chose.

        A template is left aside by a target that does not use that of the model.
        """
        known = profile.model(model)
        limit = tokens or (known.tokens if known else None) or profile.length.tokens
        length = profile.length
        return cls(
            profile,
            tokenizer,
            Length(tokens=limit, beyond=length.beyond, keeps=length.keeps, setting=length.setting),
            template if profile.template else None,
            trains,
        )

    @property
    def is_exact(self) -> bool:
        """Whether tokens are counted as the model does it."""
        return self.tokenizer.exact or (self.template is not None and self.template.counts)

    @property
    def counted_by(self) -> str:
        """Whose tokens are counted: the name of a template that has a tokenizer, else a family."""
        return self.template.name if self.template is not None and self.template.counts else self.tokenizer.family

    def count_whole(self, record: Record) -> int | None:
        """The tokens of a pair that has nothing but texts and fits the length: its answer is trained whole.

        It is what ``judge`` comes to, in a tenth of the time; None for what only that can tell.
        """
        if self.template is not None or record.turns or record.trace or record.extra or record.reasoning is not None:
            return None
        system = record.system
        around = self._around.get(system is not None)
        if around is None:
            around = count_around(self.tokenizer, has_system=system is not None)
            self._around[system is not None] = around
        tokens = around + self.tokenizer.count(record.question) + self.tokenizer.count(record.answer)
        if system is not None:
            tokens += self.tokenizer.count(system)
        limit = self.length.tokens
        return tokens if limit is None or tokens <= limit else None

    def judge(
        self,
        record: Record,
        shape: str = "",
        *,
        shown: bool = False,
        as_it_stands: bool = False,
        completion: int = 1,
        messages: Sequence[Message] | None = None,
        reads_weights: bool = True,
    ) -> Trained:
        """What is trained of a record that the target gets in a form of rows.

        With ``shown`` also the text, and where the trained parts of it stand. A row ``as_it_stands`` goes on with what
        an export leaves out, the messages behind its answer. ``completion`` is how many of its messages are the
        completion of a prompt. ``messages`` are those of the row, where they are known as the target gets them; without
        ``reads_weights`` the row has its weights under a key that the target does not read.
        """
        reasoning, earlier = "kept" if record.reasoning else "", ""
        if messages is None:
            messages, reasoning, earlier = _messages_of(
                record,
                self.profile,
                with_trailing=as_it_stands,
                drops_earlier=self.template is None,
                reads_weights=reads_weights,
            )
        tools = tools_in(record.extra.get("tools")) or ()
        unclear = ""
        lost: tuple[str, ...] = ()
        if self.template is None:
            pieces: Sequence[Piece] = write_chatml(messages, tools)
        else:
            pieces, unclear, refused = self.template.write(messages, tools)
            if refused:
                return Trained(False, 0, 0, 0, 0, limit=self.length.tokens, refused=refused)
            text = "".join(one.text for one in pieces)
            reasoning, earlier = _find_reasoning(record, text)
            lost = _find_lost(record, text)
        sizes = [
            1 if one.mark else self.tokenizer.count(one.text) if one.ends is None else len(one.ends) for one in pieces
        ]
        trained_part = self.trains or self.profile.trains_by_shape.get(shape, self.profile.trains)
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
            left=tuple(self._spans(pieces, sizes, kept_sizes, [True] * len(pieces))) if shown else (),
            earlier_reasoning=earlier,
            lost=lost,
            # Where all is trained, or the last answer alone, nothing depends on the others.
            unclear=unclear if trained_part == "answers" else "",
        )

    def _spans(
        self, pieces: Sequence[Piece], sizes: Sequence[int], kept: Sequence[int], wanted: Sequence[bool]
    ) -> Iterator[tuple[int, int]]:
        """Where wanted text stands, neighbours joined; of a piece that is cut its beginning, or its end."""
        start = end = place = 0
        is_whole = True
        for piece, size, left, is_wanted in zip(pieces, sizes, kept, wanted, strict=True):
            # A piece without a token goes with the one before it.
            is_whole = left == size and (size > 0 or is_whole)
            if is_wanted and (left or is_whole):
                a, b = place, place + len(piece.text)
                if left < size and piece.ends is not None:
                    a, b = (
                        (a + piece.ends[size - left - 1], b)
                        if self.length.keeps == "end"
                        else (a, a + piece.ends[left - 1])
                    )
                elif left < size:
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


def _messages_of(
    record: Record, profile: Profile, *, with_trailing: bool, drops_earlier: bool, reads_weights: bool
) -> tuple[list[Message], str, str]:
    """The messages of a record as a target reads them, and what it does with the reasoning of the answer and of
    earlier ones.

    A target without a place for it never gets to see any, and templates strip that of earlier answers. One that does
    so itself is given all of it.
    """
    key = profile.reasoning.key
    messages = _conversation_of(record, with_trailing=with_trailing, with_weights=profile.weights and reads_weights)
    for place, one in enumerate(messages):
        if one.reasoning is None:
            continue
        if key is None or (drops_earlier and place < len(messages) - 1):
            messages[place] = replace(one, reasoning=None)
        elif key == THINK and not drops_earlier:
            messages[place] = replace(one, reasoning=None, text=with_thinking(one.reasoning, one.text or ""))
    has_earlier = any(one.reasoning for one in record.turns)
    said = "" if not record.reasoning else "stripped" if key is None else "kept"
    return messages, said, "stripped" if has_earlier else ""


def _find_reasoning(record: Record, text: str) -> tuple[str, str]:
    """Whether the reasoning of the answer, and of earlier ones, stands in what a template wrote."""
    earlier = [one.reasoning for one in record.turns if one.reasoning]
    return tuple(  # type: ignore[return-value]
        "" if not those else "kept" if all(one.strip() in text for one in those) else "stripped"
        for those in ([record.reasoning] if record.reasoning else [], earlier)
    )


def _find_lost(record: Record, text: str) -> tuple[str, ...]:
    """What of a record does not stand in what a template wrote: it was made for messages of another form."""
    said = {"the answer": record.answer.rpartition("</think>")[2], "the system prompt": record.system or ""}
    lost = [name for name, one in said.items() if one.strip()[:_RECOGNISED] not in text]
    for one in (*record.turns, *record.trace):
        for call in one.tool_calls or ():
            called = call.get("function", call) if isinstance(call, dict) else None
            name = called.get("name") if isinstance(called, dict) else None
            if isinstance(name, str) and name not in text:
                lost.append(f"a call of {name}")
    return tuple(dict.fromkeys(lost))


def _conversation_of(record: Record, *, with_trailing: bool, with_weights: bool) -> list[Message]:
    """All messages of a record, with the weights of answers where the target reads them; one as it stands also what
    follows its answer."""
    messages = [] if record.system is None else [Message("system", record.system)]
    messages += [*messages_of(record), *(trailing_of(record) if with_trailing else ())]
    return [
        one if one.weight is None or (with_weights and one.role == "assistant") else replace(one, weight=None)
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


def split_trained(text: str, spans: Sequence[Sequence[int]], left: Sequence[Sequence[int]]) -> list[tuple[str, str]]:
    """A written conversation in parts, each ``trained``, ``cut`` or neither (an empty text)."""
    edges = sorted({0, len(text), *(edge for span in (*spans, *left) for edge in span)})
    parts: list[tuple[str, str]] = []
    for start, end in pairwise(edges):
        is_left = any(a <= start < b for a, b in left)
        kind = "trained" if any(a <= start < b for a, b in spans) else "" if is_left else "cut"
        if parts and parts[-1][0] == kind:
            parts[-1] = (kind, parts[-1][1] + text[start:end])
        else:
            parts.append((kind, text[start:end]))
    return parts


def say_trained(trained: Trained) -> str:
    """How much of the answer is trained, and why not more, in a sentence."""
    if trained.refused:
        return trained.refused
    said = f"{trained.trained_answer_tokens:,} of {plural(trained.answer_tokens, 'answer token')} trained"
    if trained.trained_answer_tokens == trained.answer_tokens or trained.limit is None:
        return f"{said}."
    if trained.too_long:
        return f"{said}: the record has {plural(trained.tokens, 'token')}, and at most {trained.limit:,} are taken."
    end = "" if trained.kept else ", and the record is dropped"
    if not trained.trained_answer_tokens:
        return f"{said}: what stands before the answer alone fills {trained.limit:,} tokens{end}."
    return f"{said}: the record has {plural(trained.tokens, 'token')} and is cut at {trained.limit:,}."
