"""The key of a request that made a step, so that one that is sent twice makes one step.

Revises: 0021, search words
"""

import sqlalchemy as sa
from alembic import op

revision = "0022"
down_revision = "0021"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.add_column("change_sets", sa.Column("key", sa.String(length=40), nullable=True))
    op.create_index("ix_change_sets_key", "change_sets", ["key"])


def downgrade() -> None:
    """Go one step back."""
    op.drop_index("ix_change_sets_key", table_name="change_sets")
    op.drop_column("change_sets", "key")
