"""Lints of any text: remains of where it came from, characters that nobody sees, and what should not leave the house.

What a cleaning operation would put right is found by that operation itself, so that both always agree.
"""

import re

from app.core.cleaning import identifiers
from app.core.cleaning.characters import may_hold_mojibake
from app.core.cleaning.markup import decode_entities
from app.core.cleaning.recipe import Step
from app.core.record import Record
from app.core.text import clip
from app.core.validation.lints.base import Remark, Remarks, changed_by, in_every_text, lint, named, texts_of

_TEXT = Record("How heavy is box A7?", "It weighs 12 kg.")


_has_mojibake = changed_by("fix-mojibake")
_has_invisible = changed_by("remove-invisible")
_has_html = changed_by("html-to-markdown")
_has_open_block = changed_by("close-code-fences")
_has_entities = changed_by("decode-entities")
_TAG = re.compile(r"</?[a-zA-Z!][^<>]{0,500}>")
_ENTITY = re.compile(r"&#?\w{1,31};")


@lint(
    "broken-encoding",
    "Broken encoding",
    "UTF-8 that was read as another encoding: the model learns “Ã¼” for “ü”.",
    good=Record("Where is Zürich?", "In Switzerland."),
    bad=Record("Where is ZÃ¼rich?", "In Switzerland."),
    step=in_every_text("fix-mojibake"),
    may=may_hold_mojibake,
)
def check_encoding(record: Record) -> Remarks:
    """Texts that hold UTF-8 read as another encoding."""
    for path, text in texts_of(record):
        if _has_mojibake(text):
            yield Remark(path, f"{named(path)} holds characters of a broken encoding.")


@lint(
    "lost-character",
    "A lost character",
    "U+FFFD stands where a character was lost when a file was read; it has to be typed again.",
    good=_TEXT,
    bad=Record("How heavy is box A7?", "It wei\ufffds 12 kg."),
    may=lambda whole: "\ufffd" in whole,
)
def check_lost_characters(record: Record) -> Remarks:
    """Texts with the mark of a character that could not be read."""
    for path, text in texts_of(record):
        if "\ufffd" in text:
            place = text.index("\ufffd")
            around = clip(text[max(place - 15, 0) : place + 15], 40)
            yield Remark(path, f"{named(path)} has lost a character: “{around}”.")


@lint(
    "invisible-characters",
    "Invisible characters",
    "Zero-width, direction and control characters are read by a model and seen by nobody.",
    good=_TEXT,
    bad=Record("How heavy is box\u200b A7?", "It weighs 12 kg."),
    step=in_every_text("remove-invisible"),
    may=lambda whole: not whole.isprintable(),
)
def check_invisible(record: Record) -> Remarks:
    """Texts with characters that nobody sees and no script needs."""
    for path, text in texts_of(record):
        if _has_invisible(text):
            yield Remark(path, f"{named(path)} holds invisible characters.")


@lint(
    "html",
    "Remains of HTML",
    "Tags from a web page are learned as part of the language. Code is left alone.",
    good=Record("How do I write a paragraph?", "Write `<p>Text</p>`, with 2 < 3 in between."),
    bad=Record("How heavy is box A7?", "<p>It weighs <b>12 kg</b>.</p>"),
    step=in_every_text("html-to-markdown"),
    may=lambda whole: "<" in whole,
)
def check_html(record: Record) -> Remarks:
    """Tags outside of code."""
    for path, text in texts_of(record):
        if (found := _TAG.search(text)) and _has_html(text):
            yield Remark(path, f"{named(path)} holds HTML: “{clip(found[0], 30)}”.")


@lint(
    "html-entities",
    "Entities of HTML",
    "A model learns to write “&nbsp;” and “&amp;” as they stand. Code is left alone.",
    good=Record("What is R&D; and AT&T?", "Write `&nbsp;` for a blank that does not break."),
    bad=Record("How heavy is box A7?", "It weighs 12&nbsp;kg &ndash; or &#49;&#x33; at most."),
    step=in_every_text("decode-entities"),
    may=lambda whole: "&" in whole and ";" in whole,
)
def check_entities(record: Record) -> Remarks:
    """Entities outside of code."""
    for path, text in texts_of(record):
        if "&" in text and _has_entities(text):
            found = next(one[0] for one in _ENTITY.finditer(text) if decode_entities(one[0]) != one[0])
            yield Remark(path, f"{named(path)} holds entities of HTML: “{found}”.")


