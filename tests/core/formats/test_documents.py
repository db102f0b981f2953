"""Rows wherever a JSON document has them."""

import json

import pytest

from app.core.errors import Invalid
from app.core.formats import BadRow, ReadOptions, Row, Source, detect, read
from app.core.formats import json as json_format

ASKED, SAID = {"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}
CHAT = [ASKED, SAID]
PAIRS = [{"question": "How?", "answer": "So."}, {"question": "Why?", "answer": "Because."}]
VIEWER = {
    "features": [{"name": "question"}],
    "rows": [{"row_idx": n, "row": row, "truncated_cells": []} for n, row in enumerate(PAIRS)],
}


def items_of(data, name="in.json"):
    source = Source.of_bytes(data, name=name)
    return list(read(source, detect(source), ReadOptions()))


def rows_of(data, name="in.json"):
    return [item.values for item in items_of(data, name) if isinstance(item, Row)]


DOCUMENTS = {
    "columns as lists": ({"question": ["How?", "Why?"], "answer": ["So.", "Because."]}, PAIRS),
    "columns as pandas writes them": ({"question": {"0": "How?", "1": "Why?"}, "answer": {"0": "So.", "1": "Because."}}, PAIRS),
    "columns, wrapped": ({"status": "ok", "data": {"question": ["How?", "Why?"], "answer": ["So.", "Because."]}}, PAIRS),
    "one column of chats": ({"messages": [CHAT, CHAT]}, [{"messages": CHAT}] * 2),
    "columns with objects in one": ({"question": ["How?"], "answer": ["So."], "meta": [{"n": 1}]}, [{**PAIRS[0], "meta": {"n": 1}}]),
    "names beside the cells": ({"columns": ["question", "answer"], "index": [0, 1], "data": [["How?", "So."], ["Why?", "Because."]]}, PAIRS),
    "names above the cells": ([["question", "answer"], ["How?", "So."], ["Why?", "Because."]], PAIRS),
    "cells without names": ([["How", "So."]], [{"column 1": "How", "column 2": "So."}]),
    "lists of messages": ([CHAT, CHAT], [{"messages": CHAT}] * 2),
    "lists of from and value": ([[{"from": "human", "value": "q"}]], [{"conversations": [{"from": "human", "value": "q"}]}]),
    "answers under questions": ({"How does it work?": "So.", "Why?": ["a", "b"]},
                                [{"question": "How does it work?", "answer": "So."}, {"question": "Why?", "answer": ["a", "b"]}]),
    "objects under questions": ({"How?": {"answer": "So."}, "Why?": {"answer": "Because."}}, PAIRS),
    "answers under questions, wrapped": ({"faq": {"How?": "So.", "Why?": "Because."}}, PAIRS),
    "answers under questions by category": ({"x": {"Why so?": "a"}, "y": {"How?": "b"}},
                                            [{"question": "Why so?", "answer": "a", "category": "x"}, {"question": "How?", "answer": "b", "category": "y"}]),
    "an answer under its question in each object": ([{"How?": "So."}, {"Why?": "Because."}], PAIRS),
    "pairs of cells": ([["How?", "So."], ["Why?", "Because."]], PAIRS),
    "texts under ids": ({"1": {"a": "x", "b": "y", "c": "z"}, "2": {"a": "x", "b": "y", "c": "z"}},
                        [{"id": "1", "a": "x", "b": "y", "c": "z"}, {"id": "2", "a": "x", "b": "y", "c": "z"}]),
    "messages with their conversation": ({"messages": [{"thread_id": 1, **ASKED}]}, [{"thread_id": 1, **ASKED}]),
    "one task with annotations": ({"id": 1, "data": {"text": "q"}, "annotations": [{"result": []}]},
                                  [{"id": 1, "data": {"text": "q"}, "annotations": [{"result": []}]}]),
    "one question with answers": ({"question": "q", "answers": [{"text": "a"}]}, [{"question": "q", "answers": [{"text": "a"}]}]),
    "the dataset viewer": (VIEWER, PAIRS),
    "a list, wrapped twice": ({"took": 3, "result": {"items": PAIRS}}, PAIRS),
    "lists of splits": ({"train": PAIRS[:1], "test": PAIRS[1:]}, [{**PAIRS[0], "split": "train"}, {**PAIRS[1], "split": "test"}]),
    "one pair": (PAIRS[0], PAIRS[:1]),
    "one chat": ({"messages": CHAT, "id": 7}, [{"messages": CHAT, "id": 7}]),
    "one chat of Gemini": ({"contents": [{"role": "user", "parts": [{"text": "q"}]}]}, [{"contents": [{"role": "user", "parts": [{"text": "q"}]}]}]),
    "one tree of messages": ({"message_tree_id": "1", "prompt": {"text": "q", "replies": [{"text": "a"}]}},
                             [{"message_tree_id": "1", "prompt": {"text": "q", "replies": [{"text": "a"}]}}]),
    "one preference": ({"prompt": "q", "chosen": CHAT, "rejected": CHAT}, [{"prompt": "q", "chosen": CHAT, "rejected": CHAT}]),
}  # fmt: skip


@pytest.mark.parametrize(("document", "rows"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_the_rows_of_a_document_are_found(document, rows):
    assert rows_of(json.dumps(document).encode()) == rows
    assert rows_of(json.dumps(document, indent=1).replace("\n", "\r\n").encode()) == rows


@pytest.mark.parametrize(("document", "rows"), DOCUMENTS.values(), ids=DOCUMENTS)
def test_a_large_document_is_read_piece_by_piece_to_the_same_rows(monkeypatch, document, rows):
    data = json.dumps(document).encode()
    monkeypatch.setattr(json_format, "AT_ONCE", len(data) - 2)
    assert rows_of(data) == rows


@pytest.mark.parametrize("at_once", [30, 30_000])
def test_columns_of_different_length_are_refused(monkeypatch, at_once):
    monkeypatch.setattr(json_format, "AT_ONCE", at_once)
    with pytest.raises(Invalid, match="ordered by columns"):
        rows_of(b'{"question": ["a", "b"], "answer": ["c"]}')


LINES = {
    "lists of messages": ([CHAT, CHAT], [{"messages": CHAT}] * 2),
    "cells": ([["question", "answer"], ["How?", "So."]], PAIRS[:1]),
    "rows of the dataset viewer": (VIEWER["rows"], PAIRS),
    "columns": ([{"question": ["How?"], "answer": ["So."]}, {"question": ["Why?"], "answer": ["Because."]}], PAIRS),
    "answers under questions": ([{"How?": "So."}, {"Why?": "Because."}], PAIRS),
}


@pytest.mark.parametrize(("objects", "rows"), LINES.values(), ids=LINES)
def test_the_lines_of_a_file_are_opened_like_documents(objects, rows):
    assert rows_of("\n".join(map(json.dumps, objects)).encode(), "in.jsonl") == rows


def test_a_list_of_alternatives_beside_a_text_is_one_row():
    row = {"question": "How?", "answer": ["So.", "Or so."]}
    assert rows_of(json.dumps(row).encode(), "in.jsonl") == rows_of(json.dumps(row).encode()) == [row]


@pytest.mark.parametrize("name", ["in.json", "in.jsonl"])
def test_a_row_that_the_viewer_cut_off_is_refused_by_its_cells(name):
    cut = {"row_idx": 0, "row": PAIRS[0], "truncated_cells": ["answer"]}
    whole = {"row_idx": 1, "row": PAIRS[1], "truncated_cells": []}
    data = json.dumps({"rows": [cut, whole]}) if name == "in.json" else f"{json.dumps(cut)}\n{json.dumps(whole)}"
    bad, good = items_of(data.encode(), name)
    assert isinstance(bad, BadRow) and bad.code == "cut_off" and "“answer”" in bad.reason and good.values == PAIRS[1]


def test_columns_under_the_names_of_splits_are_rows_with_their_split():
    document = {
        "train": {"question": ["How?"], "answer": ["So."]},
        "test": {"question": ["Why?"], "answer": ["Because."]},
    }
    assert rows_of(json.dumps(document).encode()) == [{**PAIRS[0], "split": "train"}, {**PAIRS[1], "split": "test"}]
