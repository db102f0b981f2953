"""Keeping what a check of a dataset found: pairs can be listed by it, and the overview looks at no pair."""

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import delete, insert, select
from sqlalchemy.orm import Session

from app.core.changes import chunks_of
from app.core.errors import Conflict
from app.core.record import SPLITS
from app.core.splits import find_leaks, leaks_of
from app.core.stats import Statistics
from app.core.stored import StoredEntry
from app.core.text import plural
from app.core.validation import SEVERITIES, Finding, ValidateOptions
from app.core.validation.lints import LINTS
from app.models import Check, Entry, FoundProblem, Turns, db, transaction
from app.services import datasets, entries, history, jobs, splits
from app.services.duplicates.since import read_mark
from app.services.jobs import Watch
from app.services.validation.checking import DatasetValidation
from app.services.validation.choices import Choices, read_choices
from app.services.validation.overview import is_of_set, mark_prompt
from app.services.validation.templates import open_template
from app.services.work import HiddenWork, hidden_work

# So many findings of one kind for one target are listed: more than anybody looks through, and a rule that finds
# something in each of a million pairs does not fill the disk. All are counted.
MOST_KEPT = 5_000
CHUNK = 2_000
SAID = 3
LOST = "This check was started again elsewhere. Nothing of this run is kept."


@dataclass
class Keeper:
    """Counts findings by pairs, and collects those that are listed. ``worst`` is the gravest that each code had."""

    check_id: int
    pairs: Counter[str] = field(default_factory=Counter)
    findings: Counter[str] = field(default_factory=Counter)
    worst: dict[str, str] = field(default_factory=dict)
    targets: dict[str, list[str]] = field(default_factory=dict)
    # What is said where no pair is meant.
    said: dict[str, list[str]] = field(default_factory=dict)
    fixes: dict[str, str] = field(default_factory=dict)
    to_fix: int = 0
    _kept: Counter[tuple[str, str]] = field(default_factory=Counter)
    _last: dict[str, int] = field(default_factory=dict)
    _met: dict[str, bytearray] = field(default_factory=dict)
    _wrong: bytearray = field(default_factory=bytearray)
    _waiting: list[dict[str, Any]] = field(default_factory=list)
    _position: int = 0

    def tell(self, finding: Finding) -> None:
        """Take in a finding."""
        code, pair = finding.code, finding.record
        order = list(SEVERITIES)
        self.findings[code] += 1
        self.worst[code] = min(self.worst.get(code, finding.severity), finding.severity, key=order.index)
        targets = self.targets.setdefault(code, [])
        if finding.profile and finding.profile not in targets:
            targets.append(finding.profile)
        if finding.fix:
            self.fixes.setdefault(code, finding.fix)
        said = self.said.setdefault(code, [])
        if pair is None:
            if finding.message not in said:
                said.append(finding.message)
            return
        # What all pairs together tell is said with its first examples.
        if code in LINTS and LINTS[code].sees_all and len(said) < SAID and finding.message not in said:
            said.append(finding.message)
        # What is told of pairs one by one comes in their order; what of all together, target by target.
        if is_of_set(code):
            self.pairs[code] += _is_new(self._met.setdefault(code, bytearray()), pair)
        elif self._last.get(code) != pair:
            self._last[code] = pair
            self.pairs[code] += 1
        if finding.severity == "error":
            self.to_fix += _is_new(self._wrong, pair)
        if self._kept[code, finding.profile] < MOST_KEPT:
            self._kept[code, finding.profile] += 1
            self._position += 1
            self._waiting.append(as_row(self.check_id, finding, self._position))

    def write(self, begin: Callable[[], Session], rows: Sequence[StoredEntry] = ()) -> None:
        """Insert what was collected, with the hashes that the pairs had when they were read."""
        waiting, self._waiting = self._waiting, []
        if not waiting:
            return
        hashes = {entry.id: entry.content_hash for entry in rows}
        session = begin()
        _require_staging(session, self.check_id)
        for part in chunks_of(waiting, CHUNK):
            missing = {one["entry_id"] for one in part} - hashes.keys()
            for some in chunks_of(missing, 500):
                query = select(Entry.id, Entry.content_hash).where(Entry.id.in_(some))
                hashes.update((row[0], row[1]) for row in session.execute(query))
            for one in part:
                one["content_hash"] = hashes.get(one["entry_id"])
            session.execute(insert(FoundProblem), part)

    def as_list(self) -> list[dict[str, Any]]:
        """Each code with its counts, the gravest and most frequent first."""
        order = list(SEVERITIES)
        codes = sorted(self.findings, key=lambda one: (order.index(self.worst[one]), -self.pairs[one], one))
        return [
            {
                "code": code,
                "severity": self.worst[code],
                "pairs": self.pairs[code],
                "findings": self.findings[code],
                "targets": self.targets[code],
                "said": self.said.get(code, []),
                "fix": self.fixes.get(code),
                "all_listed": all(n < MOST_KEPT for (one, _), n in self._kept.items() if one == code),
            }
            for code in codes
        ]


def _is_new(met: bytearray, pair: int) -> bool:
    """Whether a pair was not met before; it is from then on."""
    if pair >= len(met):
        met.extend(bytes(pair + 1 - len(met)))
    is_new, met[pair] = not met[pair], 1
    return is_new


