"""Scans for duplicates: groups, their members and pairs, and what is no duplicate.

Revises: 0002, recipes for cleaning
"""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "duplicate_scans",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("side", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("scope", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("job_id", sa.Integer(), nullable=True),
        sa.Column("last_set", sa.Integer(), nullable=False),
        sa.Column("index_set", sa.Integer(), nullable=False),
        sa.Column("hidden", sa.JSON(), nullable=False),
        sa.Column("entry_count", sa.Integer(), nullable=False),
        sa.Column("compared", sa.BigInteger(), nullable=False),
        sa.Column("seconds", sa.Float(), nullable=False),
        sa.Column("counts", sa.JSON(), nullable=False),
        sa.Column("created_at", sa.DateTime(), nullable=False),
        sa.Column("checked_at", sa.DateTime(), nullable=True),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_duplicate_scans_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_scans")),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_duplicate_scans_dataset_id_state", "duplicate_scans", ["dataset_id", "state"])
    op.create_table(
        "not_duplicates",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("low_hash", sa.BigInteger(), nullable=False),
        sa.Column("high_hash", sa.BigInteger(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_not_duplicates_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_not_duplicates")),
        sa.UniqueConstraint(
            "dataset_id", "low_hash", "high_hash", name=op.f("uq_not_duplicates_dataset_id_low_hash_high_hash")
        ),
    )
    op.create_table(
        "duplicate_groups",
        sa.Column("id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("what", sa.String(length=10), nullable=False),
        sa.Column("kind", sa.String(length=10), nullable=False),
        sa.Column("lowest", sa.SmallInteger(), nullable=False),
        sa.Column("highest", sa.SmallInteger(), nullable=False),
        sa.Column("size", sa.Integer(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("differs", sa.JSON(), nullable=False),
        sa.Column("frame", sa.Text(), nullable=True),
        sa.Column("title", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=10), nullable=False),
        sa.Column("settled_in", sa.Integer(), nullable=True),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["duplicate_scans.id"], name=op.f("fk_duplicate_groups_scan_id_duplicate_scans")
        ),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_duplicate_groups")),
        sqlite_autoincrement=True,
    )
    op.create_index(
        "ix_duplicate_groups_levels",
        "duplicate_groups",
        ["scan_id", "what", "lowest", "highest", "state", "settled_in"],
    )
    op.create_index("ix_duplicate_groups_order", "duplicate_groups", ["scan_id", "what", "size", "score", "id"])
    op.create_table(
        "duplicate_pairs",
        sa.Column("scan_id", sa.Integer(), nullable=False),
        sa.Column("left_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("right_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("level", sa.SmallInteger(), nullable=False),
        sa.Column("score", sa.Float(), nullable=False),
        sa.Column("differs", sa.SmallInteger(), nullable=False),
        sa.Column("answer_level", sa.SmallInteger(), nullable=False),
        sa.Column("answer_differs", sa.SmallInteger(), nullable=False),
        sa.ForeignKeyConstraint(
            ["scan_id"], ["duplicate_scans.id"], name=op.f("fk_duplicate_pairs_scan_id_duplicate_scans")
        ),
        sa.PrimaryKeyConstraint("scan_id", "left_id", "right_id", name=op.f("pk_duplicate_pairs")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_duplicate_pairs_scan_id_right_id", "duplicate_pairs", ["scan_id", "right_id"])
    op.create_table(
        "duplicate_members",
        sa.Column("group_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=False),
        sa.Column("position", sa.Integer(), nullable=False),
        sa.Column("entry_id", sa.BigInteger().with_variant(sa.Integer(), "sqlite"), nullable=True),
        sa.Column("other", sa.Text(), nullable=True),
        sa.ForeignKeyConstraint(
            ["group_id"], ["duplicate_groups.id"], name=op.f("fk_duplicate_members_group_id_duplicate_groups")
        ),
        sa.PrimaryKeyConstraint("group_id", "position", name=op.f("pk_duplicate_members")),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_duplicate_members_entry_id", "duplicate_members", ["entry_id"])


def downgrade() -> None:
    """Go one step back."""
    op.drop_index("ix_duplicate_members_entry_id", table_name="duplicate_members")
    op.drop_table("duplicate_members")
    op.drop_index("ix_duplicate_pairs_scan_id_right_id", table_name="duplicate_pairs")
    op.drop_table("duplicate_pairs")
    op.drop_index("ix_duplicate_groups_order", table_name="duplicate_groups")
    op.drop_index("ix_duplicate_groups_levels", table_name="duplicate_groups")
    op.drop_table("duplicate_groups")
    op.drop_table("not_duplicates")
    op.drop_index("ix_duplicate_scans_dataset_id_state", table_name="duplicate_scans")
    op.drop_table("duplicate_scans")
