"""What a template writes: which parts of it the model says, by marks or by comparing, and whose the tokens are."""

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from app.core.record import Message
from app.core.validation.templates import (
    MISPLACED,
    Rendered,
    TemplateRefusal,
    as_template_message,
    find_marks,
    write_by_template,
)
from app.core.validation.training import Written

TALK = [Message("user", "Hi"), Message("assistant", "Hello"), Message("user", "And?"), Message("assistant", "Yes.")]


def render_turns(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
    text = "".join(f"<{one['role'][0]}>{one['content']}<end>\n" for one in messages)
    return Rendered(text + ("<a>" if asks else ""))


def learned(written: Written) -> list[str]:
    found: dict[int, str] = {}
    for one in written.pieces:
        if one.learned:
            found[one.message] = found.get(one.message, "") + one.text
    return list(found.values())


def whole(written: Written) -> str:
    return "".join(one.text for one in written.pieces)


def test_what_an_answer_adds_to_its_prompt_is_learned_up_to_its_mark() -> None:
    written = write_by_template(TALK, render_turns, marks=["<u>", "<a>", "<end>"])
    assert whole(written) == "<u>Hi<end>\n<a>Hello<end>\n<u>And?<end>\n<a>Yes.<end>\n"
    assert (learned(written), written.unclear) == (["Hello<end>", "Yes.<end>"], "")
    assert [one.text for one in written.pieces if one.mark] == ["<u>", "<end>", "<a>", "<end>"] * 2


def test_without_known_marks_what_ends_an_answer_is_learned_too() -> None:
    assert learned(write_by_template(TALK, render_turns)) == ["Hello<end>\n", "Yes.<end>\n"]


def test_nothing_is_claimed_of_answers_that_are_rewritten_later() -> None:
    def render(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        last = len(messages) - 1
        roles = [
            "A" if one["role"] == "assistant" and at == last else one["role"][0] for at, one in enumerate(messages)
        ]
        text = "".join(f"<{role}>{one['content']}" for role, one in zip(roles, messages, strict=True))
        return Rendered(text + ("<A>" if asks else ""))

    written = write_by_template(TALK, render)
    assert "answer 1 of 2 otherwise" in written.unclear and whole(written) == "<u>Hi<a>Hello<u>And?<A>Yes."
    assert learned(written) == ["Yes."]


def test_a_prompt_that_opens_what_the_answer_does_not_have_is_left_where_they_part() -> None:
    def render(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        return Rendered(render_turns(messages, False).text + ("<a><thinks>" if asks else ""))

    assert learned(write_by_template(TALK, render, marks=["<end>"])) == ["Hello<end>", "Yes.<end>"]


def test_a_template_that_refuses_only_the_beginnings_is_not_refused() -> None:
    def render(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        if len(messages) in (2, 3):
            raise TemplateRefusal("Never.")
        return render_turns(messages, asks)

    written = write_by_template(TALK, render)
    assert not written.refused and "2 answers of 2" in written.unclear and learned(written) == []


def test_a_refusal_is_told_and_nothing_is_written() -> None:
    def render(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        raise TemplateRefusal("The template refuses it: No system.")

    assert write_by_template(TALK, render) == Written(refused="The template refuses it: No system.")


def test_a_message_of_weight_0_is_not_learned() -> None:
    talk = [TALK[0], Message("assistant", "Hello", weight=0), *TALK[2:]]
    assert learned(write_by_template(talk, render_turns, marks=["<end>"])) == ["Yes.<end>"]


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ([(9, 14), (26, 30)], ["Hello", "Yes."]),
        ([(9, 11), (11, 14), (26, 30)], ["Hello", "Yes."]),
        ([(26, 30)], ["Yes."]),
        ([], []),
    ],
)
def test_what_a_template_marks_is_learned_and_belongs_to_its_message(
    said: list[tuple[int, int]], expected: list[str]
) -> None:
    def render(messages: Sequence[Mapping[str, Any]], asks: bool) -> Rendered:
        text = "".join(f"<{one['role'][0]}>{one['content']};" for one in messages)
        return Rendered(text, tuple(said))

    assert learned(write_by_template(TALK, render)) == expected


def test_marks_that_lie_outside_of_the_text_are_not_believed() -> None:
    written = write_by_template(TALK, lambda messages, asks: Rendered("Hi", ((-1, -1),)))
    assert (written.unclear, learned(written)) == (MISPLACED, [])


def test_a_token_over_an_edge_is_of_what_is_learned() -> None:
    # <u>Hi<end>\n<a>Hello<end>\n, with tokens of four letters.
    written = write_by_template(
        TALK[:2],
        render_turns,
        marks=["<end>"],
        find_tokens=lambda text: [(at, min(at + 4, len(text))) for at in range(0, len(text), 4)],
    )
    before, answer, behind = written.pieces
    assert (before.text, answer.text, behind.text) == ("<u>Hi<end>\n<a>", "Hello<end>", "\n")
    assert (before.ends, answer.ends, behind.ends) == ((4, 8, 12), (2, 6, 10), (1,))


def test_messages_have_only_the_keys_that_they_need() -> None:
    assert as_template_message(Message("user", "Hi", extra={"mood": "good"})) == {
        "role": "user",
        "content": "Hi",
        "mood": "good",
    }
    thought = as_template_message(Message("assistant", None, tool_calls=[], reasoning="So."))
    assert thought == {"role": "assistant", "reasoning_content": "So.", "thinking": "So.", "tool_calls": []}


def test_marks_of_a_template_are_recognised_by_their_form() -> None:
    source = (
        "{{ '<|im_start|>' + x + '<｜User｜>' }}[INST] [/INST] </s> <start_of_turn> <think> <tools> a < b > [0] [key]"
    )
    assert find_marks(source) == {"<|im_start|>", "<｜User｜>", "[INST]", "[/INST]", "</s>", "<start_of_turn>"}
