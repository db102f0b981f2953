"""``ltt convert`` and what it shares with ``ltt export``."""

import codecs

from tests import factories


def test_a_csv_for_excel_begins_with_a_byte_order_mark(ltt, tmp_path, app):
    rows = tmp_path / "rows.jsonl"
    rows.write_text('{"question": "数据?", "answer": "So."}\n', encoding="utf-8")
    assert ltt("convert", rows, tmp_path / "a.csv", "--bom").code == 0
    with app.app_context():
        factories.dataset("Tests")
    assert ltt("export", "Tests", tmp_path / "b.csv", "--bom").code == 0
    for name, first in (("a.csv", b"question,"), ("b.csv", b"id,question,")):
        assert (tmp_path / name).read_bytes().startswith(codecs.BOM_UTF8 + first)


def test_a_byte_order_mark_is_refused_where_readers_stumble_over_it(ltt, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("question,answer\nHow?,So.\n", encoding="utf-8")
    refused = ltt("convert", rows, tmp_path / "a.jsonl", "--bom")
    assert refused.code == 2 and "for CSV and TSV" in refused.err and not (tmp_path / "a.jsonl").exists()


def test_safety_for_spreadsheets_is_refused_where_there_are_no_cells(ltt, tmp_path):
    rows = tmp_path / "rows.csv"
    rows.write_text("question,answer\nHow?,=1+1\n", encoding="utf-8")
    refused = ltt("convert", rows, tmp_path / "a.jsonl", "--spreadsheet-safe")
    assert refused.code == 2 and "Only CSV and TSV" in refused.err and not (tmp_path / "a.jsonl").exists()
    assert ltt("import", rows, "--dataset", "Tests", "--create").code == 0
    for out in ("a.jsonl", "a.xlsx"):
        refused = ltt("export", "Tests", tmp_path / out, "--spreadsheet-safe")
        assert refused.code == 2 and "Only CSV and TSV" in refused.err and not (tmp_path / out).exists()
    assert ltt("export", "Tests", tmp_path / "a.csv", "--spreadsheet-safe").code == 0
    assert b"'=1+1" in (tmp_path / "a.csv").read_bytes()
