"""Converting an uploaded file."""

import io
import json

import pytest

from app.core.conversion import ConvertOptions
from app.services import conversion, uploads

TABLE = b"Q,A,class\r\nWhat?,This.,x\r\nWhy?,So.,y\r\nEmpty?,,z\r\n"


@pytest.fixture
def upload(app):
    with app.app_context():
        yield uploads.save(io.BytesIO(TABLE).read, "faq.csv")


def read_rejects(upload, options):
    with conversion.save_rejects(upload, options) as file:
        return file.readlines()


def test_a_preview_shows_both_shapes_and_bad_rows(upload):
    preview = conversion.preview(upload, ConvertOptions())
    assert preview.before[0] == "What?,This.,x" and json.loads(preview.after[0])["messages"][0]["content"] == "What?"
    assert (
        list(preview.found.columns) == ["Q", "A", "class"]
        and preview.bad[0].code == "blank_answer"
        and preview.problem == ""
    )


def test_a_preview_asks_for_columns_it_cannot_tell(app):
    with app.app_context():
        kept = uploads.save(io.BytesIO(b"x,y\nWhat?,That.\nWho?,Me.\n").read, "odd.csv")
        assert "It is not clear which column" in conversion.preview(kept, ConvertOptions()).problem
        told = ConvertOptions(mapping={"question": "x", "answer": "y"})
        assert conversion.preview(kept, told).problem == ""


def test_the_file_the_report_and_the_rejects_agree(upload):
    finished = conversion.convert_file(upload, ConvertOptions(to="csv:columns"))
    data = b"".join(finished.pieces())
    assert (finished.name, finished.size, finished.report.written) == ("faq.csv", len(data), 2)
    counted = conversion.count_losses(upload, ConvertOptions(to="csv:columns"))
    assert (counted.report.records_in, counted.report.quarantined, counted.complete) == (3, 1, True)
    [reject] = [json.loads(line) for line in read_rejects(upload, ConvertOptions())]
    assert reject["row"] == 3 and reject["raw"] == "Empty?,,z\r\n"


def test_rows_that_the_target_refuses_are_rejects_and_stop_no_preview(upload):
    wanted = ConvertOptions(to="jsonl:preference")
    rejects = [json.loads(line) for line in read_rejects(upload, wanted)]
    assert len(rejects) == conversion.count_losses(upload, wanted).report.quarantined == 3
    assert [one["code"] for one in rejects] == ["no_rejected_answer", "no_rejected_answer", "blank_answer"]
    preview = conversion.preview(upload, wanted)
    assert preview.problem == "" and [one.code for one in preview.bad] == [one["code"] for one in rejects]
