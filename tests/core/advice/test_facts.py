"""The facts behind advice: every one has a source with a day, and none is used that is not there."""

import re

import msgspec
import pytest

from app.core.advice import load_facts, say_number, say_range
from app.core.advice.facts import FILE, Count, Facts


def test_every_fact_names_its_sources_and_every_source_is_cited() -> None:
    facts = load_facts()
    told = (*facts.counts, *facts.bands, *facts.values, *facts.notes.values(), *facts.families)
    assert [one for one in told if not one.sources] == []
    # The rule for epochs stands in the profile of OpenAI.
    assert set(facts.cited()) | {"openai-cookbook"} == set(facts.sources)


def test_every_memory_that_was_told_of_one_model_names_who_told_it() -> None:
    sizes = [size for family in load_facts().families for size in family.sizes]
    assert [one.name for one in sizes if (one.qlora or one.lora or one.unsaid) and not one.sources] == []
    assert all(one.billions for one in sizes if not one.sources)


def test_thresholds_of_counts_are_the_numbers_of_their_notes() -> None:
    for one in load_facts().counts:
        said = {int(number.replace(",", "")) for number in re.findall(r"\d[\d,]*\d", f"{one.note} 0{one.least or ''}")}
        said |= {int(number.replace(",", "")) + 1 for number in re.findall(r"[Mm]ore than ([\d,]+)", one.note)}
        said |= {200} if "undreds" in one.note else set()
        assert {one.start, one.most} - {None} <= said, one.who
        assert one.least is None or f"{one.least:,}" in one.note, one.who


def test_verdicts_change_at_the_thresholds() -> None:
    count = Count(who="W", note="", sources=(), least=10, start=50, most=90)
    assert [count.judge(n) for n in (9, 10, 49, 50, 90, 91)] == [
        "too few", "more advised", "more advised", "enough", "enough", "too many",
    ]  # fmt: skip
    assert Count(who="W", note="", sources=()).judge(0) == "too few"


def test_a_licence_was_read_at_a_source_about_that_model() -> None:
    facts = load_facts()
    for family in facts.families:
        source = facts.sources.get(family.licence_source)
        assert source is None or (source.kind == "licence" and family.name in source.title), family.name
        assert family.licence and family.sizes, family.name
    licences = {name for name, one in facts.sources.items() if one.kind == "licence"}
    assert licences == {family.licence_source for family in facts.families} - {""}


def test_bands_go_up_from_nothing_and_start_within_their_range() -> None:
    bands = load_facts().bands
    assert bands[0].least == 0 and [one.least for one in bands] == sorted(one.least for one in bands)
    for band in bands:
        for one in (band.rank, band.epochs, band.learning_rate):
            assert one is None or one.low <= one.start <= one.high


@pytest.mark.parametrize("band", [one for one in load_facts().bands if one.epochs], ids=lambda one: str(one.least))
def test_a_value_to_start_with_is_one_that_a_source_says(band) -> None:  # type: ignore[no-untyped-def]
    said = {name: [one for one in load_facts().values if one.setting == name] for name in ("learning_rate", "epochs")}
    for name, values in said.items():
        start = getattr(band, name).start
        assert any(one.low <= start <= one.high for one in values)


def test_a_field_that_is_unknown_is_refused() -> None:
    values = msgspec.json.decode(FILE.read_bytes())
    values["families"][0]["price"] = 3
    with pytest.raises(msgspec.ValidationError, match="price"):
        msgspec.convert(values, Facts)


def test_numbers_are_written_as_the_field_does() -> None:
    assert [say_number(one) for one in (2e-4, 1.5e-4, 5e-6, 16, 3.5, 0)] == ["2e-4", "1.5e-4", "5e-6", "16", "3.5", "0"]
    assert (say_range(3, 3), say_range(1e-4, 2e-4)) == ("3", "1e-4 to 2e-4")
