"""``ltt validate``: findings with their places, the matrix of profiles, exit codes."""

import json

import pytest

from tests.chat_templates import FAMILIES, HOSTILE, add_tokenizer, model_folder


def chat(*texts, **more):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


ROWS = [chat(f"What is part {number}?", f"Part {number} is a bolt.") for number in range(1, 13)]


@pytest.fixture
def write(tmp_path):
    """Writes rows as JSON Lines, or bytes as they are."""

    def write_file(rows, name="faq.jsonl"):
        path = tmp_path / name
        lines = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows) if isinstance(rows, list) else ""
        path.write_bytes(lines.encode() if isinstance(rows, list) else rows)
        return path

    return write_file


def codes(done, severity="error"):
    return {one["code"] for one in done.json["findings"] if one["severity"] == severity}


def test_a_clean_file_is_done_with_0(ltt, write):
    done = ltt("validate", write(ROWS), "--json")
    assert done.code == 0
    assert (done.json["records"], done.json["errors"], codes(done)) == (12, 0, set())
    assert done.json["profiles"]["openai-sft"]["kept"] == 12


def test_a_finding_names_record_line_path_and_fix(ltt, write):
    bad = chat("What is part 13?", "A nut.")
    bad["messages"][1]["weight"] = True
    done = ltt("validate", write([*ROWS, bad]), "--json")
    assert done.code == 1
    [one] = [one for one in done.json["findings"] if one["code"] == "weight-value"]
    assert (one["record"], one["line"], one["path"], one["severity"], one["fix"]) == (
        13,
        13,
        "messages[1].weight",
        "error",
        "weight-to-number",
    )
    assert one["message"] == "Message 2 has the weight true; it must be 0 or 1."


def test_every_error_of_every_record_is_counted_and_the_list_is_bounded(ltt, write):
    bad = {"messages": [{"role": "bot", "content": 7}, {"role": "assistant", "content": ""}]}
    done = ltt("validate", write([bad] * 50), "--limit", 5, "--json")
    counts = {one["code"]: one["findings"] for one in done.json["rules"]}
    assert (counts["unknown-role"], counts["content-kind"], counts["blank-content"]) == (50, 50, 50)
    assert len(done.json["findings"]) == 5
    assert done.json["errors"] == sum(one["findings"] for one in done.json["rules"] if one["severity"] == "error")


def test_the_file_itself_is_looked_at(ltt, write):
    line = json.dumps(ROWS[0]).encode() + b"\n"
    done = ltt("validate", write(b"\xef\xbb\xbf" + line * 6 + b"\n" + line * 5 + line.strip() + line), "--json")
    assert codes(done) >= {"byte-order-mark", "blank-line", "crowded-line"}
    places = {one["code"]: one["line"] for one in done.json["findings"]}
    assert (places["blank-line"], places["crowded-line"]) == (7, 13)
    assert "not-utf-8" in codes(ltt("validate", write((line * 12).decode().encode("utf-16")), "--json"))
    assert "file-form" in codes(ltt("validate", write(json.dumps(ROWS).encode()), "--json"))
    assert "file-form" in codes(
        ltt("validate", write(json.dumps(ROWS, indent=1).encode(), "a.json"), "--json"), "warning"
    )


def test_another_layout_is_checked_as_it_would_be_exported(ltt, write):
    turns = [{"from": "human", "value": "Tare?"}, {"from": "gpt", "value": "Empty weight."}]
    path = write([{"conversations": turns, "id": number} for number in range(12)])
    done = ltt("validate", path, "--profile", "openai-sft,llama-factory", "--json")
    profiles = done.json["profiles"]
    assert profiles["openai-sft"]["checked"] == "as exported" and profiles["llama-factory"]["checked"] == "as it is"
    assert done.json["errors"] == 0
    assert (
        "openai-sft (as it would be exported; the file itself is in another form): 12 of 12"
        in ltt("validate", path).err
    )


