"""``FORMAT:LAYOUT`` as commands and forms write it: ``jsonl:openai``, ``csv``, ``:alpaca``; or an export target."""

from dataclasses import dataclass

from app.core.errors import BadUsage
from app.core.formats import FORMATS, format_of_name
from app.core.layouts import LAYOUTS, TARGETS
from app.core.layouts.mapping import MESSAGE_TARGETS
from app.core.targets import EXPORT_TARGETS

_USUAL = {"csv": "columns", "tsv": "columns", "xlsx": "columns", "parquet": "openai", "sqlite": "columns"}


@dataclass(frozen=True, slots=True)
class Spec:
    """A format and a layout; None where it is left to detection or to what is usual.

    ``target`` is the export target that was named, if any.
    """

    format: str | None = None
    layout: str | None = None
    target: str = ""


def parse_spec(text: str | None) -> Spec:
    """Take ``FORMAT:LAYOUT`` apart. Raises BadUsage for an unknown name."""
    if not text:
        return Spec()
    kind, _, layout = text.partition(":")
    if kind and kind not in FORMATS:
        raise BadUsage(f"There is no format {kind!r}. Use one of {', '.join(FORMATS)}.", code="no_format")
    if layout and layout not in LAYOUTS:
        raise BadUsage(f"There is no layout {layout!r}. Use one of {', '.join(LAYOUTS)}.", code="no_layout")
    return Spec(kind or None, layout or None)


def parse_target(text: str | None, name: str = "") -> Spec:
    """The format and layout to write, by FORMAT:LAYOUT or the name of an export target; what is not said is usual.

    ``name`` is that of the file, which may say the format. Raises BadUsage.
    """
    said = (text or "").strip()
    named = format_of_name(name)
    if said in EXPORT_TARGETS and said not in FORMATS:
        target = EXPORT_TARGETS[said]
        return Spec(named if named in target.formats else target.format, target.layout, said)
    if said and ":" not in said and said not in FORMATS:
        have = f"Use FORMAT:LAYOUT, or one of {', '.join(EXPORT_TARGETS)}."
        raise BadUsage(f"There is no export target {said!r}. {have}", code="no_target")
    spec = parse_spec(said)
    kind = spec.format or named or (None if name else "jsonl")
    if kind is None:
        raise BadUsage(f"Say which format to write: --to FORMAT:LAYOUT ({name!r} does not tell).", code="no_format")
    return Spec(kind, spec.layout or usual_layout(kind))


def usual_layout(kind: str) -> str:
    """The layout that files of a format usually have: columns for tables, OpenAI chat for the rest."""
    return _USUAL.get(kind, "openai")


def parse_mapping(text: str) -> dict[str, str]:
    """``question=COL,answer=COL`` as a mapping from target to column. Raises BadUsage."""
    mapping: dict[str, str] = {}
    for part in filter(None, text.split(",")):
        target, separator, column = part.partition("=")
        target = target.strip().lower()
        if not separator or not column:
            raise BadUsage(f"{part!r} is no mapping. Write TARGET=COLUMN, as in question=Frage.")
        if target not in TARGETS and target not in MESSAGE_TARGETS:
            names = ", ".join((*TARGETS, *sorted(MESSAGE_TARGETS)))
            raise BadUsage(f"There is no target {target!r}. Use one of {names}.")
        mapping[target] = column
    return mapping
