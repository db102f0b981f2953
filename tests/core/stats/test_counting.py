"""Statistics: exact counts for small sets, a sample and an estimate for large ones, and bounded memory."""

import msgspec
import pytest

from app.core.errors import BadUsage
from app.core.record import Message, Record
from app.core.stats import Statistics, StatsOptions, counting
from app.core.tokens import FAMILIES, choose_families, vocabulary_of
from app.providers.tokenizers import load_tokenizer


class Words:
    """Counts words in place of tokens."""

    family, exact = "openai", True

    def count(self, text: str) -> int:
        return len(text.split())


def measured(records, tokenizers=None, **options):
    found = Statistics(tokenizers)
    for number, record in enumerate(records, 1):
        found.see(record, number, split="train" if number % 2 else None)
    return found.close(**options)


FAQ = [
    Record(f"When does shop number {n} open in the morning?", f"It opens at {n + 100} in the morning.")
    for n in range(8)
]


def test_what_records_have_is_counted():
    told = Record(
        "And then?", "Then it closes.", system="Be brief.", turns=(Message("user", "When?"), Message("assistant", "At 9.")),
        tags=("hours", "shops"), reasoning="It says so.", source="faq.html", family="closing",
    )  # fmt: skip
    call = Message("assistant", tool_calls=[{"function": {"name": "open", "arguments": "{}"}}])
    found = measured([*FAQ, told, Record("Open?", "Yes.", trace=(call, Message("tool", "yes")), rejected_answer="No.")])
    assert found["records"] == 10
    assert found["turns"] == {"1": 9, "2": 1}
    assert found["has"] == {"system": 1, "tools": 1, "reasoning": 1, "rejected_answer": 1}
    assert found["splits"] == {"train": 5} and found["families"] == 1
    assert found["tags"]["counts"] == {"hours": 1, "shops": 1} and found["tags"]["without"] == 9
    assert found["sources"]["counts"] == {"faq.html": 1}
    assert found["languages"]["en"] >= 8 and sum(found["languages"].values()) == found["sample"] == 10
    assert found["kinds"]["facts"] == 8 and found["kinds"]["tools"] == 1
    assert found["lengths"]["reasoning"]["total"] == len("It says so.")
    msgspec.json.encode(found)


def test_labels_are_told_where_the_answers_are_some():
    found = measured([Record(f"Ticket {n}", "billing" if n % 3 else "delivery") for n in range(30)])
    assert found["labels"] == {"billing": 20, "delivery": 10}
    assert measured(FAQ)["labels"] is None


def test_tokens_are_those_of_the_conversation_with_its_marks():
    found = measured([Record("one two", "three", system="four")], {"openai": Words()})
    # Each message has a mark, its role, its words and a mark.
    assert found["tokens"]["openai"]["total"] == 3 * 3 + 4
    assert found["tokens"]["openai"]["exact"] is True


def test_what_is_over_a_length_is_counted_and_the_longest_are_named():
    records = [Record("word " * n, "answer") for n in range(1, 30)]
    found = measured(records, {"openai": Words()}, length=20)["tokens"]["openai"]
    assert (found["limit"], found["over"]) == (20, 16)
    assert found["longest"][0] == {"record": 29, "length": 36}
    assert all(one["length"] > 20 for one in found["longest"])


def test_of_a_large_set_a_sample_is_looked_at_that_is_fair(monkeypatch):
    monkeypatch.setattr(counting, "SAMPLE", 200)
    german = "Die Kiste mit den Schrauben ist nicht schwer und steht auf dem Regal."
    english = "The box with the screws is not heavy and stands on the shelf."
    found = measured(Record(f"{n}?", german if n < 2_000 else english) for n in range(4_000))
    assert found["sample"] == 200 == sum(found["languages"].values())
    assert 60 < found["languages"]["de"] < 140


def test_tags_and_sources_without_end_are_counted_together(monkeypatch):
    monkeypatch.setattr(counting, "MOST_NAMES", 5)
    found = measured(Record("Q", "A", tags=(f"t{n}",)) for n in range(20))["tags"]
    assert (len(found["counts"]), found["others"], found["all_counted"]) == (5, 15, False)


def test_different_answers_are_counted_exactly_and_beyond_that_nearly():
    few = counting.Different()
    for text in ("Yes.", "yes.", " Yes. ", "No."):
        few.add(text)
    assert (few.number(), few.is_exact) == (2, True)
    many = counting.Different(most=1_000)
    for _ in range(2):
        for number in range(20_000):
            many.add(f"Answer {number}")
    assert not many.is_exact and 18_000 < many.number() < 22_000


def test_nothing_at_all_is_measured_as_nothing():
    found = measured([], {"openai": Words()}, length=5)
    assert found["records"] == 0 and found["languages"] == {} and found["tokens"]["openai"]["max"] == 0


def test_families_are_named_or_all():
    assert choose_families("all") == [*FAMILIES, "estimate"]
    assert choose_families("qwen, openai,qwen") == ["qwen", "openai"]
    with pytest.raises(BadUsage, match=r"no family of models 'gpt'.*all, or some of openai"):
        choose_families("gpt")
    with pytest.raises(BadUsage):
        choose_families(" ")
    assert StatsOptions().family == "all"


def test_families_that_share_a_vocabulary_count_alike():
    text = "Die Kiste wiegt 12,5 kg — about 27 lb. 箱子 <|im_end|> <|start|> \U0001f4e6\n\n\tfor x in range(3):"
    by_vocabulary: dict[str, set[int]] = {}
    for family in FAMILIES:
        by_vocabulary.setdefault(vocabulary_of(family), set()).add(load_tokenizer(family).count(text))
    assert len(by_vocabulary) == 4 and all(len(counts) == 1 for counts in by_vocabulary.values())


@pytest.mark.parametrize("system", [None, "", "Be brief."])
@pytest.mark.parametrize("answer", ["", "Empty weight."])
def test_plain_pairs_have_as_many_tokens_as_their_conversation(system, answer):
    tokenizers = {family: load_tokenizer(family) for family in FAMILIES}
    plain = Record("Tare?", answer, system=system)
    # A column that nobody knows makes it no plain pair.
    known = measured([plain] * 2, tokenizers)["tokens"]
    assert known == measured([Record("Tare?", answer, system=system, extra={"note": "x"})] * 2, tokenizers)["tokens"]
