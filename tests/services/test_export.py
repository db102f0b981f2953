"""Exports: what goes out, what stays, what the shape cannot hold, and one unchanging view of the data."""

import json
import tracemalloc
from collections import Counter
from dataclasses import replace
from itertools import product

import pytest

from app.core.changes import Change
from app.core.errors import Invalid
from app.core.filters import Filters
from app.core.formats import FORMATS
from app.core.layouts import LAYOUTS, NOTES, LayoutOptions, RowError, losses
from app.core.record import Message, Record
from app.services import datasets, entries, export, history, pairs
from app.services.export import ExportOptions, RecordCount, Rendering, picking, planning

CHATS = [one for one in LAYOUTS.values() if one.is_chat]


@pytest.fixture
def mixed(dataset_id):
    """Five pairs: plain, with a system prompt, a conversation, unanswered, rejected."""
    turns = (Message("user", "before"), Message("assistant", "yes"))
    records = [
        Record("q1", "a1", tags=("t",), extra={"source": "x"}),
        Record("q2", "=a2", "own"),
        Record("q3", "a3", turns=turns),
        Record("q4", ""),
        Record("q5", "a5"),
    ]
    history.create(dataset_id, records, summary="Add")
    pairs.set_status(dataset_id, pairs.Selection(filters=Filters(text="q5")), "rejected")
    return dataset_id


def written(dataset_id, **options):
    return b"".join(export.stream_export(dataset_id, ExportOptions(**options))).decode()


def lines(dataset_id, **options):
    return [json.loads(line) for line in written(dataset_id, **options).splitlines()]


def test_answered_pairs_that_are_not_rejected_go_out(mixed):
    plan = export.plan_export(mixed, ExportOptions())
    assert plan.records == 3 and plan.left_out == [
        RecordCount("that are rejected", 1),
        RecordCount("without an answer", 1),
    ]
    assert [row["messages"][-2]["content"] for row in lines(mixed)] == ["q1", "q2", "q3"]


@pytest.mark.parametrize("tags", [("=1+1", "b"), ("'x",), ("＠x",)])
def test_cells_of_tags_that_a_spreadsheet_would_run_are_counted(dataset_id, tags):
    history.create(dataset_id, [Record("q1", "a1", tags=tags), Record("q2", "a2", tags=("b", "=1"))], summary="Add")
    safe = export.plan_export(dataset_id, ExportOptions("csv", "columns", spreadsheet_safe=True))
    assert [(line.code, line.pairs) for line in safe.lines] == [("made-safe", 1)]
    assert export.plan_export(dataset_id, ExportOptions("csv", "columns")).formulas == (tags != ("'x",))


def test_once_a_pair_is_approved_only_approved_pairs_go_out_by_default(mixed):
    pairs.set_status(mixed, pairs.Selection(filters=Filters(text="q2")), "approved")
    plan = export.plan_export(mixed, ExportOptions())
    assert [row["messages"][-2]["content"] for row in lines(mixed)] == ["q2"] and plan.records == 1
    assert plan.left_out[:2] == [RecordCount("that are rejected", 1), RecordCount("that are not approved", 3)]
    chosen = Filters(statuses=("approved", "review"))
    assert export.plan_export(mixed, ExportOptions(filters=chosen)).records == len(lines(mixed, filters=chosen)) == 3


def test_chosen_statuses_go_out_even_rejected_ones(mixed):
    assert len(lines(mixed, filters=Filters(statuses=("rejected",)))) == 1


