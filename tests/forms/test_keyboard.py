"""Keys as people type them, keep them and press them."""

import pytest

from app.core.errors import Invalid
from app.forms.keyboard import (
    ACTIONS,
    SCOPES,
    Action,
    find_clashes,
    map_keys,
    parse_key,
    read_own_keys,
    show_key,
    with_pages,
    write_own_keys,
)

BY_NAME = {one.name: one for one in with_pages([("o", "Overview"), ("p", "Pairs")])}


@pytest.mark.parametrize(
    ("name", "typed", "key"),
    [
        ("approve", "Y", "y"),
        ("approve", " ", "a"),
        ("approve", "+", "+"),
        ("approve", "&", "&"),
        ("approve", "return", "enter"),
        ("approve", "↵", "enter"),
        ("save", "Ctrl D", "mod+d"),
        ("save", "ctrl+shift+d", "mod+shift+d"),
        ("save", "⌘ ⇧ D", "mod+shift+d"),
        ("save", "Ctrl+↵", "mod+enter"),
        ("save", "Ctrl++", "mod++"),
        ("go-o", "Y", "g y"),
        ("go-o", "G Y", "g y"),
    ],
)
def test_a_key_is_understood_as_it_is_typed_or_printed(name, typed, key):
    assert parse_key(BY_NAME[name], typed) == key


@pytest.mark.parametrize(
    ("name", "typed"),
    [
        ("approve", "Ctrl A"),
        ("approve", "ab"),
        ("approve", "F5"),
        ("approve", "Esc"),
        ("approve", "\x00"),
        ("save", "S"),
        ("save", "Ctrl C"),
        ("save", "Ctrl"),
        ("save", "Alt S"),
    ],
)
def test_what_cannot_be_a_key_is_refused_with_the_reason(name, typed):
    with pytest.raises(Invalid) as refused:
        parse_key(BY_NAME[name], typed)
    assert refused.value.message.endswith(".")


@pytest.mark.parametrize("action", BY_NAME.values(), ids=lambda action: action.name)
def test_every_key_is_understood_as_it_is_printed(action: Action):
    if not action.is_fixed:
        assert parse_key(action, " ".join(show_key(action.key))) == action.key


def test_own_keys_are_kept_and_read_again():
    own = {"approve": "&", "save": "mod+shift+d", "go-o": "g =", "note": "+", "undo": "mod++"}
    assert read_own_keys(write_own_keys(own), BY_NAME.values()) == own
    assert read_own_keys("approve=ctrl&gone=x&close=q&=&%", BY_NAME.values()) == {}


def test_the_usual_keys_do_not_clash():
    assert find_clashes({}, BY_NAME.values()) == {}
    assert {scope for one in ACTIONS for scope in one.scopes} == set(SCOPES)


@pytest.mark.parametrize(
    ("own", "clashing"),
    [
        ({"approve": "r"}, {"approve", "reject"}),
        ({"note": "n"}, {"note", "new"}),
        ({"merge": "3"}, {"merge", "choose-3"}),
        ({"note": "m"}, set()),
        ({"go-o": "g p"}, {"go-o", "go-p"}),
        ({"go-o": "g a"}, set()),
        ({"approve": "r", "reject": "a"}, set()),
    ],
)
def test_two_actions_of_one_page_cannot_have_one_key(own, clashing):
    assert set(find_clashes(own, BY_NAME.values())) == clashing


@pytest.mark.parametrize(
    ("own", "scopes", "meant"),
    [
        ({}, ("list",), {}),
        ({"approve": "y"}, ("list",), {"y": "a", "a": ""}),
        ({"approve": "y"}, ("duplicates",), {}),
        ({"approve": "r", "reject": "a"}, ("review",), {"r": "a", "a": "r"}),
        # Enter keeps a group of duplicates, whatever opens a pair of the list.
        ({"open": "o"}, ("duplicates",), {}),
        ({"open": "o"}, ("list", "pair"), {"o": "enter", "enter": ""}),
        ({"go-o": "g y"}, (), {"g y": "g o", "g o": ""}),
        ({"undo": "mod+y"}, (), {"mod+y": "mod+z", "mod+z": ""}),
    ],
)
def test_a_page_takes_a_key_for_the_usual_one_of_its_action(own, scopes, meant):
    assert map_keys(own, BY_NAME.values(), scopes) == meant
