"""Chat exports: what is one, who answers, where a conversation ends, and what of it is left out."""

import io
import json
import time
import zipfile
from contextlib import suppress

import pytest

from app.core.errors import Invalid
from app.core.formats import BadRow, ReadOptions, Source, detect, read


def rows_of(data, **options):
    """The values of all rows; a bad row is its reason."""
    text = data if isinstance(data, str) else json.dumps(data)
    source = Source.of_bytes(text.encode(), name="in")
    rows = read(source, detect(source), ReadOptions(**options))
    return [row.reason if isinstance(row, BadRow) else row.values for row in rows]


def found_in(data):
    return detect(Source.of_bytes((data if isinstance(data, str) else json.dumps(data)).encode(), name="in"))


def turns(row):
    return [(message["role"][0], message["content"]) for message in row["messages"]]


ANDROID = """\
6/1/24, 09:00 - Messages and calls are end-to-end encrypted.
6/1/24, 09:01 - Mill Café: Good morning!
6/1/24, 09:02 - Jo: Do you have rye bread?
6/1/24, 09:03 - Mill Café: Yes:
large, and small
6/1/24, 09:04 - Mill Café: <Media omitted>
6/1/24, 09:05 - Jo: One large, please
6/2/24, 18:00 - Jo: Are you open on Sunday?
6/2/24, 18:01 - Mill Café: From nine to noon.
6/2/24, 18:02 - Jo: This message was deleted
"""


def test_a_chat_of_whatsapp_becomes_conversations():
    first, second = rows_of(ANDROID)
    assert turns(first) == [
        ("a", "Good morning!"),
        ("u", "Do you have rye bread?"),
        ("a", "Yes:\nlarge, and small"),
        ("u", "One large, please"),
    ]
    assert first["left_out"] == {"notices": 1, "media": 1}
    assert turns(second) == [("u", "Are you open on Sunday?"), ("a", "From nine to noon.")]
    assert second["left_out"] == {"notices": 1}


def test_detection_says_what_it_is_and_who_answers():
    detection = found_in(ANDROID)
    assert detection.format == "whatsapp" and "WhatsApp" in detection.reasons["format"]
    who, left_out = detection.warnings
    assert "“Mill Café” is taken as the one who answers" in who
    assert "2 notices, 1 media" in left_out


def test_somebody_else_can_be_the_one_who_answers():
    assert turns(rows_of(ANDROID, who_answers="jo")[1]) == [
        ("a", "Are you open on Sunday?"),
        ("u", "From nine to noon."),
    ]


def test_a_name_that_nobody_has_is_refused_with_those_that_there_are():
    with pytest.raises(Invalid, match=r"Nobody in this chat is called “Bo”. There are: Mill Café \(4\), Jo \(3\)"):
        rows_of(ANDROID, who_answers="Bo")


def test_a_longer_pause_makes_fewer_conversations():
    assert len(rows_of(ANDROID, pause_hours=48)) == 1


@pytest.mark.parametrize(
    "lines",
    [
        "[13.06.23, 18:08:08] Shop: \u200eMessages and calls are end-to-end encrypted.\n"
        "[13.06.23, 18:08:30] Jo: Open?\n[13.06.23, 18:09:01] Shop: Yes.\n\u200e[13.06.23, 18:09:40] Shop: \u200eimage omitted",
        "[2024/03/14, 6:08:30 PM] Jo: Open?\n[2024/03/14, 6:09:01 PM] Shop: Yes.\n[2024/03/14, 6:09:02 PM] Shop: <attached: 1.jpg>",
        "14.03.24, 18:08 - Jo: Open?\n14.03.24, 18:09 - Shop: Yes.\n14.03.24, 18:09 - Shop: <Medien ausgeschlossen>",
        "14/03/2024, 6:08 pm - Jo: Open?\n14/03/2024, 6:09 pm - Shop: Yes.\n14/03/2024, 6:10 pm - Shop: IMG-1.jpg (file attached)",
        "14/03/2024 18:08 - Jo: Open?\n14/03/2024 18:09 - Shop: Yes.\n14/03/2024 18:10 - Shop: <Arquivo de mídia oculto>",
    ],
    ids=["ios-de", "ios-en", "android-de", "android-gb", "android-pt"],
)
def test_phones_write_their_lines_in_many_ways(lines):
    [row] = rows_of(lines)
    assert turns(row) == [("u", "Open?"), ("a", "Yes.")]
    assert row["left_out"]["media"] == 1


