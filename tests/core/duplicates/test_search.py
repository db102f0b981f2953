"""The search as a whole: what it puts together, what it keeps apart, and what it survives."""

import random

import numpy as np
import pytest
from rapidfuzz import fuzz

from app.core import duplicates
from app.core.duplicates import Options, group_pairs, search_texts
from app.core.duplicates.normal import normalise_text

TOPICS = "invoice parcel lamp voucher account password delivery warranty sofa refund courier battery".split()
VERBS = "change cancel find return repair order track clean replace assemble".split()


def questions(number, seed=1):
    """Different questions of eight words and more."""
    dice = random.Random(seed)
    made = set()
    while len(made) < number:
        words = [dice.choice(VERBS), dice.choice(TOPICS), dice.choice(VERBS), dice.choice(TOPICS)]
        rare = ["".join(dice.choices("abcdefghijklmnopqrstuvwxyz", k=7)) for _ in range(4)]
        made.add("How can I {} the {} and then {} my {}".format(*words) + f" with {' '.join(rare)}?")
    return sorted(made)


def typo(text, dice):
    at = dice.randrange(10, len(text) - 2)
    return text[:at] + text[at + 1] + text[at] + text[at + 2 :]


def found_groups(texts, what="copies", level=90, answers=None, **options):
    get = (lambda positions: [answers[at] for at in positions]) if answers is not None else None
    found = search_texts(texts, answers=get, options=Options(**options))
    at_level = [
        one for one in group_pairs(found.pairs, what, families=found.families) if one.lowest <= level <= one.highest
    ]
    return {one.members: one for one in at_level}


def test_kinds_go_from_strict_to_lax():
    texts = [
        "Where is my parcel today?",
        "Where is my parcel today?",
        "where is my  parcel today",
        "Something else entirely",
    ]
    assert list(found_groups(texts, level=duplicates.EXACT)) == [(0, 1)]
    assert list(found_groups(texts, level=duplicates.NORMALISED)) == [(0, 1, 2)]
    assert found_groups(texts, level=duplicates.EXACT)[0, 1].kind == "exact"
    assert found_groups(texts, level=duplicates.NORMALISED)[0, 1, 2].kind == "normalised"


def test_planted_typos_are_found():
    base, dice = questions(2000), random.Random(3)
    texts = [*base, *(typo(text, dice) for text in base[:300])]
    members = found_groups(texts)
    missed = [at for at in range(300) if not any(at in group and 2000 + at in group for group in members)]
    assert len(missed) <= 3
    wrong = [group for group in members if len({normalise_text(texts[one])[:60] for one in group}) > 2]
    assert wrong == []


def test_few_texts_are_compared_each_with_each():
    one = "How do I reset the password of my account today?"
    other = "How do I reset the pasword of my account quickly on a Monday?"
    third = "Where can we reset the pasword of my account today?"
    alone, among = search_texts([one, other]).pairs, search_texts([one, other, third]).pairs
    assert (alone.left.tolist(), alone.right.tolist(), alone.level.tolist()) == ([0], [1], [84])
    assert [0, 1, 84] in np.array((among.left, among.right, among.level)).T.tolist()


def test_rows_are_found_as_an_exhaustive_search_finds_them():
    base, dice = questions(400), random.Random(5)
    texts = [*base, *(typo(typo(text, dice), dice) for text in base[:150])]
    forms = [normalise_text(text) for text in texts]
    expected = {
        at
        for at in range(len(texts))
        if any(fuzz.ratio(forms[at], form) >= 90 for place, form in enumerate(forms) if place != at)
    }
    pairs = search_texts(texts).pairs
    seen = set(pairs.left[pairs.level >= 90].tolist()) | set(pairs.right[pairs.level >= 90].tolist())
    assert len(expected & seen) >= 0.98 * len(expected)


