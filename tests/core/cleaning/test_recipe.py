"""Recipes: steps in order, on chosen fields, as JSON."""

import pytest

from app.core.cleaning import Recipe, Step, clean_stream, compile_recipe
from app.core.errors import Invalid
from app.core.record import Message, Record

REMOVE = {"text": "x"}


def test_an_unchanged_record_is_the_same_object() -> None:
    record = Record("How?", "So.", system="Be brief.", turns=(Message("user", "Hi"),))
    cleaner = compile_recipe([Step("remove-text", REMOVE, ("question", "answer", "system", "turns"))])
    assert cleaner.clean(record) is record


def test_only_the_chosen_fields_change() -> None:
    record = Record("xa", "xb", system="xc", turns=(Message("user", "xd"),), rejected_answer="xe")
    cleaner = compile_recipe([Step("remove-text", REMOVE, ("answer", "turns"))])
    assert cleaner.clean(record) == Record("xa", "b", "xc", (Message("user", "d"),), (), "e")
    assert cleaner.fields == ("turns", "answer", "rejected_answer")


def test_reasoning_is_a_field_to_clean() -> None:
    turns = (Message("user", "x"), Message("assistant", "xa", reasoning="xb"))
    trace = (Message("assistant", "xc", reasoning="xd", tool_calls=[{"x": "x"}]), Message("tool", "x"))
    record = Record("x", "x", turns=turns, trace=trace, reasoning="x")
    cleaned = compile_recipe([Step("remove-text", REMOVE, ("reasoning",))]).clean(record)
    before = (Message("assistant", "xc", reasoning="d", tool_calls=[{"x": "x"}]), Message("tool", "x"))
    # What is empty is no reasoning.
    assert cleaned == Record("x", "x", turns=turns, trace=before, reasoning=None)
    cleaned = compile_recipe([Step("remove-text", REMOVE, ("turns",))]).clean(record)
    said = (Message("user", ""), Message("assistant", "a", reasoning="b"))
    assert cleaned == Record("x", "x", turns=said, trace=trace, reasoning="x")


def test_steps_run_in_order() -> None:
    steps = [Step("find-replace", {"find": "a", "replace": "b"}), Step("find-replace", {"find": "b", "replace": "c"})]
    assert list(clean_stream([Record("ab")], Recipe("", tuple(steps)))) == [Record("cc")]


def test_code_is_left_alone_unless_asked() -> None:
    text = "x `x` x\n```\nx\n```\n"
    assert compile_recipe([Step("remove-text", REMOVE)]).clean(Record(text)) == Record(" `x` \n```\nx\n```\n")
    cleaner = compile_recipe([Step("remove-text", REMOVE, keep_code=False)])
    assert cleaner.clean(Record(text)) == Record(" `` \n```\n\n```\n")


def test_a_mark_of_code_can_be_removed() -> None:
    assert compile_recipe([Step("remove-text", {"text": "```\n"})]).clean(Record("```\na\n```\n")) == Record("a\n")


def test_a_recipe_is_json_and_back() -> None:
    recipe = Recipe(
        "Tidy", (Step("remove-text", REMOVE, ("answer",), keep_code=False), Step("find-replace", {"find": "a"}))
    )
    assert Recipe.from_dict(recipe.as_dict()) == recipe


@pytest.mark.parametrize(
    "value",
    [
        None,
        {},
        "text",
        {"name": "a"},
        {"name": 1, "steps": []},
        {"steps": {}},
        {"steps": [1]},
        {"steps": [{"operation": "no-such"}]},
        {"steps": [{"operation": ["remove-text"]}]},
        {"steps": [{"operation": "remove-text", "options": {"text": ""}}]},
        {"steps": [{"operation": "remove-text", "options": {"text": 1}}]},
        {"steps": [{"operation": "remove-text", "options": {"text": "a", "mode": "none"}}]},
        {"steps": [{"operation": "remove-text", "options": {"text": "a", "other": "b"}}]},
        {"steps": [{"operation": "remove-text", "options": {"text": "a"}, "fields": ["trace"]}]},
        {"steps": [{"operation": "remove-text", "options": {"text": "a"}, "fields": [["answer"]]}]},
        {"steps": [], "more": 1},
    ],
)
def test_what_is_no_recipe_is_refused(value: object) -> None:
    with pytest.raises(Invalid):
        Recipe.from_dict(value)
