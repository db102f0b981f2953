"""What people report of their trainers, each as a small file that shows it."""

import json
from datetime import date

import msgspec
import pytest

from app.core.formats import Source
from app.core.layouts import LAYOUTS, LayoutOptions
from app.core.reading import ReadSettings
from app.core.reasoning import lift_thinking
from app.core.record import Record
from app.core.targets import EXPORT_TARGETS
from app.core.validation import ValidateOptions, load_profiles
from app.core.validation.files import validate_file

PROFILES = load_profiles()


class Words:
    """A word is a token, and so is each line end."""

    family = "words"
    exact = True

    def count(self, text):
        return len(text.replace("\n", " \n ").split(" ")) - text.replace("\n", " \n ").split(" ").count("")


def words(number):
    return " ".join("word" for _ in range(number))


def chat(*texts, **more):
    roles = ("user", "assistant")
    return {"messages": [{"role": roles[n % 2], "content": text} for n, text in enumerate(texts)], **more}


def turns(*texts):
    roles = ("human", "gpt")
    return {"conversations": [{"from": roles[n % 2], "value": text} for n, text in enumerate(texts)]}


def validate(rows, *names, against=None, trained=False, lint=False):
    files = [
        Source.of_bytes("".join(json.dumps(row) + "\n" for row in some).encode(), name="rows.jsonl")
        for some in (rows, against or [])
    ]
    options = ValidateOptions(limit=1_000, trained=trained, lint=lint)
    return validate_file(
        files[0],
        ReadSettings(),
        options,
        [PROFILES[name] for name in names],
        today=date(2026, 11, 29),
        against=files[1] if against else None,
        load_tokenizer=lambda family: Words(),
    )


def found(report, code):
    return [one for one in report["findings"] if one["code"] == code]


LONG = chat(words(3_000), words(49))


def test_a_question_that_fills_the_limit_leaves_nothing_to_train():
    pair = {"prompt": LONG["messages"][:1], "completion": LONG["messages"][1:]}
    [trl] = found(validate([pair], "trl"), "no-answer-left")
    assert trl["severity"] == "error" and "0 of 50 answer tokens trained" in trl["message"]
    assert "the record is dropped" in trl["message"]
    assert validate([pair], "trl")["profiles"]["trl"]["dropped"] == 1
    # Of messages TRL trains the question too, so that it keeps the row.
    report = validate([LONG], "trl", "axolotl", "mlx")
    fates = {name: (one["kept"], one["dropped"], one["cut"]) for name, one in report["profiles"].items()}
    assert fates == {"trl": (1, 0, 1), "axolotl": (0, 1, 0), "mlx": (1, 0, 1)}
    assert {one["profile"] for one in found(report, "no-answer-left")} == {"trl", "mlx"}
    assert {one["profile"] for one in found(report, "too-long")} == {"axolotl"}


def test_each_row_that_is_dropped_is_named_and_all_rows_are_accounted_for():
    rows = [LONG if number in (3, 7) else chat(f"What is part {number}?", "A bolt.") for number in range(1, 11)]
    report = validate(rows, "axolotl", "llama-factory")
    assert [one["record"] for one in found(report, "too-long")] == [3, 7]
    for fate in report["profiles"].values():
        assert fate["kept"] + fate["dropped"] == report["records"] == 10
    odd = [turns("A?", "B.", "C?") if number == 4 else turns(f"What is {number}?", "So.") for number in range(1, 11)]
    report = validate(odd, "llama-factory")
    assert [one["record"] for one in found(report, "turn-count")] == [4]
    assert report["profiles"]["llama-factory"]["dropped"] == 1


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("trl", "all"),
        ("mlx", "all"),
        ("openai-sft", ["One.<|im_end|>", "Two.<|im_end|>"]),
        ("axolotl", ["One.<|im_end|>", "Two.<|im_end|>"]),
        ("mlx --mask-prompt", ["Two.<|im_end|>"]),
    ],
)
def test_it_is_said_what_each_target_trains(name, parts, monkeypatch):
    name, _, has_mask = name.partition(" ")
    if has_mask:
        monkeypatch.setitem(PROFILES, name, msgspec.structs.replace(PROFILES[name], trains="last-answer"))
    [trained] = validate([chat("First?", "One.", "Second?", "Two.")], name, trained=True)["trained"]
    shown = [trained["text"][start:end] for start, end in trained["spans"]]
    assert shown == ([trained["text"]] if parts == "all" else parts)


