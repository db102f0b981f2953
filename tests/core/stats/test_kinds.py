"""Kinds of answers, each told by a mark that a reader can check."""

import pytest

from app.core.record import Message, Record
from app.core.stats import KINDS, find_kind

CALL = Message("assistant", tool_calls=[{"function": {"name": "stock", "arguments": "{}"}}])
PASSAGE = "The depot in Harlow opens at seven. It was built in 1961 by the harbour board and has four gates."
CASES = [
    ("tools", Record("How many bolts?", "Twelve.", trace=(CALL, Message("tool", "12")))),
    ("structured", Record("Read this: 3 bolts, 4 nuts.", '{"bolts": 3, "nuts": 4}')),
    ("code", Record("Write a loop.", "Here:\n```python\nfor n in range(3):\n    print(n)\n```")),
    ("code", Record("Write a loop.", "for (let n = 0; n < 3; n++) {\n  show(n);\n}")),
    ("code", Record("Write a page.", "<html>\n<body>\n<p>Hello</p>\n</body>\n</html>")),
    ("calculation", Record("48 clips and half of them?", "It is 48/2 = 24 clips.")),
    ("quoted", Record(f"{PASSAGE} When does it open?", "at seven")),
    ("quoted", Record("仓库每天早上七点开门，有四个门。几点开门？", "早上七点")),
    (
        "rewritten",
        Record(f"Shorten: {PASSAGE}", "Built in 1961 by the harbour board, the depot in Harlow has four gates."),
    ),
    ("facts", Record("When was the depot built?", "It was built in 1961.")),
    ("facts", Record("Who runs the depot?", "The depot is run by Margaret Ashby.")),
    ("facts", Record("仓库是什么时候建的？", "是在1961年建成的。")),
    ("facts", Record("Wer leitet das Lager?", "Das Lager wird von Margarete Ahlers geleitet.")),
    ("text", Record("Wie soll ich packen?", "Lege die schweren Sachen nach unten und die Decke nach oben.")),
    ("text", Record("How do I pack well?", "Put the heavy things at the bottom. Then fill the gaps.")),
    ("none", Record("How do I pack well?", "  ")),
]


@pytest.mark.parametrize(("kind", "record"), CASES, ids=[f"{n}-{kind}" for n, (kind, _) in enumerate(CASES)])
def test_a_record_is_of_the_first_kind_that_fits(kind: str, record: Record) -> None:
    assert find_kind(record, "de" if "Lager" in record.question or "packen" in record.question else "") == kind


def test_every_kind_has_a_case() -> None:
    assert {kind for kind, _ in CASES} == set(KINDS)


def test_a_word_that_only_ends_like_the_answer_is_no_quotation() -> None:
    assert find_kind(Record("Is the catapult safe?", "cat")) == "text"


def test_texts_of_any_size_are_told_by_their_beginning() -> None:
    assert find_kind(Record("Go on. " * 100_000, "[" * 100_000)) == "text"
    assert find_kind(Record("Say it.", "so on and on " * 200_000)) == "text"
