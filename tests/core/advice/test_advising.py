"""Advice follows from what a set is: its size, kind, labels, reasoning and languages choose the lines."""

import msgspec
import pytest

from app.core.advice import advise
from app.core.record import Message, Record
from app.core.stats import Statistics


def advised(records, memory=None, tokens=None, train=0):
    found = Statistics()
    for number, record in enumerate(records, 1):
        found.see(record, number, split="train" if number <= train else "test" if train else None)
    return advise(found.close(), tokens, memory)


def names(advice):
    return {one.name for one in advice.lines}


def settings(advice):
    return {one.name: one for one in advice.settings}


def facts(number):
    return [Record(f"When was depot {n} opened?", f"It was opened in {1700 + n}.") for n in range(number)]


def talks(number, **more):
    return [
        Record(f"How do I wrap gift {'x' * n}?", f"Fold the paper over it {'y' * n}.", **more) for n in range(number)
    ]


@pytest.mark.parametrize(
    ("number", "title", "rank"),
    [
        (9, "Too few pairs to train on.", None),
        (10, "Try a prompt with examples first.", None),
        (50, "Start with LoRA on a small instruct model.", 16),
        (299, "Start with LoRA on a small instruct model.", 16),
        (300, "Start with LoRA; an instruct model or a base model.", 16),
    ],
)
def test_the_size_chooses_the_band(number, title, rank):
    advice = advised(talks(number))
    assert advice.band.title == title
    assert (settings(advice)["rank"].start if rank else settings(advice).get("rank")) == rank


def test_only_what_is_in_train_counts_where_there_are_splits():
    advice = advised(talks(320), train=200)
    assert (advice.records, advice.train) == (320, 200) and advice.band.least == 50
    assert "instruct" in names(advice) and "base" not in names(advice)


def test_more_than_somebody_takes_is_said():
    found = Statistics()
    for number, record in enumerate(talks(20), 1):
        found.see(record, number)
    stats = found.close()
    for train, verdict in ((49, "too few"), (10_000, "enough"), (10_001, "too many")):
        [told] = [one for one in advise({**stats, "records": train}, None).counts if one["who"] == "watsonx"]
        assert (told["verdict"], told["enough"]) == (verdict, verdict == "enough")


def test_a_set_that_teaches_facts_is_told_to_look_them_up():
    advice = advised(facts(60))
    [line] = [one for one in advice.lines if one.name == "facts"]
    assert line.tone == "warn" and "At least 100%" in line.because and line.sources == ("new-facts", "retrieval")
    assert "few-wordings" in names(advice) and "facts" not in names(advised(talks(60)))


def test_other_wordings_are_to_stay_in_train():
    twice = [
        Record(f"{start} {n}?", f"It opened in {1700 + n}.")
        for n in range(40)
        for start in ("When did it open", "Its year")
    ]
    assert "wordings" in names(advised(twice))
    families = [Record(one.question, one.answer, family=f"f{n // 2}") for n, one in enumerate(facts(40))]
    [line] = [one for one in advised(families).lines if one.name == "wordings"]
    assert line.because == "40 pairs are other wordings of one."


def test_labels_make_it_a_classification_and_an_uneven_one_is_warned_of():
    even = advised([Record(f"Ticket {n}", ("billing", "delivery")[n % 2]) for n in range(60)])
    assert even.kind == "classification" and "labels" in names(even) and "facts" not in names(even)
    uneven = advised([Record(f"Ticket {n}", "delivery" if n == 0 else "billing") for n in range(60)])
    [line] = [one for one in uneven.lines if one.name == "labels-uneven"]
    assert line.because == "2 labels, the most frequent 59 times, the rarest 1."


def test_reasoning_is_compared_with_what_keeps_a_model_thinking():
    assert "no-thinking" in names(advised(talks(60)))
    thought = talks(60, reasoning="Paper first.")
    assert {"thinking", "thinking-few"} & names(advised(thought)) == {"thinking"}
    half = advised([*thought[:30], *talks(60)])
    assert {"thinking", "thinking-few"} & names(half) == {"thinking-few"}
    assert "reinforcement" in names(advised([*thought, *thought])) and "reinforcement" not in names(half)
    fits = {one.family.name: one.why for one in half.families}
    assert "reads reasoning" in fits["Qwen3.5"] and "leaves reasoning out" in fits["Llama 3"]


@pytest.mark.parametrize(
    ("kind", "record"),
    [
        ("preference", Record("How do I wrap it?", "With care.", rejected_answer="No.")),
        ("chat", Record("And then?", "Fold it.", turns=(Message("user", "Where?"), Message("assistant", "Here.")))),
        ("tools", Record("Stock?", "Twelve.", extra={"tools": [{"type": "function"}]})),
        ("extraction", Record("The gate opens at seven in the morning. When?", "at seven in the morning")),
        ("code", Record("Write it.", "```\nx = 1\n```")),
        ("calculation", Record("Half of 48?", "48/2 = 24")),
        ("mixed", Record("How do I wrap it?", "With a lot of care and some paper.")),
    ],
)
def test_a_set_is_of_the_kind_that_most_of_it_is(kind, record):
    # Answers that differ: a few short ones would be labels.
    rows = [Record(f"{record.question} {'z' * n}", record.answer, record.system, record.turns, record.trace,
                   record.rejected_answer, extra=record.extra) for n in range(12)]  # fmt: skip
    assert advised(rows).kind == kind


