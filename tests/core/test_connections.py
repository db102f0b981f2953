"""Addresses of servers of models: what may be used freely, what only by the user's word, and what never."""

from ipaddress import ip_address

import pytest

from app.core.connections import Allowed, Values, check_address, check_reach, reach_of, read_address
from app.core.errors import Conflict, Invalid

EVERYTHING = Allowed(http=True, private=True)


def refusal(address, allowed=EVERYTHING):
    with pytest.raises(Invalid) as error:
        check_address(read_address(address), allowed)
    return error.value


@pytest.mark.parametrize(
    "address",
    [
        "http://127.0.0.1:11434/v1",
        "http://127.9.8.7/v1",
        "http://localhost:1234/v1",
        "https://localhost/v1",
        "http://model.localhost/v1",
        "http://[::1]:8080/v1",
        "http://[::ffff:127.0.0.1]/v1",
        "https://api.example.com/v1",
        "https://api.example.com",
        "https://8.8.8.8/v1",
        "https://[2606:4700::1111]/v1",
    ],
)
def test_this_computer_and_https_are_free(address):
    check_address(read_address(address), Allowed())


@pytest.mark.parametrize(
    "address",
    ["http://api.example.com/v1", "http://8.8.8.8/v1", "HTTP://api.example.com", "http://localhost.example.com"],
)
def test_plain_http_elsewhere_needs_the_users_word(address):
    assert refusal(address, Allowed(private=True)).code == "plain_http"
    check_address(read_address(address), Allowed(http=True))


@pytest.mark.parametrize(
    "host",
    "10.0.0.1 172.16.5.5 192.168.1.2 169.254.169.254 100.64.0.1 198.18.0.1 192.0.2.1 [fe80::1] [fc00::1] [fd12:3456::1] "
    "[fec0::1] [::ffff:10.0.0.1] [64:ff9b::a00:1] [64:ff9b::7f00:1] [2002:a00:1::] [2002:7f00:1::] [2001:db8::1]".split(),
)
def test_private_addresses_need_the_users_word(host):
    assert refusal(f"https://{host}/v1", Allowed(http=True)).code == "private_address"
    check_address(read_address(f"https://{host}/v1"), Allowed(private=True))
    assert refusal(f"http://{host}/v1", Allowed(private=True)).code == "plain_http"


@pytest.mark.parametrize(
    "host", ["0.0.0.0", "[::]", "224.0.0.1", "255.255.255.255", "240.0.0.1", "[ff02::1]", "[::127.0.0.1]", "[::2]"]
)
def test_addresses_that_no_server_has_are_refused_whatever_the_user_says(host):
    assert refusal(f"https://{host}/v1").code == "bad_address"


@pytest.mark.parametrize(
    "host",
    "2130706433 0177.0.0.1 0x7f.0.0.1 0x7f000001 127.1 127.0.1 010.0.0.1 1.2.3.4.5 256.1.1.1 127.0.0.1. 0x7f.1 "
    "00000127.0.0.1 example.0x10 [127.0.0.1] [::1%25eth0] [fe80::1%eth0] [1]".split(),
)
def test_odd_spellings_of_numbers_are_refused(host):
    assert refusal(f"http://{host}:80/v1").code == "bad_address"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "example.com/v1",
        "ftp://example.com",
        "file:///etc/passwd",
        "https://",
        "https:///v1",
        "https://ex ample.com",
        "https://example.com:0/v1",
        "https://example.com:65536",
        "https://example.com:/v1",
        "https://exa\tmple.com",
        "https://example.com\\x",
        "https://example.com/v1?key=abc",
        "https://example.com/v1#x",
        "https://ex\u200dample.com",
        "https://\u24dbocalhost/v1",
        "http://\uff11\uff12\uff17.0.0.1/v1",
        "https://example.com/../admin",
        "https://example.com//v1",
        "https://example.com/%2e%2e/x",
        "https://-a.com",
        "https://a..b",
        "//example.com",
        "javascript:alert(1)",
        "https://" + "a" * 600 + ".com",
        "https://example.com\n.evil.test/v1",
    ],
)
def test_what_is_no_plain_address_is_refused(address):
    assert refusal(address).code == "bad_address"


