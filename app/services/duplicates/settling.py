"""Deciding about one group: keep one pair, or merge several into one. Each decision is one step of the history."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import func, or_, select, update

from app.core.changes import Change, Value, change_between, deletion_of
from app.core.errors import Conflict, Invalid
from app.core.text import fold_newlines, is_blank, plural, restore_newlines
from app.models import ChangeRow, DuplicateGroup, DuplicateMember, DuplicateScan, Entry, db, transaction
from app.services import entries, history, pairs
from app.services.duplicates import listing, showing, sources
from app.services.duplicates.wishes import KIND
from app.services.entries import StoredEntry
from app.services.history import ACTOR, Applied

# Larger groups are settled in bulk.
LARGEST = 20_000
PICKED = ("question", "answer", "system")
Versions = Mapping[int, int] | None
G = DuplicateGroup


def keep(
    dataset_id: int,
    group_id: int,
    entry_id: int | None,
    *,
    unite: bool = True,
    remove: Sequence[int] | None = None,
    versions: Versions = None,
    actor: str = ACTOR,
) -> Applied:
    """Keep one pair of a group and delete the others in one step; ``unite`` gives it their tags and sources.

    ``remove`` names the pairs that go; by default all that do not differ from the kept one in something named, and
    all others of a conflict. Without an ``entry_id`` the other side of the scan is kept. Raises Conflict where a pair
    was edited since it was shown (``versions``), Invalid where there is nothing to remove.
    """
    with transaction():
        scan, row, live = _opened(dataset_id, group_id, versions)
        kept = _kept(scan, row, live, entry_id)
        going = _going(scan, row, live, kept, remove)
        fields = sources.take_over(kept, going) if kept and unite else {}
        changes = [*([Change(kept.id, fields)] if kept and fields else []), *(deletion_of(one.id) for one in going)]
        return _apply(dataset_id, row, changes, _keep_sentence(row, kept, going), actor)


def merge(
    dataset_id: int,
    group_id: int,
    keep: int,
    picks: Mapping[str, int],
    tags: Sequence[str] | None = None,
    *,
    texts: Mapping[str, str] | None = None,
    remove: Sequence[int] | None = None,
    versions: Versions = None,
    actor: str = ACTOR,
) -> Applied:
    """Write the best parts of several pairs into one and delete the others, in one step.

    ``picks`` says from which pair the question, the answer and the system prompt are taken; ``texts`` are typed ones,
    with the line ends of a text area, and win. ``tags`` replace the united ones. By default all other pairs of the
    group go. Raises like ``keep``, and Invalid on a blank question.
    """
    with transaction():
        scan, row, live = _opened(dataset_id, group_id, versions)
        kept = _kept(scan, row, live, keep)
        assert kept is not None
        going = _going(scan, row, live, kept, [one for one in live if one != keep] if remove is None else remove)
        after = {**_picked(live, picks), **_typed(kept, live, texts or {})}
        change = Change(kept.id, {**sources.take_over(kept, going), **_merged(kept, after, tags)})
        changes = [*([change] if change.fields else []), *(deletion_of(one.id) for one in going)]
        sentence = f"Merge {plural(len(going) + 1, 'pair')} into {kept.id}"
        return _apply(dataset_id, row, changes, sentence, actor)


def _picked(live: Mapping[int, StoredEntry], picks: Mapping[str, int]) -> dict[str, Value]:
    after: dict[str, Value] = {}
    for name, entry_id in picks.items():
        _check_part(name)
        if entry_id not in live:
            raise Invalid(f"Pair {entry_id} is not in this group any more.", code="not_in_group")
        after[name] = getattr(live[entry_id], name)
    return after


def _check_part(name: str) -> None:
    if name not in PICKED:
        raise Invalid(f"There is no part {name!r} to pick. Use one of {', '.join(PICKED)}.", code="bad_pick")


def _typed(kept: StoredEntry, live: Mapping[int, StoredEntry], texts: Mapping[str, str]) -> dict[str, Value]:
    """Typed texts in their stored form: one that a pair of the group has is that text, byte for byte."""
    after: dict[str, Value] = {}
    for name, text in texts.items():
        _check_part(name)
        entries.check_text(text, name)
        stored = getattr(kept, name)
        values = [one for one in (stored, *(getattr(other, name) for other in live.values())) if one is not None]
        same = next((one for one in values if fold_newlines(one) == fold_newlines(text)), None)
        absent = name == "system" and not text and stored != ""
        after[name] = None if absent else same if same is not None else restore_newlines(text, stored)
    if "question" in after and is_blank(after["question"]):
        raise Invalid("The question is empty. Write a question.", code="blank_question")
    return after


def _merged(kept: StoredEntry, after: dict[str, Value], tags: Sequence[str] | None) -> dict[str, tuple[Value, Value]]:
    if "answer" in after and kept.status == "draft" and not is_blank(after["answer"]):
        after["status"] = "review"
    elif "answer" in after and is_blank(after["answer"]) and not kept.trace:
        after["status"] = "draft"
    if tags is not None:
        after["tags"] = pairs.stored_tags(tags)
    change = change_between(kept.id, {name: getattr(kept, name) for name in after}, after)
    fields: dict[str, tuple[Value, Value]] = dict(change.fields) if change else {}
    if tags is not None and "tags" not in fields:
        # The tags that were asked for are those it has: those of the others are not taken over.
        fields["tags"] = (kept.tags, kept.tags)
    return fields


def opened(dataset_id: int, group_id: int) -> tuple[DuplicateScan, DuplicateGroup]:
    """A group that can be decided about. Raises Conflict where it was decided already."""
    scan, row = listing.get(dataset_id, group_id)
    if listing.is_settled(scan, row):
        raise Conflict("This group is settled already. Undo the step to decide again.", code="settled")
    if row.state == "dismissed":
        raise Conflict("These pairs were said to be no duplicates. Take that back first.", code="dismissed")
    if row.kind == "family":
        raise Invalid("A family is no group of copies: its pairs are meant to differ.", code="family")
    if row.size > LARGEST:
        raise Invalid(f"This group has {row.size:,} pairs. Settle all exact groups at once instead.", code="too_many")
    return scan, row


def require_versions(live: Mapping[int, StoredEntry], versions: Versions) -> None:
    """Raise Conflict where a pair was edited or deleted since it was shown; all such pairs are listed."""
    stale = [one for one, version in (versions or {}).items() if one not in live or live[one].version != version]
    if stale:
        named = ", ".join(str(one) for one in stale[:10])
        raise Conflict(
            f"{plural(len(stale), 'pair')} changed since you opened this group: {named}. Nothing was done.",
            code="stale_version",
            entries=stale,
        )


def _opened(
    dataset_id: int, group_id: int, versions: Versions
) -> tuple[DuplicateScan, DuplicateGroup, dict[int, StoredEntry]]:
    scan, row = opened(dataset_id, group_id)
    live, _ = showing.members(scan, row)
    require_versions(live, versions)
    return scan, row, live


def _kept(
    scan: DuplicateScan, row: DuplicateGroup, live: Mapping[int, StoredEntry], entry_id: int | None
) -> StoredEntry | None:
    if entry_id is None:
        if scan.kind not in ("dataset", "file"):
            raise Invalid("Say which pair to keep.", code="nothing_kept")
        return None
    if entry_id not in live:
        raise Invalid(f"Pair {entry_id} is not in this group any more.", code="not_in_group")
    return live[entry_id]


def _going(
    scan: DuplicateScan,
    row: DuplicateGroup,
    live: Mapping[int, StoredEntry],
    kept: StoredEntry | None,
    remove: Sequence[int] | None,
) -> list[StoredEntry]:
    if remove is not None:
        if missing := [one for one in remove if one not in live or (kept and one == kept.id)]:
            raise Invalid(f"Pair {missing[0]} cannot be removed: it is not among the others.", code="not_in_group")
        going = [live[one] for one in dict.fromkeys(remove)]
    elif kept is None:
        going = list(live.values()) if row.what == "copies" else []
    else:
        going = [one for one in live.values() if showing.leaves(row, kept, one, *showing.matches(scan.side, kept, one))]
    if not going:
        raise Invalid("There is no pair to remove: name those that shall go.", code="nothing_to_remove")
    return going


def _keep_sentence(row: DuplicateGroup, kept: StoredEntry | None, going: Sequence[StoredEntry]) -> str:
    nouns = {"conflict": ("conflicting pair", None), "variant": ("variant", None)}
    removed = plural(len(going), *nouns.get(row.kind, ("duplicate", None)))
    return f"Keep pair {kept.id}, remove {removed}" if kept else f"Remove {removed} of the other side"


def _apply(dataset_id: int, row: DuplicateGroup, changes: Sequence[Change], summary: str, actor: str) -> Applied:
    applied = history.apply(dataset_id, changes, summary=summary, kind=KIND, actor=actor)
    if applied.step is not None:
        mark_settled(dataset_id, applied.step.id, row.id)
    return applied


def mark_settled(dataset_id: int, set_id: int, group_id: int | None = None) -> None:
    """Note that a step settled a group, and every group that it left with one member.

    A conflict is settled by the latter only: the answers that are left may still contradict each other.
    """
    session = db.session()
    if group_id is not None:
        session.execute(update(G).where(G.id == group_id, G.what != "conflicts").values(settled_in=set_id))
    own = [ChangeRow.change_set_id == set_id, ChangeRow.field == "live", ChangeRow.after == "0"]
    removed = select(ChangeRow.entry_id).where(*own)
    touched = select(DuplicateMember.group_id).where(DuplicateMember.entry_id.in_(removed))
    scans = select(DuplicateScan.id).where(DuplicateScan.dataset_id == dataset_id, DuplicateScan.state == "current")
    over = or_(_left(or_(_pair_is_there(), DuplicateMember.entry_id.is_(None))) < 2, _left(_pair_is_there()) < 1)
    where = [G.id.in_(touched), G.scan_id.in_(scans), ~listing.settled(dataset_id), over]
    session.execute(update(G).where(*where).values(settled_in=set_id).execution_options(synchronize_session=False))


def _pair_is_there() -> Any:
    return (DuplicateMember.entry_id.is_not(None)) & Entry.deleted_in.is_(None) & Entry.id.is_not(None)


def _left(there: Any) -> Any:
    """How many members of a group are still there."""
    query = select(func.count()).select_from(DuplicateMember)
    joined = query.outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
    return joined.where(DuplicateMember.group_id == G.id, there).correlate(G).scalar_subquery()
