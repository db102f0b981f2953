"""``ltt snapshot`` and its sisters."""

import json

import pytest


@pytest.fixture
def faq(ltt, tmp_path):
    """A dataset of three pairs."""
    path = tmp_path / "faq.jsonl"
    rows = [{"question": f"Question {n}?", "answer": f"Answer {n}."} for n in range(3)]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    assert ltt("import", path, "--dataset", "FAQ", "--create").code == 0
    return "FAQ"


def test_a_dataset_is_frozen_listed_compared_and_brought_back(ltt, faq) -> None:
    made = ltt("snapshot", faq, "--name", "first", "--note", "As it came", "--json").json
    assert (made["snapshot"], made["name"], made["records"], len(made["hash"])) == ("v1", "first", 3, 64)
    assert ltt("snapshot-diff", faq, "first", "now").code == 0
    assert ltt("clean", "--dataset", faq, "--replace", "Answer 1.", "One.").code == 0
    same = ltt("snapshot", faq, "--query", "Question 0", "--json").json
    assert same["records"] == 1 and same["hash"] != made["hash"]
    found = ltt("snapshot-diff", faq, "v1", "now", "--json")
    assert found.code == 1
    assert {kind: found.json[kind] for kind in ("added", "removed", "changed", "same")} == {
        "added": 0,
        "removed": 0,
        "changed": 1,
        "same": 2,
    }
    assert found.json["pairs"]["changed"][0]["fields"] == {"answer": {"before": "Answer 1.", "after": "One."}}
    assert "[-Answer 1-]{+One+}." in ltt("snapshot-diff", faq, made["hash"][:10]).out
    assert [one["snapshot"] for one in ltt("snapshots", faq, "--json").json["snapshots"]] == ["v2", "v1"]
    back = ltt("snapshot-restore", faq, "1", "--json")
    assert back.code == 0 and back.json["changed"] == 1
    assert ltt("snapshot-diff", faq, "1").code == 0
    assert ltt("undo", faq).code == 0 and ltt("snapshot-diff", faq, "1").code == 1


def test_a_dataset_is_made_of_a_snapshot(ltt, faq) -> None:
    made = ltt("snapshot", faq, "--json").json
    assert ltt("snapshot-copy", faq, "v1", "--name", "Other").code == 0
    assert ltt("snapshot", "Other", "--json").json["hash"] == made["hash"]


def test_a_snapshot_is_deleted_when_somebody_says_so(ltt, faq) -> None:
    assert ltt("snapshot", faq).code == 0
    assert ltt("snapshot-delete", faq, "v1").code == 2
    assert ltt("snapshot-delete", faq, "v1", "--yes").code == 0
    assert ltt("snapshots", faq).out == ""


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (("snapshot-diff", "FAQ", "v9"), 4),
        (("snapshot-restore", "FAQ", "nothing"), 4),
        (("snapshot", "FAQ", "--query", "nowhere"), 3),
        (("snapshot", "FAQ", "--name", "now"), 3),
        (("snapshot", "Nobody"), 4),
    ],
)
def test_refusals_have_their_exit_codes(ltt, faq, arguments, code) -> None:
    found = ltt(*arguments)
    assert found.code == code and found.err.endswith(".\n") and found.err.count("\n") == 1 + ("--query" in arguments)


def test_an_export_of_a_snapshot_is_the_same_each_time_and_names_it(ltt, faq, tmp_path) -> None:
    made = ltt("snapshot", faq, "--name", "first", "--json").json
    before, after = tmp_path / "before.jsonl", tmp_path / "after.jsonl"
    told = ltt("export", faq, before, "--snapshot", "first", "--json").json
    assert told["snapshot"]["hash"] == made["hash"] and told["records"] == 3
    assert ltt("clean", "--dataset", faq, "--replace", "Answer", "Reply").code == 0
    assert ltt("export", faq, after, "--snapshot", "v1").code == 0
    assert before.read_bytes() == after.read_bytes() and b"Answer" in after.read_bytes()
    assert ltt("snapshots", faq, "--json").json["snapshots"][0]["used_by"] == ["Export to jsonl:openai"] * 2
    refused = ltt("snapshot-delete", faq, "v1", "--yes")
    assert refused.code == 4 and "Export to jsonl:openai" in refused.err
    assert ltt("export", faq, after, "--snapshot", "v9").code == 4
