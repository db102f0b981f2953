"""The pages of pairs: list, editor, conflict screen, bulk actions."""

import json
import re
from html import unescape
from html.parser import HTMLParser

import pytest
from werkzeug.datastructures import MultiDict

from app.blueprints.preview import MOST_RENDERED
from app.core.changes import Change
from app.core.record import Message, Record, dump_messages
from app.services import datasets, entries, history, lists, pairs
from app.services.pairs import Selection
from tests import factories
from tests.pages import as_shown

NAUGHTY = (
    "a\r\nb\n", "\n\nlead", "trail \n", "\ttab", "<b>&amp;</b>", "{{ x }}", "\u202eright to left", "e\u0301 é", "\ufeffmark",
    "zero\u200bwidth", "1\u00a0000", "🏳️\u200d🌈", "田中さん", "ضصثق", "`${x}`", "'\"--", "%s%d", "\\n", "a\rb", "\u2028line",
)  # fmt: skip


@pytest.fixture
def dataset_id(app):
    with app.app_context():
        return factories.dataset()


def fields_of(page):
    """The form of the editor as a browser would send it back: line ends become CRLF."""
    from html import unescape

    text = page.get_data(as_text=True)
    found = {
        name: unescape(value).replace("\r\n", "\n").replace("\r", "\n").replace("\n", "\r\n")
        for name, value in re.findall(r'<textarea[^>]*\bname="(\w+)"[^>]*>\n(.*?)</textarea>', text, re.S)
    }
    found["version"] = re.search(r'name="version" value="(\d+)"', text)[1]
    found["status"] = re.search(r'<option selected value="(\w+)"', text)[1]
    found["tags"] = unescape(re.search(r'name="tags" value="([^"]*)" placeholder="Between', text)[1])
    return found


def test_the_list_shows_pairs_newest_first(client, dataset_id):
    text = client.get(f"/datasets/{dataset_id}/pairs").get_data(as_text=True)
    assert text.index("Question 3?") < text.index("Question 1?") and '<b class="fg num">3</b> pairs' in text


def test_a_new_pair_that_is_sent_twice_is_added_once(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/pairs"

    def count_after_sending(**changed):
        sent = form_of(page, question="Which gate?", answer="Gate 4", **changed)
        said = client.post(address, data=sent, follow_redirects=True).text
        assert "Add “Which gate?”." in said
        with app.app_context():
            return datasets.get(dataset_id).entry_count

    page = client.get(f"{address}/new")
    assert [count_after_sending(), count_after_sending()] == [4, 4]
    assert count_after_sending(tags="other") == 5
    with app.app_context():
        history.undo(dataset_id)
        history.undo(dataset_id)
    assert count_after_sending() == 4
    page = client.get(f"{address}/new")
    assert count_after_sending() == 5


def test_filters_stand_in_the_address(client, dataset_id):
    text = client.get(f"/datasets/{dataset_id}/pairs?q=Answer+2&status=review&tag=made").get_data(as_text=True)
    assert ">Question <mark>2</mark>?</b>" in text and "<mark>Answer</mark> <mark>2</mark>" in text
    assert ">Question 3?</b>" not in text


@pytest.mark.parametrize("query", ["tag=", "status=", "split=&order=&size=&import=&pair=&cursor=", "q=%25"])
def test_what_is_said_empty_says_nothing(client, dataset_id, query):
    assert client.get(f"/datasets/{dataset_id}/pairs?{query}").status_code == 200


@pytest.mark.parametrize(
    ("query", "has"),
    [
        ("size=0", "25, 50, 100"),
        ("size=-1", "25, 50, 100"),
        ("size=1e9", "25, 50, 100"),
        ("size=abc", "25, 50, 100"),
        ("status=approved&status=nope", "draft, review, approved, rejected"),
        ("split=all", "train, validation, test"),
        ("order=up", "newest, oldest"),
        ("import=x", "a whole number"),
        ("pair=x", "a whole number"),
        ("cursor=x", "Start again from the first page"),
        ("sort=newest", "status, split, tag"),
        ("filter=x", "status, split, tag"),
        ("tag=a" + "&tag=b" * 50, "at most 50"),
    ],
)
def test_what_there_is_not_is_refused_with_what_there_is(client, dataset_id, query, has):
    answer = client.get(f"/datasets/{dataset_id}/pairs?{query}")
    assert answer.status_code == 400 and has in answer.text


@pytest.mark.parametrize(
    "address",
    [
        "/?show=nope",
        "/?sort=nope",
        "/jobs/?before=x",
        "/jobs/?state=x",
        "/datasets/1/history?kind=nope",
        "/datasets/1/history?step=x",
        "/datasets/1/history?filter=x",
        "/datasets/1/clean?op=nope",
        "/datasets/1/clean?asked=1&op=fix-encoding&field=nope",
        "/datasets/1/clean?asked=1&op=fix-encoding&field=answer&view=nope",
        "/datasets/1/clean?asked=1&op=fix-encoding&field=answer&order=nope",
        "/datasets/1/clean?scope=nope",
        "/datasets/1/clean?status=nope",
        "/datasets/1/export?split=nope",
        "/datasets/1/export?status=nope",
    ],
)
def test_other_pages_refuse_it_as_well(client, dataset_id, address):
    assert client.get(address).status_code == 400


def test_pages_are_walked_by_links(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record(f"more {n}", "a") for n in range(60)], summary="Add")
    first = client.get(f"/datasets/{dataset_id}/pairs?size=25").get_data(as_text=True)
    following = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    second = client.get(following).get_data(as_text=True)
    assert 'rel="prev"' in second and "more 34" in second and "more 59" not in second


@pytest.mark.parametrize("text", NAUGHTY)
def test_opening_and_saving_untouched_changes_no_byte(client, app, dataset_id, text):
    with app.app_context():
        history.create(dataset_id, [Record("q" + text, text, text + "s", reasoning=text)], summary="Add")
        entry = max(entries.stream_entries(dataset_id), key=lambda one: one.id)
        before = datasets.compute_digest(dataset_id)
    address = f"/datasets/{dataset_id}/pairs?pair={entry.id}"
    saved = client.post(f"/datasets/{dataset_id}/pairs/{entry.id}", data=fields_of(client.get(address)))
    assert saved.status_code == 303
    with app.app_context():
        assert datasets.compute_digest(dataset_id) == before
        assert entries.get(dataset_id, entry.id).version == 1