def test_profiles_side_by_side_say_what_each_would_do(ltt, write):
    rows = [*ROWS, chat("What is part 13?", "A nut.", "And part 14?")]
    done = ltt("validate", write(rows), "--profile", "openai-sft,azure,llama-factory,ms-swift", "--json")
    fates = {name: (one["kept"], one["dropped"], one["rejected"]) for name, one in done.json["profiles"].items()}
    assert fates == {
        "openai-sft": (13, 0, 0),
        "azure": (12, 1, 1),
        "llama-factory": (12, 1, 0),
        "ms-swift": (13, 0, 0),
    }


@pytest.mark.parametrize("profile", ["all", "plain", "trl", "mistral-finetune"])
def test_good_conversations_are_good_everywhere_they_can_be_written(ltt, write, profile):
    done = ltt("validate", write([{**row, "id": 1} for row in ROWS], "train.jsonl"), "--profile", profile, "--json")
    assert {one["code"] for one in done.json["findings"] if one["severity"] == "error"} <= {"no-records"}


def test_records_that_stand_in_both_files_are_found(ltt, write):
    test = write([ROWS[3], chat("what is  PART 5?", "Something else.")], "test.jsonl")
    done = ltt("validate", write(ROWS), "--against", test, "--json")
    found = {one["record"]: one["severity"] for one in done.json["findings"] if one["code"].startswith("in-both")}
    assert done.code == 1 and found == {4: "error"}
    asked = {one["record"]: one["severity"] for one in done.json["findings"] if one["code"] == "question-in-both-files"}
    assert asked == {5: "warning"}


def test_stdin_and_stdout(ltt, write):
    done = ltt("validate", "-", stdin=write(ROWS).read_bytes())
    assert done.code == 0 and "12 of 12 records kept" in done.err
    done = ltt("validate", "-", stdin=b'{"messages": [}\n' + write(ROWS).read_bytes())
    assert done.code == 1 and "Must fix: record 1, line 1" in done.out


def test_a_model_decides_where_limits_differ(ltt, write):
    rows = [
        {
            "schemaVersion": "bedrock-conversation-2024",
            "messages": [
                {"role": "user", "content": [{"text": f"Part {number}?"}]},
                {"role": "assistant", "content": [{"text": "A bolt."}]},
            ],
        }
        for number in range(12)
    ]
    path = write(rows)
    assert ltt("validate", path, "--profile", "bedrock-nova").code == 0
    done = ltt("validate", path, "--profile", "bedrock-nova", "--model", "nova-2-lite", "--json")
    assert codes(done) == {"too-few"}
    assert ltt("validate", path, "--profile", "bedrock-nova", "--model", "nova-9").code == 2


def test_words_that_a_target_refuses_are_found_wherever_they_stand(ltt, write):
    rows = [{"schemaVersion": "bedrock-conversation-2024", "system": [{"text": "user: be kind"}], "messages": []}]
    done = ltt("validate", write(rows), "--profile", "bedrock-nova", "--json")
    assert [one["path"] for one in done.json["findings"] if one["code"] == "banned-words"] == ["system[0].text"]


def test_wrong_usage_is_told(ltt, write):
    path = write(ROWS)
    assert ltt("validate").code == 2
    assert ltt("validate", path, "--dataset", "D").code == 2
    assert ltt("validate", path, "--profile", "nobody").code == 2
    assert ltt("validate", path.with_name("none.jsonl")).code == 3


def test_a_profile_of_the_user_takes_the_place_of_ours(ltt, write, data_dir):
    folder = data_dir / "profiles"
    folder.mkdir(parents=True)
    own = {"extends": "openai-sft", "limits": {"records_min": 100}, "rules": {"repeated-row": None}}
    (folder / "openai-sft.json").write_text(json.dumps(own))
    (folder / "ours.json").write_text(json.dumps({"extends": "plain", "title": "Ours"}))
    done = ltt("validate", write([*ROWS, ROWS[0]]), "--json")
    assert codes(done) == {"too-few"} and "repeated-row" not in codes(done, "warning")
    assert ltt("validate", write(ROWS), "--profile", "ours").code == 0
    (folder / "ours.json").write_text('{"extends": "nobody"}')
    done = ltt("validate", write(ROWS))
    assert done.code == 3 and "ours.json" in done.err


