"""Searching duplicates beside other programs, each in a fresh process: seconds, memory, share of the planted found.

``python -m benchmarks.duplicates PROGRAM FILE`` runs one and prints its figures as JSON.
"""

import importlib.util
import json
import random
import resource
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from benchmarks import planted
from benchmarks.measure import ROOT

Pairs = set[tuple[int, int]]
SEEDS = (1, 2, 3)
# So many rows are searched for exhaustively, fewer where that means more comparisons than the second.
SAMPLE, COMPARED = 200, 30_000_000
FLOOR = 80


def _ours(texts: list[str], answers: list[str] | None = None) -> Pairs:
    from app.core import duplicates

    if answers is None:
        found = duplicates.search_texts(texts).pairs
    else:
        both = duplicates.Options(side="pair")
        found = duplicates.search_texts(texts, answers=lambda at: [answers[one] for one in at], options=both).pairs
    return set(zip(found.left.tolist(), found.right.tolist(), strict=True))


def _rensa(texts: list[str]) -> Pairs:
    from rensa import RMinHash, RMinHashLSH

    index, hashes = RMinHashLSH(threshold=0.5, num_perm=128, num_bands=32), []
    for place, text in enumerate(texts):
        one = RMinHash(num_perm=128, seed=1)
        one.update(text.lower().split())
        hashes.append(one)
        index.insert(place, one)
    return {(other, place) for place, one in enumerate(hashes) for other in index.query(one) if other < place}


def _datasketch(texts: list[str]) -> Pairs:
    from datasketch import MinHash, MinHashLSH

    index, found = MinHashLSH(threshold=0.5, num_perm=128), set()
    for place, text in enumerate(texts):
        one = MinHash(num_perm=128)
        one.update_batch([word.encode() for word in text.lower().split()])
        found.update((other, place) for other in index.query(one))
        index.insert(place, one)
    return found


def _sparse_dot_topn(texts: list[str]) -> Pairs:
    from sklearn.feature_extraction.text import TfidfVectorizer
    from sparse_dot_topn import sp_matmul_topn

    matrix = TfidfVectorizer(analyzer="char", ngram_range=(3, 3)).fit_transform(texts).tocsr()
    near = sp_matmul_topn(matrix, matrix.T.tocsr(), top_n=10, threshold=0.7, n_threads=2).tocoo()
    return {(left, right) for left, right in zip(near.row.tolist(), near.col.tolist(), strict=True) if left < right}


PROGRAMS: dict[str, Callable[[list[str]], Pairs]] = {
    "ltt": _ours,
    "rensa": _rensa,
    "datasketch": _datasketch,
    "sparse_dot_topn": _sparse_dot_topn,
}
# Others are measured where they are installed, up to so many questions: beyond they need hours or all memory.
MOST = {"rensa": 100_000, "datasketch": 100_000, "sparse_dot_topn": 50_000}


def figures(name: str, path: Path) -> dict[str, object]:
    """Run one program on the questions (or, for ``ltt pairs``, the pairs) of a file."""
    rows = [json.loads(line) for line in path.open(encoding="utf-8")]
    texts = [question for question, _ in rows]
    answers = [answer for _, answer in rows] if name == "ltt pairs" else None
    del rows
    before = resource.getrusage(resource.RUSAGE_SELF)
    began = time.monotonic()
    found = PROGRAMS[name](texts) if answers is None else _ours(texts, answers)
    seconds, after = time.monotonic() - began, resource.getrusage(resource.RUSAGE_SELF)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    facts = {"seconds": seconds, "cpu": cpu, "peak_mb": after.ru_maxrss / 1024, "pairs": len(found)}
    return {**facts, "recall": _recall(path, found), "rows": _row_recall(texts, found) if name == "ltt" else None}


def _recall(path: Path, found: Pairs) -> dict[str, float]:
    hits, total = Counter(), Counter()
    for left, right, kind in json.loads(path.with_suffix(".truth.json").read_text(encoding="utf-8")):
        total[kind] += 1
        hits[kind] += (left, right) in found
    return {kind: hits[kind] / total[kind] for kind in total} | {"all": hits.total() / total.total()}


def _row_recall(texts: list[str], found: Pairs) -> float:
    """Of sampled rows with a partner at ratio 90 by exhaustive search: the share that is in some pair at all."""
    from rapidfuzz import fuzz, process

    from app.core.duplicates.normal import normalise_texts

    forms = normalise_texts(texts)
    sample = random.Random(0).sample(range(len(texts)), min(SAMPLE, len(texts), max(1, COMPARED // max(len(texts), 1))))
    scores = process.cdist([forms[at] for at in sample], forms, scorer=fuzz.ratio, score_cutoff=90, workers=2)
    having = {at for at, row in zip(sample, scores, strict=True) if (row >= 90).sum() > 1}
    seen = {one for pair in found for one in pair}
    return len(having & seen) / max(len(having), 1)


def _run(name: str, path: Path) -> dict[str, object]:
    command = [sys.executable, "-m", "benchmarks.duplicates", name, str(path)]
    out = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    result: dict[str, object] = json.loads(out)
    return result


def report(folder: Path, rows: int) -> str:
    """The section of the report: over several seeds, beside the others on fewer questions."""
    sizes = sorted({10_000, 100_000, rows})
    lines = [f"## duplicates, {rows:,} questions, median of {len(SEEDS)} seeds", ""]
    lines += [
        "Seconds are those of the search itself. Recall is of planted duplicates; *rows* compares with an exhaustive",
        "search of a sample at ratio 90.",
        "",
    ]
    lines += [
        "| program | texts | s | CPU s | peak MB | recall | exact, case, reorder | rows |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for size in sizes:
        files = [planted.write(folder, size, seed) for seed in SEEDS]
        lines.append(_line("ltt", size, files))
        lines += [
            _line(name, size, files[:1]) for name in MOST if size <= MOST[name] and importlib.util.find_spec(name)
        ]
    lines.append(_line("ltt pairs", rows, files[:1]))
    return "\n".join(lines) + "\n"


def _line(name: str, size: int, files: list[Path]) -> str:
    found = [_run(name, path) for path in files]

    def median(get: Callable[[dict[str, object]], object]) -> float:
        return statistics.median(float(get(one)) for one in found)  # type: ignore[arg-type]

    recall = median(lambda one: one["recall"]["all"])  # type: ignore[index]
    sure = min(one["recall"][kind] for one in found for kind in ("exact", "case", "reorder"))  # type: ignore[index]
    rows = f"{median(lambda one: one['rows']):.3f}" if found[0]["rows"] is not None else ""
    seconds, cpu, peak = (median(lambda one, key=key: one[key]) for key in ("seconds", "cpu", "peak_mb"))  # type: ignore[misc]
    return f"| {name} | {size:,} | {seconds:.2f} | {cpu:.2f} | {peak:.0f} | {recall:.3f} | {sure:.3f} | {rows} |"


if __name__ == "__main__":
    print(json.dumps(figures(sys.argv[1], Path(sys.argv[2]))))
