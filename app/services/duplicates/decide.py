"""Deciding about one group: keep one pair, merge several, or prefer an answer. Each is one step of the history."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import func, or_, select, update

from app.core.changes import Change, Value, change_between, deletion_of
from app.core.errors import Conflict, Invalid
from app.core.record import dump_json, load_json
from app.core.stored import StoredEntry
from app.core.text import fold_newlines, is_blank, plural, restore_newlines
from app.models import ChangeRow, ChangeSet, DuplicateGroup, DuplicateMember, DuplicateScan, Entry, db, transaction
from app.services import entries, history, pairs
from app.services.duplicates.group import compare_members, leaves_by_default, read_members, read_origins
from app.services.duplicates.groups import get_group, is_settled, settled_now
from app.services.duplicates.options import KIND
from app.services.history import ACTOR, Applied

# Larger groups are settled in bulk.
LARGEST = 20_000
PICKED = ("question", "answer", "reasoning", "system")
# The key in a pair's extra values that lists where its removed copies came from.
SOURCES = "sources"
Versions = Mapping[int, int] | None
Fields = dict[str, tuple[Value, Value]]
G = DuplicateGroup


def keep_pair(
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
        scan, group, live = open_members(dataset_id, group_id, versions)
        kept = None
        if entry_id is not None:
            kept = _member(live, entry_id)
        elif scan.kind not in ("dataset", "file"):
            raise Invalid("Say which pair to keep.", code="nothing_kept")
        going = _leaving(scan, group, live, kept, remove)
        fields = take_over(kept, going) if kept and unite else {}
        changes = [*([Change(kept.id, fields)] if kept and fields else []), *(deletion_of(one.id) for one in going)]
        nouns = {"conflict": ("conflicting pair", None), "variant": ("variant", None)}
        removed = plural(len(going), *nouns.get(group.kind, ("duplicate", None)))
        summary = f"Keep pair {kept.id}, remove {removed}" if kept else f"Remove {removed} of the other side"
        return _settle(dataset_id, group, changes, summary, actor)


def merge_pairs(
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
    group go. Raises like ``keep_pair``, and Invalid on a blank question.
    """
    with transaction():
        scan, group, live = open_members(dataset_id, group_id, versions)
        kept = _member(live, keep)
        going = _leaving(scan, group, live, kept, [one for one in live if one != keep] if remove is None else remove)
        for name in (*picks, *(texts or {})):
            if name not in PICKED:
                raise Invalid(f"There is no part {name!r} to pick. Use one of {', '.join(PICKED)}.", code="bad_pick")
        after: dict[str, Value] = {name: getattr(_member(live, entry_id), name) for name, entry_id in picks.items()}
        after |= {name: _stored_text(name, text, kept, live) for name, text in (texts or {}).items()}
        if texts and "question" in texts and is_blank(after["question"]):
            raise Invalid("The question is empty. Write a question.", code="blank_question")
        change = Change(kept.id, {**take_over(kept, going), **_changed_fields(kept, after, tags)})
        changes = [*([change] if change.fields else []), *(deletion_of(one.id) for one in going)]
        return _settle(dataset_id, group, changes, f"Merge {plural(len(going) + 1, 'pair')} into {kept.id}", actor)


def _stored_text(name: str, text: str, kept: StoredEntry, live: Mapping[int, StoredEntry]) -> Value:
    """A typed text in its stored form: one that a pair of the group has is that text, byte for byte."""
    entries.check_text(text, name)
    stored = getattr(kept, name)
    if not text and (name == "reasoning" or (name == "system" and stored != "")):
        return None
    values = [one for one in (stored, *(getattr(other, name) for other in live.values())) if one is not None]
    same = next((one for one in values if fold_newlines(one) == fold_newlines(text)), None)
    return same if same is not None else restore_newlines(text, stored)


def _changed_fields(kept: StoredEntry, after: dict[str, Value], tags: Sequence[str] | None) -> Fields:
    """What changes in the kept pair; its status follows its answer."""
    if "answer" in after and kept.status == "draft" and not is_blank(after["answer"]):
        after["status"] = "review"
    elif "answer" in after and is_blank(after["answer"]) and not kept.trace:
        after["status"] = "draft"
    if tags is not None:
        after["tags"] = pairs.stored_tags(tags)
    change = change_between(kept.id, {name: getattr(kept, name) for name in after}, after)
    fields: Fields = dict(change.fields) if change else {}
    if tags is not None and "tags" not in fields:
        # The tags that were asked for are those it has: those of the others are not taken over.
        fields["tags"] = (kept.tags, kept.tags)
    return fields


def prefer_answer(
    dataset_id: int,
    group_id: int,
    chosen: int,
    rejected_ids: Sequence[int],
    *,
    versions: Versions = None,
    actor: str = ACTOR,
) -> Applied:
    """Keep the chosen pair with the first rejected answer as its worse one; each further one makes a pair of its own.

    The rejected pairs are deleted. Raises like ``keep_pair``.
    """
    with transaction() as session:
        _, group, live = open_members(dataset_id, group_id, versions)
        kept, *rejected = (_member(live, one) for one in (chosen, *dict.fromkeys(rejected_ids)))
        if not rejected or kept in rejected:
            raise Invalid("Choose one answer, and at least one other that is rejected.", code="bad_choice")
        for one in rejected:
            if is_blank(one.answer) or one.answer == kept.answer:
                raise Invalid(f"Pair {one.id} has no other answer that could be rejected.", code="no_other_answer")
        answers = list(dict.fromkeys(one.answer for one in rejected))
        changes: list[Change] = []
        if kept.rejected_answer is None:
            changes.append(Change(kept.id, {"rejected_answer": (None, answers.pop(0))}))
        answers = [answer for answer in answers if answer != kept.rejected_answer]
        number = len(changes) + len(answers)
        staged = history.stage(dataset_id, kind=KIND, actor=actor)
        # Each further pair needs what the chosen one needs, in the same split.
        rows = [
            history.new_row(replace(kept.record(), rejected_answer=answer), status=kept.status, split=kept.split)
            for answer in answers
        ]
        history.add_rows(session, session.get_one(ChangeSet, staged), rows)
        changes += (deletion_of(one.id) for one in rejected)
        summary = f"Prefer the answer of pair {kept.id}: {plural(number, 'preference pair')}"
        applied = history.publish(staged, summary=summary, changes=changes)
        if applied.step is not None:
            mark_settled(dataset_id, applied.step.id, group.id)
        return applied


