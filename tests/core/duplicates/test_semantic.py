"""The same in other words, by a model made here: words of one meaning have one vector."""

import json
from pathlib import Path

import numpy as np
import pytest

from app.core import duplicates
from app.core.duplicates import semantic
from app.core.errors import Invalid, TooLarge
from tests.static_model import save_model


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return save_model(tmp_path_factory.mktemp("model") / "toy")


TEXTS = ["where parcel lost", "where package missing", "when refund comes", "when reimbursement comes", "nothing known"]


def test_other_words_of_one_meaning_are_found(folder):
    found = duplicates.search_texts(TEXTS, meaning=semantic.by_meaning(folder))
    assert sorted(
        one.members for one in duplicates.group_pairs(found.pairs, "copies") if one.lowest <= 95 <= one.highest
    ) == [
        (0, 1),
        (2, 3),
    ]
    assert [one.members for one in duplicates.group_pairs(duplicates.search_texts(TEXTS).pairs, "copies")] == []


def test_each_pair_is_listed_once_and_unknown_texts_never(folder):
    pairs = semantic.find_near(semantic.embed_texts(TEXTS * 400, semantic.load_model(folder)), lowest=95)
    assert (pairs.left < pairs.right).all()
    assert len(set(zip(pairs.left.tolist(), pairs.right.tolist(), strict=True))) == len(pairs)
    assert {place % 5 for place in pairs.left.tolist()} == {0, 1, 2, 3}


def test_a_folder_without_a_model_is_told(tmp_path):
    with pytest.raises(Invalid, match="There is no model in"):
        semantic.load_model(tmp_path)
    (tmp_path / "config.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Invalid, match="cannot be read"):
        semantic.load_model(tmp_path)


def test_too_many_texts_are_refused_before_work_begins():
    with pytest.raises(TooLarge, match="200,000"):
        semantic.find_near(np.zeros((semantic.MOST + 1, 1), np.float32))


def test_the_command_takes_a_model(ltt, folder, tmp_path):
    path = tmp_path / "texts.jsonl"
    path.write_text("".join(json.dumps({"question": text, "answer": "x"}) + "\n" for text in TEXTS), encoding="utf-8")
    done = ltt("dedupe", path, "--method", "semantic", "--model", folder, "--groups", "-")
    lines = [json.loads(line) for line in done.out.splitlines()]
    assert [(line["kind"], line["records"]) for line in lines] == [("semantic", [1, 2]), ("semantic", [3, 4])]
    assert ltt("dedupe", path, "--method", "semantic").code == 2
