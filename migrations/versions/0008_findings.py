"""What the last check of each dataset found.

Revises: 0007, where pairs come from
"""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "checks",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("revision", sa.BigInteger(), nullable=False),
        sa.Column("last_set", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("summary", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_checks_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_checks")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_checks_dataset_id_state", "checks", ["dataset_id", "state"])
    op.create_table(
        "findings",
        sa.Column("check_id", sa.Integer(), nullable=False),
        sa.Column("code", sa.String(length=60), nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("content_hash", sa.BigInteger(), nullable=True),
        sa.Column("profile", sa.Text(), nullable=False),
        sa.Column("severity", sa.String(length=10), nullable=False),
        sa.Column("path", sa.Text(), nullable=False),
        sa.Column("message", sa.Text(), nullable=False),
        sa.Column("fix", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(["check_id"], ["checks.id"], name=op.f("fk_findings_check_id_checks")),
        sa.PrimaryKeyConstraint("check_id", "code", "entry_id", "position", name=op.f("pk_findings")),
        sqlite_with_rowid=False,
    )


def downgrade() -> None:
    """Go one step back."""
    op.drop_table("findings")
    op.drop_index("ix_checks_dataset_id_state", table_name="checks")
    op.drop_table("checks")
