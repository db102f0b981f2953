"""Lints of answers: what is no answer, what says nothing of its own, and what breaks off."""

import re

from app.core.cleaning.recipe import Step
from app.core.cleaning.sentences import sentence_ends
from app.core.record import Record
from app.core.text import clip, is_blank
from app.core.validation.lints.base import Remark, Remarks, changed_by, lint

_PAIR = Record("How heavy is box A7?", "It weighs 12 kg.")


@lint(
    "no-answer",
    "No answer",
    "A pair without an answer teaches nothing; exports for training leave it out.",
    good=_PAIR,
    bad=Record("How heavy is box A7?", ""),
)
def check_answered(record: Record) -> Remarks:
    """Pairs whose answer is blank, unless they end with a call of a tool or keep a worse answer."""
    if not record.answered and is_blank(record.rejected_answer):
        yield Remark("answer", "There is no answer.")


_PLACEHOLDER = re.compile(
    r"[.\-–—_?…*\s]+|\W*(?:n/?a|tbd|tba|tbc|todo|to be (?:done|added|defined|determined|written)|fix ?me|xxx+"
    r"|placeholder|none|null|nil|nan|undefined|unknown|empty|no answer|answer here"
    r"|(?:your|insert|add|write) (?:the |your |an )?answer(?: here)?"
    r"|lorem ipsum\b.*|asdf+|#(?:n/a|ref!|value!|name\?|div/0!))\W*",
    re.IGNORECASE | re.DOTALL,
)
_SLOT = re.compile(
    r"\{\{[^{}]{1,60}\}\}|<(?:insert|your|add|enter)\b[^<>]{1,60}>|\[(?:insert|your|add|enter)\b[^\[\]]{1,60}\]",
    re.IGNORECASE,
)


@lint(
    "placeholder",
    "A placeholder",
    "Somebody meant to write the answer later, or a template was never filled in.",
    good=[_PAIR, Record("What does null mean?", "null means that there is no value.")],
    bad=[Record("How heavy is box A7?", "TBD"), Record("Who are you?", "I am {{name}}.")],
)
def check_placeholder(record: Record) -> Remarks:
    """Answers that are a mark for one, and slots of a template in question or answer."""
    if len(record.answer) < 80 and not is_blank(record.answer) and _PLACEHOLDER.fullmatch(record.answer):
        yield Remark("answer", f"The answer is “{clip(record.answer, 30)}”, which stands for one.")
    for path, text in (("question", record.question), ("answer", record.answer)):
        if any(mark in text for mark in "{<[") and "`" not in text and (slot := _SLOT.search(text)):
            yield Remark(path, f"The {path} has a slot that was not filled in: “{clip(slot[0], 40)}”.")


@lint(
    "repeats-question",
    "The answer repeats the question",
    "The model learns to say back what it was asked.",
    good=_PAIR,
    bad=Record("How heavy is box A7?", "how heavy is box A7"),
)
def check_repeats(record: Record) -> Remarks:
    """Answers that are the question, or begin with all of it."""
    if len(record.question) < 8 or not record.answer:
        return
    head = record.answer[: len(record.question) + 40]
    first, other = record.question[0], head[0]
    if first.isalnum() and other.isalnum() and first.casefold()[0] != other.casefold()[0]:
        return  # As nearly all do.
    asked = _letters(record.question)
    if len(asked) >= 8 and _letters(head).startswith(asked):
        if len(_letters(record.answer)) - len(asked) < 4:
            yield Remark("answer", "The answer only says the question again.")
        elif len(asked) >= 24:
            yield Remark("answer", "The answer begins by saying the question again.")


def _letters(text: str) -> str:
    return "".join(c for c in text.casefold() if c.isalnum())


_has_boilerplate = changed_by("remove-boilerplate")


@lint(
    "boilerplate",
    "Boilerplate of a chatbot",
    "Phrases such as “As an AI language model” become a habit of the tuned model.",
    good=_PAIR,
    bad=Record("How heavy is box A7?", "As an AI language model, I cannot lift it. It weighs 12 kg."),
    step=Step("remove-boilerplate"),
)
def check_boilerplate(record: Record) -> Remarks:
    """Answers with phrases that chatbots say of themselves, or say at every end."""
    if record.answer and _has_boilerplate(record.answer):
        yield Remark("answer", "The answer holds phrases of a chatbot.")


_CANNOT = r"(?:can(?:no|['’])t|unable|not able)\b"
_REFUSAL = re.compile(
    rf"\W*(?:(?:i['’]?a?m|we['’]?a?re) (?:very |so |truly |really )?(?:sorry|afraid)\b[^.!?\n]{{0,40}}?\b{_CANNOT}"
    r"|(?:unfortunately,? |sorry,? (?:but )?|i apologi[sz]e,? but )?"
    r"(?:i|we) (?:can(?:no|['’])t|(?:am|are) (?:unable|not able) to|won['’]t be able to) "
    r"(?:help|assist|provide|answer|fulfill?|comply|do that|create|generate|discuss|share|support|give|offer)\b)",
    re.IGNORECASE,
)


@lint(
    "refusal",
    "A refusal",
    "Answers that decline teach the model to decline. Keep those that are meant.",
    severity="hint",
    good=[_PAIR, Record("Can I return it?", "I'm sorry to hear that. You can return it within 30 days.")],
    bad=Record("How heavy is box A7?", "I'm sorry, but I can't help with that."),
)
def check_refusal(record: Record) -> Remarks:
    """Answers that begin by declining."""
    if len(record.answer) < 2_000 and (found := _REFUSAL.match(record.answer[:200])):
        yield Remark("answer", f"The answer declines: “{clip(found[0], 60)}”.")


_BROKEN_END = re.compile(
    r"(?:,|，|、|\b(?:and|or|but|the|an|because|which|und|oder|der|die|das|weil|et|ou|les|el|los))\s*\Z", re.IGNORECASE
)


@lint(
    "cut-off",
    "An answer that breaks off",
    "A limit of length cut it, or a copy was not complete: the model learns to stop in the middle.",
    good=[_PAIR, Record("Which colours?", "Red, green and blue"), Record("What is it?", "A box of screws")],
    bad=Record(
        "How is a box packed?",
        "Put the heavy parts at the bottom. Fill the gaps with paper. Then close the lid, tape it and",
    ),
)
def check_cut_off(record: Record) -> Remarks:
    """Answers of several sentences whose last one has no end, and those that end with a word that needs another."""
    answer = record.answer
    if len(answer) < 60 or not (answer[-1].isalpha() or answer.rstrip()[-1:] in (",", "，", "、")):
        return
    last_line = answer.rstrip().rpartition("\n")[2]
    if not _BROKEN_END.search(answer[-16:]):
        # A list, a heading, a table, an address and code have no full stop.
        if re.match(r"\s*(?:[-*+•#>|]|\d+[.)]|\w+:)", last_line) or "```" in answer or "~~~" in answer:
            return
        ends = [end for end in sentence_ends(last_line) if last_line[end:].lstrip()[:1].isupper()]
        tail = last_line[ends[-1] :].split() if ends else []
        if len(tail) < 5 or "/" in tail[-1] or tail[-1][:1].isupper() or tail[-1][:1] in "#@":
            return
    yield Remark("answer", f"The answer breaks off: “…{clip(answer[-40:], 40)}”.")
