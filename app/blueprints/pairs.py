"""Pairs: the list, the editor beside it, and labels for one pair or many."""

from collections.abc import Iterator
from dataclasses import dataclass, replace
from itertools import islice
from typing import Any

from flask import Blueprint, current_app, redirect, render_template, request, session, url_for
from flask.typing import ResponseReturnValue

from app.blueprints.errors import Problem, shown_on
from app.blueprints.jobs import own_path
from app.blueprints.preview import render_markdown
from app.blueprints.view import MOST_MARKED, back_or, find_in_page, tell, tell_step
from app.core import difference
from app.core.editing import ROLES, merge_messages
from app.core.errors import BadUsage, Conflict, Gone, Invalid, Restored
from app.core.filters import EVERY, HERE, Filters, write_ids
from app.core.record import STATUSES, dump_messages, load_messages
from app.core.search.facts import facts_of
from app.core.search.texts import texts_of
from app.core.stats import name_language
from app.core.stored import StoredEntry
from app.core.text import clip, is_number, plural
from app.forms.arguments import read_choice, read_choices, read_whole, require_names
from app.forms.conversation import Conversation, MessageFields, pack_messages
from app.forms.filters import WORDS, read_filters, write_filters
from app.forms.pairs import Fault, PairForm
from app.frontdoor import limits
from app.frontdoor.answers import wants_json
from app.models import Dataset
from app.services import datasets, editor, entries, export, imports, lists, pairs, review, validation
from app.services.entries import Searched
from app.services.lists import ORDERS, Order
from app.services.pairs import Selection

bp = Blueprint("pairs", __name__, url_prefix="/datasets/<int:dataset_id>/pairs")

SIZES = (25, 50, 100)
# Texts whose tokens the editor shows.
COUNTED = ("question", "answer", "reasoning", "system")
MOST_REVISIONS = 50
# Of a longer text the page of two versions shows what differs and stands around.
LONG = 4_000
# So many texts are shown over an editor in which a search found something.
MOST_HITS = 6
LIST_COOKIE = "ltt_list"
# The columns that can be shown beside question and answer.
COLUMNS = {
    "finding": "Finding",
    "tags": "Tags",
    "split": "Split",
    "status": "Status",
    "source": "Source",
    "language": "Language",
    "length": "Length",
    "tokens": "Tokens",
}
USUAL_COLUMNS = ("finding", "tags", "split", "status", "tokens")
# What a cookie says in place of columns where none were chosen.
_USUAL = "usual"
ORDER_NAMES = {
    "newest": "Newest first",
    "oldest": "Oldest first",
    "edited": "Edited last",
    "longest": "Longest first",
    "shortest": "Shortest first",
    "most-tokens": "Most tokens first",
    "fewest-tokens": "Fewest tokens first",
    "random": "Random",
}
ARGUMENTS = (*WORDS, "order", "seed", "cursor", "size", "pair", "back", "counts")
# The tags that the next new pair begins with, and whose dataset's they are.
KEPT_TAGS = "kept_tags"
FIELDS = (
    ("turns", "Earlier turns"),
    ("question", "Question"),
    ("trace", "Before the answer"),
    ("answer", "Answer"),
    ("reasoning", "Reasoning"),
    ("system", "System prompt"),
    ("rejected_answer", "Rejected answer"),
    ("tags", "Tags"),
    ("status", "Status"),
    ("split", "Split"),
    ("source", "Source"),
    ("family", "Family"),
    ("extra", "Tools and other columns"),
)


@dataclass(frozen=True)
class View:
    """Which pairs are shown and how; all of it stands in the address."""

    filters: Filters
    order: str
    cursor: str
    size: int
    seed: int = 1

    def address(self, dataset_id: int, endpoint: str = "pairs.index", **changes: Any) -> str:
        """The address of this view with changes; None takes a part away."""
        parts: dict[str, Any] = {
            **write_filters(self.filters),
            "order": self.order if self.order != "newest" else None,
            "cursor": self.cursor or None,
            "seed": self.seed if self.order == "random" else None,
            "size": self.size if self.size != SIZES[1] else None,
        }
        return url_for(endpoint, dataset_id=dataset_id, **{**parts, **changes})

    def of_filters(self, dataset_id: int, endpoint: str = "pairs.index") -> str:
        """The address of what the same filters find, on this page or another."""
        return url_for(endpoint, dataset_id=dataset_id, **write_filters(self.filters))

    @property
    def in_order(self) -> Order:
        """The order as lists take it."""
        return Order(self.order, self.seed)


