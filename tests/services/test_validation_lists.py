"""Show: whatever a check finds in pairs, just those pairs are listed by it."""

from app.core.errors import LttError
from app.core.filters import Filters
from app.core.formats import BadRow, Source
from app.core.formats.jsonl import encode_line
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.record import Record
from app.core.validation import RULES
from app.core.validation.lints import LINTS
from app.core.validation.rules.base import TwoFiles
from app.models import FoundProblem, db
from app.services import entries, history, tasks, validation
from app.services.validation import CheckRun


def records_of(rows):
    """The records that rows of an example become in an import; none where nobody could tell what they are."""
    source = Source.of_bytes(b"".join(map(encode_line, rows)), name="rows.jsonl")
    source.keep()
    try:
        settings, _ = plan_reading(source, ReadSettings(allow_unanswered=True))
        return [item[1] for item in read_records(source, settings) if not isinstance(item, BadRow)]
    except LttError:
        return []


def test_the_pairs_of_every_finding_are_listed(dataset_id):
    records: list[Record] = []
    for rule in RULES.values():
        bad = rule.bad.rows if isinstance(rule.bad, TwoFiles) else rule.bad
        if isinstance(bad, list):
            records += records_of(bad[:30])
    for lint in LINTS.values():
        records += lint.bad[:40]
    history.create(dataset_id, records, summary="Add")
    profiles = [one.name for one in validation.known_profiles().values() if one.layout]
    tasks.start(validation.CHECK, CheckRun(dataset_id, ",".join(profiles)))
    seen = validation.view_check(dataset_id)
    every = [one for group in seen.groups.values() for one in group]
    for one in every:
        listed = [entry.id for entry in entries.stream_entries(dataset_id, Filters(findings=(one.code,)))]
        meant = db.session.query(FoundProblem.entry_id).filter(FoundProblem.code == one.code).distinct()
        assert listed == sorted(row[0] for row in meant) and len(listed) == one.pairs, one.code
        # What names no pair says what it is about.
        assert one.pairs or one.said, one.code
        fix = validation.fix_of(one)
        assert fix is None or (fix.pairs == one.pairs and f"{fix.pairs:,}" in fix.label), one.code
    found = {one.code for one in every}
    assert len(found & RULES.keys()) > 30 and len(found & LINTS.keys()) > 12
