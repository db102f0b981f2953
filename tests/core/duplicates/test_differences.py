"""What like texts may not differ in to be copies."""

import pytest

from app.core.duplicates import compare_texts
from app.core.duplicates.differences import difference_bits, find_differences
from app.core.duplicates.normal import normalise_text


def kinds(one, other):
    return [found.kind for found in find_differences(one, other, normalise_text(one), normalise_text(other))]


@pytest.mark.parametrize(
    ("one", "other", "expected"),
    [
        ("Refunds take 2 days", "Refunds take 3 days", ["number"]),
        ("It costs $1.50", "It costs $15.0", ["number"]),
        ("The shop opens on Monday", "The shop opens on Friday", ["date"]),
        ("It is 5 km away", "It is 5 miles away", ["unit"]),
        ("Can Martin go there?", "Can Judith go there?", ["name"]),
        ("Martin eats fish", "Judith eats fish", ["name"]),
        ("Why does oil rise", "Why does not oil rise", ["negation"]),
        ("Does it work", "Doesn't it work", ["negation"]),
        ("True, it works", "False, it works", ["yes/no"]),
        ("这个可以退吗", "这个不可以退吗", ["negation"]),
        ("이 제품은 환불이 됩니다", "이 제품은 환불이 안 됩니다 않", ["negation"]),
        ("It was -5 degrees", "It was 5 degrees", ["number"]),
        ("when redis is down", "when Postgres is down", ["name"]),
    ],
)
def test_meaning_is_named(one, other, expected):
    assert kinds(one, other) == expected


LONG = "The report describes what the team did in the week and what is planned for the time that comes. " * 3


@pytest.mark.parametrize(
    ("one", "other"),
    [
        # A letter that stands alone, a code, a sign
        ("Is vitamin C found in lemons?", "Is vitamin D found in lemons?"),
        ("What does plan A include?", "What does plan B include?"),
        ("Is step a) of the form needed?", "Is step e) of the form needed?"),
        ("Is the A1C sensor included?", "Is the A1D sensor included?"),
        ("Is it open at 10am?", "Is it open at 10pm?"),
        ("how do i sort a list in c++", "how do i sort a list in c"),
        ("How much is 2 + 3?", "How much is 2 * 3?"),
        ("It costs $5", "It costs €5"),
        # An opposite, in short texts and in long ones
        (f"{LONG} The light is on.", f"{LONG} The light is off."),
        (f"{LONG} The number increased.", f"{LONG} The number decreased."),
        (f"{LONG} It is legal.", f"{LONG} It is illegal."),
        (f"{LONG} The shop opens then.", f"{LONG} The shop closes then."),
        ("Do I need a passport and a visa?", "Do I need a passport or a visa?"),
        ("Wie melde ich mich an?", "Wie melde ich mich ab?"),
        ("Comment activer les alertes ?", "Comment désactiver les alertes ?"),
        ("¿Cómo abrir la puerta?", "¿Cómo cerrar la puerta?"),
        ("Как включить звук?", "Как выключить звук?"),
        ("كيف أفتح الباب؟", "كيف أغلق الباب؟"),
        ("如何打开通知？", "如何关闭通知？"),
        ("左のドアはどこですか", "右のドアはどこですか"),
        ("왼쪽 문은 어디에 있나요?", "오른쪽 문은 어디에 있나요?"),
        ("จะเปิดการแจ้งเตือนได้อย่างไร", "จะปิดการแจ้งเตือนได้อย่างไร"),
        # One other word in a short text
        ("Do you sell red shoes?", "Do you sell blue shoes?"),
        ("Do you sell shoes?", "Do you sell worn shoes?"),
        ("Who is the employer?", "Who is the employee?"),
        ("How do I pay?", "When do I pay?"),
        ("我的猫在哪里", "我的狗在哪里"),
        ("ما هي عاصمة السويد؟", "ما هي عاصمة النرويج؟"),
        # A text that is nothing but grammar
        ("in", "at"),
        ("red", "blue"),
        # Words that differ in a letter or two and are no misspelling of one another
        ("Where is the country?", "Where is the county?"),
        ("Is it a house?", "Is it a horse?"),
        ("Is nitrate harmful?", "Is nitrite harmful?"),
        ("Is this the table?", "Is this the tablet?"),
    ],
)
def test_other_words_are_a_difference(one, other):
    assert kinds(one, other) == ["word"] == kinds(other, one)


def test_how_long_a_text_is_may_be_left_out_of_account():
    one, other = f"{LONG} It was about the garden.", f"{LONG} It was about the harbour."
    assert kinds(one, other) == []
    strict = find_differences(one, other, normalise_text(one), normalise_text(other), strict=True)
    assert [(found.kind, found.left, found.right) for found in strict] == [("word", "garden", "harbour")]
    short = ("about the garden", "about the harbour")
    assert find_differences(*short, *short, strict=False) == []
    assert [
        found.kind for found in find_differences("turn it on", "turn it off", "turn it on", "turn it off", strict=False)
    ]


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I receive it?", "How do I recieve it?"),
        ("I borrowed it", "I borowed it"),
        ("the weather tomorrow", "the wheather tommorow"),
        ("Where is the libary?", "Where is the library?"),
        ("my email account", "my e mail account"),
        ("How many were there?", "How man ywere there?"),
        ("What colour is it?", "What color is it?"),
        ("Cancel my order", "Cancel my orders"),
        ("Go to the settings", "Go to settings"),
        ("Wie ändere ich die Straße?", "Wie ändere ich meine Strasse?"),
        ("Comment réinitialiser ?", "Comment reinitialiser ?"),
        ("كيف أغير كلمة المرور؟", "كيف أغيّر كلمةَ المرور؟"),
        ("如何重置密码？", "请问怎么重置密码？"),
        ("비밀번호를 어떻게 변경하나요?", "비밀번호는 어떻게 변경하나요?"),
        ("Who is it?", "Please tell me who it is. Thanks in advance!"),
        ("Wie geht das?", "Hallo, wie geht das? Vielen Dank im Voraus!"),
        ("如何重置密码？", "如何重置密码？非常感谢！"),
        ("Refunds take 2 days", "Refunds take two days"),
        ("It costs $1,000.00", "It costs 1000"),
        ("Weather in London", "wether in Lodnon"),
        ("HOW DO I SEE MARTIN", "how do i see a martin"),
        ("David met Dasha. David left", "Davdi met Dasha. David left"),
        ("Where do I reset it?", "Where can I reset it?"),
    ],
)
def test_writing_is_no_difference(one, other):
    assert kinds(one, other) == []


def test_bits_go_by_the_order_of_names():
    one, other = "Does 1 work on Monday", "Does 2 not work on Friday"
    assert difference_bits(find_differences(one, other, normalise_text(one), normalise_text(other))) == 0b10011


def test_comparing_two_texts_says_why():
    assert compare_texts("Same", "Same").level == 102
    assert compare_texts("Same!", "same").level == 101
    moved = compare_texts("apples and pears taste good", "pears and apples taste good")
    assert (moved.level, moved.why) == (100, "They have the same words in another order.")
    assert compare_texts("one thing", "quite another matter").level < 80
