"""Groups of duplicates as programs see them."""

from typing import Any

from app.core.duplicates import Match
from app.models import DuplicateGroup
from app.services.duplicates import GroupView, MemberView


def listed_dict(one: DuplicateGroup, size: int) -> dict[str, Any]:
    """A group in a list; ``size`` counts the members that are there."""
    return {
        "group": one.id,
        "what": one.what,
        "kind": one.kind,
        "levels": [one.lowest, one.highest],
        "size": size,
        "score": round(one.score, 2),
        "differs": one.differs,
        "frame": one.frame,
        "title": one.title,
        "state": one.state,
    }


def group_dict(view: GroupView) -> dict[str, Any]:
    """A group with its members, and what to send back with a decision."""
    return {
        **listed_dict(view.group, view.size),
        "state": view.state,
        "settled_in": view.step,
        "keep": view.keep,
        "leaving": view.leaving,
        "versions": view.versions,
        "members": [_member(one) for one in view.members],
    }


def _member(one: MemberView) -> dict[str, Any]:
    entry = one.entry
    return {
        "entry": entry.id if entry else None,
        "question": one.question,
        "answer": one.answer,
        "status": entry.status if entry else None,
        "split": entry.split if entry else None,
        "tags": entry.tag_list if entry else [],
        "source": one.source,
        "created_at": one.created_at.isoformat() if one.created_at else None,
        "leaves": one.leaves,
        "match": match_dict(one.match),
        "answer_match": match_dict(one.answer_match),
    }


def match_dict(found: Match | None) -> dict[str, Any]:
    """How alike two texts are; empty where none was compared."""
    if found is None:
        return {}
    differs = [{"kind": one.kind, "left": one.left, "right": one.right} for one in found.differs]
    return {"level": found.level, "score": round(found.score, 2), "why": found.why, "differs": differs}