@dataclass(frozen=True)
class Shown:
    """How a list is shown, as this browser remembers it: rows short or full, which columns, and blanks as marks.

    ``columns`` is None until somebody chooses some: the usual ones without those that are empty everywhere.
    """

    full: bool = False
    columns: tuple[str, ...] | None = None
    blanks: bool = False

    @classmethod
    def of_cookie(cls) -> "Shown":
        """What the cookie says; as usual where it says nothing that there is."""
        full, _, rest = request.cookies.get(LIST_COOKIE, "").partition(".")
        blanks, _, named = rest.partition(".")
        if full not in ("0", "1"):
            return cls()
        chosen = tuple(one for one in COLUMNS if one in named.split("."))
        return cls(full == "1", None if named == _USUAL else chosen, blanks == "1")

    def as_cookie(self) -> str:
        """The same as a cookie."""
        columns = (_USUAL,) if self.columns is None else self.columns
        return ".".join((str(int(self.full)), str(int(self.blanks)), *columns))


def view_of_request() -> View:
    """The view that the address describes. Raises BadUsage for what there is not."""
    args = request.args
    size = read_choice(args, "size", [str(one) for one in SIZES], str(SIZES[1]))
    order = read_choice(args, "order", ORDERS, "newest")
    return View(read_filters(args), order, args.get("cursor", ""), int(size), read_whole(args, "seed", 1))


@bp.app_template_filter("began_with")
def began_with(entry: StoredEntry) -> str:
    """What the conversation of a pair began with, in one line; nothing where its question is the first."""
    said = (message.text for message in entry.record().turns if message.role == "user" and message.text)
    return clip(next(said, ""), 80)


@bp.get("")
def index(dataset_id: int) -> ResponseReturnValue:
    """The pairs that match, one page of them, with the editor when a pair is named."""
    require_names(request.args, *ARGUMENTS)
    dataset, view = datasets.get(dataset_id), view_of_request()
    if request.args.get("pair") == "first":
        shown = lists.list_page(dataset_id, view.filters, cursor=view.cursor, order=view.in_order, size=1).entries
        return redirect(view.address(dataset_id, pair=shown[0].id if shown else None))
    if request.args.get("pair") == "new":
        return _render_page(dataset, view, form=_new_form(dataset_id), new=True)
    if wanted := read_whole(request.args, "pair", 0):
        entry = entries.get(dataset_id, wanted)
        return _render_page(dataset, view, form=PairForm.of_entry(entry), entry=entry)
    return _render_page(dataset, view)


@shown_on("pairs.index")
def index_refused(problem: Problem) -> ResponseReturnValue | None:
    """Why a search was refused, in the place of the part of a page that it asked for."""
    if not request.headers.get("HX-Request"):
        return None
    place = "facets" if request.headers.get("HX-Target", "").endswith("#facets") else "found"
    return render_template("pairs/_refused.html", place=place, message=problem.message, request_id=problem.request_id)


@bp.get("/new")
def new(dataset_id: int) -> ResponseReturnValue:
    """A new pair on a page of its own."""
    return _render_page(datasets.get(dataset_id), view_of_request(), form=_new_form(dataset_id), new=True, own=True)


def _new_form(dataset_id: int) -> PairForm:
    """The form of a new pair, with the tags that were kept from the one before."""
    of_dataset, tags = session.get(KEPT_TAGS, (None, ""))
    return PairForm(formdata=None, **({"tags": tags, "keep_tags": True} if of_dataset == dataset_id else {}))


@bp.get("/<int:entry_id>")
def edit(dataset_id: int, entry_id: int) -> ResponseReturnValue:
    """One pair on a page of its own, in the order of the list that the address describes."""
    require_names(request.args, *ARGUMENTS)
    entry = entries.get(dataset_id, entry_id)
    return _render_page(
        datasets.get(dataset_id), view_of_request(), form=PairForm.of_entry(entry), entry=entry, own=True
    )


