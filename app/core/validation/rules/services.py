"""Rules of single services: Google's contents, Amazon's blocks, sample weights, names and sizes of uploads."""

import re
from functools import cache
from typing import Any

from app.core.text import clip, is_blank, plural
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import CHAT, FileFacts, Problem, Problems, Row, chat, place_of, rule
from app.core.validation.shapes import Seen

_CONTENTS: Row = {
    "systemInstruction": {"role": "system", "parts": [{"text": "Answer briefly."}]},
    "contents": [
        {"role": "user", "parts": [{"text": "What is a tare weight?"}]},
        {"role": "model", "parts": [{"text": "The weight of an empty container."}]},
    ],
}
# What a part may be, and of what kind its value is.
_PARTS: dict[str, type] = {
    "text": str,
    "functionCall": dict,
    "functionResponse": dict,
    "inlineData": dict,
    "fileData": dict,
    "function_call": dict,
    "function_response": dict,
    "inline_data": dict,
    "file_data": dict,
}
_BLOCKS: dict[str, type] = {
    "text": str,
    "image": dict,
    "video": dict,
    "document": dict,
    "reasoningContent": dict,
    "toolUse": dict,
    "toolResult": dict,
}
_GOOD = chat("What is a tare weight?", "The weight of an empty container.")


def _with_answer(*parts: Row) -> Row:
    return {"contents": [_CONTENTS["contents"][0], {"role": "model", "parts": list(parts)}]}


@rule(
    "contents-form",
    "A content without its parts",
    "Each content has a list of parts, and each part is a text, a file, or a call of a function or its result.",
    good=_CONTENTS,
    bad=_with_answer({"content": "The weight of an empty container."}),
    profile="gemini",
    shapes=("contents", "scored"),
)
def check_contents(seen: Seen, profile: Profile) -> Problems:
    """Contents without parts, and parts that are none of the known ones."""
    for talk in seen.talks:
        for said in talk.said:
            parts = said.message.get("parts")
            if type(parts) is not list or not parts:
                yield Problem(f"{said.path}.parts", f"{place_of(said.path)} has no list of parts.")
                continue
            for at, part in enumerate(parts):
                kinds = [name for name in _PARTS if isinstance(part, dict) and isinstance(part.get(name), _PARTS[name])]
                if not kinds:
                    text = f"{place_of(said.path)}, part {at + 1} is neither a text nor a call, a result or a file."
                    yield Problem(f"{said.path}.parts[{at}]", text)


@rule(
    "blank-parts",
    "A content that says nothing",
    "An empty answer teaches the model to say nothing.",
    good=_CONTENTS,
    bad=_with_answer({"text": " "}),
    profile="gemini",
    shapes=("contents", "scored"),
)
def check_blank_parts(seen: Seen, profile: Profile) -> Problems:
    """Contents that have nothing but blank text."""
    for talk in seen.talks:
        for said in talk.said:
            parts = said.message.get("parts")
            texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
            if texts and all(type(text) is str and is_blank(text) for text in texts):
                yield Problem(f"{said.path}.parts", f"{place_of(said.path)} is empty.")


@rule(
    "system-parts",
    "A system instruction that is not text",
    "The system instruction is a content whose parts are texts.",
    good=_CONTENTS,
    bad={**_CONTENTS, "systemInstruction": "Answer briefly."},
    profile="gemini",
    shapes=("contents", "scored"),
)
def check_system_parts(seen: Seen, profile: Profile) -> Problems:
    """System instructions without parts, or with parts that are no text."""
    for name in ("systemInstruction", "system_instruction"):
        if name not in seen.row:
            continue
        system = seen.row[name]
        parts = system.get("parts") if isinstance(system, dict) else None
        parts = [parts] if isinstance(parts, dict) else parts
        if not isinstance(parts, list) or not all(
            isinstance(one, dict) and type(one.get("text")) is str for one in parts
        ):
            yield Problem(name, f"“{name}” must have parts that are texts.")


_CONVERSE: Row = {
    "schemaVersion": "bedrock-conversation-2024",
    "system": [{"text": "Answer briefly."}],
    "messages": [
        {"role": "user", "content": [{"text": "What is a tare weight?"}]},
        {"role": "assistant", "content": [{"text": "The weight of an empty container."}]},
    ],
}


def _answered(*blocks: Any) -> Row:
    return {**_CONVERSE, "messages": [_CONVERSE["messages"][0], {"role": "assistant", "content": list(blocks)}]}


@rule(
    "schema-version",
    "Another version of the form",
    "Each row names the version of its form.",
    good=_CONVERSE,
    bad={**_CONVERSE, "schemaVersion": "2023"},
    profile="bedrock-nova",
    shapes=("converse",),
)
def check_version(seen: Seen, profile: Profile) -> Problems:
    """Rows that name no version, or another one."""
    if seen.row.get("schemaVersion") != "bedrock-conversation-2024":
        yield Problem("schemaVersion", "“schemaVersion” must be “bedrock-conversation-2024”.")


