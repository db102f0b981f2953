"""Review: one pair large after the other, decided by a key; as cards; and audits of a sample."""

import secrets
from typing import Any
from urllib.parse import urlencode

from flask import Blueprint, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue
from werkzeug.datastructures import MultiDict

from app.blueprints.preview import render_markdown
from app.blueprints.view import NAME_COOKIE, back_or, number, tell, tell_step
from app.core.errors import BadUsage, Conflict, Gone, Invalid, NotFound
from app.core.filters import Filters
from app.core.text import is_number, plural
from app.forms.arguments import read_whole, require_names
from app.forms.filters import WORDS, read_filters
from app.frontdoor.answers import wants_json
from app.services import datasets, entries, review, validation
from app.services.review import Decided, Queue, Reviewer

bp = Blueprint("review", __name__, url_prefix="/datasets/<int:dataset_id>/review")

ARGUMENTS = (*WORDS, "audit", "skipped", "pair", "view")
VIEWS = ("one", "cards")
# So many cards stand ready behind the one that is looked at.
AHEAD = 8
CARDS = 12
LONGEST_NAME = 40


def read_reviewer() -> Reviewer:
    """Who sends the request: a key that this browser keeps, and the name given in the settings."""
    key = session.setdefault("reviewer", secrets.token_hex(8))
    return Reviewer(key, request.cookies.get(NAME_COOKIE, "")[:LONGEST_NAME] or "Another reviewer")


def read_queue(dataset_id: int) -> Queue:
    """The queue that the address describes; pairs that need review, where it names nothing."""
    args = request.args
    if audit_id := read_whole(args, "audit", 0):
        audit = review.get_audit(dataset_id, audit_id)
        return Queue(dataset_id, audit_id=audit.id, sample=tuple(one for one, _ in audit.sample))
    filters = read_filters(args)
    named = filters if filters != Filters() else Queue(dataset_id).filters
    return Queue(dataset_id, named, skipped=args.get("skipped") == "1")


