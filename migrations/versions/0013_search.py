"""Search: facts of entries, how far the index is, and what it does not know yet.

Revises: 0012, the review queue
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "entry_facts",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", _ID, autoincrement=False, nullable=False),
        sa.Column("chars", sa.Integer(), nullable=False),
        sa.Column("tokens", sa.Integer(), nullable=False),
        sa.Column("turns", sa.Integer(), nullable=False),
        sa.Column("has_tools", sa.Boolean(), nullable=False),
        sa.Column("language", sa.String(length=8), nullable=False),
        sa.Column("is_plain", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_entry_facts_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("dataset_id", "entry_id", name=op.f("pk_entry_facts")),
        sqlite_with_rowid=False,
    )
    mixed = sa.text("is_plain = false")
    op.create_index(
        "ix_entry_facts_mixed", "entry_facts", ["dataset_id", "entry_id"], sqlite_where=mixed, postgresql_where=mixed
    )
    op.create_table(
        "search_states",
        sa.Column("dataset_id", sa.Integer(), autoincrement=False, nullable=False),
        sa.Column("facts_upto", _ID, nullable=False),
        sa.Column("index_number", sa.Integer(), nullable=False),
        sa.Column("index_upto", _ID, nullable=False),
        sa.Column("build_number", sa.Integer(), nullable=False),
        sa.Column("build_upto", _ID, nullable=False),
        sa.Column("made_by", sa.String(length=40), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_search_states_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("dataset_id", name=op.f("pk_search_states")),
    )
    op.create_table(
        "stale_entries",
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("entry_id", _ID, autoincrement=False, nullable=False),
        sa.Column("build_number", sa.Integer(), nullable=False),
        sa.Column("facts", sa.Boolean(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_stale_entries_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("dataset_id", "entry_id", name=op.f("pk_stale_entries")),
        sqlite_with_rowid=False,
    )
    facts = sa.text("facts")
    op.create_index(
        "ix_stale_entries_facts",
        "stale_entries",
        ["dataset_id", "entry_id"],
        sqlite_where=facts,
        postgresql_where=facts,
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute("ALTER TABLE entry_facts ADD COLUMN words tsvector")
        op.execute("CREATE INDEX ix_entry_facts_words ON entry_facts USING gin (words) WITH (fastupdate = off)")


def downgrade() -> None:
    """Go one step back."""
    connection = op.get_bind()
    if connection.dialect.name == "sqlite":
        named = sa.text(
            "SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE VIRTUAL TABLE search_%'"
        )
        for (name,) in connection.execute(named).all():
            op.execute(f"DROP TABLE {name}")
    for name in ("stale_entries", "search_states", "entry_facts"):
        op.drop_table(name)
