"""Files whose rows are not a record each: everything that goes in comes out, in its order."""

import gzip
import json

import pytest

from app.core.errors import Invalid, TooLarge
from app.core.formats import BadRow, Limits, Source
from app.core.reading import ReadSettings, plan_reading, read_records

TABLE = (
    "Conversation_ID,Turn_ID,Role,Text,topic\n"
    "1,2,assistant,Oil.,rust\n"
    "2,1,user,Can I paint over it?,paint\n"
    "1,1,user,What helps?,rust\n"
    "2,10,assistant,Twice.,paint\n"
    "2,9,user,How often?,paint\n"
    "2,2,assistant,Yes.,paint\n"
)


def read(data, name="in.csv", limits=None, **said):
    source = Source.of_bytes(data if isinstance(data, bytes) else data.encode(), name=name, limits=limits)
    settings, found = plan_reading(source, ReadSettings(**said))
    return list(read_records(source, settings)), found


def texts(record):
    return [*(one.text for one in record.turns), record.question, record.answer]


@pytest.mark.parametrize("data", [TABLE, TABLE.replace("\n", "\r\n"), gzip.compress(TABLE.encode())])
def test_messages_are_gathered_wherever_their_rows_stand(data):
    (first, second), found = read(data)
    assert found.layout == "message-rows" and "Conversation_ID" in found.reasons["layout"]
    assert texts(first[1]) == ["What helps?", "Oil."] and first[0].line == 2
    assert texts(second[1]) == ["Can I paint over it?", "Yes.", "How often?", "Twice."]
    assert second[1].extra["topic"] == "paint"


def test_columns_of_messages_can_be_said():
    table = "a,b,c\n1,user,q\n1,assistant,a\n"
    (pair,), _ = read(table, mapping={"conversation": "a", "role": "b", "text": "c"})
    assert texts(pair[1]) == ["q", "a"]
    with pytest.raises(Invalid, match="no column “x”"):
        read(table, mapping={"conversation": "x", "role": "b", "text": "c"})


def test_the_role_of_messages_cannot_be_mapped_elsewhere():
    with pytest.raises(Invalid, match="message-rows"):
        read("question,answer\nq,a\n", layout="columns", mapping={"role": "question"})


def test_messages_that_nothing_tells_apart_are_one_conversation_until_a_system_message():
    rows = [("system", "s"), ("user", "q1"), ("assistant", "a1"), ("system", "t"), ("user", "q2"), ("assistant", "a2")]
    lines = "\n".join(json.dumps({"role": role, "content": text}) for role, text in rows)
    (first, second), _ = read(lines, "in.jsonl")
    assert (first[1].system, texts(first[1])) == ("s", ["q1", "a1"])
    assert (second[1].system, texts(second[1])) == ("t", ["q2", "a2"])


def test_an_order_of_absurd_length_is_no_number():
    rows = [{"thread": 1, "turn": f"{n}" * 5000, "role": role, "text": role} for n, role in ((2, "bot"), (1, "user"))]
    (pair,), _ = read("\n".join(map(json.dumps, rows)), "in.jsonl")
    assert texts(pair[1]) == ["user", "bot"]


def test_calls_of_tools_stay_with_their_messages_and_a_row_without_a_role_is_named():
    call = {"id": "1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
    said = [{"role": "user", "content": "q"}, {"role": "assistant", "content": None, "tool_calls": [call]}]
    said += [{"role": "tool", "content": "r", "tool_call_id": "1"}, {"role": "assistant", "content": "a"}]
    lines = [{"session": 1, **one} for one in said] + [{"session": 2, "role": None, "content": "?"}]
    (pair, bad), _ = read("\n".join(map(json.dumps, lines)), "in.jsonl")
    assert pair[1].trace[0].tool_calls == [call] and pair[1].trace[1].tool_call_id == "1"
    assert "has no role" in bad.reason


def test_a_conversation_without_an_answer_is_refused_and_bad_lines_stay_bad():
    lines = '{"conversation_id": 1, "role": "user", "text": "q"}\n{oops\n'
    lines += '{"conversation_id": 2, "role": "user", "text": "q"}\n{"conversation_id": 2, "role": "bot", "text": "a"}\n'
    found, _ = read(lines, "in.jsonl")
    assert [isinstance(one, BadRow) for one in found] == [True, True, False]
    assert sorted(one.code for one in found if isinstance(one, BadRow)) == ["invalid_json", "no_answer"]


def test_a_conversation_larger_than_a_line_may_be_is_refused():
    lines = "\n".join(json.dumps({"thread": 1, "role": ("user", "bot")[n % 2], "text": "x" * 90}) for n in range(100))
    with pytest.raises(TooLarge, match="LTT_MAX_LINE_MB"):
        read(lines, "in.jsonl", limits=Limits(line_bytes=4000))


def test_all_paths_of_a_tree_are_pairs_by_choice():
    replies = [
        {"text": text, "role": "assistant", "rank": n, "replies": []} for n, text in enumerate(("best", "other"))
    ]
    tree = json.dumps({"message_tree_id": "t", "prompt": {"text": "q", "role": "prompter", "replies": replies}})
    (best,), _ = read(tree, "in.jsonl")
    assert best[1].answer == "best" and best[1].extra["other_replies"][0]["text"] == "other"
    assert [one[1].answer for one in read(tree, "in.jsonl", oasst_paths="all")[0]] == ["best", "other"]


def test_messages_that_only_name_their_parents_are_rebuilt_to_trees_when_that_is_said():
    said = [
        ("1", None, "prompter", "q1"),
        ("2", "1", "assistant", "a1"),
        ("3", None, "prompter", "q2"),
        ("4", "3", "assistant", "a2"),
    ]
    lines = "\n".join(
        json.dumps(dict(zip(("message_id", "parent_id", "role", "text"), one, strict=True))) for one in said
    )
    with pytest.raises(Invalid, match="--from :oasst"):
        read(lines, "in.jsonl")
    found, _ = read(lines, "in.jsonl", layout="oasst")
    assert [texts(one[1]) for one in found] == [["q1", "a1"], ["q2", "a2"]]


def test_thousands_of_conversations_are_gathered_from_all_over_a_file():
    number = 3000
    lines = [
        {"chat_id": n, "role": role, "text": f"{role} {n}"} for role in ("user", "assistant") for n in range(number)
    ]
    found, _ = read("\n".join(map(json.dumps, lines)), "in.jsonl")
    assert [texts(one[1]) for one in found] == [[f"user {n}", f"assistant {n}"] for n in range(number)]


def test_chats_as_python_prints_them_are_read():
    table = "id,conversations\n1,\"[{'from': 'human', 'value': 'Why?'}, {'from': 'gpt', 'value': \"\"It's so.\"\"}]\"\n"
    (pair,), _ = read(table)
    assert texts(pair[1]) == ["Why?", "It's so."]