def test_losses_are_counted_before_the_file_is_written(mixed):
    plan = export.plan_export(mixed, ExportOptions(layout="alpaca"))
    assert plan.losses == [RecordCount("tags", 1), RecordCount("other columns", 1)]


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize("layout", sorted(name for name, one in LAYOUTS.items() if one.is_written))
def test_the_plan_counts_what_a_conversion_counts(dataset_id, layout, extra):
    call = Message("assistant", tool_calls=[{"type": "function", "function": {"name": "f", "arguments": "{}"}}])
    records = [
        Record("q1", "a1", "s", rejected_answer="b"),
        Record("q2", "a2", turns=(Message("user", "x"), Message("user", "y"), Message("assistant", "z", weight=0))),
        Record("q3", "", trace=(call,), extra={"tools": [{"type": "function"}], "image": "bus.jpg"}),
        Record("q4", "a4", turns=(Message("system", "s"),), extra={"_layout": {"answer": {"extra": {"k": 1}}}}),
        Record("q5", "a5", tags=("t",), rejected_answer="c", extra={"input": "x", "empty": ""}),
    ]
    history.create(dataset_id, records, summary="Add")
    options = ExportOptions(layout=layout, extra=extra)
    plan, one = export.plan_export(dataset_id, options), LAYOUTS[layout]
    counted, refused = Counter(), 0
    for record in records:
        if one.needs and record.rejected_answer is None:
            refused += 1
            continue
        try:
            one.rows_of(record, LayoutOptions(keep_extra=extra))
        except RowError:
            refused += 1
        else:
            counted.update(losses(record, one, LayoutOptions(keep_extra=extra)))
    assert {loss.what: loss.records for loss in plan.losses} == counted
    assert plan.records == 5 - refused == 5 - sum(left.records for left in plan.left_out)
    assert len(lines(dataset_id, layout=layout, extra=extra)) >= plan.records


def test_pairs_that_a_layout_refuses_stay_behind_and_are_counted(dataset_id):
    call = Message("assistant", tool_calls=[{"function": {"name": "f"}}])
    unfinished = (call, Message("tool", "1"))
    records = [
        Record("q", "a"),
        Record("q2", "", trace=(call,)),
        Record("q3", "\u200b\n"),
        Record("q4", "", trace=unfinished),
    ]
    history.create(dataset_id, records, summary="Add")
    plan = export.plan_export(dataset_id, ExportOptions(layout="alpaca"))
    assert plan.left_out == [
        RecordCount("without an answer", 2),
        RecordCount("refused: The answer is a tool call, which Alpaca cannot hold.", 1),
    ]
    assert plan.records == len(lines(dataset_id, layout="alpaca")) == 1


def test_the_prompt_of_the_dataset_is_lost_where_there_is_no_place_for_it(mixed):
    datasets.update_dataset(mixed, system_prompt="shared")
    assert RecordCount("system", 3) in export.plan_export(mixed, ExportOptions(layout="squad")).losses


def test_the_quick_way_escapes_line_ends_as_well(dataset_id):
    history.create(dataset_id, [Record("a\u2028b", "c\u2029d\u0085e")], summary="Add")
    assert len(written(dataset_id).splitlines()) == 1
    assert lines(dataset_id)[0]["messages"][1]["content"] == "c\u2029d\u0085e"


def test_the_dataset_prompt_is_written_where_a_pair_has_none(mixed):
    datasets.update_dataset(mixed, system_prompt="shared")
    prompts = [row["messages"][0]["content"] for row in lines(mixed)]
    assert prompts == ["shared", "own", "shared"]
    assert lines(mixed, dataset_system=False)[0]["messages"][0]["role"] == "user"


def test_the_quick_way_writes_what_the_layout_renders(mixed):
    quick = lines(mixed)
    with Rendering(mixed, ExportOptions()) as run:
        slow = [dict(row) for row in run.rendered()]
    assert quick == slow and len(slow) == 3


@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize("kind", ["csv", "tsv"])
@pytest.mark.parametrize("safely", [True, False])
def test_the_quick_table_holds_what_the_layout_renders(mixed, kind, extra, safely):
    options = ExportOptions(kind, "columns", extra=extra, spreadsheet_safe=safely)
    with Rendering(mixed, options) as run:
        slow = b"".join(FORMATS[kind].stream(list(run.rendered()), run.write_options()))
    assert b"".join(export.stream_export(mixed, options)) == slow and slow.count(b"\n") > 3