def test_an_edit_is_saved_and_offers_undo(client, app, dataset_id):
    entry_id = 1
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair={entry_id}"))
    page = client.post(
        f"/datasets/{dataset_id}/pairs/{entry_id}", data={**form, "answer": "Better."}, follow_redirects=True
    )
    assert "Edit “Question 1?”" in page.get_data(as_text=True) and ">Undo</button>" in page.get_data(as_text=True)
    with app.app_context():
        assert entries.get(dataset_id, entry_id).answer == "Better."


def test_a_stale_save_shows_yours_theirs_and_the_base(client, app, dataset_id):
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair=1"))
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"answer": "Theirs."}, version=1)
    page = client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "answer": "Mine."})
    text = page.get_data(as_text=True)
    assert page.status_code == 409 and "Mine." in text and "Theirs" in text and "Answer 1." in text
    with app.app_context():
        assert entries.get(dataset_id, 1).answer == "Theirs."
    client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "answer": "Mine.", "version": 2})
    with app.app_context():
        assert entries.get(dataset_id, 1).answer == "Mine."


def test_a_text_that_was_typed_back_is_asked_about_after_undo_and_redo(client, app, dataset_id):
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"answer": "Changed."}, version=1)
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair=1"))
    with app.app_context():
        history.undo(dataset_id)
        history.redo(dataset_id)
    page = client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "answer": "Answer 1."})
    assert page.status_code == 409 and '<label for="answer">' in page.text and "Answer 1.</textarea>" in page.text
    assert "What you left" not in page.text and "When you opened it" not in page.text


def test_the_conflict_screen_shows_reasoning_and_keeps_what_it_does_not_show(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("q", "a", rejected_answer="w", reasoning="First thought.")], summary="Add")
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair=4"))
    with app.app_context():
        pairs.save_pair(dataset_id, 4, {"reasoning": "Their thought."}, version=1)
    text = client.post(f"/datasets/{dataset_id}/pairs/4", data={**form, "reasoning": "My thought."}).get_data(
        as_text=True
    )
    assert "Two versions" in text and '<label for="reasoning">' in text and "First" in text and "Their" in text
    sent = {name: form[name] for name in ("question", "answer", "system", "status", "tags")}
    client.post(f"/datasets/{dataset_id}/pairs/4", data={**sent, "answer": "b", "version": 2})
    with app.app_context():
        entry = entries.get(dataset_id, 4)
    assert (entry.answer, entry.reasoning, entry.rejected_answer) == ("b", "Their thought.", "w")


def test_the_history_of_a_pair_shows_what_changed_in_its_reasoning(client, app, dataset_id):
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"reasoning": "Newly thought."}, version=1)
        pairs.save_pair(dataset_id, 1, {"reasoning": None}, version=2)
    assert "Newly thought." in client.get(f"/datasets/{dataset_id}/pairs?pair=1").get_data(as_text=True)


def test_a_pair_deleted_meanwhile_can_be_restored_with_the_typed_text(client, app, dataset_id):
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair=1"))
    with app.app_context():
        history.delete(dataset_id, [1])
    page = client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "answer": "Mine."})
    assert page.status_code == 410 and "Mine." in page.get_data(as_text=True)
    form["version"] = re.search(r'name="version" value="(\d+)"', page.text)[1]
    client.post(f"/datasets/{dataset_id}/pairs/1/restore", data={**form, "answer": "Mine."})
    with app.app_context():
        assert entries.get(dataset_id, 1).answer == "Mine."


def test_a_blank_question_keeps_what_was_typed(client, dataset_id):
    page = client.post(
        f"/datasets/{dataset_id}/pairs", data={"question": " ", "answer": "Long work.", "status": "review"}
    )
    assert page.status_code == 422 and "Long work." in page.get_data(as_text=True)
    assert "The question is empty" in page.get_data(as_text=True)


def test_a_new_pair_leads_to_the_next(client, app, dataset_id):
    data = {
        "question": "New?",
        "answer": "a\r\nb",
        "status": "review",
        "tags": "x, y",
        "then": "new",
        "reasoning": "r\r\n",
    }
    page = client.post(f"/datasets/{dataset_id}/pairs", data=data)
    assert page.location.endswith("pair=new")
    with app.app_context():
        newest = max(entries.stream_entries(dataset_id), key=lambda one: one.id)
        assert (newest.answer, newest.tag_list, newest.system) == ("a\nb", ["x", "y"], None)
        assert newest.reasoning == "r\n"


@pytest.mark.parametrize(
    ("data", "left"),
    [
        ({"action": "approved", "id": ["1", "2"]}, {"approved": 2, "review": 1}),
        ({"action": "rejected", "all": "1"}, {"rejected": 3}),
        ({"action": "delete", "id": "3"}, {"review": 2}),
        ({"action": "tag", "id": "1", "tags": "new"}, {"review": 3}),
    ],
)
def test_actions_on_a_selection(client, app, dataset_id, data, left):
    assert client.post(f"/datasets/{dataset_id}/pairs/actions", data=data).status_code == 303
    with app.app_context():
        assert datasets.get(dataset_id).counts == left


def test_all_means_all_that_match(client, app, dataset_id):
    client.post(f"/datasets/{dataset_id}/pairs/actions?q=Question+1", data={"action": "delete", "all": "1"})
    with app.app_context():
        assert datasets.get(dataset_id).entry_count == 2


