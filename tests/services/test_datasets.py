"""The life of a dataset, and its digest."""

from hashlib import sha256

import pytest

from app.core.errors import Conflict, Invalid, NotFound
from app.core.filters import Filters
from app.core.record import Record
from app.services import datasets, history, pairs


@pytest.mark.parametrize("name", ["", "  \n ", "x" * 201, "a\x00b"])
def test_a_name_must_be_one(app, name):
    with app.app_context(), pytest.raises(Invalid):
        datasets.create_dataset(name)


def test_a_name_is_one_line(app):
    with app.app_context():
        assert datasets.create_dataset('a\r\nX: y";.csv').name == 'a X: y";.csv'


def test_a_dataset_is_found_by_name_then_by_id(dataset_id):
    other = datasets.create_dataset(str(dataset_id))
    assert datasets.find_dataset(str(dataset_id)).id == other.id
    assert datasets.find_dataset(str(other.id)).id == other.id
    with pytest.raises(NotFound, match="no dataset 'nobody'"):
        datasets.find_dataset("nobody")


def test_a_shared_name_asks_for_an_id(app):
    with app.app_context():
        datasets.create_dataset("Same")
        datasets.create_dataset("Same")
        with pytest.raises(Conflict, match="Use an id"):
            datasets.find_dataset("Same")


def test_archived_and_deleted_datasets_leave_the_list_and_come_back(dataset_id):
    datasets.archive_dataset(dataset_id)
    assert datasets.list_datasets() == [] and [d.id for d in datasets.list_datasets(archived=True)] == [dataset_id]
    datasets.unarchive_dataset(dataset_id)
    datasets.delete_dataset(dataset_id)
    assert datasets.list_datasets() == []
    with pytest.raises(NotFound):
        datasets.get(dataset_id)
    assert datasets.restore_dataset(dataset_id).id == dataset_id


def test_an_empty_system_prompt_is_none(dataset_id):
    datasets.update_dataset(dataset_id, name="New", description=" d ", system_prompt="Be kind.")
    assert datasets.update_dataset(dataset_id, system_prompt="").system_prompt is None
    assert (datasets.get(dataset_id).name, datasets.get(dataset_id).description) == ("New", "d")


def test_reasoning_is_in_the_digest_only_where_there_is_some(dataset_id):
    records = [Record("q", "a", tags=("t",)), Record("q", "a", reasoning="r")]
    history.create(dataset_id, records, summary="Add")
    lines = [b'[null,[],"q",[],"a",null]', b'[null,[],"q",[],"a",null,"r"]']
    rest = [b'[{},["t"],"review",null]', b'[{},[],"review",null]']
    digest = datasets.compute_digest(dataset_id)
    assert digest.content == sha256(b"".join(line + b"\n" for line in lines)).hexdigest()
    whole = b"".join(line + more + b"\n" for line, more in zip(lines, rest, strict=True))
    assert digest.all == sha256(whole).hexdigest()


def test_a_copy_holds_the_same_and_can_be_undone(dataset_id):
    history.create(dataset_id, [Record("q1", "a", tags=("t",)), Record("q2", "b", reasoning="r")], summary="Add")
    history.delete(dataset_id, [next(iter(history.changes_of(dataset_id, 1))).entry.id])
    copied = datasets.copy_dataset(dataset_id)
    assert datasets.compute_digest(copied.id) == datasets.compute_digest(dataset_id)
    assert copied.counts == {"review": 1}
    history.undo(copied.id)
    assert datasets.get(copied.id).entry_count == 0


def test_an_empty_dataset_can_be_copied(dataset_id):
    assert datasets.copy_dataset(dataset_id, "Twin").name == "Twin"


def test_content_ignores_labels_and_all_does_not(dataset_id):
    pairs.add_pair(dataset_id, "q", "a")
    before = datasets.compute_digest(dataset_id)
    pairs.tag_pairs(dataset_id, pairs.Selection(filters=Filters()), add=["x"])
    after = datasets.compute_digest(dataset_id)
    assert before.content == after.content and before.all != after.all


def test_an_absent_system_prompt_differs_from_an_empty_one(app):
    with app.app_context():
        digests = set()
        for system in (None, "", " "):
            dataset = datasets.create_dataset("D")
            history.create(dataset.id, [Record("q", "a", system=system)], summary="Add")
            digests.add(datasets.compute_digest(dataset.id).content)
        assert len(digests) == 3


def test_the_digest_of_everything_covers_each_dataset(dataset_id):
    pairs.add_pair(dataset_id, "q", "a")
    assert datasets.compute_digest() == datasets.compute_digest(dataset_id)
    pairs.add_pair(datasets.create_dataset("Two").id, "q", "a")
    assert datasets.compute_digest() != datasets.compute_digest(dataset_id)


def test_source_and_family_are_in_the_digest_of_all_only_where_there_are_any(dataset_id):
    history.create(dataset_id, [Record("q", "a"), Record("q", "a", source="d", family="f")], summary="Add")
    line, plain = b'[null,[],"q",[],"a",null]', b'[{},[],"review",null]'
    digest = datasets.compute_digest(dataset_id)
    assert digest.content == sha256((line + b"\n") * 2).hexdigest()
    whole = line + plain + b"\n" + line + plain[:-1] + b',"d","f"]\n'
    assert digest.all == sha256(whole).hexdigest()