EXTRAS = (
    {},
    {"topic": "x", "level": 3, "list": ["a"]},
    {"note": 'say "tools" and "_layout"'},
    {"tools": [{"type": "function", "function": {"name": "f"}}]},
    {"tools": "none", "functions": 1},
    {"parallel_tool_calls": True},
    {"weight": 0, "id": "a7", "split": "dev"},
    {"source": 5, "family": ["x"], "history": []},
    {NOTES: {"answer": {"weight": 0}}},
    {NOTES: {"values": {"tags": "a,b"}}, "turns_json": "[]"},
)
TAGS = ((), ("a", "b"), ("a;b", "c"), ("[x", "y"), ("a,b",))


@pytest.mark.parametrize("have", ["texts", "tags", "columns", "messages"])
@pytest.mark.parametrize("extra", [True, False])
@pytest.mark.parametrize("to", ["csv:columns", "tsv:columns", *(f"jsonl:{one.name}" for one in CHATS)])
def test_the_quick_ways_write_the_bytes_of_the_slow_ones(dataset_id, have, extra, to):
    records = [
        Record(f"q{number}", answer, system, tags=tags, extra=extra, source=source, reasoning=reasoning)
        for number, (answer, system, tags, extra, source, reasoning) in enumerate(
            product(
                ("a,b", 'say "x"', "two\nlines", "-1\r", "\u200b", "é"),
                (None, "own"),
                TAGS if have != "texts" else ((),),
                EXTRAS if have in ("columns", "messages") else ({},),
                (None, "book"),
                (None, "so"),
            )
        )
    ][:: 7 if have in ("columns", "messages") else 1]
    if have == "messages":
        turns = (Message("user", "before"), Message("assistant", "yes"))
        records += [Record(f"r{number}", "a", turns=turns, extra=one) for number, one in enumerate(EXTRAS)]
    history.create(dataset_id, records, summary="Add")
    kind, _, layout = to.partition(":")
    options = ExportOptions(kind, layout, extra=extra)
    with Rendering(dataset_id, options) as run:
        slow = b"".join(FORMATS[kind].stream(list(run.rendered()), run.write_options()))
    assert b"".join(export.stream_export(dataset_id, options)) == slow and slow.count(b"\n") > 20


@pytest.mark.parametrize("kind", [name for name in FORMATS if FORMATS[name].stream])
@pytest.mark.parametrize("layout", sorted(name for name, one in LAYOUTS.items() if one.is_written and not one.needs))
def test_every_file_reads_back_as_it_was_sent(mixed, tmp_path, kind, layout):
    options = ExportOptions(kind, layout)
    path = tmp_path / f"x{FORMATS[kind].extensions[0]}"
    written, proof = export.prove_export(mixed, options, path)
    assert (written.pairs, written.bytes) == (3, path.stat().st_size)
    assert (proof.sent, proof.back, proof.differences) == (written.rows, written.rows, 0)


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
@pytest.mark.parametrize("layout", sorted(name for name, one in LAYOUTS.items() if one.is_written and not one.needs))
def test_reasoning_comes_back_beside_its_answer_or_as_a_block_before_it(dataset_id, tmp_path, kind, layout):
    turns = Message("user", "u"), Message("assistant", "v", reasoning=" two\nlines ")
    call = {"id": "c1", "type": "function", "function": {"name": "look", "arguments": "{}"}}
    called = Message("assistant", None, tool_calls=[call], extra={"content": None}, reasoning="w")
    found = Message("tool", "{}", tool_call_id="c1")
    records = [
        Record("q1", "a1", reasoning="r1"),
        Record("q2", "a2", turns=turns, reasoning=" r2 "),
        Record("q3", "a3", trace=(called, found), reasoning="r3"),
        Record("q4", "<think>\nr4\n</think>\n\na4"),
    ]
    history.create(dataset_id, records, summary="Add")
    _, trip = export.prove_export(dataset_id, ExportOptions(kind, layout), tmp_path / "file")
    assert trip.sent == trip.back > 0 and trip.differences == 0


