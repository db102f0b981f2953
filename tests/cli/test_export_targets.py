"""``ltt targets`` and exports by the name of a target: files, folders, archives, compressed."""

import gzip
import json
import zipfile

import pytest

from app.cli.workspace import open_workspace
from app.core.filters import Filters
from app.core.spec import parse_target
from app.core.targets import EXPORT_TARGETS


@pytest.fixture
def faq(ltt, tmp_path):
    path = tmp_path / "faq.jsonl"
    rows = [
        {
            "messages": [
                {"role": "user", "content": f"q{n}"},
                {"role": "assistant", "content": f"a{n}", "reasoning_content": "r"},
            ]
        }
        for n in range(3)
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ltt("import", path, "--dataset", "faq", "--create").code == 0
    return "faq"


def test_targets_are_listed_for_people_and_programs(ltt):
    shown = ltt("targets").out
    assert shown.startswith("Hosted services\n") and "mistral-finetune (legacy)" in shown
    names = [one["name"] for one in ltt("targets", "--json").json["targets"]]
    assert {"openai", "azure", "together", "huggingface", "mlx"} <= set(names)


def test_a_named_target_gets_its_own_file_and_says_what_is_lost(ltt, faq, tmp_path):
    result = ltt("export", faq, tmp_path / "azure.jsonl", "--to", "azure", "--json")
    assert result.code == 0 and result.json["losses"] == [{"what": "reasoning", "records": 3}]
    lost = [{"what": what, "records": 3} for what in ("reasoning", "status")]
    assert result.json["round_trip"] == {"records": 3, "back": 3, "differences": 0, "losses": lost}
    assert result.json["files"][0]["tokens"] > 0 and result.json["snapshot"] is None
    data = (tmp_path / "azure.jsonl").read_bytes()
    assert data.startswith(b"\xef\xbb\xbf") and b"reasoning" not in data


@pytest.mark.parametrize("name", ["set", "set.zip"])
def test_a_folder_target_is_a_folder_or_an_archive(ltt, faq, tmp_path, name):
    result = ltt("export", faq, tmp_path / name, "--to", "huggingface", "--json")
    assert result.code == 0 and result.json["records"] == 3
    names = (
        zipfile.ZipFile(tmp_path / name).namelist()
        if name.endswith(".zip")
        else [path.name for path in (tmp_path / name).iterdir()]
    )
    assert {"README.md", "train.jsonl"} <= set(names)


@pytest.mark.parametrize(
    ("out", "said"),
    [
        ("set.json", "huggingface is a folder of files. Name a folder, or a file that ends in .zip."),
        ("no/where/set", "There is no folder"),
    ],
)
def test_a_folder_target_needs_the_name_of_a_folder(ltt, faq, tmp_path, out, said):
    result = ltt("export", faq, tmp_path / out, "--to", "huggingface")
    assert result.code in (2, 3) and said in result.err


def test_an_ending_compresses_the_file(ltt, faq, tmp_path):
    for name in ("a.jsonl", "a.jsonl.gz", "a.jsonl.zst"):
        assert ltt("export", faq, tmp_path / name, "--to", "together", "--prove").code == 0
    plain = (tmp_path / "a.jsonl").read_bytes()
    assert gzip.decompress((tmp_path / "a.jsonl.gz").read_bytes()) == plain
    assert ltt("convert", tmp_path / "a.jsonl.zst", tmp_path / "back.jsonl", "--to", "together").code == 0
    assert (tmp_path / "back.jsonl").read_bytes() == plain


def test_a_manifest_of_a_file_tells_what_was_exported(ltt, faq, tmp_path):
    ltt("export", faq, tmp_path / "a.jsonl", "--to", "together", "--query", "q1", "--manifest")
    found = json.loads((tmp_path / "a.jsonl.manifest.json").read_text())
    assert found["target"] == found["profile"] == "together" and found["filter"] == {"text": "q1"}
    assert found["records"] == 1 and found["splits"][""]["records"] == 1 and len(found["pairs_hash"]) == 64


def test_a_conversion_takes_the_name_of_a_target(ltt, tmp_path):
    path = tmp_path / "faq.csv"
    path.write_text("question,answer\nWhy?,So.\n")
    assert ltt("convert", path, tmp_path / "o.jsonl", "--to", "azure").code == 0
    assert (tmp_path / "o.jsonl").read_bytes().startswith(b'\xef\xbb\xbf{"messages":')
    assert ltt("convert", path, tmp_path / "o.json", "--to", "llama-factory").code == 0
    assert json.loads((tmp_path / "o.json").read_text())[0]["conversations"]
    refused = ltt("convert", path, tmp_path / "o.jsonl", "--to", "togther")
    assert refused.code == 2 and "together" in refused.err


def test_a_damaged_zstandard_file_is_refused_in_a_sentence(ltt, faq, tmp_path):
    ltt("export", faq, tmp_path / "a.jsonl.zst", "--to", "together")
    data = (tmp_path / "a.jsonl.zst").read_bytes()
    for broken in (data[:20], data[:12] + b"\xff" * 20 + data[32:]):
        (tmp_path / "b.jsonl.zst").write_bytes(broken)
        result = ltt("convert", tmp_path / "b.jsonl.zst", "-", "--to", "csv")
        assert result.code == 3 and "damaged" in result.err, result.err


@pytest.mark.parametrize("more", [[], ["--json"], ["--prove"]])
def test_an_export_of_nothing_says_so_and_is_1(ltt, faq, tmp_path, more):
    result = ltt("export", faq, tmp_path / "o.jsonl", "--to", "openai-dpo", *more)
    assert result.code == 1
    assert "Nothing was written: what was chosen stays out (3 pairs without a rejected answer)." in result.err
    assert ltt("export", faq, tmp_path / "o.jsonl", "--split", "each", *more).code == 1
    result = ltt("export", faq, "-", "--query", "nowhere")
    assert result.code == 1 and result.out == "" and "Nothing was written: no pair was chosen." in result.err


@pytest.mark.parametrize("name", [one.name for one in EXPORT_TARGETS.values() if one.bundle])
@pytest.mark.parametrize("out", ["set", "set.zip"])
def test_the_files_of_a_folder_are_read_back(ltt, tmp_path, name, out):
    path = tmp_path / "mixed.jsonl"
    rows = [{"question": f"q{n}", "answer": f"a{n}", "rejected_answer": f"w{n}"} for n in range(6)]
    for n in (2, 4):
        rows[n]["system"] = "Be kind."
    rows[5]["answer"] = "It is\u2028a line."
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert ltt("import", path, "--dataset", "mixed", "--create").code == 0
    assert ltt("split", "--dataset", "mixed", "--ratios", "50/0/50", "--min", "2").code == 0
    result = ltt("export", "mixed", tmp_path / out, "--to", name, "--prove")
    rows_out = 12 if "kto" in name else 6
    assert result.code == 0 and f"Round trip: {rows_out} out, {rows_out} back, 0 differences" in result.err
    told = ltt("export", "mixed", tmp_path / out, "--to", name, "--json").json["round_trip"]
    assert (told["records"], told["back"], told["differences"]) == (rows_out, rows_out, 0)
    assert {"what": "status", "records": 6} in told["losses"]


def test_kept_choices_are_taken_by_their_name(ltt, faq, tmp_path):
    from app.services import export
    from app.services.export import ExportOptions

    with open_workspace():
        spec, filters = parse_target("together"), Filters(statuses=("review",))
        export.save_preset(1, "mine", ExportOptions(seed=3, max_tokens=99).complete(spec, filters))
    result = ltt("export", faq, tmp_path / "out.jsonl", "--preset", "mine", "--json")
    assert result.code == 0 and "reasoning" in (tmp_path / "out.jsonl").read_text()
    ltt("export", faq, tmp_path / "out.jsonl", "--preset", "mine", "--to", "openai", "--shuffle", "4")
    assert "reasoning" not in (tmp_path / "out.jsonl").read_text()
    with open_workspace():
        last, first = (export.options_of_export(one) for one in export.list_exports(1))
        made = [(one.name, one.seed, one.max_tokens, one.filters.statuses) for one in (first, last)]
        assert [one.way for one in export.list_exports(1)] == ["command", "command"]
    assert made == [("together", 3, 99, ("review",)), ("openai", 4, 99, ("review",))]
    missing = ltt("export", faq, tmp_path / "x.jsonl", "--preset", "other")
    assert missing.code == 4 and "There are: mine." in missing.err