@pytest.mark.parametrize(
    ("one", "other", "what"),
    [
        ("如何更改我的送货地址和电话号码", "怎样更改我的送货地址和电话号码", "copies"),
        ("配送先の住所を変更するにはどうすればいいですか", "配送先の住所を変更するにはどうしたらいいですか", "copies"),
        ("배송 주소를 어떻게 변경할 수 있나요", "배송 주소는 어떻게 변경할 수 있습니까", "copies"),
        ("배송 주소를 어떻게 변경할 수 있나요", "배송지 주소를 어떻게 변경할 수 있나요", "variants"),
        ("ฉันจะเปลี่ยนที่อยู่จัดส่งได้อย่างไร", "ฉันจะเปลี่ยนที่อยู่การจัดส่งได้อย่างไร", "copies"),
        ("كيف أغير كلمة المرور الخاصة بي", "كيف أغيّر كلمةَ المرور الخاصة بي", "copies"),
        ("كيف يمكنني تغيير عنوان التسليم الخاص بي", "كيف يمكنني تغيير عنوان التوصيل الخاص بي", "variants"),
    ],
)
def test_scripts_are_mixed(one, other, what):
    texts = [*questions(250), one, "Wie ändere ich die Adresse?", other, "完全不同的另外一个问题"]
    assert (250, 252) in found_groups(texts, what, level=80)


def test_other_answers_make_a_conflict():
    texts = ["What is the return period?"] * 3 + ["what is the return period"]
    answers = ["30 days", "30 days", "14 days", "30 days."]
    copies = found_groups(texts, level=duplicates.NORMALISED, answers=answers)
    assert list(copies) == [(0, 1, 3)]
    [conflict] = found_groups(texts, "conflicts", level=duplicates.NORMALISED, answers=answers).values()
    assert (conflict.members, conflict.kind, conflict.differs) == ((0, 1, 2, 3), "conflict", ("number",))


def test_an_answer_with_a_word_more_is_another_answer():
    texts = ["What is the return period for lamps?", "What is the return period for lamps?"]
    answers = [
        "You can send lamps back within thirty days of delivery",
        "You can never send lamps back within thirty days of delivery",
    ]
    assert found_groups(texts, level=80, answers=answers) == {}
    assert len(found_groups(texts, "conflicts", level=80, answers=answers)) == 1


COLOURS = "Which colour does the lamp on the front panel show while the battery is being charged?"


@pytest.mark.parametrize("side", ["question", "pair"])
def test_one_question_with_other_answers_is_a_conflict_in_every_mode(side):
    texts = [COLOURS, COLOURS, f"Please tell me: {COLOURS}", COLOURS]
    answers = ["red", "blue", "red.", "red"]
    assert list(found_groups(texts, level=80, answers=answers, side=side)) == [(0, 2, 3)]
    [conflict] = found_groups(texts, "conflicts", answers=answers, side=side).values()
    assert (conflict.members, conflict.differs) == ((0, 1, 2, 3), ("word",))


@pytest.mark.parametrize("side", ["question", "pair"])
def test_thanks_are_no_difference_beside_a_long_answer_nor_a_short_one(side):
    texts = ["Who plays the king in the film?", "Who plays the king in the film? Thanks in advance!"] * 2
    answers = ["Jane Roe", "Jane Roe", "It is played by somebody whose name is in the credits at the end of it."]
    found = found_groups(texts[:3], level=90, answers=answers, side=side)
    assert list(found) == [(0, 1)]


def test_pairs_are_alike_by_both_sides_and_not_by_what_they_are_together():
    story = "The train leaves the old station early and arrives at the harbour after a ride of many hours. "
    texts = ["What is the text about, in a word?", "Who wrote this text, and for whom?"]
    assert found_groups(texts, level=80, answers=[story * 4, story * 4], side="pair") == {}


def test_of_many_answers_to_one_question_near_ones_are_found_where_pairs_are_compared():
    answers, dice = questions(600), random.Random(9)
    answers += [typo(text, dice) for text in answers[:40]]
    dice.shuffle(answers)
    texts = ["Write a question to our support."] * len(answers)
    by_question, by_pair = (found_groups(texts, answers=answers, side=side) for side in ("question", "pair"))
    assert len(by_question) < 5 < 38 <= len(by_pair)


