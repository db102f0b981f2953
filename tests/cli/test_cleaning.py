"""``ltt clean``: datasets and files, dry runs, recipes, exit codes."""

import json

import pytest

from app.cli import cleaning
from app.core.cleaning import Step, compile_recipe

ROWS = [
    {"messages": [{"role": "user", "content": "How?"}, {"role": "assistant", "content": "Note User: so."}]},
    {"messages": [{"role": "user", "content": "User: why?"}, {"role": "assistant", "content": "User:"}]},
    {"messages": [{"role": "user", "content": "When?"}, {"role": "assistant", "content": "Now."}]},
]


@pytest.fixture
def chat(tmp_path):
    """A file of three conversations."""
    path = tmp_path / "chat.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in ROWS), encoding="utf-8")
    return path


@pytest.fixture
def dataset(ltt, chat):
    """A dataset of three pairs."""
    assert ltt("import", chat, "--dataset", "D", "--create").code == 0
    return "D"


def answers(text):
    return [json.loads(line)["messages"][-1]["content"] for line in text.splitlines()]


def test_a_dataset_is_cleaned_and_undone(ltt, dataset):
    before = ltt("digest").out
    done = ltt("clean", "--dataset", dataset, "--remove", "User:", "--json")
    assert done.code == 0
    assert {name: done.json[name] for name in ("matched", "changed", "emptied", "change_set")} == {
        "matched": 2,
        "changed": 2,
        "emptied": 1,
        "change_set": 2,
    }
    assert ltt("digest").out != before
    assert ltt("undo", dataset).code == 0
    assert ltt("digest").out == before


def test_a_dry_run_counts_and_changes_nothing(ltt, dataset):
    before = ltt("digest").out
    seen = ltt("clean", "--dataset", dataset, "--remove", "User:", "--dry-run", "--json")
    assert (seen.json["matched"], seen.json["changed"], seen.json["emptied"], seen.json["change_set"]) == (
        2,
        2,
        1,
        None,
    )
    assert ltt("digest").out == before
    assert (
        "2 of 3 pairs change; 1 becomes empty."
        in ltt("clean", "--dataset", dataset, "--remove", "User:", "--dry-run").err
    )


def test_a_file_keeps_its_shape(ltt, chat, tmp_path):
    out = tmp_path / "out.jsonl"
    done = ltt("clean", chat, "--remove", "User:", "--field", "answer", "--out", out, "--json")
    assert done.code == 0 and done.json["changed"] == 2 and done.json["emptied"] == 1
    assert answers(out.read_text(encoding="utf-8")) == ["Note  so.", "", "Now."]
    untouched = out.read_text(encoding="utf-8").splitlines()[2]
    assert json.loads(untouched) == ROWS[2]


def test_a_pipe_is_cleaned(ltt, chat):
    done = ltt("clean", "-", "--replace", r"(\w+)\.$", r"<\1>", "--regex", "--out", "-", stdin=chat.read_bytes())
    assert answers(done.out) == ["Note User: <so>", "User:", "<Now>"]


def test_without_out_a_file_is_only_counted(ltt, chat, tmp_path):
    done = ltt("clean", chat, "--remove", "Now", "--json")
    assert done.json["changed"] == 1 and done.json["written"] == 0
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["chat.jsonl"]


def test_a_record_keeps_its_question(ltt, chat, tmp_path):
    out = tmp_path / "out.jsonl"
    done = ltt("clean", chat, "--remove", "When?", "--out", out, "--json")
    assert done.code == 1 and done.json["kept"] == 1 and done.json["changed"] == 0
    assert answers(out.read_text(encoding="utf-8"))[2] == "Now."


def test_other_columns_of_a_table_stay(ltt, tmp_path):
    table, out = tmp_path / "t.csv", tmp_path / "o.csv"
    table.write_text("question,answer,source\nq1,x a,s1\nq2,b,s2\n", encoding="utf-8")
    assert ltt("clean", table, "--remove", "x ", "--out", out).code == 0
    assert out.read_text(encoding="utf-8").splitlines() == ["question,answer,source", "q1,a,s1", "q2,b,s2"]


def test_a_recipe_file_runs_on_a_file_and_on_a_dataset(ltt, dataset, chat, tmp_path):
    recipe = tmp_path / "recipe.json"
    steps = [{"operation": "remove-text", "options": {"text": "User:"}}, {"operation": "trim"}]
    recipe.write_text(json.dumps({"name": "Tidy", "steps": steps}), encoding="utf-8")
    done = ltt("clean", chat, "--recipe", recipe, "--out", "-")
    assert answers(done.out) == ["Note so.", "", "Now."]
    done = ltt("clean", "--dataset", dataset, "--recipe", recipe, "--json")
    assert done.json["changed"] == 2
    assert "Run recipe “Tidy”, 2 steps" in ltt("history", dataset).out


