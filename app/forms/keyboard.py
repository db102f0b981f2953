"""The keys of the pages: what each does, on which pages, and which other key a person gave it.

A key is written as pages write it in ``data-key``: ``a``, ``enter``, ``g p``, ``mod+s`` (Ctrl, or ⌘ on a Mac).
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import combinations
from urllib.parse import parse_qsl, urlencode

from app.core.errors import Invalid

EVERYWHERE = "everywhere"
# Where a key acts, as people say it. A page belongs to one of these or to several.
SCOPES = {
    "list": "In the list",
    "pair": "In a pair",
    "review": "Review",
    "duplicates": "Duplicates",
    "trained": "What is trained",
    EVERYWHERE: "Everywhere",
    "go": "Go to",
}
# Browsers keep these, or texts need them.
_NEEDED = frozenset("acvxtnwq")
_NAMES = {"enter": "↵", "esc": "Esc"}
_TYPED = {"↵": "enter", "return": "enter", "enter": "enter"}


@dataclass(frozen=True, slots=True)
class Action:
    """What a key does. ``series`` names a row of keys that stand one after the other, such as those of a rating."""

    name: str
    label: str
    key: str
    scopes: tuple[str, ...] = (EVERYWHERE,)
    series: str = ""
    is_fixed: bool = False

    @property
    def is_mod(self) -> bool:
        """Whether it is pressed together with Ctrl. Such a key acts while one types, so it stays one."""
        return self.key.startswith("mod+")

    def meets(self, other: "Action") -> bool:
        """Whether both act on one page."""
        if "go" in (*self.scopes, *other.scopes):
            return self.scopes == other.scopes
        return EVERYWHERE in (*self.scopes, *other.scopes) or not set(self.scopes).isdisjoint(other.scopes)


_WALKED = ("list", "review", "duplicates", "trained")
ACTIONS: tuple[Action, ...] = (
    Action("approve", "Approve; once more in the list, the next pair", "a", ("list", "review")),
    Action("reject", "Reject", "r", ("list", "review")),
    Action("next", "Next pair or group", "j", _WALKED),
    Action("previous", "The one before", "k", _WALKED),
    Action("open", "Open the pair and write in it", "enter", ("list",)),
    Action("select", "Select the pair", "x", ("list",)),
    Action("to-review", "Send to review", "v", ("list",)),
    Action("tag", "Type a tag", "t", ("list", "review")),
    Action("next-page", "Next page", ".", ("list",)),
    Action("previous-page", "Page before", ",", ("list",)),
    Action("skip", "Skip: it comes again at the end", "s", ("review", "duplicates")),
    Action("edit", "Edit", "e", ("review", "duplicates")),
    Action("note", "Write a note", "c", ("review",)),
    *(Action(f"rate-{n}", f"Rate {n}", str(n), ("review",), "Rate") for n in range(1, 6)),
    Action("take-back", "Undo my last decision", "u", ("review",)),
    *(
        Action(f"choose-{n}", f"Choose pair {n}", str(n), ("duplicates",), "Choose a pair", is_fixed=True)
        for n in range(1, 10)
    ),
    Action("keep", "Keep it and remove the others", "enter", ("duplicates",)),
    Action("merge", "Merge", "m", ("duplicates",)),
    Action("dismiss", "Not duplicates, not a conflict", "x", ("duplicates",)),
    Action("save", "Save", "mod+s", ("pair",)),
    Action("search", "Search pairs", "/"),
    Action("new", "New pair, or new dataset", "n"),
    Action("main", "Save and next; the blue button", "mod+enter"),
    Action("undo", "Undo the last step", "mod+z"),
    Action("redo", "Redo", "mod+shift+z"),
    Action("close", "Leave a field, close, clear the selection", "esc", is_fixed=True),
    Action("help", "These keys", "?"),
    Action("go", "Go to a page: this, then its key", "g"),
    Action("go-w", "Switch to another dataset", "g w", ("go",)),
)


def with_pages(pages: Iterable[tuple[str, str]]) -> tuple[Action, ...]:
    """All actions, with those that lead to the pages of the navigation: each its letter and its name."""
    return (*ACTIONS, *(Action(f"go-{letter}", name, f"g {letter}", ("go",)) for letter, name in pages))


def show_key(key: str, prefix: str = "g") -> tuple[str, ...]:
    """The key as it is printed: ``mod+shift+z`` gives Ctrl, ⇧ and Z. ``prefix`` is the key that stands before pages."""
    if key.startswith("g "):
        return (*show_key(prefix), *show_key(key[2:]))
    *mods, last = key.split("+") if len(key) > 1 else [key]
    return (*({"mod": "Ctrl", "shift": "⇧"}[one] for one in mods), _NAMES.get(last, last.upper()))


def parse_key(action: Action, typed: str) -> str:
    """The key that a person typed or wrote for an action. Raises Invalid."""
    if not typed.strip():
        return action.key
    parts = [part.casefold() for part in re.findall(r"[^\s+]+|\+(?=$)", typed.strip())]
    if action.scopes == ("go",) and len(parts) > 1:
        # As it is printed: the key for all pages stands before.
        parts = parts[-1:]
    last = _TYPED.get(parts[-1], parts[-1]) if parts else ""
    mods = {"⇧": "shift", "shift": "shift", "⌘": "mod", "cmd": "mod", "strg": "mod", "ctrl": "mod"}
    held = {mods.get(part, "") for part in parts[:-1]}
    if "" in held or not (last == "enter" or (len(last) == 1 and last.isprintable())) or last.isspace():
        raise Invalid(f"“{typed.strip()}” is no key. Write one character, such as A, or Ctrl and one.", code="no_key")
    if action.is_mod:
        if held not in ({"mod"}, {"mod", "shift"}):
            said = f"“{action.label}” also acts while one types, so it needs Ctrl: Ctrl and a letter."
            raise Invalid(said, code="no_key")
        if last in _NEEDED:
            raise Invalid(f"Browsers and texts need Ctrl {last.upper()}. Use another letter.", code="no_key")
        return f"mod+shift+{last}" if "shift" in held else f"mod+{last}"
    if held:
        raise Invalid(f"“{action.label}” takes one key alone, such as A.", code="no_key")
    return f"g {last}" if action.scopes == ("go",) else last


def read_own_keys(kept: str, actions: Iterable[Action]) -> dict[str, str]:
    """The keys that a person gave actions, by name; what is not understood, as of an older version, is left out."""
    said, own = dict(parse_qsl(kept)), {}
    for action in actions:
        try:
            key = parse_key(action, said.get(action.name, "").replace("mod+", "Ctrl+"))
        except Invalid:
            continue
        if key != action.key and not action.is_fixed:
            own[action.name] = key
    return own


def write_own_keys(own: Mapping[str, str]) -> str:
    """As ``read_own_keys`` reads it."""
    return urlencode({name: key.removeprefix("g ") for name, key in own.items()})


def find_clashes(own: Mapping[str, str], actions: Iterable[Action]) -> dict[str, Action]:
    """Each action, by name, whose key another one has on one of the same pages, with that one."""
    clashes: dict[str, Action] = {}
    for one, other in combinations(actions, 2):
        if one.meets(other) and own.get(one.name, one.key) == own.get(other.name, other.key):
            clashes.setdefault(one.name, other)
            clashes.setdefault(other.name, one)
    return clashes


def map_keys(own: Mapping[str, str], actions: Iterable[Action], scopes: Iterable[str]) -> dict[str, str]:
    """What a page with these scopes takes a pressed key for: the usual key of its action, else nothing."""
    here = [one for one in actions if not {EVERYWHERE, "go", *scopes}.isdisjoint(one.scopes)]
    changed = [one for one in here if one.name in own]
    freed = {one.key: "" for one in changed}
    # Who has kept a key that another action had on some other page.
    kept = {one.key for one in here if one.name not in own}
    taken = {own[one.name]: one.key for one in changed}
    return {**{key: "" for key in freed if key not in kept}, **taken}
