"""Importing: every row is accounted for, and nothing half-done is ever visible."""

import io
import json
import sqlite3
from contextlib import closing

import pytest
import xlsxwriter

from app.core.errors import Conflict, Gone, Invalid, NotFound, TooLarge, WrongKind
from app.core.record import Record
from app.core.stored import content_hash, content_of
from app.models import ChangeSet, Entry, Import, Job, QuarantinedRow, db, transaction
from app.services import datasets, entries, export, history, imports, jobs, pairs, tasks, uploads, work
from app.services.imports import Settings, building, quarantine, reporting, running


def upload(content, name="faq.csv"):
    data = content if isinstance(content, bytes) else content.encode()
    return uploads.save(io.BytesIO(data).read, name)


def bring(dataset_id, content, name="faq.csv", **settings):
    """Take in and run; returns the import as it ended."""
    told = Settings(**settings)
    row = imports.add(dataset_id, upload(content, name), told)
    imports.enqueue(row.id, told)
    imports.run(row.id)
    return imports.get(row.id)


def stored(dataset_id):
    return list(entries.stream_entries(dataset_id))


def counts(row):
    assert row.rows_in == row.imported + row.skipped + row.quarantined
    return row.imported, row.skipped, row.quarantined


def jsonl(*rows):
    return "".join(json.dumps(row) + "\n" for row in rows)


CSV = "question,answer,team\nHow?,So.,a\nWhy?,Because.,b\n"


def test_a_table_comes_in_with_its_other_columns(dataset_id):
    row = bring(dataset_id, CSV)
    assert counts(row) == (2, 0, 0) and row.state == "done"
    first, second = stored(dataset_id)
    assert (first.question, first.answer, first.extra) == ("How?", "So.", '{"team":"a"}')
    assert (first.status, second.question) == ("review", "Why?")
    assert datasets.get(dataset_id).counts == {"review": 2}


def test_the_import_is_one_step_that_can_be_undone(dataset_id):
    before = datasets.compute_digest(dataset_id)
    bring(dataset_id, CSV)
    assert [step.summary for step in history.steps(dataset_id)] == ["Import 2 pairs from faq.csv"]
    history.undo(dataset_id)
    assert datasets.compute_digest(dataset_id) == before and datasets.get(dataset_id).entry_count == 0


def test_entries_know_their_file_row_and_hash(dataset_id):
    row = bring(dataset_id, CSV)
    found = db.session.query(Entry).order_by(Entry.id).all()
    assert [(e.import_id, e.source_row) for e in found] == [(row.id, 1), (row.id, 2)]
    hashes = [e.content_hash for e in found]
    with transaction():
        for entry in found:
            entry.content_hash = None
    history.rehash(dataset_id)
    assert [e.content_hash for e in db.session.query(Entry).order_by(Entry.id)] == hashes


