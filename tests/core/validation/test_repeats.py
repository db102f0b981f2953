"""The first number of a hash is found again, however many hashes there are."""

from hypothesis import given
from hypothesis import strategies as st

from app.core.validation.repeats import FirstNumbers

HASHES = st.integers(-(2**63), 2**63 - 1) | st.integers(-3, 3)


@given(st.lists(HASHES))
def test_a_hash_is_known_by_its_first_number(hashes: list[int]) -> None:
    first, plain = FirstNumbers(), dict[int, int]()
    for number, hashed in enumerate(hashes):
        assert first.find(hashed, number) == plain.setdefault(hashed or 1, number)


def test_the_table_grows_and_keeps_what_it_knew() -> None:
    first = FirstNumbers()
    hashes = [n * 0x9E3779B97F4A7C15 % 2**64 - 2**63 for n in range(1, 20_001)]
    assert [first.find(one, n) for n, one in enumerate(hashes)] == list(range(20_000))
    assert [first.find(one, -1) for one in hashes] == list(range(20_000))
    # Those that begin at one place stand in a row.
    alike = [n << 32 for n in range(1, 3_001)]
    assert [first.find(one, n) for n, one in enumerate(alike)] == list(range(3_000))
    assert [first.find(one, -1) for one in alike] == list(range(3_000))
