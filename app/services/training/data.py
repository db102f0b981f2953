"""The data of a run: written from the snapshot in the form that its place reads, and checked on the way."""

import codecs
import hashlib
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

from app.core.filters import Filters
from app.core.formats.jsonl import encode_line
from app.core.record import SPLITS, Record
from app.core.spec import parse_target
from app.core.stored import StoredEntry
from app.core.targets import EXPORT_TARGETS
from app.core.tokens import Spread, find_family
from app.core.validation import FileFacts, ValidateOptions, Validation, choose_profiles
from app.models import Dataset, Snapshot
from app.models.base import now
from app.providers.tokenizers import load_tokenizer
from app.services import export
from app.services.export import ExportOptions
from app.services.validation import known_profiles, read_choices

# Which file of the run each split becomes; the test split is left alone.
FILES = {"train": "data/train.jsonl", "validation": "data/validation.jsonl"}
LISTED = 20
Told = Callable[[int], object]


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that found something in the data: how many rows, an example, and whether it blocks the start."""

    code: str
    title: str
    severity: str
    records: int
    said: str
    blocks: bool


@dataclass(slots=True)
class Survey:
    """What the data of a run is: pairs of each split, rows that are written, what stays behind, what was found."""

    splits: dict[str, int] = field(default_factory=dict)
    rows: dict[str, int] = field(default_factory=dict)
    left_out: dict[str, int] = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
    # Tokens of the training pairs as the profile counts them: median, p95, max.
    tokens: dict[str, Any] = field(default_factory=dict)

    @property
    def blocking(self) -> list[Finding]:
        """What has to be fixed before a run can start."""
        return [one for one in self.findings if one.blocks]


def export_options(snapshot: Snapshot | None, target: str) -> ExportOptions:
    """The export that writes the data for a target, of a snapshot or of the pairs as they are."""
    frozen = str(snapshot.number) if snapshot is not None else ""
    return ExportOptions(snapshot=frozen).complete(parse_target(target), Filters())


@dataclass(frozen=True, slots=True)
class Division:
    """How a run divides pairs: by the splits that they have, where some have one; ``percent`` of the training pairs
    are held out for validation by the seed."""

    is_divided: bool
    percent: int
    seed: int

    def find_split(self, row: StoredEntry) -> str:
        """The split of a pair in the run; empty where others have one and it has none."""
        split = row.split or ("" if self.is_divided else "train")
        return "validation" if split == "train" and self._is_held_out(row) else split

    def _is_held_out(self, row: StoredEntry) -> bool:
        """Whether the seed takes a pair for validation: its whole family goes with it, and who asks the same."""
        key = row.family or " ".join(row.question.casefold().split())
        place = hashlib.blake2b(f"{self.seed}:{key}".encode(), digest_size=8).digest()
        return int.from_bytes(place) % 100 < self.percent


def find_division(dataset_id: int, options: ExportOptions, *, seed: int, held_out: int) -> Division:
    """How a run divides the pairs that ``options`` choose; where some are for validation nothing is held out."""
    counted = export.count_by_split(dataset_id, options)
    is_divided = any(counted.get(name) for name in ("train", "validation", "test"))
    return Division(is_divided, 0 if counted.get("validation") else held_out, seed)


def survey_data(
    dataset: Dataset,
    snapshot: Snapshot | None,
    target: str,
    *,
    seed: int,
    held_out: int,
    model: str = "",
    max_tokens: int | None = None,
    folder: Path | None = None,
    told: Told = lambda done: None,
) -> Survey:
    """Look at the data of a run pair by pair, and write it where a folder is given. Raises DiskFull."""
    survey, options = Survey(), export_options(snapshot, target)
    pairs, rows, left = Counter[str](), Counter[str](), Counter[str]()
    profile = EXPORT_TARGETS[target].profile
    # A model of no known family is counted as the target's usual one.
    model = model if find_family(model) else ""
    checks = ValidateOptions(profile=profile, model=model, limit=LISTED, length=max_tokens, lint=False)
    choices = read_choices(dataset)
    facts = FileFacts(is_file=False, model="", today=now().date())
    profiles = choose_profiles(profile, known_profiles())
    off = (*choices.off, *choices.waived)
    validation = Validation(profiles, checks, facts, load_tokenizer=load_tokenizer, off=off)
    division = find_division(dataset.id, options, seed=seed, held_out=held_out)
    checker, lengths = validation.checkers[0], {split: Spread() for split in FILES}
    with ExitStack() as stack:
        files: dict[str, Any] = {}
        digests = {path: hashlib.sha256() for path in FILES.values()}

        def see(row: StoredEntry, record: Record, written: list[dict[str, Any]]) -> None:
            split = division.find_split(row)
            pairs[split] += 1
            if split not in FILES:
                return
            checker.lengths = lengths[split]
            validation.see_record(row.id, record, row.content_hash)
            rows[split] += len(written)
            if folder is not None:
                path = FILES[split]
                if path not in files:
                    (folder / path).parent.mkdir(mode=0o700, exist_ok=True)
                    files[path] = stack.enter_context((folder / path).open("wb"))
                    if EXPORT_TARGETS[target].bom:
                        files[path].write(codecs.BOM_UTF8)
                        digests[path].update(codecs.BOM_UTF8)
                for one in written:
                    line = encode_line(one)
                    files[path].write(line)
                    digests[path].update(line)
            if pairs.total() % 500 == 0:
                told(pairs.total())

        def leave(row: StoredEntry, reason: object) -> None:
            left[str(reason)] += 1

        with export.Rendering(dataset.id, options, left=leave, seen=see) as run:
            for _ in run.rendered():
                pass
    checker.lengths = lengths["train"]
    closed = validation.close()
    survey.splits = {name: pairs[name] for name in ("train", "validation", "test")}
    survey.rows = {name: rows[name] for name in FILES}
    survey.left_out = {**left, **({"no-split": pairs[""]} if pairs[""] else {})}
    survey.findings = _read_findings(closed)
    if division.is_divided:
        divided = replace(options, filters=Filters(splits=SPLITS))
        leaks = export.find_split_leaks(dataset.id, divided)
        if leaks is not None and leaks.total:
            title = "The same stands in several splits"
            survey.findings.insert(0, Finding("leaks", title, "error", leaks.total, leaks.tell(), True))
    survey.tokens = closed["tokens"] or {}
    survey.files = {path: digests[path].hexdigest() for path in files}
    return survey


def hash_file(path: Path) -> str:
    """The SHA-256 of a file; empty where it is gone or cannot be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return ""


def _read_findings(closed: Mapping[str, Any]) -> list[Finding]:
    said = {one["code"]: one["message"] for one in reversed(closed["findings"])}
    return [
        Finding(
            one["code"],
            one["title"],
            one["severity"],
            one["findings"],
            said.get(one["code"], ""),
            one["severity"] == "error",
        )
        for one in closed["rules"]
    ]
