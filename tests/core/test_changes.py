"""Changes as data."""

from app.core.changes import Change, change_between, chunks_of, deletion_of


def test_only_what_differs_is_a_change():
    change = change_between(7, {"question": "q", "answer": "a"}, {"question": "q", "answer": "b"})
    assert change == Change(7, {"answer": ("a", "b")})


def test_equal_values_are_no_change():
    assert change_between(7, {"answer": "a"}, {"answer": "a"}) is None


def test_an_absent_value_differs_from_an_empty_one():
    assert change_between(7, {"system": None}, {"system": ""}) == Change(7, {"system": (None, "")})


def test_the_inverse_of_the_inverse_is_the_change():
    change = Change(1, {"answer": ("a", None), "tags": (None, '["x"]')})
    assert change.inverse().fields == {"answer": (None, "a"), "tags": ('["x"]', None)}
    assert change.inverse().inverse() == change


def test_a_deletion_taken_back_is_live():
    assert deletion_of(3).inverse() == Change(3, {"live": ("0", "1")})


def test_chunks_keep_order_and_lose_nothing():
    assert list(chunks_of(range(5), 2)) == [[0, 1], [2, 3], [4]]
    assert list(chunks_of([], 2)) == []
