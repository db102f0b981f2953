"""Remarks on pairs: a thread for each, for those who work on it."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy import select

from app.core.errors import Invalid
from app.core.text import is_blank
from app.models import Comment, db, transaction
from app.services import entries, history

MAX_COMMENT = 2_000


@dataclass(frozen=True, slots=True)
class Reviewer:
    """Who reviews: the key of their browser, and the name that others see."""

    key: str
    name: str


def comments_of(entry_ids: Sequence[int]) -> dict[int, list[Comment]]:
    """The remarks on each of some pairs, oldest first."""
    found: dict[int, list[Comment]] = {}
    for one in db.session.execute(
        select(Comment).where(Comment.entry_id.in_(entry_ids)).order_by(Comment.id)
    ).scalars():
        found.setdefault(one.entry_id, []).append(one)
    return found


def add_comment(dataset_id: int, entry_id: int, text: str, author: Reviewer, key: str | None = None) -> Comment:
    """Remark something on a pair, once for each ``key``.

    Raises Invalid on an empty or too long text, Gone where the pair was deleted.
    """
    if is_blank(text):
        raise Invalid("There is nothing in the comment. Write one first.", code="no_text")
    if len(text) > MAX_COMMENT:
        raise Invalid(f"The comment has {len(text):,} characters; at most {MAX_COMMENT:,} are kept. Shorten it.")
    entries.check_text(text, "comment")
    with transaction() as session:
        history.open_dataset(session, dataset_id)
        entry = entries.get(dataset_id, entry_id)
        if key and (stored := session.execute(select(Comment).where(Comment.key == key)).scalar_one_or_none()):
            return stored
        who = {"reviewer": author.key, "author": author.name}
        comment = Comment(dataset_id=dataset_id, entry_id=entry.id, text=text.strip(), key=key, **who)
        session.add(comment)
        session.flush()
        return comment