def open_group(dataset_id: int, group_id: int) -> tuple[DuplicateScan, DuplicateGroup]:
    """A group that can be decided about. Raises Conflict where it was decided already."""
    scan, group = get_group(dataset_id, group_id)
    if is_settled(scan, group):
        raise Conflict("This group is settled already. Undo the step to decide again.", code="settled")
    if group.state == "dismissed":
        raise Conflict("These pairs were said to be no duplicates. Take that back first.", code="dismissed")
    if group.kind == "family":
        raise Invalid("A family is no group of copies: its pairs are meant to differ.", code="family")
    if group.size > LARGEST:
        raise Invalid(f"This group has {group.size:,} pairs. Settle all exact groups at once instead.", code="too_many")
    return scan, group


def open_members(
    dataset_id: int, group_id: int, versions: Versions
) -> tuple[DuplicateScan, DuplicateGroup, dict[int, StoredEntry]]:
    """A group to decide about with its live pairs. Raises Conflict listing those that changed since they were shown."""
    scan, group = open_group(dataset_id, group_id)
    live, _ = read_members(scan, group)
    stale = [one for one, version in (versions or {}).items() if one not in live or live[one].version != version]
    if stale:
        named = ", ".join(str(one) for one in stale[:10])
        raise Conflict(
            f"{plural(len(stale), 'pair')} changed since you opened this group: {named}. Nothing was done.",
            code="stale_version",
            entries=stale,
        )
    return scan, group, live


def _member(live: Mapping[int, StoredEntry], entry_id: int) -> StoredEntry:
    if entry_id not in live:
        raise Invalid(f"Pair {entry_id} is not in this group any more.", code="not_in_group")
    return live[entry_id]


def _leaving(
    scan: DuplicateScan,
    group: DuplicateGroup,
    live: Mapping[int, StoredEntry],
    kept: StoredEntry | None,
    remove: Sequence[int] | None,
) -> list[StoredEntry]:
    """The pairs that go: those in ``remove``, else what goes by default. Raises Invalid where there is none."""
    if remove is not None:
        if missing := [one for one in remove if one not in live or (kept and one == kept.id)]:
            raise Invalid(f"Pair {missing[0]} cannot be removed: it is not among the others.", code="not_in_group")
        going = [live[one] for one in dict.fromkeys(remove)]
    elif kept is None:
        going = list(live.values()) if group.what == "copies" else []
    else:
        going = [
            one for one in live.values() if leaves_by_default(group, kept, one, *compare_members(scan.side, kept, one))
        ]
    if not going:
        raise Invalid("There is no pair to remove: name those that shall go.", code="nothing_to_remove")
    return going


def _settle(dataset_id: int, group: DuplicateGroup, changes: Sequence[Change], summary: str, actor: str) -> Applied:
    applied = history.apply(dataset_id, changes, summary=summary, kind=KIND, actor=actor)
    if applied.step is not None:
        mark_settled(dataset_id, applied.step.id, group.id)
    return applied


def take_over(kept: StoredEntry, going: Sequence[StoredEntry]) -> Fields:
    """What a pair takes over from those that go."""
    origins = read_origins([kept.id, *(one.id for one in going)])
    sources = [origins[one.id].source for one in going if one.id in origins]
    own = origins[kept.id].source if kept.id in origins else ""
    return unite_fields(kept.tags, kept.extra, [one.tags for one in going], sources, own)


def unite_fields(tags: Value, extra: Value, others: Iterable[Value], sources: Iterable[str], own_source: str) -> Fields:
    """What the pair that is kept takes over, as the fields of a change: the tags of the others and their sources."""
    fields: Fields = {}
    mine: list[str] = load_json(tags, [])
    all_tags = dict.fromkeys([*mine, *(tag for one in others for tag in load_json(one, []))])
    if len(all_tags) > len(mine):
        fields["tags"] = (tags, dump_json(list(all_tags)))
    kept = load_json(extra, {})
    known = kept.get(SOURCES, [])
    new = [one for one in dict.fromkeys(sources) if one and one != own_source]
    if isinstance(known, list) and (new := [one for one in new if one not in known]):
        fields["extra"] = (extra, dump_json({**kept, SOURCES: [*known, *new]}))
    return fields


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
    live = (DuplicateMember.entry_id.is_not(None)) & Entry.deleted_in.is_(None) & Entry.id.is_not(None)
    over = or_(_members_left(or_(live, DuplicateMember.entry_id.is_(None))) < 2, _members_left(live) < 1)
    where = [G.id.in_(touched), G.scan_id.in_(scans), ~settled_now(dataset_id), over]
    session.execute(update(G).where(*where).values(settled_in=set_id).execution_options(synchronize_session=False))


def _members_left(there: Any) -> Any:
    """How many members of a group are still there."""
    query = select(func.count()).select_from(DuplicateMember)
    joined = query.outerjoin(Entry, Entry.id == DuplicateMember.entry_id)
    return joined.where(DuplicateMember.group_id == G.id, there).correlate(G).scalar_subquery()
