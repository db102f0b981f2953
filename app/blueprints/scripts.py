"""Scripts of many files as one: a browser asks once, and they are compressed together."""

import re
from pathlib import Path

_IMPORT = re.compile(r'^import (\{[^}]*\}) from "\./([a-z-]+)\.js";$', re.MULTILINE)
_EXPORT = re.compile(r"^export (?=(?:async )?(?:function|const|class) (\w+))", re.MULTILINE)
# Comments and indents are for those who read the single files.
_SPACE = re.compile(r"^\s*(?://.*)?\n|^[ \t]+", re.MULTILINE)


def join(folder: Path, first: str) -> str:
    """The module ``first`` with all that it imports, each in a function of its own and behind those that it needs."""
    done: dict[str, str] = {}
    _add(folder, first, done, ())
    return "".join(done.values())


def _add(folder: Path, name: str, done: dict[str, str], within: tuple[str, ...]) -> None:
    if name in within:
        raise ValueError(f"The scripts {', '.join(within[within.index(name) :])} import each other.")
    if name in done:
        return
    text = (folder / f"{name}.js").read_text(encoding="utf-8")
    for _, other in _IMPORT.findall(text):
        _add(folder, other, done, (*within, name))
    given = ", ".join(_EXPORT.findall(text))
    text = _IMPORT.sub(lambda one: f"const {one[1]} = {_variable(one[2])};", text)
    text = _SPACE.sub("", _EXPORT.sub("", text))
    if left := re.search(r"^(?:import|export)\b.*|\bimport\(.*", text, re.MULTILINE):
        raise ValueError(f"{name}.js has what cannot be joined: {left[0]}")
    done[name] = f"const {_variable(name)} = (() => {{\n{text}return {{ {given} }};\n}})();\n"


def _variable(name: str) -> str:
    return f"${name.replace('-', '_')}"
