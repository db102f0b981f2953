"""Families by model names, what a chat costs beside its texts, and how lengths are spread."""

import pytest

from app.core.record import Message, Record
from app.core.tokens import (
    Lengths,
    count_epochs,
    count_messages,
    count_record,
    find_family,
    measure_lengths,
)


class Words:
    """A word is a token."""

    family = "words"
    exact = True

    def count(self, text: str) -> int:
        return len(text.split())


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


def test_a_chat_costs_three_for_each_message_three_for_itself_and_one_for_a_name() -> None:
    said = [("system", "be brief", None), ("user", "how heavy", "ann"), ("assistant", "twelve", None)]
    assert count_messages(said, Words()) == 3 + 3 * 3 + 3 + 5 + 2


def test_a_record_counts_all_its_messages_and_its_reasoning() -> None:
    plain = Record("how heavy", "twelve kilos")
    full = Record(
        "how heavy", "twelve kilos", system="be brief", turns=(Message("user", "hello"),), reasoning="ten and two "
    )
    assert count_record(plain, Words()) == 3 + 2 * 4 + 4
    assert count_record(full, Words()) - count_record(plain, Words()) == (4 + 2) + (4 + 1) + 3


def test_lengths_are_spread_as_they_occur() -> None:
    assert measure_lengths([]) == Lengths(0, 0, 0, 0)
    assert measure_lengths([7]) == Lengths(7, 7, 7, 7)
    assert measure_lengths(range(1, 101)) == Lengths(5050, 50, 95, 100)


@pytest.mark.parametrize(
    ("records", "epochs"), [(0, 25), (2, 25), (10, 10), (100, 3), (8_000, 3), (10_000, 2), (50_000, 1)]
)
def test_default_epochs_follow_the_number_of_records(records: int, epochs: int) -> None:
    assert count_epochs(records) == epochs
