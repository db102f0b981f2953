"""The page that shows what is trained of a pair or of a record of a file, and who may name the folder of a model."""

import io
import json
import re

import pytest

from app.core.record import Message, Record
from app.services import entries, history
from tests import factories
from tests.chat_templates import FAMILIES, HOSTILE, MARKED, THINKING, add_tokenizer, model_folder


@pytest.fixture
def folder(tmp_path):
    """A model with a template that marks its answers, and a tokenizer."""
    made = model_folder(tmp_path, MARKED, name="brief")
    add_tokenizer(made)
    return made


@pytest.fixture
def page(app):
    """The page of a dataset with a short pair, a conversation with reasoning, and a question that is very long."""
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        turns = (Message("user", "Hi"), Message("assistant", "Hello", reasoning="greet"))
        records = [
            Record("<b>How</b> wide?", "2 m."),
            Record("How heavy?", "12 kg.", turns=turns, reasoning="ten and two"),
            Record("long " * 3_000, "Short."),
            Record("And?", "Yes.", turns=(Message("user", "Hi"), Message("assistant", "Hello"))),
        ]
        history.create(dataset_id, records, summary="Add")
    return f"/datasets/{dataset_id}/trained"


def text_of(answer):
    assert answer.status_code == 200, answer.text
    return " ".join(re.sub(r"<[^>]+>", " ", answer.text).split())


def trained_in(answer):
    return re.findall(r'<mark class="trained">([^<]*)</mark>', answer.text.partition("<pre")[2])


def test_the_answer_of_a_pair_is_marked_and_the_rest_is_text(client, page):
    answer = client.get(f"{page}?pair=1&profile=axolotl")
    assert "Kept whole" in text_of(answer) and "no chat template of a model is chosen" in text_of(answer)
    assert trained_in(answer) == ["2 m.&lt;|im_end|&gt;"]
    assert "&lt;b&gt;How&lt;/b&gt; wide?" in answer.text
    assert "own template is not public" in text_of(client.get(f"{page}?pair=1&profile=openai-sft"))


def test_a_chosen_folder_writes_from_then_on(client, page, folder):
    chosen = client.post(page, data={"template": str(folder), "back": f"{page}?pair=2&profile=axolotl"})
    assert chosen.status_code == 303 and chosen.headers["Location"].endswith("?pair=2&profile=axolotl")
    answer = client.get(f"{page}?pair=2&profile=axolotl")
    text = text_of(answer)
    assert "An export writes 2 rows of it" in text and "row 2 of 2" in text
    assert "Hello&lt;|im_end|&gt;" in trained_in(answer) and "12 kg.&lt;|im_end|&gt;" in trained_in(answer)
    assert str(folder) in text and "counted by the tokenizer of that folder" in text and "20 tokens" in text
    assert "reasoning stripped" in text and "The template leaves the reasoning of the answer out." in text
    assert f"--template {folder}" in text


def test_what_cannot_be_told_and_what_is_kept_is_said(client, page, tmp_path):
    client.post(page, data={"template": str(model_folder(tmp_path, THINKING))})
    text = text_of(client.get(f"{page}?pair=4&profile=axolotl"))
    assert "The template writes answer 1 of 2 otherwise once more turns follow" in text
    text = text_of(client.get(f"{page}?pair=2&profile=axolotl"))
    assert "reasoning kept" in text and "reasoning stripped" not in text


def test_what_is_cut_is_struck_out_and_why_nothing_is_trained_is_said(client, page):
    answer = client.get(f"{page}?pair=3&profile=mlx")
    assert "Kept, and cut" in text_of(answer) and "<del>" in answer.text
    assert "what stands before the answer alone fills 2,048 tokens" in text_of(answer)
    assert "Dropped" in text_of(client.get(f"{page}?pair=3&profile=axolotl"))
    assert "Kept whole" in text_of(client.get(f"{page}?pair=3&profile=axolotl&length=100000"))


def test_what_is_trained_can_be_set_otherwise(client, page):
    assert trained_in(client.get(f"{page}?pair=1&profile=trl"))[0].startswith("&lt;|im_start|&gt;user")
    assert trained_in(client.get(f"{page}?pair=1&profile=trl&trains=answers")) == ["2 m.&lt;|im_end|&gt;"]
    assert client.get(f"{page}?pair=1&trains=half").status_code == 400


def test_the_overview_and_the_editor_lead_to_it(client, app, page):
    home = page.removesuffix("trained")
    client.post(f"{home}check", data={"profile": ["axolotl", "mlx"]})
    overview = client.get(home).text
    assert f"{page}?finding=too-long&amp;profile=axolotl" in overview
    answer = client.get(f"{page}?finding=too-long&profile=axolotl")
    assert "Pair 3, of those with “A record longer than the target takes”" in text_of(answer)
    assert "Next pair" not in answer.text and "Dropped" in text_of(answer)
    assert f"{page}?pair=2" in client.get(f"{home}pairs?pair=2").text


