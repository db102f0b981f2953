"""How a finding is put right: a step of cleaning that is looked at first, or what is done at once as one step."""

from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Literal

from app.core.changes import Change, change_between, chunks_of
from app.core.cleaning import Step
from app.core.errors import Invalid, LttError, NotFound
from app.core.filters import Filters
from app.core.stored import StoredEntry, stored_fields
from app.core.text import plural
from app.core.validation import choose_profiles
from app.core.validation.lints import LINTS
from app.core.validation.mending import RecordMender
from app.models import Entry, db
from app.services import cleaning, datasets, entries, history, pairs
from app.services.history import ACTOR, Applied
from app.services.pairs import Selection
from app.services.validation.choices import known_profiles
from app.services.validation.keeping import MOST_KEPT
from app.services.validation.overview import Found, Overview, view_check
from app.services.validation.rechecking import recheck_edited

_CLEANS = {
    "remove-boilerplate": "Clean {}",
    "fix-mojibake": "Repair {}",
    "remove-invisible": "Clean {}",
    "html-to-markdown": "Convert {}",
    "decode-entities": "Decode {}",
    "close-code-fences": "Repair {}",
    "mask": "Mask {}",
}
_MENDS = {
    "null-beside-call": "Fix {}",
    "blank-system": "Fix {}",
    "unknown-message-key": "Fix {}",
    "unknown-key": "Fix {}",
    "weight-place": "Fix {}",
    "weight-value": "Fix {}",
    "name-kind": "Fix {}",
    "same-role": "Merge in {}",
    "two-answers": "Merge in {}",
}
# What says nothing, or nothing that a model could learn: out of the export, and still there to be written anew.
_REJECTS = (
    *("placeholder", "repeats-question", "refusal", "equal-answers", "no-answer-left", "nothing-trained", "too-long"),
    *("blank-content", "blank-turn", "blank-blocks", "blank-parts", "no-worse-answer", "not-written"),
)
# Nothing is wrong with the pairs themselves.
_NOT_OF_PAIRS = ("tools-unclear", "reasoning-for-some", "question-cut")
_REPEATS = "repeated-row"
BY_HAND = "That is put right by hand: open the pairs and edit them."


@dataclass(frozen=True, slots=True)
class Fix:
    """What puts a finding right in how many pairs, and what its button says.

    ``clean`` is a step of cleaning, to be seen before; ``mend``, ``delete`` and ``reject`` are done at once; ``edit``
    is writing by hand. ``is_all`` is False where more pairs have the finding than are listed.
    """

    action: Literal["clean", "mend", "delete", "reject", "edit"]
    label: str
    pairs: int
    step: Step | None = None
    is_all: bool = True


def fix_of(found: Found) -> Fix | None:
    """How a finding is put right; None where no single pair is meant."""
    if not found.pairs or found.code in _NOT_OF_PAIRS:
        return None
    known = LINTS.get(found.code)
    if known is not None and known.step is not None:
        label = _CLEANS.get(known.step.operation, "Clean {}").format(plural(found.pairs, "pair"))
        return Fix("clean", f"{label}…", found.pairs, known.step, found.all_listed)
    number = found.pairs if found.all_listed else min(found.pairs, MOST_KEPT)
    those = plural(number, "pair")
    if found.code in _MENDS and found.fix:
        return Fix("mend", _MENDS[found.code].format(those), number, None, found.all_listed)
    if found.code == _REPEATS:
        return Fix("delete", f"Delete {plural(number, 'repeat')}", number, None, found.all_listed)
    if found.code in _REJECTS:
        return Fix("reject", f"Reject {those}", number, None, found.all_listed)
    return Fix("edit", f"Edit {those}", number, None, found.all_listed)


def find_finding(seen: Overview | None, code: str) -> Found:
    """What the last check found by a rule or lint. Raises NotFound."""
    if seen is None:
        raise NotFound("There was no check yet. Check the pairs first.", code="no_check")
    every = [one for group in seen.groups.values() for one in group] + [one for one, _ in seen.waived]
    found = next((one for one in every if one.code == code), None)
    if found is None:
        raise NotFound(f"The last check found nothing by {code[:60]!r}.", code="no_finding")
    return found


