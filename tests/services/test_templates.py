"""Chat templates by name, in a process with bounds; the one that a dataset has chosen; what is trained of a pair."""

import io
import sys
from dataclasses import replace

import pytest
from flask import Flask

from app.core.errors import BadUsage, Invalid, LttError, NotFound, TooLarge
from app.core.reading import ReadSettings
from app.core.record import Message, Record
from app.core.validation import ValidateOptions
from app.services import datasets, entries, history, runners, tasks, uploads, validation
from app.services.jobs import Unwatched
from app.services.validation import (
    CheckRun,
    ValidationRun,
    open_template,
    view_check,
    view_trained,
    view_trained_upload,
)
from tests import factories
from tests.chat_templates import CALLING, CHATML, FAMILIES, HOSTILE, MARKED, THINKING, add_tokenizer, model_folder

TALK = (Message("user", "Hi"), Message("assistant", "Hello"))


@pytest.fixture
def folder(tmp_path):
    """A model with a template that marks its answers, and a tokenizer."""
    made = model_folder(tmp_path, MARKED)
    add_tokenizer(made)
    return made


@pytest.fixture
def pair(app: Flask):
    """A dataset with one pair that has reasoning, within the application."""
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        turns = (Message("user", "Hi"), Message("assistant", "Hello", reasoning="greet"))
        record = Record("How heavy?", "12 kg.", turns=turns, reasoning="ten and two")
        history.create(dataset_id, [record], summary="Add")
        [entry] = entries.stream_entries(dataset_id)
        yield dataset_id, entry.id


def test_choosing_lints_keeps_the_template(pair, folder) -> None:
    dataset_id, _ = pair
    validation.choose_template(dataset_id, str(folder))
    validation.choose_lints(dataset_id, ["html"])
    choices = validation.read_choices(datasets.get(dataset_id))
    assert choices.template == str(folder) and "html" not in choices.off


def test_the_folder_of_a_user_that_there_is_not_is_refused(app: Flask) -> None:
    with app.app_context(), pytest.raises(Invalid, match="no such user"):
        validation.require_template("~nobody-of-that-name/model")


def test_plain_form_needs_no_process() -> None:
    for said in ("", "chatml"):
        with open_template(said) as template:
            assert template is None


def test_a_folder_writes_in_a_process_of_its_own(folder) -> None:
    with open_template(str(folder)) as template:
        assert template is not None and (template.name, template.counts) == (str(folder), True)
        for _ in range(3):
            pieces = template.write(TALK, ()).pieces
            assert [one.text for one in pieces if one.learned] == ["Hello<|im_end|>"]


@pytest.mark.skipif(sys.platform != "linux", reason="Memory is bounded by the system there.")
@pytest.mark.parametrize("name", ["counts in counts", "doubles", "fills up", "formats", "replaces", "raises"])
def test_a_hostile_template_ends_and_others_go_on(tmp_path, name) -> None:
    with open_template(str(model_folder(tmp_path, HOSTILE[name]))) as template:
        assert template is not None
        try:
            said = template.write(TALK, ()).refused
        except (TooLarge, Invalid) as error:
            said = error.message
            assert "limit" in said.lower()
            if "seconds" in said.lower():
                with pytest.raises(LttError):
                    template.write(TALK, ())
    assert said.endswith((".", "(limit LTT_LOOK_MB)."))
    with open_template(str(model_folder(tmp_path, CHATML, name="other"))) as template:
        assert template is not None and template.write(TALK, ()).pieces


def test_what_cannot_be_opened_is_told(tmp_path) -> None:
    for said in (str(tmp_path), str(tmp_path / "missing"), "a\0b"):
        with pytest.raises(Invalid, match="No chat template can be read in this folder"), open_template(said):
            pass
    with pytest.raises(NotFound), open_template("trl:nothing"):
        pass


