"""The reasoning of answers.

Revises: 0004, an index to count tags by
"""

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.add_column("entries", sa.Column("reasoning", sa.Text(), nullable=True))


def downgrade() -> None:
    """Go one step back."""
    op.drop_column("entries", "reasoning")
