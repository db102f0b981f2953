"""Rules on files: their bytes and lines, how many records they hold, and rows that cannot be read."""

from datetime import date, timedelta
from typing import Any

from app.core.text import clip, plural
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import FileFacts, Problem, Problems, chat, rule
from app.core.validation.shapes import Seen

_GOOD = chat("What is a tare weight?", "The weight of an empty container.")
_LINE = b'{"messages":[{"role":"user","content":"Tare?"},{"role":"assistant","content":"Empty weight."}]}\n'
_MB = 1 << 20
# How long before its day an announcement is told.
_AHEAD = timedelta(days=182)
_TYPE_NAMES = {str: "a text", bool: "true or false", list: "a list", dict: "an object"}


@rule(
    "unreadable-row",
    "A row that cannot be read",
    "One row that is no JSON object makes a target refuse the whole file, or stop in the middle of a run.",
    good=_LINE,
    bad=_LINE + b'{"messages": [}\n',
    level="row",
)
def find_unreadable(seen: Seen, profile: Profile) -> Problems:
    """Told by the reader of the file: a row that it cannot read never comes here."""
    return iter(())


@rule(
    "no-record",
    "A row that is no record",
    "A row without a question or an answer cannot be exported for any target.",
    good=[{"instruction": "Tare?", "output": "Empty weight."}],
    bad=[{"instruction": "Tare?", "output": "Empty weight."}, {"instruction": "Gross?", "output": ""}],
)
def find_no_records(seen: Seen, profile: Profile) -> Problems:
    """Told where rows are read: one that is no record never comes here."""
    return iter(())


@rule(
    "not-written",
    "A record that cannot be written",
    "What the target's form has no place for, such as a system message in the middle, is left out of an export.",
    good=_GOOD,
    bad=chat("Tare?", "Empty weight.", {"role": "system", "content": "Be brief."}, "Gross?", "All of it."),
    profile="gemini",
    refused=False,
)
def find_unwritten(seen: Seen, profile: Profile) -> Problems:
    """Told where records are written: one that cannot be never comes here."""
    return iter(())


@rule(
    "no-worse-answer",
    "No worse answer",
    "A record with one answer alone is left out of an export of preference pairs.",
    good=[{"prompt": "Tare?", "chosen": "Empty weight.", "rejected": "No idea."}],
    bad=_GOOD,
    profile="openai-dpo",
    refused=False,
)
def find_single_answers(seen: Seen, profile: Profile) -> Problems:
    """Told where records are written: one without a worse answer never comes here."""
    return iter(())


@rule(
    "file-name",
    "Another ending of the name",
    "Some services go by the ending, and refuse others.",
    good=FileFacts("faq.jsonl"),
    bad=FileFacts("faq.txt"),
    level="file",
)
def check_name(facts: FileFacts, profile: Profile) -> Problems:
    """The ending of the file's name."""
    ending = facts.name.rpartition(".")[2]
    if facts.is_own and facts.format == profile.format and ending and ending.lower() != profile.format:
        yield Problem("", f"The name ends with .{ending}; the target wants .{profile.format}.")


@rule(
    "file-size",
    "The file is too large",
    "A larger file is refused when it is uploaded.",
    good=FileFacts(size=512 << 20),
    bad=FileFacts(size=(512 << 20) + 1),
    level="file",
)
def check_size(facts: FileFacts, profile: Profile) -> Problems:
    """The size of the file."""
    most = profile.limits.megabytes
    if facts.is_own and most is not None and facts.size is not None and facts.size > most * _MB:
        yield Problem("", f"The file has {facts.size / _MB:,.0f} MB; the target takes {most:,.0f} MB.")


@rule(
    "file-form",
    "Not one JSON object a line",
    "A list, or objects that are spread over lines, are read line by line and refused at the first.",
    good=_LINE,
    bad=b"[\n" + _LINE.strip() + b"\n]\n",
    level="file",
)
def check_form(facts: FileFacts, profile: Profile) -> Problems:
    """Files that are JSON and not JSON Lines, or hold lists on their lines."""
    if not facts.is_own or profile.format != "jsonl":
        return
    if facts.format != "jsonl":
        text = "The file is one JSON document; the target reads one object a line."
        # Who calls it so does not mean to send it as it is.
        severity = "warning" if facts.name.lower().endswith(".json") else None
        yield Problem("", text, "to-jsonl", severity=severity)
    elif facts.wrapped:
        yield Problem("", "The lines hold more than a record each; the target reads one object a line.", "to-jsonl")


