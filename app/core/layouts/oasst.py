"""OpenAssistant trees: ``{"message_tree_id": "…", "prompt": {"text", "role": "prompter", "replies": […]}}``; read, not
written.

Source: the exports of Open Assistant, as trees or with one message a row and its ``parent_id``. Of each tree the best
path is taken: of the replies to a message the one with the lowest rank, deleted ones last; or by choice all paths, a
record for each message that nobody replied to. Replies that were not taken, and what else messages say, stay beside the
pair.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from app.core.layouts.base import Grouping, Layout, LayoutOptions, RowError, columns_of, not_written
from app.core.layouts.messages import role_of
from app.core.layouts.sample import Claim, Sample
from app.core.layouts.shapes import Row
from app.core.layouts.whole import conversation_record
from app.core.record import Message, Record

# The messages of one path; a row has it instead of a tree once the path is chosen.
_PATH = "path"
_SAID = ("role", "text", "replies")
_IDS = ("message_id", "user_message_id", "id")
_PARENTS = ("parent_id", "parent_message_id")


def expand(row: Row, options: LayoutOptions) -> Iterator[dict[str, Any]]:
    """A row for each path of a tree that is asked for."""
    tree: Any = row.get("prompt")
    if not _is_message(tree):
        yield dict(row)
        return
    rest = {name: value for name, value in row.items() if name != "prompt"}
    if options.oasst_paths == "all":
        yield from ({**rest, _PATH: path} for path in _all_paths(tree))
        return
    path: list[dict[str, Any]] = [tree]
    others: list[dict[str, Any]] = []
    while replies := _ranked(path[-1]):
        path.append(replies[0])
        others += replies[1:]
    yield {**rest, _PATH: path, **({"other_replies": others} if others else {})}


def _all_paths(tree: dict[str, Any]) -> Iterator[list[dict[str, Any]]]:
    waiting = [[tree]]
    while waiting:
        path = waiting.pop()
        replies = _ranked(path[-1])
        if not replies:
            yield path
        waiting += [[*path, reply] for reply in reversed(replies)]


def _ranked(message: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The replies to a message, the best first."""

    def rank(reply: Mapping[str, Any]) -> tuple[bool, float]:
        number = reply.get("rank")
        is_refused = bool(reply.get("deleted")) or reply.get("review_result") is False
        return is_refused, number if isinstance(number, (int, float)) else float("inf")

    replies = message.get("replies")
    return sorted((one for one in replies if _is_message(one)), key=rank) if isinstance(replies, list) else []


def _is_message(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("text"), str)


def parse(row: Row, options: LayoutOptions) -> Record:
    """The record of a path, or of the best path of a tree. Raises RowError."""
    if _PATH not in row:
        if not _is_message(row.get("prompt")):
            raise RowError("There is no tree of messages with a prompt and replies.", code="no_messages")
        row = next(expand(row, LayoutOptions()))
    messages, details = [], []
    for place, one in enumerate(row[_PATH]):
        role = role_of(str(one.get("role", "")))
        if role is None:
            said = (
                f"Message {place + 1} of the tree has the unknown role {one.get('role')!r}. Use prompter and assistant."
            )
            raise RowError(said, code="bad_role")
        messages.append(Message(role, one["text"]))
        details.append({key: value for key, value in one.items() if key not in _SAID})
    extra = columns_of(row, (_PATH,))
    if any(details):
        extra["message_details"] = details
    return conversation_record(messages, None, extra, options)


def tree_of(row: Row, options: LayoutOptions, seen: dict[str, str]) -> str | None:
    """The tree to which the message of a row belongs; None for a row that is a tree itself.

    Where no column names it, it is that of the parent, which must stand before.
    """
    if "prompt" in row or _PATH in row:
        return None
    if row.get("message_tree_id") is not None:
        return str(row["message_tree_id"])
    identifier = _identifier(row, _IDS)
    tree = seen.get(_identifier(row, _PARENTS), identifier)
    seen[identifier] = tree
    return tree


def _identifier(row: Row, names: Sequence[str]) -> str:
    return next((str(row[name]) for name in names if row.get(name) is not None), "")


def join(rows: Sequence[Row], options: LayoutOptions) -> dict[str, Any]:
    """The tree of the messages of rows. A message whose parent is not there becomes a reply to the first one."""
    messages = [dict(row) for row in rows]
    known = {_identifier(one, _IDS): one for one in messages}
    parents = [known.get(_identifier(one, _PARENTS)) for one in messages]
    root = next((one for one, parent in zip(messages, parents, strict=True) if parent is None), messages[0])
    for one, parent in zip(messages, parents, strict=True):
        if one is not root:
            (root if parent is None else parent).setdefault("replies", []).append(one)
    return {"message_tree_id": root.pop("message_tree_id", _identifier(root, _IDS)), "prompt": root}


def recognises(sample: Sample) -> Claim | None:
    """Whether rows are trees of messages, or messages with the parent to which they reply."""
    reason = "its messages are a tree, as OpenAssistant has them"
    rows = sample.count(lambda row: isinstance(prompt := row.get("prompt"), dict) and "replies" in prompt)
    if rows:
        return sample.claim(reason, rows, "message_tree_id", "tree_state", "prompt")
    rows = sample.count(lambda row: _is_message(row) and "role" in row and not row.keys().isdisjoint(_PARENTS))
    if not rows:
        return None
    if "message_tree_id" in sample.columns:
        return Claim(reason, frozenset(sample.columns), rows, special=True)
    reason = (
        "each row is a message of a tree and says only to which it replies; read as trees (--from :oasst) it is rebuilt"
    )
    return Claim(reason, frozenset(sample.columns), rows, special=True, is_sure=False)


OASST = Layout(
    "oasst",
    "OpenAssistant trees",
    parse,
    not_written,
    frozenset(),
    (),
    {
        "message_tree_id": "1",
        "prompt": {
            "role": "prompter",
            "text": "How do I reset my password?",
            "replies": [{"role": "assistant", "text": "Choose “Forgot password”.", "rank": 0, "replies": []}],
        },
    },
    recognises,
    grouping=Grouping(tree_of, join, expand),
)