@rule(
    "block-form",
    "A content that is not made of blocks",
    "Each message has a list of blocks, and so has the system prompt: objects with a text, a picture and so on.",
    good=_CONVERSE,
    bad=_answered("The weight of an empty container."),
    profile="bedrock-nova",
    shapes=("converse",),
)
def check_blocks(seen: Seen, profile: Profile) -> Problems:
    """Content that is no list of known blocks, and system prompts that are no list of texts."""
    system = seen.row.get("system", [])
    if type(system) is not list or not all(isinstance(one, dict) and type(one.get("text")) is str for one in system):
        yield Problem("system", "“system” must be a list of blocks with a text.")
    for talk in seen.talks:
        for said in talk.said:
            blocks = said.message.get("content")
            if type(blocks) is not list or not blocks:
                yield Problem(f"{said.path}.content", f"{place_of(said.path)} must have a list of blocks.")
                continue
            for at, block in enumerate(blocks):
                if not any(isinstance(block, dict) and isinstance(block.get(one), _BLOCKS[one]) for one in _BLOCKS):
                    path = f"{said.path}.content[{at}]"
                    yield Problem(
                        path, f"{place_of(said.path)}, block {at + 1} must be a text, a picture or another block."
                    )


@rule(
    "blank-blocks",
    "A message whose blocks say nothing",
    "An empty text has nothing to read and nothing to learn.",
    good=_CONVERSE,
    bad=_answered({"text": ""}),
    profile="bedrock-nova",
    shapes=("converse",),
)
def check_blank_blocks(seen: Seen, profile: Profile) -> Problems:
    """Messages that have nothing but blank text."""
    for talk in seen.talks:
        for said in talk.said:
            blocks = said.message.get("content")
            texts = [one.get("text") for one in blocks if isinstance(one, dict)] if isinstance(blocks, list) else []
            if texts and all(type(text) is str and is_blank(text) for text in texts):
                yield Problem(f"{said.path}.content", f"{place_of(said.path)} is empty.")


@rule(
    "block-pictures",
    "Too many pictures in a record",
    "The target takes so many in one example, and refuses those with more.",
    good=_CONVERSE,
    bad={
        **_CONVERSE,
        "messages": [{"role": "user", "content": [{"image": {}}] * 11}, _CONVERSE["messages"][1]],
    },
    profile="bedrock-nova",
    shapes=("converse",),
)
def check_block_pictures(seen: Seen, profile: Profile) -> Problems:
    """More pictures than the target takes."""
    contents = [said.message.get("content") for talk in seen.talks for said in talk.said]
    number = sum("image" in one for blocks in contents if type(blocks) is list for one in blocks if type(one) is dict)
    if profile.limits.images is not None and number > profile.limits.images:
        yield Problem("messages", f"The record has {number} pictures; the target takes {profile.limits.images}.")


@rule(
    "reasoning-for-some",
    "Reasoning that not every model takes",
    "Only some models of the target are trained with reasoning; others refuse its blocks.",
    good=_CONVERSE,
    bad=_answered({"reasoningContent": {"reasoningText": {"text": "Think."}}}, {"text": "The weight."}),
    profile="bedrock-nova",
    shapes=("converse",),
)
def check_reasoning(seen: Seen, profile: Profile) -> Problems:
    """Blocks of reasoning."""
    for talk in seen.talks:
        for said in talk.said:
            blocks = said.message.get("content")
            for at, one in enumerate(blocks if type(blocks) is list else ()):
                if isinstance(one, dict) and "reasoningContent" in one:
                    models = ", ".join(model.name for model in profile.models if model.reasoning) or "no model"
                    text = f"{place_of(said.path)} has reasoning, which is for {models} only."
                    yield Problem(f"{said.path}.content[{at}]", text)


@rule(
    "tools-unclear",
    "Tools, of which the documentation is unclear",
    "One page of the service says that tools are not supported, and another describes them.",
    good=_CONVERSE,
    bad={**_CONVERSE, "toolConfig": {"tools": []}},
    profile="bedrock-nova",
    shapes=("converse",),
    refused=False,
)
def check_unclear_tools(seen: Seen, profile: Profile) -> Problems:
    """Rows with tools."""
    if "toolConfig" in seen.row:
        yield Problem("toolConfig", "Whether tools can be trained is unclear: the service's pages disagree.")