def test_a_chosen_template_stays_and_is_named_in_full(pair, folder, monkeypatch) -> None:
    dataset_id, _ = pair
    monkeypatch.chdir(folder.parent)
    assert validation.choose_template(dataset_id, f" {folder.name} ") == str(folder)
    validation.choose_targets(dataset_id, ["trl"])
    validation.waive_finding(dataset_id, "too-few", "Few are enough.")
    choices = validation.read_choices(datasets.get(dataset_id))
    assert (choices.template, choices.profiles, choices.waived) == (
        str(folder),
        ("trl",),
        {"too-few": "Few are enough."},
    )
    for bad in (str(folder.parent), "x" * 2_000, "trl:nothing"):
        with pytest.raises((Invalid, NotFound)):
            validation.choose_template(dataset_id, bad)
    assert validation.read_choices(datasets.get(dataset_id)).template == str(folder)
    assert validation.choose_template(dataset_id, "chatml") == ""


def test_a_check_by_a_folder_is_left_to_a_worker(pair, folder, monkeypatch) -> None:
    dataset_id, _ = pair
    monkeypatch.setattr(runners, "any_worker", lambda: True)
    monkeypatch.setattr(tasks, "PATIENCE_SECONDS", 0)
    options = ValidateOptions(profile="axolotl")
    check = validation.CHECK, CheckRun(dataset_id, "axolotl")
    assert tasks.start(*check).state == "done"
    assert tasks.start(validation.VALIDATE, ValidationRun(dataset_id, options)).state == "done"
    by_folder = ValidationRun(dataset_id, replace(options, template=str(folder)))
    assert tasks.start(validation.VALIDATE, by_folder).state == "queued"
    validation.choose_template(dataset_id, str(folder))
    assert tasks.start(*check).state == "queued"


def test_what_is_trained_of_a_pair_is_shown_by_the_chosen_template(pair, folder) -> None:
    dataset_id, entry_id = pair
    plain = view_trained(dataset_id, entry_id, ValidateOptions(profile="axolotl"))
    assert plain["profiles"]["axolotl"]["template"] == "" and "ten and two" in plain["trained"][1]["text"]
    validation.choose_template(dataset_id, str(folder))
    found = view_trained(dataset_id, entry_id, ValidateOptions(profile="axolotl"))
    assert found["profiles"]["axolotl"]["template"] == str(folder)
    # The export has a row for each answer with reasoning.
    first, second = found["trained"]
    assert [first["text"][a:b] for a, b in first["spans"]] == ["Hello<|im_end|>"]
    assert [second["text"][a:b] for a, b in second["spans"]][-1] == "12 kg.<|im_end|>"
    assert (first["answer_tokens"], second["tokens"]) == (2, 20)
    assert found["profiles"]["axolotl"]["tokens"]["exact"]
    assert (second["reasoning"], second["earlier_reasoning"]) == ("stripped", "")
    assert "reasoning-lost" in {one["code"] for one in found["findings"]}
    assert "template" not in found["profiles"]["axolotl"]["tokens"]
    again = view_trained(dataset_id, entry_id, ValidateOptions(profile="axolotl", template="chatml"))
    assert again["trained"] == plain["trained"]


def test_a_target_with_a_template_of_its_own_leaves_the_chosen_one_aside(pair, folder) -> None:
    dataset_id, entry_id = pair
    found = view_trained(dataset_id, entry_id, ValidateOptions(profile="openai-sft", template=str(folder)))
    assert found["profiles"]["openai-sft"]["template"] == "" and found["trained"][0]["text"].startswith("<|im_start|>")


def test_only_what_concerns_the_pair_is_found_in_it(pair) -> None:
    dataset_id, entry_id = pair
    found = view_trained(dataset_id, entry_id, ValidateOptions(profile="openai-sft"))
    assert {one["record"] for one in found["findings"]} <= {entry_id}
    with pytest.raises(NotFound):
        view_trained(dataset_id, entry_id + 1, ValidateOptions())
    with pytest.raises(BadUsage):
        view_trained(dataset_id, entry_id, ValidateOptions(profile="nobody"))


