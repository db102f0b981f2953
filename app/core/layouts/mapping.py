"""Which column is the question, which the answer: guessed by names and values, with reasons and what is left to ask."""

from collections.abc import Mapping

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
    "source": "Source",
    "family": "Family",
    "passage": "Passage (before the question)",
    "reasoning": "Reasoning",
    "rejected_answer": "Rejected answer",
    "id": "Id",
}
# What a row of one message consists of.
MESSAGE_TARGETS = frozenset({"conversation", "order", "role", "text"})
# What a row may have although most have not.
OPTIONAL = frozenset({"system", "history", "tags", "reasoning", "rejected_answer", "source", "family"})
# No name of a document is longer.
LONGEST_KEY = 500
# Where a pair comes from, and what it is another wording of. Only a column that is called just so is taken for it.
PROVENANCE = ("source", "family")


def target_of(name: str) -> tuple[str, int] | None:
    """The target a column name stands for, and its rank among the names of that target; 0 means just that."""
    plain = normal_name(name)
    return (plain, 0) if plain in PROVENANCE else TARGET_OF_NAME.get(plain)


def fits_target(target: str, value: object) -> bool:
    """Whether a value can be what its column is called: a number is no system prompt, a flag no rejected answer."""
    if target == "history":
        return is_history(value)
    if target in ("system", "reasoning"):
        return isinstance(value, str) and not is_flag(value)
    if target in PROVENANCE:
        return is_key(value)
    return target != "rejected_answer" or not is_flag(value)


def is_key(value: object) -> bool:
    """Whether a value can name a document or a family: a whole number, or a text that is no more than a line."""
    if isinstance(value, str):
        return bool(value.strip()) and len(value) <= LONGEST_KEY and "\n" not in value and "\r" not in value
    return isinstance(value, int) and not isinstance(value, bool)


def is_translation(mapping: Mapping[str, str]) -> bool:
    """Whether the answer is the target of a source text, which names no document then."""
    return normal_name(mapping.get("answer", "")) == "target"


def guess_columns(sample: Sample) -> Recognition:
    """The column of each target by its name and values; ``ask`` where question or answer cannot be told."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in sample.columns:
        match = target_of(name)
        if match is None:
            continue
        values = [row.get(name) for row in sample.rows]
        if match[0] in PROVENANCE:
            fits = all(is_key(value) for value in values if value not in (None, ""))
        else:
            fits = match[0] not in OPTIONAL or any(fits_target(match[0], value) for value in values)
        if fits:
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
    if is_translation(mapping):
        mapping.pop("source", None)
        reasons.pop("source", None)
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
