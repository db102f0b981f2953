"""Operations on whole pairs."""

from typing import Any

import pytest

from app.core.cleaning import Result, Step, compile_recipe
from app.core.errors import Invalid
from app.core.record import Message, Record


def run(record: Record, name: str, fields: tuple[str, ...] = (), **options: Any) -> Result:
    return compile_recipe([Step(name, options, fields)]).clean(record)


@pytest.mark.parametrize(
    ("before", "options", "after"),
    [
        ("Old", {"text": "New"}, "New"),
        (None, {"text": "New"}, "New"),
        ("Old", {"text": "New", "what": "missing"}, "Old"),
        (None, {"text": "New", "what": "missing"}, "New"),
        ("", {"text": "New", "what": "missing"}, "New"),
        ("Old", {"what": "clear"}, None),
        ("", {"what": "clear"}, None),
    ],
)
def test_the_system_prompt(before: str | None, options: dict[str, str], after: str | None) -> None:
    assert run(Record("q", "a", before), "system-prompt", **options) == Record("q", "a", after)


def test_the_same_system_prompt_is_no_change() -> None:
    record = Record("q", "a", "Same")
    assert run(record, "system-prompt", text="Same") is record
    assert compile_recipe([Step("system-prompt", {"text": "x"})]).fields == ("system",)


@pytest.mark.parametrize(
    ("options", "fields", "kept"),
    [
        ({"find": "cat"}, (), False),
        ({"find": "Cat"}, (), True),
        ({"find": "Cat", "ignore_case": True}, (), False),
        ({"find": "cat"}, ("answer",), True),
        ({"find": "ca", "whole_word": True}, (), True),
        ({"find": r"^A \w+ cat", "mode": "regex"}, (), False),
        ({"find": "code"}, ("answer",), False),
        ({"find": "cat", "which": "other"}, (), True),
        ({"find": "dog", "which": "other"}, (), False),
        ({"find": "system words"}, ("system",), False),
        ({"find": "earlier"}, ("turns",), False),
        ({"find": "worse"}, (), True),
    ],
)
def test_pairs_that_match_are_deleted(options: dict[str, Any], fields: tuple[str, ...], kept: bool) -> None:
    record = Record("A black cat", "`code`", "system words", (Message("user", "earlier"),), rejected_answer="worse")
    assert run(record, "delete-matching", fields, **options) is (record if kept else None)


def test_what_deletes_says_so() -> None:
    cleaner = compile_recipe([Step("delete-matching", {"find": "cat"}, ("answer",))])
    assert (cleaner.deletes, cleaner.splits, cleaner.needles) == (True, False, ("cat",))
    assert cleaner.fields == () and "answer" in cleaner.reads
    assert compile_recipe([Step("delete-matching", {"find": "cat", "which": "other"})]).needles == ()


@pytest.mark.parametrize(
    ("answer", "options", "kept"),
    [
        ("", {}, False),
        (" \u200b\n", {}, False),
        ("x", {}, True),
        ("short", {"shortest": 6}, False),
        ("  short  ", {"shortest": 5, "longest": 5}, True),
        ("longer", {"longest": 5}, False),
    ],
)
def test_pairs_of_the_wrong_length_are_deleted(answer: str, options: dict[str, int], kept: bool) -> None:
    assert (run(Record("q", answer), "delete-by-length", **options) is not None) is kept


@pytest.mark.parametrize(
    ("record", "expected"),
    [
        (
            Record("What is rain?", "Water.\nQ: What is snow?\nA: Ice."),
            [("What is rain?", "Water."), ("What is snow?", "Ice.")],
        ),
        (
            Record("Q: One?\nA: 1\n**Q:** Two?\n", "**A:** 2"),
            [("One?", "1"), ("Two?", "2")],
        ),
    ],
)
def test_a_pair_splits_at_its_marks(record: Record, expected: list[tuple[str, str]]) -> None:
    assert run(record, "split-pair") == [Record(question, answer) for question, answer in expected]


@pytest.mark.parametrize(
    "record",
    [
        Record("What is rain?", "Water."),
        Record("What is rain?", "Water.\nQ: What is snow?"),
        Record("Q: One?", "A: 1"),
        Record("q", "a\nQ: b\nA: c", rejected_answer="worse"),
    ],
)
def test_what_does_not_take_turns_is_not_split(record: Record) -> None:
    assert run(record, "split-pair") is record


def test_a_pair_splits_at_a_separator() -> None:
    record = Record("a\n---\nb", "1\n---\n2", "Be brief.", tags=("t",))
    parts = run(record, "split-pair", how="separator")
    assert parts == [Record("a", "1", "Be brief.", tags=("t",)), Record("b", "2", "Be brief.", tags=("t",))]
    uneven = Record("a\n---\nb", "1")
    assert run(uneven, "split-pair", how="separator") is uneven


def test_a_conversation_becomes_one_pair_for_each_answer() -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "Who?"), Message("assistant", "Me"))
    record = Record("Why?", "So.", "Be brief.", turns)
    assert run(record, "split-pair", how="turns") == [
        Record("Hi", "Hello", "Be brief."),
        Record("Who?", "Me", "Be brief.", turns[:2]),
        record,
    ]


def test_steps_after_a_split_see_each_part() -> None:
    steps = [
        Step("split-pair", {"how": "separator"}),
        Step("delete-matching", {"find": "2"}),
        Step("find-replace", {"find": "a", "replace": "A"}),
    ]
    assert compile_recipe(steps).clean(Record("a\n---\nb", "1\n---\n2")) == [Record("A", "1")]


@pytest.mark.parametrize(
    ("name", "options"),
    [
        ("system-prompt", {}),
        ("delete-matching", {}),
        ("delete-matching", {"find": "(", "mode": "regex"}),
        ("delete-by-length", {"shortest": 5, "longest": 2}),
        ("split-pair", {"how": "separator", "separator": ""}),
        ("split-pair", {"answer_marks": ""}),
    ],
)
def test_options_that_say_nothing_are_refused(name: str, options: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        run(Record("q"), name, **options)