def test_what_is_cut_and_what_is_trained_can_be_set(pair, folder) -> None:
    dataset_id, entry_id = pair
    options = ValidateOptions(profile="trl", template=str(folder), length=18, trains="answers")
    *_, trained = view_trained(dataset_id, entry_id, options)["trained"]
    assert (trained["cut_at"], trained["answer_tokens"] - trained["trained_answer_tokens"]) == (18, 2)
    assert [trained["text"][a:b] for a, b in trained["spans"]][-1] == "12 kg"
    assert trained["left"] == ((0, trained["text"].index("12 kg") + 5),)
    everything = ValidateOptions(profile="trl", template=str(folder))
    *_, trained = view_trained(dataset_id, entry_id, everything)["trained"]
    assert trained["spans"] == trained["left"] == ((0, len(trained["text"])),)


def test_a_check_goes_by_the_chosen_template_and_says_when_it_is_another(pair, tmp_path) -> None:
    dataset_id, _ = pair
    history.create(dataset_id, [Record("And?", "Yes.", turns=TALK)], summary="Add")
    validation.choose_template(dataset_id, str(model_folder(tmp_path, THINKING)))
    validation.CHECK.run(CheckRun(dataset_id, "axolotl"), Unwatched())
    seen = view_check(dataset_id)
    assert seen is not None and not seen.is_template_changed
    codes = {one["code"] for one in seen.summary["codes"]}
    assert "trained-unclear" in codes and "reasoning-lost" not in codes
    validation.choose_template(dataset_id, "chatml")
    seen = view_check(dataset_id)
    assert seen is not None and seen.is_template_changed


def test_a_record_that_the_template_refuses_must_be_fixed(pair, tmp_path) -> None:
    dataset_id, _ = pair
    folder = model_folder(tmp_path, FAMILIES["turns"])
    history.create(dataset_id, [Record("Hi", "Hello", system="Be brief.")], summary="Add")
    found = validation.validate_dataset(dataset_id, ValidateOptions(profile="trl", template=str(folder)), Unwatched())
    refused = [one for one in found["findings"] if one["code"] == "template-refuses"]
    assert [one["message"] for one in refused] == ["The template refuses it: System role not supported."]
    assert (found["profiles"]["trl"]["kept"], found["profiles"]["trl"]["rejected"]) == (2, 1)


def test_arguments_of_calls_are_written_as_they_stand_in_the_export(app, tmp_path) -> None:
    folder = model_folder(tmp_path, CALLING)
    call = {"id": "c1", "type": "function", "function": {"name": "weigh", "arguments": '{"box":"A7"}'}}
    trace = (Message("assistant", tool_calls=[call]), Message("tool", "12 kg", tool_call_id="c1"))
    tools = [{"type": "function", "function": {"name": "weigh"}}]
    with app.app_context():
        dataset_id = factories.dataset(count=0)
        history.create(dataset_id, [Record("How heavy?", "12 kg.", trace=trace, extra={"tools": tools})], summary="Add")
        [entry] = entries.stream_entries(dataset_id)
        options = ValidateOptions(profile="trl", template=str(folder), trains="answers")
        [trained] = view_trained(dataset_id, entry.id, options)["trained"]
    assert [trained["text"][a:b] for a, b in trained["spans"]] == [
        '<tool_call>{"name": "weigh", "arguments": {"box": "A7"}}</tool_call><|im_end|>',
        "12 kg.<|im_end|>",
    ]


def test_one_record_of_a_file_is_looked_at(app, folder) -> None:
    rows = b"".join(
        b'{"messages":[{"role":"user","content":"Part %d?"},{"role":"assistant","content":"A bolt."}]}\n' % n
        for n in range(3)
    )
    with app.app_context():
        upload = uploads.save(io.BytesIO(rows).read, "faq.jsonl")
        options = ValidateOptions(profile="axolotl", template=str(folder))
        found = view_trained_upload(upload, ReadSettings(allow_unanswered=True), options, 2)
        assert found["records"] == 1 and "Part 1?" in found["trained"][0]["text"]
        assert found["trained"][0]["record"] == 2
        with pytest.raises(NotFound, match="no record 4"):
            view_trained_upload(upload, ReadSettings(allow_unanswered=True), options, 4)
