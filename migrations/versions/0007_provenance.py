"""Where pairs come from: their documents, and the families of other wordings.

Revises: 0006, the epoch of the workspace
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.add_column("entries", sa.Column("source", sa.Text(), nullable=True))
    op.add_column("entries", sa.Column("family", sa.Text(), nullable=True))


def downgrade() -> None:
    """Go one step back."""
    op.drop_column("entries", "family")
    op.drop_column("entries", "source")
