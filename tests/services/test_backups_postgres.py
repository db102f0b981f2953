"""``ltt verify`` on PostgreSQL."""

import pytest
from sqlalchemy import text

from app.models import db
from app.services import backups


def run(*statements: str) -> None:
    """Do what this program never does."""
    with db.engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement))


@pytest.mark.usefixtures("on_postgres")
@pytest.mark.parametrize(
    ("statements", "found"),
    [
        ((), []),
        (("UPDATE datasets SET counts = '{\"review\": 5}'",), ["Dataset 1 says 5 pairs but holds 3."]),
        (
            ("SET session_replication_role = replica", "DELETE FROM datasets"),
            ["Table change_sets points to a missing row.", "Table entries points to a missing row."],
        ),
        (("ALTER TABLE entries DROP COLUMN tags",), ["The database is not as this program makes it:"]),
        (
            (
                "CREATE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN new; END'",
                "CREATE TRIGGER evil BEFORE UPDATE ON entries FOR EACH ROW EXECUTE FUNCTION f()",
            ),
            ["The database is not as this program makes it: it holds the trigger evil."],
        ),
    ],
    ids=["whole", "counts", "lost rows", "column", "trigger"],
)
def test_what_is_wrong_is_told(statements: tuple[str, ...], found: list[str]) -> None:
    run(*statements)
    problems = backups.verify_database()
    assert len(problems) == len(found)
    assert all(problem.startswith(start) for problem, start in zip(sorted(problems), sorted(found), strict=True))
