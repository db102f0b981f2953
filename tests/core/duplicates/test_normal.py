"""The normal form: what may be ignored between two texts, and what may not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.duplicates.normal import normalise_text, normalise_texts, strip_politeness


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("How do I pay?", "how do i pay"),
        ("How  do I\tpay ?", "How do I pay?"),
        ("ＨＯＷ　１２", "how 12"),
        ("pay\u200bment", "payment"),
        ("<p>Hello there</p>", "Hello there"),
        ("Tom &amp; Jerry", "Tom & Jerry"),
        ("What’s new", "What's new"),
        ("“quoted”", '"quoted"'),
        ("well-known", "well known"),
        ("你好，世界！", "你好 世界"),
        ("cafe\u0301", "café"),
    ],
)
def test_form_does_not_count(one, other):
    assert normalise_text(one) == normalise_text(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("$1.50", "$150"),
        ("-5 degrees", "5 degrees"),
        ("3² = 9", "32 = 9"),
        ("x != y", "x = y"),
        ("C++", "C"),
        ("C#", "C"),
        ("foo()", "foo"),
        ("10:30", "1030"),
        ("1½", "11/2"),
        ("Map<int>", "Map"),
    ],
)
def test_meaning_counts(one, other):
    assert normalise_text(one) != normalise_text(other)


@given(st.lists(st.text(max_size=30), max_size=8))
def test_a_shard_gives_what_each_text_gives(texts):
    assert normalise_texts(texts) == [normalise_text(text) for text in texts]


@given(st.text(max_size=60))
def test_spaces_and_case_never_matter(text):
    assert normalise_text(f"  {text} ") == normalise_text(text)


@pytest.mark.parametrize(
    ("form", "rest"),
    [
        ("question who is it", "who is it"),
        ("could you please tell me who is it", "who is it"),
        ("who is it thanks in advance", "who is it"),
        ("who is it any help is appreciated", "who is it"),
        ("hallo wer ist das vielen dank im voraus", "wer ist das"),
        ("bonjour qui est ce merci davance", "qui est ce"),
        ("请问如何重置密码 谢谢", "如何重置密码"),
        ("как изменить пароль заранее спасибо", "как изменить пароль"),
        ("你好", "你好"),
        ("thanks", "thanks"),
        ("can you swim", "swim"),
        ("questionable things", "questionable things"),
    ],
)
def test_politeness_is_not_the_core(form, rest):
    assert strip_politeness(form) == rest