def _render_page(
    dataset: Dataset,
    view: View,
    *,
    form: PairForm | None = None,
    entry: StoredEntry | None = None,
    new: bool = False,
    fault: Fault | None = None,
    own: bool | None = None,
    status: int = 200,
) -> ResponseReturnValue:
    """The list, with the editor beside it where there is a form; or, as the form says, the editor alone."""
    own = request.form.get("on") == "page" if own is None else own
    previous = following = None
    if entry is not None:
        previous, following = lists.neighbours_of(dataset.id, view.filters, entry.id, view.in_order)
    texts = {name: getattr(form, name).data or "" for name in COUNTED} if form else {}
    if form and not texts["system"]:
        texts["system"] = dataset.system_prompt or ""
    searched = entries.explain_search(dataset.id, view.filters.text)
    body = render_template(
        "pairs/pair.html" if own else "pairs/index.html",
        dataset=dataset,
        view=view,
        searched=searched,
        hits=list(islice(_find_hits(entry, searched), MOST_HITS)) if entry and searched else (),
        **(_alone(dataset) if own else _listed(dataset, view)),
        form=form,
        entry=entry,
        new=new,
        fault=fault or Fault(),
        too_large=_find_limit(entry) if entry else None,
        own=own,
        open_pair=lambda pair: (
            view.address(dataset.id, "pairs.edit", entry_id=pair) if own else view.address(dataset.id, pair=pair)
        ),
        previous=previous,
        following=following,
        back_to=own_path(request.values.get("back", "")),
        roles=ROLES,
        blank=MessageFields("assistant"),
        tokens=editor.count_tokens(dataset, texts) if form else None,
        provenance=editor.provenance_of(entry) if entry else None,
        findings=validation.findings_in(dataset.id, [entry.id]).get(entry.id, ()) if entry else (),
        comments=review.comments_of([entry.id]).get(entry.id, ()) if entry else (),
        revisions=entries.revisions_of(dataset.id, entry.id)[: MOST_REVISIONS if own else 8] if entry else (),
        piece=lambda before, after: difference.excerpt_changes(difference.compare_words(before, after), 24),
    )
    return body, status


def _find_limit(entry: StoredEntry) -> int | None:
    """The megabytes that a page may send, where that is too little for what the editor sends of a pair."""
    most = limits.of_endpoint(current_app, "pairs.save")[1]
    size = sum(len(value.encode()) for value in entry if isinstance(value, str))
    return most if size > most * limits.MB * 0.95 else None


def _alone(dataset: Dataset) -> dict[str, Any]:
    """What the page of one pair needs of the others: the known tags."""
    columns = lists.load_columns(dataset.id, read=dataset.entry_count <= lists.AT_ONCE)
    return {"tags": list(lists.count_facets(columns, dataset.id, EVERY).tags.items()) if columns is not None else []}


def _listed(dataset: Dataset, view: View) -> dict[str, Any]:
    """One page of the list, and what stands beside it."""
    # Of a large dataset that nobody looked at yet the counts come after the list, or by a link.
    now = dataset.entry_count <= lists.AT_ONCE or read_choice(request.args, "counts", ("now",), "") == "now"
    columns = lists.load_columns(dataset.id, read=now)
    ready = columns is not None and (now or lists.is_at_hand(columns, view.filters))
    facets = lists.count_facets(columns, dataset.id, view.filters) if columns is not None and ready else None
    page = lists.list_page(
        dataset.id, view.filters, cursor=view.cursor, order=view.in_order, size=view.size, columns=columns
    )
    # How many have a status is soon counted, and how many hold words stands in the index; anything else comes later.
    count = entries.count_entries if replace(view.filters, statuses=()) == EVERY else entries.count_at_once
    total = facets.total if facets else count(dataset.id, view.filters)
    shown, unused = Shown.of_cookie(), lists.find_unused(columns) if columns is not None else frozenset()
    files = imports.name_files([int(one) for one in (facets.imports if facets else ()) if is_number(one)])
    return {
        "page": page,
        "shown": shown,
        "shown_columns": tuple(one for one in USUAL_COLUMNS if one not in unused)
        if shown.columns is None
        else shown.columns,
        "columns": COLUMNS,
        "orders": ORDER_NAMES,
        "total": total,
        "facets": facets,
        "line": export.find_line(view.filters.left_out),
        "most_named": export.MOST_NAMED,
        "listed_findings": validation.findings_in(dataset.id, [one.id for one in page.entries]),
        "facts": {one.id: facts_of(one) for one in page.entries},
        "tags": list((facets.tags if facets else dict.fromkeys(view.filters.tags, 0)).items()),
        "views": lists.list_views(dataset.id),
        "named": lambda counts, title=str: [(value, title(value), number) for value, number in counts.items()],
        "title_of_import": lambda one: "Not imported" if one == HERE else files.get(int(one), f"Import {one}"),
        "title_of_language": lambda code: "Not sure" if code == "?" else name_language(code),
        "others": [one for one in datasets.list_datasets() if one.id != dataset.id],
    }