@rule(
    "crowded-line",
    "Several objects on a line",
    "Two objects on a line are no JSON for a reader that goes line by line.",
    good=_LINE,
    bad=_LINE.strip() + _LINE,
    level="file",
)
def check_crowded(facts: FileFacts, profile: Profile) -> Problems:
    """Lines that hold several objects."""
    if facts.is_own and facts.crowded_lines:
        text = f"{plural(facts.crowded_lines, 'line')} with several objects, the first is line {facts.first_crowded:,}."
        yield Problem("", text, "to-jsonl", line=facts.first_crowded)


@rule(
    "blank-line",
    "Blank lines",
    "A blank line is no JSON: services refuse it, and some trainers stop at it.",
    good=_LINE,
    bad=_LINE + b"\n" + _LINE,
    level="file",
)
def check_blank_lines(facts: FileFacts, profile: Profile) -> Problems:
    """Lines with nothing on them."""
    if facts.is_own and facts.blank_lines:
        text = f"{plural(facts.blank_lines, 'blank line')}, the first is line {facts.first_blank:,}."
        yield Problem("", text, "drop-blank-lines", line=facts.first_blank)


@rule(
    "compressed",
    "The file is packed",
    "Targets read plain text.",
    good=FileFacts("faq.jsonl"),
    bad=FileFacts("faq.jsonl", compression="gzip"),
    level="file",
)
def check_compression(facts: FileFacts, profile: Profile) -> Problems:
    """Packed files."""
    if facts.is_own and facts.compression:
        yield Problem("", f"The file is packed ({facts.compression}).", "unpack")


@rule(
    "not-utf-8",
    "Not UTF-8",
    "JSON is UTF-8; in another encoding the first line is no dictionary, or letters turn into others.",
    good=_LINE,
    bad=_LINE.decode().encode("utf-16"),
    level="file",
)
def check_encoding(facts: FileFacts, profile: Profile) -> Problems:
    """Files in another encoding."""
    if facts.is_own and facts.encoding not in ("utf-8", "utf-8-sig", "ascii"):
        yield Problem("", f"The file is {facts.encoding}; it must be UTF-8.", "to-utf-8")


@rule(
    "byte-order-mark",
    "A byte-order mark",
    "Readers that do not expect one take it for a part of the first line, which is no dictionary then.",
    good=_LINE,
    bad=b"\xef\xbb\xbf" + _LINE,
    level="file",
)
def check_mark(facts: FileFacts, profile: Profile) -> Problems:
    """Marks where none is wanted."""
    if facts.is_own and facts.has_mark:
        yield Problem("", "The file begins with a byte-order mark.", "strip-bom", line=1)


@rule(
    "no-byte-order-mark",
    "No byte-order mark",
    "The service's description asks for UTF-8 with a mark.",
    good=b"\xef\xbb\xbf" + _LINE,
    bad=_LINE,
    level="file",
    profile="azure",
    refused=False,
)
def check_no_mark(facts: FileFacts, profile: Profile) -> Problems:
    """Files without a mark where one is asked for."""
    if facts.is_own and facts.is_file and facts.format == "jsonl" and not facts.has_mark:
        yield Problem("", "The file has no byte-order mark, which the description asks for.", "add-bom", line=1)


@rule(
    "no-records",
    "No records",
    "An empty file is refused.",
    good=FileFacts(rows=1),
    bad=FileFacts(rows=0),
    level="file",
)
def check_rows(facts: FileFacts, profile: Profile) -> Problems:
    """Whether any row is left for the target."""
    if not facts.rows:
        yield Problem("", "No record is left for this target.")


@rule(
    "too-few",
    "Too few records",
    "Below its minimum a target refuses the file.",
    good=[_GOOD] * 10,
    bad=[_GOOD] * 9,
    level="file",
)
def check_few(facts: FileFacts, profile: Profile) -> Problems:
    """The number of rows against the minimum of the model, or where none is named the smallest one."""
    least = minimum_of(profile, facts.model)
    if least is not None and 0 < facts.rows < least:
        yield Problem("", f"There {_are(facts.rows)}; the target wants at least {least:,}.")


@rule(
    "too-few-for-some",
    "Too few records for some models",
    "Models of one target differ in their minimum; another choice of the model would refuse the file.",
    good=FileFacts(rows=200),
    bad=FileFacts(rows=199),
    level="file",
    profile="bedrock-nova",
    refused=False,
)
def check_few_for_some(facts: FileFacts, profile: Profile) -> Problems:
    """The number of rows against the largest minimum of the models, where none was named."""
    models = [one for one in profile.models if (one.records_min or 0) > facts.rows]
    if models and not facts.model and facts.rows >= (minimum_of(profile, "") or 1):
        most = max(one.records_min or 0 for one in models)
        names = ", ".join(one.name for one in models)
        yield Problem("", f"There {_are(facts.rows)}; at least {most:,} are wanted for: {names}.")


