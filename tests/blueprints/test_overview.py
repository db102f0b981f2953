"""The overview: what to do before training, each finding with its pairs and its mend, and what was set aside."""

import re

import pytest
from sqlalchemy import select
from sqlalchemy.orm.attributes import flag_modified

from app.blueprints.view import short_number
from app.core.filters import Filters
from app.core.record import Record
from app.core.validation.lints import LINTS
from app.models import Check, transaction
from app.services import datasets, entries, history, pairs, validation
from tests import factories


@pytest.fixture
def page(app):
    """The address of the overview of a dataset with twelve pairs, two of them with remains of HTML."""
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        records = [Record(f"When is shop {n} open?", f"Shop {n} opens at {n}.") for n in range(10)]
        records += [Record("And the bakery?", "<p>It is <b>open</b>.</p>"), Record("And the bank?", "<p>Now.</p>")]
        history.create(dataset_id, records, summary="Add")
    return f"/datasets/{dataset_id}/"


def text_of(answer):
    assert answer.status_code == 200
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def check(client, page, *profiles):
    answer = client.post(f"{page}check", data={"profile": list(profiles) or ["plain"]}, follow_redirects=True)
    return text_of(answer)


def test_before_a_check_the_page_offers_one(client, page):
    text = text_of(client.get(page))
    assert "Check 12 pairs" in text and "Must fix" not in text and "Overview" in text