def test_options_of_an_operation_have_their_types(ltt, chat):
    done = ltt("clean", chat, "--operation", "truncate", "--option", "limit=5", "--field", "answer", "--json")
    assert done.code == 0 and done.json["changed"] == 1


def test_a_suggested_recipe_can_be_run(ltt, tmp_path):
    table, recipe = tmp_path / "t.csv", tmp_path / "r.json"
    table.write_text("question,answer\nq1,<p>Hello <b>you</b></p>\nq2,fine\n", encoding="utf-8")
    seen = ltt("clean", table, "--suggest")
    assert "1 answer holds HTML." in seen.err
    recipe.write_text(seen.out, encoding="utf-8")
    assert ltt("clean", table, "--recipe", recipe, "--json").json["changed"] == 1


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        (["--remove", "x"], 2),
        (["FILE"], 2),
        (["FILE", "--remove", "x", "--replace", "a", "b"], 2),
        (["FILE", "--dataset", "D", "--remove", "x"], 2),
        (["--dataset", "none", "--remove", "x"], 4),
        (["FILE", "--operation", "nonsense"], 3),
        (["FILE", "--replace", "(", "b", "--regex"], 3),
        (["FILE", "--operation", "truncate", "--option", "limit=abc"], 3),
        (["FILE", "--operation", "trim", "--option", "nonsense=1"], 3),
        (["FILE", "--recipe", "FILE"], 3),
        (["missing.jsonl", "--remove", "x"], 3),
    ],
)
def test_what_cannot_be_done_is_refused(ltt, chat, arguments, code):
    done = ltt("clean", *(str(chat) if one == "FILE" else one for one in arguments))
    assert done.code == code and done.err and "Traceback" not in done.err


def test_the_place_of_a_bad_pattern_is_named(ltt, chat):
    assert "at character 4" in ltt("clean", chat, "--replace", "ab(", "b", "--regex").err


def mask(ltt, dataset):
    """Mask something that a pair holds, and give the number of the step."""
    return ltt("clean", "--dataset", dataset, "--replace", "Now", "Then", "--json").json["change_set"]


def test_forgetting_asks_first_and_ends_the_way_back(ltt, dataset):
    number = mask(ltt, dataset)
    refused = ltt("forget", dataset, number)
    assert refused.code == 2 and "--yes" in refused.err
    assert ltt("forget", dataset, number, "--yes", "--json").json == {"forgotten": 1}
    assert ltt("undo", dataset, number).code == 4


def test_compacting_keeps_the_pairs_and_the_sentences(ltt, dataset):
    number = mask(ltt, dataset)
    before = ltt("digest", "--dataset", dataset).out
    assert ltt("compact", dataset).code == 2
    assert ltt("compact", dataset, "--upto", number - 1, "--yes", "--json").json == {"compacted": 1}
    assert ltt("undo", dataset, number).code == 0 and ltt("redo", dataset, number).code == 0
    done = ltt("compact", dataset, "--yes")
    assert done.code == 0 and "Compacted 1 step." in done.err
    assert ltt("digest", "--dataset", dataset).out == before
    assert "Replace “Now” with “Then”" in ltt("history", dataset).out


@pytest.mark.parametrize(
    "step",
    [
        Step("find-replace", {"find": "User:", "replace": "a 'b'\nc", "ignore_case": True}, ("answer",)),
        Step("remove-text", {"text": "Note"}, ("question", "answer"), keep_code=False),
        Step("trim"),
    ],
    ids=lambda step: step.operation,
)
def test_the_command_of_a_step_means_the_step(ltt, monkeypatch, step, chat):
    seen = []
    monkeypatch.setattr(cleaning, "compile_recipe", lambda steps: seen.extend(steps) or compile_recipe(steps))
    assert ltt("clean", chat, *step.words).code == 0
    assert seen == [step]


def test_a_search_says_on_stderr_how_it_was_taken(ltt, dataset, tmp_path):
    inside, odd = "inside words", "“status:odd” is looked for as it stands"
    for command in (
        ("export", dataset, tmp_path / "out.jsonl", "--json"),
        ("clean", "--dataset", dataset, "--remove", "o", "--dry-run", "--json"),
        ("snapshot", dataset, "--json"),
    ):
        assert inside in ltt(*command, "--query", "hen").err
        plain = ltt(*command, "--query", "when")
        assert plain.json and inside not in plain.err
        assert odd in ltt(*command, "--query", "status:odd").err
