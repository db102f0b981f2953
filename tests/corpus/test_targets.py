"""Real files, written for every target and read back: what is not the same was named as lost."""

import io
from dataclasses import replace
from itertools import islice

import msgspec
import pytest

from app.core.errors import TooLarge
from app.core.formats import FORMATS, BadRow, Source, WriteOptions
from app.core.layouts import LAYOUTS, LayoutOptions, RowError, losses
from app.core.layouts.base import IDS, content_of, has_value, notes_of
from app.core.layouts.functions import is_made_id, with_plain_arguments
from app.core.layouts.shapes import unpacked
from app.core.reading import ReadSettings, plan_reading, read_records
from app.core.reasoning import lift_thinking
from app.core.targets import EXPORT_TARGETS
from tests.corpus.test_real_files import FOLDER, manifest, pytestmark, read

__all__ = ["pytestmark"]
# Of the few files that are longer, the first.
MOST = 20_000
# What stands beside the texts of a record, and what is a text of its own.
BESIDE = {"tags", "source", "family", "other columns", "other answers"}
ALONE = {"system": "system", "reasoning": "reasoning", "rejected answer": "rejected_answer", "tags": "tags"}
FILES = [one for one in manifest() if (FOLDER / one["path"]).exists()]


def plain(record, has_ids):
    """What is learned, in one form: blocks of reasoning lifted, arguments compact, without made ids and empty keys."""
    record = lift_thinking(record)

    def message(one):
        calls = with_plain_arguments(one.tool_calls) if one.tool_calls else None
        calls = calls and [
            {key: value for key, value in call.items() if key != "id" or (has_ids and not is_made_id(value))}
            if isinstance(call, dict)
            else call
            for call in calls
        ]
        result = one.tool_call_id if has_ids and not is_made_id(one.tool_call_id) else None
        extra = {key: value for key, value in one.extra.items() if has_value(value)}
        # Where calls have no ids, results are objects.
        said = msgspec.json.encode(unpacked(one.text)).decode() if one.role == "tool" and not has_ids else one.text
        text = one.text or None if calls else said
        name = None if one.role == "tool" and not has_ids else one.name
        return replace(one, text=text, name=name, tool_calls=calls, tool_call_id=result, extra=extra)

    return content_of(replace(record, turns=tuple(map(message, record.turns)), trace=tuple(map(message, record.trace))))


def read_back(rows, target):
    """The records of rows that were written as the file of a target."""
    kind = FORMATS[target.format]
    columns = tuple(dict.fromkeys(name for row in rows for name in row)) if kind.tabular else ()
    out = io.BytesIO()
    options = WriteOptions(columns, target.bom, target.spreadsheet_safe, "\t" if target.format == "tsv" else ",")
    assert kind.write(rows, out, options) == len(rows)
    settings = ReadSettings(target.format, target.layout, spreadsheet_safe=target.spreadsheet_safe or None)
    source = Source.of_bytes(out.getvalue())
    settings = replace(plan_reading(source, replace(settings, allow_unanswered=True))[0], allow_empty_prompt=True)
    return [None if isinstance(item, BadRow) else item[1] for item in read_records(source, settings)]


@pytest.mark.parametrize("one", FILES, ids=lambda one: one["path"])
def test_every_target_gives_back_what_was_not_named_as_lost(one, subtests):
    records = [record for _, record in islice(read(one)[2], MOST)]
    if not records:
        pytest.skip("the file is asked about or refused, as its manifest says")
    for target in EXPORT_TARGETS.values():
        layout, how = LAYOUTS[target.layout], LayoutOptions(keep_extra=target.layout == "columns")
        sent, rows = [], []
        for record in records:
            try:
                written = layout.rows_of(record, how)
            except RowError:
                continue
            sent += [record if len(written) == 1 else None] * len(written)
            rows += written
        if not rows:
            continue
        with subtests.test(target.name):
            try:
                back = read_back(rows, target)
            except TooLarge:
                # It is said before anything is written.
                assert target.format == "xlsx"
                continue
            assert len(back) == len(sent)
            for record, found in zip(sent, back, strict=True):
                # A list of answers stands in a table as JSON text, as it came.
                is_list = record is not None and FORMATS[target.format].tabular and "values" in notes_of(record)
                if record is None or is_list:
                    continue
                lost = set(losses(record, layout, how))
                if lost <= BESIDE:
                    assert found is not None and plain(found, IDS in layout.holds) == plain(record, IDS in layout.holds)
                # What is said to be lost is not there.
                assert found is None or not [name for name in lost & ALONE.keys() if getattr(found, ALONE[name])]