def test_the_order_of_a_date_is_told_by_its_numbers():
    day = "{0}, 10:00 - Jo: Open?\n{0}, 10:01 - Shop: Yes.\n"
    assert len(rows_of(day.format("01/02/2024") + day.format("13/02/2024"))) == 2
    assert len(rows_of(day.format("13/02/2024") + day.format("13/02/2024").replace("10:", "11:"))) == 1


def test_one_who_writes_alone_has_nobody_who_answers():
    with pytest.raises(Invalid, match="Only “Jo” writes in this chat"):
        rows_of("6/1/24, 09:02 - Jo: Hello?\n6/1/24, 09:03 - Jo: Anybody?\n")


def test_pictures_alone_are_no_conversation_and_are_told():
    late = "6/4/24, 09:00 - Jo: <Media omitted>\n"
    *_, last = rows_of(ANDROID + late)
    assert last == "Conversation 3 (line 11) holds no text, only 1 media."


def test_a_table_that_begins_with_dates_is_no_chat():
    assert found_in("2024-01-02,How?,So.\n2024-01-03,Why?,Because.\n").format == "csv"


def telegram(*messages, name="Jo", kind="personal_chat"):
    return {"name": name, "type": kind, "id": 1, "messages": list(messages)}


def message(author, text, at="2024-06-01T09:00:00", **more):
    return {"id": 1, "type": "message", "date": at, "from": author, "text": text, **more}


def test_a_chat_of_telegram_is_with_the_one_it_is_called_after():
    chat = telegram(
        {"id": 0, "type": "service", "date": "2024-06-01T08:59:00", "action": "phone_call"},
        message("Jo", "Is the mill open?"),
        message("Me", ["Yes, see ", {"type": "link", "text": "https://example.org"}, "."], photo="x.jpg"),
        message("Jo", "", file="y.pdf"),
    )
    [row] = rows_of(chat)
    assert turns(row) == [("u", "Is the mill open?"), ("a", "Yes, see https://example.org.")]
    assert row["left_out"] == {"notices": 1, "media": 2}
    assert turns(rows_of(chat, who_answers="Jo")[0])[0] == ("a", "Is the mill open?")


def test_an_account_of_telegram_is_read_chat_by_chat():
    chats = [
        telegram(message("Jo", "Open?"), message("Me", "Yes.")),
        telegram(message("Al", "Rye?"), message("Me", "No."), name="Al"),
    ]
    first, second = rows_of({"about": "x", "chats": {"about": "y", "list": chats}})
    assert (turns(first), turns(second)) == ([("u", "Open?"), ("a", "Yes.")], [("u", "Rye?"), ("a", "No.")])


def test_in_the_groups_of_an_account_its_owner_answers():
    group = telegram(message("Al", "Who bakes?"), message("Me", "I do."), name="Mill", kind="private_group")
    bot = telegram(message("Me", "Remind me."), message("Bell", "Done."), name="Bell", kind="bot_chat")
    chats = [telegram(message("Jo", "Open?"), message("Me", "Yes.")), group, bot]
    _, second, third = rows_of({"chats": {"list": chats}})
    assert turns(second) == [("u", "Who bakes?"), ("a", "I do.")]
    assert turns(third) == [("u", "Remind me."), ("a", "Done.")]


