"""What of a record a layout cannot carry."""

from collections.abc import Sequence

from app.core.layouts.base import NOTES, Layout, LayoutOptions, notes_of
from app.core.layouts.functions import tools_in
from app.core.record import Message, Record

AFTER = "messages after the answer"
KEYS = "other keys of messages"
PICTURES = "pictures"
CARRIES = (
    "system", "turns", "trace", "reasoning", "tools", "weights", KEYS, "rejected answer", AFTER, PICTURES, "tags",
    "other columns",
)  # fmt: skip
_PICTURE_COLUMNS = frozenset({"image", "images", "image_path", "video", "videos", "audio", "audios"})


def losses(record: Record, layout: Layout, options: LayoutOptions) -> list[str]:
    """What of a record the layout cannot carry, as names from ``CARRIES``."""
    plain = not (record.extra or record.turns or record.trace or record.tags) and record.rejected_answer is None
    if plain and record.reasoning is None and (record.system is None or "system" in layout.holds):
        return []
    notes, columns = notes_of(record), record.extra.keys() - {NOTES}
    messages = (*record.turns, *record.trace)
    sides = [note for side in ("question", "answer", "rejected") if isinstance(note := notes.get(side), dict)]
    is_tools = bool(tools_in(record.extra.get("tools"))) or bool(record.extra.get("functions"))
    pictures = {name for name in columns & _PICTURE_COLUMNS if record.extra[name]}
    own = {*layout.keys, *pictures, "functions"}
    if is_tools or not record.extra.get("tools"):
        own.add("tools")
    else:
        own.discard("tools")
    present = {
        "system": record.system is not None,
        "turns": bool(record.turns),
        "trace": bool(record.trace),
        "reasoning": record.reasoning is not None or any(m.reasoning is not None for m in messages),
        "tools": is_tools,
        "weights": any(m.weight is not None for m in messages) or any("weight" in note for note in sides),
        KEYS: any(has_value(m.extra) or m.name for m in messages) or any(has_value(_keys_of(note)) for note in sides),
        "rejected answer": record.rejected_answer is not None,
        AFTER: "trailing" in notes and not options.keep_extra,
        PICTURES: bool(pictures) and not options.keep_extra,
        "tags": bool(record.tags),
        "other columns": bool(columns - own) and not options.keep_extra,
    }
    lost = [name for name in CARRIES if present[name] and name not in layout.holds]
    if layout.alternates and "turns" in layout.holds and not are_pairs(record.turns):
        lost.insert(0, "turns")
    return lost


def _keys_of(note: dict[str, object]) -> dict[str, object]:
    extra = note.get("extra")
    return {**(extra if isinstance(extra, dict) else {}), "name": note.get("name")}


def has_value(extra: dict[str, object]) -> bool:
    """Whether some key says anything: not null, not empty."""
    return any(value not in (None, "", [], {}) for value in extra.values())


def are_pairs(turns: Sequence[Message]) -> bool:
    """Whether earlier turns are questions and answers by turns, all of them texts."""
    return len(turns) % 2 == 0 and all(
        message.role == ("user", "assistant")[place % 2] and message.text is not None and not message.tool_calls
        for place, message in enumerate(turns)
    )
