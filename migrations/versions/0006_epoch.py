"""The epoch of the workspace, and ids that never come again.

Revises: 0005, the reasoning of answers
"""

import secrets

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Tables whose rows can go for good while somebody still holds their ids.
_TABLES = ("datasets", "imports", "recipes")


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "workspace",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("epoch", sa.BigInteger(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_workspace")),
    )
    # Random, so that no other database begins with it. With six digits for versions behind it, JavaScript can count it.
    op.execute(f"INSERT INTO workspace (id, epoch) VALUES (1, {secrets.randbelow(2**32) + 1})")
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("entries", "version", type_=sa.BigInteger())
        op.alter_column("recipes", "version", type_=sa.BigInteger())
        return
    _rebuild(autoincrement=True)
    # Jobs remember datasets that are gone.
    op.execute(
        "UPDATE sqlite_sequence SET seq = max(seq, (SELECT coalesce(max(dataset_id), 0) FROM jobs)) "
        "WHERE name = 'datasets'"
    )


def downgrade() -> None:
    """Go one step back."""
    if op.get_bind().dialect.name != "sqlite":
        op.alter_column("recipes", "version", type_=sa.Integer())
        op.alter_column("entries", "version", type_=sa.Integer())
    else:
        _rebuild(autoincrement=False)
    op.drop_table("workspace")


def _rebuild(*, autoincrement: bool) -> None:
    for table in _TABLES:
        with op.batch_alter_table(table, recreate="always", table_kwargs={"sqlite_autoincrement": autoincrement}):
            pass