def test_a_group_of_telegram_is_answered_by_who_replies_to_questions():
    asked = [
        message("Al", "Open?"),
        message("Host", "Yes."),
        message("Jo", "Rye?"),
        message("Host", "No."),
        message("Al", "Fine."),
    ]
    [row] = rows_of(telegram(*asked, name="Mill", kind="private_supergroup"))
    assert turns(row) == [("u", "Open?"), ("a", "Yes."), ("u", "Rye?"), ("a", "No."), ("u", "Fine.")]


def discord(*messages):
    return {"guild": {"id": "1"}, "channel": {"id": "2", "name": "help"}, "messages": list(messages)}


def posted(name, content, minute, kind="Default", **more):
    author = {"id": name, "name": name, "nickname": name.title(), "isBot": more.pop("bot", False)}
    at = f"2024-01-01T10:{minute:02}:00+00:00"
    return {"id": str(minute), "type": kind, "timestamp": at, "content": content, "author": author, **more}


def test_a_channel_of_discord_is_answered_by_who_replies():
    channel = discord(
        posted("jo", "", 0, "GuildMemberJoin"),
        posted("jo", "How do I oil a gate?", 1),
        posted("ann", "With machine oil.", 2, "Reply", attachments=[{"id": "9"}]),
    )
    [row] = rows_of(channel)
    assert turns(row) == [("u", "How do I oil a gate?"), ("a", "With machine oil.")]
    assert row["left_out"] == {"notices": 1, "media": 1}


def test_a_bot_answers():
    [row] = rows_of(
        discord(
            posted("jo", "How do I oil a gate?", 1),
            posted("al", "Yes, how?", 2),
            posted("helper", "With oil.", 3, bot=True),
        )
    )
    assert turns(row) == [("u", "How do I oil a gate?\nYes, how?"), ("a", "With oil.")]


def sent(user, text, ts, **more):
    return {"type": "message", "user": user, "text": text, "ts": f"17000{ts:05}.000100", **more}


def test_threads_of_slack_are_conversations_of_their_own():
    first, second = rows_of([
        sent("U0", "has joined the channel", 0, subtype="channel_join"),
        sent("U1", "How do I reset it, <@U2>?", 1, thread_ts="1"),
        sent("U3", "Where is the &lt;log&gt;?", 2, thread_ts="2"),
        sent("U2", "Hold the knob. <https://example.org|Manual>", 3, thread_ts="1"),
        sent("U2", "Under the lid.", 4, thread_ts="2", files=[{"id": "F"}]),
    ])  # fmt: skip
    assert turns(first) == [("u", "How do I reset it, @U2?"), ("a", "Hold the knob. Manual (https://example.org)")]
    assert turns(second) == [("u", "Where is the <log>?"), ("a", "Under the lid.")]
    assert (first["left_out"], second["left_out"]) == ({"notices": 1}, {"media": 1})


def node(key, parent, role, text, **more):
    said = {"author": {"role": role}, "content": {"content_type": "text", "parts": [text]}, "metadata": {}, **more}
    return {"id": key, "parent": parent, "children": [], "message": said}


def test_the_branch_of_chatgpt_that_was_shown_is_the_conversation():
    nodes = [
        node("s", None, "system", ""),
        node("u", "s", "user", "Which knot?"),
        node("a", "u", "assistant", "A bowline."),
        node("c", "u", "assistant", "search(knots)", recipient="browser"),
        node("t", "c", "tool", "found"),
        node("b", "t", "assistant", "A lark's head."),
    ]
    [row] = rows_of([{"title": "Knots", "mapping": {one["id"]: one for one in nodes}, "current_node": "b"}])
    assert turns(row) == [("u", "Which knot?"), ("a", "A lark's head.")]
    assert row["left_out"] == {"tool messages": 2}


def test_conversations_of_claude_are_read():
    spoken = [
        {"sender": "human", "text": "Which knot?", "attachments": [{"file_name": "a.txt"}]},
        {
            "sender": "assistant",
            "text": "",
            "content": [{"type": "thinking", "thinking": "…"}, {"type": "text", "text": "A bowline."}],
        },
    ]
    [row] = rows_of([{"uuid": "1", "name": "Knots", "chat_messages": spoken}])
    assert turns(row) == [("u", "Which knot?"), ("a", "A bowline.")]
    assert row["left_out"] == {"media": 1, "reasoning": 1}


