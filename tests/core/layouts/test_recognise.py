"""Recognising what the rows of a file mean."""

import pytest

from app.core.layouts import recognise


@pytest.mark.parametrize(
    ("row", "layout"),
    [
        ({"messages": [{"role": "user", "content": "q"}]}, "openai"),
        ({"conversations": [{"from": "human", "value": "q"}]}, "sharegpt"),
        ({"conversation": [{"human": "q", "assistant": "a"}]}, "sharegpt"),
        ({"instruction": "i", "input": "", "output": "o"}, "alpaca"),
        ({"instruction": "i", "context": "", "response": "o"}, "alpaca"),
        ({"prompt": "p", "completion": "c"}, "prompt-completion"),
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, "preference"),
        ({"question": "q", "answers": [{"text": "a"}]}, "squad"),
        ({"question": "q", "answer": "a"}, "columns"),
    ],
)
def test_layouts_by_their_keys(row, layout):
    found = recognise([row, row])
    assert (found.layout, found.confidence) == (layout, "sure") and found.reasons["layout"]


@pytest.mark.parametrize(
    ("question", "answer"),
    [
        ("Q", "A"), ("Frage", "Antwort"), ("Pregunta", "Respuesta"), ("问题", "答案"), ("質問", "回答"), ("질문", "답변"),
        ("السؤال", "الجواب"), ("Вопрос", "Ответ"), ("query", "correct_answer"), ("User Message", "assistant-message"),
        ("\ufeffQuestion ", "best answer"), ("problem", "solution"), ("userMessage", "botResponse"),
    ],
)  # fmt: skip
def test_column_names_in_many_languages(question, answer):
    found = recognise([{question: "x", answer: "y", "other": "z"}])
    assert found.mapping == {"question": question, "answer": answer} and found.confidence == "sure"


def test_several_answers_are_asked_about():
    found = recognise([{"problem": "p", "solution": "s", "answer": "a"}])
    assert (
        found.confidence == "ask"
        and "answer" not in found.mapping
        and "Several columns look like answers" in found.warnings[0]
    )


def test_a_passage_is_named_but_never_taken():
    found = recognise([{"context": "c", "question": "q", "answer": "a"}])
    assert "passage" not in found.mapping and "context" in found.warnings[0]


@pytest.mark.parametrize(
    "row", [{"text": "only"}, {"utterance": "u", "intent": "i"}, {"column 1": "a", "column 2": "b"}]
)
def test_nothing_is_guessed_silently(row):
    found = recognise([row])
    assert found.confidence == "ask" and found.warnings


def test_no_rows_are_asked_about():
    assert recognise([]).confidence == "ask"