def test_nothing_selected_is_said(client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/pairs/actions", data={"action": "delete"})
    assert page.status_code == 422 and "No pair is selected" in page.get_data(as_text=True)


@pytest.mark.parametrize(
    ("text", "banned"),
    [
        ("<script>x</script>", "<script"), ("[a](javascript:x)", "javascript:x\""), ("![p](http://x/y.png)", "<img"),
        ("<img src=x onerror=y>", "<img"), ("[a](data:text/html,x)", 'href="data'),
    ],
)  # fmt: skip
def test_a_markdown_preview_runs_and_loads_nothing(client, dataset_id, text, banned):
    page = client.post(f"/datasets/{dataset_id}/pairs/preview", data={"answer": text}).get_data(as_text=True)
    assert banned not in page


def test_the_rest_of_a_long_markdown_text_is_shown_as_it_is_written(client, dataset_id):
    text = "**bold**\n" + "x" * MOST_RENDERED + "<b>**end**"
    page = client.post(f"/datasets/{dataset_id}/pairs/preview", data={"answer": text}).text
    assert "<strong>bold</strong>" in page and f"{'x' * 1000}&lt;b&gt;**end**</p>" in page
    # Brackets that never close would take minutes.
    assert client.post(f"/datasets/{dataset_id}/pairs/preview", data={"answer": "![" * 200_000}).status_code == 200


def test_a_markdown_preview_renders(client, dataset_id):
    page = client.post(f"/datasets/{dataset_id}/pairs/preview", data={"answer": "**bold** [x](https://e.example)"})
    assert "<strong>bold</strong>" in page.get_data(as_text=True) and 'href="https://e.example"' in page.get_data(
        as_text=True
    )


def counts_of(page):
    """The facets of the page: the number beside each status and tag."""
    text = as_shown(page.split("data-facets")[1].split("</form>")[0])
    return dict(
        re.findall(r'type="checkbox" name="(?!not_)\w+" value="([^"]+)".*?<span class="n">([\d,]+)</span>', text)
    )


def test_facets_count_what_matches_the_search_and_all_other_filters(client, app, dataset_id):
    with app.app_context():
        pairs.tag_pairs(dataset_id, Selection((1, 2)), add=["odd"], remove=[])
        pairs.set_status(dataset_id, Selection((2,)), "approved")
    everything = counts_of(client.get(f"/datasets/{dataset_id}/pairs").text)
    assert (everything["approved"], everything["review"], everything["odd"]) == ("1", "2", "2")
    searched = counts_of(client.get(f"/datasets/{dataset_id}/pairs?q=Question+2").text)
    assert (searched["approved"], searched["review"], searched["odd"]) == ("1", "0", "1")
    approved = counts_of(client.get(f"/datasets/{dataset_id}/pairs?status=approved").text)
    assert (approved["approved"], approved["review"], approved["odd"]) == ("1", "2", "1")
    nothing = counts_of(client.get(f"/datasets/{dataset_id}/pairs?q=none&tag=odd").text)
    assert (nothing["approved"], nothing["odd"]) == ("0", "0")


def test_a_label_answers_a_script_with_the_step_or_the_reason(client, app, dataset_id):
    address, json = f"/datasets/{dataset_id}/pairs/actions", {"Accept": "application/json"}
    told = client.post(address, data={"id": "1", "action": "approved"}, headers=json).json
    assert told["text"] == "Approve 1 pair." and told["version"] == 2 and not told["skipped"]
    with app.app_context():
        pairs.save_pair(dataset_id, 2, {"answer": ""}, version=1)
    told = client.post(address, data={"id": "2", "action": "approved"}, headers=json).json
    assert told["skipped"] == "The pair has no answer yet." and told["number"] is None
    refused = client.post(address, data={"id": "", "action": "approved"}, headers=json)
    assert refused.status_code == 422 and refused.json["error"]["message"].startswith("No pair is selected.")
    with app.app_context():
        pairs.delete_pairs(dataset_id, Selection((1,)))
    gone = client.post(address, data={"id": "1", "action": "rejected"}, headers=json).json
    assert gone["skipped"] == "It was deleted meanwhile." and gone["number"] is gone["version"] is None


def test_the_history_of_a_pair_has_times(client, dataset_id):
    page = as_shown(client.get(f"/datasets/{dataset_id}/pairs?pair=1").text)
    assert re.search(r'<time class="[^"]*" datetime="20\d\d-[^"]+" title="Just now"> ?\d\d:\d\d ?</time>', page)


def test_a_conflict_shows_statuses_by_name(client, app, dataset_id):
    with app.app_context():
        pairs.set_status(dataset_id, Selection((1,)), "approved")
    page = client.post(
        f"/datasets/{dataset_id}/pairs/1",
        data={"question": "Mine?", "answer": "A", "status": "rejected", "version": "1"},
    )
    assert page.status_code == 409 and "Rejected</ins>" in page.text and ">approved<" not in page.text


def test_the_editor_keeps_and_saves_split_source_and_family(client, app, dataset_id):
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"source": "  two blanks ", "family": "f", "split": "test"}, version=1)
        history.apply(
            dataset_id,
            [Change(1, {"source": ("two blanks", "  two blanks ")})],
            summary="As a file has it",
            kind="edit",
        )
    page = client.get(f"/datasets/{dataset_id}/pairs?pair=1")
    assert 'name="source" value="  two blanks "' in page.get_data(as_text=True)
    form = {**fields_of(page), "source": "  two blanks ", "family": "f", "split": "test"}
    client.post(f"/datasets/{dataset_id}/pairs/1", data=form)
    with app.app_context():
        assert entries.get(dataset_id, 1).version == 3
    client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "split": "", "source": "faq.md"})
    with app.app_context():
        entry = entries.get(dataset_id, 1)
    assert (entry.source, entry.family, entry.split) == ("faq.md", "f", None)


def test_a_selection_is_put_into_a_split(client, app, dataset_id):
    client.post(f"/datasets/{dataset_id}/pairs/actions", data={"id": ["1", "2"], "action": "split:test"})
    with app.app_context():
        assert entries.split_counts(dataset_id) == {"test": 2}
    text = client.get(f"/datasets/{dataset_id}/pairs?split=test").get_data(as_text=True)
    assert "Question 1?" in text and "Question 3?" not in text


def test_a_pair_at_the_end_of_a_conversation_shows_what_that_began_with(app, client, dataset_id):
    turns = (
        Message("system", "Be kind."),
        Message("user", "Can you order a <b>pizza</b>?"),
        Message("assistant", "No."),
    )
    with app.app_context():
        history.create(dataset_id, [Record("Thank you.", "You are welcome.", turns=turns)], summary="Add a chat")
    text = as_shown(client.get(f"/datasets/{dataset_id}/pairs").get_data(as_text=True))
    assert '<span class="began clip">Can you order a &lt;b&gt;pizza&lt;/b&gt;?</span> ›</span> Thank you.</b>' in text


CHAT = (Message("user", "Hi\r\nthere"), Message("assistant", "Hello.", weight=0, extra={"k": [1]}))
CALL = Message("assistant", None, tool_calls=[{"id": "c1", "function": {"name": "weigh", "arguments": {"box": 7}}}])


def chat_of(app, dataset_id):
    """The id of a new pair with a conversation."""
    with app.app_context():
        record = Record("How heavy?", "12 kg.", turns=CHAT, trace=(CALL, Message("tool", "12 kg", tool_call_id="c1")))
        history.create(dataset_id, [record], summary="Add a chat")
        return max(one.id for one in entries.stream_entries(dataset_id))