def test_bad_rows_are_kept_and_good_ones_come_in(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nNo answer,\n,Nothing asked\n")
    assert counts(row) == (1, 0, 2)
    bad = quarantine.list_open(row.id)
    assert [(b.row, b.line, b.code) for b in bad] == [(2, 3, "blank_answer"), (3, 4, "blank_question")]
    assert bad[0].raw == "No answer,\n" and bad[0].reason == "Row 2 (line 3): The answer is empty."


def test_one_bad_line_of_a_thousand(dataset_id):
    lines = [json.dumps({"question": f"q{n}", "answer": "a"}) for n in range(1000)]
    lines[499] = '{"question": "broken'
    row = bring(dataset_id, "\n".join(lines), "d.jsonl")
    assert counts(row) == (999, 0, 1)
    assert quarantine.list_open(row.id)[0].line == 500


def test_strict_imports_nothing_if_any_row_is_bad(dataset_id):
    with pytest.raises(Invalid, match="Nothing was imported: 1 of 2 rows") as caught:
        bring(dataset_id, "question,answer\nHow?,So.\nNo answer,\n", strict=True)
    assert caught.value.code == "strict"
    row = db.session.query(Import).one()
    assert (row.state, counts(row), quarantine.count_open(row.id)) == ("failed", (0, 1, 1), 1)
    nothing_is_left(dataset_id)


def test_a_file_of_bad_rows_only_is_refused_with_the_first_reason(dataset_id):
    with pytest.raises(Invalid, match=r"None of the 2 rows could be imported\. Row 1 \(line 2\): The answer is empty"):
        bring(dataset_id, "question,answer\na,\nb,\n")
    nothing_is_left(dataset_id)
    assert quarantine.count_open(db.session.query(Import).one().id) == 2


def test_a_file_in_which_nothing_can_be_read_is_refused_with_the_first_reason(dataset_id):
    with pytest.raises(Invalid, match=r"None of the first 2 rows can be read\. .*ine 1"):
        bring(dataset_id, "{'question': 'a'}\n{'question': 'b'}\n", "d.jsonl")
    assert db.session.query(Import).count() == 0


def nothing_is_left(dataset_id):
    assert stored(dataset_id) == [] and datasets.get(dataset_id).counts == {}
    assert db.session.query(Entry).count() == 0
    assert db.session.query(ChangeSet).filter_by(state="staging").count() == 0


@pytest.mark.parametrize("content", ["", "\ufeff", "\n\n", "question,answer\n", "[]"])
def test_files_without_rows_are_refused(dataset_id, content):
    with pytest.raises(Invalid, match=r"rows|empty|records"):
        bring(dataset_id, content)
    assert db.session.query(Import).count() == 0 or db.session.query(Import).one().state == "failed"


def test_a_picture_is_refused_by_what_it_is(dataset_id):
    with pytest.raises(WrongKind, match="PNG"):
        bring(dataset_id, b"\x89PNG\r\n\x1a\n" + b"\x00" * 100)
    assert list(uploads.folder().iterdir()) == []


def test_unclear_columns_must_be_named(dataset_id):
    content = "utterance,intent\nI cannot pay,pay\nWhere is it,track\n"
    with pytest.raises(Invalid) as caught:
        bring(dataset_id, content)
    assert caught.value.code == "choose_mapping" and caught.value.details["columns"] == ["utterance", "intent"]
    row = bring(dataset_id, content, mapping={"question": "utterance", "answer": "intent"})
    assert counts(row) == (2, 0, 0)


def test_a_mapping_to_a_missing_column_is_refused(dataset_id):
    with pytest.raises(Invalid, match="no column “nope”"):
        bring(dataset_id, CSV, mapping={"question": "nope", "answer": "answer"})


def test_a_mapping_is_remembered_for_files_with_the_same_columns(dataset_id):
    bring(dataset_id, "utterance,intent\na,b\n", mapping={"question": "utterance", "answer": "intent"})
    found = imports.detect(upload("utterance,intent\nc,d\n"), Settings())
    assert found.remembered and found.mapping == {"question": "utterance", "answer": "intent"}
    assert found.warnings == ()


def test_a_mapping_that_is_not_to_be_remembered_is_not(dataset_id):
    bring(dataset_id, "utterance,intent\na,b\n", mapping={"question": "utterance", "answer": "intent"}, remember=False)
    assert imports.add(dataset_id, upload("utterance,intent\nc,d\n")).detected["confidence"] == "ask"


def test_columns_can_be_left_out(dataset_id):
    bring(dataset_id, CSV, skip=("team",))
    assert stored(dataset_id)[0].extra is None


def test_exact_duplicates_are_skipped_in_the_file_and_against_the_dataset(dataset_id):
    history.create(dataset_id, [Record("How?", "So.")], summary="Add")
    row = bring(dataset_id, "question,answer\nHow?,So.\nhow?,So.\nNew?,Yes.\nNew?,Yes.\n", on_duplicate="skip")
    assert counts(row) == (2, 2, 0)
    assert [entry.question for entry in stored(dataset_id)] == ["How?", "how?", "New?"]


def test_duplicates_across_chunks_are_skipped(dataset_id, monkeypatch):
    monkeypatch.setattr(building, "CHUNK", 2)
    content = "question,answer\n" + "a,1\nb,2\nc,3\n" * 3
    assert counts(bring(dataset_id, content, on_duplicate="skip")) == (3, 6, 0)


def test_deleted_pairs_are_no_reason_to_skip(dataset_id):
    history.create(dataset_id, [Record("How?", "So.")], summary="Add")
    history.undo(dataset_id)
    assert counts(bring(dataset_id, "question,answer\nHow?,So.\n", on_duplicate="skip")) == (1, 0, 0)


def test_duplicates_are_kept_unless_told_otherwise(dataset_id):
    assert counts(bring(dataset_id, "question,answer\nHow?,So.\nHow?,So.\n")) == (2, 0, 0)


def test_update_by_id_changes_what_the_file_carries_in_one_step(dataset_id):
    history.create(dataset_id, [Record("Q1", "A1\r\nx", tags=("t",)), Record("Q2", "A2", system="S")], summary="Add")
    first, second = (entry.id for entry in stored(dataset_id))
    table = f'id,question,answer\n{first},Q1,"A1\nx"\n{second},Q2,better\n,New?,Yes.\n999,Q,A\n{second},Q2,twice\n'
    row = bring(dataset_id, table, on_duplicate="update")
    assert counts(row) == (2, 1, 2) and row.updated == 1
    texts = [(e.question, e.answer, e.system, e.tags) for e in stored(dataset_id)]
    assert texts == [("Q1", "A1\r\nx", None, '["t"]'), ("Q2", "better", "S", None), ("New?", "Yes.", None, None)]
    assert [b.code for b in quarantine.list_open(row.id)] == ["unknown_id", "repeated_id"]
    assert history.steps(dataset_id)[0].summary == "Update 1 pair from faq.csv and import 1 pair"
    history.undo(dataset_id)
    assert [(e.question, e.answer) for e in stored(dataset_id)] == [("Q1", "A1\r\nx"), ("Q2", "A2")]


def test_update_leaves_a_pair_alone_that_was_edited_meanwhile(dataset_id, monkeypatch):
    history.create(dataset_id, [Record("Q", "A")], summary="Add")
    entry = stored(dataset_id)[0]
    publish = history.publish

    def edit_first(*args, **kwargs):
        pairs.save_pair(dataset_id, entry.id, {"answer": "by hand"}, version=1)
        return publish(*args, **kwargs)

    monkeypatch.setattr(history, "publish", edit_first)
    row = bring(dataset_id, f"id,question,answer\n{entry.id},Q,from file\n", on_duplicate="update")
    assert counts(row) == (0, 1, 0) and stored(dataset_id)[0].answer == "by hand"


def test_our_own_table_brings_status_and_split_back(dataset_id):
    table = "id,question,answer,status,split\n1,q,a,approved,train\n2,q2,a2,open,\n"
    bring(dataset_id, table, mapping={n: n for n in ("question", "answer", "status", "split")})
    first, second = stored(dataset_id)
    assert (first.status, first.split, first.extra) == ("approved", "train", '{"id":"1"}')
    assert (second.status, second.split) == ("review", None) and "open" in second.extra


THINKING = "<think>\nr\n</think>\n\na"


def test_reasoning_in_answers_stays_unless_it_is_lifted(dataset_id):
    chat = jsonl({"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": THINKING}]})
    row = bring(dataset_id, chat, "chat.jsonl")
    assert row.detected["thinks"]
    bring(dataset_id, chat, "chat.jsonl", lift_thinking=True)
    assert [(one.answer, one.reasoning) for one in stored(dataset_id)] == [(THINKING, None), ("a", "r")]