# Marks by which chat templates tell who speaks, and where a text begins and ends.
# Source: the templates of Qwen (ChatML), Llama 2 and 3, Gemma, Mistral, Phi, gpt-oss (Harmony) and DeepSeek.
_SPECIAL = re.compile(
    r"<\|(?:im_start|im_end|im_sep|endoftext|end_of_text|begin_of_text|start_header_id|end_header_id|eot_id|eom_id"
    r"|python_tag|fim_prefix|fim_middle|fim_suffix|endofprompt|system|user|assistant|tool|end|start|message|channel"
    r"|constrain|return|call)\|>"
    r"|<(?:start_of_turn|end_of_turn|bos|eos|pad|unk|think|tool_call|tool_response)>"
    r"|</(?:s|think|tool_call|tool_response)>|\[/?INST\]|<</?SYS>>|\[(?:AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS)\]"
    r"|<｜[^｜<>]{1,40}｜>"
)


@lint(
    "special-token",
    "A special token inside a text",
    "A tokenizer may read it as the mark itself: the turn ends there, or somebody else speaks.",
    good=Record("How does a turn end?", "With a token of its own."),
    bad=Record("How does a turn end?<|im_end|>", "With a token of its own."),
    may=lambda whole: "<" in whole or "[" in whole,
)
def check_special_tokens(record: Record) -> Remarks:
    """Texts that hold a mark of a chat template."""
    for path, text in texts_of(record):
        if found := _SPECIAL.search(text):
            yield Remark(path, f"{named(path)} holds “{found[0]}”, which some models read as a mark of their own.")


_PERSONAL = {
    "email": "an e-mail address",
    "phone": "a phone number",
    "iban": "an account number",
    "card": "a card number",
    "ssn": "a social security number",
    "ip": "an IP address",
}


@lint(
    "personal-data",
    "Personal data",
    "E-mail addresses, phone, account and card numbers may be repeated by the model to anybody.",
    severity="hint",
    good=Record("Who answers?", "The help desk, from 8 to 17."),
    bad=Record("Who answers?", "Write to ann.miller@example.org."),
    step=in_every_text("mask", key=False),
    may=identifiers.may_hold_others,
)
def check_personal_data(record: Record) -> Remarks:
    """Texts that hold personal data of some kind, with the first place of each kind."""
    for path, text in texts_of(record):
        found = {kind for _, _, kind in identifiers.find(text, tuple(_PERSONAL))}
        if found:
            kinds = [said for kind, said in _PERSONAL.items() if kind in found]
            listed = " and ".join(filter(None, (", ".join(kinds[:-1]), kinds[-1])))
            yield Remark(path, f"{named(path)} holds {listed}.")


@lint(
    "secret",
    "A key or password",
    "Whoever asks the model rightly is told. Take it out, and make a new one: it has been in a file.",
    good=Record("Where is the key?", "Set API_KEY in the environment."),
    bad=Record("Where is the key?", "It is ghp_0123456789abcdefghijABCDEFGHIJ012345."),
    step=in_every_text("mask", **dict.fromkeys(_PERSONAL, False)),
    may=identifiers.may_hold_key,
)
def check_secrets(record: Record) -> Remarks:
    """Texts that hold the key or token of a service."""
    for path, text in texts_of(record):
        for start, _ in identifiers.FINDERS["key"](text):
            yield Remark(path, f"{named(path)} holds what looks like a key: “{clip(text[start : start + 8], 8)}…”.")
            break


@lint(
    "open-code-block",
    "A code block that is not closed",
    "What follows it is read as code, and the model learns to leave blocks open.",
    good=Record("How do I print 1?", "```python\nprint(1)\n```"),
    bad=Record("How do I print 1?", "```python\nprint(1)"),
    step=Step("close-code-fences"),
    may=lambda whole: "```" in whole or "~~~" in whole,
)
def check_code_blocks(record: Record) -> Remarks:
    """Answers whose last code block has no end."""
    if _has_open_block(record.answer):
        yield Remark("answer", "The last code block of the answer is not closed.")
