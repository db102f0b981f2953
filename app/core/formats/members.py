"""Which files of an archive or a folder hold data, and which split each of them is.

Sources: the data files of the Hub (datasets 5.2, data_files.py: keywords and the block ``configs`` of a card),
LLaMA-Factory's ``dataset_info.json`` (data/README.md), the names of MLX-LM (train, valid, test).
"""

import json
import re
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import PurePosixPath
from typing import Any

from app.core.bundles.order import ORDER
from app.core.errors import Invalid
from app.core.text import plural

# So many files are read together: each of them is looked at before.
MOST = 200
_LINES = (".jsonl", ".ndjson", ".jsonlines", ".json")
_TABLES = (".csv", ".tsv", ".tab", ".parquet", ".pq", ".xlsx", ".xls", ".xlsb", ".xlsm", ".ods")
_DATA = (*_LINES, *_TABLES, ".db", ".sqlite", ".sqlite3")
_TEXT = (".txt", ".md", ".markdown")
# What stands beside data and is none, by its name.
_BESIDE = re.compile(
    r"(readme|licen[cs]e|notice|citation|changelog)\b.*|.*\.(ya?ml|py|toml|cfg|ini|lock|sha256|gitattributes)"
    r"|(.*\.)?manifest\.json|(croissant|dataset_infos?|state|special_tokens_map)\.json",
    re.IGNORECASE,
)
_WORDS = {
    "train": ("train", "training"),
    "validation": ("validation", "valid", "val", "dev"),
    "test": ("test", "testing", "eval", "evaluation"),
}
# Words that may stand behind that of a split.
_BESIDE_WORDS = frozenset(
    ("copy", "data", "dataset", "examples", "file", "final", "of", "pairs", "part", "rows", "set", "split", "version")
)
_SPLIT_OF = {word: split for split, words in _WORDS.items() for word in words}
_HEAD = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_SAID = re.compile(
    r"""(?:^|[-{,\s])(config_name|split|path|data_files|default)\s*:\s*("[^"]*"|'[^']*'|\[[^]]*\]|[^,}#]*)"""
)
CARD, INFO = "readme.md", "dataset_info.json"


@dataclass(frozen=True, slots=True)
class Member:
    """One data file: its path as the archive has it, what people call it, and its split where that is told."""

    path: str
    title: str
    split: str | None = None


@dataclass(frozen=True, slots=True)
class Members:
    """The data files of a set in the order of their splits, and what is to be said of the rest.

    ``beside`` are the files that say what these are, ``order`` is the one of them that keeps the order of their rows.
    """

    files: tuple[Member, ...]
    warnings: tuple[str, ...] = ()
    beside: tuple[str, ...] = ()
    order: str = ""


def split_of_name(path: str) -> str | None:
    """The split that a file's name, else that of a folder it lies in, tells; None where it tells none, or several."""
    for part in reversed(_parts_of(path)):
        name = part.lower().removesuffix(".gz").removesuffix(".zst")
        ending = next((one for one in (*_DATA, *_TEXT) if name.endswith(one)), "")
        pieces = [re.findall("[a-z]+", piece) for piece in name.removesuffix(ending).split()]
        # A title such as “training of dogs” is about something.
        while len(pieces) > 1 and _BESIDE_WORDS.issuperset(pieces[-1]):
            pieces.pop()
        found = {_SPLIT_OF[word] for last in pieces[-1:] for word in last if word in _SPLIT_OF}
        if found:
            return found.pop() if len(found) == 1 else None
    return None


def tells_splits(names: Sequence[str]) -> bool:
    """Whether files that come together are one set: a card or a list names them, or each is called by its split."""
    data = [name for name in names if _is_data(name)]
    lists = any(PurePosixPath(name).name.lower() in (CARD, INFO) for name in names)
    return bool(data) and (lists or (len(data) == len(names) > 1 and all(map(split_of_name, data))))


def choose_members(paths: Sequence[str], read: Callable[[str], bytes]) -> Members:
    """The data files among some paths. ``read`` gives the content of one, at most a megabyte of it.

    A card, or LLaMA-Factory's list, says which they are; else all files are that are called like data. Raises Invalid
    where there is none, or too many.
    """
    visible = [path for path in paths if not _is_hidden(path)]
    data = [path for path in visible if _is_data(path)]
    data = data or [path for path in visible if path.lower().endswith((*_DATA, *_TEXT))]
    if not data:
        names = ", ".join(_title_of(path) for path in sorted(visible)[:5]) or "nothing to read"
        raise Invalid(f"There is no data file in it: it holds {names}.", code="no_data_file")
    warnings: list[str] = []
    files: list[Member] = []
    if card := _shallowest(visible, CARD):
        files = _named_by_card(read(card).decode("utf-8", "replace"), _folder_of(card), data, warnings)
    if not files and (info := _shallowest(visible, INFO)):
        files = _named_by_info(read(info), _folder_of(info), data)
    files = files or [Member(path, _title_of(path), split_of_name(path)) for path in data]
    if len(files) > MOST:
        raise Invalid(f"It holds {len(files):,} data files; up to {MOST} are read together. Import a part of them.")
    if twice := [path for path, number in Counter(paths).items() if number > 1 and path in {one.path for one in files}]:
        raise Invalid(f"It holds {_title_of(twice[0])} twice. Pack it again.", code="damaged")
    chosen = {one.path for one in files}
    left = [_title_of(path) for path in visible if path not in chosen and not _BESIDE.fullmatch(_parts_of(path)[-1])]
    if left:
        more = f" and {len(left) - 3:,} more" if len(left) > 3 else ""
        warnings.append(f"Not read: {plural(len(left), 'other file')} in it ({', '.join(sorted(left)[:3])}{more}).")
    files.sort(key=lambda one: ([*_WORDS, None].index(one.split), _natural(one.path)))
    orders = [path for path in paths if path == ORDER or path.endswith(f"/{ORDER}")]
    order = min(orders, key=len, default="")
    beside = (_shallowest(visible, CARD), _shallowest(visible, INFO), order)
    return Members(tuple(files), tuple(warnings), tuple(filter(None, beside)), order)


