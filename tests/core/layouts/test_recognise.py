"""Recognising what the rows of a file mean: by all of its keys and values, never by the first row alone."""

import pytest

from app.core.layouts import recognise

USER = {"role": "user", "content": "q"}
ASSISTANT = {"role": "assistant", "content": "a"}
CHAT = [USER, ASSISTANT]


@pytest.mark.parametrize(
    ("row", "layout"),
    [
        ({"messages": [{"role": "user", "content": "q"}]}, "openai"),
        ({"messages": [{"from": "human", "value": "q"}]}, "openai"),
        ({"items": CHAT, "id": "a"}, "openai"),
        ({"messages": CHAT, "rejected_response": "b"}, "openai"),
        ({"messages": '[{"role": "user", "content": "q"}]'}, "openai"),
        ({"conversations": [{"from": "human", "value": "q"}]}, "sharegpt"),
        ({"conversation": [{"human": "q", "assistant": "a"}]}, "sharegpt"),
        ({"dialog": CHAT}, "sharegpt"),
        ({"thread": [{"from": "User", "text": "q"}]}, "sharegpt"),
        ({"instruction": "i", "input": "", "output": "o"}, "alpaca"),
        ({"instruction": "i", "context": "", "response": "o"}, "alpaca"),
        ({"instruction": "i", "input": "", "output": {"a": 1}}, "alpaca"),
        ({"instruction": "i", "input": "x", "chosen": "c", "rejected": "r"}, "alpaca"),
        ({"prompt": "p", "completion": "c"}, "prompt-completion"),
        ({"prompt": [USER], "completion": [ASSISTANT]}, "prompt-completion"),
        ({"prompt": "p", "completion": "c", "label": "billing"}, "prompt-completion"),
        ({"prompt": "p", "completion": "c", "label": 1}, "prompt-completion"),
        ({"prompt": "p", "completion": "c", "label": True}, "trl-kto"),
        ({"instruction": "i", "input": "", "output": "o", "kto_tag": False}, "trl-kto"),
        ({"messages": CHAT, "label": False}, "trl-kto"),
        ({"conversations": [{"from": "human", "value": "q"}], "kto_tag": 1}, "trl-kto"),
        ({"prompt": "p", "chosen": "c", "rejected": "r"}, "preference"),
        ({"prompt": "p", "prompt_id": "1", "chosen": CHAT, "rejected": CHAT, "messages": CHAT}, "preference"),
        ({"chosen_messages": CHAT, "rejected_messages": CHAT}, "preference"),
        ({"question": "q", "answers": [{"text": "a"}]}, "squad"),
        ({"prompt": "p", "response": "c", "label": False}, "trl-kto"),
        ({"Instruction": "i", "Input": "x", "Output": "o"}, "alpaca"),
        ({"Prompt": "p", "Chosen": "c", "Rejected": "r"}, "preference"),
        ({"prompt": "p", "chosen-response": "c", "rejected-response": "r"}, "preference"),
        ({"question": "q", "answer": "a"}, "columns"),
        ({"question": "q", "answer": "a", "conversations": 12}, "columns"),
        ({"question": "q", "answer": "a", "messages": "many"}, "columns"),
        ({"prompt": "q", "response": "a", "rejected": 1}, "columns"),
        ({"prompt": "q", "response": "a", "chosen": True, "rejected": False}, "columns"),
    ],
)
def test_layouts_by_their_keys_and_values(row, layout):
    found = recognise([row, row])
    assert (found.layout, found.confidence) == (layout, "sure") and found.reasons["layout"]


@pytest.mark.parametrize(
    "first", [{"messages": None}, {"messages": []}, {"about": "made by hand"}, {"messages": "none"}]
)
def test_the_first_row_alone_decides_nothing(first):
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]}
    assert recognise([first, chat, chat]).layout == "openai"


@pytest.mark.parametrize("strange", [5, None, ["a", "b"], {"n": 1}])
def test_one_strange_output_turns_no_file_into_columns(strange):
    rows = [{"instruction": "i", "input": "x", "output": "o"}] * 3 + [{"instruction": "i", "output": strange}]
    assert recognise(rows).layout == "alpaca"


def test_a_stray_row_of_another_kind_does_not_decide():
    pair, chat = {"question": "q", "answer": "a"}, {"messages": [{"role": "user", "content": "q"}]}
    assert recognise([*[pair] * 20, chat]).layout == "columns"
    assert recognise([*[chat] * 20, pair]).layout == "openai"


def test_a_column_counts_that_one_row_has():
    rows = [{"question": "q", "answer": "a"}] * 9 + [{"question": "q", "answer": "a", "system": "s"}]
    assert recognise(rows).mapping == {"question": "question", "answer": "answer", "system": "system"}


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


@pytest.mark.parametrize("question", ["Pergunta", "Frage", "question", "質問", "вопрос"])
@pytest.mark.parametrize("loose", ["input", "prompt", "instruction", "query"])
def test_what_means_a_question_in_any_language_comes_before_what_often_is_one(question, loose):
    for row in ({loose: "desk", question: "q?", "answer": "a"}, {question: "q?", loose: "desk", "answer": "a"}):
        assert recognise([row]).mapping["question"] == question


@pytest.mark.parametrize("name", ["context_length", "subtext", "questionnaire", "answered_by", "system_id"])
def test_a_name_is_compared_whole(name):
    assert name not in recognise([{name: "x", "question": "q", "answer": "a"}]).mapping.values()


@pytest.mark.parametrize(
    ("column", "values"),
    [
        ("system", [3, 4]), ("system", ["3", "4"]), ("system", [{"id": 1}]), ("rejected", [0, 1]), ("rejected", [True, False]),
        ("rejected", ["0", "1"]), ("rejected", ["FALSE", "TRUE"]), ("history", ["visited twice"]),
    ],
)  # fmt: skip
def test_values_decide_whether_a_column_is_what_its_name_says(column, values):
    rows = [{"question": "q", "answer": "a", column: value} for value in values]
    assert recognise(rows).mapping == {"question": "question", "answer": "answer"}


def test_an_answer_that_is_a_flag_gives_way_to_a_text():
    found = recognise([{"question": "q", "answer": "the text", "target": 1}])
    assert found.mapping["answer"] == "answer" and found.confidence == "sure"


def test_several_answers_are_asked_about():
    found = recognise([{"problem": "p", "solution": "s", "answer": "a"}])
    assert (
        found.confidence == "ask"
        and "answer" not in found.mapping
        and "Several columns look like answers" in found.warnings[0]
    )


def test_two_layouts_in_one_row_are_asked_about():
    found = recognise([{"prompt": "p", "completion": "c", "instruction": "i", "response": "r"}])
    assert found.confidence == "ask" and "Alpaca or Prompt and completion" in found.warnings[0]


def test_a_passage_is_named_but_never_taken():
    found = recognise([{"context": "c", "question": "q", "answer": "a"}])
    assert "passage" not in found.mapping and "context" in found.warnings[0]


@pytest.mark.parametrize(
    "row",
    [
        {"text": "only"},
        {"utterance": "u", "intent": "i"},
        {"column 1": "a", "column 2": "b"},
        {"context": "c", "text": "t"},
        {"context": "c", "text": "t", "label": "l"},
    ],
)
def test_nothing_is_guessed_silently(row):
    found = recognise([row])
    assert found.confidence == "ask" and found.warnings


def test_no_rows_are_asked_about():
    assert recognise([]).confidence == "ask"
