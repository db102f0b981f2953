"""The card of a dataset (README.md): what its files are, for ``datasets`` and the Hub, and for people.

Source: the Hub's description of dataset cards. A card that is there keeps all that somebody wrote into it: only the
blocks ``configs`` and ``dataset_info`` of its head and the marked part of its text are written anew.
"""

import re
from collections.abc import Sequence

from app.core.bundles.base import Facts
from app.core.bundles.features import yaml_text
from app.core.text import plural

BEGIN = "<!-- What stands between these two lines is written anew at each export. -->"
END = "<!-- End of what is written at each export. -->"
_HEAD = re.compile(r"\A\ufeff?---[ \t]*\r?\n(.*?)^---[ \t]*(?:\r?\n|\Z)", re.DOTALL | re.MULTILINE)
_BLOCKS = ("configs", "dataset_info")


def write_card(facts: Facts, old: str | None) -> str:
    """The card of a dataset, ``old`` brought up to date where there is one."""
    ours = _configs(facts) + _dataset_info(facts)
    if old is None:
        head = [f"pretty_name: {yaml_text(facts.title)}", *ours]
        return "\n".join(["---", *head, "---", "", f"# {facts.title}", "", _counts(facts), ""])
    found = _HEAD.match(old)
    kept = _without_blocks(found[1].splitlines()) if found else []
    text = old[found.end() :] if found else old.lstrip("\ufeff")
    before, begin, rest = text.partition(BEGIN)
    _, end, after = rest.partition(END)
    if begin and end:
        text = before + _counts(facts) + after
    return "\n".join(["---", *kept, *ours, "---", ""]) + text


def _without_blocks(lines: Sequence[str]) -> list[str]:
    """The lines of a head without the blocks that are written anew; a block ends where another key begins."""
    kept: list[str] = []
    is_ours = False
    for line in lines:
        if line[:1].strip() and line[0] not in "-#":
            is_ours = line.partition(":")[0].strip().strip("\"'") in _BLOCKS
        elif line.startswith("#"):
            is_ours = False
        if not is_ours:
            kept.append(line)
    return kept


def _configs(facts: Facts) -> list[str]:
    lines = ["configs:", "- config_name: default", "  data_files:"]
    for part in facts.parts:
        lines += [f"  - split: {part.split}", f"    path: {part.path}"]
    return lines


def _dataset_info(facts: Facts) -> list[str]:
    return ["dataset_info:", "  features:", *(f"  {line}" for line in facts.features.as_yaml())]


def _counts(facts: Facts) -> str:
    table = [f"| {part.split} | {part.rows:,} | {part.bytes:,} |" for part in facts.parts]
    said = f"{plural(sum(part.rows for part in facts.parts), 'row')}, written by LLM Training Tools {facts.version}."
    return "\n".join([BEGIN, "", said, "", "| split | rows | bytes |", "|---|---|---|", *table, "", END])
