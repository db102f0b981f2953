"""What a target trains of a record: how it is written, where it is cut, how much of its answer is left."""

from dataclasses import replace
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.core.layouts import LAYOUTS
from app.core.layouts.base import DEFAULT
from app.core.record import Message, Record
from app.core.validation import RULES, FileFacts, ValidateOptions, Validation, load_profiles
from app.core.validation.training import TRAINS, Trained, Training, say_trained

PROFILES = load_profiles()


class Words:
    """A word is a token, and so is each line end."""

    family = "words"
    exact = True

    def count(self, text: str) -> int:
        return len(text.replace("\n", " \n ").split(" ")) - text.replace("\n", " \n ").split(" ").count("")


def training(name: str, tokens: int | None = None, **more: Any) -> Training:
    return Training.of_profile(msgspec.structs.replace(PROFILES[name], **more), Words(), tokens=tokens)


def words(number: int) -> str:
    return " ".join("word" for _ in range(number))


def trained_parts(found: Trained) -> list[str]:
    return [found.text[start:end] for start, end in found.spans]


def test_answers_and_their_ends_are_trained_and_nothing_else() -> None:
    record = Record(
        "How heavy?",
        "12 kg.",
        system="Be brief.",
        turns=(Message("user", "Hi"), Message("assistant", "Hello")),
        extra={"tools": [{"name": "weigh"}]},
    )
    found = training("axolotl").judge(record, shown=True)
    assert trained_parts(found) == ["Hello<|im_end|>", "12 kg.<|im_end|>"]
    assert found.text.endswith("<|im_start|>user\nHow heavy?<|im_end|>\n<|im_start|>assistant\n12 kg.<|im_end|>\n")
    assert (found.kept, found.answer_tokens, found.trained_answer_tokens, found.trained_tokens) == (True, 5, 5, 5)


def test_only_the_last_answer_and_no_answer_of_weight_zero() -> None:
    turns = (
        Message("user", "Hi"),
        Message("assistant", "Hello"),
        Message("user", "Yes"),
        Message("assistant", "No", weight=0),
    )
    record = Record("How heavy?", "12 kg.", turns=turns)
    assert trained_parts(training("plain").judge(record, shown=True)) == ["Hello<|im_end|>", "12 kg.<|im_end|>"]
    unread = trained_parts(training("llama-factory").judge(record, shown=True))
    assert unread == ["Hello<|im_end|>", "No<|im_end|>", "12 kg.<|im_end|>"]
    assert trained_parts(training("axolotl", trains="last-answer").judge(record, shown=True)) == ["12 kg.<|im_end|>"]


def test_a_call_of_a_tool_is_trained_and_its_result_is_not() -> None:
    call = {"function": {"name": "weigh"}}
    trace = (Message("assistant", tool_calls=[call]), Message("tool", "12"))
    parts = trained_parts(training("axolotl").judge(Record("How heavy?", "12 kg.", trace=trace), shown=True))
    assert parts == ['{"function":{"name":"weigh"}}<|im_end|>', "12 kg.<|im_end|>"]
    last = Record("How heavy?", trace=trace[:1])
    assert trained_parts(training("axolotl").judge(last, shown=True)) == ['{"function":{"name":"weigh"}}<|im_end|>']


@pytest.mark.parametrize(("name", "reasoning"), [("trl", "kept"), ("openai-sft", "stripped"), ("gemini", "stripped")])
def test_reasoning_is_kept_where_the_target_reads_it(name: str, reasoning: str) -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello", reasoning="greet"))
    found = training(name).judge(Record("How heavy?", "12 kg.", turns=turns, reasoning="ten and two"), shown=True)
    assert found.reasoning == reasoning
    assert ("<think>\nten and two\n</think>\n\n12 kg." in found.text) is (reasoning == "kept")
    assert "greet" not in found.text


LONG = Record(words(3_000), words(49))