def _find_hits(entry: StoredEntry, searched: Searched) -> Iterator[tuple[str, str]]:
    """The texts of a pair in which a search found something, each with the name of its field."""
    for name, texts in texts_of(entry).items():
        yield from ((name, text) for text in texts if find_in_page(text[:MOST_MARKED], searched.query, name))


@bp.post("")
def create(dataset_id: int) -> ResponseReturnValue:
    """Add a pair, then open the next new one or the list."""
    dataset, form = datasets.get(dataset_id), PairForm()
    if act := request.form.get("do"):
        form.talk.arrange(act)
        return _render_page(dataset, view_of_request(), form=form, new=True)
    try:
        record = form.record()
        result = pairs.add_pair(
            dataset_id,
            record.question,
            record.answer,
            system=record.system,
            turns=record.turns,
            trace=record.trace,
            rejected_answer=record.rejected_answer,
            reasoning=record.reasoning,
            extra=record.extra,
            tags=record.tags,
            status=form.status.data,
            split=form.split.data,
            source=record.source,
            family=record.family,
            key=form.key.data or None,
        )
    except Invalid as error:
        return _render_page(dataset, view_of_request(), form=form, new=True, fault=form.fault_of(error), status=422)
    # A cookie has no room for very many.
    if form.keep_tags.data and len(form.tags.data or "") <= 500:
        session[KEPT_TAGS] = [dataset_id, form.tags.data]
    else:
        session.pop(KEPT_TAGS, None)
    tell_step(dataset_id, result, saved=f"{dataset_id}/new")
    if form.then.data == "new" and request.form.get("on") == "page":
        return redirect(url_for(".new", dataset_id=dataset_id), code=303)
    following = "new" if form.then.data == "new" else None
    return redirect(url_for(".index", dataset_id=dataset_id, pair=following), code=303)


@shown_on("pairs.create")
def create_refused(problem: Problem) -> ResponseReturnValue:
    """The new pair as it was typed, to be saved again."""
    dataset = datasets.get((request.view_args or {})["dataset_id"])
    return _render_page(dataset, view_of_request(), form=PairForm(), new=True, fault=Fault(problem.message))


@bp.post("/<int:entry_id>")
def save(dataset_id: int, entry_id: int) -> ResponseReturnValue:
    """Save an edited pair. A stale save shows both texts; an untouched one writes nothing."""
    form, view = PairForm(), view_of_request()
    if act := request.form.get("do"):
        form.talk.arrange(act)
        return _render_page(datasets.get(dataset_id), view, form=form, entry=entries.get_deleted(dataset_id, entry_id))
    try:
        entry = entries.get(dataset_id, entry_id)
        result = pairs.save_pair(dataset_id, entry_id, form.values(entry), version=form.version.data or 0)
    except (Conflict, Gone) as error:
        return _render_conflict(dataset_id, entry_id, form, restored=isinstance(error, Restored))
    except Invalid as error:
        dataset = datasets.get(dataset_id)
        return _render_page(dataset, view, form=form, entry=entry, fault=form.fault_of(error), status=422)
    tell_step(dataset_id, result, "Saved. Nothing was changed.", saved=f"{dataset_id}/{entry_id}")
    if form.then.data == "back":
        return redirect(back_or(view.address(dataset_id)), code=303)
    following = None if form.then.data == "list" else entry_id
    if form.then.data == "next":
        _, following = lists.neighbours_of(dataset_id, view.filters, entry_id, view.in_order)
    return redirect(_address_of(view, dataset_id, following), code=303)


