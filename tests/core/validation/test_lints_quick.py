"""The quick looks of lints pass over nothing: what the plain and slow way would find is found."""

import re
from collections import Counter

import pytest
import regex
from ftfy import TextFixerConfig, fix_encoding
from hypothesis import example, given
from hypothesis import strategies as st

from app.core.cleaning import identifiers
from app.core.cleaning.characters import fix_mojibake
from app.core.cleaning.phrases import BOILERPLATE, _fold_letters
from app.core.record import Message, Record
from app.core.validation.lints import LINTS, languages
from app.core.validation.lints.answers import check_boilerplate, check_repeats
from app.core.validation.lints.base import texts_of
from app.core.validation.lints.languages import find_script

PIECES = (
    *(" ", "\n", "\t", ". ", ", ", "-", ":", "=", "’", "“", "”", "— ", "?", "é", "ß", "ſ", "İ", "K", "\ufffd", "\xa0"),
    *("ghp_0123456789abcdefghijABCDEFGHIJ", "AKIA0123456789ABCDEF", "sk-proj-0123456789abcdefghij", "xoxb-0123456789"),
    *(
        "AIza0123456789abcdefghijABCDEFGHIJ_",
        "SG.0123456789abcdef.0123456789abcdef",
        "eyJ01234567.eyJ01234567.01234567",
    ),
    *(
        "ya29.0123456789abcdefghij",
        "glpat-0123456789abcdef",
        "github_pat_0123456789abcdefghij",
        "hf_0123456789abcdefghij",
    ),
    *("-----BEGIN RSA PRIVATE KEY-----", "password: hunter2hunter2", "API_KEY=abcdef123456", "Bearer abcdef1234567890"),
    *(
        "ann@example.org",
        "DE89 3704 0044 0532 0130 00",
        "4111 1111 1111 1111",
        "078-05-1120",
        "203.0.113.7",
        "2001:db8::1",
    ),
    *("+49 30 901820", "(212) 555-0187", "Tel. 030 9018200", "1", "12", "2024-05-06", "version 1.2.3.4", "٠١٢٣٤٥٦٧"),
    *("<p>", "</p>", "&nbsp;", "<|im_end|>", "[INST]", "<think>", "{{name}}", "```", "~~~", "\u200b", "\x07", "\xad"),
    *("As an AI language model, ", "I HOPE this helps", "I’m just an AI", "Let me know if you have any", "\u212aey"),
    *("Ã¼", "â€™", "Ã ", "Ð ", "‚Äô", "schÃ¶n", "ÅŸ", "x– ", "è?", "\x92"),
    *(
        "How heavy is the box",
        "how heavy is the box",
        "the",
        "der",
        "Die Kiste ist nicht schwer und",
        "les",
        "箱は",
        "Ящик",
    ),
)
TEXTS = st.lists(st.sampled_from(PIECES) | st.characters(exclude_categories=("Cs",)), max_size=12).map("".join)
CONFIG = TextFixerConfig(unescape_html=False, fix_latin_ligatures=False, uncurl_quotes=False, normalization=None)


@pytest.mark.parametrize("lint", [one for one in LINTS.values() if one.may], ids=lambda one: one.code)
def test_a_lint_that_looks_first_looks_at_its_bad_examples(lint) -> None:  # type: ignore[no-untyped-def]
    for record in lint.bad:
        assert lint.may(" ".join(text for _, text in texts_of(record)))


@given(TEXTS, TEXTS, st.none() | TEXTS)
def test_a_first_look_passes_over_nothing_that_its_lint_finds(question: str, answer: str, turn: str | None) -> None:
    record = Record(question, answer, turns=() if turn is None else (Message("user", turn),))
    whole = " ".join(text for _, text in texts_of(record))
    for lint in LINTS.values():
        if lint.may and not lint.may(whole):
            assert list(lint.check(record)) == []


@given(TEXTS)
def test_first_looks_at_identifiers_agree_with_their_patterns(text: str) -> None:
    plain = {
        "key": bool(regex.search(r"\d", text) or "-----BEGIN" in text) and _holds_key(text),
        "iban": any(identifiers._IBAN.finditer(text)),
        "card": any(identifiers._CARD.finditer(text)),
        "ssn": any(identifiers._SSN.finditer(text)),
        "ip": any(identifiers._IPV4.finditer(text))
        or any("::" in one[0] and any(map(str.isdecimal, one[0])) for one in identifiers._IPV6.finditer(text)),
    }
    assert identifiers.may_hold_key(text) >= plain.pop("key")
    assert identifiers.may_hold_others(text) >= any(plain.values())


