"""Real files read by the core alone: every record, text and bad row as the manifest says, and back as it was."""

import json
import os
import unicodedata
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

import pytest

from app.core.errors import LttError
from app.core.formats import BadRow, Source
from app.core.layouts import LAYOUTS, LayoutOptions
from app.core.layouts.base import notes_of
from app.core.reading import ReadSettings, detect_file, read_records, resolve_settings

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", "")) / "real"
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

# Asking or refusing is right for these, by the manifest's own words.
MAY_ASK = ("reject", "choice", "tree", "text-only", "nested", "keyed", "answer-list")
ROLES = {"human": "user", "gpt": "assistant", "function_call": "assistant", "observation": "tool"}


def manifest():
    path = FOLDER / "manifest.json"
    if "LTT_CORPUS_DIR" not in os.environ or not path.exists():
        return []
    return json.loads(path.read_text(encoding="utf-8"))["files"]


def norm(text):
    return unicodedata.normalize("NFC", text).replace("\r\n", "\n").replace("\r", "\n").strip()


def digest(text):
    return sha256(text.encode()).hexdigest()


def qa_digest(question, answer):
    return digest(norm(question) + "\x1e" + norm(answer))


def read(one):
    """How it is read, the rows with their records, and the bad rows. The manifest's columns are chosen where it is asked."""
    source = Source.of_path(FOLDER / one["path"])
    found = detect_file(source, ReadSettings())
    settings = resolve_settings(ReadSettings(), found)
    if settings.layout != "columns" and found.confidence == "ask":
        return found, settings, [], []
    if settings.layout == "columns" and {"question", "answer"} - settings.mapping.keys():
        told = {side: one["mapping"][side] for side in ("question", "answer")}
        if any(column not in found.columns for column in told.values()):
            return found, settings, [], []
        settings = replace(settings, mapping=told)
    rows, bad = [], []
    for item in read_records(source, settings):
        (bad if isinstance(item, BadRow) else rows).append(item)
    return found, settings, rows, bad


def conversation(row):
    """Role and text of each message of a row of messages, a system prompt beside them first."""
    found = [("system", row["system"])] if isinstance(row.get("system"), str) and row["system"] else []
    for message in row.get("messages") or row.get("conversations"):
        role = message.get("role") or message.get("from")
        text = message.get("content", message.get("value"))
        if isinstance(text, list):
            text = "".join(part.get("text", part.get("value", "")) for part in text)
        found.append((ROLES.get(role, role), text or ""))
    return found


def texts_of(record):
    """Question and answer as the manifest counts them: of an instruction without its input."""
    notes = notes_of(record)
    parts = notes.get("alpaca", {})
    return parts.get("instruction", record.question), record.answer


def first_of(messages, role):
    return next(text for said, text in messages if said == role)


@pytest.mark.parametrize("one", manifest(), ids=lambda one: one["path"])
def test_every_record_is_as_the_manifest_says(one):
    try:
        found, settings, rows, bad = read(one)
    except LttError as error:
        assert one["kind"] in MAY_ASK and error.message
        return
    if not rows and one["kind"] in MAY_ASK:
        assert found.confidence == "ask" or not one["expected_good_records"]
        return
    assert (len(rows), len(bad)) == (one["expected_good_records"], one["expected_bad_rows"])
    for row, expected in zip(bad, one["bad_rows_first"], strict=False):
        assert expected["row"] in (row.number, row.line)
    if one["kind"] == "chat":
        chats_are_right(one, settings, rows)
    elif one["kind"] in ("qa", "squad", "wrapped"):
        pairs_are_right(one, [texts_of(record) for _, record in rows])


def pairs_are_right(one, pairs):
    digests = [qa_digest(*pair) for pair in pairs]
    assert (digests[0], digests[-1]) == (one["first"]["qa_sha256"], one["last"]["qa_sha256"])
    assert digest("".join(f"{each}\n" for each in digests)) == one["all_qa_sha256"]
    for (question, answer), side in ((pairs[0], one["first"]), (pairs[-1], one["last"])):
        assert (digest(question), digest(answer)) == (side["question_raw_sha256"], side["answer_raw_sha256"])


def chats_are_right(one, settings, rows):
    """The rows rendered from the records: their messages, the first question and the last answer of each."""
    options = LayoutOptions(keep_extra=True)
    chats = [conversation(LAYOUTS[settings.layout].render(record, options)) for _, record in rows]
    digests = [qa_digest(first_of(chat, "user"), first_of(chat[::-1], "assistant")) for chat in chats]
    assert digest("".join(f"{each}\n" for each in digests)) == one["all_qa_sha256"]
    for chat, side in ((chats[0], one["first"]), (chats[-1], one["last"])):
        assert [role for role, _ in chat] == side["roles"]
        joined = "\x1e".join(f"{role}\x1f{norm(text)}" for role, text in chat)
        assert digest(joined) == side["messages_sha256"]


@pytest.mark.parametrize("one", manifest(), ids=lambda one: one["path"])
def test_every_row_comes_back_as_it_was(one):
    try:
        _, settings, rows, _ = read(one)
    except LttError:
        pytest.skip("the file asks for a choice or is refused")
    if not LAYOUTS[settings.layout].is_written:
        pytest.skip("the layout can only be read")
    options = LayoutOptions(mapping=settings.mapping, keep_extra=True)
    for row, record in rows:
        assert LAYOUTS[settings.layout].render(record, options) == row.values
