"""Where the rows of a JSON document stand: in a list, under keys, in columns, in a tree, or wrapped once more.

Sources: pandas ``DataFrame.to_json`` (orient columns, list, split, index), the rows of the Hugging Face dataset viewer,
SQuAD 1.1 and 2.0.
"""

from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Any, NamedTuple

from app.core.errors import Invalid
from app.core.names import HEADER_WORDS, TARGET_OF_NAME, normal_name

# Keys under which services wrap what they answer.
# What tells conversations apart where each item is one message.
_APART = frozenset({"conversation_id", "conv_id", "dialog_id", "dialogue_id", "thread_id", "session_id", "chat_id"})
_WRAPPERS = """
data dataset docs examples faq faqs hits items output payload records response result results rows
"""
WRAPPERS = frozenset(_WRAPPERS.split())
# Lists under these names are the messages of one record.
_CONVERSATIONS = frozenset({"messages", "conversations", "conversation", "contents", "dialog", "dialogue", "turns"})
_SPLITS = frozenset({"train", "training", "validation", "valid", "val", "dev", "eval", "test"})
_VIEWER = {"row_idx", "row", "truncated_cells"}
_QUESTION_MARKS = ("?", "？", "؟")
_ENOUGH = 20


class CutOff(NamedTuple):
    """A row of which somebody cut off some cells."""

    cells: list[str]
    values: dict[str, Any]

    @property
    def reason(self) -> str:
        """The rest of a sentence that begins with its place."""
        cells = ", ".join(f"“{cell}”" for cell in self.cells)
        return f"was cut off by the dataset viewer (truncated cells: {cells}). Download the dataset itself."


class Shape(NamedTuple):
    """How rows stand in a document: what stands at the end of ``path``, and the names of columns that it has beside it.

    ``kind`` is records (a list), squad, lists, columns (a list or an object for each), keyed, splits or one.
    """

    kind: str
    path: tuple[str, ...] = ()
    names: tuple[str, ...] = ()


def shape_of(document: Any, *, complete: bool = True) -> Shape:
    """The shape of a document, or of the start of one that is not complete."""
    if isinstance(document, list):
        return _shape_of_list(document)
    if not isinstance(document, dict) or not document:
        return Shape("one")
    begun = not complete and "index" in document
    if isinstance(document.get("columns"), list) and (begun or is_list_of(document.get("data"), list)):
        return Shape("lists", ("data",), tuple(map(str, document["columns"])))
    if _are_columns(document, complete=complete):
        return Shape("columns")
    lists = [name for name, value in document.items() if is_list_of(value, dict) or _is_list_of_chats(value)]
    if "data" in lists and is_squad(document["data"]):
        return Shape("squad", ("data",))
    if "rows" in lists and is_viewer_row(document["rows"][0]):
        return Shape("records", ("rows",))
    if len(document) > 1 and _SPLITS.issuperset(document):
        shapes = {name: shape_of(value, complete=complete).kind for name, value in document.items()}
        if "one" not in shapes.values():
            return Shape("splits")
    if lists and not complete and len(document) == 1 and lists[0] in _SPLITS:
        return Shape("splits")
    if len(lists) == 1 and not _is_record(document, lists[0]):
        return Shape(_shape_of_list(document[lists[0]]).kind, (lists[0],))
    if not lists:
        inside = [name for name, value in document.items() if isinstance(value, dict) and value]
        if len(inside) == 1 and (len(document) == 1 or inside[0].lower() in WRAPPERS):
            inner = shape_of(document[inside[0]], complete=complete)
            if inner.kind != "one":
                return inner._replace(path=(inside[0], *inner.path))
    if _is_keyed(document, complete=complete):
        return Shape("keyed")
    return Shape("one")


def is_list_of(value: Any, kind: type) -> bool:
    """Whether a value is a list whose first items are all of a kind."""
    return isinstance(value, list) and bool(value) and all(isinstance(item, kind) for item in value[:_ENOUGH])


def _shape_of_list(items: list[Any]) -> Shape:
    if is_squad(items):
        return Shape("squad")
    return Shape("lists" if items and isinstance(items[0], list) else "records")


def _is_list_of_chats(value: Any) -> bool:
    return is_list_of(value, list) and is_list_of(value[0], dict)


