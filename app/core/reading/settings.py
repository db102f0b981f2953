"""What can be said of a file that is to be read. Commands, forms, the API and jobs derive their options from it."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import TypeVar

from app.core.errors import BadUsage
from app.core.options import option, options_of
from app.core.spec import parse_mapping

ALPACA_INPUT = {
    "newline": "With a line break",
    "blank-line": "With a blank line",
    "system": "Input becomes the system prompt",
}
OASST_PATHS = {"best": "The best reply to each message", "all": "Every path, a pair for each"}
CELLS = {"shown": "As the sheet shows them", "stored": "As they are stored"}


@dataclass(frozen=True, slots=True)
class PartSettings:
    """How one of several files that are read as one is read; the rest is as for all of them."""

    path: str
    title: str
    split: str | None
    format: str
    layout: str
    mapping: Mapping[str, str]
    encoding: str | None = None
    delimiter: str | None = None
    header: bool | None = None
    skip_lines: int | None = None
    sheet: str | None = None
    spreadsheet_safe: bool | None = None
    columns: frozenset[str] | None = None


# What each of several files says for itself.
OWN_SETTINGS = tuple(one.name for one in fields(PartSettings) if one.name not in ("path", "title", "split"))


@dataclass(frozen=True, slots=True)
class ReadSettings:
    """None and empty mean: as detected. ``mapping`` goes from a target (question, answer …) to a column.

    A column may be a path into one (``data.question``). Targets that it does not name are detected; one with an empty
    column has none. Columns that are neither mapped nor in ``skip`` are kept beside the pair.
    """

    format: str | None = option(None, "Format", "csv, jsonl, json, markdown, xlsx, parquet, sqlite …", flag="")
    layout: str | None = option(None, "Layout", "columns, openai, alpaca, sharegpt …", flag="")
    mapping: Mapping[str, str] = option(
        dict,
        "Columns",
        "Which column is what: question=COL,answer=COL,…",
        flag="--map",
        metavar="T=COL,…",
        parse=parse_mapping,
    )
    encoding: str | None = option(None, "Encoding", "Such as cp1252 or gb18030.  [default: detected]", metavar="E")
    delimiter: str | None = option(
        None, "Separator", "What separates columns; \\t is a tab.  [default: detected]", metavar="C"
    )
    header: bool | None = option(None, "Row 1 is the header", "Whether the first row names the columns.")
    skip_lines: int | None = option(None, "Lines above the table", "Lines to pass over first.", metavar="N")
    sheet: str | None = option(None, "Sheet", "Sheet of a workbook, or table of a database.", metavar="S")
    cells: str = option(
        "shown", "Numbers of a workbook", "Read them as the sheet shows them, or as stored.", choices=CELLS
    )
    who_answers: str | None = option(
        None, "Who answers", "In a chat export, whose messages are the answers.  [default: detected]", metavar="NAME"
    )
    pause_hours: int = option(
        8, "Pause in hours", "A conversation of a chat export ends where nobody writes for so long.", metavar="N"
    )
    spreadsheet_safe: bool | None = option(
        None,
        "Undo spreadsheet-safe quoting",
        "Take away the apostrophes of a table that was made safe for spreadsheets, or keep them.  [default: detected]",
    )
    skip: tuple[str, ...] = option((), "Columns to leave out", flag="")
    objects: bool = option(False, "Objects as JSON text", "Take objects as JSON text instead of refusing their rows.")
    alpaca_input: str = option("newline", "Join instruction and input", choices=ALPACA_INPUT)
    allow_unanswered: bool = option(False, "Take unanswered rows", "Take rows without an answer as drafts.")
    allow_empty_prompt: bool = option(
        False, "Take texts without a question", "Take texts whose prompt is empty, to be continued from nothing."
    )
    oasst_paths: str = option("best", "Paths of a tree of messages", choices=OASST_PATHS)
    system: str | None = option(
        None, "System prompt", "A system prompt for all pairs that have none.", multiline=True, metavar="TEXT"
    )
    tags: tuple[str, ...] = option((), "Tags", "A tag for all pairs; can be given again.", flag="--tag", metavar="T")
    lift_thinking: bool = option(
        False, "Take reasoning out of answers", "What they begin with between <think> and </think> is their reasoning."
    )
    html_to_markdown: bool = option(False, "HTML to Markdown", "Turn HTML in answers into Markdown.")
    # The columns of the first rows, when the mapping was made. Others, which come late, are taken by their names.
    columns: frozenset[str] | None = option(None, flag="")
    # The files of a set, where there are several.
    parts: tuple[PartSettings, ...] = option((), flag="")

    def __post_init__(self) -> None:
        if self.delimiter == "\\t":
            object.__setattr__(self, "delimiter", "\t")
        if self.pause_hours < 1:
            raise BadUsage("A pause must be at least one hour.")
        for one in options_of(type(self)):
            if one.choices and one.kind != "tick" and getattr(self, one.name) not in one.choices:
                raise BadUsage(f"{one.name} must be one of {', '.join(one.choices)}, not {getattr(self, one.name)!r}.")


S = TypeVar("S", bound=ReadSettings)


def settings_of_part(settings: S, part: PartSettings) -> S:
    """The settings with which one file of a set is read."""
    return replace(settings, parts=(), **{name: getattr(part, name) for name in OWN_SETTINGS})


def from_words(settings: ReadSettings) -> list[str]:
    """How a command says format and layout."""
    said = f"{settings.format or ''}{f':{settings.layout}' if settings.layout else ''}"
    return ["--from", said] if said else []
