"""Views that are kept, an index by edits, and filters that name several findings and imports.

Revises: 0013, search
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

_WAS = (("finding", "findings", ""), ("import_id", "imports", None))


def upgrade() -> None:
    """Go one step forward."""
    op.create_table(
        "saved_views",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("dataset_id", sa.Integer(), nullable=False),
        sa.Column("name", sa.String(length=80), nullable=False),
        sa.Column("query", sa.Text(), nullable=False),
        sa.Column("made_at", sa.DateTime(), nullable=False),
        sa.ForeignKeyConstraint(["dataset_id"], ["datasets.id"], name=op.f("fk_saved_views_dataset_id_datasets")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_saved_views")),
        sa.UniqueConstraint("dataset_id", "name", name=op.f("uq_saved_views_dataset_id_name")),
    )
    where = sa.text("updated_at IS NOT NULL")
    columns = ["dataset_id", "updated_at"]
    op.create_index("ix_entries_dataset_id_updated_at", "entries", columns, sqlite_where=where, postgresql_where=where)
    _rewrite("snapshots", "filters", _as_several)
    _rewrite("jobs", "arguments", _as_several)


def downgrade() -> None:
    """Go one step back."""
    _rewrite("jobs", "arguments", _as_one)
    _rewrite("snapshots", "filters", _as_one)
    op.drop_index("ix_entries_dataset_id_updated_at", "entries")
    op.drop_table("saved_views")


def _rewrite(table: str, column: str, change) -> None:  # type: ignore[no-untyped-def]
    """Change the filters within the JSON of a column, at any depth."""
    rows = op.get_bind().execute(sa.text(f"SELECT id, {column} FROM {table} WHERE {column} IS NOT NULL")).all()
    for row_id, held in rows:
        before = json.loads(held) if isinstance(held, str) else held
        after = _walk(before, change)
        if after != before:
            values = {"held": json.dumps(after, ensure_ascii=False), "id": row_id}
            op.get_bind().execute(sa.text(f"UPDATE {table} SET {column} = :held WHERE id = :id"), values)


def _walk(value, change):  # type: ignore[no-untyped-def]
    if isinstance(value, dict):
        walked = {name: _walk(held, change) for name, held in value.items()}
        return change(walked) if "statuses" in walked and "left_out" in walked else walked
    return [_walk(one, change) for one in value] if isinstance(value, list) else value


def _as_several(filters):  # type: ignore[no-untyped-def]
    for one, several, empty in _WAS:
        if one in filters:
            value = filters.pop(one)
            filters[several] = [] if value == empty else [str(value)]
    return filters


def _as_one(filters):  # type: ignore[no-untyped-def]
    for one, several, empty in _WAS:
        if several in filters:
            values = filters.pop(several)
            value = values[0] if values else empty
            filters[one] = int(value) if one == "import_id" and value is not None and value.isdigit() else value
    return filters
