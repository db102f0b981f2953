"""Families by model names, and how lengths are spread."""

import pytest

from app.core.tokens import MOST_LONGEST, MOST_REMEMBERED, Lengths, Spread, find_family, share_counts


@pytest.mark.parametrize(
    ("model", "family"),
    [
        ("gpt-4o-mini-2024-07-18", "openai"),
        ("gpt-4-0613", "openai-cl100k"),
        ("GPT-3.5-turbo-0125", "openai-cl100k"),
        ("openai/gpt-oss-20b", "gpt-oss"),
        ("meta-llama/Llama-3.1-8B-Instruct", "llama3"),
        ("Qwen/Qwen3-8B", "qwen"),
        ("mistral-7b", ""),
    ],
)
def test_a_model_is_of_the_family_with_the_longest_fitting_name(model: str, family: str) -> None:
    assert find_family(model) == family


def spread_of(lengths):
    spread = Spread()
    for number, length in enumerate(lengths, 1):
        spread.add(length, number)
    return spread


def test_lengths_are_measured_as_they_occur() -> None:
    assert spread_of([]).measure() == Lengths(0, 0, 0, 0)
    assert spread_of([7]).measure() == Lengths(7, 7, 7, 7)
    assert spread_of(range(100, 0, -1)).measure() == Lengths(5050, 50, 95, 100)
    assert spread_of([3, 1, 1, 1]).measure() == Lengths(6, 1, 3, 3)


def test_steps_of_a_chart_are_round_and_lose_no_length() -> None:
    width, counts = spread_of([*range(1, 1000), 90_000]).bins()
    assert (width, sum(counts), len(counts)) == (100, 1000, 24)
    assert counts[0] == 99 and counts[-1] == 1
    assert spread_of([0, 0]).bins() == (1, [2] + [0] * 23)


def test_what_is_over_a_limit_counts_as_the_limit_or_not_at_all() -> None:
    spread = spread_of([10, 20, 30])
    assert (spread.count_over(20), spread.count_over(19)) == (1, 2)
    assert spread.sum_within(None) == 60
    assert (spread.sum_within(20), spread.sum_within(20, cuts=False)) == (50, 30)


def test_the_longest_are_told_with_their_records_and_no_more_than_a_few() -> None:
    found = spread_of([5, 9, 9, 1]).longest()
    assert [(one["record"], one["length"]) for one in found] == [(2, 9), (3, 9), (1, 5), (4, 1)]
    assert [one["length"] for one in spread_of(range(1000)).longest()] == list(range(999, 999 - MOST_LONGEST, -1))


def test_texts_are_counted_once_for_all_families_of_one_vocabulary() -> None:
    asked: list[str] = []

    class Letters:
        family, exact = "letters", True

        def count(self, text: str) -> int:
            asked.append(text)
            return len(text)

    load = share_counts(lambda family: Letters())
    openai, estimate, llama = load("openai"), load(""), load("llama3")
    assert [one.count("Tare?") for one in (openai, estimate, openai)] == [5, 5, 5]
    assert asked == ["Tare?"]
    assert llama.count("Tare?") == 5
    assert asked == ["Tare?", "Tare?"]
    # What was looked at long ago is forgotten.
    assert openai.count("x" * MOST_REMEMBERED) == MOST_REMEMBERED
    assert openai.count("Tare?") == 5
    assert asked.count("Tare?") == 3