SPOILT = [
    ("csv:columns", True, {"tone; dry": "tone; wet", "book": "cook", "gsm": "gsn", "test": "text", "hard": "hart"}),
    ("csv:columns", True, {"approved": "rejected", "think": "thank", "worse": "verse", "Be brief": "Be short"}),
    ("jsonl:columns", True, {"tone; dry": "tone; wet", "book": "cook", "hard": "hart", '"id":': '"no":'}),
    ("jsonl:openai", True, {'"dry"': '"wet"', "book": "cook", "gsm": "gsn", "hard": "hart", "lookup": "lockup"}),
    ("jsonl:openai-sft", False, {"lookup": "lockup", "Be brief": "Be short", "known": "knows"}),
    ("json:sharegpt", False, {"lookup": "lockup", "Be brief": "Be short"}),
    ("jsonl:openai-dpo", False, {"worse": "verse", "lookup": "lockup"}),
    ("jsonl:hugging-face", False, {"lookup": "lockup", "think": "thank"}),
]


@pytest.mark.parametrize(
    ("to", "extra", "before", "after"),
    [(to, extra, before, after) for to, extra, found in SPOILT for before, after in found.items()],
)
def test_a_file_in_which_any_field_is_another_does_not_pass_the_proof(dataset_id, tmp_path, to, extra, before, after):
    tools = [{"type": "function", "function": {"name": "lookup", "parameters": {"type": "object"}}}]
    record = Record(
        "What is known?",
        "Nothing.",
        "Be brief.",
        rejected_answer="A worse one.",
        reasoning="I think.",
        tags=("tone", "dry"),
        extra={"level": "hard", "tools": tools},
        source="book",
        family="gsm",
    )
    history.create(dataset_id, [record], summary="Add")
    only = next(iter(entries.stream_entries(dataset_id)))
    changes = [Change(only.id, {"status": (only.status, "approved"), "split": (None, "test")})]
    history.apply(dataset_id, changes, summary="Label", kind="edit")
    kind, _, layout = to.partition(":")
    options, path = ExportOptions(kind, layout, extra=extra), tmp_path / "file"
    proof = export.Proof(options)
    with path.open("wb") as out:
        export.write_export(dataset_id, options, out, proof)
    assert proof.compare(path).differences == 0
    data = path.read_bytes()
    assert data.count(before.encode()) == 1
    path.write_bytes(data.replace(before.encode(), after.encode()))
    assert proof.compare(path).differences == 1


@pytest.mark.parametrize(
    ("to", "lost"),
    [
        ("csv:columns", set()),
        ("jsonl:openai-sft", {"reasoning", "rejected answer", "tags", "source", "family", "other columns"}),
        ("jsonl:trl-preference", {"tags", "source", "family", "other columns"}),
    ],
)
def test_what_a_file_cannot_hold_is_counted_by_field(dataset_id, tmp_path, to, lost):
    record = Record("q", "a", "s", rejected_answer="r", reasoning="t", tags=("x",), extra={"level": 1}, source="b")
    history.create(dataset_id, [replace(record, family="f"), replace(record, question="p", family="g")], summary="Add")
    kind, _, layout = to.partition(":")
    _, trip = export.prove_export(dataset_id, ExportOptions(kind, layout), tmp_path / "file")
    assert dict(trip.losses) == dict.fromkeys(lost | {"status"} if lost else lost, 2) and trip.differences == 0


@pytest.mark.parametrize("kind", ["xlsx", "parquet", "sqlite"])
def test_kinds_that_must_be_finished_first_are_sent_too(mixed, tmp_path, kind):
    path = tmp_path / "x"
    sent = b"".join(export.stream_export(mixed, ExportOptions(kind, "columns")))
    written, proof = export.prove_export(mixed, ExportOptions(kind, "columns"), path)
    assert (proof.back, proof.differences) == (3, 0) and abs(len(sent) - written.bytes) < 100