def is_squad(articles: list[Any]) -> bool:
    """Whether articles are a SQuAD tree."""
    return bool(articles) and isinstance(articles[0], dict) and isinstance(articles[0].get("paragraphs"), list)


def is_viewer_row(value: Any) -> bool:
    """Whether a value is a row as the dataset viewer wraps it."""
    return isinstance(value, dict) and isinstance(value.get("row"), dict) and value.keys() <= _VIEWER


def _is_record(document: dict[str, Any], name: str) -> bool:
    """Whether an object with one list is itself a conversation rather than a wrapper around records."""
    first = document[name][0]
    if isinstance(first, list):
        return name in _CONVERSATIONS and len(document) > 1
    if name == "annotations" and "data" in document:
        return True
    if name in _CONVERSATIONS:
        return _CONVERSATIONS.isdisjoint(first) and _APART.isdisjoint(map(normal_name, first))
    if any(isinstance(value, str) and _side_of(key) for key, value in document.items()):
        return True
    return name.lower() not in WRAPPERS and bool({"role", "from"} & first.keys())


def _side_of(key: str) -> str:
    """Whether a key means just a question or an answer, and which."""
    target, rank = TARGET_OF_NAME.get(normal_name(key), ("", 0))
    return target if target in ("question", "answer") and not rank else ""


def _are_columns(document: dict[str, Any], *, complete: bool) -> bool:
    """Whether an object holds a list, or an object with the same keys, for each column."""
    values = list(document.values())
    if all(isinstance(value, list) and value for value in values):
        if not complete:
            return not isinstance(values[0][0], dict)
        plain = [value for value in values if not isinstance(value[0], dict)]
        # Lists of questions and of answers are columns even where some cells are missing, which is then said.
        alike = {len(value) for value in values} == {len(values[0])}
        alike = alike or {"question", "answer"} <= {_side_of(key) for key in document}
        return (alike and len(plain) > 1) or (len(values) == 1 and _is_list_of_chats(values[0]))
    if not all(isinstance(value, dict) and value for value in values):
        return False
    if not (complete or len(values) > 1):
        return _are_numbers(values[0])
    if complete and any(value.keys() != values[0].keys() for value in values):
        return False
    return _are_numbers(values[0]) and not _are_numbers(document)


def _are_numbers(keys: Iterable[str]) -> bool:
    return all(key.isdecimal() for key in keys)


def _is_keyed(document: dict[str, Any], *, complete: bool) -> bool:
    """Whether records stand under their ids, or answers under their questions."""
    if (len(document) > 1 or not complete) and all(isinstance(value, dict) for value in document.values()):
        return True
    return is_keyed_by_question(document, any_keys=True)


def is_keyed_by_question(document: dict[str, Any], *, any_keys: bool = False) -> bool:
    """Whether the keys of an object are questions, and answers stand under them.

    With ``any_keys`` three keys that are no names of columns are enough: what is all of a file is hardly one row.
    """
    keys = list(document)[:_ENOUGH]
    answers = all(isinstance(document[key], str) or is_list_of(document[key], str) for key in keys)
    if not answers or any(normal_name(key) in HEADER_WORDS for key in keys):
        return False
    return (any_keys and len(keys) > 2) or sum(map(_is_question, keys)) * 2 > len(keys)


def _is_question(key: str) -> bool:
    return key.rstrip().endswith(_QUESTION_MARKS) or len(key.split()) > 2


def rows_of(document: Any) -> Iterator[Any]:
    """The rows of a whole document; what is no object among them is given as it is."""
    shape = shape_of(document)
    for name in shape.path:
        document = document[name]
    if shape.kind == "one":
        return iter([document])
    if shape.kind == "columns":
        return rows_of_columns(document)
    if shape.kind == "splits":
        return chain.from_iterable(with_split(name, rows_of(rows)) for name, rows in document.items())
    if shape.kind == "keyed":
        return rows_by_key(document.items())
    return rows_of_items(shape, document)


def rows_of_items(shape: Shape, items: Iterable[Any]) -> Iterator[Any]:
    """The rows of the items of a list."""
    if shape.kind == "squad":
        return squad_questions(items)
    if shape.kind == "lists":
        return chain.from_iterable(map(ListOpener(shape.names).open_item, items))
    return map(open_row, items)


