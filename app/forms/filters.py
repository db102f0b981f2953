"""The part of an address that says which pairs, and the same in words."""

from collections.abc import Collection, Iterable, Iterator
from typing import Any

from werkzeug.datastructures import MultiDict

from app.core.filters import HERE, Filters
from app.core.options import options_of
from app.core.stats import name_language
from app.core.validation.lints import LINTS
from app.core.validation.rules import RULES
from app.forms.arguments import read_choice, read_choices, read_whole

LONGEST = 80
STATUS_NAMES = {"approved": "Approved", "review": "Needs review", "draft": "Draft", "rejected": "Rejected"}
_OPTIONS = tuple(one for one in options_of(Filters) if one.name != "answered")
# The words by which an address names filters.
WORDS = tuple(one.word for one in _OPTIONS)


def read_filters(values: "MultiDict[str, str]") -> Filters:
    """The filters of an address. Raises BadUsage for a choice that there is not."""
    said: dict[str, Any] = {}
    for one in _OPTIONS:
        text = values.get(one.word, "")
        if one.parse:
            said[one.name] = one.parse(text)
        elif one.kind == "texts":
            texts = values.getlist(one.word)
            said[one.name] = read_choices(texts, one.word, one.choices) if one.choices else tuple(filter(None, texts))
        elif one.kind == "number":
            said[one.name] = read_whole(values, one.word, None)
        elif one.kind == "tick":
            said[one.name] = {"1": True, "0": False}.get(read_choice(values, one.word, ("1", "0"), ""))
        else:
            said[one.name] = text if one.name == "text" else text[:LONGEST]
    return Filters(**said)


def list_fields(filters: Filters, leave_out: Collection[str] = ()) -> list[tuple[str, str]]:
    """The filters as fields of a form or of an address, but for the words that are left out."""
    found: list[tuple[str, str]] = []
    for one in filters.said():
        value = getattr(filters, one.name)
        if one.word in WORDS and one.word not in leave_out:
            texts = value if one.kind == "texts" else (str(int(value)) if one.kind == "tick" else one.say(value),)
            found += [(one.word, text) for text in texts]
    return found


def write_filters(filters: Filters) -> dict[str, Any]:
    """The filters as parts of an address by their words; None for those that are not set."""
    parts: dict[str, Any] = dict.fromkeys(WORDS)
    for word, text in list_fields(filters):
        parts[word] = [*(parts[word] or ()), text]
    return parts


def title_of_finding(code: str) -> str:
    """The title of a rule or lint; of one that there is not, what was asked for."""
    known = RULES.get(code) or LINTS.get(code)
    return known.title if known else code


def describe_filters(filters: Filters) -> Iterator[str]:
    """What the filters ask for, as ends of a sentence that begins with “Only pairs”."""
    if filters.text:
        yield f"that hold “{filters.text}”"
    if filters.ids is not None:
        yield f"that were selected ({len(filters.ids):,})"
    if filters.left_out:
        yield "that a count of an export names"
    for start, how in (("", ""), ("not_", "not ")):
        if statuses := getattr(filters, f"{start}statuses"):
            yield f"{how}in the status {_any(STATUS_NAMES.get(one, one) for one in statuses)}"
        if splits := getattr(filters, f"{start}splits"):
            yield f"{how}in the split {_any(splits)}"
        if tags := getattr(filters, f"{start}tags"):
            yield f"{how}tagged {_any(tags)}"
        if imports := getattr(filters, f"{start}imports"):
            yield how + " or ".join("that were not imported" if one == HERE else f"of import {one}" for one in imports)
        if sources := getattr(filters, f"{start}sources"):
            yield f"{how}of the source {_any(sources)}"
        if findings := getattr(filters, f"{start}findings"):
            yield f"in which the last check found {'nothing of ' if how else ''}{_any(map(title_of_finding, findings))}"
        if languages := getattr(filters, f"{start}languages"):
            yield f"{how}in the language {_any(map(name_language, languages))}"
        if turns := getattr(filters, f"{start}turns"):
            yield f"{how}with {_any(turns)} questions"
    if filters.tools is not None:
        yield "with tools" if filters.tools else "without tools"
    for what, low, high in (
        ("characters", filters.length_from, filters.length_to),
        ("tokens", filters.tokens_from, filters.tokens_to),
    ):
        if low is not None or high is not None:
            limits = (("least", low), ("most", high))
            yield " and ".join(f"of at {kind} {limit:,} {what}" for kind, limit in limits if limit is not None)


def _any(names: Iterable[str]) -> str:
    return " or ".join(f"“{name}”" for name in names)