def test_a_question_that_fills_the_length_leaves_nothing_to_train() -> None:
    found = training("trl").judge(LONG, "messages")
    assert (found.kept, found.answer_tokens, found.trained_answer_tokens, found.trained_tokens) == (True, 50, 0, 1_024)
    assert (
        say_trained(found) == "0 of 50 answer tokens trained: what stands before the answer alone fills 1,024 tokens."
    )
    alone = training("trl").judge(LONG, "prompt-completion")
    assert not alone.kept
    assert say_trained(alone).endswith("fills 1,024 tokens, and the record is dropped.")


def test_each_target_does_its_own_with_what_is_too_long() -> None:
    dropped = training("axolotl").judge(LONG)
    assert (dropped.kept, dropped.too_long, dropped.trained_tokens) == (False, True, 0)
    assert "at most 512 are taken" in say_trained(dropped)
    cut = training("mlx").judge(LONG)
    assert (cut.kept, cut.cut_at, cut.trained_answer_tokens) == (True, 2_048, 0)
    refused = training("gemini", tokens=100).judge(LONG)
    assert (refused.kept, refused.too_long) == (True, True)


def test_turns_are_cut_on_both_sides_by_llama_factory() -> None:
    found = training("llama-factory").judge(LONG, shown=True)
    assert (found.trained_answer_tokens, found.trained_tokens, found.cut_at) == (50, 50, 2_048)
    both = training("llama-factory").judge(Record(words(3_000), words(3_000)))
    assert abs(both.trained_answer_tokens - 1_024) < 10
    earlier = replace(LONG, turns=(Message("user", words(3_000)), Message("assistant", words(10))))
    first = training("llama-factory").judge(earlier)
    assert (first.trained_answer_tokens, first.answer_tokens) == (11, 61)


def test_a_chosen_length_or_that_of_a_model_takes_the_place_of_the_usual_one() -> None:
    assert training("trl", tokens=10).length.tokens == 10
    known = Training.of_profile(PROFILES["openai-sft"], Words(), model="gpt-3.5-turbo-0613")
    assert known.length.tokens == 4_096


@given(
    st.lists(st.tuples(st.integers(0, 30), st.integers(0, 30)), max_size=4),
    st.integers(0, 60),
    st.integers(0, 60),
    st.integers(1, 200),
    st.sampled_from(["trl", "axolotl", "llama-factory", "mlx", "openai-sft"]),
)
def test_no_more_is_trained_than_is_taken(
    earlier: list[tuple[int, int]], asked: int, said: int, limit: int, name: str
) -> None:
    turns = [Message(role, words(n)) for pair in earlier for role, n in zip(("user", "assistant"), pair, strict=True)]
    record = Record(words(asked), words(said), turns=tuple(turns))
    found = training(name, tokens=limit).judge(record, shown=True)
    assert 0 <= found.trained_answer_tokens <= min(found.answer_tokens, found.trained_tokens) <= found.tokens
    assert found.trained_tokens <= limit
    assert all(0 <= a < b <= len(found.text) for a, b in found.spans)
    assert list(found.spans) == sorted(found.spans)
    assert (found.cut_at is not None or found.too_long) is (found.tokens > limit)
    if found.tokens <= limit:
        assert found.trained_answer_tokens == found.answer_tokens


TEXTS = st.integers(0, 12).map(words) | st.text(max_size=12)


@given(
    TEXTS,
    TEXTS,
    st.none() | TEXTS,
    st.sampled_from([(), (Message("user", "Hi"), Message("assistant", "Hello"))]),
    st.sampled_from([None, "ten and two"]),
    st.sampled_from([{}, {"tools": [{"name": "weigh"}]}]),
    st.integers(1, 60),
    st.sampled_from(sorted(PROFILES)),
    st.sampled_from(sorted(TRAINS)),
    st.sampled_from(["messages", "prompt-completion", "chosen-rejected", "alpaca"]),
)
def test_what_is_trained_whole_is_told_as_by_the_long_way(
    asked: str,
    said: str,
    system: str | None,
    turns: tuple[Message, ...],
    reasoning: str | None,
    extra: dict[str, Any],
    limit: int,
    name: str,
    trains: str,
    shape: str,
) -> None:
    record = Record(asked, said, system=system, turns=turns, reasoning=reasoning, extra=extra)
    training = Training.of_profile(PROFILES[name], Words(), tokens=limit, trains=trains)
    quick, slow = training.count_whole(record), training.judge(record, shape)
    if quick is None:
        assert turns or reasoning or extra or slow.tokens > limit
        return
    assert slow.tokens == quick
    assert (slow.kept, slow.cut_at, slow.too_long, slow.trained_answer_tokens) == (
        True,
        None,
        False,
        slow.answer_tokens,
    )
    of_lengths = [one for one in RULES.values() if one.level == "trained"]
    assert [one.code for one in of_lengths if list(one.check(slow, PROFILES[name]))] == []


