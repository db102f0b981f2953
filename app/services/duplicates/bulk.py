"""Settling all safe groups at once: only copies that are the same but for case, spaces and punctuation.

What counts is what the pairs hold now, not what the scan saw: of each group those are put together whose question and
answer have one normal form and whose system prompt, earlier messages, trace, reasoning and worse answer are the same.
One of them is kept by a rule. Nothing that differs in anything else is ever removed here, and no other wording of the
kept pair (its family).
"""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from itertools import groupby
from typing import Any

from sqlalchemy import select

from app.core.changes import Value, chunks_of
from app.core.duplicates import EXACT, NORMALISED
from app.core.duplicates.normal import normalise_texts
from app.core.errors import Conflict
from app.core.record import dump_json
from app.core.stored import as_entry
from app.core.text import plural
from app.models import (
    DuplicateGroup,
    DuplicateMember,
    DuplicateScan,
    Entry,
    Import,
    reading,
)
from app.services import datasets, entries, history
from app.services.duplicates.decide import mark_settled, unite_fields
from app.services.duplicates.group import Rank, name_source, rank_by
from app.services.duplicates.groups import safe_groups
from app.services.duplicates.options import KIND
from app.services.entries import COLUMNS
from app.services.history import ACTOR, Applied, StagedRow
from app.services.jobs import Watch
from app.services.work import Work, work

SIZE = 2_000
CHANGED = "Pairs were changed while this ran. Nothing was removed. Try again."
G = DuplicateGroup


@dataclass(frozen=True, slots=True)
class SettlePreview:
    """What settling would do: in how many groups, how many pairs go, and how many members stay beside the kept."""

    groups: int = 0
    pairs: int = 0
    stay: int = 0

    @property
    def sentence(self) -> str:
        """``208 groups, 231 pairs go``."""
        return f"{plural(self.groups, 'group')}, {plural(self.pairs, 'pair')} {'goes' if self.pairs == 1 else 'go'}"


@dataclass(slots=True)
class Settled:
    """What settling did."""

    applied: Applied
    groups: int = 0
    removed: int = 0

    def as_dict(self) -> dict[str, object]:
        """The result as programs see it."""
        return {**history.applied_dict(self.applied), "groups": self.groups, "removed": self.removed}


@dataclass(frozen=True, slots=True)
class Candidate:
    """A pair that may be kept or go: its content as a digest, and what the kept pair may take over."""

    id: int
    content: bytes
    rank: Rank
    tags: Value
    extra: Value
    source: str
    family: Value


@dataclass(slots=True)
class Verdict:
    """What becomes of one group: the pairs that go, and what the kept ones take over."""

    going: list[int] = field(default_factory=list)
    taken: list[StagedRow] = field(default_factory=list)
    stay: int = 0


def preview_settling(scan: DuplicateScan, level: int, rule: str) -> SettlePreview:
    """Count exactly what ``settle_all`` would do now."""
    groups = pairs = stay = 0
    for verdict in judge_groups(scan, level, rule):
        if verdict.going:
            groups, pairs, stay = groups + 1, pairs + len(verdict.going), stay + verdict.stay
    return SettlePreview(groups, pairs, stay)


def settle_all(
    scan: DuplicateScan,
    level: int,
    rule: str,
    watch: Watch | None = None,
    *,
    actor: str = ACTOR,
) -> Settled:
    """Keep one pair of each safe group by a rule and delete the others, in one step. Raises what stopped it.

    At level 102 only copies letter by letter are settled, at any other all that have one normal form.
    """
    rank_by(rule)
    dataset_id = scan.dataset_id
    with work(KIND, dataset_id, watch, actor=actor) as w:
        done = stage_verdicts(scan, level, rule, w)
        with w.publishing() as publication:
            # A pair whose text was edited after it was judged must not go: its deletion alone would not show that.
            if datasets.get(dataset_id).revision != w.seen.revision:
                raise Conflict(CHANGED, code="changed_meanwhile")
            sentence = f"Settle {plural(done.groups, 'group')} of copies, remove {plural(done.removed, 'pair')}"
            done.applied = w.publish(sentence)
            if done.applied.step is not None:
                mark_settled(dataset_id, done.applied.step.id)
            summary = sentence + "." if done.applied.step else "There was nothing to settle."
            publication.result.update(done.as_dict(), dataset_id=dataset_id, summary=summary)
    return done