class _Form(HTMLParser):
    """The fields of the editor in their order, as a browser would send them: line ends become CRLF."""

    def __init__(self, page):
        super().__init__()
        self.fields, self._inside, self._area, self._select = [], False, None, None
        self._blank = 0
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        given = dict(attributes)
        self._blank += tag == "template"
        if tag == "form":
            self._inside = given.get("id") == "pair-form" or "data-merge" in given
        name = given.get("name")
        if not self._inside or self._blank:
            return
        if tag == "select":
            self._select = name
        elif tag == "option" and "selected" in given:
            self.fields.append((self._select, given.get("value", "")))
        elif tag == "textarea" and name and "disabled" not in given and not given.get("form"):
            self._area = [name, ""]
        elif tag == "input" and name and (given.get("type") != "checkbox" or "checked" in given):
            self.fields.append((name, given.get("value") or ""))

    def handle_data(self, data):
        if self._area:
            self._area[1] += data

    def handle_endtag(self, tag):
        self._blank -= tag == "template"
        if tag == "form":
            self._inside = False
        if tag == "textarea" and self._area:
            name, text = self._area
            text = text.replace("\r\n", "\n").replace("\r", "\n").removeprefix("\n").replace("\n", "\r\n")
            self.fields.append((name, text))
            self._area = None


def form_of(page, **changes):
    """The fields of the editor with changes, to be sent; None takes one away."""
    fields = MultiDict(_Form(page.get_data(as_text=True)).fields)
    for name, value in changes.items():
        name = name.replace("__", ".")
        if value is None:
            fields.pop(name)
        else:
            fields[name] = value
    return fields


@pytest.mark.parametrize("address", ["pairs?pair={}", "pairs/{}"])
def test_a_conversation_opened_and_saved_untouched_changes_no_byte(client, app, dataset_id, address):
    entry_id = chat_of(app, dataset_id)
    page = client.get(f"/datasets/{dataset_id}/{address.format(entry_id)}")
    saved = client.post(f"/datasets/{dataset_id}/pairs/{entry_id}", data=form_of(page))
    assert saved.status_code == 303
    with app.app_context():
        assert entries.get(dataset_id, entry_id).version == 1


@pytest.mark.parametrize(
    ("typed", "version"), [('{"box":   7}', 1), ('{"box": true}', 2), ('{"box": 1.0}', 2), ('{"box": 7, "a": 1}', 2)]
)
@pytest.mark.parametrize("stored", [{"box": 7}, {"box": 1}])
def test_json_says_the_same_with_other_blanks_only(client, app, dataset_id, stored, typed, version):
    typed = typed.replace("7", str(stored["box"]))
    tool = {"type": "function", "function": {"name": "weigh", "parameters": {"default": stored}}}
    call = {"id": "c", "type": "function", "function": {"name": "weigh", "arguments": stored}}
    with app.app_context():
        record = Record(
            "q", "a", turns=(Message("assistant", None, tool_calls=[call]),), extra={"tools": json.dumps([tool])}
        )
        history.create(dataset_id, [record, record], summary="Add")
    for entry_id, name in ((4, "m0__c0__arguments"), (5, "tools")):
        page = client.get(f"/datasets/{dataset_id}/pairs/{entry_id}")
        text = typed if entry_id == 4 else json.dumps([tool]).replace(json.dumps(stored), typed)
        saved = client.post(f"/datasets/{dataset_id}/pairs/{entry_id}", data=form_of(page, **{name: text}))
        with app.app_context():
            assert saved.status_code == 303 and entries.get(dataset_id, entry_id).version == version


def test_messages_tools_and_weights_are_saved_as_one_step(client, app, dataset_id):
    entry_id = chat_of(app, dataset_id)
    page = client.get(f"/datasets/{dataset_id}/pairs/{entry_id}")
    tools = '[{"type": "function", "function": {"name": "weigh"}}]'
    changes = {"m0__text": "Good day", "m1__trained": "1", "m2__c0__arguments": '{"box": 8}', "tools": tools}
    form = form_of(page, **changes, answer_trained=None, rejected_answer="9 kg.")
    saved = client.post(f"/datasets/{dataset_id}/pairs/{entry_id}", data=form)
    assert saved.location.endswith(f"/pairs/{entry_id}")
    with app.app_context():
        entry = entries.get(dataset_id, entry_id)
        record = entry.record()
        assert entry.version == 2
    assert record.turns == (Message("user", "Good day"), Message("assistant", "Hello.", extra={"k": [1]}))
    assert record.trace[0].tool_calls == [{"id": "c1", "function": {"name": "weigh", "arguments": {"box": 8}}}]
    assert record.extra["tools"][0]["function"]["name"] == "weigh" and record.rejected_answer == "9 kg."
    assert record.extra["_layout"] == {"answer": {"weight": 0}}


def test_plain_buttons_add_move_and_remove_messages(client, app, dataset_id):
    entry_id = chat_of(app, dataset_id)
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    page = client.get(address)
    for act in ("turn", "up:2", "remove:0", "call:1", "trace"):
        page = client.post(address, data=form_of(page, do=act))
        assert page.status_code == 200
    form = form_of(page, m0__text="New", m1__c0__name="look", m4__text="So", m4__role="assistant")
    assert client.post(address, data=form).status_code == 303
    with app.app_context():
        record = entries.get(dataset_id, entry_id).record()
    assert [one.text for one in record.turns] == ["New", "Hello."] and record.turns[1].extra == {"k": [1]}
    assert record.turns[1].tool_calls == [{"type": "function", "function": {"name": "look", "arguments": "{}"}}]
    assert [one.text for one in record.trace] == [None, "12 kg", "So"]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        (
            {"m2__c0__arguments": '{"box": 8'},
            "Tool call 1 of message 4: the text of its arguments cannot be read as JSON",
        ),
        ({"m0__text": " "}, "Message 1 is empty"),
        ({"tools": "[{]"}, "The text of the tools cannot be read as JSON"),
        ({"tools": "{}"}, "The tools must be a JSON list"),
        ({"m3__role": "user"}, "Message 5 is the user’s and stands behind the question"),
        ({"m0__text": "a\x00"}, "NUL"),
    ],
)
def test_what_cannot_be_saved_comes_back_as_it_was_typed(client, app, dataset_id, changes, said):
    entry_id = chat_of(app, dataset_id)
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    form = form_of(client.get(address), answer="Long work.", **changes)
    page = client.post(address, data=form)
    assert page.status_code == 422 and said in unescape(page.text)
    again = form_of(page)
    assert again["answer"] == "Long work."
    assert all(again[name.replace("__", ".")] == text for name, text in changes.items() if "\x00" not in text)
    with app.app_context():
        assert entries.get(dataset_id, entry_id).version == 1


