"""Masks: what is personal data, what only looks like it, and the same pseudonym for the same thing."""

import time
from typing import Any

import pytest

from app.core.cleaning import Step, compile_recipe
from app.core.errors import Invalid
from app.core.record import Message, Record


def masked(text: str, **options: Any) -> str:
    result = compile_recipe([Step("mask", options)]).clean(Record(text))
    assert isinstance(result, Record)
    return result.question


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ann@example.org.", "[EMAIL_1]."),
        ("메일은 ann@example.org으로", "메일은 [EMAIL_1]으로"),
        ("Call +1 (555) 123-4567 or 555-123-4567.", "Call [PHONE_1] or [PHONE_2]."),
        ("+49 (0)30 901820", "[PHONE_1]"),
        ("0171 2345678", "[PHONE_1]"),
        ("Tel.: 030/1234567", "Tel.: [PHONE_1]"),
        ("010-1234-5678 로 전화", "[PHONE_1] 로 전화"),
        ("1-800-555-0199", "[PHONE_1]"),
        ("Call: 1800 200 1999 / 1860", "Call: [PHONE_1] / 1860"),
        ("Fax: 011 - 41898801", "Fax: [PHONE_1]"),
        ("tel:+12125550123", "tel:[PHONE_1]"),
        ("+44 (0)20 7946 0958 ext. 5", "[PHONE_1]"),
        ("020 7946 0958, 01 42 68 53 00, 06 12345678", "[PHONE_1], [PHONE_2], [PHONE_3]"),
        ("(11) 91234-5678 und 03-1234-5678", "[PHONE_1] und [PHONE_2]"),
        ("138 0013 8000", "[PHONE_1]"),
        ("phone: ٠١٠١٢٣٤٥٦٧٨", "phone: [PHONE_1]"),
        ("DE89370400440532013000", "[IBAN_1]"),
        ("NO93 8601 1117 947", "[IBAN_1]"),
        ("GB29 NWBK 6016 1331 9268 19 thanks", "[IBAN_1] thanks"),
        ("card 4111 1111 1111 1111 ok", "card [CARD_1] ok"),
        ("card 4111-1111-1111-1111, 378282246310005", "card [CARD_1], [CARD_2]"),
        ("at 192.168.1.10:8080", "at [IP_1]:8080"),
        ("2001:db8::ff00:42:8329", "[IP_1]"),
        ("SSN 123-45-6789", "SSN [SSN_1]"),
        ("AKIAIOSFODNN7EXAMPLE", "[KEY_1]"),
        ("sk-proj-abcdefghijklmnop1234567890", "[KEY_1]"),
        ('api_key = "abcd1234efgh5678"', 'api_key = "[KEY_1]"'),
        ("password: hunter2hunter2x", "password: [KEY_1]"),
        ("eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0In0.abcDEF123456", "[KEY_1]"),
        ("-----BEGIN RSA PRIVATE KEY-----\nabc\n-----END RSA PRIVATE KEY-----", "[KEY_1]"),
    ],
)
def test_personal_data_is_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


@pytest.mark.parametrize(
    "text",
    [
        "on 2024-01-15 at 12:30:45, 12/05/2024, 12.05.2024",
        "order 00123842, 12345678901, 1,234,567.89, 1 000 000 000, 3.14159265358979",
        "card 4111 1111 1111 1112 and DE89 3704 0044 0532 0130 01",
        "DE89 3704 0044 0532 0130 0 and XX89370400440532013000",
        "population 512 345 678, 70 000 000 or 12 345 678",
        "from 960-480-120 to 70000-80000, or 90000 100000",
        "the matrix 0 1 0 0 1 0 1 1, 0.615198 and 10 + 20 + 30 + 4000000",
        "version 1.2.3.4, v1.2.3.4, 1.2.3.4.5, 127.0.0.1, 0.0.0.0",
        "std::vector a::b",
        "ISBN 978-3-16-148410-0, UUID 550e8400-e29b-41d4-a716-446655440000",
        "pages 100-200, 1990-2000, sum 100 200 300 400",
        "password: something-long-word",
        "user@host",
        "https://x.y/12345678901",
    ],
)
def test_other_numbers_stay(text: str) -> None:
    assert masked(text) == text


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Call 1800 200 1999 or 1860 266 2666", "Call [PHONE_1] or [PHONE_2]"),
        ("call 5551234567, 5551234568 and 5551234569", "call [PHONE_1], [PHONE_2] and [PHONE_3]"),
        ("Phone:555-123-4567,555-123-4568", "Phone:[PHONE_1],[PHONE_2]"),
        ("Tel. 030 1234567 / 0407654321, Fax 0301234568", "Tel. [PHONE_1] / [PHONE_2], Fax [PHONE_3]"),
        ("请拨打 138-0013-8000 或 010-12345678", "请拨打 [PHONE_1] 或 [PHONE_2]"),
        ("+49 30 901820 or order 12345678", "[PHONE_1] or order 12345678"),
    ],
)
def test_all_numbers_of_a_list_are_masked(text: str, expected: str) -> None:
    assert masked(text) == expected


