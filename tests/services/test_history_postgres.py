"""Writers on PostgreSQL, where no lock of a file keeps them apart: one dataset is written by one at a time."""

import pytest
from sqlalchemy import text
from sqlalchemy.exc import OperationalError

from app.models import ChangeSet, db, transaction
from app.services import history


def lock_elsewhere(strength: str) -> None:
    """What somebody else would ask for; raises OperationalError where they would wait."""
    with db.engine.begin() as connection:
        connection.execute(text(f"SELECT id FROM datasets WHERE id = 1 FOR {strength} NOWAIT"))


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize("staged", [False, True])
def test_who_writes_has_the_dataset_alone(staged: bool) -> None:
    set_id = history.stage(1, kind="clean")
    with transaction() as session:
        if staged:
            history.add_changes(session.get_one(ChangeSet, set_id), [(1, "answer", "Answer 1.", "One.")], 1)
        else:
            history.open_dataset(session, 1)
        # Rows that refer to the dataset are added meanwhile.
        lock_elsewhere("KEY SHARE")
        with pytest.raises(OperationalError, match="could not obtain lock"):
            lock_elsewhere("NO KEY UPDATE")
    lock_elsewhere("NO KEY UPDATE")