def open_row(item: Any) -> Any:
    """A row out of the wrapper that the dataset viewer puts around it, or an answer under its question."""
    if not is_viewer_row(item):
        is_keyed = isinstance(item, dict) and len(item) == 1 and is_keyed_by_question(item)
        return next(rows_by_key(item.items())) if is_keyed else item
    cells = item.get("truncated_cells")
    return CutOff([str(cell) for cell in cells], item["row"]) if isinstance(cells, list) and cells else item["row"]


def with_split(name: str, rows: Iterable[Any]) -> Iterator[Any]:
    """Rows that stand under the name of their split."""
    for row in rows:
        yield {**row, "split": name} if isinstance(row, dict) and "split" not in row else row


def rows_of_columns(document: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """The rows of an object of columns."""
    columns = [list(value.values()) if isinstance(value, dict) else value for value in document.values()]
    if len({len(column) for column in columns}) > 1:
        raise uneven_columns()
    for cells in zip(*columns, strict=True):
        yield dict(zip(document, cells, strict=True))


def uneven_columns() -> Invalid:
    """The refusal of columns that differ in length."""
    said = "This JSON is ordered by columns, and they differ in length, so it is not clear which cells belong together."
    return Invalid(f"{said} Make them even, or write an object for each row.", code="columns")


class ListOpener:
    """Rows that are lists: of messages, or of cells. Without names the first row of cells names them, where it can."""

    def __init__(self, names: tuple[str, ...] = ()) -> None:
        self.names = names

    def open_item(self, item: Any) -> Iterator[Any]:
        """The row of an item, or none of the row of names; an item that is none as it is."""
        if is_list_of(item, dict):
            yield {"messages" if "role" in item[0] else "conversations": item}
            return
        cells = item if isinstance(item, list) else []
        if not self.names and cells:
            self.names = tuple(f"column {number}" for number in range(1, len(cells) + 1))
            if len(cells) == 2 and isinstance(cells[0], str) and cells[0].rstrip().endswith(_QUESTION_MARKS):
                self.names = ("question", "answer")
            if all(isinstance(cell, str) and normal_name(cell) in HEADER_WORDS for cell in cells):
                self.names = tuple(cells)
                return
        yield dict(zip(self.names, cells, strict=True)) if cells and len(cells) == len(self.names) else item


def rows_by_key(items: Iterable[tuple[str, Any]]) -> Iterator[Any]:
    """Records under their ids, which become ``id`` unless they have one; answers under their questions."""
    for key, value in items:
        if isinstance(value, str) or is_list_of(value, str):
            yield {"question": key, "answer": value}
        elif not isinstance(value, dict) or "id" in value:
            yield value
        elif value and is_keyed_by_question(value):
            yield from ({**row, "category": key} for row in rows_by_key(value.items()))
        elif _is_question(key) and "question" not in value:
            yield {"question": key, **value}
        else:
            yield {"id": key, **value}


def squad_questions(articles: Iterable[Any]) -> Iterator[Any]:
    """The questions of a SQuAD tree, each with its passage and title; what does not fit into one as it is."""
    for article in articles:
        for paragraph in _list_under(article, "paragraphs"):
            for question in _list_under(paragraph, "qas"):
                if isinstance(question, dict) and isinstance(paragraph, dict):
                    question = {"title": article.get("title"), "context": paragraph.get("context"), **question}
                yield question


def _list_under(value: Any, key: str) -> list[Any]:
    """What an object lists under a key; what is no such object as the only thing."""
    found = value.get(key, []) if isinstance(value, dict) else value
    return found if isinstance(found, list) else [found]


def line_opener(values: Any) -> Callable[[Any], Iterable[Any]] | None:
    """How the objects of a file with one a line are opened, judged by the first; None where they are rows."""
    if is_viewer_row(values):
        return lambda item: (open_row(item),)
    if isinstance(values, list):
        return ListOpener().open_item
    if isinstance(values, dict) and values:
        if _are_columns(values, complete=True):
            return lambda item: rows_of_columns(item) if _are_columns(item, complete=True) else (item,)
        if len(values) == 1 and is_keyed_by_question(values):
            return lambda item: rows_by_key(item.items())
    return None
