"""Chat templates over the API: choosing one, and what is trained of a pair or of a file."""

import json

import pytest

from app.core.record import Message, Record
from app.services import datasets, history, validation
from tests.chat_templates import FAMILIES, MARKED, add_tokenizer, model_folder


@pytest.fixture
def dataset_id(app):
    """The id of a dataset with two pairs, of which the second is a conversation."""
    with app.app_context():
        made = datasets.create_dataset("Tests").id
        turns = (Message("user", "Hi"), Message("assistant", "Hello"))
        history.create(made, [Record("How wide?", "2 m."), Record("How heavy?", "12 kg.", turns=turns)], summary="Add")
    return made


def test_the_api_chooses_a_template_and_shows_what_is_trained(client, app, dataset_id, tmp_path):
    folder, home = model_folder(tmp_path, MARKED), f"/api/v1/datasets/{dataset_id}"
    add_tokenizer(folder)
    chosen = client.put(f"{home}/template", json={"template": str(folder)})
    assert chosen.json == {"template": str(folder)}
    found = client.get(f"{home}/entries/2/trained?profile=axolotl,trl").json
    first, second = found["trained"]
    assert [first["text"][a:b] for a, b in first["spans"]] == ["Hello<|im_end|>", "12 kg.<|im_end|>"]
    assert second["says"] == "6 of 6 answer tokens trained." and second["trained_tokens"] == 20
    assert client.put(f"{home}/template", json={"template": "/nowhere"}).status_code == 422
    assert {"name": "chatml", "title": "ChatML, plain"} in client.get("/api/v1/templates").json["templates"]
    with app.app_context():
        assert validation.read_choices(datasets.get(dataset_id)).template == str(folder)


def test_a_file_is_checked_by_a_named_template(client, tmp_path):
    made = model_folder(tmp_path, FAMILIES["turns"])
    row = {
        "messages": [
            {"role": "system", "content": "Be brief."},
            {"role": "user", "content": "Hi"},
            {"role": "assistant", "content": "Hello"},
        ]
    }
    found = client.post(
        f"/api/v1/validate?name=a.jsonl&profile=trl&trained=1&template={made}",
        data=json.dumps(row).encode(),
        content_type="application/octet-stream",
    ).json
    assert "template-refuses" in {one["code"] for one in found["findings"]}
    assert found["trained"][0]["refused"] == "The template refuses it: System role not supported."
