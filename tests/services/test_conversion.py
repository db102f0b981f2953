"""Converting an uploaded file."""

import io
import json

import pytest

from app.services import conversion, uploads
from app.services.conversion import Wanted

TABLE = b"Q,A,class\r\nWhat?,This.,x\r\nWhy?,So.,y\r\nEmpty?,,z\r\n"


@pytest.fixture
def upload(app):
    with app.app_context():
        yield uploads.save(io.BytesIO(TABLE).read, "faq.csv")


def test_a_look_shows_both_shapes_and_bad_rows(upload):
    look = conversion.look(upload, Wanted())
    assert look.before[0] == "What?,This.,x" and json.loads(look.after[0])["messages"][0]["content"] == "What?"
    assert look.columns == ["Q", "A", "class"] and look.bad[0].code == "blank_answer" and look.problem == ""


def test_a_look_asks_for_columns_it_cannot_tell(app):
    with app.app_context():
        kept = uploads.save(io.BytesIO(b"x,y\nWhat?,That.\nWho?,Me.\n").read, "odd.csv")
        assert "No column could be taken" in conversion.look(kept, Wanted()).problem
        told = Wanted(mapping={"question": "x", "answer": "y"})
        assert conversion.look(kept, told).problem == ""


def test_the_file_the_report_and_the_rejects_agree(upload):
    finished = conversion.run(upload, Wanted("csv:columns"))
    data = b"".join(finished.pieces())
    assert (finished.name, finished.size, finished.report.written) == ("faq.csv", len(data), 2)
    report = conversion.count(upload, Wanted("csv:columns"))
    assert (report.records_in, report.quarantined) == (3, 1)
    [reject] = [json.loads(line) for line in conversion.rejects(upload, Wanted())]
    assert reject["row"] == 3 and reject["raw"] == "Empty?,,z\r\n"


def test_rows_that_the_target_refuses_are_rejects_and_stop_no_preview(upload):
    wanted = Wanted("jsonl:preference")
    rejects = [json.loads(line) for line in conversion.rejects(upload, wanted)]
    assert len(rejects) == conversion.count(upload, wanted).quarantined == 3
    assert [one["code"] for one in rejects] == ["no_rejected_answer", "no_rejected_answer", "blank_answer"]
    look = conversion.look(upload, wanted)
    assert look.problem == "" and [one.code for one in look.bad] == [one["code"] for one in rejects]
