"""Pairs of every kind that a search for duplicates tells apart, and short ways to look at what it found."""

from app.core.record import Record
from app.models import DuplicateGroup, db
from app.services import duplicates, entries, history
from app.services.duplicates import Filter, ScanOptions

CARD = "How long does a refund take to reach my card?"
TWO_DAYS = "Two working days after we receive the item."
EQUAL = (Record("How do I reset my password?", "Choose Forgot password.", tags=("a",)),) * 2
NORMALISED = (Record("Where is my order?", "Look at Orders."), Record("  where is my ORDER ? ", "look at orders"))
NEAR = (Record(CARD, TWO_DAYS, tags=("refunds",)), Record(CARD.replace("card", "crad"), TWO_DAYS, tags=("money",)))
CONFLICT = (
    Record("What is the return period?", "You have thirty calendar days."),
    Record("What is the return period?", "Two weeks."),
    Record("What is the return period?", "A hundred days for members of the club."),
)
VARIANT = (
    Record("Do you ship 3 tables to Norway?", "Yes, we do."),
    Record("Do you ship 4 tables to Norway?", "Yes, we do."),
)
ALONE = (Record("Which bulbs fit the lamp?", "E14."),)
ALL = (*EQUAL, *NORMALISED, *NEAR, *CONFLICT, *VARIANT, *ALONE)


def fill(dataset_id, *records):
    """The ids of new pairs."""
    step = history.create(dataset_id, list(records), summary="Add pairs").step
    return [entry.id for entry in entries.stream_entries(dataset_id)][-step.created :]


def scanned(dataset_id, *records, options=ScanOptions()):  # noqa: B008
    """The ids of new pairs, and a scan over all of the dataset."""
    ids = fill(dataset_id, *records)
    return ids, duplicates.scan_dataset(dataset_id, options)


def groups(scan, what="copies", level=90, **more):
    """The groups of a list."""
    return duplicates.list_groups(scan, Filter(what, level, **more)).groups


def members(scan, what="copies", level=90, **more):
    """The ids of the pairs in each group of a list."""
    return sorted(sorted(one.id for one in view(scan, group).members) for group in groups(scan, what, level, **more))


def view(scan, group):
    """A group as somebody sees it."""
    return duplicates.view_group(scan, group.id)


def only(scan, what="copies", level=90):
    """The one group of a list."""
    (group,) = groups(scan, what, level)
    return view(scan, group)


def alive(dataset_id):
    """The ids of the live pairs."""
    return [entry.id for entry in entries.stream_entries(dataset_id)]


def contents(scan):
    """All groups of a scan as values, to be compared with another scan's."""
    found = db.session.query(DuplicateGroup).filter_by(scan_id=scan.id).all()
    lists = {
        what: members(scan, what, level) for what in ("copies", "conflicts", "variants") for level in (80, 90, 102)
    }
    return lists, sorted((one.what, one.kind, one.lowest, one.highest, one.size) for one in found)


def check(dataset_id):
    done = duplicates.recheck_changed(dataset_id)
    assert not done.whole
    return done


def same_as_a_new_scan(dataset_id):
    checked = duplicates.latest_scan(dataset_id)
    side, found = checked.side, contents(checked)
    assert found == contents(duplicates.scan_dataset(dataset_id, ScanOptions(side)))
