"""Bundles: what stands beside the data is right for its readers, and what people wrote into a card stays."""

import json

import pytest
import yaml

from app.core.bundles import BUNDLES, Facts, Features, Part, count_keys
from app.core.bundles.card import BEGIN, END
from app.core.targets import EXPORT_TARGETS

CALL = {"id": "1", "type": "function", "function": {"name": "f", "arguments": {"n": 1}}}
PLAIN = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
RICH = {
    "messages": [{"role": "user", "content": "q"}, {"role": "assistant", "tool_calls": [CALL], "weight": 1},
                 {"role": "tool", "content": "1", "tool_call_id": "1"}],
    "tools": [{"type": "function", "function": {"name": "f"}}],
}  # fmt: skip


def features_of(*rows):
    features = Features()
    for row in rows:
        features.see(row)
    return features


def facts_of(*rows, layout="hugging-face", title="Scales & more", splits=("train", "test"), ending="jsonl"):
    parts = [Part(name, f"{name}.{ending}", 1, 1, 100, "0" * 64, 5) for name in splits]
    return Facts(title, layout, "1.0", parts, features_of(*rows))


def head_of(card):
    return yaml.safe_load(card.split("---\n")[1])


def card(facts, old=None):
    return BUNDLES["huggingface"].beside["README.md"](facts, None if old is None else old.encode()).decode()


def test_the_head_names_each_file_and_the_type_of_each_key():
    head = head_of(card(facts_of(PLAIN, RICH)))
    [config] = head["configs"]
    assert config["config_name"] == "default"
    assert config["data_files"] == [{"split": "train", "path": "train.jsonl"}, {"split": "test", "path": "test.jsonl"}]
    assert head["dataset_info"]["features"] == [
        {"name": "messages", "list": [
            {"name": "role", "dtype": "string"},
            {"name": "content", "dtype": "string"},
            {"name": "tool_calls", "list": "json"},
            {"name": "weight", "dtype": "int64"},
            {"name": "tool_call_id", "dtype": "string"},
        ]},
        {"name": "tools", "list": "json"},
    ]  # fmt: skip
    assert head["pretty_name"] == "Scales & more"


@pytest.mark.parametrize(
    ("values", "told"),
    [
        ([1, None], {"dtype": "int64"}),
        ([1, 1.5], {"dtype": "float64"}),
        ([True], {"dtype": "bool"}),
        ([1, "a"], {"dtype": "json"}),
        ([2**70], {"dtype": "json"}),
        ([{"k": 1}], {"dtype": "json"}),
        ([["a"], []], {"list": "string"}),
        ([["a", 1]], {"list": "json"}),
        ([[{"k": 1}]], {"list": "json"}),
        ([None], {"dtype": "string"}),
        ([[[1]]], {"list": "json"}),
    ],
)
def test_a_column_has_the_type_that_all_of_its_values_have(values, told):
    [feature] = yaml.safe_load("\n".join(features_of(*({"x": value} for value in values)).as_yaml()))
    assert feature == {"name": "x", **told}


@pytest.mark.parametrize("name", ["no", "null", "a: b", "ключ", "- x", "#", 'say "x"', "1", "", "{", "a\nb"])
def test_any_name_of_a_column_is_one_in_yaml(name):
    assert yaml.safe_load("\n".join(features_of({name: "v"}).as_yaml())) == [{"name": name, "dtype": "string"}]


@pytest.mark.parametrize("title", ["FAQ: all", "yes", "# 1", "Ünïcode", "a'b\"c", "- list"])
def test_any_title_is_one_in_the_head(title):
    assert head_of(card(facts_of(PLAIN, title=title)))["pretty_name"] == title


BY_HAND = """\
---
license: mit   # ours
language:
- en
configs:
- config_name: old
  data_files: old.jsonl
tags: [faq]
dataset_info:
  features:
  - name: gone
    dtype: string
# a remark
size_categories:
- n<1K
---
# My own title

My own words, with --- in them.
"""


def test_a_card_written_by_hand_keeps_all_but_what_tells_of_the_files():
    written = card(facts_of(PLAIN), BY_HAND)
    head = head_of(written)
    assert (head["license"], head["language"], head["tags"], head["size_categories"]) == (
        "mit",
        ["en"],
        ["faq"],
        ["n<1K"],
    )
    assert [one["name"] for one in head["dataset_info"]["features"]] == ["messages"]
    assert head["configs"][0]["config_name"] == "default" and "gone" not in written
    assert "license: mit   # ours\n" in written and "# a remark\n" in written
    assert written.endswith(BY_HAND.split("---\n")[2].removeprefix("")) and "My own words, with --- in them." in written