def test_without_such_a_pair_the_page_says_so(client, page):
    assert "No pair" in text_of(client.get(f"{page}?finding=too-long"))
    assert client.get(f"{page}?pair=99").status_code == 404


def test_a_pair_without_an_answer_is_said_to_be_left_out(client, app, page):
    with app.app_context():
        history.create(1, [Record("Unanswered?")], summary="Add")
        last = [one.id for one in entries.stream_entries(1)][-1]
    assert "it has no answer" in text_of(client.get(f"{page}?pair={last}"))


@pytest.mark.parametrize("name", ["raises", "looks inside", "is half", "repeats a text"])
def test_a_hostile_template_ends_in_a_sentence_on_the_page(client, page, tmp_path, name):
    made = model_folder(tmp_path, HOSTILE[name])
    answer = client.post(page, data={"template": str(made)})
    assert answer.status_code in (303, 422)
    text = text_of(client.get(f"{page}?pair=1&profile=axolotl"))
    assert "Refused" in text if answer.status_code == 303 else "chat template cannot be read" in answer.text


def test_a_folder_that_is_gone_leaves_a_page_on_which_another_is_chosen(client, page, folder):
    client.post(page, data={"template": str(folder)})
    (folder / "tokenizer_config.json").unlink()
    text = text_of(client.get(f"{page}?pair=1"))
    assert "No chat template can be read in this folder" in text and "Chat template" in text
    assert client.post(page, data={"template": "chatml"}).status_code == 303
    assert "Kept whole" in text_of(client.get(f"{page}?pair=1&profile=axolotl"))


def test_a_refused_folder_stays_in_its_field_and_nothing_else_is_told(client, page, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "notes.txt").write_text("root:x")
    said = set()
    for wrong in (secret, tmp_path / "nowhere", secret / "notes.txt"):
        answer = client.post(page, data={"template": str(wrong)})
        assert answer.status_code == 422 and str(wrong) in answer.text and "root:x" not in answer.text
        said.add(re.search(r"No chat template[^<]*", answer.text)[0])
    assert len(said) == 1


def test_an_address_cannot_name_a_folder(client, stranger, page, folder):
    assert client.get(f"{page}?pair=1&template={folder}").status_code == 400
    home = f"/api/v1{page.removesuffix('/trained')}"
    assert client.get(f"{home}/entries/1/trained?profile=axolotl&template={folder}").status_code in (400, 422)
    assert client.get(f"{home}/entries/1/trained?profile=axolotl").status_code == 200
    assert stranger.put(f"{home}/template", json={"template": str(folder)}).status_code in (401, 403)


# Files


@pytest.fixture
def address(client):
    """The page of a file whose second record has a system message."""
    rows = [
        {"messages": [{"role": "user", "content": "Tare?"}, {"role": "assistant", "content": "Empty weight."}]},
        {"messages": [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "Hi"}, {"role": "assistant", "content": "Hello"}]},
    ]  # fmt: skip
    data = b"".join(json.dumps(row).encode() + b"\n" for row in rows)
    return client.post("/check", data={"file": (io.BytesIO(data), "faq.jsonl")}).headers["Location"]


def test_a_record_of_a_file_is_shown_by_the_template_that_was_chosen_for_it(client, address, tmp_path):
    made = model_folder(tmp_path, FAMILIES["turns"])
    sent = {"template": str(made), "profile": ["axolotl", "trl"]}
    chosen = client.post(f"{address}/template", data=sent)
    assert chosen.status_code == 303 and str(made) not in chosen.headers["Location"]
    where = chosen.headers["Location"]
    shown = client.get(where).text
    assert str(made) in shown and "--template" in shown
    report = client.get(where.replace(address, f"{address}/report")).text
    assert "System role not supported" in report
    link = re.search(rf'href="({address}/trained[^"]*)"', report)[1].replace("&amp;", "&")
    record = client.get(link)
    assert "Record 2 of faq.jsonl" in text_of(record) and "System role not supported" in record.text
    first = client.get(link.replace("record=2", "record=1"))
    assert trained_in(first) == ["Empty weight.&lt;end_of_turn&gt;"]


def test_a_template_can_be_chosen_while_a_record_is_looked_at(client, address):
    answer = client.post(f"{address}/template", data={"template": "chatml", "profile": "axolotl", "record": "1"})
    assert answer.headers["Location"] == f"{address}/trained?profile=axolotl&record=1"
    assert trained_in(client.get(answer.headers["Location"])) == ["Empty weight.&lt;|im_end|&gt;"]
    assert client.get(f"{address}/trained?profile=axolotl&record=3").status_code == 404


def test_the_address_of_a_file_cannot_name_a_folder_either(client, address, folder):
    for path in ("", "/report", "/trained"):
        answer = client.get(f"{address}{path}?profile=axolotl&template={folder}")
        assert answer.status_code == 400 and "cannot name the folder" in answer.text
    assert client.post(f"{address}/template", data={"template": "/nowhere"}).status_code == 422