def test_a_conversation_is_written_anew(client, app, dataset_id):
    page = client.get(f"/datasets/{dataset_id}/pairs/new")
    page = client.post(f"/datasets/{dataset_id}/pairs", data=form_of(page, question="Q", do="turn"))
    form = form_of(page, m0__role="user", m0__text="Before", answer="A", tools='[{"name": "f"}]')
    assert client.post(f"/datasets/{dataset_id}/pairs", data=form).status_code == 303
    with app.app_context():
        record = max(entries.stream_entries(dataset_id), key=lambda one: one.id).record()
    assert record.turns == (Message("user", "Before"),) and record.extra == {"tools": [{"name": "f"}]}


def test_a_version_is_brought_back_as_one_step_that_can_be_undone(client, app, dataset_id):
    with app.app_context():
        for version, answer in ((1, "Second."), (2, "Third.")):
            pairs.save_pair(dataset_id, 1, {"answer": answer, "tags": '["x"]'}, version=version)
        number = entries.revisions_of(dataset_id, 1)[1].number
    page = client.get(f"/datasets/{dataset_id}/pairs/1").text
    assert page.count("Restore this version") == 2
    address = f"/datasets/{dataset_id}/pairs/1/versions"
    assert client.post(address, data={"number": number, "version": 2}).status_code == 409
    assert client.post(address, data={"number": 99, "version": 3}).status_code == 404
    assert client.post(address, data={"number": number, "version": 3}).status_code == 303
    with app.app_context():
        assert entries.get(dataset_id, 1).answer == "Second."
        history.undo(dataset_id)
        assert entries.get(dataset_id, 1).answer == "Third."
        first = entries.revisions_of(dataset_id, 1)[-1].number
        pairs.restore_version(dataset_id, 1, first, version=entries.get(dataset_id, 1).version)
        assert entries.get(dataset_id, 1)[:3] == ("Question 1?", "Answer 1.", None)


def test_tokens_are_counted_as_they_are_typed(client, app, dataset_id):
    found = client.post(f"/datasets/{dataset_id}/pairs/tokens", data={"question": "one two three", "answer": ""}).json
    assert found["tokens"] == {"question": 3, "answer": 0, "reasoning": 0, "system": 0} and found["exact"] is True
    page = as_shown(client.get(f"/datasets/{dataset_id}/pairs/1").text)
    assert re.search(r'data-tokens="question">\d tokens', page)


def test_the_editor_says_where_a_pair_comes_from(client, app, dataset_id):
    page = as_shown(client.get(f"/datasets/{dataset_id}/pairs/1").text)
    assert "Written by" in page
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"source": "manual.pdf"}, version=1)
    assert "document manual.pdf" in client.get(f"/datasets/{dataset_id}/pairs/1").text


def test_the_default_system_prompt_is_shown_where_a_pair_has_none(client, app, dataset_id):
    with app.app_context():
        datasets.update_dataset(dataset_id, system_prompt="Be brief.", revision=None)
    page = client.get(f"/datasets/{dataset_id}/pairs/1").text
    assert 'placeholder="Be brief."' in page and "dataset’s" in page


def test_two_versions_of_a_conversation_are_merged_by_hand(client, app, dataset_id):
    entry_id = chat_of(app, dataset_id)
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    form = form_of(client.get(address), m0__text="Mine", answer="Mine too.")
    with app.app_context():
        pairs.save_pair(dataset_id, entry_id, {"turns": None, "reasoning": "Theirs."}, version=1)
    page = client.post(address, data=form)
    assert page.status_code == 409 and "User: " in page.text and "Mine</ins>" in page.text
    merged = form_of(page)
    assert merged["m0.text"] == "Mine" and merged["answer"] == "Mine too." and merged["version"] == "2"
    page = client.post(address, data=form_of(page, do="remove:1"))
    assert client.post(address, data=form_of(page)).status_code == 303
    with app.app_context():
        record = entries.get(dataset_id, entry_id).record()
    assert record.turns == (Message("user", "Mine"),) and len(record.trace) == 2
    assert (record.answer, record.reasoning) == ("Mine too.", "Theirs.")


def test_what_was_left_alone_follows_theirs(client, app, dataset_id):
    form = fields_of(client.get(f"/datasets/{dataset_id}/pairs?pair=1"))
    with app.app_context():
        pairs.save_pair(dataset_id, 1, {"question": "Theirs?"}, version=1)
    page = client.post(f"/datasets/{dataset_id}/pairs/1", data={**form, "answer": "Mine."})
    assert page.status_code == 409 and '<label for="question">' not in page.text
    assert client.post(f"/datasets/{dataset_id}/pairs/1", data=form_of(page)).status_code == 303
    with app.app_context():
        assert entries.get(dataset_id, 1)[:2] == ("Theirs?", "Mine.")


def test_a_conversation_deleted_meanwhile_is_restored_with_what_was_typed(client, app, dataset_id):
    entry_id = chat_of(app, dataset_id)
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    form = form_of(client.get(address), m0__text="Mine")
    with app.app_context():
        history.delete(dataset_id, [entry_id])
    page = client.post(address, data=form)
    assert page.status_code == 410
    assert client.post(f"{address}/restore", data=form_of(page)).status_code == 303
    with app.app_context():
        assert entries.get(dataset_id, entry_id).record().turns[0].text == "Mine"


def add(client, dataset_id, **typed):
    sent = {"question": "How?", "answer": "So.", "status": "review", "then": "new", **typed}
    return client.post(f"/datasets/{dataset_id}/pairs", data=sent, follow_redirects=True).text


def tags_of(page):
    return re.search(r'name="tags" value="([^"]*)"', page)[1]


def test_tags_are_kept_for_the_next_pair_by_choice(app, client, dataset_id):
    assert tags_of(add(client, dataset_id, tags="refunds, cards")) == ""
    kept = add(client, dataset_id, tags="refunds, cards", keep_tags="1")
    assert tags_of(kept) == "refunds, cards" and re.search(r'name="keep_tags" value="1" checked', kept)
    assert tags_of(client.get(f"/datasets/{dataset_id}/pairs?pair=new").text) == "refunds, cards"
    with app.app_context():
        other = factories.dataset("Other")
    assert tags_of(client.get(f"/datasets/{other}/pairs?pair=new").text) == ""
    refused = client.post(
        f"/datasets/{dataset_id}/pairs", data={"question": " ", "status": "review", "tags": "x", "keep_tags": "1"}
    )
    assert refused.status_code == 422 and tags_of(refused.text) == "x" and "checked" in refused.text
    assert tags_of(add(client, dataset_id, tags="x")) == ""


def test_what_is_left_out_is_a_third_state_of_each_value_that_needs_no_script(client, app, dataset_id):
    with app.app_context():
        pairs.tag_pairs(dataset_id, Selection((1,)), add=["odd"], remove=[])
    text = client.get(f"/datasets/{dataset_id}/pairs?not_tag=odd").text
    assert ">Question 2?</b>" in text and ">Question 1?</b>" not in text and '<b class="fg num">2</b> matching' in text
    assert re.search(r'name="not_tag" value="odd"[^>]*\schecked', text) and counts_of(text)["odd"] == "1"


