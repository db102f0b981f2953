"""The step that brought a repaired row in: where it is undone, the row is open again.

Revises: 0017, connections
"""

import sqlalchemy as sa
from alembic import op

revision = "0020"
down_revision = "0017"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.add_column("quarantine", sa.Column("repaired_in", sa.Integer(), nullable=True))


def downgrade() -> None:
    """Go one step back."""
    op.drop_column("quarantine", "repaired_in")