def test_many_digits_take_no_time() -> None:
    began = time.process_time()
    for text in ("1 " * 20_000, "+1 " * 20_000, "(0)" * 20_000, "0 1-" * 10_000, "call 12345678, " * 3_000):
        masked(text)
    assert time.process_time() - began < 10


def test_the_same_thing_has_one_pseudonym_in_the_whole_pair() -> None:
    record = Record(
        "I am ann@example.org.",
        "Ann@Example.org or bob@example.org?",
        turns=(Message("user", "+49 30 1234567, +49301234567"),),
    )
    result = compile_recipe([Step("mask")]).clean(record)
    assert result == Record(
        "I am [EMAIL_1].", "[EMAIL_1] or [EMAIL_2]?", turns=(Message("user", "[PHONE_1], [PHONE_1]"),)
    )


def test_numbers_begin_anew_with_each_pair() -> None:
    cleaner = compile_recipe([Step("mask")])
    assert [cleaner.clean(Record(text)) for text in ("a1@b.org", "c2@d.org")] == [
        Record("[EMAIL_1]"),
        Record("[EMAIL_1]"),
    ]


def test_a_second_run_does_not_take_numbers_that_are_in_use() -> None:
    assert compile_recipe([Step("mask")]).clean(Record("ann@example.org", "As [EMAIL_3] said")) == Record(
        "[EMAIL_4]", "As [EMAIL_3] said"
    )


def test_a_secret_gives_the_same_pseudonym_everywhere() -> None:
    one, again, other = (masked("ann@example.org", style="secret", secret=secret) for secret in ("s", "s", "t"))
    assert one == again != other
    assert one.startswith("[EMAIL_")


def test_labels_can_be_all_alike() -> None:
    assert masked("a1@b.org c2@d.org", style="label") == "[EMAIL] [EMAIL]"


@pytest.mark.parametrize(
    "options", [{"style": "secret"}, dict.fromkeys(("email", "phone", "iban", "card", "ip", "key", "ssn"), False)]
)
def test_a_mask_needs_a_kind_and_its_secret(options: dict[str, Any]) -> None:
    with pytest.raises(Invalid):
        masked("text", **options)


def test_code_is_masked_too_unless_told_otherwise() -> None:
    record = Record("`AKIAIOSFODNN7EXAMPLE`")
    assert compile_recipe([Step("mask")]).clean(record) == Record("`[KEY_1]`")
    assert compile_recipe([Step("mask", keep_code=True)]).clean(record) is record


def test_tool_calls_and_their_results_are_masked() -> None:
    call = [{"id": "c", "function": {"name": "mail", "arguments": '{"to": "ann@example.org"}'}}]
    trace = (Message("assistant", tool_calls=call), Message("tool", "sent to ann@example.org", tool_call_id="c"))
    result = compile_recipe([Step("mask")]).clean(Record("Write to ann@example.org", "Done.", trace=trace))
    assert isinstance(result, Record)
    assert result.trace[0].tool_calls == [{"id": "c", "function": {"name": "mail", "arguments": '{"to": "[EMAIL_1]"}'}}]
    assert result.trace[1].text == "sent to [EMAIL_1]"
    assert result.question == "Write to [EMAIL_1]"


def test_only_the_chosen_kinds_are_masked() -> None:
    assert masked("a1@b.org 10.0.0.1", email=False) == "a1@b.org [IP_1]"
