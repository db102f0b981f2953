"""Scans that look for other words of the same meaning, by a model that the user names."""

import pytest

from app.core.errors import Invalid
from app.core.record import Record
from app.services import duplicates
from app.services.duplicates import ScanOptions
from tests.services.duplicates import EQUAL, fill, groups, members, scanned
from tests.static_model import save_model

PARAPHRASES = (Record("where parcel lost", "Ask the carrier."), Record("where package missing", "Ask the carrier."))
BY_MEANING = ScanOptions(semantic=True)


@pytest.fixture
def _model(app, monkeypatch, tmp_path_factory):
    folder = save_model(tmp_path_factory.mktemp("model") / "toy")
    monkeypatch.setitem(app.config, "LTT_SEMANTIC_MODEL", str(folder))


def test_without_a_model_meanings_cannot_be_compared(dataset_id):
    fill(dataset_id, *PARAPHRASES)
    with pytest.raises(Invalid, match="LTT_SEMANTIC_MODEL"):
        duplicates.scan_dataset(dataset_id, BY_MEANING)
    assert duplicates.latest_scan(dataset_id) is None


@pytest.mark.usefixtures("_model")
def test_other_words_of_one_meaning_are_copies_to_look_at(dataset_id):
    ids, scan = scanned(dataset_id, *PARAPHRASES, *EQUAL, options=BY_MEANING)
    assert [(one.kind, one.size) for one in groups(scan)] == [("exact", 2), ("semantic", 2)]
    assert ids[:2] in members(scan)
    assert duplicates.preview_settling(scan, 101, "newest").pairs == 1
    assert groups(duplicates.scan_dataset(dataset_id, ScanOptions()), level=80)[0].kind == "exact"


@pytest.mark.usefixtures("_model")
def test_what_changed_is_searched_again_by_meaning(dataset_id):
    scanned(dataset_id, PARAPHRASES[0], options=BY_MEANING)
    fill(dataset_id, PARAPHRASES[1])
    done = duplicates.recheck_changed(dataset_id)
    assert done.whole
    assert [one.kind for one in groups(duplicates.latest_scan(dataset_id))] == ["semantic"]
