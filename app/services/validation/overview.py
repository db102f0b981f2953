"""What the last check found, as the overview shows it: read from what is stored, without a look at any pair."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import and_, func, literal, or_, select, tuple_

from app.core.errors import BadUsage, NotFound
from app.core.filters import Filters
from app.core.text import is_number
from app.core.validation import RULES, SEVERITIES, FileFacts
from app.core.validation.lints import LINTS
from app.core.validation.rules.files import minimum_of
from app.models import ChangeSet, Check, Dataset, Entry, FoundProblem, db
from app.services import datasets, entries
from app.services.duplicates.since import HIDDEN, read_mark
from app.services.validation.choices import Choices, known_profiles, read_choices

# Rules that are told by how many pairs there are.
_OF_COUNTS = ("no-records", "too-few", "too-few-for-some", "too-many", "few-records")
# Rules of texts that compare a pair with others.
_OF_OTHERS = ("repeated-row", "in-both-files", "question-in-both-files")


@dataclass(frozen=True, slots=True)
class Found:
    """One rule or lint that found something. ``fix`` is a cleaning operation or the name of a mend."""

    code: str
    title: str
    why: str
    severity: str
    pairs: int
    said: tuple[str, ...]
    targets: tuple[str, ...]
    fix: str | None
    all_listed: bool
    is_lint: bool
    # What only a look at all pairs tells: it stays as it is until the next check.
    is_of_set: bool


@dataclass(frozen=True, slots=True)
class Overview:
    """A stored check as it stands to the present. ``to_fix`` are pairs; ``is_least`` says that there may be more.

    ``steps`` changed up to ``changed`` pairs since.
    """

    check: Check
    groups: dict[str, list[Found]]
    waived: list[tuple[Found, str]]
    # Waived codes by which the check found nothing, with the reasons.
    idle: list[tuple[str, str]]
    to_fix: int
    is_least: bool
    steps: int
    changed: int
    is_prompt_changed: bool
    is_template_changed: bool
    # None where nobody looked since pairs moved between splits.
    leaks: int | None

    @property
    def summary(self) -> dict[str, Any]:
        """The counts of the check."""
        return self.check.summary


def current_check(dataset_id: int) -> Check | None:
    """The check that shows for a dataset, if there was one."""
    query = select(Check).where(Check.dataset_id == dataset_id, Check.state == "current").order_by(Check.id.desc())
    return db.session.execute(query.limit(1).execution_options(populate_existing=True)).scalar_one_or_none()


def view_check(dataset_id: int) -> Overview | None:
    """What the last check found; None without one."""
    check = current_check(dataset_id)
    if check is None:
        return None
    dataset = datasets.get(dataset_id)
    choices = read_choices(dataset)
    groups: dict[str, list[Found]] = {severity: [] for severity in SEVERITIES}
    waived: list[tuple[Found, str]] = []
    for one in _count_anew(check, dataset):
        found = _as_found(one)
        if found.code in choices.waived:
            waived.append((found, choices.waived[found.code]))
        elif found.code not in choices.off:
            groups[found.severity].append(found)
    to_fix, is_least = _count_to_fix(check, groups["error"], choices)
    since = sets_since(check)
    if since or check.summary.get("rechecked"):
        # No recheck tells these anew: what counts is how many pairs still have what was found in them.
        for found_here in groups.values():
            listed = [(one, _as_listed(dataset_id, one)) for one in found_here]
            found_here[:] = [now for then, now in listed if now.pairs or not then.pairs]
    # A pair that several steps changed is one, so there are no more than all.
    changes = sum(one.created + one.changed for one in since)
    steps, changed = len(since), min(changes, dataset.entry_count or changes)
    leaks = check.summary["leaks"]
    is_moved = any(one.kind in ("split", "move") for one in since)
    total = None if leaks is None or is_moved else sum(leaks.values())
    stale = is_prompt_changed(check), is_template_changed(check)
    met = {found.code for found, _ in waived}
    idle = [(code, reason) for code, reason in choices.waived.items() if code not in met]
    return Overview(check, groups, waived, idle, to_fix, is_least, steps, changed, *stale, total)


def _as_listed(dataset_id: int, found: Found) -> Found:
    if not (found.is_of_set and found.pairs and found.all_listed):
        return found
    return replace(found, pairs=entries.count_entries(dataset_id, Filters(findings=(found.code,))))


def count_to_fix(dataset: Dataset) -> int:
    """How many pairs must be fixed, by the last check; where only the set as a whole must, how many findings."""
    check = current_check(dataset.id)
    if check is None:
        return 0
    choices = read_choices(dataset)
    aside = (*choices.waived, *choices.off)
    errors = [
        _as_found(one) for one in _count_anew(check, dataset) if one["severity"] == "error" and one["code"] not in aside
    ]
    return (_count_to_fix(check, errors, choices)[0] or len(errors)) if errors else 0


def _count_anew(check: Check, dataset: Dataset) -> list[dict[str, Any]]:
    """The findings of a check; those on how many pairs there are by the number of today."""
    codes: list[dict[str, Any]] = check.summary["codes"]
    counts, then = dataset.counts or {}, check.summary["records"]
    # Those without an answer are as many as they were then.
    number = max(sum(counts.get(status, 0) for status in entries.TRAINABLE) - check.summary["left_out"], 0)
    if number == then:
        return codes
    # That a target takes none of many pairs is not told by their number.
    told = [code for code in _OF_COUNTS if code != "no-records" or not (number and then)]
    fresh: dict[str, dict[str, Any]] = {}
    profiles = known_profiles()
    for name in check.profile.split(","):
        if (profile := profiles.get(name)) is None:
            continue
        for code in told:
            for problem in RULES[code].check(FileFacts(rows=number), profile) if code in profile.rules else ():
                one = fresh.setdefault(
                    code,
                    {"code": code, "severity": profile.rules[code], "pairs": 0, "findings": 0, "targets": [],
                     "said": [], "fix": None, "all_listed": True},
                )  # fmt: skip
                one["severity"] = min(one["severity"], profile.rules[code], key=list(SEVERITIES).index)
                one["findings"] += 1
                one["targets"].append(name)
                one["said"].append(problem.message)
    return [*fresh.values(), *(one for one in codes if one["code"] not in told)]


def count_approved(dataset: Dataset) -> tuple[int, int]:
    """The approved pairs, which an export takes alone once there are any, and those that wait."""
    counts = dataset.counts or {}
    return counts.get("approved", 0), counts.get("review", 0) + counts.get("draft", 0)


def find_unapproved(seen: Overview, dataset: Dataset) -> tuple[int, int, int] | None:
    """The approved pairs, which an export takes alone, those that wait, and how many the targets of the check want,
    where that is more than are approved; None where they are enough, or none is approved, or none waits."""
    approved, waiting = count_approved(dataset)
    profiles = known_profiles()
    least = max(
        (minimum_of(profiles[name], "") or 0 for name in seen.check.profile.split(",") if name in profiles), default=0
    )
    return (approved, waiting, least) if approved and waiting and approved < least else None


def _as_found(one: dict[str, Any]) -> Found:
    code = one["code"]
    known: Any = RULES.get(code) or LINTS.get(code)
    return Found(
        code,
        known.title if known else code,
        known.why if known else "",
        one["severity"],
        one["pairs"],
        tuple(one["said"]),
        tuple(one["targets"]),
        one["fix"],
        one["all_listed"],
        code in LINTS,
        is_of_set(code),
    )


def is_of_set(code: str) -> bool:
    """Whether only a look at all pairs tells it, and not one at the pair."""
    if code in LINTS:
        return LINTS[code].sees_all
    return code in _OF_OTHERS or (code in RULES and RULES[code].level in ("set", "file"))


def _count_to_fix(check: Check, errors: list[Found], choices: Choices) -> tuple[int, bool]:
    """How many pairs have at least one error that was not waived."""
    if not any(one["severity"] == "error" and one["code"] in choices.waived for one in check.summary["codes"]):
        return check.summary["to_fix"], False
    codes = [one.code for one in errors]
    where = FoundProblem.check_id == check.id, FoundProblem.code.in_(codes), FoundProblem.severity == "error"
    number = db.session.execute(select(func.count(FoundProblem.entry_id.distinct())).where(*where)).scalar_one()
    return int(number), not all(one.all_listed for one in errors)


def findings_in(dataset_id: int, entry_ids: Sequence[int], *, size: int = 10) -> dict[int, list[FoundProblem]]:
    """What the last check found in some pairs, as long as their texts are the same, the gravest first; equal ones once.

    What was waived or switched off is left out.
    """
    check = current_check(dataset_id)
    if check is None:
        return {}
    choices = read_choices(datasets.get(dataset_id))
    aside = (*choices.waived, *choices.off)
    # A check has few codes, and by them the rows of a pair are found without reading others.
    codes = [one["code"] for one in check.summary["codes"] if one["pairs"] and one["code"] not in aside]
    query = (
        select(FoundProblem)
        .join(Entry, and_(Entry.id == FoundProblem.entry_id, Entry.content_hash == FoundProblem.content_hash))
        .where(FoundProblem.check_id == check.id, FoundProblem.code.in_(codes), FoundProblem.entry_id.in_(entry_ids))
    )
    order = list(SEVERITIES)
    found: dict[int, dict[str, FoundProblem]] = {}
    for one in sorted(db.session.execute(query).scalars(), key=lambda one: (order.index(one.severity), one.position)):
        if one.message:
            found.setdefault(one.entry_id, {}).setdefault(one.message, one)
    return {entry_id: list(said.values())[:size] for entry_id, said in found.items()}


def list_findings(
    dataset_id: int, *, code: str = "", severity: str = "", profile: str = "", cursor: str = "", size: int = 100
) -> tuple[list[FoundProblem], str | None]:
    """What the last check found in pairs, in the order of code and pair, and the cursor of the next page.

    Raises NotFound without a check, BadUsage for a cursor that is none. A pair may have been changed since.
    """
    check = current_check(dataset_id)
    if check is None:
        raise NotFound("There was no check yet. Check the pairs first.", code="no_check")
    key = FoundProblem.code, FoundProblem.entry_id, FoundProblem.position
    query = select(FoundProblem).where(FoundProblem.check_id == check.id).order_by(*key).limit(size + 1)
    for column, said in ((key[0], code), (FoundProblem.severity, severity), (FoundProblem.profile, profile)):
        if said:
            query = query.where(column == said)
    if cursor:
        name, *numbers = cursor.split(":")
        if len(numbers) != 2 or not all(map(is_number, numbers)):
            raise BadUsage("This cursor is damaged. Start again without one.", code="bad_cursor")
        query = query.where(tuple_(*key) > tuple_(literal(name), int(numbers[0]), int(numbers[1])))
    rows = list(db.session.execute(query).scalars())
    shown, last = rows[:size], rows[size - 1] if len(rows) > size else None
    return shown, f"{last.code}:{last.entry_id}:{last.position}" if last else None


def mark_prompt(dataset: Dataset) -> str:
    """What tells the system prompt of a dataset, which pairs without their own are checked with, from another."""
    return hashlib.sha256((dataset.system_prompt or "").encode()).hexdigest()


def is_prompt_changed(check: Check) -> bool:
    """Whether the dataset has another system prompt since the check."""
    return bool(check.summary["prompt"] != mark_prompt(datasets.get(check.dataset_id)))


def is_template_changed(check: Check) -> bool:
    """Whether another chat template was chosen for the dataset since the check."""
    return bool(check.summary.get("template", "") != read_choices(datasets.get(check.dataset_id)).template)


def sets_since(check: Check) -> Sequence[ChangeSet]:
    """The steps that came, went or came back since the check."""
    _, hidden = read_mark(check.dataset_id)
    flipped = {one for one in hidden if one <= check.last_set} ^ set(check.hidden)
    came = and_(ChangeSet.id > check.last_set, ChangeSet.state.not_in(HIDDEN))
    query = select(ChangeSet).where(ChangeSet.dataset_id == check.dataset_id, or_(came, ChangeSet.id.in_(flipped)))
    return db.session.execute(query).scalars().all()
