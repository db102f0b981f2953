"""Suggestions from what a dataset contains."""

from app.core.cleaning import Recipe, compile_recipe
from app.core.cleaning.detect import DETECTORS, suggest_steps, suggested_steps
from app.core.record import Record

RECORDS = [
    Record("Q: What is rain?", "<p>Water.</p>"),
    Record("<b>What</b> is snow?", "<p>Ice.</p>"),
    Record("Who is schÃ¶n?", "Write to ann@example.org."),
    Record("Clean?", "Clean."),
    Record("Empty?", ""),
]


def test_suggestions_count_and_say_what_they_found() -> None:
    found = {one.step.operation: one for one in suggest_steps(iter(RECORDS))}
    assert found["html-to-markdown"].sentence == "2 answers and 1 question hold HTML."
    assert found["html-to-markdown"].count == 2
    assert found["fix-mojibake"].sentence == "1 question holds broken characters."
    assert found["remove-prefixes"].sentence == "1 question begins with a mark such as “Q:”."
    assert found["delete-by-length"].sentence == "1 answer is empty."
    assert "trim" not in found


def test_each_count_is_what_the_step_changes() -> None:
    for suggestion in suggest_steps(RECORDS):
        cleaner = compile_recipe([suggestion.step])
        assert suggestion.count == sum(cleaner.clean(record) is not record for record in RECORDS)


def test_the_suggested_recipe_neither_masks_nor_deletes() -> None:
    steps = suggested_steps(suggest_steps(RECORDS))
    assert [step.operation for step in steps] == ["fix-mojibake", "html-to-markdown", "remove-prefixes"]


def test_nothing_is_suggested_for_clean_pairs() -> None:
    assert suggest_steps([Record("What is rain?", "Water.")]) == []


def test_all_detectors_make_one_recipe() -> None:
    recipe = Recipe("All", tuple(step for step, _ in DETECTORS))
    assert Recipe.from_dict(recipe.as_dict()) == recipe
