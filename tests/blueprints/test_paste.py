"""Several pairs pasted at once: what a text is read as is shown first, and added as one step."""

import pytest
from markupsafe import escape

from app.core.record import Record
from app.services import datasets, entries, history, imports, uploads

BLOCKS = "Q: How do I return a lamp?\r\nA: Print the label.\r\n\r\nIn a shop.\r\n\r\nQ: Where is it?\r\nA: There.\r\n"
READ = [("How do I return a lamp?", "Print the label.\n\nIn a shop."), ("Where is it?", "There.")]
PAIRS = [("a?", "b"), ("c?", "d")]


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return datasets.create_dataset("Harbor").id


def paste(client, dataset_id, text, act="add"):
    return client.post(f"/datasets/{dataset_id}/paste", data={"text": text, "act": act})


def stored(app, dataset_id):
    with app.app_context():
        return [(one.question, one.answer) for one in entries.stream_entries(dataset_id)]


@pytest.mark.parametrize(
    ("text", "pairs"),
    [
        (BLOCKS, READ),
        ("question\tanswer\r\na?\tb\r\nc?\td\r\n", PAIRS),
        ("a question?\tan answer\r\nanother?\tone more\r\n", [("a question?", "an answer"), ("another?", "one more")]),
        ('"Two\r\nlines?",b\r\nc?,d\r\n', [("Two\nlines?", "b"), ("c?", "d")]),
        ("question,answer\r\na?,b\r\nc?,d\r\n", PAIRS),
        ('[{"question": "a?", "answer": "b"}, {"question": "c?", "answer": "d"}]', PAIRS),
        ('{"question": "a?", "answer": "b"}\r\n{"question": "c?", "answer": "d"}\r\n', PAIRS),
        ("| Question | Answer |\r\n|---|---|\r\n| a? | b |\r\n| c? | d |\r\n", PAIRS),
        (
            '{"messages": [{"role": "user", "content": "a?"}, {"role": "assistant", "content": "b"}]}\r\n'
            '{"messages": [{"role": "user", "content": "c?"}, {"role": "assistant", "content": "d"}]}\r\n',
            PAIRS,
        ),
    ],
    ids=[
        "blocks",
        "sheet",
        "sheet without a header",
        "CSV without a header",
        "CSV",
        "JSON",
        "JSONL",
        "Markdown",
        "chat",
    ],
)
def test_what_people_have_is_recognised_shown_and_added_as_one_step(app, client, dataset_id, text, pairs):
    shown = paste(client, dataset_id, text, "look").text
    assert "Add 2 pairs" in shown and all(question.split("\n")[0] in shown for question, _ in pairs)
    assert stored(app, dataset_id) == []
    page = client.get(paste(client, dataset_id, text).headers["Location"]).text
    assert "2 pairs added." in page
    assert stored(app, dataset_id) == pairs
    with app.app_context():
        assert len(history.steps(dataset_id)) == 1
        history.undo(dataset_id, 1)
    assert stored(app, dataset_id) == []


def test_looking_keeps_nothing(app, client, dataset_id):
    paste(client, dataset_id, BLOCKS, "look")
    with app.app_context():
        assert list(uploads.folder().iterdir()) == [] and imports.list_imports(dataset_id) == []


def test_what_is_refused_is_told_before_and_kept_for_repair(app, client, dataset_id):
    text = "Q: a?\nA: b\n\nQ: And this?\n"
    shown = paste(client, dataset_id, text, "look").text
    assert '<b class="fg">1 pair</b> to add' in shown and "1 refused" in shown and "no field “answer”" in shown
    page = client.get(paste(client, dataset_id, text).headers["Location"]).text
    assert "And this?" in page and stored(app, dataset_id) == [("a?", "b")]


def test_what_is_there_already_is_left_out(app, client, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record(*READ[1])], summary="Add a pair")
    shown = paste(client, dataset_id, BLOCKS, "look").text
    assert "Add 1 pair " in shown and "1 there already" in shown and "same as pair 1" in shown
    page = client.get(paste(client, dataset_id, BLOCKS).headers["Location"]).text
    assert "1 pair added. 1 was there already." in page
    assert stored(app, dataset_id) == [READ[1], READ[0]]


@pytest.mark.parametrize("text", ["one, two, three\nfour, five, six\n", "just a sentence", '{"question": <b>'])
def test_what_is_not_clear_is_said_and_stays_in_the_field(app, client, dataset_id, text):
    assert paste(client, dataset_id, text, "look").status_code == 200
    refused = paste(client, dataset_id, text)
    assert refused.status_code == 422 and 'role="alert"' in refused.text and "--map" not in refused.text
    assert f"\n{escape(text)}</textarea>" in refused.text
    with app.app_context():
        assert stored(app, dataset_id) == [] == imports.list_imports(dataset_id)
        assert list(uploads.folder().iterdir()) == []


def test_nothing_pasted_adds_nothing(app, client, dataset_id):
    assert "Nothing is pasted yet" in paste(client, dataset_id, " \r\n").text
    assert client.post("/datasets/99/paste", data={"text": ""}).status_code == 404


def test_what_is_pasted_is_text(client, dataset_id):
    shown = paste(client, dataset_id, 'Q: <script>x</script>"\nA: <img src=x>\n', "look").text
    assert "<script>x" not in shown and "<img src=x" not in shown and "&lt;img src=x&gt;" in shown
