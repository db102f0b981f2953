"""Reasoning in a block before an answer: taken out, left where it belongs, put back."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.reasoning import lift_thinking, split_thinking, with_thinking
from app.core.record import Message, Record

TEXT = st.text(st.characters(exclude_categories=("Cs",)))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<think>\n6*7: 42\n</think>\n\n42", ("6*7: 42", "42")),
        ("\n<think>r</think>a", ("r", "a")),
        ("<think>\n\n</think>\n\n25", (None, "25")),
        ("<think>a</think>b</think>c", ("a", "b</think>c")),
        ("Tags: <think>r</think>", (None, "Tags: <think>r</think>")),
        ("<think>never closed", (None, "<think>never closed")),
        ("plain", (None, "plain")),
    ],
)
def test_a_block_is_split_from_the_start_of_a_text(text, found):
    assert split_thinking(text) == found


@given(TEXT, TEXT)
def test_what_is_written_before_a_text_is_found_again(reasoning, text):
    reasoning, text = reasoning.replace("</think>", "").strip(), text.strip()
    assert split_thinking(with_thinking(reasoning or None, text)) == (reasoning or None, text) or not reasoning


def test_blocks_of_all_answers_are_lifted():
    block = "<think>r</think>"
    record = Record(
        block,
        block + "a",
        turns=(Message("user", block + "u"), Message("assistant", block + "v")),
        trace=(Message("assistant", block, tool_calls=[{}]), Message("tool", block + "1")),
        rejected_answer=block + "w",
    )
    assert lift_thinking(record) == Record(
        block,
        "a",
        turns=(Message("user", block + "u"), Message("assistant", "v", reasoning="r")),
        trace=(Message("assistant", None, tool_calls=[{}], reasoning="r"), Message("tool", block + "1")),
        rejected_answer=block + "w",
        reasoning="r",
    )


@pytest.mark.parametrize(
    "record",
    [
        Record("q", "a"),
        Record("q", "<think>r</think>"),
        Record("q", "<think>r</think>a", reasoning="own"),
        Record("q", "a", turns=(Message("user", "u"), Message("assistant", "<think>r</think>"))),
        Record("q", "a", turns=(Message("user", "u"), Message("assistant", "<think>r</think>v", reasoning="own"))),
    ],
)
def test_a_block_without_an_answer_or_beside_reasoning_stays(record):
    assert lift_thinking(record) is record