def test_preference_pairs_get_the_rate_of_preference_tuning():
    rate = settings(advised(talks(60, rejected_answer="Do not.")))["learning_rate"]
    assert rate.start == 5e-6 and rate.sources == ("unsloth-settings",)


def test_memory_puts_first_what_fits_and_chooses_the_method():
    small, large = advised(talks(60), 5), advised(talks(60), 80)
    fits = {one.family.name: (one.fits, one.method) for one in small.families}
    assert fits["Qwen3.5"] == ("2B", "lora") and fits["gpt-oss"] == ("", "") and fits["SmolLM3"] == ("3B", "qlora")
    assert [bool(one.fits) for one in small.families] == sorted(
        (bool(one.fits) for one in small.families), reverse=True
    )
    assert {one.family.name: one.fits for one in large.families}["Llama 3"] == "70B"
    assert settings(small)["method"].start == "lora" and "2B fits into 5 GB" in settings(small)["method"].reason
    assert not any(one.fits for one in advised(talks(60), 1).families)


def test_where_tables_differ_the_range_names_both():
    llama = next(one for one in advised(talks(60)).families if one.family.name == "Llama 3")
    eight = next(one for one in llama.sizes if one.name == "8B")
    assert (eight.qlora, eight.lora, eight.full) == ((4, 6), (16, 22), (64, 64))
    assert eight.sources == ("llama-factory", "unsloth-memory")


def test_families_whose_licence_was_checked_come_first():
    checked = [bool(one.family.licence_source) for one in advised(talks(60)).families]
    assert checked == sorted(checked, reverse=True) and set(checked) == {True, False}


def test_languages_are_named_with_shares_where_none_is_that_of_most_pairs():
    english = [Record(f"What is the weight of the box with the number {n}?", "It is on the label.") for n in range(9)]
    german = [Record(f"Wie schwer ist die Kiste mit der Nummer {n}?", "Das steht auf dem Etikett.") for n in range(9)]

    def shares(records):
        told = advised(records).as_dict()["facts"]["language_shares"]
        return [(one["language"], round(one["share"], 2)) for one in told]

    assert shares(english + german) == [("English", 0.5), ("German", 0.5)]
    assert shares(english + german[:6]) == [("English", 0.6), ("German", 0.4)]
    assert shares(english + german[:4]) == [("English", 0.69)] and shares([]) == []


def test_a_verdict_is_that_of_the_number_in_its_line():
    def verdicts(number):
        return {one["who"]: one["verdict"] for one in advised(talks(number)).counts}

    assert set(verdicts(9).values()) == {"too few", "more advised"} and verdicts(9)["OpenAI"] == "too few"
    assert verdicts(37) == {
        "OpenAI": "more advised", "Azure": "more advised", "Gemini": "more advised", "Amazon Nova": "too few",
        "watsonx": "too few", "Fireworks": "more advised",
    }  # fmt: skip
    assert verdicts(199)["Azure"] == verdicts(199)["Amazon Nova"] == "more advised"
    assert verdicts(200) == dict.fromkeys(verdicts(200), "enough") | {"Fireworks": "more advised"}


def test_epochs_of_openai_follow_from_its_rule():
    said = {one["who"]: one for one in settings(advised(talks(60)))["epochs"].said}
    assert said["OpenAI"]["low"] == 3 and "3 × 60 is from 100 to 25,000" in said["OpenAI"]["note"]


def test_all_that_is_cited_is_listed_once_and_can_be_written_as_json():
    advice = advised(facts(60), 16, {"median": 30, "max": 90, "exact": False})
    told = msgspec.json.decode(msgspec.json.encode(advice.as_dict()))
    cited = {name for part in ("lines", "families", "counts") for one in told[part] for name in one["sources"]}
    cited |= {name for one in told["settings"].values() for name in one["sources"]}
    assert cited <= told["sources"].keys() and len(advice.sources) == len(set(advice.sources))
    assert told["settings"]["length"] == {
        "name": "length", "start": 90, "low": None, "high": None, "reason": "tokens of the longest pair, by an estimate",
        "sources": [], "said": [],
    }  # fmt: skip
    assert all(one["read"] and one["publisher"] for one in told["sources"].values())


def test_nothing_at_all_is_too_few():
    assert advised([]).band.least == 0


def test_a_large_set_gets_a_high_rank_and_few_epochs():
    found = Statistics()
    for number, record in enumerate(talks(60), 1):
        found.see(record, number)
    advice = advise({**found.close(), "records": 5_001}, None)
    chosen = settings(advice)
    assert advice.band.title.startswith("Train one or two epochs")
    assert (chosen["rank"].start, chosen["epochs"].start, chosen["epochs"].high) == (64, 1, 2)
