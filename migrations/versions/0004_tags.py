"""An index to count tags by, without the pairs that have none.

Revises: 0003, scans for duplicates
"""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    where = sa.text("deleted_in IS NULL AND tags IS NOT NULL")
    columns = ["dataset_id", "tags", "batch_id"]
    op.create_index("ix_entries_dataset_id_tags", "entries", columns, sqlite_where=where, postgresql_where=where)


def downgrade() -> None:
    """Go one step back."""
    op.drop_index("ix_entries_dataset_id_tags", "entries")