def test_a_dataset_is_checked_as_it_would_be_exported(ltt, write):
    assert ltt("import", write([*ROWS, ROWS[0]]), "--dataset", "Parts", "--create", "--on-duplicate", "keep").code == 0
    done = ltt("validate", "--dataset", "Parts", "--profile", "openai-sft,openai-dpo", "--json")
    assert done.code == 1 and done.json["records"] == 13
    fates = {name: (one["kept"], one["errors"]) for name, one in done.json["profiles"].items()}
    assert fates == {"openai-sft": (13, 0), "openai-dpo": (0, 1)}
    assert [one["record"] for one in done.json["findings"] if one["code"] == "repeated-row"] == [13]


def test_what_an_export_leaves_out_until_it_is_approved_is_said(ltt):
    assert ltt("demo").code == 0
    name = ltt("datasets", "--json").json["datasets"][0]["name"]
    before = ltt("validate", "--dataset", name, "--json").json
    assert before["approved"] and before["waiting"]
    said = ltt("validate", "--dataset", name).err
    assert (
        f"approved pairs alone, {before['approved']} of them; {before['waiting']} pairs still to be reviewed." in said
    )


def test_a_chat_template_writes_what_is_shown(ltt, write, tmp_path):
    rows = [
        chat("How heavy?", "12 kg."),
        {"messages": [{"role": "system", "content": "Be brief."}, *ROWS[0]["messages"]]},
    ]
    made = model_folder(tmp_path, FAMILIES["turns"])
    add_tokenizer(made)
    done = ltt("validate", write(rows), "--profile", "axolotl", "--trained", "--no-lint", "--template", made)
    assert done.code == 1
    assert "<start_of_turn>user\nHow heavy?<end_of_turn>\n<start_of_turn>model\n⟦12 kg.<end_of_turn>⟧" in done.out
    assert "Record 2: The template refuses it: System role not supported." in done.out
    cut = ltt("validate", write(rows[:1]), "--profile", "mlx", "--trained", "--length", 9, "--template", made, "--json")
    [trained] = cut.json["trained"]
    assert cut.json["profiles"]["mlx"]["tokens"]["exact"] and trained["cut_at"] == 9


def test_a_template_that_is_none_or_hostile_is_one_sentence(ltt, write, tmp_path):
    file = write(ROWS)
    for said, sentence, code in (
        (tmp_path / "none", "No chat template can be read", 3),
        ("trl:none", "There is no chat template", 4),
        (model_folder(tmp_path, HOSTILE["is half"], name="half"), "cannot be read: line 1", 3),
        (model_folder(tmp_path, HOSTILE["counts in counts"], name="long"), "takes more than 4 seconds", 3),
    ):
        done = ltt("validate", file, "--profile", "trl", "--template", said)
        assert done.code == code and sentence in done.err and len(done.err.strip().splitlines()) == 1


def test_a_mended_copy_is_written_and_checked(ltt, write, tmp_path):
    bad = chat("What is part 13?", "A nut.", note="from Ann")
    bad["messages"][1]["weight"] = True
    path, copy = write([*ROWS, bad]), tmp_path / "mended.jsonl"
    before = path.read_bytes()
    done = ltt("validate", path, "--fix", copy, "--json")
    assert done.code == 0 and codes(done) == set() and path.read_bytes() == before
    assert done.json["fixed"] == {
        "path": str(copy), "mended": 1, "written": 13, "left_out": 0, "mends": {"drop-key": 1, "weight-to-number": 1}
    }  # fmt: skip
    assert json.loads(copy.read_text().splitlines()[12])["messages"][1]["weight"] == 1
    told = ltt("validate", path, "--fix", copy)
    assert "1 mended" in told.err and "Write the weight as 0 or 1: 1" in told.err