def test_a_column_of_reasoning_is_the_field_and_is_updated_by_id(dataset_id):
    bring(dataset_id, "question,answer,thinking\nq,a,r\nq2,a2,\n")
    first, second = stored(dataset_id)
    assert (first.reasoning, first.extra, second.reasoning) == ("r", None, None)
    table = f"id,question,answer,reasoning\n{first.id},q,a,\n{second.id},q2,a2,R\n"
    bring(dataset_id, table, on_duplicate="update")
    assert [one.reasoning for one in stored(dataset_id)] == [None, "R"]


def test_system_prompt_and_tags_for_all(dataset_id):
    bring(dataset_id, CSV, system="Be kind.", tags=("nov", "faq"))
    assert [(e.system, e.tag_list) for e in stored(dataset_id)] == [("Be kind.", ["nov", "faq"])] * 2


def test_the_database_of_the_older_tool_is_recognised_and_its_html_offered_as_markdown(dataset_id, tmp_path):
    path = tmp_path / "old.db"
    with closing(sqlite3.connect(path)) as old:
        old.execute("CREATE TABLE messages (id INTEGER PRIMARY KEY, question TEXT, answer TEXT)")
        old.execute("INSERT INTO messages VALUES (1, 'How?', '<p>So <b>it</b> is.</p>')")
        old.commit()
    row = imports.add(dataset_id, upload(path.read_bytes(), "database.db"))
    assert row.detected["legacy"] and row.detected["html"] and row.detected["confidence"] == "sure"
    as_it_is = imports.preview(dataset_id, imports.upload_of(row), Settings())
    converted = imports.preview(dataset_id, imports.upload_of(row), Settings(html_to_markdown=True))
    answers = [seen.lines[0].record.answer for seen in (as_it_is, converted)]
    assert answers == ["<p>So <b>it</b> is.</p>", "So **it** is."]


