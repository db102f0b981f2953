"""What the rows of a file mean, judged by their keys and values, with a reason for each guess."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from app.core.layouts.base import unpacked
from app.core.layouts.names import target_of


@dataclass(frozen=True)
class Recognition:
    """The layout and the columns, how sure that is (sure, likely, ask), and why."""

    layout: str
    mapping: dict[str, str] = field(default_factory=dict)
    confidence: str = "sure"
    reasons: dict[str, str] = field(default_factory=dict)
    warnings: tuple[str, ...] = ()


def recognise(rows: Sequence[Mapping[str, Any]]) -> Recognition:
    """Recognise the layout of sample rows. ``ask`` means that a person must choose the columns."""
    keys: Counter[str] = Counter(key for row in rows for key in row)
    if not rows:
        return Recognition("columns", confidence="ask", reasons={"layout": "there are no rows to look at"})
    common = {key for key, number in keys.items() if number * 2 > len(rows)}
    return _structured(rows, common) or _columns(rows, list(keys), keys)


def _structured(rows: Sequence[Mapping[str, Any]], keys: set[str]) -> Recognition | None:
    first = rows[0]
    if "preferred_output" in keys or "preferred_completion" in keys or {"chosen", "rejected"} <= keys:
        return Recognition("preference", reasons={"layout": "each row has a better and a worse answer"})
    if "messages" in keys and isinstance(unpacked(first.get("messages")), list):
        return Recognition("openai", reasons={"layout": "each row has a list of messages with roles"})
    for name in ("conversations", "conversation"):
        if name in keys and isinstance(unpacked(first.get(name)), list):
            return Recognition("sharegpt", reasons={"layout": f"each row has a list “{name}”"})
    if (
        "instruction" in keys
        and keys & {"output", "response"}
        and _all_text(rows, ("instruction", "output", "response"))
    ):
        return Recognition("alpaca", reasons={"layout": "each row has an instruction and an output"})
    if {"question", "answers"} <= keys and _has_spans(first.get("answers")):
        return Recognition("squad", reasons={"layout": "each row has a question and answers with their places"})
    if {"prompt", "completion"} <= keys:
        return Recognition("prompt-completion", reasons={"layout": "each row has a prompt and a completion"})
    return None


def _has_spans(answers: Any) -> bool:
    return isinstance(answers, list) and all(isinstance(one, dict) and "text" in one for one in answers)


def _all_text(rows: Sequence[Mapping[str, Any]], names: tuple[str, ...]) -> bool:
    return all(isinstance(row.get(name, ""), str) for row in rows for name in names)


def _columns(rows: Sequence[Mapping[str, Any]], keys: list[str], counts: Counter[str]) -> Recognition:
    found: dict[str, list[tuple[int, str]]] = {}
    for key in keys:
        match = target_of(key)
        if match and counts[key] * 2 > len(rows):
            found.setdefault(match[0], []).append((match[1], key))
    mapping, reasons, warnings = {}, {"layout": "its columns have names"}, []
    for target, candidates in found.items():
        if target == "passage":
            warnings.append(f"“{candidates[0][1]}” looks like a passage. It is kept beside the pair unless you map it.")
            continue
        candidates.sort()
        mapping[target] = candidates[0][1]
        reasons[target] = f"its name “{candidates[0][1].strip()}” is usual for it"
    confidence = _confidence(mapping, found, rows, warnings)
    return Recognition("columns", mapping, confidence, reasons, tuple(warnings))


def _confidence(
    mapping: dict[str, str],
    found: dict[str, list[tuple[int, str]]],
    rows: Sequence[Mapping[str, Any]],
    warnings: list[str],
) -> str:
    answers = [name for _, name in found.get("answer", ())]
    if len(answers) > 1:
        del mapping["answer"]
        warnings.append(f"Several columns look like answers: {', '.join(f'“{name}”' for name in answers)}. Choose one.")
        return "ask"
    missing = [target for target in ("question", "answer") if target not in mapping]
    if missing:
        columns = ", ".join(f"“{name}”" for name in list(rows[0])[:8])
        warnings.append(f"No column could be taken for the {' and the '.join(missing)}. Choose among {columns}.")
        return "ask"
    lists = sum(isinstance(row.get(mapping["answer"]), list) for row in rows)
    if lists:
        warnings.append(f"The answer is a list in {lists} of the first rows; its items are joined by line breaks.")
        return "likely"
    return "sure"