def test_ends_of_answers_are_trained_and_a_file_never_mixes_texts_and_messages():
    for name in ("openai-sft", "axolotl", "llama-factory", "plain"):
        row = turns("Tare?", "Empty weight. ") if name == "llama-factory" else chat("Tare?", "Empty weight. ")
        [trained] = validate([row], name, trained=True)["trained"]
        assert trained["text"][: trained["spans"][-1][1]].endswith("Empty weight. <|im_end|>")
    texts = {"prompt": "Tare?", "completion": "Empty weight."}
    lists = {"prompt": [{"role": "user", "content": "Tare?"}], "completion": [{"role": "assistant", "content": "So."}]}
    assert {one["record"] for one in found(validate([lists, texts], "trl"), "mixed-sides")} == {2}
    layout = LAYOUTS[EXPORT_TARGETS["trl-prompt-completion"].layout]
    for record in (Record("Tare?", "Empty weight."), Record("Tare?", "So.", system="Be brief.")):
        for row in layout.rows_of(record, LayoutOptions()):
            assert type(row["prompt"]) is type(row["completion"]) is list


REASONED = [
    {"messages": [{"role": "user", "content": "12 + 30?"}, {"role": "assistant", "content": "42", key: "Ten and two."}]}
    for key in ("reasoning", "reasoning_content", "thinking")
] + [chat("12 + 30?", "<think>\nTen and two.\n</think>\n\n42")]


@pytest.mark.parametrize("row", REASONED, ids=["reasoning", "reasoning_content", "thinking", "<think>"])
def test_reasoning_is_one_field_however_it_came_and_survives_each_target_that_reads_it(row):
    record = lift_thinking(LAYOUTS["openai"].parse(row, LayoutOptions()))
    assert (record.reasoning, record.answer) == ("Ten and two.", "42")
    survived = set()
    for target in EXPORT_TARGETS.values():
        layout = LAYOUTS[target.layout]
        if target.profile and PROFILES[target.profile].reasoning.key is not None and target.group != "preference":
            [written] = layout.rows_of(record, LayoutOptions())
            back = lift_thinking(layout.parse(json.loads(json.dumps(written)), LayoutOptions()))
            assert (back.reasoning, back.answer) == ("Ten and two.", "42"), target.name
            assert json.dumps(written).count("Ten and two.") == 1
            survived.add(target.name)
    assert {"trl", "llama-factory", "axolotl", "together", "fireworks", "bedrock-nova"} <= survived


def test_marks_of_templates_and_words_of_a_target_inside_texts_are_found_with_their_place():
    marked = chat("What does <|im_end|> mean?", "The end.")
    [mark] = found(validate([marked], "openai-sft", lint=True), "special-token")
    assert (mark["severity"], mark["record"], mark["path"]) == ("warning", 1, "question")
    nova = {
        "schemaVersion": "bedrock-conversation-2024",
        "messages": [
            {"role": "user", "content": [{"text": "User: hi"}]},
            {"role": "assistant", "content": [{"text": "Hello."}]},
        ],
    }
    [word] = found(validate([nova], "bedrock-nova"), "banned-words")
    assert (word["severity"], word["path"]) == ("error", "messages[0].content[0].text")


def test_test_rows_that_stand_in_train_are_named_however_many_they_are():
    train = [chat(f"What is part {number}?", f"Part {number} is a bolt.") for number in range(500)]
    test = [*train[:94], *(chat(f"Which nut fits bolt {number}?", f"Nut {number}.") for number in range(6))]
    both = found(validate(test, "openai-sft", against=train), "in-both-files")
    assert [one["record"] for one in both] == list(range(1, 95))
    assert {one["severity"] for one in both} == {"error"}
