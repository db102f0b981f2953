"""Which column is the question, which the answer: guessed by their names, with reasons and what is left to ask."""

from app.core.layouts.sample import Recognition, Sample
from app.core.names import WORDS, normal_name

TARGETS = {
    "question": "Question",
    "answer": "Answer",
    "system": "System prompt",
    "tags": "Tags",
    "status": "Status",
    "split": "Split",
    "passage": "Passage (before the question)",
    "reasoning": "Reasoning",
    "rejected_answer": "Rejected answer",
    "id": "Id",
}


def target_of(name: str) -> tuple[str, int] | None:
    """The target a column name stands for, and its rank among the names of that target (lower is surer)."""
    plain = normal_name(name)
    for target, words in WORDS.items():
        if plain in words:
            return target, words.index(plain)
    return None


def guess_columns(sample: Sample) -> Recognition:
    """The column of each target by its name; ``ask`` where question or answer cannot be told."""
    found: dict[str, list[tuple[int, str]]] = {}
    for name in sample.names:
        match = target_of(name)
        if match and name in sample.columns:
            found.setdefault(match[0], []).append((match[1], name))
    mapping: dict[str, str] = {}
    reasons, warnings = {"layout": "its columns have names"}, []
    for target, candidates in found.items():
        if target == "passage":
            warnings.append(f"“{candidates[0][1]}” looks like a passage. It is kept beside the pair unless you map it.")
            continue
        candidates.sort()
        mapping[target] = candidates[0][1]
        reasons[target] = f"its name “{candidates[0][1].strip()}” is usual for it"
    confidence = "sure"
    answers = [name for _, name in found.get("answer", ())]
    missing = [target for target in ("question", "answer") if target not in mapping]
    if len(answers) > 1:
        del mapping["answer"]
        warnings.append(f"Several columns look like answers: {', '.join(f'“{name}”' for name in answers)}. Choose one.")
        confidence = "ask"
    elif missing:
        columns = ", ".join(f"“{name}”" for name in list(sample.rows[0])[:8])
        warnings.append(f"No column could be taken for the {' and the '.join(missing)}. Choose among {columns}.")
        confidence = "ask"
    elif lists := sum(isinstance(row.get(mapping["answer"]), list) for row in sample.rows):
        warnings.append(f"The answer is a list in {lists} of the first rows; its items are joined by line breaks.")
        confidence = "likely"
    return Recognition("columns", mapping, confidence, reasons, tuple(warnings))