def stage_verdicts(scan: DuplicateScan, level: int, rule: str, w: Work) -> Settled:
    """Keep what goes, and what the kept ones take over."""
    done = Settled(Applied())
    rows: list[StagedRow] = []
    for verdict in judge_groups(scan, level, rule):
        done.groups += bool(verdict.going)
        done.removed += len(verdict.going)
        rows += verdict.taken
        rows += ((entry_id, "live", "1", "0") for entry_id in verdict.going)
        if len(rows) >= SIZE:
            w.change(rows, len({row[0] for row in rows}))
            rows = []
        w.report(done.removed, None, "duplicates found")
    w.change(rows, len({row[0] for row in rows}))
    return done


def judge_groups(scan: DuplicateScan, level: int, rule: str) -> Iterator[Verdict]:
    """What becomes of each safe group that is open, group by group."""
    for _, rows in groupby(_read_candidates(scan, level, rule), key=lambda one: one[0]):
        same: dict[bytes, list[Candidate]] = {}
        for _, one in rows:
            same.setdefault(one.content, []).append(one)
        verdict = Verdict(stay=len(same) - 1)
        for alike in same.values():
            kept = max(alike, key=lambda one: one.rank)
            # Wordings of one pair were made to be alike: they are no copies of each other.
            going = [one for one in alike if one is not kept and (one.family is None or one.family != kept.family)]
            verdict.stay += len(alike) - 1 - len(going)
            if not going:
                continue
            verdict.going += (one.id for one in going)
            tags, sources = [one.tags for one in going], [one.source for one in going]
            taken = unite_fields(kept.tags, kept.extra, tags, sources, kept.source)
            verdict.taken += ((kept.id, name, before, after) for name, (before, after) in taken.items())
        yield verdict


def _read_candidates(scan: DuplicateScan, level: int, rule: str) -> Iterator[tuple[int, Candidate]]:
    """The live pairs of the safe groups, group by group."""
    rank, level = rank_by(rule), EXACT if level == EXACT else NORMALISED
    columns = (DuplicateMember.group_id, Import.file_name, *COLUMNS)
    with reading() as connection:
        ids = list(connection.execute(select(G.id).where(*safe_groups(scan, level)).order_by(G.id)).scalars())
        # Not by a join with the groups: a planner that begins with the dataset's pairs needs minutes.
        there = [entries.of_dataset(scan.dataset_id), entries.is_visible(scan.dataset_id, connection)]
        query: Any = select(*columns).join(Entry, Entry.id == DuplicateMember.entry_id)
        query = query.outerjoin(Import, Import.id == Entry.import_id).where(*there)
        for part in chunks_of(ids, 500):
            mine = query.where(DuplicateMember.group_id.in_(part))
            ordered = mine.order_by(DuplicateMember.group_id, DuplicateMember.position)
            for rows in entries.fetch_chunks(connection, ordered, SIZE):
                pairs = [as_entry(row[2:]) for row in rows]
                texts = [text for pair in pairs for text in (pair.question, pair.answer)]
                forms = texts if level == EXACT else normalise_texts(texts)
                for place, (row, pair) in enumerate(zip(rows, pairs, strict=True)):
                    form = forms[2 * place : 2 * place + 2]
                    parts = [pair.system, pair.turns, pair.trace, pair.rejected_answer, pair.reasoning, *form]
                    content = hashlib.blake2b((dump_json(parts) or "").encode(), digest_size=16).digest()
                    source = name_source(row[1], pair.source_row)
                    yield row[0], Candidate(pair.id, content, rank(pair), pair.tags, pair.extra, source, pair.family)