@rule(
    "banned-words",
    "Words that the target refuses",
    "The target writes conversations with these words itself, and refuses texts that hold them, in any case.",
    good=_CONVERSE,
    bad=_answered({"text": "User: hi"}),
    level="texts",
    profile="bedrock-nova",
)
def check_banned(seen: Seen, profile: Profile) -> Problems:
    """Texts, wherever they stand in a row, with one of the words."""
    pattern = _pattern_of(profile.banned)
    for path, text in texts_in(seen.row):
        found = pattern.search(text)
        if found:
            yield Problem(path, f"The text holds “{found[0]}”, which the target refuses.")


@cache
def _pattern_of(words: tuple[str, ...]) -> re.Pattern[str]:
    return re.compile("|".join(map(re.escape, words)), re.IGNORECASE)


def texts_in(value: Any, path: str = "") -> list[tuple[str, str]]:
    """Every text inside a JSON value with its path, those of roles and types aside."""
    if isinstance(value, str):
        return [(path, value)]
    found: list[tuple[str, str]] = []
    if isinstance(value, dict):
        for key, one in value.items():
            if key not in ("role", "type", "schemaVersion"):
                found += texts_in(one, f"{path}.{key}" if path else key)
    elif isinstance(value, list):
        for at, one in enumerate(value):
            found += texts_in(one, f"{path}[{at}]")
    return found


@rule(
    "sample-weight",
    "A weight of a record that is no number",
    "The weight of a record says how much it counts.",
    good={**_GOOD, "weight": 0.5},
    bad={**_GOOD, "weight": "high"},
    profile="together",
    shapes=CHAT,
)
def check_sample_weight(seen: Seen, profile: Profile) -> Problems:
    """Weights beside the messages that are no number, or below the least that the target takes."""
    if "weight" not in seen.row:
        return
    weight, least = seen.row["weight"], profile.limits.weight_min
    if type(weight) not in (int, float):
        yield Problem("weight", "The weight of a record must be a number.")
    elif least is not None and weight < least:
        yield Problem("weight", f"The weight of a record must be {least:g} or more.")


@rule(
    "some-sample-weights",
    "Some records have a weight, others none",
    "Where one record has a weight, the target wants one in every record.",
    good=[{**_GOOD, "weight": 1.0}, {**_GOOD, "weight": 2.0}],
    bad=[{**_GOOD, "weight": 1.0}, _GOOD],
    level="set",
    profile="fireworks",
)
class WatchWeights:
    """How many records have a weight."""

    def __init__(self, profile: Profile) -> None:
        self._with = 0
        self._without = 0
        self._first: tuple[int | None, int | None] = (None, None)

    def see(self, seen: Seen, number: int, line: int | None) -> tuple[Problem, ...]:
        """Count a record."""
        if "weight" in seen.row:
            self._with += 1
        else:
            if not self._without:
                self._first = (number, line)
            self._without += 1
        return ()

    def close(self, facts: FileFacts) -> Problems:
        """Both kinds are there."""
        if self._with and self._without:
            number, line = self._first
            total, have = self._with + self._without, "has" if self._without == 1 else "have"
            text = f"{self._without:,} of {total:,} records {have} no weight, the others have one."
            yield Problem("weight", text, record=number, line=line)


@rule(
    "file-letters",
    "Other letters in the name of the file",
    "The name may have letters, digits and _ / . - only.",
    good=FileFacts("faq-2026.jsonl"),
    bad=FileFacts("faq 2026.jsonl"),
    level="file",
    profile="bedrock-nova",
)
def check_letters(facts: FileFacts, profile: Profile) -> Problems:
    """Names with blanks and other letters."""
    if facts.is_own and facts.name and not re.fullmatch(r"[A-Za-z0-9_/.-]+", facts.name):
        yield Problem("", f"The name “{clip(facts.name)}” has other letters than A–Z, a–z, 0–9, _ / . and -.")


@rule(
    "file-names",
    "A name that the trainer does not look for",
    "The trainer reads the files of a folder by their names.",
    good=FileFacts("train.jsonl"),
    bad=FileFacts("validation.jsonl"),
    level="file",
    profile="mlx",
    refused=False,
)
def check_names(facts: FileFacts, profile: Profile) -> Problems:
    """Names that are none of those that are read."""
    if facts.is_own and facts.name and profile.file_names and facts.name not in profile.file_names:
        yield Problem("", f"The trainer reads {', '.join(profile.file_names)}, not {clip(facts.name)}.")


@rule(
    "few-records",
    "Fewer records than are advised",
    "The service advises to begin with more examples.",
    good=FileFacts(rows=50),
    bad=FileFacts(rows=49),
    level="file",
    refused=False,
)
def check_advised(facts: FileFacts, profile: Profile) -> Problems:
    """The number of rows against the number that is advised."""
    advised = profile.limits.records_advised
    if advised is not None and 0 < facts.rows < advised:
        yield Problem("", f"{plural(facts.rows, 'record')}; the service advises to begin with {advised:,}.")
