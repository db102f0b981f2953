"""The converter: every readable kind to every writable one, everything counted."""

import csv
import io
import json

import pytest

from app.core.conversion import convert, target_of
from app.core.errors import BadUsage, Invalid
from app.core.formats import FORMATS, Source
from app.core.layouts import LAYOUTS
from app.core.reading import ReadSettings, plan_reading
from app.core.spec import Spec, parse_spec

WRITABLE = [name for name, one in FORMATS.items() if one.write]
TABLE = b'question,answer,class\r\n"What, why?","One ""two""\nthree",x\r\nHow?, - so,y\r\nNothing?,,z\r\n'


def run(data, to, kind=None, name="x", **options):
    source = Source.of_bytes(data, name=name)
    spec = parse_spec(kind)
    settings, _ = plan_reading(source, ReadSettings(spec.format, spec.layout))
    out = io.BytesIO()
    report = convert(source, out, settings, target_of(parse_spec(to), "x"), **options)
    return report, out.getvalue()


def test_csv_to_jsonl_and_back_keeps_every_byte_of_the_texts():
    _, jsonl = run(TABLE, "jsonl:openai")
    _, back = run(jsonl, "csv:columns")
    first = [row[:2] for row in csv.reader(io.StringIO(TABLE.decode(), newline=""))][:3]
    assert list(csv.reader(io.StringIO(back.decode(), newline=""))) == first


def test_rows_are_accounted_for():
    seen = []
    report, _ = run(TABLE, "jsonl:openai", rejects=seen.append)
    assert (report.records_in, report.written, report.quarantined) == (3, 2, 1)
    assert seen[0].reason == "Row 3 (line 5): The answer is empty." and seen[0].raw == "Nothing?,,z\r\n"
    assert dict(report.losses) == {"other columns": 2}


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize(
    "layout", sorted(name for name, one in LAYOUTS.items() if one.is_written and not one.needs and name != "squad")
)
def test_every_writable_kind_reads_back_the_same(kind, layout):
    _, data = run(TABLE, f"{kind}:{layout}", keep_extra=True)
    report, back = run(data, "jsonl:openai", kind=f":{layout}")
    assert (report.written, report.quarantined) == (2, 0)
    assert back == run(TABLE, "jsonl:openai")[1]


@pytest.mark.parametrize("kind", WRITABLE)
@pytest.mark.parametrize("layout", ["preference", "trl-preference"])
def test_preferences_of_every_writable_kind_read_back_the_same(kind, layout):
    rows = b'{"prompt": "Why?", "chosen": "So.", "rejected": "No."}\n'
    _, data = run(rows, f"{kind}:{layout}")
    report, back = run(data, "jsonl:trl-preference", kind=f":{layout}")
    assert (report.written, report.quarantined) == (1, 0)
    assert json.loads(back) == json.loads(rows)


def test_pairs_without_a_worse_answer_are_no_preferences():
    report, data = run(TABLE, "jsonl:preference")
    assert (report.written, report.quarantined, data) == (0, 3, b"")
    assert "no rejected answer" in report.bad_rows[0].reason


def test_columns_that_cannot_be_told_are_asked_for():
    with pytest.raises(Invalid, match=r"--map question=COLUMN\. The columns are “text”"):
        run(b'{"text": "a"}\n{"text": "b"}\n', "csv")


@pytest.mark.parametrize("data", [b"question,answer\n", b"[]"])
def test_no_records_are_refused(data):
    with pytest.raises(Invalid, match="no records"):
        run(data, "jsonl:openai")


def test_a_stream_that_can_be_read_once_is_converted():
    class Once(io.RawIOBase):
        data = io.BytesIO(TABLE * 1)

        def readable(self):
            return True

        def readinto(self, buffer):
            part = self.data.read(min(len(buffer), 7))
            buffer[: len(part)] = part
            return len(part)

    source = Source.of_stream(io.BufferedReader(Once()), name="-")
    settings, _ = plan_reading(source, ReadSettings())
    out = io.BytesIO()
    assert convert(source, out, settings, parse_spec("jsonl:alpaca")).written == 2


@pytest.mark.parametrize("spec", ["nope", "jsonl:nope", "nope:openai"])
def test_unknown_names_are_wrong_usage(spec):
    with pytest.raises(BadUsage, match="There is no"):
        parse_spec(spec)


@pytest.mark.parametrize(
    ("name", "kind", "layout"),
    [("a.csv", "csv", "columns"), ("a.jsonl.gz", "jsonl", "openai"), ("a.json", "json", "openai")],
)
def test_the_target_follows_the_name(name, kind, layout):
    assert target_of(Spec(), name) == Spec(kind, layout)


def test_a_name_that_tells_nothing_asks():
    with pytest.raises(BadUsage, match=r"--to FORMAT:LAYOUT"):
        target_of(Spec(), "-")
