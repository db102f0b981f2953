"""All safe fixes of a check at once: seen before with each pair as it would be, then one step of the history."""

from collections.abc import Callable, Collection, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from sqlalchemy import func, select, tuple_

from app.core.changes import FIELDS, Change, Value, change_between, chunks_of, deletion_of
from app.core.cleaning import compile_recipe
from app.core.errors import Invalid, LttError, NotFound
from app.core.filters import Filters
from app.core.stored import StoredEntry
from app.core.text import plural
from app.core.validation import choose_profiles
from app.core.validation.mending import RecordMender
from app.models import Entry, FoundProblem, db
from app.services import datasets, entries, history
from app.services.cleaning import EMPTIED, KEPT, EntryCleaner
from app.services.history import ACTOR, Applied
from app.services.validation.choices import known_profiles
from app.services.validation.fixing import Fix, find_repeats, fix_of, mend_entry
from app.services.validation.keeping import MOST_KEPT
from app.services.validation.overview import Found, Overview, view_check
from app.services.validation.rechecking import recheck_edited

# What is personal, or a secret, is looked at by somebody: a mask takes away what may have been meant.
_LOOKED_AT = ("mask",)
_FIELDS = tuple(name for name in FIELDS if name != "live")
KIND = "edit"
Maker = Callable[[StoredEntry], StoredEntry]


@dataclass(frozen=True, slots=True)
class Proposal:
    """What becomes of one pair, and by which findings; ``after`` is None where it is a repeat and goes."""

    before: StoredEntry
    after: StoredEntry | None
    codes: tuple[str, ...]

    @property
    def change(self) -> Change:
        """What is written."""
        if self.after is None:
            return deletion_of(self.before.id)
        sides = ({name: getattr(one, name) for name in _FIELDS} for one in (self.before, self.after))
        found = change_between(self.before.id, *sides)
        assert found is not None
        return found


@dataclass(frozen=True, slots=True)
class FixPlan:
    """What fixing all does: for each finding the pairs that change by it, how many pairs change and go in all, and the
    first of them."""

    pairs: Mapping[str, int]
    changed: int
    deleted: int
    first: tuple[Proposal, ...]

    @property
    def total(self) -> int:
        """How many pairs are changed or deleted."""
        return self.changed + self.deleted

    def as_dict(self) -> dict[str, Any]:
        """The counts as programs see them."""
        return {"pairs": self.total, "deleted": self.deleted, "fixes": dict(self.pairs)}


def safe_fixes(seen: Overview | None) -> dict[str, tuple[Found, Fix]]:
    """The findings that are put right without anybody's judgement, by their codes: what is written wrongly is written
    rightly, and of equal pairs one stays. None that is waived."""
    found: dict[str, tuple[Found, Fix]] = {}
    for one in (one for group in seen.groups.values() for one in group) if seen is not None else ():
        fix = fix_of(one)
        if fix is None or fix.action not in ("clean", "mend", "delete"):
            continue
        if fix.step is None or fix.step.operation not in _LOOKED_AT:
            found[one.code] = one, fix
    return found


def count_safe(dataset_id: int, seen: Overview) -> int:
    """How many pairs have a finding that is fixed without anybody's judgement, and are as they were at the check."""
    mine = FoundProblem.check_id == seen.check.id, FoundProblem.code.in_(safe_fixes(seen))
    listed = select(FoundProblem.entry_id, FoundProblem.content_hash).where(*mine)
    # The ids alone as well: by them the planner looks pairs up instead of reading all.
    where = (
        Entry.id.in_(listed.with_only_columns(FoundProblem.entry_id)),
        tuple_(Entry.id, Entry.content_hash).in_(listed),
    )
    query = entries.select_entries(dataset_id, Filters(), (func.count(),), where=where)
    return int(db.session.execute(query).scalar_one())


def plan_fixes(dataset_id: int, codes: Collection[str] | None = None, *, size: int = 10) -> FixPlan:
    """What fixing all safe findings would do, or those of some codes. Writes nothing. Raises Invalid."""
    pairs: dict[str, int] = {}
    changed = deleted = 0
    first: list[Proposal] = []
    more: list[Proposal] = []
    shown: dict[str, int] = {}
    for one in _propose(dataset_id, codes):
        deleted += one.after is None
        changed += one.after is not None
        for code in one.codes:
            pairs[code] = pairs.get(code, 0) + 1
        # The first few of each finding say more than the first few of all.
        if len(first) < size and min(shown.get(code, 0) for code in one.codes) < 2:
            first.append(one)
            for code in one.codes:
                shown[code] = shown.get(code, 0) + 1
        elif len(more) < size:
            more.append(one)
    return FixPlan(pairs, changed, deleted, tuple((first + more)[:size]))


