"""Real files: imported as their manifest says, exported for OpenAI, imported again, the same content."""

import io
import json
import os
from pathlib import Path

import pytest

from app.core.errors import LttError
from app.core.record import load_json
from app.core.text import is_blank
from app.services import datasets, entries, export, imports, uploads
from app.services.imports import Settings

FOLDER = Path(os.environ.get("LTT_CORPUS_DIR", ""))
pytestmark = pytest.mark.skipif("LTT_CORPUS_DIR" not in os.environ, reason="LTT_CORPUS_DIR is not set")

ROUND_TRIP = (
    "jsonl/gsm8k_test.jsonl",
    "csv/BankFAQs.csv",
    "csv/korean_ChatbotData.csv",
    "json/instruction-data.json",
    "json/glaive_toolcall_en_demo.json",
    "json/dummy_conversation.json",
    "jsonl/azure_chat_gsm8k_train.jsonl",
    "csv/finassistant_qa_pairs_update_bom.csv",
    "json/huatuo_llama_data.json",
)


def manifest():
    path = FOLDER / "real/manifest.json"
    return json.loads(path.read_text(encoding="utf-8"))["files"] if path.exists() else []


def bring(dataset_id, path, **settings):
    told = Settings(**settings)
    with path.open("rb") as file:
        row = imports.add(dataset_id, uploads.save(file.read, path.name), told)
    imports.enqueue(row.id, told)
    imports.run(row.id)
    return imports.get(row.id)


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        yield datasets.create_dataset("Corpus").id


@pytest.mark.parametrize("name", ROUND_TRIP)
def test_import_export_import_keeps_the_content(dataset_id, tmp_path, name):
    expected = next(one for one in manifest() if one["path"] == name)
    row = bring(dataset_id, FOLDER / "real" / name)
    assert (row.imported, row.quarantined) == (expected["expected_good_records"], expected["expected_bad_rows"])
    out = tmp_path / "out.jsonl"
    with out.open("wb") as written:
        export.write_export(dataset_id, export.ExportOptions("jsonl", "openai"), written)
    again = datasets.create_dataset("Again").id
    assert bring(again, out).imported == row.imported
    assert datasets.compute_digest(again).content == datasets.compute_digest(dataset_id).content


@pytest.mark.parametrize("one", manifest(), ids=lambda one: one["path"])
def test_a_real_file_comes_in_as_its_manifest_says(dataset_id, one):
    path = FOLDER / "real" / one["path"]
    choice = {"question": one["mapping"]["question"], "answer": one["mapping"]["answer"]}
    try:
        row = bring(dataset_id, path)
    except LttError as error:
        if error.code != "choose_mapping" or any(column not in error.details["columns"] for column in choice.values()):
            refused_rightly(one, error)
            return
        row = bring(dataset_id, path, mapping=choice)
    assert row.rows_in == row.imported + row.skipped + row.quarantined == one["expected_records"]
    assert (row.imported, row.quarantined) == (one["expected_good_records"], one["expected_bad_rows"])
    first_and_last_are_there(dataset_id, one)


def refused_rightly(one, error):
    """Asking or refusing is right for files without a clear question and answer."""
    assert one["kind"] in ("reject", "choice", "tree", "text-only", "nested", "keyed", "answer-list"), error.message
    assert error.message


def first_and_last_are_there(dataset_id, one):
    if not one["first"] or one["mapping"].get("multi_turn") or one["mapping"].get("context"):
        return
    found = list(entries.stream_entries(dataset_id))
    for entry, side in ((found[0], "first"), (found[-1], "last")):
        assert " ".join(entry.question.split()).startswith(" ".join(one[side]["question_preview"][:40].split()))


def test_the_naughty_strings_come_in_unchanged(dataset_id):
    path = next((FOLDER / "suites/blns").rglob("blns.json"))
    texts = json.loads(path.read_text(encoding="utf-8"))
    content = "".join(json.dumps({"question": f"q{n}", "answer": text}) + "\n" for n, text in enumerate(texts))
    row = imports.add(dataset_id, uploads.save(io.BytesIO(content.encode()).read, "blns.jsonl"))
    imports.enqueue(row.id, Settings())
    imports.run(row.id)
    found = [entry.answer for entry in entries.stream_entries(dataset_id)]
    kept = [text for text in texts if not is_blank(text)]
    assert found == kept and imports.get(row.id).quarantined == len(texts) - len(kept)
    assert all(load_json(entry.extra, {}) == {} for entry in entries.stream_entries(dataset_id))
