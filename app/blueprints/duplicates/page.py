"""What the views of duplicates share: the blueprint, and how texts and levels are shown."""

import re
from collections.abc import Iterable

from flask import Blueprint, url_for

from app.core import difference
from app.core.difference import Piece
from app.forms.duplicates import DuplicatesView, level_name
from app.models import DuplicateScan
from app.services.duplicates import MemberView

bp = Blueprint("duplicates", __name__, url_prefix="/datasets/<int:dataset_id>/duplicates")
# Beyond this, only what stands around the changes of a text is shown.
LONG = 4_000
_SIDES = {"question": "Questions", "answer": "Answers", "pair": "Questions and answers"}

_IN = {"negation": "a “not”", "yes/no": "yes and no"}
bp.add_app_template_filter(level_name, "level_name")


@bp.app_template_filter("differ_words")
def differ_words(kinds: Iterable[str]) -> str:
    """What texts differ in, in words: a number and a date."""
    words = [_IN.get(kind, f"a {kind}") for kind in kinds]
    return " and ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def address(dataset_id: int, view: DuplicatesView, **changes: object) -> str:
    """The address of a view of the groups, with changes; None takes a part away."""
    parts = {**view.parts(), **changes}
    return url_for("duplicates.index", dataset_id=dataset_id, **{k: v for k, v in parts.items() if v is not None})


@bp.app_template_global("compared_pieces")
def compared(base: str | None, text: str | None) -> list[Piece]:
    """A text with what differs from the text it is compared with."""
    pieces = difference.compare_words(base, text)
    if len(text or "") + len(base or "") > LONG:
        pieces = difference.excerpt_changes(pieces, LONG // 8)
    return [part for piece in pieces for part in _bared(*piece)]


def _bared(kind: str, text: str) -> list[Piece]:
    """A change without the blanks around it, and line by line, so that no mark stands on nothing."""
    if kind == "equal" or not text.strip():
        return [(kind, text)]
    parts = re.split(r"(^\s+|\s+$|\s*\n\s*)", text)
    return [("equal" if place % 2 else kind, part) for place, part in enumerate(parts) if part]


@bp.app_template_global("marked_pieces")
def marked(one: MemberView, others: Iterable[MemberView]) -> list[Piece]:
    """An answer with the words marked in which it contradicts the others, else with all that is different."""
    texts = [other.answer for other in others if other is not one]
    differences = [differ for member in (one, *others) for differ in member.differs]
    strong = [differ for differ in differences if differ.kind not in ("name", "word")]
    words = {word for differ in strong or differences for side in (differ.left, differ.right) for word in side.split()}
    found = difference.mark_words(one.answer, words)
    return found if len(found) > 1 else difference.mark_differences(one.answer, texts[:6])


@bp.app_template_global("scan_name")
def scan_name(scan: DuplicateScan) -> str:
    """What a scan compared, in a few words."""
    name = scan.scope.get("name")
    others = {"dataset": f" and those of {name}", "file": f" and those of {name}", "splits": " of different splits"}
    return _SIDES[scan.side] + others.get(scan.kind, "") + (", by meaning too" if "semantic" in scan.scope else "")