def _address(dataset_id: int, endpoint: str = "review.index", **values: Any) -> str:
    """The address of this queue at another place of the review; None takes a part away."""
    kept = {name: request.args.getlist(name) for name in ARGUMENTS if name != "pair"}
    return url_for(endpoint, dataset_id=dataset_id, **{**kept, **values})


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The next pair, or the next dozen as cards, with what is left and what was done today."""
    require_names(request.args, *ARGUMENTS)
    dataset, queue, reviewer = datasets.get(dataset_id), read_queue(dataset_id), read_reviewer()
    view = request.args.get("view", "one")
    if view not in VIEWS:
        raise BadUsage(f"There is no view {view[:40]!r}. Use one of {', '.join(VIEWS)}.")
    size = CARDS if view == "cards" else AHEAD
    try:
        # Cards go on with the next dozen, whichever pair the address names.
        named = read_whole(request.args, "pair", 0) if view == "one" else None
        cards = review.first_cards(queue, reviewer, size, named)
    except (NotFound, Gone) as error:
        tell(error.message)
        return redirect(_address(dataset_id), code=302)
    left, skipped = review.count_left(queue, reviewer)
    return render_template(
        "review/index.html",
        dataset=dataset,
        queue=queue,
        cards=cards,
        view=view,
        left=left,
        skipped=skipped,
        today=review.read_today(dataset_id, reviewer),
        audit=review.describe_audits([review.get_audit(dataset_id, queue.audit_id)])[0] if queue.audit_id else None,
        audits=review.list_audits(dataset_id),
        ahead=AHEAD,
        tags=entries.tag_counts(dataset_id)[:12],
        **_shared(dataset_id),
    )


def _shared(dataset_id: int) -> dict[str, Any]:
    checked = validation.current_check(dataset_id) is not None
    return {
        "checked": checked,
        "address": lambda *names, **values: _address(dataset_id, *names, **values),
        "markdown": render_markdown,
    }


@bp.post("/claim")
def claim(dataset_id: int) -> ResponseReturnValue:
    """The next pairs for this reviewer, as pieces of a page; nobody else gets them for a while."""
    queue, dataset = read_queue(dataset_id), datasets.get(dataset_id)
    having, named = (
        [int(one) for one in request.form.get(name, "").split(",") if is_number(one)][-500:]
        for name in ("having", "named")
    )
    cards = review.claim_cards(queue, read_reviewer(), AHEAD, having=having, named=named)
    if request.form.get("only") == "ids":
        # A page that has these pairs already asks which of them it may keep.
        return {"ids": [card.entry.id for card in cards]}
    return render_template("review/_cards.html", dataset=dataset, queue=queue, cards=cards, **_shared(dataset_id))


@bp.post("/<int:entry_id>")
def act(dataset_id: int, entry_id: int) -> ResponseReturnValue:
    """Decide on a pair, rate it, take a decision back, or remark something."""
    queue, reviewer, form = read_queue(dataset_id), read_reviewer(), request.form
    try:
        decided = _act(queue, entry_id, form.get("act", ""), reviewer, form)
    except (Conflict, Invalid, Gone, NotFound) as error:
        if wants_json(request.environ):
            raise
        # The pair again as it is now, with why nothing was stored.
        tell(error.message)
        there = entries.by_ids(dataset_id, [entry_id])
        return redirect(back_or(_address(dataset_id, pair=entry_id if there else None)), code=303)
    if not wants_json(request.environ):
        if decided is None:
            tell("Note added.", saved=f"{dataset_id}/{entry_id}/note")
        else:
            tell_step(dataset_id, decided.applied, "Skipped." if form.get("act") == "skipped" else "")
        stays = decided is None or form.get("act") not in ("approved", "rejected", "skipped")
        return redirect(back_or(_address(dataset_id, pair=entry_id if stays else None)), code=303)
    left, _ = review.count_left(queue, reviewer)
    today = review.read_today(dataset_id, reviewer)
    comments = review.comments_of([entry_id]).get(entry_id, ())
    return {
        "version": decided.version if decided else None,
        "left": left,
        "waiting": number((datasets.get(dataset_id).counts or {}).get("review", 0)),
        "today": render_template("review/_today.html", today=today, left=left),
        "comments": render_template("review/_comments.html", comments=comments),
        "history": render_template("history/_undo_redo.html", dataset_id=dataset_id),
    }


@bp.post("/cards")
def decide_cards(dataset_id: int) -> ResponseReturnValue:
    """Approve or reject all pairs that are shown as cards, in one step."""
    datasets.get(dataset_id)
    queue, versions = read_queue(dataset_id), {}
    for one in request.form.getlist("shown"):
        entry_id, _, version = one.partition(":")
        if is_number(entry_id) and is_number(version):
            versions[int(entry_id)] = int(version)
    act = request.form.get("act", "")
    done = review.decide_all(queue, versions, act, reviewer=read_reviewer())
    seen = len(versions) - done.skipped_count
    # Pairs that have the status already are decided on as well, as in an audit.
    same = f"{plural(seen, 'pair')} {'was' if seen == 1 else 'were'} {act} already."
    tell_step(dataset_id, done, same if seen else "Nothing changed.")
    return redirect(_address(dataset_id), code=303)


def _act(queue: Queue, entry_id: int, act: str, reviewer: Reviewer, form: "MultiDict[str, str]") -> Decided | None:
    version, key = read_whole(form, "version", 0), form.get("key", "")[:40] or None
    if act == "comment":
        review.add_comment(queue.dataset_id, entry_id, form.get("comment", ""), reviewer, key)
        return None
    if act == "undo":
        return review.take_back(queue.dataset_id, entry_id, reviewer, key)
    if act.startswith("rate:") and is_number(act.removeprefix("rate:")):
        rating = int(act.removeprefix("rate:"))
        return review.rate(queue.dataset_id, entry_id, rating, version=version, reviewer=reviewer)
    return review.decide(
        queue,
        entry_id,
        act,
        version=version,
        reviewer=reviewer,
        reason=form.get("comment", ""),
        seconds=read_whole(form, "seconds", None),
        key=key,
    )


@bp.post("/audits")
def start_audit(dataset_id: int) -> ResponseReturnValue:
    """Draw pairs at random from those that match, to be looked at one by one."""
    size = read_whole(request.form, "size", 0)
    filters = read_filters(request.args)
    parts = [(name, value) for name in WORDS for value in request.args.getlist(name) if value]
    audit = review.start_audit(dataset_id, filters, urlencode(parts), size)
    return redirect(url_for(".index", dataset_id=dataset_id, audit=audit.id), code=303)
