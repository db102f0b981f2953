"""Running text that has rows: Markdown tables and transcripts."""

import gzip

import pytest

from app.core.errors import Invalid
from app.core.formats import FORMATS, BadRow, Limits, ReadOptions, Row, Source, detect, read

TABLE = """\
# Our FAQ

| **Question** | Answer |
|:---|---:|
| What is dew? | Water |
| Bar `a \\| b`? | First<br>second |
| Short? |

Some text.

Frage | Antwort
--- | ---
Was ist Tau? | Wasser
"""


def items_of(text, name="in.txt", limits=None):
    data = text if isinstance(text, bytes) else text.encode()
    source = Source.of_bytes(data, name=name, limits=limits)
    return list(read(source, detect(source), ReadOptions(limits=limits or Limits())))


def rows_of(text, name="in.txt"):
    return [item.values for item in items_of(text, name) if isinstance(item, Row)]


@pytest.mark.parametrize(
    "data", [TABLE.encode(), TABLE.replace("\n", "\r\n").encode("utf-8-sig"), gzip.compress(TABLE.encode())]
)
def test_all_tables_of_a_markdown_file_are_read_by_their_headers(data):
    assert rows_of(data, "in.md") == [
        {"**Question**": "What is dew?", "Answer": "Water"},
        {"**Question**": "Bar `a | b`?", "Answer": "First\nsecond"},
        {"**Question**": "Short?", "Answer": ""},
        {"Frage": "Was ist Tau?", "Antwort": "Wasser"},
    ]


def test_text_around_a_table_is_said_to_be_left_out():
    found = detect(Source.of_bytes(TABLE.encode()))
    assert (found.format, found.warnings) == ("markdown", ("Text outside of tables is left out (lines: 2).",))


def test_a_row_with_a_cell_too_many_is_refused_by_its_line():
    good, bad = items_of("|q|a|\n|--|--|\n|x|y|\n|x|y|z|\n")
    assert (
        isinstance(bad, BadRow)
        and bad.code == "too_many_fields"
        and bad.line == 4
        and good.values == {"q": "x", "a": "y"}
    )


def test_a_table_separated_by_bars_is_no_markdown():
    assert detect(Source.of_bytes(b"question|answer\nHow?|So.\nWhy?|-\n")).format == "csv"


def test_markdown_without_a_table_is_refused():
    with pytest.raises(Invalid, match="no table"):
        list(FORMATS["markdown"].read(Source.of_bytes(b"# Title\n"), ReadOptions()))


TRANSCRIPTS = {
    "letters": "Q: How?\nA: So.\n\nQ: Why?\nA: Because\nof it.\n",
    "words and numbers": "Question 1: How?\nAnswer 1: So.\nQuestion 2: Why?\nAnswer 2: Because\nof it.",
    "bold": "**Q:** How?\n\n**A:** So.\n\n---\n\n**Q:** Why?\n\n**A:** Because\nof it.\n".replace("---\n\n", ""),
    "German": "Unsere Fragen\n\nFrage: How?\nAntwort: So.\n\nFrage: Why?\nAntwort: Because\nof it.",
    "Chinese": "问：How?\n答：So.\n问：Why?\n答：Because\nof it.",
    "Windows": "Q: How?\r\nA: So.\r\n\r\nQ: Why?\r\nA: Because\r\nof it.\r\n",
}


@pytest.mark.parametrize("text", TRANSCRIPTS.values(), ids=TRANSCRIPTS)
def test_each_question_of_a_transcript_is_a_row(text):
    assert rows_of(text) == [{"question": "How?", "answer": "So."}, {"question": "Why?", "answer": "Because\nof it."}]


def test_turns_by_role_are_one_conversation_until_something_begins_another():
    text = "User: How?\nAssistant: So.\nUser: Why?\nAssistant: Because:\n- of it\n---\nSystem: Be brief.\nUser: Who?\nAssistant: I."
    first, second = rows_of(text)
    assert [message["content"] for message in first["messages"]] == ["How?", "So.", "Why?", "Because:\n- of it"]
    assert [message["role"] for message in second["messages"]] == ["system", "user", "assistant"]
    assert "one conversation" in detect(Source.of_bytes(text.encode())).warnings[0]


def test_a_mark_of_another_kind_inside_an_answer_is_text():
    assert rows_of("Q: How?\nA: Look:\nSolution: so.\n") == [{"question": "How?", "answer": "Look:\nSolution: so."}]


def test_a_table_with_speakers_in_its_cells_stays_a_table():
    assert detect(Source.of_bytes(b'id,chat,n\n1,"User: a\nAssistant: b",2\n')).format == "csv"


def test_lines_above_the_first_speaker_are_said_to_be_left_out():
    assert detect(Source.of_bytes(TRANSCRIPTS["German"].encode())).warnings == (
        "Text above the first speaker is left out (lines: 1).",
    )


@pytest.mark.parametrize(
    "cell",
    ["| a | b |\n|---|---|\n| 1 | 2 |", "Look:\n\n| a | b |\n|---|---|\n| 1 | 2 |", "## Why?\nSo.\n## How?\nSo.", "Look:\nUser: q\nAssistant: a"],
)  # fmt: skip
def test_markdown_and_turns_inside_the_cells_of_a_table_stay_text(cell):
    table = f'question,answer\nHow?,"{cell}"\nWhy?,"{cell}"\n'
    assert [row["answer"] for row in rows_of(table, "in")] == [cell, cell]


def test_headings_that_are_questions_are_pairs_with_the_text_below():
    text = "# FAQ\n\nHello.\n\n## What is dew?\n\nWater\non grass.\n\n### **What is fog?**\nA cloud.\n\n## Imprint\n\nUs.\n"
    assert rows_of(text, "in.md") == [
        {"question": "What is dew?", "answer": "Water\non grass."},
        {"question": "What is fog?", "answer": "A cloud."},
    ]
    assert "left out" in detect(Source.of_bytes(text.encode())).warnings[0]


@pytest.mark.parametrize(
    "text", ["F: How?\nA: So.\n", "P: How?\nR: So.\n", "Q1. How?\nA1. So.\n", "Вопрос: How?\nОтвет: So.\n"]
)
def test_speakers_are_known_in_many_languages(text):
    assert rows_of(text) == [{"question": "How?", "answer": "So."}]
