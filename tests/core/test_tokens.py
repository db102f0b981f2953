"""Families by model names, and how lengths are spread."""

import pytest

from app.core.tokens import Lengths, find_family, measure_lengths


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


def test_lengths_are_spread_as_they_occur() -> None:
    assert measure_lengths([]) == Lengths(0, 0, 0, 0)
    assert measure_lengths([7]) == Lengths(7, 7, 7, 7)
    assert measure_lengths(range(1, 101)) == Lengths(5050, 50, 95, 100)