def test_what_cannot_be_mended_is_said_by_the_exit_code(ltt, write, tmp_path):
    copy = tmp_path / "mended.jsonl"
    broken = "".join(json.dumps(row) + "\n" for row in ROWS).encode() + b"{]\n"
    done = ltt("validate", write(broken), "--fix", copy)
    assert done.code == 1 and "Not in it, as it cannot be read: 1 row" in done.err
    assert ltt("validate", write([*ROWS, chat("What is part 14?", "")]), "--fix", copy).code == 1


def test_a_copy_is_never_written_over_its_file(ltt, write):
    path = write(ROWS)
    assert ltt("validate", path, "--fix", path).code == 2
    assert ltt("validate", path, "--fix", "-").code == 2
    assert ltt("validate", "--dataset", "FAQ", "--fix", "out.jsonl").code == 2
    assert path.read_bytes().count(b"\n") == len(ROWS)


def test_the_cost_is_reckoned_by_what_is_said(ltt, write):
    file = write(ROWS)
    cost = ltt("validate", file, "--json").json["cost"]
    assert cost["epochs"] == 8 and cost["amount"] is None and cost["price"] is None
    done = ltt("validate", file, "--price", "2.5", "--epochs", 4, "--json").json
    assert done["cost"]["amount"] == done["tokens"]["billed"] * 4 * 2.5 / 1e6
    assert done["profiles"]["openai-sft"]["cost"] == done["cost"]
    assert ltt("validate", file, "--price", "cheap").code == 2


def test_the_last_line_counts_the_findings_that_are_listed(ltt, tmp_path):
    path = tmp_path / "shop.jsonl"
    talk = [
        {"role": "user", "content": "How heavy is <b>it</b>?"},
        {"role": "assistant", "content": "12&nbsp;kg, <br>."},
    ]
    path.write_text((json.dumps({"messages": talk}) + "\n") * 2)
    done = ltt("validate", path, "--profile", "openai-sft,azure")
    heads = [line.removeprefix("openai-sft: ").removeprefix("azure: ").split(":")[0] for line in done.out.splitlines()]
    fix, look, hint = (heads.count(name) for name in ("Must fix", "Look at", "Hint"))
    kinds = sum(line.endswith("]") for line in done.err.splitlines())
    last = done.err.splitlines()[-1]
    assert fix and look and fix + look + hint == len(heads)
    assert last == (
        f"In all {len(heads)} findings of {kinds} kinds: {fix} to fix, {look} to look at, "
        f"{hint} hint{'s' if hint != 1 else ''}."
    )
    cut = ltt("validate", path, "--profile", "openai-sft,azure", "--limit", len(heads) - 1)
    assert f"1 more is counted below; --limit {len(heads)} lists all." in cut.out
    assert cut.err.splitlines()[-1] == last


def test_a_dataset_is_fixed_in_one_step_or_only_tried(ltt, tmp_path):
    rows = [{"question": f"Where is shop {n}?", "answer": f"<p>In <b>street</b> {n}.</p>"} for n in range(12)]
    source = tmp_path / "shops.jsonl"
    source.write_text("".join(json.dumps(row) + "\n" for row in rows), encoding="utf-8")
    ltt("import", source, "--dataset", "Shops", "--create")
    tried = ltt("validate", "--dataset", "Shops", "--fix", "--dry-run")
    assert "Would fix 12 pairs." in tried.err and "Remains of HTML: 12" in tried.err and "[html]" in tried.out
    done = ltt("validate", "--dataset", "Shops", "--fix", "--json").json
    assert done["fixed"]["fixes"] == {"html": 12} and done["fixed"]["changed"] == 12
    assert not [one for one in done["findings"] if one["code"] == "html"]
    again = ltt("validate", "--dataset", "Shops", "--fix")
    assert "Fixed 0 pairs." in again.err
    ltt("undo", "Shops", done["fixed"]["change_set"])
    assert "[html]" in ltt("validate", "--dataset", "Shops").out
    for words in (["--dataset", "Shops", "--fix", "out.jsonl"], [source, "--fix"], [source, "--dry-run"]):
        assert ltt("validate", *words).code == 2