def test_a_table_has_every_column_that_some_pair_needs(mixed):
    header = written(mixed, format="csv", layout="columns").split("\r\n")[0]
    assert header == "id,system,question,answer,tags,status,split,turns_json,source"
    assert written(mixed, format="csv", layout="columns", extra=False).startswith(
        "system,question,answer,tags,turns_json\r\n"
    )


def test_reasoning_goes_out_as_a_column_and_its_loss_is_counted(mixed):
    turns = (Message("user", "u"), Message("assistant", "v", reasoning="w"))
    history.create(mixed, [Record("q7", "a7", reasoning="r7"), Record("q8", "a8", turns=turns)], summary="Add")
    header, *_, first, _ = written(mixed, format="csv", layout="columns").split("\r\n")[:-1]
    assert header.startswith("id,system,question,answer,reasoning,tags") and ",q7,a7,r7," in first
    plan = export.plan_export(mixed, ExportOptions(layout="gemini"))
    assert RecordCount("reasoning", 2) in plan.losses
    assert RecordCount("reasoning", 2) not in export.plan_export(mixed, ExportOptions("csv", "columns")).losses


def test_formulas_are_counted_and_made_safe_on_request(mixed):
    assert export.plan_export(mixed, ExportOptions("csv", "columns")).formulas == 1
    assert ",'=a2," in written(mixed, format="csv", layout="columns", spreadsheet_safe=True)


@pytest.mark.parametrize("to", ["jsonl:openai", "jsonl:trl-preference", "csv:columns"])
def test_a_large_export_takes_no_more_memory_than_a_small_one(dataset_id, to):
    text = "a long answer, " * 30
    records = (Record(f"q{n}", text, rejected_answer="no", extra={"level": n}) for n in range(20_000))
    history.create(dataset_id, records, summary="Add")
    kind, _, layout = to.partition(":")
    pieces = export.stream_export(dataset_id, ExportOptions(kind, layout))
    size = len(next(pieces))
    tracemalloc.start()
    size += sum(map(len, pieces))
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert size > 9_000_000 > 3 * peak


def test_an_export_sees_one_moment(mixed):
    history.create(mixed, [Record(f"more {n}", "a" * 2000) for n in range(3000)], summary="Add")
    pieces = export.stream_export(mixed, ExportOptions())
    first = next(pieces)
    history.undo(mixed)
    assert (first + b"".join(pieces)).count(b"\n") == 3003


def test_preference_pairs_need_a_worse_answer(mixed):
    history.create(mixed, [Record("q6", "better", rejected_answer="worse")], summary="Add")
    plan = export.plan_export(mixed, ExportOptions(layout="preference"))
    assert plan.records == 1 and RecordCount("without a rejected answer", 3) in plan.left_out
    assert lines(mixed, layout="preference")[0]["non_preferred_output"][0]["content"] == "worse"


def test_a_preview_shows_the_first_records(mixed):
    first, _, third = planning.show_first(mixed, ExportOptions())
    assert [json.loads(one.raw) for one in (first, third)] == lines(mixed)[::2]
    assert first.said == (("user", "q1"), ("assistant", "a1")) and len(third.said) == 4
    head, row, *_ = planning.show_first(mixed, ExportOptions("csv", "columns"))
    assert head.raw.startswith("id,system,question") and not head.said and ",q1,a1," in row.raw


@pytest.mark.parametrize("options", [{"format": "pdf"}, {"layout": "x"}, {"format": "markdown"}, {"layout": "oasst"}])
def test_names_that_do_not_exist_are_refused(options):
    with pytest.raises(Invalid, match="Use one of"):
        ExportOptions(**options).checked()


@pytest.mark.parametrize(
    ("name", "file"),
    [
        ("Help desk", "Help-desk.jsonl"),
        ('a X: y";.csv', "a-X-y-csv.jsonl"),
        ("数据", "数据.jsonl"),
        ("../../x", "x.jsonl"),
        ("…", "dataset.jsonl"),
    ],
)
def test_file_names_are_safe(name, file):
    assert export.file_name(name, ExportOptions()) == file


