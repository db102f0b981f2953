"""Conversations over the API: messages, tools and weights, as the editor takes them."""

import json

import pytest

from app.core.record import Message, Record
from app.services import datasets, entries, history
from tests import factories

TOOL = {"type": "function", "function": {"name": "weigh", "parameters": {"type": "object"}}}
CALL = {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": '{"box": 7}'}}
TURNS = [{"role": "user", "text": "Hi"}, {"role": "assistant", "text": "Hello", "weight": 0, "extra": {"k": [1]}}]
TRACE = [{"role": "assistant", "tool_calls": [CALL]}, {"role": "tool", "text": "12 kg", "tool_call_id": "c1"}]


@pytest.fixture
def address(app):
    with app.app_context():
        return f"/api/v1/datasets/{factories.dataset()}/entries"


def test_a_conversation_is_added_as_it_is_read(client, address):
    body = {"question": "How heavy?", "answer": "12 kg.", "turns": TURNS, "trace": TRACE, "tools": [TOOL], "weight": 0}
    made = client.post(address, json={**body, "rejected_answer": "9 kg."})
    assert made.status_code == 201
    found = client.get(f"{address}/{made.json['id']}").json
    assert {name: found[name] for name in body} == body and found["rejected_answer"] == "9 kg."
    assert client.post(address, json={name: found[name] for name in body}).status_code == 201


def test_messages_tools_and_weights_are_changed_in_one_step(client, app, address):
    changed = client.patch(
        f"{address}/1", json={"turns": TURNS, "tools": [TOOL], "weight": 0}, headers={"If-Match": "1"}
    )
    assert changed.status_code == 200 and changed.json["version"] == 2 and changed.json["turns"] == TURNS
    gone = client.patch(f"{address}/1", json={"turns": [], "tools": None, "weight": None}, headers={"If-Match": "2"})
    assert gone.json["turns"] == [] and gone.json["tools"] == [] and gone.json["extra"] == {}
    with app.app_context():
        assert [step.kind for step in history.steps(1)][:2] == ["edit", "edit"]


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ({"turns": [{"role": "user", "content": "x"}]}, "Message 1 of the turns has the key “content”"),
        ({"turns": [{"role": "robot", "text": "x"}]}, "Message 1 has the role 'robot'"),
        ({"trace": [{"role": "user", "text": "x"}]}, "stands behind the question"),
        (
            {"trace": [{"role": "assistant", "tool_calls": [{"function": {"name": "f", "arguments": "{"}}]}]},
            "at line 1, column 2",
        ),
        ({"tools": [{"name": ""}]}, "Tool 1 has no name"),
        ({"turns": [{"role": "user", "text": "a\x00"}]}, "NUL"),
        ({"turns": [{"role": "assistant", "text": "x", "weight": 3}]}, "The weight of message 1"),
    ],
)
def test_what_cannot_be_is_refused_with_its_place(client, app, address, body, said):
    sent = {"content_type": "application/json"}
    new = json.dumps({"question": "Q", "answer": "A", **body})
    for answer in (
        client.patch(f"{address}/1", data=json.dumps(body), headers={"If-Match": "1"}, **sent),
        client.post(address, data=new, **sent),
    ):
        assert answer.status_code == 422 and said in answer.json["error"]["message"], answer.json
    with app.app_context():
        assert entries.get(1, 1).version == 1 and datasets.get(1).entry_count == 3


def test_what_a_file_brought_stays_where_something_else_is_changed(client, app, address):
    odd = Message("assistant", None, tool_calls=[{"function": {"name": "f", "arguments": "no JSON"}}])
    with app.app_context():
        history.create(1, [Record("Q", "A", trace=(odd,), extra={"tools": "no list", "k": 1})], summary="Add")
    same = client.get(f"{address}/4").json
    answer = client.patch(f"{address}/4", json={"trace": same["trace"], "answer": "B"}, headers={"If-Match": "1"})
    assert answer.status_code == 200 and answer.json["extra"] == {"tools": "no list", "k": 1}


@pytest.mark.parametrize(
    ("text", "total", "inside", "said"),
    [
        ("Question", 3, False, []),
        ("uestion", 3, True, []),
        ("nowhere", 0, False, []),
        ("", 3, False, []),
        ("Question status:odd", 0, False, ["“status:odd” is looked for as it stands"]),
    ],
)
def test_a_search_says_how_it_was_taken(client, address, text, total, inside, said):
    found = client.get(address, query_string={"q": text}).json
    assert (found["total"], found["inside_words"]) == (total, inside)
    assert len(found["remarks"]) == len(said) and all(map(str.startswith, found["remarks"], said))
