"""What an export leaves out, as it was counted.

Revises: 0013, prices
"""

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "ledgers",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("key", sa.String(length=64), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("last_number", sa.Integer(), nullable=False),
        sa.Column("last_set", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_ledgers_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_ledgers")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_ledgers_dataset_id_key", "ledgers", ["dataset_id", "key"])
    op.create_table(
        "ledger_rows",
        sa.Column("ledger_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.Text(), nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.ForeignKeyConstraint(["ledger_id"], ["ledgers.id"], name=op.f("fk_ledger_rows_ledger_id_ledgers")),
        sa.PrimaryKeyConstraint("ledger_id", "code", "entry_id", name=op.f("pk_ledger_rows")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("ledger_rows")
    op.drop_index("ix_ledgers_dataset_id_key", table_name="ledgers")
    op.drop_table("ledgers")
