"""Epochs by a target's own rule, and what they cost."""

import pytest

from app.core.errors import BadUsage
from app.core.validation import load_profiles
from app.core.validation.costs import count_epochs, read_price, reckon_cost, say_price
from app.core.validation.profiles import Epochs

RULE = load_profiles()["openai-sft"].epochs


@pytest.mark.parametrize(
    ("records", "epochs"),
    [
        (1, 25),
        (4, 25),
        (10, 10),
        (33, 3),
        (34, 3),
        (8_333, 3),
        (8_334, 2),
        (12_480, 2),
        (25_000, 1),
        (90_000, 1),
        (0, 3),
    ],
)
def test_openai_runs_three_epochs_but_more_of_few_and_fewer_of_many(records: int, epochs: int) -> None:
    assert RULE is not None
    number, why = count_epochs(records, RULE)
    assert number == epochs and str(epochs) in why


def test_only_targets_whose_rule_has_a_source_have_one() -> None:
    assert {name for name, one in load_profiles().items() if one.epochs} == {"openai-sft"}
    assert RULE is not None and "cookbook" in RULE.source
    assert count_epochs(7, Epochs(usual=1, source="a page"))[0] == 1


def test_a_cost_is_tokens_times_epochs_times_price() -> None:
    cost = reckon_cost(1_940_000, 12_480, rule=RULE, price=5.0)
    assert (cost.epochs, cost.amount) == (2, 19.4)
    assert cost.formula == "1,940,000 tokens × 2 × 5 USD ÷ 1,000,000 = 19.40 USD"
    assert cost.why.startswith("3 × 12,480 is more than 25,000")


def test_what_nobody_said_is_not_made_up() -> None:
    cost = reckon_cost(1_000, 10)
    assert (cost.epochs, cost.price, cost.amount) == (None, None, None)
    assert cost.formula == "1,000 tokens × epochs × price ÷ 1,000,000"
    assert reckon_cost(1_000, 10, epochs=4, price=0.0).amount == 0


@pytest.mark.parametrize(
    ("text", "price"), [("", None), (" 3 ", 3.0), ("0.48", 0.48), ("0,5", 0.5), (".5", 0.5), ("0", 0)]
)
def test_a_price_is_read_as_people_write_it(text: str, price: float | None) -> None:
    assert read_price(text) == price


@pytest.mark.parametrize("text", ["five", "-1", "1,000", "1e5", ".", "1.2.3", "nan", "9999999", "٣"])
def test_what_is_no_price_is_refused(text: str) -> None:
    with pytest.raises(BadUsage, match="price"):
        read_price(text)


@pytest.mark.parametrize("text", ["0", "0.000001", "0.48", "3", "1234.567", "123456.78", "1000000"])
def test_a_price_is_said_with_all_its_digits(text: str) -> None:
    price = read_price(text)
    assert price is not None and say_price(price) == text and read_price(say_price(price)) == price
    assert f"× {text} USD ÷" in reckon_cost(1_000, 1, epochs=1, price=price).formula