def test_splits_go_to_their_own_files(mixed):
    from app.core.changes import Change

    ids = [row["id"] for row in lines(mixed, layout="columns")]
    history.apply(mixed, [Change(ids[0], {"split": (None, "test")})], summary="Split", kind="split")
    test, train = Filters(splits=("test",)), Filters(splits=("train",))
    assert len(lines(mixed, filters=test)) == 1 and len(lines(mixed, filters=train)) == 0
    assert export.file_name("D", ExportOptions(filters=test)) == "D.test.jsonl"


def test_a_plan_is_kept_at_hand_until_the_pairs_change(mixed, monkeypatch):
    counted = []
    real = planning.count_ledger
    monkeypatch.setattr(
        planning, "count_ledger", lambda *given, **named: counted.append(given) or real(*given, **named)
    )
    options = ExportOptions(layout="alpaca")
    first = export.plan_at_hand(mixed, options)
    assert export.plan_at_hand(mixed, options).losses == first.losses and len(counted) == 1
    history.create(mixed, [Record("New?", "Yes.", tags=("new",))], summary="Add")
    assert RecordCount("tags", 1) in first.losses
    assert RecordCount("tags", 2) in export.plan_at_hand(mixed, options).losses and len(counted) == 2


def test_a_table_has_source_and_family_behind_the_split(dataset_id):
    history.create(dataset_id, [Record("q", "a", source="d", family="f"), Record("r", "b")], summary="Add")
    names = ["id", "question", "answer", "status", "split", "source", "family"]
    assert written(dataset_id, format="csv", layout="columns").splitlines()[0].split(",") == names
    first, second = lines(dataset_id, layout="columns")
    assert list(first) == names and list(second) == names[:-2]


def test_a_column_named_source_from_before_is_not_lost(dataset_id):
    records = [Record("q", "a", extra={"source": "old"}), Record("r", "b", source="new")]
    history.create(dataset_id, records, summary="Add")
    assert [row["source"] for row in lines(dataset_id, layout="columns")] == ["old", "new"]
    table = written(dataset_id, format="csv", layout="columns").splitlines()
    assert [row.split(",")[-1] for row in table] == ["source", "old", "new"]


def test_source_and_family_are_lost_only_where_other_columns_are(dataset_id):
    history.create(dataset_id, [Record("q", "a", source="d", family="f")], summary="Add")
    plan = export.plan_export(dataset_id, ExportOptions())
    assert plan.losses == [RecordCount("source", 1), RecordCount("family", 1)]
    assert export.plan_export(dataset_id, ExportOptions(extra=True)).losses == []
    [row] = lines(dataset_id, extra=True)
    assert (row["source"], row["family"]) == ("d", "f")


def test_a_split_by_another_name_is_not_lost(dataset_id):
    history.create(dataset_id, [Record("q", "a", extra={"split": "dev"})], summary="Add")
    assert lines(dataset_id, layout="columns")[0]["split"] == "dev"
    assert written(dataset_id, format="csv", layout="columns").splitlines()[1].split(",")[-1] == "dev"


@pytest.fixture
def tagged(dataset_id):
    """Sixty pairs, most of them of one tag, some refused by Alpaca, one long."""
    call = Message("assistant", tool_calls=[{"function": {"name": "f"}}])
    records = [Record(f"q{n}", f"a{n}", tags=("big",)) for n in range(40)]
    records += [Record(f"s{n}", f"b{n}", tags=("small", "both")) for n in range(5)]
    records += [Record(f"c{n}", "", trace=(call,), tags=("small",)) for n in range(10)]
    records += [Record(f"u{n}", "d") for n in range(4)] + [Record("long", "word " * 300)]
    history.create(dataset_id, records, summary="Add")
    return dataset_id


def asked(dataset_id, **options):
    return [row["instruction"] for row in lines(dataset_id, layout="alpaca", **options)]