def test_without_pairs_the_page_leads_to_an_import(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Empty").id
    text = text_of(client.get(f"/datasets/{dataset_id}/"))
    assert "No pairs yet" in text and "Import a file" in text and "Check" not in text.replace("check them here", "")


def test_a_check_says_what_to_do_and_leads_there(client, page):
    text = check(client, page)
    assert "Nothing must be fixed before you train." in text and "12 of 12 pairs pass every required check." in text
    assert "Look at" in text and "Remains of HTML." in text and "Tokens per pair" in text
    html = client.get(page).get_data(as_text=True)
    assert "pairs?finding=html" in html and "clean?op=html-to-markdown" in html
    listed = text_of(client.get(f"{page}pairs?finding=html"))
    assert "2 matching pairs" in listed and "And the bakery?" in listed and "shop 3" not in listed
    assert "Remains of HTML" in listed, listed[:4000]
    assert client.get(f"{page}clean?op=html-to-markdown").status_code == 200


def test_what_must_be_fixed_is_the_first_thing_said(client, app, page):
    with app.app_context():
        dataset_id = factories.dataset("Few", count=3)
    text = check(client, f"/datasets/{dataset_id}/", "openai-sft", "azure")
    assert "Too few records: fix that before you train." in text and "Import more…" in text
    assert "Checked against OpenAI" in text and "Azure" in text


def test_the_targets_stay_chosen(client, page):
    check(client, page, "trl", "mlx")
    html = client.get(page).get_data(as_text=True)
    assert re.search(r'value="trl"\s+checked', html) and re.search(r'value="mlx"\s+checked', html)
    assert not re.search(r'value="openai-sft"\s+checked', html)


def test_changes_since_the_check_are_said(client, app, page):
    check(client, page)
    assert "of the history" not in text_of(client.get(page))
    with app.app_context():
        pairs.add_pair(int(page.split("/")[2]), "One more?", "Yes.")
    assert "1 step of the history changed up to 1 pair since." in text_of(client.get(page))


def test_a_finding_is_waived_with_a_reason_and_taken_back(client, page):
    check(client, page)
    aside = f"{page}check/aside"
    assert client.post(aside, data={"action": "waive", "code": "html", "reason": ""}).status_code == 422
    sent = {"action": "waive", "code": "html", "reason": "Our site shows <b>it</b>."}
    answer = client.post(aside, data=sent, follow_redirects=True)
    html = answer.get_data(as_text=True)
    assert "Our site shows &lt;b&gt;it&lt;/b&gt;." in html and "pairs?finding=html" not in html
    client.post(aside, data={"action": "back", "code": "html"})
    assert "pairs?finding=html" in client.get(page).get_data(as_text=True)


def test_a_lint_is_switched_off_and_a_rule_is_not(client, app, page):
    aside = f"{page}check/aside"
    assert client.post(aside, data={"action": "off", "code": "html"}).status_code == 303
    assert client.post(aside, data={"action": "off", "code": "too-few"}).status_code == 422
    assert client.post(aside, data={"action": "dance", "code": "html"}).status_code == 400
    assert "Switched off: it is not looked for." in check(client, page)


def test_no_target_is_refused_with_a_sentence(client, page):
    answer = client.post(f"{page}check", data={})
    assert answer.status_code == 422 and "No target is chosen" in answer.get_data(as_text=True)


def test_a_run_of_another_dataset_is_not_there(client, app, page):
    check(client, page)
    with app.app_context():
        other = factories.dataset("Other")
        assert validation.view_check(other) is None
    assert client.get(f"/datasets/{other}/check/1").status_code == 404


def test_the_overview_shows_splits_with_leaks_and_duplicates(client, app, page):
    dataset_id = int(page.split("/")[2])
    client.post(f"{page}splits", data={"asked": "1", "train": "80", "validation": "10", "test": "10", "seed": "1"})
    client.post(f"/datasets/{dataset_id}/duplicates/scan", data={})
    text = check(client, page)
    assert "Splits" in text and "Train," in text


def test_an_edit_is_followed_by_a_recheck_of_that_pair(client, app, page):
    check(client, page)
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        entry = next(one for one in entries.stream_entries(dataset_id) if "bank" in one.question)
        pairs.save_pair(dataset_id, entry.id, {"answer": "Now."}, version=entry.version)
    assert "Recheck 1 edited pair" in text_of(client.get(page))
    text = text_of(client.post(f"{page}check/edited", follow_redirects=True))
    assert "Checked 1 pair again." in text and "Follows 1 edit since the last full check" in text
    assert "1 matching pair" in text_of(client.get(f"{page}pairs?finding=html"))
    with app.app_context():
        pairs.add_pair(dataset_id, "One more?", "Yes.")
    assert "Recheck" not in text_of(client.get(page))
    assert client.post(f"{page}check/edited").status_code == 409


def test_the_editor_says_what_was_found_in_its_pair_until_that_is_rewritten_or_waived(client, app, page):
    check(client, page)
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        ids = [one.id for one in entries.stream_entries(dataset_id)]
        said = [one.message for one in validation.findings_in(dataset_id, ids[-1:])[ids[-1]]]
        assert len(said) == 1 and validation.findings_in(dataset_id, ids[:1]) == {}
    assert "Found by the last check" in text_of(client.get(f"{page}pairs?pair={ids[-1]}"))
    assert "Found by the last check" not in text_of(client.get(f"{page}pairs?pair={ids[0]}"))
    with app.app_context():
        validation.waive_finding(dataset_id, "html", "On purpose.")
        assert validation.findings_in(dataset_id, ids[-1:]) == {}
        validation.take_back(dataset_id, "html")
        entry = entries.get(dataset_id, ids[-1])
        pairs.save_pair(dataset_id, entry.id, {"answer": "Now, please."}, version=entry.version)
        assert validation.findings_in(dataset_id, ids[-1:]) == {}


def test_the_page_says_what_the_pairs_are(client, page):
    text = check(client, page)
    assert "What the pairs are" in text and "Free text" in text and "1 question 12 100%" in text
    html = client.get(page).get_data(as_text=True)
    assert 'role="img" aria-label="Half of them have up to' in " ".join(html.split()) and "The longest pairs" in html


def test_pairs_over_the_limit_of_the_model_are_listed_with_their_addresses(client, app, page):
    with app.app_context():
        dataset_id = factories.dataset("Long", count=0)
        history.create(dataset_id, [Record("Why?", "For it is so. " * n) for n in (1, 2_000, 3_000)], summary="Add")
        longest = entries.list_page(dataset_id, Filters()).entries[0].id
    page = f"/datasets/{dataset_id}/"
    check(client, page, "openai-sft")
    answer = client.post(
        f"{page}cost", data={"profile": "openai-sft", "model": "gpt-3.5-turbo-0613"}, follow_redirects=True
    )
    text = text_of(answer)
    assert "2 pairs over the limit of 4,096 for gpt-3.5-turbo-0613" in text
    assert f"pairs?pair={longest}" in answer.get_data(as_text=True)


def test_a_cost_is_shown_once_somebody_says_the_price(client, app, page):
    text = check(client, page, "openai-sft")
    assert "No price is known for gpt-4o" in text and "3 × 12 is less than 100: min(25, 100 ÷ 12) = 8" in text
    said = {"profile": "openai-sft", "model": "gpt-4o", "price": "25", "currency": "eur", "epochs": ""}
    text = text_of(client.post(f"{page}cost", data=said, follow_redirects=True))
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        billed = validation.view_check(dataset_id).summary["profiles"]["openai-sft"]["tokens"]["billed"]
    assert f"{billed:,} tokens × 8 × 25 EUR ÷ 1,000,000 = {billed * 8 * 25 / 1e6:,.2f} EUR" in text
    assert f"Training cost {billed * 8 * 25 / 1e6:,.2f} EUR, 8 epochs at 25 / 1 M" in text
    said |= {"epochs": "2", "price": ""}
    text = text_of(client.post(f"{page}cost", data=said, follow_redirects=True))
    assert "2 epochs as you chose" in text and "No price is known" in text


def test_a_price_holds_for_the_model_in_every_dataset(client, app, page):
    check(client, page, "openai-sft")
    client.post(f"{page}cost", data={"profile": "openai-sft", "model": "gpt-4o", "price": "25", "currency": "EUR"})
    with app.app_context():
        other = f"/datasets/{factories.dataset('Other', count=3)}/"
    assert "25 EUR" in check(client, other, "openai-sft")


@pytest.mark.parametrize(
    "said",
    [{"price": "cheap"}, {"price": "1,000"}, {"currency": "euro"}, {"epochs": "0"}, {"epochs": "ten"}, {"profile": "no"},
     {"model": "m" * 201}],
)  # fmt: skip
def test_what_is_no_price_is_refused_with_a_sentence(client, page, said):
    answer = client.post(f"{page}cost", data={"profile": "openai-sft", "model": "gpt-4o", **said})
    assert answer.status_code in (400, 422) and "Something went wrong" not in answer.get_data(as_text=True)


def test_a_fix_opens_the_preview_with_just_its_pairs_and_does_it_there(client, page):
    check(client, page)
    html = client.get(page).get_data(as_text=True)
    assert "Convert 2 pairs…" in html
    [address] = re.findall(r'href="(/datasets/\d+/clean\?[^"]+finding=html[^"]*)"', html)
    preview = text_of(client.get(address.replace("&amp;", "&")))
    assert "2 matching pairs" in preview or "the 2 filtered pairs" in preview
    assert "Change 2 pairs" in preview


def test_what_is_fixed_at_once_is_told_with_undo(client, app, page):
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        history.create(dataset_id, [Record("When is shop 1 open?", "Shop 1 opens at 1.")], summary="Add")
    assert "Delete 1 repeat" in check(client, page)
    answer = client.post(f"{page}check/fix", data={"code": "repeated-row"}, follow_redirects=True)
    text = text_of(answer)
    assert "Delete 1 pair" in text and "Undo" in text and "Delete 1 repeat" not in text
    assert "12 of 12 pairs pass" in text and "of the history changed" not in text
    assert client.post(f"{page}check/fix", data={"code": "repeated-row"}).status_code == 404


def test_what_is_written_by_hand_opens_the_first_pair(client, app, page):
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        history.create(dataset_id, [Record("Is it open?", "It is \ufffdpen at nine.")], summary="Add")
    assert "Edit 1 pair" in check(client, page)
    answer = client.get(f"{page}pairs?finding=lost-character&pair=first", follow_redirects=True)
    assert "Is it open?" in text_of(answer) and "Save" in answer.text
    nothing = client.get(f"{page}pairs?finding=html&q=zzz&pair=first", follow_redirects=True)
    assert nothing.status_code == 200


def test_the_menu_counts_what_must_be_fixed(client, app, page):
    dataset_id = int(page.split("/")[2])
    check(client, page, "bedrock-nova")
    assert "to fix" not in text_of(client.get(f"{page}history"))
    with app.app_context():
        history.create(dataset_id, [Record("And now?", "User: hello"), Record("Or?", "User: bye")], summary="Add")
    check(client, page, "bedrock-nova")
    assert "2 to fix" in text_of(client.get(f"{page}history"))
    client.post(f"{page}check/aside", data={"action": "waive", "code": "banned-words", "reason": "Meant so."})
    assert "to fix" not in text_of(client.get(f"{page}history"))


def test_conflicts_and_duplicates_of_the_last_search_stand_among_the_findings(client, app, page):
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        records = [Record("When does the market open?", "At nine."), Record("When does the market open?", "At ten.")]
        history.create(dataset_id, records, summary="Add")
    client.post(f"/datasets/{dataset_id}/duplicates/scan", data={})
    text = check(client, page)
    assert "Conflicting answers. 1 question with two or more answers" in text and "Resolve 1 question" in text


def test_leaks_are_moved_together_from_the_overview(client, app, page):
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        same = [Record("Where is the harbour office?", "On the pier.", source="a.md") for _ in range(2)]
        for record, split in zip(same, ("train", "test"), strict=True):
            history.create(dataset_id, [record], summary="Add", split=split)
    client.post(f"/datasets/{dataset_id}/duplicates/scan", data={})
    assert "On both sides of the split" in check(client, page)
    html = client.get(page).get_data(as_text=True)
    assert f'action="/datasets/{dataset_id}/splits/move"' in html and "Move 1 together" in html
    sent = {"code": "leaks", "back": page}
    asked = text_of(client.post(f"/datasets/{dataset_id}/splits/move", data=sent, follow_redirects=True))
    assert "Test 1 pair, becomes 0" in asked and "Nothing was moved yet" in asked
    sent["sure"] = "1"
    text = text_of(client.post(f"/datasets/{dataset_id}/splits/move", data=sent, follow_redirects=True))
    assert "Nothing must be fixed" in text and "Undo" in text and "On both sides of the split" not in text
    client.post(f"{page}check/edited")
    assert "Whether anything stands on both sides" in text_of(client.get(page))
    assert "Nothing stands on both sides. Validation and test are empty." in check(client, page)
    with app.app_context():
        others = [Record(f"Who is {name}?", "Nobody.", source="a.md") for name in ("Ada", "Bo")]
        for record, split in zip(others, ("validation", "test"), strict=True):
            history.create(dataset_id, [record], summary="Add", split=split)
    text = check(client, page)
    assert "1 document has pairs in several splits" in text and "On both sides of the split" not in text


def test_lints_are_chosen_and_the_choice_counts_from_the_next_check_on(client, page):
    check(client, page)
    html = client.get(page).get_data(as_text=True)
    every = re.findall(r'name="lint" value="([a-z-]+)"\s+checked', html)
    assert "html" in every and len(every) == len(LINTS)
    sent = {"lint": [code for code in every if code != "html"]}
    assert "Check again" in text_of(client.post(f"{page}check/lints", data=sent, follow_redirects=True))
    text = check(client, page)
    assert "Remains of HTML. Tags" not in text and f"{len(LINTS) - 1} of {len(LINTS)} on" in text
    assert client.post(f"{page}check/lints", data={"lint": "nobody"}).status_code == 422


def test_what_found_nothing_is_counted(client, page):
    [number] = re.findall(r"(\d+) other checks found nothing", check(client, page))
    check(client, page, "plain", "openai-sft")
    [more] = re.findall(r"(\d+) other checks found nothing", text_of(client.get(page)))
    assert 20 < int(number) < int(more)


def test_the_strip_says_how_the_pairs_stand_with_the_way_to_them(client, app, page):
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        listed = iter(entries.list_page(dataset_id, Filters()).entries)
        for status in ("rejected", "approved", "draft"):
            entry = next(listed)
            pairs.save_pair(dataset_id, entry.id, {"status": status}, version=entry.version)
    text = text_of(client.get(page))
    assert "Pairs 12 1 draft , 1 rejected Approved 1 8.3% approved , 9 to review" in text and "Tokens" not in text
    text = check(client, page)
    assert "Longest pair" in text and "Training cost not known Enter price and epochs" in text
    html = client.get(page).get_data(as_text=True)
    assert all(f"pairs?status={status}" in html for status in ("rejected", "approved", "draft", "review"))


def test_large_numbers_are_written_in_millions():
    assert [short_number(one) for one in (0, 999_999, 1_940_000, 12_345_678_901)] == [
        "0", "999,999", "1.94 M", "12,345.68 M",
    ]  # fmt: skip


def test_a_check_of_an_earlier_version_shows_what_it_has(client, app, page):
    check(client, page, "openai-sft")
    with app.app_context(), transaction() as session:
        kept = session.execute(select(Check)).scalar_one()
        summary = {name: value for name, value in kept.summary.items() if name != "stats"}
        for one in summary["profiles"].values():
            del one["tokens"]["billed"], one["spread"]["longest"], one["spread"]["models"]
        kept.summary = summary
        flag_modified(kept, "summary")
    text = text_of(client.get(page))
    assert "Tokens per pair" in text and "What the pairs are" not in text and "Epochs and cost" not in text
    assert "Check 12 pairs" in text_of(client.get(f"{page}advice"))


def test_all_safe_fixes_are_seen_before_and_made_by_one_button(client, app, page):
    text = check(client, page)
    assert "at once…" in text and "Nobody looked for duplicates" in text
    shown = client.get(f"{page}check/fixes")
    assert "Remains of HTML" in text_of(shown) and "Nothing was changed yet" in text_of(shown)
    with app.app_context():
        dataset_id = int(page.split("/")[2])
        number, plan = history.newest_number(dataset_id), validation.plan_fixes(dataset_id)
    assert f"Fix {plan.total} pair" in text_of(shown)
    assert client.get(f"{page}check/fixes?code=nonsense").status_code == 422
    # A form with no tick changes nothing: it sends its hidden field alone.
    assert '<input type="hidden" name="code" value="">' in shown.text
    assert "Nothing is ticked." in text_of(client.get(f"{page}check/fixes?code="))
    client.post(f"{page}check/fixes", data={"code": [""]})
    with app.app_context():
        assert history.newest_number(dataset_id) == number
    answer = client.post(f"{page}check/fixes", data={"code": list(plan.pairs)}, follow_redirects=True)
    assert "Fix what the check found" in text_of(answer)
    with app.app_context():
        assert history.newest_number(dataset_id) == number + 1 and validation.plan_fixes(dataset_id).total == 0
    assert "Nothing to fix at once" in client.get(f"{page}check/fixes").text


def test_a_fix_that_would_empty_an_answer_says_so(client, app):
    with app.app_context():
        dataset_id = factories.dataset("Empty", count=0)
        history.create(dataset_id, [Record("How heavy is box A7?", "I hope this helps!")], summary="Add")
    check(client, f"/datasets/{dataset_id}/", "openai-sft")
    shown = text_of(client.get(f"/datasets/{dataset_id}/check/fixes"))
    assert "Nothing changes: these pairs would lose their whole answer" in shown and "Ctrl" not in shown


def test_a_waiver_that_finds_nothing_is_listed_and_taken_back(client, page):
    sent = {"action": "waive", "code": "secret", "reason": "They are examples."}
    client.post(f"{page}check/aside", data=sent)
    text = check(client, page)
    assert "They are examples. The last check found nothing by it." in text
    client.post(f"{page}check/aside", data={"action": "back", "code": "secret"})
    assert "They are examples." not in text_of(client.get(page))


def test_programs_fix_all_at_once_or_try_it(client, page):
    check(client, page)
    address = f"/api/v1{page}findings/fix"
    tried = client.post(address, json={"dry_run": True}).json
    assert tried["pairs"] == sum(tried["fixes"].values()) > 0 and "change_set" not in tried
    done = client.post(address, json={}).json
    assert done["fixes"] == tried["fixes"] and done["changed"] == tried["pairs"] and done["change_set"]
    assert client.post(address, json={"codes": ["refusal"]}).status_code == 422


def test_after_one_approval_the_findings_stay_and_the_page_leads_to_the_review(client, app, page):
    check(client, page, "openai-sft")
    dataset_id = int(page.split("/")[2])
    with app.app_context():
        first = min(one.id for one in entries.stream_entries(dataset_id))
        pairs.set_status(dataset_id, pairs.Selection((first,)), "approved")
    for text in (text_of(client.get(page)), check(client, page, "openai-sft")):
        assert "Nothing must be fixed before you train. 12 of 12 pairs pass every required check." in text
        assert "an export takes the approved ones alone, 1 so far" in text and "Remains of HTML." in text
        assert "Too few approved pairs." in text and "Review 11 pairs" in text and "of the history changed" not in text
        assert "Nothing must be fixed, 2 can be" in text and "Fix 2 pairs at once" in text
    with app.app_context():
        pairs.set_status(dataset_id, pairs.Selection(filters=Filters()), "approved")
    text = text_of(client.get(page))
    assert "Too few" not in text and "to fix" not in text and "Nothing must be fixed before you train." in text


def test_fixing_all_shows_the_changed_place_on_both_sides_and_ten_pairs(client, app):
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        start = "It opens at nine and closes at six on most days of the week. " * 20
        records = [Record(f"When is shop {n} open?", f"{start}<b>Shop {n}</b> is shut.") for n in range(15)]
        history.create(dataset_id, records, summary="Add")
    page = f"/datasets/{dataset_id}/"
    check(client, page)
    shown = client.get(f"{page}check/fixes").text
    assert "10 of 15 pairs" in " ".join(shown.split())
    for piece in re.findall(r'<article class="versus".*?</article>', shown, re.S):
        before, after = piece.split("Becomes")
        assert "is shut" in before and "is shut" in after and len(before) < 1500