def _parts_of(path: str) -> list[str]:
    """The names along a path; nothing leads out of it."""
    return [part for part in re.split(r"[\\/]", path) if part not in ("", ".", "..")] or ["file"]


def _title_of(path: str) -> str:
    return "".join(c for c in "/".join(_parts_of(path)) if c.isprintable())[-200:]


def _folder_of(path: str) -> str:
    return path[: len(path) - len(re.split(r"[\\/]", path)[-1])]


def _is_hidden(path: str) -> bool:
    return any(part.startswith(".") or part in ("__MACOSX", "__pycache__") for part in _parts_of(path))


def _is_data(path: str) -> bool:
    name = _parts_of(path)[-1].lower()
    return name.removesuffix(".gz").removesuffix(".zst").endswith(_DATA) and not _BESIDE.fullmatch(name)


def _shallowest(paths: Sequence[str], name: str) -> str:
    found = [path for path in paths if _parts_of(path)[-1].lower() == name]
    return min(found, key=lambda path: len(_parts_of(path)), default="")


def _natural(text: str) -> list[tuple[int, str]]:
    return [(int(part), "") if part.isdecimal() else (-1, part) for part in re.split(r"([0-9]{1,18})", text)]


def _named_by_card(card: str, folder: str, data: Sequence[str], warnings: list[str]) -> list[Member]:
    """The files that a card names; of several configurations those of the default one."""
    configs: dict[str, list[tuple[str | None, str]]] = {}
    default = ""
    for key, config, split, said in _read_configs(card):
        if key == "default" and said == "true":
            default = config
        elif key == "path":
            configs.setdefault(config, []).append((split, said))
    if not configs:
        return []
    chosen = default or ("default" if "default" in configs else next(iter(configs)))
    if len(configs) > 1:
        warnings.append(f"The card names {len(configs)} configurations: {', '.join(configs)}. “{chosen}” is read.")
    files: dict[str, Member] = {}
    for split, pattern in configs[chosen]:
        wanted = folder + pattern.removeprefix("./").rstrip("/")
        for path in data:
            if path == wanted or path.startswith(f"{wanted}/") or fnmatchcase(path, wanted):
                told = split_of_name(split) if split else split_of_name(path)
                files.setdefault(path, Member(path, _title_of(path), told))
    return list(files.values())


def _read_configs(card: str) -> Iterator[tuple[str, str, str | None, str]]:
    """What the block ``configs`` of a card says, key by key: the key, its configuration and split, and the value.

    YAML as cards have it: lists of lines or in braces. What is written otherwise is passed over.
    """
    head = _HEAD.match(card)
    block = re.search(r"^configs:[ \t]*\r?\n((?:[ \t-].*\r?\n?|\r?\n)*)", head[1], re.MULTILINE) if head else None
    config, split, last = "", None, ""
    for line in block[1].splitlines() if block else ():
        found = [(one[1], one[2].strip()) for one in _SAID.finditer(line)]
        bare = re.fullmatch(r"-\s+(?=\S)([^:{]+|\"[^\"]*\"|'[^']*')", line.strip())
        if not found and bare and last in ("path", "data_files"):
            found = [("path", bare[1])]
        for key, text in found:
            last = key
            values = [one.strip().strip("\"'") for one in text.strip("[]").split(",")]
            if key == "config_name":
                config, split = values[0], None
            elif key == "split":
                split = values[0]
            elif key == "data_files":
                split = None
            for value in values if text and key in ("path", "data_files", "default") else ():
                yield ("path" if key == "data_files" else key), config, split, value


def _named_by_info(content: bytes, folder: str, data: Sequence[str]) -> list[Member]:
    """The files that LLaMA-Factory's list names."""
    try:
        listed: Any = json.loads(content)
        named = {one["file_name"]: key for key, one in listed.items() if isinstance(one.get("file_name"), str)}
    except (ValueError, AttributeError, TypeError, RecursionError):
        return []
    said = {folder + name: split_of_name(name) or split_of_name(key) for name, key in named.items()}
    return [Member(path, _title_of(path), said[path]) for path in data if path in said]