def _holds_key(text: str) -> bool:
    return any(identifiers._KEY.finditer(text)) or any(identifiers._NAMED_KEY.finditer(text))


@given(TEXTS)
@example("x— y")
@example("Ð y")
def test_broken_encodings_are_mended_as_without_a_first_look(text: str) -> None:
    def repair(line: str) -> str:
        quoted = re.sub(r"â€(?=[\s.,;:!?)]|\Z)", "â€\x9d", line) if "â€œ" in line else line
        return fix_encoding(quoted, CONFIG)

    assert fix_mojibake(text) == "\n".join(repair(line) for line in text.split("\n"))


@given(st.text(max_size=8), st.sampled_from(("macroman", "latin-1", "cp1252", "cp1251", "cp437", "iso-8859-2")))
def test_texts_that_were_read_wrongly_are_mended_as_without_a_first_look(text: str, encoding: str) -> None:
    broken = " ".join(text.encode("utf-8", "replace").decode(encoding, "replace").split("\n"))
    assert fix_mojibake(broken) == fix_encoding(broken, CONFIG) or "â€œ" in broken


@given(TEXTS, TEXTS)
def test_an_answer_that_begins_with_the_question_is_told_by_its_letters(question: str, answer: str) -> None:
    letters = lambda text: "".join(c for c in text.casefold() if c.isalnum())  # noqa: E731
    asked, head = letters(question), letters(answer[: len(question) + 40])
    begins = len(question) >= 8 and len(asked) >= 8 and head.startswith(asked)
    expected = begins and (len(letters(answer)) - len(asked) < 4 or len(asked) >= 24)
    assert bool(list(check_repeats(Record(question, answer)))) is expected


@given(TEXTS)
def test_boilerplate_is_looked_for_wherever_a_phrase_stands(answer: str) -> None:
    if not any(_fold_letters(phrase) in _fold_letters(answer) for phrase in BOILERPLATE.splitlines()):
        assert list(check_boilerplate(Record("How?", answer))) == []


@given(st.lists(st.tuples(st.integers(0, 3), st.integers(0, 9), st.none() | st.integers(1, 99)), max_size=60))
def test_answers_that_many_share_are_told_as_by_counting_their_questions(
    pairs: list[tuple[int, int, int | None]],
) -> None:
    found = LINTS["one-answer"].check()
    # The last question of each answer, how many there were, and the places.
    counts: dict[str, tuple[str, int, list[tuple[int, int | None]]]] = {}
    for number, (answer, question, line) in enumerate(pairs, 1):
        record = Record(f"Where is box {question}?", f"The answer with the number {answer} is longer than a label.")
        found.see(record, number, line)
        last, count, places = counts.get(record.answer, ("", 0, []))
        counts[record.answer] = (record.question, count + (last != record.question), [*places, (number, line)])
    expected = [(f"{count:,} questions", one) for _, count, places in counts.values() if count >= 5 for one in places]
    told = [(" ".join(one.message.split()[:2]), (one.record, one.line)) for one in found.close()]
    assert sorted(told, key=str) == sorted(expected, key=str)
    assert [one[0] for one in told] == sorted((one[0] for one in told), key=lambda said: -int(said.split()[0]))


WORDS = tuple(word for words in languages._SMALL_WORDS.values() for word in words.split())
SENTENCES = st.lists(st.sampled_from(WORDS) | TEXTS, max_size=30).map(" ".join).map(lambda text: text[:400])


@given(SENTENCES)
def test_small_words_are_counted_as_words_of_letters(text: str) -> None:
    words = re.findall(r"[^\W\d_]+", text.lower())
    listed = {name: said.split() for name, said in languages._SMALL_WORDS.items()}
    counts = Counter(name for word in words for name in listed if word in listed[name]).most_common(2)
    second = counts[1][1] if len(counts) > 1 else 0
    sure = bool(counts) and counts[0][1] >= 4 and counts[0][1] * 8 >= len(words) and counts[0][1] >= 2 * second
    assert languages._by_small_words(text) == (counts[0][0] if sure else "")


@given(SENTENCES | st.text(max_size=40))
def test_the_script_is_that_of_most_letters(text: str) -> None:
    counts = {name: len(pattern.findall(text)) for name, pattern in languages._SCRIPTS.items()}
    name = max(counts, key=lambda one: counts[one])
    expected = name if counts[name] * 3 > sum(counts.values()) * 2 else ""
    assert find_script(text) == ("Latin" if text.isascii() else expected)
