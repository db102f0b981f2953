"""What of a record a layout cannot carry: the one count behind conversions, exports and their plans.

A layout says what it holds (``Layout.holds``, ``keeps``, ``columns``, ``bare``); all else that a record has is lost.
"""

from collections.abc import Container
from typing import Any

from app.core.layouts.base import (
    AFTER,
    ANSWERS,
    IDS,
    KEYS,
    NOTES,
    PICTURES,
    SYSTEM_AMONG,
    UNPAIRED,
    Layout,
    LayoutOptions,
    as_came,
    fits_own_column,
    has_value,
    notes_of,
    paired_turns,
)
from app.core.record import Message, Record

CARRIES = (
    "system", "turns", SYSTEM_AMONG, UNPAIRED, "trace", "reasoning", "tools", IDS, "weights", KEYS, "rejected answer",
    AFTER, ANSWERS, PICTURES, "tags", "source", "family", "other columns",
)  # fmt: skip
_PICTURE_COLUMNS = frozenset({"image", "images", "image_path", "video", "videos", "audio", "audios"})
_PART_KEYS = frozenset({"type", "text", "value"})


def losses(record: Record, layout: Layout, options: LayoutOptions) -> list[str]:
    """What of a record the layout cannot carry, as names from ``CARRIES``."""
    plain = not (record.extra or record.turns or record.trace or record.tags) and record.rejected_answer is None
    plain = plain and record.source is None and record.family is None
    if plain and record.reasoning is None and (record.system is None or "system" in layout.holds):
        return []
    if options.keep_extra and _comes_back(record, layout):
        return []
    held = layout.holds | layout.keeps if options.keep_extra else layout.holds
    notes = notes_of(record)
    messages = (*record.turns, *record.trace)
    sides = {side: notes[side] for side in ("question", "answer", "rejected") if isinstance(notes.get(side), dict)}
    bare = [note for side, note in sides.items() if side in layout.bare]
    parts = [part for found in notes.get("parts", {}).values() for part in found]
    has_part_keys = any(has_value(part[key]) for part in parts for key in part.keys() - _PART_KEYS)
    is_beside = "column" in sides.get("rejected", {})
    lost = {
        "system": record.system is not None,
        "turns": bool(record.turns),
        "trace": bool(record.trace),
        "reasoning": record.reasoning is not None or any(message.reasoning is not None for message in messages),
        IDS: "trace" in held and any(map(_has_ids, messages)),
        "weights": any(message.weight is not None for message in messages)
        or any("weight" in note for note in sides.values()),
        KEYS: any(_has_keys(message, layout.message_keys) for message in messages)
        or any(_notes_keys(note, layout.message_keys) for note in sides.values())
        or has_part_keys,
        "rejected answer": record.rejected_answer is not None,
        AFTER: "trailing" in notes,
        ANSWERS: isinstance(notes.get("answers"), list) and len(notes["answers"]) > 1,
        "tags": bool(record.tags) and not options.keep_extra,
        "source": record.source is not None and not options.keep_extra,
        "family": record.family is not None and not options.keep_extra,
    }
    names = {name for name, is_there in lost.items() if is_there and name not in held}
    if "rejected answer" in layout.keeps and not is_beside and record.rejected_answer is not None:
        names.add("rejected answer")
    if any("weight" in note for note in bare):
        names.add("weights")
    if any(map(_notes_keys, bare)) or (has_part_keys and ("question" in layout.bare or not options.keep_extra)):
        names.add(KEYS)
    if layout.alternates and "turns" in held:
        paired = {id(message) for pair in paired_turns(record.turns) for message in pair}
        left = [message for message in record.turns if id(message) not in paired or message.tool_calls]
        names |= {SYSTEM_AMONG if message.role in ("system", "developer") else UNPAIRED for message in left}
    if not options.keep_extra:
        names |= {
            "tools" if name in ("tools", "functions") and fits_own_column(name, value)
            else PICTURES if name in _PICTURE_COLUMNS
            else "other columns"
            for name, value in record.extra.items()
            if name != NOTES and has_value(value) and not (name in layout.columns and fits_own_column(name, value))
        }  # fmt: skip
    return [name for name in CARRIES if name in names]


def _comes_back(record: Record, layout: Layout) -> bool:
    """Whether the row is written as it came, with all that it held."""
    if layout.labels is not None and "label" in notes_of(record):
        return (record.rejected_answer is None) is record.answered
    return bool(layout.came) and as_came(record, layout.came, layout.parse) is not None


def _has_ids(message: Message) -> bool:
    calls = message.tool_calls or ()
    return message.tool_call_id is not None or any(isinstance(call, dict) and call.get("id") for call in calls)


def _has_keys(message: Message, known: Container[str] = ()) -> bool:
    return _notes_keys({"name": message.name, "extra": message.extra}, known)


def _notes_keys(note: dict[str, Any], known: Container[str] = ()) -> bool:
    more = {**(note.get("extra") or {}), "name": note.get("name")}
    return any(has_value(value) and key not in known for key, value in more.items())
