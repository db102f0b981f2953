"""Files that commands read and write again: opened by what they hold, written in the shape they had."""

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from app.core.conversion import Plan
    from app.core.formats import Source
    from app.core.spec import Spec


def open_file(file: str, kind: str | None, mapping: str | None) -> "tuple[Source, Plan]":
    """A file (- is stdin) and how it is read, by its name and content unless ``kind`` says it."""
    from app.core import conversion
    from app.core.formats import ReadOptions, Source
    from app.core.layouts import LayoutOptions
    from app.core.spec import parse_mapping, parse_spec

    source = Source.of_stream(sys.stdin.buffer, name="-") if file == "-" else Source.of_path(file)
    options = LayoutOptions(mapping=parse_mapping(mapping or ""), allow_unanswered=True)
    return source, conversion.plan(source, parse_spec(kind), ReadOptions(), options)


def target_of(plan: "Plan", out: str) -> "Spec":
    """The shape to write: that of the file read, unless the name of ``out`` says another format."""
    from app.core.formats import format_of_name
    from app.core.spec import Spec

    return Spec((format_of_name(out) if out != "-" else None) or plan.detection.format, plan.layout.name)
