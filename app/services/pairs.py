"""Writing and labelling pairs by hand: one by one, or a selection at once."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import islice
from types import MappingProxyType
from typing import Any

from app.core.changes import FIELDS, Change, Value, change_between, deletion_of
from app.core.editing import check_messages, check_storable, check_tools, tools_name
from app.core.errors import Conflict, Invalid, NotFound, placed
from app.core.filters import Filters
from app.core.layouts.functions import tools_in
from app.core.record import SPLITS, STATUSES, Message, Record, dump_json, load_json, load_messages
from app.core.stored import StoredEntry
from app.core.text import clip, is_blank, plural
from app.models import ChangeSet
from app.services import datasets, entries, history
from app.services.history import ACTOR, Applied

MAX_TAG = 80
# What sentences call a field whose name is no word.
_TITLES = {"system": "system prompt", "rejected_answer": "rejected answer"}
_VERBS = {"approved": "Approve", "review": "Send to review", "rejected": "Reject", "draft": "Make a draft of"}


@dataclass(frozen=True, slots=True)
class Selection:
    """Which pairs an action is for: the ticked ones, or all that match the filters, ``most`` of them."""

    ids: tuple[int, ...] = ()
    filters: Filters | None = None
    most: int | None = None

    def entries(self, dataset_id: int) -> Iterator[StoredEntry]:
        """The selected live entries. Raises Conflict behind the last one where more match than were meant."""
        if self.filters is None:
            yield from entries.by_ids(dataset_id, self.ids).values()
            return
        matching = entries.stream_entries(dataset_id, self.filters)
        yield from islice(matching, self.most)
        if self.most is not None and (more := sum(1 for _ in matching)):
            said = f"{plural(self.most + more, 'pair')} match now, {more:,} more than the button said."
            raise Conflict(f"{said} Nothing was changed.", code="more_match")


def add_pair(
    dataset_id: int,
    question: str,
    answer: str = "",
    *,
    system: str | None = None,
    turns: Sequence[Message] = (),
    trace: Sequence[Message] = (),
    rejected_answer: str | None = None,
    reasoning: str | None = None,
    extra: Mapping[str, Any] = MappingProxyType({}),
    tags: Iterable[str] = (),
    status: str | None = None,
    split: str | None = None,
    source: str | None = None,
    family: str | None = None,
    actor: str = ACTOR,
    key: str | None = None,
) -> Applied:
    """Add a pair written by hand: it needs review, or is a draft while unanswered. Raises Invalid.

    The same pair that comes again with the same ``key`` is added once.
    """
    texts = {"question": question, "answer": answer, "system": system, "reasoning": reasoning}
    _check_texts(texts | {"rejected_answer": rejected_answer, "source": source, "family": family})
    check_messages(turns, trace)
    _check_extra({}, extra)
    record = Record(
        question,
        answer,
        system=system,
        turns=tuple(turns),
        trace=tuple(trace),
        rejected_answer=rejected_answer,
        extra=dict(extra),
        tags=clean_tags(tags),
        reasoning=reasoning or None,
        source=_clean_key(source),
        family=_clean_key(family),
    )
    row = history.new_row(record, status=_check_status(status or "review"), split=check_split(split))
    return history.create_rows(
        dataset_id,
        [row],
        summary=f"Add “{clip(question, 60)}”",
        actor=actor,
        key=key and hashlib.sha256(repr((key, row)).encode()).hexdigest()[:40],
    )


def save_pair(dataset_id: int, entry_id: int, values: dict[str, Value], *, version: int, actor: str = ACTOR) -> Applied:
    """Save an edited pair. ``values`` are stored forms; fields that are equal make no change and no step.

    Raises Invalid on a blank question, Conflict where it was saved by somebody else since ``version``, Gone where it
    was deleted.
    """
    with history.transaction():
        entry = entries.get(dataset_id, entry_id)
        change = edit_of(entry, values)
        if change is None:
            return Applied()
        entries.require_version(entry, version)
        return history.apply(
            dataset_id, [change], summary=f"Edit “{clip(entry.question, 60)}”", kind="edit", actor=actor
        )


def edit_of(entry: StoredEntry, values: dict[str, Value]) -> Change | None:
    """What ``values`` change in a pair; None for nothing. Raises Invalid on what cannot be in one."""
    after = dict(values)
    if "question" in after and is_blank(after["question"]):
        said = "The question is empty. Write a question, or delete the pair."
        raise Invalid(said, code="blank_question", field="question")
    texts = ("question", "answer", "system", "rejected_answer", "reasoning", "source", "family")
    _check_texts({name: after.get(name) for name in texts})
    if "reasoning" in after:
        after["reasoning"] = after["reasoning"] or None
    for name in ("source", "family"):
        # Only what was typed anew is tidied: a stored key may have blanks that a file gave it.
        if name in after and after[name] != getattr(entry, name):
            after[name] = _clean_key(after[name])
    if "split" in after:
        after["split"] = check_split(after["split"])
    if "status" in after:
        after["status"] = _check_status(after["status"])
    if any(name in after and after[name] != getattr(entry, name) for name in ("turns", "trace")):
        turns, trace = (load_messages(after.get(name, getattr(entry, name))) for name in ("turns", "trace"))
        stored = entry.record()
        check_messages(turns, trace, (*stored.turns, *stored.trace))
    if "extra" in after:
        _check_extra(load_json(entry.extra, {}), load_json(after["extra"], {}))
    if ("answer" in after or "trace" in after) and not after.get("trace", entry.trace):
        # An answer that goes makes a draft; one that comes ends it, unless the status was chosen as well.
        if is_blank(after.get("answer", entry.answer)):
            after["status"] = "draft"
        elif is_blank(entry.answer) and entry.status == "draft" and after.get("status", "draft") == "draft":
            after["status"] = "review"
    return change_between(entry.id, {name: getattr(entry, name) for name in after}, after)


def _check_texts(texts: Mapping[str, Any]) -> None:
    for name, text in texts.items():
        with placed(field=name):
            entries.check_text(text, _TITLES.get(name, name))


def _check_extra(stored: Mapping[str, Any], extra: Mapping[str, Any]) -> None:
    """Raise Invalid where something that is not stored yet cannot be, or is no tool where one should be."""
    check_storable(
        {key: value for key, value in extra.items() if key not in stored or stored[key] != value}, "The pair"
    )
    name = tools_name(extra)
    if name in extra and extra[name] != stored.get(name):
        with placed(field="tools"):
            check_tools(tools_in(extra[name]))


def _check_status(status: str | None) -> str:
    if status not in STATUSES:
        said = f"There is no status {status!r}. Use one of {', '.join(STATUSES)}."
        raise Invalid(said, code="bad_status", field="status")
    return status


def check_split(split: str | None) -> str | None:
    """The split, or None for no split. Raises Invalid where there is no such split."""
    if split and split not in SPLITS:
        said = f"There is no split {split!r}. Use one of {', '.join(SPLITS)}."
        raise Invalid(said, code="no_split", field="split")
    return split or None


def _clean_key(text: str | None) -> str | None:
    return " ".join((text or "").split()) or None


def clean_tags(tags: Iterable[str]) -> tuple[str, ...]:
    """Tags without blanks at the ends, empty ones and repeats. Raises Invalid on one over the limit."""
    cleaned = dict.fromkeys(" ".join(tag.split()) for tag in tags)
    cleaned.pop("", None)
    for tag in cleaned:
        with placed(field="tags"):
            entries.check_text(tag, "tag")
        if len(tag) > MAX_TAG:
            said = f"The tag “{clip(tag, 30)}” is longer than {MAX_TAG} characters. Use a shorter one."
            raise Invalid(said, field="tags")
    return tuple(cleaned)


def stored_tags(tags: Iterable[str]) -> str | None:
    """Tags in their stored form."""
    return dump_json(list(clean_tags(tags)))


def set_status(dataset_id: int, selection: Selection, status: str, *, actor: str = ACTOR) -> Applied:
    """Give the selected pairs a status. Unanswered pairs stay drafts and are listed."""
    status = _check_status(status)
    unanswered: list[int] = []

    def changes() -> Iterator[Change]:
        for entry in selection.entries(dataset_id):
            if status == "approved" and is_blank(entry.answer) and not entry.trace:
                unanswered.append(entry.id)
            elif entry.status != status:
                yield Change(entry.id, {"status": (entry.status, status)})

    result = history.apply(
        dataset_id,
        changes(),
        summary=lambda n: f"{_VERBS[status]} {plural(n, 'pair')}",
        kind="status",
        actor=actor,
    )
    for entry_id in unanswered:
        result.skip(entry_id, "The pair has no answer yet.")
    return result


def set_split(dataset_id: int, selection: Selection, split: str, *, actor: str = ACTOR) -> Applied:
    """Put the selected pairs into a split, or with an empty one take them out of theirs."""
    after = check_split(split)
    return history.apply(
        dataset_id,
        (Change(one.id, {"split": (one.split, after)}) for one in selection.entries(dataset_id) if one.split != after),
        summary=lambda n: (
            f"Put {plural(n, 'pair')} into {after}" if after else f"Take {plural(n, 'pair')} out of splits"
        ),
        kind="label",
        actor=actor,
    )


def set_system(dataset_id: int, selection: Selection, system: str | None, *, actor: str = ACTOR) -> Applied:
    """Give the selected pairs a system prompt of their own; with None they have that of the dataset again."""
    entries.check_text(system, "system prompt")
    changes = (
        Change(one.id, {"system": (one.system, system)})
        for one in selection.entries(dataset_id)
        if one.system != system
    )
    return history.apply(
        dataset_id,
        changes,
        summary=lambda n: (
            f"Take the system prompt off {plural(n, 'pair')}"
            if system is None
            else f"Give {plural(n, 'pair')} the system prompt “{clip(system, 40)}”"
        ),
        kind="edit",
        actor=actor,
    )


@dataclass(frozen=True, slots=True)
class Brought:
    """What moving or copying pairs did: a step in the dataset they went to, and of a move one in that they left."""

    target_id: int
    added: Applied
    removed: Applied


def bring_pairs(dataset_id: int, selection: Selection, target_id: int, *, move: bool, actor: str = ACTOR) -> Brought:
    """Copy the selected pairs into another dataset with labels and provenance, and with ``move`` delete them here.

    Both are steps that can be undone, each in its dataset. Raises Invalid where both datasets are the same.
    """
    if target_id == dataset_id:
        raise Invalid("The pairs are in this dataset already. Choose another one.", code="same_dataset")
    with history.transaction() as session:
        origin, target = datasets.get(dataset_id), datasets.get(target_id)
        taken: list[int] = []

        def rows() -> Iterator[StoredEntry]:
            for one in selection.entries(dataset_id):
                taken.append(one.id)
                yield one

        verb = "Move" if move else "Copy"
        added = history.create_rows(
            target_id,
            rows(),
            summary=lambda n: f"{verb} {plural(n, 'pair')} here from “{clip(origin.name, 40)}”",
            kind="copy",
            actor=actor,
        )
        removed = Applied()
        if move:
            removed = history.apply(
                dataset_id,
                map(deletion_of, taken),
                summary=lambda n: f"Move {plural(n, 'pair')} to “{clip(target.name, 40)}”",
                kind="delete",
                actor=actor,
            )
        if added.step and removed.step:
            for step, other, there in ((added.step, removed.step, origin), (removed.step, added.step, target)):
                details = {"moved": {"dataset": there.id, "step": other.number}}
                session.get_one(ChangeSet, step.id).details = json.dumps(details)
    return Brought(target_id, added, removed)


def swap_move(dataset_id: int, number: int, *, back: bool, actor: str = ACTOR) -> tuple[Applied, Applied]:
    """Undo a move in the dataset that pairs left and in the one they went to, or do it again, all or nothing.

    What was changed there since stays there. Raises NotFound where the step moved nothing, or the other one is gone.
    """
    with history.transaction():
        moved = history.details_of(history.step(dataset_id, number)).get("moved")
        if moved is None:
            raise NotFound(f"Step {number} moved no pairs to another dataset.", code="no_move")
        swap, done = (history.undo, "undone") if back else (history.redo, "applied")
        here = swap(dataset_id, number, actor=actor)
        is_done = history.step(moved["dataset"], moved["step"]).state == done
        return here, Applied() if is_done else swap(moved["dataset"], moved["step"], actor=actor)


def tell_other_side(dataset_id: int, number: int) -> str:
    """What is to be known of a move of which one step was undone or redone: whether the one in the other dataset was
    not. Empty for any other step."""
    step = history.step(dataset_id, number)
    if (moved := history.details_of(step).get("moved")) is None:
        return ""
    try:
        there, other = datasets.get(moved["dataset"]), history.step(moved["dataset"], moved["step"])
    except NotFound:
        return ""
    if other.state == step.state:
        return ""
    did = "took them away" if other.kind == "delete" else "put them"
    stays = "not undone" if other.state == "applied" else "undone still"
    return f"Step {other.number} of “{clip(there.name, 40)}”, which {did} there, is {stays}."


def tag_pairs(
    dataset_id: int, selection: Selection, *, add: Sequence[str] = (), remove: Sequence[str] = (), actor: str = ACTOR
) -> Applied:
    """Add tags to the selected pairs and take others away."""
    added, removed = clean_tags(add), set(clean_tags(remove))
    if not added and not removed:
        raise Invalid("No tag was given. Type a tag first.", code="no_tag")

    def changes() -> Iterator[Change]:
        for entry in selection.entries(dataset_id):
            kept = [one for one in entry.tag_list if one not in removed]
            after = stored_tags([*kept, *added])
            if after != entry.tags:
                yield Change(entry.id, {"tags": (entry.tags, after)})

    def summary(number: int) -> str:
        names = ", ".join(f"“{name}”" for name in (added or sorted(removed)))
        pairs = plural(number, "pair")
        return f"Tag {pairs} with {names}" if added else f"Remove {names} from {pairs}"

    return history.apply(dataset_id, changes(), summary=summary, kind="tag", actor=actor)


def delete_pairs(dataset_id: int, selection: Selection, *, actor: str = ACTOR) -> Applied:
    """Delete the selected pairs; undo brings them back."""
    with history.transaction():
        return history.delete(dataset_id, (entry.id for entry in selection.entries(dataset_id)), actor=actor)


def delete_pair(dataset_id: int, entry_id: int, *, version: int, actor: str = ACTOR) -> Applied:
    """Delete a pair. Raises Conflict where somebody saved it since ``version``, Gone where it was deleted."""
    with history.transaction():
        entries.require_version(entries.get(dataset_id, entry_id), version)
        return history.delete(dataset_id, [entry_id], actor=actor)


def restore_version(dataset_id: int, entry_id: int, number: int, *, version: int, actor: str = ACTOR) -> Applied:
    """Bring a pair back to how it was after a step of its history, in one step.

    Raises NotFound where the step did nothing to it, Conflict where somebody saved it since ``version``.
    """
    with history.transaction():
        entry = entries.get(dataset_id, entry_id)
        entries.require_version(entry, version)
        wanted = entries.value_after(dataset_id, entry_id, number)
        before, after = ({name: getattr(one, name) for name in FIELDS if name != "live"} for one in (entry, wanted))
        change = change_between(entry_id, before, after)
        if change is None:
            return Applied()
        summary = f"Bring “{clip(wanted.question, 60)}” back to step {number}"
        return history.apply(dataset_id, [change], summary=summary, kind="edit", actor=actor)


def restore_pair(
    dataset_id: int, entry_id: int, values: dict[str, Value], *, version: int, actor: str = ACTOR
) -> Applied:
    """Restore a deleted pair with the texts somebody was still writing, in one step.

    Raises Conflict where somebody restored or changed it since ``version``.
    """
    with history.transaction():
        entry = entries.get_deleted(dataset_id, entry_id)
        entries.require_version(entry, version)
        change = edit_of(entry, values)
        fields = {"live": ("0", "1"), **(change.fields if change else {})}
        return history.apply(
            dataset_id,
            [Change(entry_id, fields)],
            summary=f"Restore “{clip(entry.question, 60)}”",
            kind="restore",
            actor=actor,
        )