def test_other_words_make_variants_and_misspelt_ones_do_not():
    texts = [
        "Where can I return a borrowed bicycle in the town?",
        "Where can I return a borowed bicycle in the town?",
        "Where can I return a borrowed scooter in the town?",
    ]
    assert list(found_groups(texts, level=80)) == [(0, 1)]
    [variant] = found_groups(texts, "variants", level=85).values()
    assert variant.differs == ("word",)


def test_numbers_names_and_negations_make_variants():
    texts = [
        "How many days does a refund to my card take in 2024?",
        "How many days does a refund to my card take in 2025?",
    ]
    assert found_groups(texts, level=80) == {}
    [variant] = found_groups(texts, "variants", level=90).values()
    assert (variant.kind, variant.differs) == ("variant", ("number",))


def test_a_template_is_a_family():
    places = [
        word.capitalize()
        for word in ("paris berlin oslo rome madrid vienna prague lisbon dublin athens cairo lima".split())
    ]
    texts = [f"What is the weather like in {place} at the moment?" for place in places] + questions(20)
    found = search_texts(texts)
    [family] = found.families
    assert family.frame == "what is the weather like in … at the moment"
    assert family.members == tuple(range(12))
    assert (
        group_pairs(found.pairs, "copies") == [] and group_pairs(found.pairs, "variants", families=found.families) == []
    )


def test_groups_of_lower_levels_hold_those_of_higher_ones():
    base, dice = questions(300), random.Random(7)
    texts = [*base, *base[:40], *(typo(text, dice) for text in base[:80])]
    found = group_pairs(search_texts(texts).pairs, "copies")
    by_level = {
        level: [set(one.members) for one in found if one.lowest <= level <= one.highest] for level in duplicates.LEVELS
    }
    for higher, lower in zip(sorted(by_level, reverse=True), sorted(by_level, reverse=True)[1:], strict=False):
        assert all(any(small <= large for large in by_level[lower]) for small in by_level[higher])
        assert sum(map(len, by_level[lower])) == len(set().union(*by_level[lower])) if by_level[lower] else True
    assert duplicates.count_by_level(found) == {level: len(sets) for level, sets in by_level.items()}


def test_only_groups_that_span_two_sides_are_kept():
    texts = ["Where is my parcel today?"] * 2 + ["Where is my lamp?"] * 2
    found = group_pairs(search_texts(texts).pairs, "copies", sides=np.array([0, 1, 1, 1], np.uint8))
    assert [one.members for one in found] == [(0, 1)]


@pytest.mark.parametrize(
    "texts",
    [
        [],
        [""],
        ["", "", "x"],
        ["Same text for all of them"] * 5000,
        [f"The template says number {number} here" for number in range(3000)],
        [f"The template says number {number} here" for number in range(150)],
        ["word " * 40_000, "word " * 40_000 + "more", "other"],
        ["a" * 200_000, "a" * 199_990 + "b" * 10],
        ["\x00\x01", "\ud7ff", "\U0001f600" * 5, "\U0001f600" * 5],
    ],
    ids=["none", "empty", "blanks", "equal", "template", "few", "long", "one-word", "odd"],
)
def test_pathological_texts_are_survived(texts):
    found = search_texts(texts)
    assert len(found.pairs) <= 75 * max(len(texts), 1)
    assert sum(
        len(one.members) for one in group_pairs(found.pairs, "copies") if one.lowest <= 102 <= one.highest
    ) <= len(texts)


def test_a_search_can_be_stopped():
    class Stop(Exception):
        pass

    def stop(share, message):
        if share > 0.3:
            raise Stop

    with pytest.raises(Stop):
        search_texts(questions(100), progress=stop)


def test_the_index_finds_what_was_searched(tmp_path):
    texts, dice = questions(500), random.Random(2)
    search_texts(texts, options=Options(index=True)).index.save(tmp_path / "index", [1000 + at for at in range(500)])
    index = duplicates.Index.open(tmp_path / "index")
    hits = [index.candidates(typo(texts[at], dice), limit=5)[:1] == [1000 + at] for at in range(100)]
    assert sum(hits) >= 98
    assert index.candidates("") == [] and index.candidates("zzz qqq") == []