@rule(
    "too-many",
    "Too many records",
    "Above its maximum a target refuses the file.",
    good=FileFacts(rows=20_000),
    bad=FileFacts(rows=20_001),
    level="file",
    profile="bedrock-nova",
)
def check_many(facts: FileFacts, profile: Profile) -> Problems:
    """The number of rows against the maximum."""
    model = profile.model(facts.model)
    most = (model.records_max if model else None) or profile.limits.records_max
    if most is not None and facts.rows > most:
        yield Problem("", f"There {_are(facts.rows)}; the target takes at most {most:,}.")


def _are(number: int) -> str:
    return f"{'is' if number == 1 else 'are'} {plural(number, 'record')}"


def minimum_of(profile: Profile, model: str) -> int | None:
    """The fewest records that a target takes: of a model where one is named, else the least of all."""
    chosen = profile.model(model)
    if chosen is not None and chosen.records_min is not None:
        return chosen.records_min
    least = [one.records_min for one in profile.models if one.records_min is not None]
    if profile.limits.records_min is not None:
        least.append(profile.limits.records_min)
    return min(least, default=None)


@rule(
    "mixed-kinds",
    "Rows of different kinds",
    "A file holds chats, or pairs of prompt and completion, or preference pairs: the target reads it as one kind.",
    good=[_GOOD, _GOOD],
    bad=[_GOOD, {"prompt": "Tare?", "completion": "Empty weight."}],
    level="set",
    profile="together",
)
class WatchKinds:
    """The form of each row against that of the first."""

    def __init__(self, profile: Profile) -> None:
        self._first: tuple[str, str, int] | None = None

    def see(self, seen: Seen, number: int, line: int | None) -> Problems:
        """A row of another form than the first."""
        shape = seen.shape
        if self._first is None:
            self._first = (shape.name, shape.title, number)
        elif shape.name != self._first[0]:
            text = f"The row has {shape.title}; record {self._first[2]:,} has {self._first[1]}."
            yield Problem("", text)

    def close(self, facts: FileFacts) -> Problems:
        """All is told row by row."""
        return iter(())


@rule(
    "mixed-types",
    "A value of another type",
    "Rows are loaded as a table, whose columns have one type each: another one stops the run before any row is read.",
    good=[_GOOD, _GOOD],
    bad=[_GOOD, chat("Tare?", {"role": "assistant", "content": ["Empty weight."]})],
    level="set",
    profile="llama-factory",
    at_loading=True,
)
class WatchTypes:
    """The type of the values under each key, in the rows and in all that they hold."""

    def __init__(self, profile: Profile) -> None:
        self._first: dict[str, tuple[str, int]] = {}
        self._forms: set[tuple[str, ...]] = set()

    def see(self, seen: Seen, number: int, line: int | None) -> Problems:
        """Values whose type is not that of an earlier row."""
        if seen.form is not None and len(seen.row) == 1:
            # Plain messages hold texts only.
            if seen.form in self._forms:
                return
            self._forms.add(seen.form)
        waiting: list[tuple[str, str, Any]] = [(name, name, value) for name, value in reversed(seen.row.items())]
        while waiting:
            path, column, value = waiting.pop()
            if value is None:
                continue
            kind = _TYPE_NAMES.get(type(value), "a number")
            if len(self._first) < 10_000 or column in self._first:
                before, first = self._first.setdefault(column, (kind, number))
                if before != kind:
                    yield Problem(path, f"“{clip(path, 60)}” is {kind}; in record {first:,} it is {before}.")
                    continue
            if type(value) is dict:
                waiting += [(f"{path}.{name}", f"{column}.{name}", one) for name, one in value.items()]
            elif type(value) is list:
                waiting += [(f"{path}[{at}]", f"{column}[]", one) for at, one in enumerate(value)]

    def close(self, facts: FileFacts) -> Problems:
        """All is told row by row."""
        return iter(())


@rule(
    "calendar",
    "What the service announced",
    "Services end on a day that they announce.",
    good=FileFacts(today=date(2026, 1, 1)),
    bad=FileFacts(today=date(2027, 1, 7)),
    level="file",
    refused=False,
)
def check_calendar(facts: FileFacts, profile: Profile) -> Problems:
    """What the target announced."""
    for event in profile.calendar:
        severity = event.after if facts.today > event.date else event.before
        if severity is not None and event.date - facts.today < _AHEAD:
            yield Problem("", f"{event.date.isoformat()}: {event.says}", severity=severity)