def test_marks_that_stand_the_wrong_way_round_cost_no_text():
    written = card(facts_of(PLAIN), f"---\n---\nOne.\n{END}\nTwo.\n{BEGIN}\nThree.\n")
    assert all(text in written for text in ("One.", "Two.", "Three."))


def test_a_card_is_the_same_when_nothing_changed_and_its_counts_follow():
    first = card(facts_of(PLAIN))
    assert card(facts_of(PLAIN), first) == first
    again = card(facts_of(PLAIN, splits=("train",)), first.replace("# Scales", "Mine\n\n# Scales"))
    assert "| test |" not in again and "| train | 1 | 100 |" in again and "Mine\n" in again
    assert again.count(BEGIN) == again.count(END) == 1


@pytest.mark.parametrize(
    "old", ["", "Only words.\n", "\ufeff---\r\nlicense: mit\r\n---\r\nWords.\r\n", "---\nnever closed\n"]
)
def test_any_file_of_that_name_becomes_a_card(old):
    written = card(facts_of(PLAIN), old)
    assert head_of(written)["configs"] and (("Words" in written) is ("Words" in old))
    assert "mit" not in old or head_of(written)["license"] == "mit"


def test_the_row_with_most_keys_is_the_richest():
    assert count_keys(RICH) > count_keys(PLAIN) and count_keys({**PLAIN, "tools": []}) > count_keys(PLAIN)


TALK = [{"from": "human", "value": "q"}]


@pytest.mark.parametrize(
    ("layout", "row", "told"),
    [
        ("sharegpt", {"conversations": TALK}, {"columns": {"messages": "conversations"}}),
        (
            "sharegpt",
            {"conversations": TALK, "tools": "[]"},
            {"columns": {"messages": "conversations", "tools": "tools"}},
        ),
        (
            "kto",
            {"conversations": TALK, "kto_tag": True},
            {"columns": {"messages": "conversations", "kto_tag": "kto_tag"}},
        ),
        (
            "llama-factory-preference",
            {"conversations": TALK, "chosen": TALK[0], "rejected": TALK[0]},
            {"columns": {"messages": "conversations", "chosen": "chosen", "rejected": "rejected"}, "ranking": True},
        ),
    ],
)
def test_llama_factory_is_told_of_columns_that_are_there_and_no_others(layout, row, told):
    facts = facts_of(row, layout=layout, ending="json", splits=("train", "validation"))
    found = json.loads(BUNDLES["llama-factory"].beside["dataset_info.json"](facts, None))
    assert list(found) == ["scales_more", "scales_more_validation"]
    entry = found["scales_more"]
    assert (
        entry["file_name"] == "train.json"
        and entry["formatting"] == "sharegpt"
        and entry["tags"]["user_tag"] == "human"
    )
    assert {name: entry.get(name) for name in ("columns", "ranking")} == {"ranking": None, **told}


def test_axolotl_is_told_of_weights_reasoning_and_tools_where_there_are_some():
    message = {"role": "assistant", "content": "a", "train": False, "reasoning_content": "r"}
    rich = {"messages": [message], "tools": []}
    for row, more in (
        (PLAIN, set()),
        (rich, {"message_field_training", "field_thinking", "template_thinking_key", "field_tools"}),
    ):
        facts = facts_of(row, layout="axolotl", splits=("train", "validation", "test"))
        found = yaml.safe_load(BUNDLES["axolotl"].beside["axolotl.yml"](facts, None))
        assert [one["path"] for one in (*found["datasets"], *found["test_datasets"])] == [
            "train.jsonl",
            "validation.jsonl",
        ]
        for one in (*found["datasets"], *found["test_datasets"]):
            assert one.keys() - {"path", "ds_type", "split", "type", "field_messages"} == more
            assert one["type"] == "chat_template" and one["ds_type"] == "json"


def test_mlx_gets_its_own_name_of_the_validation_file():
    assert BUNDLES["mlx"].splits["validation"] == "valid"


def test_every_target_that_is_a_folder_has_a_bundle():
    assert {one.bundle for one in EXPORT_TARGETS.values() if one.bundle} == set(BUNDLES)