def fix_finding(dataset_id: int, code: str, *, actor: str = ACTOR) -> Applied:
    """Put a finding right in the pairs that are listed for it, as one step of the history.

    Pairs that were written anew since the check are left alone. What was found follows where few pairs are concerned.
    Raises Invalid where it is put right by hand.
    """
    found = find_finding(view_check(dataset_id), code)
    fix = fix_of(found)
    filters = Filters(findings=(code,))
    if fix is None or fix.action == "edit":
        raise Invalid(BY_HAND, code="by_hand")
    if fix.step is not None:
        wish = cleaning.CleaningOptions((fix.step,), filters)
        applied = cleaning.run_cleaning(cleaning.CleaningOrder(dataset_id, wish), actor=actor).applied
    elif fix.action == "delete":
        with history.transaction():
            applied = history.delete(dataset_id, find_repeats(dataset_id, filters), actor=actor)
    elif fix.action == "reject":
        applied = pairs.set_status(dataset_id, Selection(filters=filters), "rejected", actor=actor)
    else:
        applied = _mend_pairs(dataset_id, found, filters, actor)
    if applied.step is not None:
        # It is done, whether or not anything can be said of it: a template may be gone, or others look at files.
        with suppress(LttError):
            recheck_edited(dataset_id, most=MOST_KEPT)
    return applied


def find_repeats(dataset_id: int, filters: Filters) -> Iterator[int]:
    """Pairs that are listed as repeats, but for one of those that are equal now and not rejected, an approved one where
    there is any: the first may be gone since."""
    listed: dict[int | None, list[int]] = {}
    for entry in entries.stream_entries(dataset_id, filters):
        listed.setdefault(entry.content_hash, []).append(entry.id)
    for part in chunks_of(listed, 500):
        columns = Entry.content_hash, Entry.id, Entry.status
        exported = Filters(statuses=entries.TRAINABLE)
        query = entries.select_entries(dataset_id, exported, columns, where=[Entry.content_hash.in_(part)])
        equal: dict[int, list[tuple[bool, int]]] = {}
        for hashed, entry_id, status in db.session.execute(query):
            equal.setdefault(hashed, []).append((status != "approved", entry_id))
        for hashed, ones in equal.items():
            stays, first = min(ones)[1], min(entry_id for _, entry_id in ones)
            # The first of them is not listed: it goes where a later one is the approved one.
            goes = {*listed[hashed], first} if stays in listed[hashed] else set(listed[hashed])
            yield from sorted(goes - {stays})


def _mend_pairs(dataset_id: int, found: Found, filters: Filters, actor: str) -> Applied:
    profiles = choose_profiles(",".join(found.targets), known_profiles())
    mender, prompt = RecordMender(found.code, profiles), datasets.get(dataset_id).system_prompt
    left: list[int] = []

    def changes() -> Iterable[Change]:
        for entry in entries.stream_entries(dataset_id, filters):
            change = mend_entry(mender, entry, prompt)
            if change is None:
                left.append(entry.id)
            else:
                yield change

    title = found.title[0].lower() + found.title[1:]
    applied = history.apply(
        dataset_id, changes(), summary=lambda n: f"Mend {plural(n, 'pair')}: {title}", kind="edit", actor=actor
    )
    for entry_id in left:
        applied.skip(entry_id, "It cannot be mended by itself. Edit it.")
    return applied


def mend_entry(mender: RecordMender, entry: StoredEntry, prompt: str | None) -> Change | None:
    """What mends a pair as it is exported with the prompt of its dataset; None where nothing does."""
    record = entry.record()
    has_prompt = record.system is None and prompt is not None
    whole = replace(record, system=prompt) if has_prompt else record
    mended = mender.mend(whole, entry.id)
    if mended is whole:
        return None
    if has_prompt:
        mended = replace(mended, system=None)
    elif prompt is not None and mended.system is None and record.system is not None:
        # It would get the prompt of the dataset then.
        return None
    before, after = stored_fields(record), stored_fields(mended)
    return change_between(entry.id, before, after)