def test_a_chat_of_sillytavern_is_one_conversation():
    lines = [
        {"user_name": "You", "character_name": "Smith", "create_date": "2024"},
        {"name": "Smith", "is_user": False, "mes": "Good day."},
        {"name": "You", "is_user": True, "mes": "A hinge."},
        {"name": "Smith", "is_user": False, "mes": "On Friday."},
    ]
    [row] = rows_of("\n".join(json.dumps(line) for line in lines))
    assert turns(row) == [("a", "Good day."), ("u", "A hinge."), ("a", "On Friday.")]


def test_an_export_that_breaks_off_is_refused():
    cut = json.dumps(discord(posted("jo", "How?", 1), posted("ann", "So.", 2)))[:-30]
    with pytest.raises(Invalid, match="The chat breaks off"):
        rows_of(cut)


def test_words_like_those_for_media_are_words_in_a_sentence():
    [row] = rows_of(
        "6/1/24, 09:02 - Jo: Is the image omitted here?\n6/1/24, 09:03 - Shop: The video omitted that, see a.jpg\n"
    )
    assert turns(row) == [("u", "Is the image omitted here?"), ("a", "The video omitted that, see a.jpg")]


def test_a_caption_stays_where_its_picture_goes():
    [row] = rows_of("6/1/24, 09:02 - Jo: IMG-1.jpg (file attached)\nWhich is this?\n6/1/24, 09:03 - Shop: A fern.\n")
    assert turns(row) == [("u", "Which is this?"), ("a", "A fern.")] and row["left_out"] == {"media": 1}


def test_what_no_database_keeps_is_a_bad_row():
    [reason] = rows_of(discord(posted("jo", "How\x00?", 1), posted("ann", "So.", 2)))
    assert reason.startswith("Conversation 1 holds the character U+0000")


HOSTILE = [
    "6/1/24, 09:02 - Jo: Hi\n" + "6/1/24, 09:03 - Al: once more\n" * 40_000,
    "6/1/24, 09:02 - Jo: Hi\n6/1/24, 09:03 - Al: " + "a" * 500_000,
    "6/1/24, 09:02 - Jo: Hi\n6/1/24, 09:03 - Al: " + "<" * 300_000 + " " * 300_000,
    "6/1/24, 09:02 - Jo: Hi\n6/1/24, 09:03 - Al: " + "\u200e<media" * 50_000,
    '[{"mapping": {' + '"mapping": {' * 80_000,
    '{"guild": {' + '"guild": {' * 80_000,
    json.dumps([sent("U1", "<http:" * 100_000, 1), sent("U2", "<@" * 200_000, 2)]),
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_a_text_that_is_made_to_hang_is_read_at_once(text):
    began = time.process_time()
    with suppress(Invalid):
        rows_of(text)
    assert time.process_time() - began < 5


def zipped(**members):
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w") as archive:
        for name, text in members.items():
            archive.writestr(name, text)
    return Source.of_bytes(out.getvalue(), name="export.zip")


@pytest.mark.parametrize("name", ["_chat.txt", "WhatsApp Chat with Jo.txt", "Chat de WhatsApp con Jo.txt"])
def test_the_chat_is_found_beside_its_pictures(name):
    source = zipped(**{name: ANDROID, "IMG-1.jpg": "x", "IMG-2.jpg": "y"})
    assert f"Only {name} of the archive is read; other files in it: 2." in detect(source).warnings
    assert len([row for row in read(source, detect(source), ReadOptions()) if not isinstance(row, BadRow)]) == 2


def test_an_archive_of_slack_is_named():
    with pytest.raises(Invalid, match="holds 3 files .it looks like an export of Slack"):
        zipped(**{"channels.json": "[]", "users.json": "[]", "help/2024-01-01.json": "[]"})
