"""Entries over the API: paged by cursor, changed with If-Match."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from flask import jsonify
from flask_openapi3.blueprint import APIBlueprint
from flask_openapi3.models.tag import Tag
from pydantic import Field

from app.blueprints.api import PREFIX
from app.blueprints.api.options import model_of, options_from
from app.blueprints.api.specification import IF_MATCH, DatasetPath, Strict, Texts, answers, reads_header
from app.blueprints.api.writing import Answer, expected_version, idempotent, with_version
from app.core.changes import Value
from app.core.editing import answer_weight, read_messages, tools_name, with_answer_weight, with_tools
from app.core.errors import Conflict
from app.core.filters import Filters
from app.core.layouts.functions import tools_in
from app.core.record import dump_json, dump_messages, load_json
from app.core.stored import StoredEntry
from app.services import datasets, entries, history, lists, pairs

bp = APIBlueprint(
    "api_entries",
    __name__,
    url_prefix=f"{PREFIX}/datasets/<int:dataset_id>/entries",
    abp_tags=[Tag(name="entries", description="Pairs of a dataset")],
)
_TEXTS = ("question", "answer", "system", "rejected_answer", "reasoning", "status", "split", "source", "family")


class EntryPath(DatasetPath):
    """Which entry of which dataset."""

    entry_id: int


class ListQuery(model_of(Filters, leave_out=("ids", "answered"), lists=True)):  # type: ignore[misc]
    """The filters of the page, and where to continue. ``status``, ``tag`` and ``split`` can be given more than once."""

    order: Literal[lists.ORDERS] = "oldest"  # type: ignore[valid-type]
    seed: int = Field(1, ge=0, description="of the random order")
    cursor: str = ""
    limit: int = Field(100, ge=1, le=1000)


Objects = list[dict[str, Any]]
_MESSAGES = Field(
    description="Messages as they are read: role, text, reasoning, name, weight, tool_calls, tool_call_id and extra."
)


class EntryBody(Strict):
    """A new pair. `turns` are the messages before the question, `trace` those between question and answer.

    `weight` is 0 where the answer is not trained.
    """

    question: str
    answer: str = ""
    system: str | None = None
    turns: Annotated[Objects, _MESSAGES] = []
    trace: Annotated[Objects, _MESSAGES] = []
    tools: Objects = []
    weight: Literal[0, 1] | None = None
    rejected_answer: str | None = None
    reasoning: str | None = None
    tags: Texts = []
    status: str | None = None
    split: str | None = None
    source: str | None = None
    family: str | None = None


class EntryChange(Strict):
    """What to change; what is left out stays."""

    question: str | None = None
    answer: str | None = None
    system: str | None = None
    turns: Annotated[Objects, _MESSAGES] | None = None
    trace: Annotated[Objects, _MESSAGES] | None = None
    tools: Objects | None = None
    weight: Literal[0, 1] | None = None
    rejected_answer: str | None = None
    reasoning: str | None = None
    status: str | None = None
    tags: Texts | None = None
    split: str | None = None
    source: str | None = None
    family: str | None = None


def entry_as_dict(entry: StoredEntry) -> dict[str, Any]:
    """An entry as programs see it."""
    extra = load_json(entry.extra, {})
    return {
        "id": entry.id,
        "version": entry.version,
        "status": entry.status,
        "split": entry.split,
        "system": entry.system,
        "question": entry.question,
        "answer": entry.answer,
        "rejected_answer": entry.rejected_answer,
        "reasoning": entry.reasoning,
        "turns": load_json(entry.turns, []),
        "trace": load_json(entry.trace, []),
        "tools": tools_in(extra.get(tools_name(extra))) or [],
        "weight": answer_weight(extra),
        "tags": entry.tag_list,
        "source": entry.source,
        "family": entry.family,
        "extra": extra,
    }


@bp.get("")
def list_entries(path: DatasetPath, query: ListQuery) -> Answer:
    """List entries. `next` and `previous` are cursors for the neighbouring pages.

    `remarks` says what of `q` was not understood and is looked for as it stands. `inside_words` says that no pair has
    the words, so that these hold the text inside words.
    """
    datasets.get(path.dataset_id)
    filters = options_from(Filters, query)
    searched = entries.explain_search(path.dataset_id, filters.text)
    order = lists.Order(query.order, query.seed)
    page = lists.list_page(path.dataset_id, filters, cursor=query.cursor, order=order, size=query.limit)
    total = entries.count_entries(path.dataset_id, filters)
    return jsonify(
        entries=[entry_as_dict(entry) for entry in page.entries],
        total=total,
        next=page.next,
        previous=page.previous,
        remarks=list(searched.query.remarks) if searched else [],
        inside_words=bool(total and searched and searched.inside),
    )


@bp.post("", responses=answers(201))
@idempotent
def create_entry(path: DatasetPath, body: EntryBody) -> Answer:
    """Add a pair."""
    result = pairs.add_pair(
        path.dataset_id,
        body.question,
        body.answer,
        system=body.system,
        turns=read_messages(body.turns, "turns"),
        trace=read_messages(body.trace, "trace"),
        rejected_answer=body.rejected_answer,
        extra=_written({}, body.model_dump(exclude_unset=True)),
        reasoning=body.reasoning,
        tags=body.tags,
        status=body.status,
        split=body.split,
        source=body.source,
        family=body.family,
    )
    assert result.step is not None
    [seen] = history.changes_of(path.dataset_id, result.step.number or 0, size=1)
    return with_version(jsonify(entry_as_dict(seen.entry)), seen.entry.version), 201


@bp.get("/<int:entry_id>")
def get_entry(path: EntryPath) -> Answer:
    """One entry, with its version as ETag."""
    entry = entries.get(path.dataset_id, path.entry_id)
    return with_version(jsonify(entry_as_dict(entry)), entry.version)


@bp.patch("/<int:entry_id>")
@reads_header(IF_MATCH)
def change_entry(path: EntryPath, body: EntryChange) -> Answer:
    """Change an entry. Needs If-Match with its version; a stale one is answered by 409 with the present entry."""
    version = expected_version()
    sent = body.model_dump(exclude_unset=True)
    values: dict[str, Value] = {name: sent[name] for name in _TEXTS if name in sent}
    values.update({name: values[name] or "" for name in ("question", "answer") if name in values})
    if "tags" in sent:
        values["tags"] = pairs.stored_tags(sent["tags"] or [])
    values |= {
        name: dump_messages(read_messages(sent[name] or [], name)) for name in ("turns", "trace") if name in sent
    }
    if "tools" in sent or "weight" in sent:
        extra = load_json(entries.get(path.dataset_id, path.entry_id).extra, {})
        values["extra"] = dump_json(_written(extra, sent))
    try:
        # Also a change that would change nothing is refused where the version is stale.
        with history.transaction():
            entries.require_version(entries.get(path.dataset_id, path.entry_id), version)
            pairs.save_pair(path.dataset_id, path.entry_id, values, version=version)
    except Conflict as error:
        current = entries.get(path.dataset_id, path.entry_id)
        raise Conflict(error.message, code=error.code, entry=entry_as_dict(current)) from error
    return get_entry(path)


def _written(extra: Mapping[str, Any], sent: Mapping[str, Any]) -> dict[str, Any]:
    """``extra`` with the tools, and the weight of the answer, that were sent."""
    written = with_tools(extra, sent["tools"] or []) if "tools" in sent else dict(extra)
    return with_answer_weight(written, sent["weight"]) if "weight" in sent else written


@bp.delete("/<int:entry_id>")
@reads_header(IF_MATCH)
def delete_entry(path: EntryPath) -> Answer:
    """Delete an entry. Needs If-Match with its version."""
    return jsonify(history.applied_dict(pairs.delete_pair(path.dataset_id, path.entry_id, version=expected_version())))