def test_ranges_of_length_and_tokens_are_fields_and_a_picture_with_its_words(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("A long question?", "word " * 200)], summary="Add")
    text = client.get(f"/datasets/{dataset_id}/pairs?length_from=500&length_to=").text
    assert ">A long question?</b>" in text and ">Question 2?</b>" not in text
    assert 'role="img"' in text and "Length of the pairs: from" in text and 'name="length_from" value="500"' in text
    assert client.get(f"/datasets/{dataset_id}/pairs?length_from=x").status_code == 400


@pytest.mark.parametrize("order", ["newest", "oldest", "edited", "longest", "shortest", "most-tokens", "random"])
def test_every_order_has_links_to_its_other_pages_and_to_the_pairs_beside_one(client, app, dataset_id, order):
    with app.app_context():
        history.create(dataset_id, [Record(f"more {n}", "a" * n) for n in range(60)], summary="Add")
    first = client.get(f"/datasets/{dataset_id}/pairs?size=25&order={order}&seed=4").text
    seen = re.findall(r'data-row data-id="(\d+)"', first)
    following = re.search(r'href="([^"]+)" rel="next"', first)[1].replace("&amp;", "&")
    second = client.get(following).text
    assert not {*seen} & {*re.findall(r'data-row data-id="(\d+)"', second)} and 'rel="prev"' in second
    opened = client.get(f"/datasets/{dataset_id}/pairs?size=25&order={order}&seed=4&pair={seen[3]}").text
    assert f"pair={seen[2]}" in opened and f"pair={seen[4]}" in opened