def fix_all(dataset_id: int, codes: Collection[str] | None = None, *, actor: str = ACTOR) -> Applied:
    """Put all safe findings right, or those of some codes, as one step of the history.

    Pairs that were written anew since the check are left alone. What was found follows where few pairs are concerned.
    Raises Invalid for a code that is put right by hand, or that the check did not find.
    """
    applied = history.apply(
        dataset_id,
        (one.change for one in _propose(dataset_id, codes)),
        summary=lambda number: f"Fix what the check found in {plural(number, 'pair')}",
        kind=KIND,
        actor=actor,
    )
    if applied.step is not None:
        with suppress(LttError):
            recheck_edited(dataset_id, most=MOST_KEPT)
    return applied


def fix_and_tell(dataset_id: int, codes: Collection[str] | None = None, *, dry_run: bool = False) -> dict[str, Any]:
    """What fixing all changes as programs see it, and unless it is tried only, the step that did so."""
    if view_check(dataset_id) is None:
        raise NotFound("There was no check yet. Check the pairs first.", code="no_check")
    told = plan_fixes(dataset_id, codes, size=0).as_dict()
    return told if dry_run else {**told, **history.applied_dict(fix_all(dataset_id, codes))}


def _propose(dataset_id: int, codes: Collection[str] | None) -> Iterator[Proposal]:
    safe = safe_fixes(view_check(dataset_id))
    if unknown := sorted(set(codes or ()) - safe.keys()):
        said = f"{unknown[0][:60]!r} is nothing that the last check found and that is fixed without a look."
        raise Invalid(said, code="no_safe_fix")
    if codes is not None:
        safe = {code: one for code, one in safe.items() if code in codes}
    wanted: dict[int, list[str]] = {}
    goes: set[int] = set()
    makers: dict[str, Maker] = {}
    prompt, profiles = datasets.get(dataset_id).system_prompt, known_profiles()
    for code, (found, fix) in safe.items():
        filters = Filters(findings=(code,))
        if fix.action == "delete":
            listed = list(find_repeats(dataset_id, filters))
            goes.update(listed)
        else:
            listed = list(db.session.execute(entries.select_entries(dataset_id, filters, (Entry.id,))).scalars())
        for entry_id in listed:
            wanted.setdefault(entry_id, []).append(code)
        if fix.step is not None:
            makers[code] = _clean_by(EntryCleaner(compile_recipe([fix.step])))
        elif fix.action == "mend":
            mender = RecordMender(code, choose_profiles(",".join(found.targets), profiles))
            makers[code] = _mend_by(mender, prompt)
    for part in chunks_of(sorted(wanted), 500):
        for entry_id, before in sorted(entries.by_ids(dataset_id, part).items()):
            if entry_id in goes:
                yield Proposal(before, None, tuple(one for one in wanted[entry_id] if one not in makers))
                continue
            after, by = before, []
            for code in wanted[entry_id]:
                new = makers[code](after)
                if new != after:
                    after = new
                    by.append(code)
            # What one fix takes away, another may put back.
            if after != before:
                yield Proposal(before, after, tuple(by))


def _clean_by(washer: EntryCleaner) -> Maker:
    def clean(entry: StoredEntry) -> StoredEntry:
        for one in washer.outcomes([entry]):
            if not one.flags & (EMPTIED | KEPT):
                return _with_fields(entry, one.fields)
        return entry

    return clean


def _mend_by(mender: RecordMender, prompt: str | None) -> Maker:
    def mend(entry: StoredEntry) -> StoredEntry:
        change = mend_entry(mender, entry, prompt)
        return entry if change is None else _with_fields(entry, change.fields)

    return mend


def _with_fields(entry: StoredEntry, fields: Mapping[str, tuple[Value, Value]]) -> StoredEntry:
    values: dict[str, Any] = {name: after for name, (_, after) in fields.items()}
    return entry._replace(**values)
