"""Rows inserted many at a time are the rows that were given."""

import pytest
from sqlalchemy import select

from app.models import ChangeRow, ChangeSet, db, fill, transaction
from app.models.filling import ROWS
from app.services import datasets


@pytest.mark.parametrize("number", [1, ROWS - 1, ROWS, ROWS + 1, 3 * ROWS + 5])
def test_all_rows_are_there(set_id, number):
    after = [f"text {place}" if place % 3 else None for place in range(number)]
    with transaction() as session:
        columns = [("entry_id", range(number)), ("after", after)]
        fill(session.connection(), "changes", number, [("change_set_id", set_id), ("field", "answer")], columns)
    query = select(ChangeRow.entry_id, ChangeRow.field, ChangeRow.after).order_by(ChangeRow.entry_id)
    assert db.session.execute(query).all() == [(place, "answer", after[place]) for place in range(number)]


def test_a_transaction_that_breaks_leaves_nothing(set_id):
    def write():
        with transaction() as session:
            columns = [("entry_id", [*range(ROWS), 0])]
            fill(session.connection(), "changes", ROWS + 1, [("change_set_id", set_id), ("field", "answer")], columns)

    with pytest.raises(Exception, match="UNIQUE"):
        write()
    assert db.session.execute(select(ChangeRow.entry_id)).all() == []


def test_foreign_keys_are_checked_again_after_a_trusted_write(set_id):
    row = [("change_set_id", set_id + 1), ("field", "answer"), ("entry_id", 1)]
    with transaction(trusted=True) as session:
        fill(session.connection(), "changes", 1, row, [])
    with pytest.raises(Exception, match="FOREIGN KEY"), transaction() as session:
        fill(session.connection(), "changes", 1, [*row[:2], ("entry_id", 2)], [])


@pytest.fixture
def set_id(app):
    with app.app_context(), transaction() as session:
        one = ChangeSet(dataset_id=datasets.create_dataset("Tests").id, kind="clean", summary="")
        session.add(one)
        session.flush()
        number = one.id
    with app.app_context():
        yield number