def as_row(check_id: int, finding: Finding, position: int) -> dict[str, Any]:
    """A finding in a pair as it is stored; the hash of the pair is still to come."""
    return {
        "check_id": check_id,
        "code": finding.code,
        "entry_id": finding.record,
        "position": position,
        "content_hash": None,
        "profile": finding.profile,
        "severity": finding.severity,
        "path": finding.path,
        "message": finding.message,
        "fix": finding.fix,
    }


def check_dataset(dataset_id: int, profile: str, watch: Watch) -> dict[str, object]:
    """Check all pairs and keep what was found in place of what the last check found. Returns the counts.

    ``summary`` of the stored check: ``records``, ``left_out``, ``to_fix`` (pairs that must be fixed), ``codes`` (see
    ``Keeper.as_list``), ``profiles`` as in the result of a validation and with ``spread``, ``splits`` and
    ``leaks``, ``documents_apart`` (in several splits where that is no leak), the ``prompt`` by its hash, the
    ``statuses`` of the pairs that were looked at, and the ``stats`` of ``core/stats`` but for tokens, which targets
    count.
    """
    history.rehash(dataset_id)
    dataset = datasets.get(dataset_id)
    choices = read_choices(dataset)
    with transaction() as session:
        last, hidden = read_mark(dataset_id)
        check = Check(dataset_id=dataset_id, profile=profile, job_id=watch.job_id, last_set=last, hidden=hidden)
        check.revision = dataset.revision
        session.add(check)
        session.flush()
        check_id = check.id
    with hidden_work(watch, lambda: discard_check(check_id)) as w:
        summary = _find_all(dataset_id, profile, choices, check_id, w)
        with w.publishing() as publication:
            kept = _require_staging(publication.session, check_id)
            kept.summary = summary
            current = Check.dataset_id == dataset_id, Check.state == "current"
            for earlier in publication.session.execute(select(Check).where(*current)).scalars():
                earlier.state = "old"
            kept.state = "current"
            said = f"{plural(summary['records'], 'pair')}, {summary['to_fix']:,} to fix."
            publication.result.update({"check": check_id, "dataset_id": dataset_id, **summary, "summary": said})
            result = dict(publication.result)
    sweep_checks()
    return result


def _find_all(dataset_id: int, profile: str, choices: Choices, check_id: int, w: HiddenWork) -> dict[str, Any]:
    dataset = datasets.get(dataset_id)
    keeper, sides = Keeper(check_id), Counter[str]()
    stats = Statistics()
    with open_template(choices.template) as template:
        options = ValidateOptions(profile=profile, limit=0)
        run = DatasetValidation(dataset, options, off=choices.off, stats=stats, template=template)
        run.validation.findings.told = keeper.tell
        for rows in run.parts():
            sides.update(one.split for one in rows if one.split)
            keeper.write(w.begin, rows)
            w.report(run.seen, dataset.entry_count, "pairs checked")
        found = run.close()
    keeper.write(w.begin)
    leaks = documents = None
    if sides:
        w.report(run.seen, dataset.entry_count, "leaks between splits")
        pairs = splits.read_rows(dataset_id)
        last = splits.last_options(dataset_id)
        leaking = find_leaks(pairs, pairs.sides(), leaks_of(last.group_by if last else ()))
        leaks, documents = leaking.counts, leaking.documents
    spreads = {one.profile.name: one.spread() for one in run.validation.checkers}
    return {
        "records": found["records"],
        "left_out": run.left_out,
        "to_fix": keeper.to_fix,
        "codes": keeper.as_list(),
        "profiles": {name: {**one, "spread": spreads[name]} for name, one in found["profiles"].items()},
        "splits": {name: sides[name] for name in SPLITS} if sides else {},
        "leaks": leaks,
        "documents_apart": documents,
        "prompt": mark_prompt(dataset),
        "statuses": list(entries.TRAINABLE),
        "template": choices.template,
        "stats": stats.close(),
    }


def _require_staging(session: Session, check_id: int) -> Check:
    check = session.get(Check, check_id, populate_existing=True)
    if check is None or check.state != "staging":
        raise Conflict(LOST)
    return check


def discard_check(check_id: int) -> None:
    """Remove a check with its findings, in chunks."""
    mine = FoundProblem.check_id == check_id
    with Turns() as turns:
        while True:
            session = turns.begin()
            codes = select(FoundProblem.code, FoundProblem.entry_id).where(mine)
            part = session.execute(codes.order_by(FoundProblem.code, FoundProblem.entry_id).limit(CHUNK)).all()
            if not part:
                session.execute(delete(Check).where(Check.id == check_id))
                return
            upto = part[-1]
            session.execute(
                delete(FoundProblem).where(
                    mine,
                    (FoundProblem.code < upto.code)
                    | ((FoundProblem.code == upto.code) & (FoundProblem.entry_id <= upto.entry_id)),
                )
            )
            if turns.is_over:
                turns.pause()


def sweep_checks() -> int:
    """Remove what killed checks left and what newer ones replaced. Returns how many checks."""
    active = jobs.active_ids()
    query = select(Check.id, Check.job_id, Check.state).where(Check.state != "current")
    left = [row.id for row in db.session.execute(query) if row.state == "old" or row.job_id not in active]
    for check_id in left:
        discard_check(check_id)
    return len(left)
