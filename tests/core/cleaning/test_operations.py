"""Each operation: its own examples, what it promises for any text, and the hard cases."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.changes import change_between
from app.core.cleaning import GROUPS, OPERATIONS, Operation, Step, compile_recipe, option_fields
from app.core.errors import Invalid
from app.core.record import Record

# Options for the operations that need some.
OPTIONS: dict[str, dict[str, Any]] = {
    "system-prompt": {"text": "Be brief."},
    "delete-matching": {"find": "a"},
}
# Running these again changes nothing more. A text removed can close a gap to the same text, an entity can hide another.
NOT_STABLE = {
    "remove-text",
    "find-replace",
    "decode-entities",
    "html-to-markdown",
    "strip-html",
    "remove-urls",
    "remove-emails",
}
PIECES = [
    *(
        "a",
        "B",
        " ",
        "  ",
        "\t",
        "\n",
        "\n\n\n",
        "\r\n",
        "\r",
        "\u2028",
        "Q: ",
        "Answer:",
        "A: ",
        ". ",
        "! ",
        "1.",
        "e.g. ",
    ),
    *("`", "``", "```", "```py\n", "\n```\n", "~~~", "    ", "> ", "- "),
    *("<b>", "</b>", "<br>", "<p>", "Map<int>", "<", ">", "&amp;", "&lt;", "&#0;", "&", ";", "<!--", "-->"),
    *("“", "”", "’", '"', "'", "=", "(", ")", "[", "](", "**"),
    *("\u200b", "\u200c", "\u200d", "\ufeff", "\u202e", "\u200f", "\x07", "\x0c", "\u00ad", "e\u0301", "é"),
    *("👍", "🏽", "❤", "\ufe0f", "🇩🇪", "👩", "1\u20e3", "©"),
    *("안녕하세요", "مرحبا", "می\u200cخواهم", "日本語。", "क्\u200dष", "Ã¶", "â€œ", "ß", "İ", "𝔘"),
    *(
        "https://example.org/a",
        "www.example.org",
        "ann@example.org",
        "@",
        "+49 30 1234567",
        "4111 1111 1111 1111",
        "10.1.2.3",
    ),
    *(
        "DE89370400440532013000",
        "123-45-6789",
        "sk-abcdefghij1234567890",
        "As an AI language model, ",
        "I hope this helps",
    ),
    *("\U000f0000", "\U0010fffd", "\ue0f0"),
]
texts = st.one_of(st.lists(st.sampled_from(PIECES), max_size=14).map("".join), st.text(max_size=60))


def options_of(operation: Operation) -> dict[str, Any]:
    return OPTIONS.get(operation.name, dict(operation.example_options))


def cleaned(text: str, name: str, /, keep_code: bool | None = None, **options: Any) -> str:
    result = compile_recipe([Step(name, options, ("question",), keep_code)]).clean(Record(text))
    assert isinstance(result, Record)
    return result.question


EXAMPLES = [(one.name, before, after) for one in OPERATIONS.values() for before, after in one.examples]
TEXT_OPERATIONS = [one for one in OPERATIONS.values() if one.kind == "text"]


@pytest.mark.parametrize(("name", "before", "after"), EXAMPLES)
def test_each_example_holds(name: str, before: str, after: str) -> None:
    assert cleaned(before, name, **OPERATIONS[name].example_options) == after


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_each_operation_explains_itself(operation: Operation) -> None:
    assert operation.help.endswith(".") and operation.title and operation.group in GROUPS
    assert operation.examples or operation.kind == "pair"
    for field in option_fields(operation):
        assert field.label
        assert not field.choices or field.default in field.choices


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
def test_every_choice_can_be_taken(operation: Operation) -> None:
    for field in option_fields(operation):
        for choice in field.choices:
            extra = {"secret": "s"} if choice == "secret" else {}
            compile_recipe([Step(operation.name, {**options_of(operation), **extra, field.name: choice})])


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda one: one.name)
@given(question=texts, answer=texts)
def test_any_pair_can_be_cleaned(operation: Operation, question: str, answer: str) -> None:
    """Cleaning never fails, gives the same object where nothing changes, and the difference can be taken back."""
    record = Record(question, answer, system=answer, rejected_answer=question)
    step = Step(operation.name, options_of(operation), ("question", "answer", "system", "turns"))
    result = compile_recipe([step]).clean(record)
    assert result == compile_recipe([step]).clean(record)
    if not isinstance(result, Record):
        return
    before, after = (
        {name: getattr(one, name) for name in ("question", "answer", "system", "rejected_answer")}
        for one in (record, result)
    )
    change = change_between(1, before, after)
    if change is None:
        assert result is record
    else:
        assert before == {**after, **{name: value for name, (_, value) in change.inverse().fields.items()}}


@pytest.mark.parametrize(
    "operation", [one for one in TEXT_OPERATIONS if one.name not in NOT_STABLE], ids=lambda one: one.name
)
@given(text=texts)
def test_running_again_changes_nothing_more(operation: Operation, text: str) -> None:
    once = cleaned(text, operation.name, **options_of(operation))
    assert cleaned(once, operation.name, **options_of(operation)) == once


@pytest.mark.parametrize(
    "operation",
    [one for one in TEXT_OPERATIONS if one.keep_code and not one.handles_code],
    ids=lambda one: one.name,
)
@pytest.mark.parametrize(
    "code",
    [
        "```py\nMap<int> x  =  “a” &amp; 1 👍\n\n\n```",
        "````\n```\nUser: color <b>e\u0301\u200b</b>\n```\n````",
        "`“color”  <b>Q:</b>`",
    ],
)
def test_code_stays_as_it_is(operation: Operation, code: str) -> None:
    text = f"Look:\n\n{code}\n\nIt is color  “fine” e\u0301 <b>so</b>."
    assert code in cleaned(text, operation.name, **options_of(operation))


@pytest.mark.parametrize(
    "name", [one.name for one in TEXT_OPERATIONS if one.name not in ("change-case", "find-replace", "remove-text")]
)
@pytest.mark.parametrize(
    "text",
    [
        "Use Map<int> or List<String>; if (a < b && c > d) { x <<= 1; }",
        "코로나바이러스는 어떻게 전파되나요?",
        "كيف ينتشر الفيروس؟ عبر الرذاذ.",
        "می\u200cخواهم بروم",
        "क्\u200dष है।",
        "AT&T and R&D; 5 > 3",
        "Order 12345678901 of 2024-01-15, ISBN 978-3-16-148410-0, version 1.2.3.4",
    ],
)
def test_good_texts_stay_as_they_are(name: str, text: str) -> None:
    assert cleaned(text, name) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("می\u200cخواهم\u200c ok\u200c", "می\u200cخواهم\u200c ok"),
        ("क्\u200dष", "क्\u200dष"),
        ("👨\u200d👩\u200d👧 👩\u200d x\u200dy", "👨\u200d👩\u200d👧 👩 xy"),
        ("🏴\U000e0067\U000e0062\U000e007f x\U000e0041", "🏴\U000e0067\U000e0062\U000e007f x"),
        ("\u202eabc\u202c\u200f", "abc"),
        ("\u200fشكرا abc\u200e.", "\u200fشكرا abc\u200e."),
        ("a\x0cb\x00c\x85d", "a\nbc\nd"),
        ("❤\ufe0f", "❤\ufe0f"),
    ],
)
def test_invisible_characters_stay_where_they_are_needed(text: str, expected: str) -> None:
    assert cleaned(text, "remove-invisible") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("He said \"hi\" and 'yo'.", "He said “hi” and ‘yo’."),
        ("it's 5'10\" tall, the '90s", "it’s 5'10\" tall, the ’90s"),
        ('<a href="x">"t"</a> """doc"""', '<a href="x">“t”</a> """doc"""'),
        ('say `x = "y"` "so"', 'say `x = "y"` “so”'),
    ],
)
def test_quotes_curl_as_in_print(text: str, expected: str) -> None:
    assert cleaned(text, "quotes", to="curly") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("schÃ¶n", "schön"),
        ("Ð¿Ñ€Ð¸Ð²ÐµÑ‚", "привет"),
        ("x<b>&amp;</b> ﬁ “q” ½", "x<b>&amp;</b> ﬁ “q” ½"),
        ("line one\nschÃ¶n", "line one\nschön"),
        ("Ãber", "Ãber"),
        ("Click â€œGoâ€ now. â€œStopâ€", "Click “Go” now. “Stop”"),
    ],
)
def test_only_broken_characters_are_repaired(text: str, expected: str) -> None:
    assert cleaned(text, "fix-mojibake") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("See https://a.b/c_(d). Next", "See. Next"),
        ("x (https://a.b) y", "x y"),
        ("https://a.com를 보세요", "를 보세요"),
        ("Visit WWW.example.com!", "Visit!"),
        ("[t](http://x.y/z_(w)) ok", "t ok"),
        ("https://a.b https://c.d e", "e"),
        ("a\nhttps://x.y b", "a\nb"),
        ("`curl https://a.b` https://a.b", "`curl https://a.b`"),
        ("no url://", "no url://"),
        ('see <a class="x" href="https://a.b">this</a> or <a href="https://a.b">https://a.b</a>', "see this or "),
    ],
)
def test_addresses_go_with_their_gap(text: str, expected: str) -> None:
    assert cleaned(text, "remove-urls") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@b.com으로 보내", "으로 보내"),
        ("jörg@münchen.de ok", "ok"),
        ("[me](mailto:a@b.org) hi", "me hi"),
        ("(a@b.org) x", "x"),
        ('<a href="mailto:a@b.org">me</a> <b>a@b.org</b>', "me <b></b>"),
        ("@user at user@host", "@user at user@host"),
    ],
)
def test_mail_addresses_go_with_their_gap(text: str, expected: str) -> None:
    assert cleaned(text, "remove-emails") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("hi 👋🏽!", "hi!"),
        ("❤\ufe0f ❤ ©\ufe0f ©", "❤ ©"),
        ("👨\u200d👩\u200d👧\u200d👦x 🇩🇪🇫🇷", "x"),
        ("1\ufe0f\u20e3 one", "one"),
        ("5 * 3 #1", "5 * 3 #1"),
        ("한국어 😀 좋아", "한국어 좋아"),
        ("مرحبا 😀", "مرحبا"),
    ],
)
def test_emoji_go_with_all_their_parts(text: str, expected: str) -> None:
    assert cleaned(text, "remove-emoji") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("    def f():\n        return 1  ", "    def f():\n        return 1"),
        ("- a\n    - b  \n\n", "- a\n    - b"),
        ("a\xa0b", "a\xa0b"),
        ("x  `a  b`  y", "x `a  b` y"),
    ],
)
def test_indentation_and_code_keep_their_spaces(text: str, expected: str) -> None:
    assert cleaned(text, "trim") == expected


def test_empty_lines_can_leave_one_between_paragraphs() -> None:
    assert cleaned("a\n\n\n\nb\r\n\r\n \r\nc", "remove-empty-lines", leave="one") == "a\n\nb\r\n\r\nc"


def test_newlines_become_crlf_once() -> None:
    assert cleaned("a\r\nb\nc", "normalise-newlines", to="crlf") == "a\r\nb\r\nc"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Q: Q1: hi", "hi"),
        ("**Answer**: x", "x"),
        ("**Answer: x** y", "**Answer: x** y"),
        ("### Response:\nhi", "hi"),
        ("a: x", "a: x"),
        ("Q：x", "x"),
        ("질문: 뭐", "뭐"),
        ("I asked. Q: x", "I asked. Q: x"),
    ],
)
def test_prefixes_go_only_from_the_beginning(text: str, expected: str) -> None:
    assert cleaned(text, "remove-prefixes") == expected


def test_prefixes_can_go_from_every_line() -> None:
    assert cleaned("Q: a\nA: b", "remove-prefixes", where="lines") == "a\nb"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("I think. As an AI, I do not know! Ok.", "I think. Ok."),
        ("They say “As an AI model, I cannot” often.", "They say “As an AI model, I cannot” often."),
        ("Line1.\n\nI hope this helps! Let me know if you have any questions.", "Line1."),
        ("I’m just an AI and so on. Hi.", "Hi."),
        ("As an AIX user.", "As an AIX user."),
    ],
)
def test_boilerplate_goes_by_whole_sentences(text: str, expected: str) -> None:
    assert cleaned(text, "remove-boilerplate") == expected


def test_only_the_phrase_can_go() -> None:
    assert cleaned("As an AI language model, here it is.", "remove-boilerplate", what="phrase") == "Here it is."


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a <b>x</b> and x<y and z", "a x and x<y and z"),
        ("std::vector<P> and List<A> and <title>", "std::vector<P> and List<A> and <title>"),
        ("<p>one<p>two<br>three", "one\ntwo\nthree"),
        ("<ul>\n<li>a</li>\n<li>b</li>\n</ul>", "a\nb"),
        ("<script>alert(1)</script><!-- c -->hi", "hi"),
        ("`<b>x</b>` and <i>y</i>", "`<b>x</b>` and y"),
        ("I <3 you", "I <3 you"),
    ],
)
def test_only_real_tags_are_stripped(text: str, expected: str) -> None:
    assert cleaned(text, "strip-html") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Map<int> m; <b>bold</b> AT&T &amp; ?a=1&copy=2", "Map<int> m; **bold** AT&T & ?a=1&copy=2"),
        ("one\ntwo <i>x</i>\n\nthree", "one\ntwo *x*\n\nthree"),
        ("text\n\n```py\na<b>c</b>\n```\n\n<p>hello</p>", "text\n\n```py\na<b>c</b>\n```\n\nhello"),
        ("<p>para</p>\n<p>two</p>", "para\n\ntwo"),
    ],
)
def test_markdown_around_the_tags_stays(text: str, expected: str) -> None:
    assert cleaned(text, "html-to-markdown") == expected


def test_entities_without_a_character_stay() -> None:
    assert (
        cleaned("&amp;lt; &#39; &#0; &#xD800; &copy=1 &zwj;", "decode-entities") == "&lt; ' &#0; &#xD800; &copy=1 &zwj;"
    )


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("~~~\nx\n```", "~~~\nx\n```\n~~~"),
        ("````\n```\nx\n```", "````\n```\nx\n```\n````"),
        ("- ```py\n  x", "- ```py\n  x\n  ```"),
        ("> ```\r\n> x", "> ```\r\n> x\r\n> ```"),
        ("a ```inline``` b", "a ```inline``` b"),
        ("```\nx\n```", "```\nx\n```"),
    ],
)
def test_open_fences_are_closed_as_they_were_opened(text: str, expected: str) -> None:
    assert cleaned(text, "close-code-fences") == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Dr. Smith went home yesterday evening late.", "Dr. Smith went home yesterday"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "abcdefghijklmnopqrstuvwxyz0123"),
        ("Look at this:\n```\na. b. c. d. e. f. g.\n```", "Look at this:"),
        (
            "日本語の文。もう一つの文です。三つ目の文です。そして四つ目です。",
            "日本語の文。もう一つの文です。三つ目の文です。",
        ),
        ("```\nlong code that is longer\n```\nThen text.", "```\nlong code that is longer\n```"),
    ],
)
def test_texts_end_with_a_whole_sentence(text: str, expected: str) -> None:
    assert cleaned(text, "truncate", limit=30) == expected


@pytest.mark.parametrize("limit", [0, -1])
def test_a_limit_must_leave_something(limit: int) -> None:
    with pytest.raises(Invalid):
        cleaned("text", "truncate", limit=limit)


@pytest.mark.parametrize(
    ("to", "text", "expected"),
    [
        (
            "sentence",
            "what is iPhone? it's e.g. this. visit example.com. ok",
            "What is iPhone? It's e.g. this. Visit example.com. Ok",
        ),
        ("sentence", "example.com is it", "example.com is it"),
        ("title", "it's o'neil élan 한국 don't", "It's O'neil Élan 한국 Don't"),
        ("upper", "straße `code`", "STRASSE `code`"),
        ("lower", "ÀB", "àb"),
    ],
)
def test_case_changes_where_it_is_meant(to: str, text: str, expected: str) -> None:
    assert cleaned(text, "change-case", to=to) == expected
