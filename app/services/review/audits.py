"""Audits: some pairs drawn at random and looked at, and what that says of all."""

import random
import secrets
from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.core.errors import Invalid, NotFound
from app.core.filters import Filters
from app.core.intervals import wilson_interval
from app.models import Audit, Entry, Verdict, db, transaction
from app.services import datasets, entries, history
from app.services.review.queue import stands

LARGEST = 2_000


@dataclass(frozen=True, slots=True)
class AuditResult:
    """How far an audit is, and what it says. ``bad`` pairs were rejected, or written anew before they were approved.

    ``low`` and ``high`` bound the share of bad pairs, 0 to 1, with 95 % confidence.
    """

    audit: Audit
    seen: int
    bad: int
    low: float
    high: float

    @property
    def share(self) -> float:
        """The share of bad pairs among those that were seen, 0 to 1."""
        return self.bad / self.seen if self.seen else 0.0


def start_audit(dataset_id: int, filters: Filters, query: str, size: int, seed: int | None = None) -> Audit:
    """Draw ``size`` of the pairs that match; ``query`` is how an address says the filters. Same seed, same sample."""
    datasets.get(dataset_id)
    if not 1 <= size <= LARGEST:
        raise Invalid(f"An audit takes 1 to {LARGEST:,} pairs, not {size:,}.", code="audit_size")
    history.rehash(dataset_id)
    ids = [row[0] for rows in entries.stream(dataset_id, filters, columns=(Entry.id,)) for row in rows]
    if not ids:
        raise Invalid("No pair matches, so there is nothing to draw from. Change the filters.", code="no_pairs")
    seed = secrets.randbits(31) if seed is None else seed
    sample = sorted(random.Random(seed).sample(ids, min(size, len(ids))))
    with transaction() as session:
        hashes = {one.id: one.content_hash for one in entries.by_ids(dataset_id, sample).values()}
        kept = [[one, hashes.get(one)] for one in sample]
        audit = Audit(dataset_id=dataset_id, filters=query, seed=seed, sample=kept, drawn_from=len(ids))
        session.add(audit)
        session.flush()
        return audit


def get_audit(dataset_id: int, audit_id: int) -> Audit:
    """The audit. Raises NotFound."""
    audit = db.session.get(Audit, audit_id)
    if audit is None or audit.dataset_id != dataset_id:
        raise NotFound(f"There is no audit {audit_id} in this dataset.", audit_id=audit_id)
    return audit


def list_audits(dataset_id: int, size: int = 10) -> list[AuditResult]:
    """The newest audits with their results, newest first."""
    query = select(Audit).where(Audit.dataset_id == dataset_id).order_by(Audit.id.desc()).limit(size)
    return describe_audits(db.session.execute(query).scalars().all())


def describe_audits(audits: Sequence[Audit]) -> list[AuditResult]:
    """What audits say so far, by the last decision on each pair that was not undone. Skipped pairs were not seen."""
    query = select(Verdict.audit_id, Verdict.entry_id, Verdict.verdict, Verdict.content_hash)
    query = query.where(Verdict.audit_id.in_([one.id for one in audits]), stands())
    last: dict[int | None, dict[int, tuple[str, int | None]]] = {one.id: {} for one in audits}
    for audit_id, entry_id, verdict, content in db.session.execute(query.order_by(Verdict.id)):
        last[audit_id][entry_id] = verdict, content
    results = []
    for audit in audits:
        hashes = dict(audit.sample)
        seen = {one: said for one, said in last[audit.id].items() if said[0] != "skipped"}
        bad = sum(verdict == "rejected" or content != hashes.get(one) for one, (verdict, content) in seen.items())
        results.append(AuditResult(audit, len(seen), bad, *wilson_interval(bad, len(seen))))
    return results