SAID = [("user", "Hi"), ("assistant", "Hello"), ("user", "How heavy?"), ("assistant", "12 kg.")]


def checked(name: str, rows: list[dict[str, Any]], *, own: bool = True) -> dict[str, Any]:
    """What a validation for one target says of rows as they are, or of the records that they mean."""
    profile = PROFILES[name]
    run = Validation(
        [profile],
        ValidateOptions(profile=name, trained=True, lint=False),
        FileFacts(is_file=own),
        own={name: "messages"} if own else {},
        load_tokenizer=lambda family: Words(),
    )
    for number, row in enumerate(rows, 1):
        if own:
            run.see(number, number, row, lambda blanks, row=row: LAYOUTS["openai"].parse(row, DEFAULT))
        else:
            run.see_record(number, LAYOUTS["openai"].parse(row, DEFAULT), None)
    return run.close()


@pytest.mark.parametrize(
    ("name", "key", "value", "trained"),
    [
        ("axolotl", "train", False, 1),
        ("axolotl", "weight", 0, 2),
        ("ms-swift", "loss", False, 1),
        ("ms-swift", "weight", 0, 2),
        ("together", "weight", 0, 1),
        ("together", "train", False, 2),
    ],
)
def test_a_weight_counts_under_the_key_that_the_target_reads(name: str, key: str, value: object, trained: int) -> None:
    messages: list[dict[str, Any]] = [{"role": role, "content": text} for role, text in SAID]
    messages[1][key] = value
    [found] = checked(name, [{"messages": messages}])["trained"]
    assert [found["text"][a:b] for a, b in found["spans"]] == ["Hello<|im_end|>", "12 kg.<|im_end|>"][-trained:]
    # Of a record the export writes it under the key of the target.
    [exported] = checked(name, [{"messages": messages}], own=False)["trained"]
    assert [exported["text"][a:b] for a, b in exported["spans"]] == ["12 kg.<|im_end|>"]


def test_of_unrolled_rows_each_trains_its_own_answer_where_the_target_reads_weights() -> None:
    turns = (Message("user", "Hi"), Message("assistant", "Hello", reasoning="greet"))
    record = Record("How heavy?", "12 kg.", turns=turns, reasoning="ten and two")
    run = Validation(
        [PROFILES["axolotl"]],
        ValidateOptions(profile="axolotl", trained=True, lint=False),
        FileFacts(is_file=False),
        load_tokenizer=lambda family: Words(),
    )
    run.see_record(1, record, None)
    first, second = run.close()["trained"]
    parts = [[one["text"][a:b] for a, b in one["spans"]] for one in (first, second)]
    assert [len(one) for one in parts] == [1, 1]
    assert "Hello" in parts[0][0] and "12 kg." in parts[1][0] and "Hello" not in parts[1][0]


@pytest.mark.parametrize(("name", "key", "value"), [("axolotl", "train", False), ("openai-sft", "weight", 0)])
def test_a_row_whose_answers_are_all_left_out_trains_nothing(name: str, key: str, value: object) -> None:
    row = {"messages": [{"role": "user", "content": "Tare?"}, {"role": "assistant", "content": "12", key: value}]}
    assert "nothing-trained" in [one["code"] for one in checked(name, [row])["findings"]]
    row["messages"][1][key] = type(value)(1)
    assert "nothing-trained" not in [one["code"] for one in checked(name, [row])["findings"]]