def _address_of(view: View, dataset_id: int, entry_id: int | None) -> str:
    """Where a pair is edited: on the page that the form came from."""
    if request.form.get("on") == "page" and entry_id is not None:
        return view.address(dataset_id, "pairs.edit", entry_id=entry_id)
    return view.address(dataset_id, pair=entry_id)


@shown_on("pairs.restore")
@shown_on("pairs.save")
def save_refused(problem: Problem) -> ResponseReturnValue:
    """The pair as it was typed, to be saved again; beside what is stored, where a backup was put back meanwhile."""
    named = request.view_args or {}
    dataset_id, entry_id = named["dataset_id"], named["entry_id"]
    if problem.code == Restored.code:
        return _render_conflict(dataset_id, entry_id, PairForm(), restored=True)
    entry, dataset = entries.get(dataset_id, entry_id), datasets.get(dataset_id)
    return _render_page(dataset, view_of_request(), form=PairForm(), entry=entry, fault=Fault(problem.message))


def _compare_shortly(before: str, after: str) -> list[difference.Piece]:
    pieces = difference.compare_words(before, after)
    return difference.excerpt_changes(pieces, LONG // 10) if max(len(before), len(after)) > LONG else pieces


def _render_conflict(dataset_id: int, entry_id: int, form: PairForm, *, restored: bool = False) -> ResponseReturnValue:
    """Yours, theirs and what both began with, where that is known; nothing typed is lost."""
    theirs = entries.get_deleted(dataset_id, entry_id)
    deleted = not entries.by_ids(dataset_id, [entry_id])
    base = entries.value_at(dataset_id, theirs.id, form.version.data or 0)
    try:
        # What was typed means something beside what it began with: what it left alone follows what is stored now.
        typed = form.values(base or theirs)
    except Invalid as error:
        dataset, view = datasets.get(dataset_id), view_of_request()
        return _render_page(dataset, view, form=form, entry=theirs, fault=form.fault_of(error), status=422)
    mine = {name: value for name, value in typed.items() if base is None or value != getattr(base, name)}
    for name in ("turns", "trace") if base else ():
        if name in mine:
            sides = (load_messages(value) for value in (getattr(base, name), getattr(theirs, name), mine[name]))
            mine[name] = dump_messages(merge_messages(*sides))
    rows = {
        name: (getattr(base, name) if base else None, getattr(theirs, name), mine[name])
        for name, _ in FIELDS
        if name in mine and mine[name] != getattr(theirs, name)
    }
    changed: Any = mine
    stored = Conversation.of_record(theirs.record())
    merged = theirs._replace(**changed)
    body = render_template(
        "pairs/conflict.html",
        dataset=datasets.get(dataset_id),
        view=view_of_request(),
        entry=theirs,
        form=PairForm.of_entry(merged),
        fields=FIELDS,
        rows=rows,
        has_base=base is not None,
        deleted=deleted,
        restored=restored,
        roles=ROLES,
        blank=MessageFields("assistant"),
        words=_compare_shortly,
        cut=lambda text, other: difference.cut_to_change(text, other, LONG)[0],
        packed={name: pack_messages(getattr(stored, name)) for name in ("turns", "trace")},
        fault=Fault(),
    )
    return body, 410 if deleted and not restored else 409


@bp.post("/<int:entry_id>/restore")
def restore(dataset_id: int, entry_id: int) -> ResponseReturnValue:
    """Bring a deleted pair back with the texts that were typed."""
    form = PairForm()
    entry = entries.get_deleted(dataset_id, entry_id)
    if act := request.form.get("do"):
        form.talk.arrange(act)
        return _render_page(datasets.get(dataset_id), view_of_request(), form=form, entry=entry)
    try:
        result = pairs.restore_pair(dataset_id, entry_id, form.values(entry), version=form.version.data or 0)
    except Conflict as error:
        return _render_conflict(dataset_id, entry_id, form, restored=isinstance(error, Restored))
    except Invalid as error:
        dataset, fault = datasets.get(dataset_id), form.fault_of(error)
        return _render_page(dataset, view_of_request(), form=form, entry=entry, fault=fault, status=422)
    tell_step(dataset_id, result, saved=f"{dataset_id}/{entry_id}")
    return redirect(url_for(".index", dataset_id=dataset_id, pair=entry_id), code=303)


@bp.post("/<int:entry_id>/versions")
def restore_version(dataset_id: int, entry_id: int) -> ResponseReturnValue:
    """Bring a pair back to how it was after a step of its history."""
    number, version = (request.form.get(name, 0, type=int) for name in ("number", "version"))
    result = pairs.restore_version(dataset_id, entry_id, number, version=version)
    tell_step(dataset_id, result, "The pair is like that already.")
    return redirect(_address_of(view_of_request(), dataset_id, entry_id), code=303)


@bp.post("/tokens")
def count_tokens(dataset_id: int) -> ResponseReturnValue:
    """How many tokens texts have, as models of the dataset's target count them."""
    found = editor.count_tokens(datasets.get(dataset_id), {name: request.form.get(name, "") for name in COUNTED})
    return {"tokens": dict(found.tokens), "exact": found.exact, "family": found.family}


@bp.post("/preview")
def preview(dataset_id: int) -> ResponseReturnValue:
    """The answer as Markdown, cleaned of anything that runs or loads."""
    return render_template("pairs/_preview.html", html=render_markdown(request.form.get("answer", "")))


@bp.post("/actions")
def act(dataset_id: int) -> ResponseReturnValue:
    """Do one thing with the ticked pairs, or with all that match."""
    chosen = selection_of_request()
    action = request.form.get("action", "")
    if action in ("clean", "export"):
        page = "cleaning.index" if action == "clean" else "export.index"
        if chosen.filters is not None:
            address = view_of_request().of_filters(dataset_id, page)
        else:
            address = url_for(page, dataset_id=dataset_id, ids=write_ids(chosen.ids))
        return redirect(address, code=303)
    try:
        return _act_on(dataset_id, chosen, action)
    except Conflict as error:
        if error.code != "more_match":
            raise
        tell(error.message)
        return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


def _act_on(dataset_id: int, chosen: Selection, action: str) -> ResponseReturnValue:
    if action in STATUSES:
        result = pairs.set_status(dataset_id, chosen, action)
    elif action in ("tag", "add-tag", "untag"):
        named = request.form.get("tags" if action == "tag" else "other_tag", "").split(",")
        added, removed = ([], named) if action == "untag" else (named, [])
        result = pairs.tag_pairs(dataset_id, chosen, add=added, remove=removed)
    elif action.startswith("split:"):
        result = pairs.set_split(dataset_id, chosen, action.removeprefix("split:"))
    elif action in ("system", "no-system"):
        text = request.form.get("system", "").replace("\r\n", "\n")
        if action == "system" and not text.strip():
            raise Invalid("No system prompt was given. Type one first.", code="no_system")
        result = pairs.set_system(dataset_id, chosen, text if action == "system" else None)
    elif action in ("copy", "move"):
        return _bring(dataset_id, chosen, move=action == "move")
    elif action == "delete":
        # The editor says which version of its pair was seen; who ticks rows in the list has not read them all.
        seen = request.form.get("version", type=int)
        if seen is not None and chosen.ids:
            result = pairs.delete_pair(dataset_id, chosen.ids[0], version=seen)
        else:
            result = pairs.delete_pairs(dataset_id, chosen)
    else:
        raise BadUsage("Choose what to do with the selected pairs.")
    if wants_json(request.environ):
        # A label that a script gave: the step with its undo, or why the pair was left alone, and its version now.
        only = entries.by_ids(dataset_id, chosen.ids) if len(chosen.ids) == 1 else {}
        reason = result.skipped[0].reason if result.skipped else ""
        if len(chosen.ids) == 1 and not (only or result.step):
            reason = "It was deleted meanwhile."
        return {
            "text": f"{result.step.summary}." if result.step else "",
            "number": result.step.number if result.step else None,
            "undo": url_for("history.undo", dataset_id=dataset_id),
            "skipped": reason,
            "version": next((one.version for one in only.values()), None),
            "history": render_template("history/_undo_redo.html", dataset_id=dataset_id),
        }
    tell_step(dataset_id, result)
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


def _bring(dataset_id: int, chosen: Selection, *, move: bool) -> ResponseReturnValue:
    target = datasets.get(read_whole(request.form, "target", 0))
    done = pairs.bring_pairs(dataset_id, chosen, target.id, move=move)
    step = done.added.step
    if step is None:
        tell_step(dataset_id, done.added)
    elif move and done.removed.step:
        number, said = done.removed.step.number, done.removed.step.summary
        undo = url_for(".swap_move", dataset_id=dataset_id, number=number, act="undo")
        tell(f"{said}. Undo brings them back here, and takes them out there.", undo=undo)
    else:
        undo = url_for("history.undo", dataset_id=target.id)
        said = f"Copied {plural(done.added.changed, 'pair')} to “{clip(target.name, 40)}”. Undo takes them out there."
        tell(said, undo=undo, number=step.number)
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


@bp.post("/moves/<int:number>/<any(undo, redo):act>")
def swap_move(dataset_id: int, number: int, act: str) -> ResponseReturnValue:
    """Take a move back in both datasets at once, or do it again."""
    back = act == "undo"
    here, there = pairs.swap_move(dataset_id, number, back=back)
    said = f"{'Undone' if back else 'Done again'}: {here.step.summary}." if here.step else "Nothing changed."
    if n := there.skipped_count:
        said += f" There, {plural(n, 'pair')} changed since {'stays' if n == 1 else 'stay'}."
    if here.skipped_count:
        said += f" {plural(here.skipped_count, 'pair')} left alone: {here.skipped[0].reason}"
    other = url_for(".swap_move", dataset_id=dataset_id, number=number, act="redo" if back else "undo")
    tell(said, undo=other, label="Redo" if back else "Undo")
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


@bp.post("/shown")
def show(dataset_id: int) -> ResponseReturnValue:
    """Remember in this browser how lists are shown."""
    named = read_choices(request.form.getlist("column"), "column", COLUMNS)
    density = read_choice(request.form, "density", ("short", "full"), "short")
    columns: tuple[str, ...] | None = tuple(one for one in COLUMNS if one in named)
    # Who changes the height of the rows only has chosen no columns.
    if ".".join(columns or ()) == request.form.get("shown"):
        columns = Shown.of_cookie().columns
    shown = Shown(density == "full", columns, request.form.get("blanks") == "1")
    response = redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)
    response.set_cookie(LIST_COOKIE, shown.as_cookie(), max_age=365 * 24 * 3600, samesite="Lax", httponly=True)
    return response


@bp.post("/views")
def save_view(dataset_id: int) -> ResponseReturnValue:
    """Keep the filters and the order of the list under a name."""
    view = view_of_request()
    query = view.address(dataset_id, cursor=None, size=None).partition("?")[2]
    saved = lists.save_view(dataset_id, request.form.get("name", ""), query)
    tell(f"The view “{saved.name}” is kept.")
    return redirect(back_or(view.address(dataset_id)), code=303)


@bp.post("/views/<int:view_id>/delete")
def delete_view(dataset_id: int, view_id: int) -> ResponseReturnValue:
    """Forget a view; the pairs stay."""
    tell(f"The view “{lists.delete_view(dataset_id, view_id)}” is deleted. The pairs stay.")
    return redirect(back_or(url_for(".index", dataset_id=dataset_id)), code=303)


def selection_of_request() -> Selection:
    if request.form.get("all") == "1":
        return Selection(filters=read_filters(request.args), most=read_whole(request.form, "named", None))
    ids = tuple(int(value) for value in request.form.getlist("id") if is_number(value))
    if not ids:
        raise Invalid("No pair is selected. Tick one first.", code="nothing_selected")
    return Selection(ids)