def test_unanswered_rows_come_in_as_drafts_when_allowed(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n", allow_unanswered=True)
    assert counts(row) == (2, 0, 0) and [e.status for e in stored(dataset_id)] == ["review", "draft"]


@pytest.mark.parametrize(
    ("row", "code"),
    [
        ({"question": "a\x00b", "answer": "c"}, "nul"),
        ({"question": "a", "answer": "c", "note": "x\x00"}, "nul"),
        ({"question": "a", "answer": "half \ud83d"}, "lone_surrogate"),
    ],
)
def test_text_that_no_database_keeps_is_quarantined(dataset_id, row, code):
    content = '{"question": "ok", "answer": "ok \\\\u0000"}\n' + json.dumps(row) + "\n"
    done = bring(dataset_id, content, "d.jsonl")
    assert counts(done) == (1, 0, 1)
    [bad] = quarantine.list_open(done.id)
    assert code in bad.code or "invalid" in bad.code or "json" in bad.code
    assert "\x00" not in bad.raw


def test_tool_calls_and_turns_survive(dataset_id):
    messages = [
        {"role": "system", "content": "S"},
        {"role": "user", "content": "first"},
        {"role": "assistant", "content": "one"},
        {"role": "user", "content": "second"},
        {"role": "assistant", "content": "two"},
    ]
    bring(dataset_id, jsonl({"messages": messages}), "chat.jsonl")
    [entry] = stored(dataset_id)
    assert (entry.system, entry.question, entry.answer) == ("S", "second", "two")
    assert [turn.text for turn in entry.record().turns] == ["first", "one"]


def test_the_blns_blanks_are_quarantined_and_all_else_survives(dataset_id):
    texts = [
        "",
        " ",
        "undefined",
        "ÅÍÎÏ",
        "\u202etest",
        "<script>alert(1)</script>",
        "' OR 1=1",
        "田中さん",
        "\u200btext",
    ]
    row = bring(dataset_id, jsonl(*({"question": "q", "answer": text} for text in texts)), "blns.jsonl")
    assert counts(row) == (7, 0, 2) and [e.answer for e in stored(dataset_id)] == texts[2:]


def test_two_runs_of_one_import_keep_one(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    imports.enqueue(row.id, Settings())
    imports.run(row.id)
    with pytest.raises(Conflict):
        imports.enqueue(row.id, Settings())
    assert len(stored(dataset_id)) == 2


# Cancelling, failing and dying


def interrupted(dataset_id, monkeypatch, at):
    """An import whose process dies after ``at`` chunks."""
    monkeypatch.setattr(building, "QUICK_CHARACTERS", 50)
    monkeypatch.setattr(work, "LONGEST_SECONDS", 0)
    row = imports.add(dataset_id, upload("question,answer\n" + "".join(f"q{n},a\n" for n in range(100))))
    job = imports.enqueue(row.id, Settings())

    class Dying(jobs.Unwatched):
        calls = 0

        def progress(self, done, total=None, message=""):
            Dying.calls += 1
            if Dying.calls == at:
                raise SystemExit

    with pytest.raises(SystemExit):
        imports.run(row.id, Dying())
    return row.id, job.id


def test_a_cancelled_import_leaves_nothing(dataset_id, monkeypatch):
    monkeypatch.setattr(building, "QUICK_CHARACTERS", 50)
    monkeypatch.setattr(work, "LONGEST_SECONDS", 0)
    monkeypatch.setattr("app.services.running.REPORT_SECONDS", 0)
    row = imports.add(dataset_id, upload("question,answer\n" + "".join(f"q{n},a\n" for n in range(100)) + "x,\n"))
    job = imports.enqueue(row.id, Settings())
    add = running.Tally.add

    def stop_at_half(tally, part):
        add(tally, part)
        if tally.new >= 50:
            jobs.cancel(job.id)

    monkeypatch.setattr(running.Tally, "add", stop_at_half)
    with pytest.raises(jobs.Cancelled):
        tasks.run_now(job.id)
    assert (jobs.get(job.id).state, imports.get(row.id).state) == ("cancelled", "cancelled")
    assert db.session.query(QuarantinedRow).count() == 0
    nothing_is_left(dataset_id)


def test_what_a_dead_import_left_is_swept(dataset_id, monkeypatch):
    import_id, job_id = interrupted(dataset_id, monkeypatch, 5)
    assert db.session.query(Entry).count() == 34 and stored(dataset_id) == []
    imports.give_up_dead()
    assert work.sweep() == 0
    with transaction():
        jobs.get(job_id).state = "interrupted"
    imports.give_up_dead()
    assert work.sweep() == 34
    assert imports.get(import_id).state == "failed" and "ended while" in imports.get(import_id).message
    nothing_is_left(dataset_id)


def test_an_interrupted_import_can_be_retried(dataset_id, monkeypatch):
    import_id, job_id = interrupted(dataset_id, monkeypatch, 5)
    with transaction():
        jobs.get(job_id).state = "interrupted"
    jobs.retry(job_id)
    assert tasks.run_now(job_id).state == "done"
    assert counts(imports.get(import_id)) == (100, 0, 0) and len(stored(dataset_id)) == 100
    assert db.session.query(Entry).count() == 100


def test_a_run_that_was_overtaken_publishes_nothing(dataset_id, monkeypatch):
    row = imports.add(dataset_id, upload(CSV))
    imports.enqueue(row.id, Settings())
    sort = running.Sorter.sort_built

    def overtaken(*args):
        monkeypatch.setattr(running.Sorter, "sort_built", sort)
        imports.run(row.id)
        return sort(*args)

    monkeypatch.setattr(running.Sorter, "sort_built", overtaken)
    with pytest.raises(Conflict):
        imports.run(row.id)
    assert len(stored(dataset_id)) == 2 and imports.get(row.id).state == "done"


def test_publishing_makes_import_and_job_done_at_once(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    job = tasks.run_now(imports.enqueue(row.id, Settings()).id)
    assert (job.state, job.result["imported"], job.result["change_set"]) == ("done", 2, 1)
    assert imports.get(row.id).job_id == job.id


def test_an_upload_that_is_gone_is_said(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    uploads.remove(row.upload)
    with pytest.raises(Gone, match="Upload it again"):
        imports.enqueue(row.id, Settings())
    imports.give_up_dead()
    with pytest.raises(NotFound):
        imports.get(row.id)


def test_uploads_of_interrupted_imports_are_kept(dataset_id, monkeypatch, app):
    import_id, job_id = interrupted(dataset_id, monkeypatch, 1)
    with transaction():
        jobs.get(job_id).state = "interrupted"
    app.config["LTT_UPLOAD_KEEP_MINUTES"] = -1
    imports.give_up_dead()
    assert uploads.is_kept(imports.get(import_id).upload)


def test_discarding_forgets_file_and_import(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    imports.discard(row.id)
    assert db.session.query(Import).count() == 0 and list(uploads.folder().iterdir()) == []


def test_again_undoes_and_waits_with_the_same_file(dataset_id):
    row = bring(dataset_id, CSV)
    copy = imports.redo_import(row.id)
    assert stored(dataset_id) == [] and (copy.state, copy.file_name) == ("waiting", "faq.csv")
    imports.enqueue(copy.id, Settings(mapping={"question": "answer", "answer": "question"}))
    imports.run(copy.id)
    assert [entry.question for entry in stored(dataset_id)] == ["So.", "Because."]


def test_an_import_belongs_to_its_dataset(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    with pytest.raises(NotFound):
        imports.of_dataset(dataset_id + 1, row.id)


# Quarantine


def test_a_repaired_row_comes_in_and_counts_as_imported(dataset_id):
    row = bring(dataset_id, "question;answer;team\nHow?;So.;a\nOpen?;;b\nToo?;many;x;y\n")
    first, second = quarantine.list_open(row.id)
    result = quarantine.retry_rows(row.id, {first.id: "Open?;Yes.;b", second.id: "still;too;many;cells"})
    assert (result.imported, result.still_bad) == (1, 1)
    assert counts(imports.get(row.id)) == (2, 0, 1)
    assert [(e.question, e.answer, e.extra) for e in stored(dataset_id)][1] == ("Open?", "Yes.", '{"team":"b"}')
    assert quarantine.list_open(row.id)[0].raw == "still;too;many;cells"
    assert history.steps(dataset_id)[0].summary == "Import 1 repaired row of faq.csv"


def test_a_repaired_json_line_comes_in(dataset_id):
    row = bring(dataset_id, '{"question": "a", "answer": "b"}\n{"question": "c", "answer": \n', "d.jsonl")
    [bad] = quarantine.list_open(row.id)
    assert quarantine.retry_rows(row.id, {bad.id: '{"question": "c", "answer": "d"}'}).imported == 1
    assert [e.question for e in stored(dataset_id)] == ["a", "c"]


def test_a_repair_must_leave_one_row(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n")
    [bad] = quarantine.list_open(row.id)
    assert quarantine.retry_rows(row.id, {bad.id: "a,b\nc,d\n"}).still_bad == 1
    assert "holds 2 records" in quarantine.list_open(row.id)[0].reason


def test_dismissed_rows_stay_counted(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n")
    assert quarantine.dismiss_rows(row.id) == 1 and quarantine.count_open(row.id) == 0
    assert counts(imports.get(row.id)) == (1, 0, 1)


def test_a_row_whose_repair_is_undone_is_open_again(dataset_id):
    def standing():
        found = imports.get(row.id)
        return found.imported_now, found.skipped, found.quarantined_now, quarantine.count_open(row.id)

    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\nWhy?,\n")
    first, second = quarantine.list_open(row.id)
    step = quarantine.retry_rows(row.id, {first.id: "Open?,Yes.", second.id: "Why?,So."}).applied.step.number
    assert standing() == (3, 0, 0, 0)
    history.undo(dataset_id, step)
    assert standing() == (1, 0, 2, 2)
    history.redo(dataset_id, step)
    assert standing() == (3, 0, 0, 0)
    history.undo(dataset_id, step)
    # Repaired anew, found to be there already, or put away, it is counted once.
    assert quarantine.retry_rows(row.id, {first.id: "Open?,Now."}).imported == 1
    assert standing() == (2, 0, 1, 1)
    assert quarantine.dismiss_rows(row.id) == 1
    assert standing() == (2, 0, 1, 0)
    assert [pair.answer for pair in stored(dataset_id)] == ["So.", "Now."]
    assert reporting.of_file(imports.get(row.id))["quarantined"] == 1


def test_a_row_that_is_there_already_after_its_repair_was_undone_counts_as_skipped(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n", on_duplicate="skip")
    [bad] = quarantine.list_open(row.id)
    history.undo(dataset_id, quarantine.retry_rows(row.id, {bad.id: "Open?,Yes."}).applied.step.number)
    assert quarantine.retry_rows(row.id, {bad.id: "How?,So."}).skipped == 1
    assert counts(imports.get(row.id)) == (1, 1, 0) and quarantine.count_open(row.id) == 0


def test_bad_rows_download_as_a_safe_table_and_as_json_lines(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\n=1+1,\n")
    table = b"".join(quarantine.save_open(row.id, "csv")).decode("utf-8-sig")
    assert table.splitlines()[0] == "row,line,code,reason,raw" and "'=1+1" in table
    [line] = b"".join(quarantine.save_open(row.id, "jsonl")).decode().splitlines()
    assert json.loads(line)["raw"] == "=1+1,\n" and json.loads(line)["line"] == 3


def fields_of(row, bad=None):
    """The parts of a refused row; None where it has none."""
    bad = bad or quarantine.list_open(row.id)[0]
    return quarantine.read_fields(row, bad, bad.raw)


def fill_in(row, **values):
    [bad] = quarantine.list_open(row.id)
    return quarantine.save_fields(row.id, bad.id, bad.raw, values, seen=quarantine.fingerprint(bad.raw))


def test_a_refused_row_of_a_table_has_parts_as_the_columns_say(dataset_id):
    content = "Titel;Reply;Prompt;Why;Labels;team\nHow?;So.;;;;\nOpen?;;Be brief.;Because.;a, b;c\n"
    mapping = {"question": "Titel", "answer": "Reply", "system": "Prompt", "reasoning": "Why", "tags": "Labels"}
    row = bring(dataset_id, content, layout="columns", mapping=mapping)
    read = fields_of(row)
    assert (read.question, read.answer, read.system, read.reasoning) == ("Open?", "", "Be brief.", "Because.")
    assert (read.tag_list, read.extra, read.source_row, read.import_id) == (["a", "b"], read.extra, 2, row.id)
    assert '"team":"c"' in read.extra


def test_filled_parts_come_in_as_a_step_with_all_else_that_the_row_says(dataset_id):
    row = bring(dataset_id, "question;answer;team\nHow?;So.;a\nOpen?;;b\n")
    before = datasets.compute_digest(dataset_id)
    done = fill_in(row, question="Open?", answer="Yes.")
    assert (done.imported, counts(imports.get(row.id)), quarantine.count_open(row.id)) == (1, (2, 0, 0), 0)
    pair = stored(dataset_id)[1]
    assert (pair.answer, pair.extra, pair.status) == ("Yes.", '{"team":"b"}', "review")
    assert (pair.import_id, pair.source_row) == (row.id, 2)
    assert pair.content_hash == content_hash(content_of(pair))
    history.undo(dataset_id, done.applied.step.number)
    assert datasets.compute_digest(dataset_id) == before


def test_parts_that_are_not_whole_leave_the_row_as_it_was(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n")
    [bad] = quarantine.list_open(row.id)
    raw, reason = bad.raw, bad.reason
    for values, said in (({"answer": " "}, "answer is empty"), ({"question": "", "answer": "a"}, "question is empty")):
        with pytest.raises(Invalid, match=said):
            fill_in(row, **values)
    with pytest.raises(Invalid, match="NUL"):
        fill_in(row, answer="a\x00")
    [bad] = quarantine.list_open(row.id)
    assert (bad.raw, bad.reason, len(stored(dataset_id)), len(history.steps(dataset_id))) == (raw, reason, 1, 1)


def test_an_empty_question_is_taken_where_the_import_takes_empty_prompts(dataset_id):
    rows = jsonl({"prompt": "", "completion": "We sell rope."}, {"prompt": "", "completion": ""})
    row = bring(dataset_id, rows, "x.jsonl", allow_empty_prompt=True)
    assert fill_in(row, question="", answer="We sell rugs.").imported == 1
    assert [(one.question, one.answer) for one in stored(dataset_id)][1] == ("", "We sell rugs.")


def test_a_row_that_somebody_repaired_meanwhile_is_not_filled_in(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nOpen?,\n")
    [bad] = quarantine.list_open(row.id)
    with pytest.raises(Conflict):
        quarantine.save_fields(row.id, bad.id, bad.raw, {"answer": "a"}, seen="another")
    fill_in(row, answer="a")
    with pytest.raises(NotFound):
        quarantine.save_fields(row.id, bad.id, bad.raw, {"answer": "a"}, seen="another")


def test_filled_parts_that_are_there_already_are_skipped(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nHow?,\n", on_duplicate="skip")
    assert fill_in(row, answer="So.").skipped == 1
    assert counts(imports.get(row.id)) == (1, 1, 0) and len(stored(dataset_id)) == 1


def test_cells_too_many_stand_in_the_last_part(dataset_id):
    row = bring(dataset_id, "question,answer\nHow?,So.\nWhen?,At one, two, or three.\n")
    assert fields_of(row).answer == "At one, two, or three."


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        ({"answer": "a"}, (None, "", "a")),
        ({"question": "q"}, (None, "q", "")),
        ({"question": "q", "answer": None}, (None, "q", "")),
        ({"question": "q", "answer": {"text": "a"}}, (None, "q", '{"text":"a"}')),
        ({"question": "q\x00", "answer": "a"}, (None, "q\ufffd", "a")),
    ],
)
def test_what_can_be_read_of_a_line_is_in_its_parts(dataset_id, bad, parts):
    row = bring(dataset_id, jsonl({"question": "x", "answer": "y"}, bad), "x.jsonl")
    read = fields_of(row)
    assert (read.system, read.question, read.answer) == parts


def test_half_of_a_character_is_shown_and_whole_ones_stay(dataset_id):
    line = '{"question": "\\ud83d\\ude00 \\\\u0000 \\ud83d!", "answer": "a"}\n'
    row = bring(dataset_id, jsonl({"question": "x", "answer": "y"}) + line, "x.jsonl")
    assert fields_of(row).question == "😀 \\u0000 \ufffd!"


GOOD_CHAT = [{"role": "user", "content": "x"}, {"role": "assistant", "content": "y"}]


@pytest.mark.parametrize(
    ("said", "turns", "question", "answer"),
    [
        ("user:a assistant:b user:q assistant:", 2, "q", ""),
        ("user:q assistant:", 0, "q", ""),
        ("user: assistant:a", 0, "", "a"),
        ("assistant:a", 0, "", "a"),
        ("assistant:a user:q", 1, "q", ""),
        ("system:s user:q", 0, "q", ""),
    ],
)
def test_a_refused_conversation_has_earlier_turns_question_and_answer(dataset_id, said, turns, question, answer):
    messages = [dict(zip(("role", "content"), one.split(":"), strict=True)) for one in said.split()]
    row = bring(dataset_id, jsonl({"messages": GOOD_CHAT}, {"messages": messages, "topic": "t"}), "chat.jsonl")
    read = fields_of(row)
    assert (len(read.record().turns), read.question, read.answer) == (turns, question, answer)
    assert read.record().extra["topic"] == "t"
    assert fill_in(row, question="Q", answer="A").imported == 1
    assert stored(dataset_id)[1].record().turns == read.record().turns


def test_a_conversation_of_other_names_gets_an_answer_as_well(dataset_id):
    good = [{"from": "human", "value": "x"}, {"from": "gpt", "value": "y"}]
    row = bring(dataset_id, jsonl({"conversations": good}, {"conversations": good[:1]}), "chat.jsonl")
    assert (fields_of(row).question, fields_of(row).answer) == ("x", "")


@pytest.mark.parametrize("line", ['{"question": "c", "answer": \n', "[1]\n", '{"question": ["\\ud800"\n'])
def test_a_line_that_cannot_be_read_has_no_parts_until_it_is_mended(dataset_id, line):
    row = bring(dataset_id, jsonl({"question": "x", "answer": "y"}) + line, "x.jsonl")
    [bad] = quarantine.list_open(row.id)
    assert fields_of(row, bad) is None and quarantine.explain_refusal(row, bad, bad.raw)
    mended = '{"question": "c", "answer": "d", "topic": "t"}'
    assert quarantine.read_fields(row, bad, mended).answer == "d" and not quarantine.explain_refusal(row, bad, mended)
    quarantine.save_fields(row.id, bad.id, mended, {"answer": "e"}, seen=quarantine.fingerprint(bad.raw))
    pair = stored(dataset_id)[1]
    assert (pair.question, pair.answer, pair.extra) == ("c", "e", '{"topic":"t"}')


# Preview


def look(dataset_id, content, name="faq.csv", **settings):
    return imports.preview(dataset_id, upload(content, name), Settings(**settings))


def test_a_preview_counts_what_would_happen_and_writes_nothing(dataset_id):
    history.create(dataset_id, [Record("How?", "So.")], summary="Add")
    table = "question,answer\nHow?,So.\nNew?,Yes.\nNew?,Yes.\nOpen?,\n"
    seen = look(dataset_id, table, on_duplicate="skip")
    assert (seen.imported, seen.skipped, seen.quarantined, seen.rows_in) == (1, 2, 1, 4)
    assert (seen.same_live, seen.same_in_file, seen.complete) == (1, 1, True)
    assert [line.state for line in seen.lines] == ["same", "new", "same", "bad"]
    assert [line.note for line in seen.lines][2] == "same as line 3"
    assert seen.bad["blank_answer"].places == ["line 5"]
    assert len(stored(dataset_id)) == 1
    done = bring(dataset_id, table, on_duplicate="skip")
    assert counts(done) == (seen.imported, seen.skipped, seen.quarantined)


def test_a_preview_with_keep_counts_duplicates_as_imported(dataset_id):
    seen = look(dataset_id, "question,answer\nHow?,So.\nHow?,So.\n")
    assert (seen.imported, seen.skipped, seen.same_in_file) == (2, 0, 1)


def test_a_preview_of_an_update_shows_the_changes(dataset_id):
    history.create(dataset_id, [Record("Q", "A")], summary="Add")
    entry = stored(dataset_id)[0]
    seen = look(dataset_id, f"id,question,answer\n{entry.id},Q,B\n", on_duplicate="update")
    assert (seen.updated, seen.imported) == (1, 1)
    assert (seen.lines[0].state, seen.lines[0].fields) == ("update", {"answer": ("A", "B")})


def test_a_preview_of_unclear_columns_shows_them_and_says_what_is_missing(dataset_id):
    seen = look(dataset_id, "utterance,intent\nI cannot pay,pay\n")
    assert "Choose" in seen.problem and seen.lines[0].values == {"utterance": "I cannot pay", "intent": "pay"}


def test_a_preview_follows_encoding_and_delimiter(dataset_id):
    data = "Frage;Antwort\nÄpfel?;Süß.\n".encode("cp1252")
    assert look(dataset_id, data).lines[0].values == {"Frage": "Äpfel?", "Antwort": "Süß."}
    wrong = look(dataset_id, data, encoding="cp1251")
    assert wrong.lines[0].values["Frage"] != "Äpfel?"


def test_a_large_preview_stops_in_time_and_says_so(dataset_id, monkeypatch):
    monkeypatch.setattr("app.services.imports.previewing.PATIENCE_SECONDS", -1)
    monkeypatch.setattr("app.services.imports.previewing.SHOWN", 2)
    seen = look(dataset_id, "question,answer\n" + "q,a\n" * 10)
    assert (seen.complete, seen.rows_in) == (False, 2)


def test_jobs_are_made_with_a_title(dataset_id):
    row = imports.add(dataset_id, upload(CSV))
    imports.enqueue(row.id, Settings())
    assert db.session.query(Job).one().title == "Import faq.csv into Tests"


def test_a_sheet_without_a_header_loses_no_row(dataset_id):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        sheet.write_row(0, 0, ("How do I return a rug?", "Print the label."))
        sheet.write_row(1, 0, ("Where is it?", "In Orders."))
    row = imports.add(dataset_id, upload(out.getvalue(), "faq.xlsx"))
    assert (row.detected["header"], row.detected["columns"]) == (False, ["column 1", "column 2"])
    told = Settings(mapping={"question": "column 1", "answer": "column 2"})
    imports.enqueue(row.id, told)
    imports.run(row.id)
    assert counts(imports.get(row.id)) == (2, 0, 0)
    assert [entry.question for entry in stored(dataset_id)] == ["How do I return a rug?", "Where is it?"]


def test_the_table_that_is_read_is_the_one_that_is_shown(dataset_id, tmp_path):
    path = tmp_path / "x.db"
    with closing(sqlite3.connect(path)) as connection:
        connection.executescript(
            "CREATE TABLE users (id, name); INSERT INTO users VALUES (1, 'Ada');"
            "CREATE TABLE messages (id, question, answer); INSERT INTO messages VALUES (1, 'How?', 'So.');"
        )
    row = imports.add(dataset_id, upload(path.read_bytes(), "x.db"))
    assert (row.detected["sheets"], row.detected["sheet"]) == (["users", "messages"], "messages")
    imports.enqueue(row.id, Settings())
    imports.run(row.id)
    assert imports.get(row.id).settings["sheet"] == "messages" and counts(imports.get(row.id)) == (1, 0, 0)


def test_a_row_of_a_sheet_is_repaired_as_json(dataset_id):
    out = io.BytesIO()
    with xlsxwriter.Workbook(out) as book:
        sheet = book.add_worksheet()
        for number, row in enumerate((("question", "answer"), ("How?", "So."), ("Why?", ""), ("Who?", ""))):
            sheet.write_row(number, 0, row)
        sheet.write_formula(3, 1, "=NA()", None, "#N/A")
    row = bring(dataset_id, out.getvalue(), "faq.xlsx")
    assert counts(row) == (1, 0, 2)
    blank, formula = quarantine.list_open(row.id)
    assert json.loads(formula.raw) == {"question": "Who?", "answer": "#N/A"}
    repaired = {one.id: json.dumps(json.loads(one.raw) | {"answer": "Now."}) for one in (blank, formula)}
    assert quarantine.retry_rows(row.id, repaired).imported == 2
    assert [entry.question for entry in stored(dataset_id)] == ["How?", "Why?", "Who?"]


FORMULAS = ["=SUM(1)", "'=quoted", "- a list", "''so''", "plain"]
SAFE = "id,question,answer,status\n1,How?,'=SUM(1),review\n"


def test_a_spreadsheet_safe_export_comes_back_unchanged(dataset_id):
    history.create(dataset_id, [Record(f"q{n}", text) for n, text in enumerate(FORMULAS)], summary="Add")
    options = export.ExportOptions("csv", "columns", spreadsheet_safe=True, bom=True)
    data = b"".join(export.stream_export(dataset_id, options))
    for name in ("x.spreadsheet-safe.csv", "x.spreadsheet-safe (1).csv", "renamed.csv"):
        target = datasets.create_dataset(name).id
        row = bring(target, data, name)
        assert [entry.answer for entry in stored(target)] == FORMULAS
        assert row.settings["spreadsheet_safe"] and row.detected["reasons"]["spreadsheet_safe"]
        assert row.detected["warnings"] == []


@pytest.mark.parametrize(
    ("content", "settings", "warned"),
    [
        (SAFE, {"spreadsheet_safe": False}, True),
        (SAFE + "2,Why?,=bare,review\n", {}, True),
        ("question,answer\nHow?,'=SUM(1)\n", {}, True),
        ("id,question,answer,status\n1,How?,''quoted'',review\n", {}, False),
    ],
)
def test_apostrophes_that_are_kept_are_warned_of(dataset_id, content, settings, warned):
    row = bring(dataset_id, content, **settings)
    assert stored(dataset_id)[0].answer.startswith("'")
    assert any("apostrophe" in warning for warning in row.detected["warnings"]) == warned


def test_source_and_family_come_in_go_out_and_come_in_again(dataset_id):
    table = "question,answer,source,family,team\nq,a,manual.pdf,7,x\nr,b,,,y\n"
    bring(dataset_id, table)
    assert [(one.source, one.family, one.extra) for one in stored(dataset_id)] == [
        ("manual.pdf", "7", '{"team":"x"}'),
        (None, None, '{"team":"y"}'),
    ]
    for kind in ("csv", "jsonl"):
        copy = datasets.create_dataset(kind).id
        written = b"".join(export.stream_export(dataset_id, export.ExportOptions(format=kind, layout="columns")))
        bring(copy, written, f"again.{kind}")
        assert [(one.source, one.family) for one in stored(copy)] == [("manual.pdf", "7"), (None, None)]


def test_an_update_changes_source_and_family(dataset_id):
    bring(dataset_id, "question,answer,source,family\nq,a,manual.pdf,7\n")
    [entry] = stored(dataset_id)
    table = f"id,question,answer,source,family\n{entry.id},q,a,faq.md,\n"
    bring(dataset_id, table, on_duplicate="update")
    [entry] = stored(dataset_id)
    assert (entry.source, entry.family, entry.version) == ("faq.md", None, 2)


def test_a_source_that_nobody_mapped_stays_beside_a_chat(dataset_id):
    chat = {"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "source": "web"}
    bring(dataset_id, jsonl(chat), "chat.jsonl")
    bring(dataset_id, jsonl(chat), "chat.jsonl", mapping={"source": "source"})
    first, second = stored(dataset_id)
    assert (first.source, json.loads(first.extra)["source"]) == (None, "web")
    assert (second.source, json.loads(second.extra or "{}").get("source")) == ("web", None)


def set_of(**files):
    return uploads.save_files(
        [(f"{name}.jsonl", io.BytesIO(data.encode()).read) for name, data in files.items()], "set"
    )


def bring_set(dataset_id, settings, **files):
    row = imports.add(dataset_id, set_of(**files))
    imports.start(row.id, settings, here=True)
    return imports.get(row.id)


TRAIN, TEST = jsonl({"question": "q1", "answer": "a"}), jsonl({"question": "q2", "answer": "a"})


@pytest.mark.parametrize(
    ("split", "given"),
    [("files", ["train", "test"]), ("none", [None, None]), ("validation", ["validation", "validation"])],
)
def test_the_files_of_a_set_tell_the_splits_unless_it_is_said_otherwise(dataset_id, split, given):
    row = bring_set(dataset_id, Settings(split=split), train=TRAIN, test=TEST)
    assert counts(row) == (2, 0, 0) and [one.split for one in stored(dataset_id)] == given
    assert [step.summary for step in history.steps(dataset_id)] == ["Import 2 pairs from set"]


def test_a_single_file_has_no_split_until_somebody_says_so(dataset_id):
    bring(dataset_id, TRAIN, "train.jsonl")
    bring(dataset_id, TEST, "test.jsonl", split="test")
    assert [one.split for one in stored(dataset_id)] == [None, "test"]


def test_a_split_that_stands_in_the_row_counts_more(dataset_id):
    row = jsonl({"question": "q1", "answer": "a", "split": "test"}, {"question": "q2", "answer": "a", "split": "other"})
    bring_set(dataset_id, Settings(), train=row, valid=TEST)
    assert [one.split for one in stored(dataset_id)] == ["test", "train", "validation"]


def test_a_bad_row_of_a_set_is_repaired_as_a_row_of_its_file(dataset_id):
    row = bring_set(dataset_id, Settings(), train=TRAIN, test=TEST + jsonl({"question": "q3", "answer": ""}))
    [bad] = quarantine.list_open(row.id)
    assert bad.reason == "test.jsonl: Row 2 (line 2): The answer is empty." and bad.row == 3
    assert quarantine.title_of(bad.code, bad.reason) == "The answer is empty"
    quarantine.retry_rows(row.id, {bad.id: '{"question":"q3","answer":" "}'})
    assert quarantine.list_open(row.id)[0].reason.startswith("test.jsonl: ")
    assert quarantine.retry_rows(row.id, {bad.id: '{"question":"q3","answer":"a3"}'}).imported == 1
    assert [(one.question, one.split) for one in stored(dataset_id)][-1] == ("q3", "test")


def test_the_parts_of_a_bad_row_of_a_set_are_those_of_its_file(dataset_id):
    chats = jsonl({"messages": GOOD_CHAT}, {"messages": GOOD_CHAT[:1]})
    row = bring_set(dataset_id, Settings(), train=TRAIN, test=chats)
    assert (fields_of(row).question, fields_of(row).split) == ("x", "test")
    assert fill_in(row, answer="z").imported == 1
    assert [(one.question, one.answer, one.split) for one in stored(dataset_id)][-1] == ("x", "z", "test")


def test_nothing_is_left_of_a_set_that_is_too_large(dataset_id, app):
    app.config["LTT_MAX_UPLOAD_MB"] = 0
    with pytest.raises(TooLarge):
        set_of(train=TRAIN, test=TEST)
    assert list(uploads.folder().iterdir()) == []