def test_how_the_list_is_shown_is_remembered_by_the_browser(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/pairs"
    with app.app_context():
        history.create(dataset_id, [Record("tab\there\u200b", "a")], summary="Add")
    before = client.get(address).text
    assert "U+200B" not in before and 'class="one-line"' in before and ">Tokens</th>" in before
    form = {"density": "full", "column": ["length", "status"], "blanks": "1"}
    assert client.post(f"{address}/shown", data=form).status_code == 303
    after = client.get(address).text
    assert "U+200B" in after and 'class="one-line"' not in after and ">Length</th>" in after
    assert ">Tokens</th>" not in after
    client.set_cookie("ltt_list", "nonsense")
    assert client.get(address).status_code == 200
    assert client.post(f"{address}/shown", data={"column": "nope"}).status_code == 400


def test_views_are_kept_by_name_and_deleted(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/pairs"
    client.post(f"{address}/views?status=review&order=longest&cursor=after:3:1", data={"name": " To  do "})
    text = client.get(address).text
    assert f'href="{address}?status=review&amp;order=longest"' in text and ">To do</a>" in text
    client.post(f"{address}/views?status=draft", data={"name": "To do"})
    text = client.get(address).text
    assert text.count(">To do</a>") == 1 and f'href="{address}?status=draft"' in text
    assert client.post(f"{address}/views", data={"name": " "}).status_code == 422
    delete = re.search(rf'action="({address}/views/\d+/delete)"', text)[1]
    assert client.post(delete).status_code == 303 and ">To do</a>" not in client.get(address).text
    assert client.post(delete).status_code == 404


def test_a_system_prompt_is_given_to_many_and_taken_off(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/pairs/actions"
    client.post(f"{address}?tag=made", data={"all": "1", "action": "system", "system": "Be kind.\r\nBe short."})
    with app.app_context():
        assert {one.system for one in entries.stream_entries(dataset_id)} == {"Be kind.\nBe short."}
    client.post(address, data={"id": ["1", "2"], "action": "no-system"})
    with app.app_context():
        assert [one.system for one in entries.stream_entries(dataset_id)] == [None, None, "Be kind.\nBe short."]
        assert history.next_undo(dataset_id).summary == "Take the system prompt off 2 pairs"
    assert client.post(address, data={"id": "1", "action": "system", "system": " "}).status_code == 422


def test_pairs_are_moved_with_all_they_have_and_each_side_is_undone(client, app, dataset_id):
    with app.app_context():
        target = factories.dataset("Target", 1)
        pairs.set_split(dataset_id, Selection((2,)), "test")
    page = client.post(
        f"/datasets/{dataset_id}/pairs/actions",
        data={"id": ["1", "2"], "action": "move", "target": target},
        follow_redirects=True,
    )
    assert "Move 2 pairs to “Target”." in as_shown(page.text) and "takes them out there" in as_shown(page.text)
    with app.app_context():
        assert [one.question for one in entries.stream_entries(dataset_id)] == ["Question 3?"]
        moved = list(entries.stream_entries(target))
        assert [(one.question, one.split, one.tag_list) for one in moved[1:]] == [
            ("Question 1?", None, ["made"]),
            ("Question 2?", "test", ["made"]),
        ]
        assert datasets.get(target).entry_count == 3 and datasets.get(dataset_id).entry_count == 1
        history.undo(dataset_id)
        history.undo(target)
        assert datasets.get(target).entry_count == 1 and datasets.get(dataset_id).entry_count == 3


def test_undo_of_a_move_takes_it_back_in_both_datasets(client, app, dataset_id):
    with app.app_context():
        target = factories.dataset("Target", 1)
    moved = client.post(
        f"/datasets/{dataset_id}/pairs/actions",
        data={"id": ["1", "2"], "action": "move", "target": target},
        follow_redirects=True,
    )

    def questions():
        with app.app_context():
            return [[one.question for one in entries.stream_entries(one_id)] for one_id in (dataset_id, target)]

    went = questions()
    undo = re.search(rf'action="(/datasets/{dataset_id}/pairs/moves/\d+/undo)"', moved.text)[1]
    page = client.post(undo, follow_redirects=True)
    assert "Undone: Move 2 pairs to “Target”." in as_shown(page.text)
    assert [len(one) for one in questions()] == [3, 1]
    redo = re.search(rf'action="(/datasets/{dataset_id}/pairs/moves/\d+/redo)"', page.text)[1]
    client.post(redo)
    assert questions() == went and [len(one) for one in went] == [1, 3]
    with app.app_context():
        last = list(entries.stream_entries(target))[-1]
        pairs.save_pair(target, last.id, {"answer": "Another one."}, version=last.version)
    page = client.post(undo, follow_redirects=True)
    assert "There, 1 pair changed since stays." in as_shown(page.text)
    assert [len(one) for one in questions()] == [3, 2]
    assert client.post(f"/datasets/{dataset_id}/pairs/moves/1/undo").status_code == 404


def test_no_more_pairs_are_changed_than_the_button_named(client, app, dataset_id):
    address, all_of = f"/datasets/{dataset_id}/pairs/actions?tag=made", {"all": "1", "action": "delete"}
    page = client.post(address, data={**all_of, "named": "2"}, follow_redirects=True)
    assert "3 pairs match now, 1 more than the button said. Nothing was changed." in as_shown(page.text)
    with app.app_context():
        assert datasets.get(dataset_id).entry_count == 3
    assert client.post(address, data={**all_of, "named": "-1"}).status_code == 400
    client.post(address, data={**all_of, "named": "4"})
    with app.app_context():
        assert datasets.get(dataset_id).entry_count == 0


def test_undo_of_one_side_of_a_move_says_that_the_other_stands(client, app, dataset_id):
    with app.app_context():
        target = factories.dataset("Target", 1)
        done = pairs.bring_pairs(dataset_id, Selection((1, 2)), target, move=True)
        here, there = done.removed.step.number, done.added.step.number

    def say(act, of_dataset):
        address = f"/datasets/{of_dataset}/history"
        return as_shown(client.post(f"{address}/{act}", follow_redirects=True).text)

    put, took = f"Step {there} of “Target”, which put them there", f"Step {here} of “Tests”, which took them away there"
    assert f"Undone: Move 2 pairs to “Target”. {put}, is not undone." in say("undo", dataset_id)
    assert "which" not in say("undo", target)
    assert f"{put}, is undone still." in say("redo", dataset_id)
    assert "which" not in say("redo", target)
    assert f"{took}, is not undone." in say("undo", target)


def test_a_moved_pair_leads_to_the_import_that_read_it(client, app, dataset_id):
    client.post(f"/datasets/{dataset_id}/paste", data={"text": "question,answer\nWhere?,Here.\n", "act": "add"})
    with app.app_context():
        target = factories.dataset("Target", 0)
        entry = max(entries.stream_entries(dataset_id), key=lambda one: one.id)
        pairs.bring_pairs(dataset_id, Selection((entry.id,)), target, move=True)
        [moved] = (one.id for one in entries.stream_entries(target))
    page = client.get(f"/datasets/{target}/pairs/{moved}").text
    link = re.search(rf'From <a href="(/datasets/{dataset_id}/imports/\d+)">', page)[1]
    assert client.get(link).status_code == 200
    with app.app_context():
        datasets.delete_dataset(dataset_id)
    assert f'href="{link}"' not in client.get(f"/datasets/{target}/pairs/{moved}").text


def test_a_script_is_answered_though_its_pair_is_gone(client, dataset_id):
    data = {"id": "1", "action": "delete"}
    said = client.post(f"/datasets/{dataset_id}/pairs/actions", data=data, headers={"Accept": "application/json"})
    assert (said.status_code, said.json["version"], said.json["text"]) == (200, None, "Delete 1 pair.")


def test_pairs_are_copied_and_undone_where_they_went(client, app, dataset_id):
    with app.app_context():
        target = factories.dataset("Target", 0)
    address = f"/datasets/{dataset_id}/pairs/actions"
    page = client.post(address, data={"id": "1", "action": "copy", "target": target}, follow_redirects=True)
    assert "Copied 1 pair to “Target”." in as_shown(page.text) and f"/datasets/{target}/history/undo" in page.text
    with app.app_context():
        assert datasets.get(target).entry_count == 1 and datasets.get(dataset_id).entry_count == 3
    assert client.post(address, data={"id": "1", "action": "copy", "target": dataset_id}).status_code == 422
    assert client.post(address, data={"id": "1", "action": "copy", "target": 99}).status_code == 404


def test_of_many_pairs_the_counts_come_after_the_list_or_by_a_link(client, app, dataset_id, monkeypatch):
    monkeypatch.setattr(lists, "AT_ONCE", 2)
    text = client.get(f"/datasets/{dataset_id}/pairs?tag=made").text
    assert ">Question 1?</b>" in text and "counting those that match" in text and 'hx-trigger="load"' in text
    link = re.search(r'<a href="([^"]+)">Show filters with counts', text)[1].replace("&amp;", "&")
    counted = client.get(link).text
    assert '<b class="fg num">3</b> matching' in counted and counts_of(counted)["made"] == "3"
    # Once they are there they follow what is written.
    client.post(f"/datasets/{dataset_id}/pairs/actions", data={"id": "1", "action": "approved"})
    assert counts_of(client.get(f"/datasets/{dataset_id}/pairs?tag=made").text)["approved"] == "1"


def _headings(text: str) -> list[str]:
    return re.findall(r'<th class="c-(\w+)[^>]*"(?! *hidden)[^>]*>', text)


def test_usual_columns_that_are_empty_everywhere_stand_away_until_they_are_chosen(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Plain").id
        history.create(dataset_id, [Record("q", "a")], summary="Add")
        [entry] = list(entries.stream_entries(dataset_id))
    address = f"/datasets/{dataset_id}/pairs"
    shown = re.search(r'name="shown" value="([^"]*)"', client.get(address).text)[1]
    assert shown == "status.tokens" and _headings(client.get(address).text) == ["status", "tokens"]
    # Another height of the rows chooses no columns.
    form = {"density": "full", "column": shown.split("."), "shown": shown}
    client.post(f"{address}/shown", data=form)
    assert 'class="one-line"' not in client.get(address).text
    with app.app_context():
        pairs.tag_pairs(dataset_id, Selection(ids=(entry.id,)), add=["new"])
    assert _headings(client.get(address).text) == ["tags", "status", "tokens"]
    client.post(f"{address}/shown", data={**form, "column": ["split", "status"]})
    assert _headings(client.get(address).text) == ["split", "status"]


def test_an_empty_list_of_tools_is_shown_as_none_and_kept(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Without").id
        history.create(dataset_id, [Record("q", "a", extra={"tools": "[]"})], summary="Add")
        [entry] = list(entries.stream_entries(dataset_id))
    text = client.get(f"/datasets/{dataset_id}/pairs/{entry.id}").text
    assert "what may be called" not in text


def test_other_columns_of_the_file_are_shown_beside_the_editor(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("More").id
        history.create(dataset_id, [Record("q", "a", extra={"Class": "<loans>", "tools": "[]"})], summary="Add")
        [entry] = list(entries.stream_entries(dataset_id))
    text = client.get(f"/datasets/{dataset_id}/pairs?pair={entry.id}").text
    assert "Beside the pair" in text and "&lt;loans&gt;" in text and ">tools</dt>" not in text


def test_a_long_conversation_is_saved_with_what_its_page_does_not_show(client, app, dataset_id):
    turns = tuple(Message("user" if at % 2 == 0 else "assistant", f"said {at}") for at in range(3000))
    with app.app_context():
        history.create(dataset_id, [Record("Q", "A", turns=turns)], summary="Add")
        entry_id = max(one.id for one in entries.stream_entries(dataset_id))
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    page = client.get(address)
    assert page.text.count("data-message ") == 31 and "2,970</b> more" in page.text
    page = client.post(address, data=form_of(page, do="first:0"))
    assert page.text.count("data-message ") == 61 and "2,940</b> more" in page.text
    assert client.post(address, data=form_of(page, m3__text="Other", m2975__text="More")).status_code == 303
    with app.app_context():
        record = entries.get(dataset_id, entry_id).record()
    assert [at for at, one in enumerate(record.turns) if one != turns[at]] == [3, 2975] and len(record.turns) == 3000


@pytest.mark.parametrize(
    ("typed", "field", "said"),
    [
        ({"question": " "}, "question", "The question is empty"),
        ({"tags": "x" * 90}, "tags", "longer than 80"),
        ({"tools": "{"}, "tools", "The text of the tools"),
        ({"tools": '[{"name": ""}]'}, "tools", "Tool 1 has no name"),
        ({"m0.text": " "}, "m0.text", "Message 1 is empty"),
        ({"m1.role": "wizard"}, "m1.role", "has the role"),
        ({"m2.role": "user"}, "m2.role", "stands behind the question"),
        ({"m2.c0.arguments": "{"}, "m2.c0.arguments", "Tool call 1 of message 4"),
        ({"m2.c0.name": ""}, "m2.c0.name", "has no name"),
    ],
)
def test_a_refusal_leads_to_the_field_and_stands_beside_it(client, app, dataset_id, typed, field, said):
    address = f"/datasets/{dataset_id}/pairs/{chat_of(app, dataset_id)}"
    page = client.post(address, data=form_of(client.get(address), **typed))
    assert page.status_code == 422
    [wrong] = re.findall(r"<(?:input|textarea|select)[^>]*aria-invalid=\"true\"[^>]*>", page.text)
    anchor = "fault" if "." in field else field
    assert f'name="{field}"' in wrong and f'id="{anchor}"' in wrong and f'href="#{anchor}"' in page.text
    assert re.search(r'aria-describedby="[^"]*fault-said"', wrong)
    [reason] = re.findall(r'<p class="err"[^>]*id="fault-said">(.*?)</p>', page.text, re.DOTALL)
    assert said in reason


def test_a_refusal_shows_the_message_that_it_is_about(client, app, dataset_id):
    turns = (Message("user", "a"), Message("assistant", "b")) * 100
    bad = Message("assistant", None, tool_calls=[{"type": "function", "function": {"name": "f", "arguments": "{}"}}])
    with app.app_context():
        record = Record("Q", "A", turns=(*turns[:100], bad, *turns[100:]))
        history.create(dataset_id, [record], summary="Add")
        entry_id = max(one.id for one in entries.stream_entries(dataset_id))
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    form = form_of(client.get(address))
    folded = next(name for name in form if name.startswith("folded."))
    form[folded] = form[folded].replace('"arguments":"{}"', '"arguments":"{"')
    page = client.post(address, data=form)
    assert page.status_code == 422 and "Tool call 1 of message 101" in page.text
    [wrong] = re.findall(r"<textarea[^>]*aria-invalid=\"true\"[^>]*>", page.text)
    assert 'name="m100.c0.arguments"' in wrong


def test_a_deleted_pair_that_is_refused_once_more_keeps_what_was_typed(client, app, dataset_id):
    address = f"/datasets/{dataset_id}/pairs/1"
    form = form_of(client.get(address), answer="My own words")
    with app.app_context():
        pairs.delete_pairs(dataset_id, Selection((1,)))
    page = client.post(address, data=form)
    assert page.status_code == 410
    page = client.post(f"{address}/restore", data=form_of(page, question=" "))
    assert page.status_code == 422 and "My own words</textarea>" in page.text
    assert 'href="#question"' in page.text


def test_two_who_edit_other_messages_of_one_conversation_lose_neither(client, app, dataset_id):
    turns = tuple(Message("user" if at % 2 == 0 else "assistant", f"said {at} " + "word " * 50) for at in range(200))
    with app.app_context():
        history.create(dataset_id, [Record("Q", "A", turns=turns)], summary="Add")
        entry_id = max(one.id for one in entries.stream_entries(dataset_id))
    address = f"/datasets/{dataset_id}/pairs/{entry_id}"
    form = form_of(client.get(address), m180__text="Mine", m181__text="Mine too")
    with app.app_context():
        theirs = (Message("user", "Theirs"), *turns[1:181], Message("assistant", "Theirs too"), *turns[182:])
        pairs.save_pair(dataset_id, entry_id, {"turns": dump_messages(theirs)}, version=1)
    page = client.post(address, data=form)
    assert page.status_code == 409
    # What differs is shown with what stands around, not the whole conversation: that is in the fields, mine and theirs.
    differs = " ".join(re.findall(r"<ins>(.*?)</ins>", page.text, re.DOTALL))
    assert all(text in differs for text in ("Theirs", "Theirs too", "Mine", "Mine too"))
    assert page.text.count("said 50 word") == 2
    assert client.post(address, data=form_of(page)).status_code == 303
    with app.app_context():
        said = [one.text for one in entries.get(dataset_id, entry_id).record().turns]
    changed = {at: text for at, text in enumerate(said) if text != turns[at].text}
    assert changed == {0: "Theirs", 180: "Mine", 181: "Mine too"}


def test_a_pair_that_no_form_can_send_says_so_before_one_types(client, app, dataset_id):
    with app.app_context():
        history.create(dataset_id, [Record("Q", "漢" * 700_000), Record("Q", "漢" * 600_000)], summary="Add")
        small, large = sorted((one.id for one in entries.stream_entries(dataset_id)), reverse=True)[:2]
    said = "larger than the 2 MB that a page may send"
    assert said in client.get(f"/datasets/{dataset_id}/pairs/{large}").text
    page = client.get(f"/datasets/{dataset_id}/pairs/{small}")
    assert said not in page.text
    sent = client.post(
        f"/datasets/{dataset_id}/pairs/{small}",
        data=form_of(page, question="Changed"),
        content_type="multipart/form-data",
    )
    assert sent.status_code == 303