def test_user_names_are_refused_and_not_repeated():
    for address in (
        "https://me:sk-secret@example.com/v1",
        "https://sk-secret@example.com",
        "https://example.com\\@evil.test",
        "http://a@b@127.0.0.1/",
    ):
        error = refusal(address)
        assert error.code == "userinfo" and "sk-secret" not in error.message


def test_an_address_is_kept_in_one_spelling():
    for text in ("HTTPS://API.Example.com:443/v1/", " https://api.example.com/v1 ", "https://api.example.com./v1"):
        assert read_address(text).url == "https://api.example.com/v1"
    assert read_address("https://api.example.com/v1/chat/completions").url == "https://api.example.com/v1"
    assert read_address("http://[0:0::1]:80").url == "http://[::1]"
    assert read_address("http://localhost:8080/v1").origin == "http://localhost:8080"


@pytest.mark.parametrize(
    ("address", "ip", "allowed", "code"),
    [
        ("https://api.example.com", "93.184.216.34", Allowed(), None),
        ("https://api.example.com", "127.0.0.1", Allowed(), None),
        ("https://api.example.com", "10.1.2.3", Allowed(), "private_address"),
        ("https://api.example.com", "10.1.2.3", Allowed(private=True), None),
        ("https://api.example.com", "::ffff:169.254.169.254", Allowed(http=True), "private_address"),
        ("https://api.example.com", "fe80::1%eth0", Allowed(), "private_address"),
        ("http://localhost:8080", "127.0.0.1", Allowed(), None),
        ("http://localhost:8080", "93.184.216.34", Allowed(), "plain_http"),
        ("http://localhost:8080", "10.1.2.3", Allowed(), "private_address"),
        ("http://printer.example", "93.184.216.34", Allowed(http=True), None),
        ("http://printer.example", "10.1.2.3", Allowed(http=True), "private_address"),
        ("https://api.example.com", "0.0.0.0", EVERYTHING, "bad_address"),
        ("https://api.example.com", "no ip", EVERYTHING, "bad_address"),
    ],
)
def test_the_same_holds_for_what_a_name_leads_to(address, ip, allowed, code):
    if code is None:
        check_reach(read_address(address), ip, allowed)
        return
    with pytest.raises(Conflict) as error:
        check_reach(read_address(address), ip, allowed)
    assert error.value.code == code


def test_every_kind_of_reach():
    reaches = {ip: reach_of(ip_address(ip)) for ip in ("127.0.0.1", "::1", "10.0.0.1", "1.1.1.1", "0.0.0.0")}
    assert list(reaches.values()) == ["loopback", "loopback", "private", "public", "never"]


GOOD = Values("Cloud", "https://api.example.com/v1", "small")


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({"name": " "}, "bad_name"),
        ({"name": "x" * 81}, "bad_name"),
        ({"name": "a\x1b[31mb"}, "bad_name"),
        ({"name": "7"}, "bad_name"),
        ({"model": ""}, "bad_model"),
        ({"model": "m" * 201}, "bad_model"),
        ({"key_source": "paper"}, "bad_key"),
        ({"key_source": "variable", "variable": "sk-secret!"}, "bad_variable"),
        ({"currency": "euros"}, "currency"),
        ({"price_in": -1.0}, "bad_price"),
        ({"price_out": float("nan")}, "bad_price"),
        ({"cap": float("inf")}, "bad_price"),
        ({"per_minute": 0}, "bad_limit"),
        ({"parallel": 0}, "bad_limit"),
        ({"parallel": 257}, "bad_limit"),
    ],
)
def test_what_is_said_of_a_connection_must_make_sense(wrong, code):
    from dataclasses import replace

    with pytest.raises(Invalid) as error:
        replace(GOOD, **wrong).checked()
    assert error.value.code == code and "sk-secret" not in error.value.message


def test_values_are_kept_in_one_spelling():
    kept = Values(
        "  My\tcloud ", "https://API.example.com/v1/", " small ", "none", "LEFT_OVER", currency="eur"
    ).checked()
    assert (kept.name, kept.address, kept.model) == ("My cloud", "https://api.example.com/v1", "small")
    assert (kept.variable, kept.currency) == ("", "EUR")