def test_a_seed_gives_one_order_whatever_else_is_there(tagged):
    plain, first, again, other = (asked(tagged, seed=seed) for seed in (None, 7, 7, 8))
    assert first == again and len({tuple(one) for one in (plain, first, other)}) == 3
    assert sorted(first) == sorted(other) == sorted(plain)
    history.create(tagged, [Record("new", "pair")], summary="Add")
    assert [one for one in asked(tagged, seed=7) if one != "new"] == first


def test_many_are_shuffled_as_few_are(tagged, monkeypatch):
    few = asked(tagged, seed=3)
    monkeypatch.setattr(picking, "AT_ONCE", 4)
    assert asked(tagged, seed=3) == few


def test_no_tag_has_more_pairs_than_asked_and_what_is_refused_takes_no_room(tagged):
    options = ExportOptions(layout="alpaca", per_tag=3)
    plan, found = export.plan_export(tagged, options), asked(tagged, per_tag=3)
    assert sum(one.startswith("q") for one in found) == sum(one.startswith("s") for one in found) == 3
    assert sum(one.startswith("u") or one == "long" for one in found) == 3
    assert plan.records == len(found) == 9 and RecordCount("beyond 3 of a tag", 41) in plan.left_out
    assert asked(tagged, per_tag=3, seed=0) == found != asked(tagged, per_tag=3, seed=1)


def test_pairs_over_the_limit_of_tokens_stay_behind_and_are_counted(tagged):
    plan = export.plan_export(tagged, ExportOptions(layout="alpaca", max_tokens=100))
    assert RecordCount("with more than 100 tokens", 1) in plan.left_out and plan.records == 49
    assert len(asked(tagged, max_tokens=100)) == 49 and "long" not in asked(tagged, max_tokens=100)


@pytest.mark.parametrize(
    "options", [{}, {"max_tokens": 100}, {"per_tag": 4, "seed": 2}, {"filters": Filters(tags=("both",))}]
)
@pytest.mark.parametrize("layout", ["alpaca", "openai", "columns"])
def test_the_pairs_that_a_ledger_names_are_those_that_it_counts(tagged, layout, options):
    pairs.set_status(tagged, pairs.Selection(filters=Filters(text="q1")), "rejected")
    given, options = options, ExportOptions(layout=layout, **options)
    plan, names = export.count_ledger(tagged, options, naming=True)
    assert {line.code: line.pairs for line in plan.lines} == {code: len(ids) for code, ids in names.items() if ids}
    chosen = entries.count_entries(tagged, options.filters)
    left = [one for line in plan.lines if line.kind == "left out" for one in names[line.code]]
    assert len(left) == len(set(left)) and plan.records == chosen - len(left)
    assert plan.records == len(lines(tagged, layout=layout, **given))


def test_what_a_workbook_cannot_hold_is_told_before(dataset_id):
    history.create(dataset_id, [Record("q", "😀" * 20_000), Record("q", "a" * 30_000), Record("q", "a")], summary="Add")
    plan = export.plan_export(dataset_id, ExportOptions("xlsx", "columns"))
    assert [(line.code, line.pairs) for line in plan.in_the_way] == [("cell-too-long", 1)]


def test_the_prompt_that_the_dataset_gives_is_said(mixed):
    datasets.update_dataset(mixed, system_prompt="shared")
    changed = [
        (one.code, one.pairs) for one in export.plan_export(mixed, ExportOptions()).lines if one.kind == "changed"
    ]
    assert changed == [("system-added", 2)]


def test_a_file_that_was_tampered_with_does_not_pass_the_proof(mixed, tmp_path):
    path, proof = tmp_path / "x.jsonl", export.Proof(ExportOptions())
    with path.open("wb") as out:
        export.write_export(mixed, ExportOptions(), out, proof)
    assert str(proof.compare(path)) == "3 out, 3 back, 0 differences"
    path.write_text(path.read_text().replace("=a2", "=a3"))
    assert proof.compare(path).differences == 1
    path.write_text("".join(path.read_text().splitlines(keepends=True)[:2]))
    assert str(proof.compare(path)) == "3 out, 2 back, 2 differences"
