"""Every lint finds its bad example and is silent on its good one; what only looks like a fault is left alone."""

from collections.abc import Sequence

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.record import Message, Record
from app.core.validation import Finding, Findings
from app.core.validation.lints import LINTS, Lint, Linter
from app.core.validation.lints.base import changed_by
from app.core.validation.lints.languages import find_language


def found_in(records: Sequence[Record], limit: int = 1_000) -> list[Finding]:
    findings = Findings(limit)
    linter = Linter(findings)
    for number, record in enumerate(records, 1):
        linter.see(record, number, number + 1)
    linter.close()
    return findings.first()


def codes_of(record: Record) -> set[str]:
    return {one.code for one in found_in([record])}


@pytest.mark.parametrize("lint", LINTS.values(), ids=list(LINTS))
def test_a_lint_finds_its_bad_example_and_not_its_good_one(lint: Lint) -> None:
    assert lint.code in {one.code for one in found_in(lint.bad)}
    assert lint.code not in {one.code for one in found_in(lint.good)}


@pytest.mark.parametrize("lint", LINTS.values(), ids=list(LINTS))
def test_a_lint_says_in_sentences_what_it_is_for(lint: Lint) -> None:
    assert lint.title and not lint.title.endswith(".")
    assert lint.why.endswith(".") and lint.check.__doc__
    assert lint.severity != "error"


@pytest.mark.parametrize("lint", [one for one in LINTS.values() if one.step], ids=lambda one: one.code)
def test_the_cleaning_operation_of_a_lint_puts_its_example_right(lint: Lint) -> None:
    from app.core.cleaning import compile_recipe

    assert lint.step is not None
    [record] = lint.bad
    cleaned = compile_recipe([lint.step]).clean(record)
    assert isinstance(cleaned, Record)
    assert lint.code not in codes_of(cleaned)


def test_a_finding_says_where_it_is_and_what_mends_it() -> None:
    record = Record("How heavy?", "12 kg.", turns=(Message("user", "Hi\u200b"), Message("assistant", "Hello")))
    [one] = found_in([Record("Where?", "There."), record])
    assert (one.record, one.line, one.path, one.fix) == (2, 3, "turns[0]", "remove-invisible")
    assert one.message == "Turn 1 holds invisible characters."


ENTITIES = r"(?:[a-z<>&;` ]|&(?:amp|nbsp|lt|NotEqualTilde|#[0-9]{1,3}|#x[0-9a-f]{1,3});){1,9}"


@given(st.from_regex(ENTITIES, fullmatch=True))
@example("50&nbsp;% off.&lt;br&gt;Send proof")
@example("&CounterClockwiseContourIntegral;")
def test_entities_are_found_where_cleaning_would_decode_them(text: str) -> None:
    found = "html-entities" in codes_of(Record("How?", text))
    assert found is changed_by("decode-entities")(text)


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("What is a null pointer?", "A pointer that points to nothing."),
        ("Which bracket closes it?", "]"),
        ("Is it open?", "No"),
        ("How is it going?", "I'm sorry that you had to wait. Your box is on its way."),
        ("What do R&D; &nosuch; and AT&T mean?", "Use `&nbsp;`; &, &copy and &#0; mean nothing here."),
        ("Is 3 < 4 && 5 > 2?", "Yes, a < b and c > d."),
        ("How do I link?", "Use `<a href='x'>`:\n\n```html\n<p>Hi</p>\n```"),
        ("نص", "می\u200cخواهم"),
        ("Name three colours", "Red, green, blue"),
        (
            "Which city is the largest in the U.S. that is not on water?",
            "The largest city in the U.S. that is not on navigable water is Indianapolis",
        ),
        ("Who sells it?", "A shop sells it. You can see the whole list of them at\nhttps://example.org/list"),
    ],
)
def test_what_only_looks_like_a_fault_is_left_alone(question: str, answer: str) -> None:
    assert codes_of(Record(question, answer)) == set()


@pytest.mark.parametrize("answer", ["n/a", "TODO", "...", "—", "<insert answer here>", "Lorem ipsum dolor", "#REF!"])
def test_marks_for_an_answer_are_placeholders(answer: str) -> None:
    assert codes_of(Record("How heavy is box A7?", answer)) == {"placeholder"}


@pytest.mark.parametrize(
    ("question", "answer", "found"),
    [
        ("Wie schwer ist die Kiste, die ihr in eurem Lager habt?", "The box is heavy and it is in the store for you.", True),
        ("箱はどのくらい重いですか、教えてください", "The box weighs twelve kilos and stands on the shelf at the door.", True),
        ("How heavy is the box that you have in the store?", "箱の重さは十二キロで、棚の上にあります。", True),
        ("波兰第二级行政区是什么？", "郡 (county) 或县 (powiat)", False),
        ("这家公司叫什么名字？", "SK Growth Opportunities Corporation", False),
        ("Übersetze ins Englische: Wie schwer ist die Kiste mit den Schrauben?", "How heavy is the box of the store?", False),
        ("¿Cómo está?", "Well, thank you.", False),
    ],
)  # fmt: skip
def test_languages_are_compared_where_texts_are_long_enough(question: str, answer: str, *, found: bool) -> None:
    assert ("other-language" in codes_of(Record(question, answer))) is found


def test_languages_without_known_small_words_are_told_by_the_library() -> None:
    assert find_language("Ile waży skrzynka ze śrubami, która stoi na półce obok drzwi magazynu?") == "pl"
    assert find_language("Kutu") == ""


def test_one_label_is_no_answer_that_too_many_share() -> None:
    records = [Record(f"Ticket {n}", ("billing", "delivery")[n % 2]) for n in range(40)]
    assert found_in(records) == []


def test_the_record_of_an_outlier_is_named() -> None:
    records = [Record(f"Where is box {n}?", f"On shelf {n}, to the left.") for n in range(50)]
    records[30] = Record("Where is box 30?", "On a shelf. " * 500)
    [one] = found_in(records)
    assert (one.code, one.record, one.line, one.path) == ("length-outlier", 31, 32, "answer")


TEXTS = st.text(alphabet=st.characters(exclude_categories=("Cs",)), max_size=200)


@given(TEXTS, TEXTS, st.none() | TEXTS)
def test_no_text_makes_a_lint_fail(question: str, answer: str, system: str | None) -> None:
    found_in([Record(question, answer, system=system)] * 3)


def found_by(*records: Record) -> list[tuple[str, int | None]]:
    return [(one.code, one.record) for one in found_in(records)]


def test_what_is_said_of_labels_names_each_record_with_a_rare_one() -> None:
    labels = ["billing"] * 153 + ["delivery"] * 3
    found = found_by(*(Record(f"Ticket {place}", label) for place, label in enumerate(labels)))
    assert [number for code, number in found if code == "unbalanced-labels"] == [154, 155, 156]
    assert [number for code, number in found if code == "rare-label"] == [154, 155, 156]
    # 150 to 3 is 50 times as many, and not above.
    balanced = found_by(*(Record(f"Ticket {place}", label) for place, label in enumerate(labels[3:])))
    assert not [one for one in balanced if one[0] == "unbalanced-labels"]


def test_an_answer_that_many_share_is_found_in_each_of_them() -> None:
    records = [Record(f"How heavy is box {place}?", f"It weighs {place} kg in all.") for place in range(30)]
    records[3:28:4] = [Record(f"Where is box {place}?", "Please ask the help desk.") for place in range(7)]
    assert [number for code, number in found_by(*records) if code == "one-answer"] == [4, 8, 12, 16, 20, 24, 28]
