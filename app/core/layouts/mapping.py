"""Which column is the question, which the answer: guessed by names and values, with reasons and what is left to ask."""

from app.core.layouts.sample import Recognition, Sample
from app.core.layouts.shapes import is_flag, is_history
from app.core.names import TARGET_OF_NAME, normal_name

TARGETS = {
    "question": "Question",
    "answer": "Answer",
    "system": "System prompt",
    "history": "Earlier turns",
    "tags": "Tags",
    "status": "Status",
    "split": "Split",
    "passage": "Passage (before the question)",
    "reasoning": "Reasoning",
    "rejected_answer": "Rejected answer",
    "id": "Id",
}
# What a row of one message consists of.
MESSAGE_TARGETS = frozenset({"conversation", "order", "role", "text"})
# What a row may have although most have not.
OPTIONAL = frozenset({"system", "history", "tags", "reasoning", "rejected_answer"})


def target_of(name: str) -> tuple[str, int] | None:
    """The target a column name stands for, and its rank among the names of that target; 0 means just that."""
    return TARGET_OF_NAME.get(normal_name(name))


def fits_target(target: str, value: object) -> bool:
    """Whether a value can be what its column is called: a number is no system prompt, a flag no rejected answer."""
    if target == "history":
        return is_history(value)
    if target in ("system", "reasoning"):
        return isinstance(value, str) and not is_flag(value)
    return target != "rejected_answer" or not is_flag(value)


def guess_columns(sample: Sample) -> Recognition:
    """The column of each target by its name and values; ``ask`` where question or answer cannot be told."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in sample.columns:
        match = target_of(name)
        if match and (match[0] not in OPTIONAL or any(fits_target(match[0], row.get(name)) for row in sample.rows)):
            found.setdefault(match[0], []).append((match[1], name))
    mapping: dict[str, str] = {}
    reasons, warnings = {"layout": "its columns have names"}, []
    for target, candidates in found.items():
        if target == "passage":
            warnings.append(f"“{candidates[0][1]}” looks like a passage. It is kept beside the pair unless you map it.")
            continue
        # Of several, those that only hold numbers and flags are none.
        said = [one for one in candidates if sample.says(one[1])] if target in ("question", "answer") else []
        candidates[:] = sorted(said or candidates, key=lambda one: one[0])
        mapping[target] = candidates[0][1]
        reasons[target] = f"its name “{candidates[0][1].strip()}” is usual for it"
    confidence = "sure"
    questions = [name for rank, name in found.get("question", ()) if not rank]
    answers = [name for _, name in found.get("answer", ())]
    missing = [target for target in ("question", "answer") if target not in mapping]
    for target, names in (("question", questions), ("answer", answers)):
        if len(names) > 1:
            del mapping[target]
            listed = ", ".join(f"“{name}”" for name in names)
            warnings.append(f"Several columns look like {target}s: {listed}. Choose one.")
            confidence = "ask"
    if missing and confidence == "sure":
        columns = ", ".join(f"“{name}”" for name in list(sample.columns)[:8])
        warnings.append(f"No column could be taken for the {' and the '.join(missing)}. Choose among {columns}.")
        confidence = "ask"
    elif confidence == "sure" and (lists := sample.count(lambda row: isinstance(row.get(mapping["answer"]), list))):
        warnings.append(f"The answer is a list in {lists} of the first rows; its items are joined by line breaks.")
        confidence = "likely"
    return Recognition("columns", mapping, confidence, reasons, tuple(warnings))
