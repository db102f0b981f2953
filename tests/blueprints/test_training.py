"""The pages of training, over runs whose files a test wrote."""

import io
import json
import re
import zipfile
from dataclasses import replace
from datetime import timedelta

import pytest

from app.blueprints.training import drawing
from app.blueprints.training.one import tell_answers
from app.core.training.folder import Sample, read_folder
from app.models import transaction
from app.providers.tuning.local import LocalPlace
from app.services import datasets, jobs, snapshots, training
from app.services.training import Finding
from tests.run_folders import make_run
from tests.training import QUICK, make_dataset, use_fake_engine


@pytest.fixture(autouse=True)
def engine(monkeypatch):
    use_fake_engine(monkeypatch)


@pytest.fixture
def home(app):
    """The address of the training of a dataset with 12 pairs to train on and 4 to validate with."""
    with app.app_context():
        return f"/datasets/{make_dataset()}/training"


@pytest.fixture
def make(app, home):
    """Makes a run and gives its number."""

    def make(**more):
        with app.app_context():
            return make_run(int(home.split("/")[2]), **more).number

    return make


def text_of(answer, status=200):
    assert answer.status_code == status
    return " ".join(re.sub(r"<[^>]+>", " ", answer.get_data(as_text=True)).split())


def listed(app, home):
    with app.app_context():
        return [(run.number, run.state, run.sweep) for run in training.list_runs(int(home.split("/")[2]))]


def choose(**more):
    """What the form of a new run sends."""
    return {"asked": "1", "was": "toy:full", "base": "toy", "method": "full", "where": "local", "epochs": "2", **more}


def test_without_runs_the_page_offers_one(client, home):
    page = client.get(home)
    assert "No runs yet" in text_of(page) and f'href="{home}/new"' in page.text


def test_runs_are_listed_with_where_they_stand(client, home, make):
    make(name="First try")
    make(state="cancelled", step=40)
    make(state="running", step=132)
    make(state="queued", step=-1)
    text = text_of(client.get(home))
    assert "4 runs" in text and "Run 1, First try Toy model, all weights" in text
    assert "Cancelled at 40 of 189" in text and "Running, 132 of 189" in text and "Waits" in text
    assert re.search(r"Finished v1, 12 training pairs|v1, 12 training pairs Finished 0\.94 2\.56 21 min", text)


def test_ticked_runs_stand_side_by_side_with_what_differs(client, home, make):
    make()
    make(settings=replace(QUICK, epochs=5, learning_rate=2e-4))
    text = text_of(client.get(f"{home}?run=1&run=2"))
    assert "Runs 2 and 1" in text and re.search(r"2 of \d+ settings; \d+ are the same", text)
    assert "Epochs 5 2" in text and "Learning rate 2e-4 1e-3" in text
    part = client.get(f"{home}?run=1&run=2", headers={"HX-Request": "true"}).text
    assert "<html" not in part and part.count('<svg class="chart"') == 2
    assert "Tick 2 to 8 runs" in text_of(client.get(f"{home}?run=1"))
    assert client.get(f"{home}?run=x").status_code == 400


@pytest.mark.parametrize("method", ["dpo", "kto"])
def test_the_losses_of_methods_that_compare_answers_are_no_perplexity(app, client, home, make, method):
    make()
    make()
    dataset_id = int(home.split("/")[2])
    with app.app_context(), transaction():
        run = training.get_run(dataset_id, 2)
        run.spec = {**run.spec, "method": method}
    assert "erplexity" in client.get(f"{home}/1").text and "erplexity" not in client.get(f"{home}/2").text
    card = client.get(f"{home}/2/card/file", buffered=True).text
    assert "| best | 105 | 0.9400 | 74.0% |\n" in card and "erplexity" not in card
    listed = text_of(client.get(home))
    assert "Finished 0.94 – 21 min" in listed and "Finished 0.94 2.56 21 min" in listed
    both = client.get(f"{home}?run=1&run=2")
    assert "each has a scale of its own" in text_of(both) and "Perplexity, best – 2.56" in text_of(both)
    assert '<span class="muted">best</span>' not in both.text and both.text.count('<svg class="chart"') == 2
    told = client.get(f"/api/v1/datasets/{dataset_id}/runs").json["runs"]
    assert [one["best"]["perplexity"] for one in told] == [None, pytest.approx(2.56, abs=0.001)]


def test_a_run_that_goes_on_is_watched(client, home, make):
    make(state="running", step=132)
    page = client.get(f"{home}/1")
    text = text_of(page)
    assert "Step 132 of 189, epoch 2 of 2, 6 min left" in text and "The best so far is step 105" in text
    assert "Validation loss, best 0.94 step 105, was 2.31 before training" in text
    assert "Perplexity, best 2.56 was 10.1" in text and "6.6 s a step, about 561 tokens a second" in text
    assert "Memory, most 6.2 GB" in text and "126 0.96 2.61 kept" in text and "84 0.98 2.66 removed" in text
    assert "Stop and resume later" in text and "Cancel run" in text and "Download model" not in text
    assert 'hx-trigger="every 4s"' in page.text and 'aria-label="Loss. Validation: 2.31 at step 0' in page.text
    assert "<ins>" in page.text and "<del>" in page.text and "Load again" in page.text
    parts = client.get(f"{home}/1/progress").text
    assert "<html" not in parts and 'id="run-top"' in parts and 'id="loss-rows"' in parts


def test_scales_are_written_as_numbers_are():
    assert [drawing.say_tick(value) for value in (2000.0, 0.25, 7.5, 1e6)] == ["2,000", "0.25", "7.5", "1e+06"]


def test_the_first_steps_of_a_learning_rate_stand_on_a_scale_from_nought(tmp_path):
    rates = [{"step": step, "loss": 1.0, "learning_rate": 1e-3 * (1 - step / 1000)} for step in (1, 2, 3)]
    (tmp_path / "metrics.jsonl").write_text("".join(json.dumps(one) + "\n" for one in rates))
    picture = drawing.measure(read_folder(tmp_path), 1000, 1, has_perplexity=True).learning_rate
    ticks = [word.text for word in picture.chart.words if word.anchor == "end" and not word.kind]
    assert ticks == ["5e-4", "1e-3", "1,000"]


def test_the_same_answer_at_several_checkpoints_stands_once():
    given = enumerate(["", "a", "a", "b", "a"])
    samples = [Sample(step=10 * step, entry=1, question="q", answer=said, reference="r") for step, said in given]
    told = list(tell_answers(samples, "q", 20))
    assert [(one.step, one.last, one.is_best) for one in told] == [
        (0, 0, False), (10, 20, True), (30, 30, False), (40, 40, False),
    ]  # fmt: skip


def test_a_run_that_is_asked_to_stop_says_no_time_that_is_left(client, home, make):
    make(state="pausing", step=132)
    text = text_of(client.get(f"{home}/1"))
    assert "Stops after this step, 132 of 189 The best" in text and "min left" not in text


def test_a_run_that_is_being_cancelled_says_so(app, client, home, make):
    make(state="running", step=132)
    with app.app_context(), transaction():
        job = jobs.enqueue("train", {})
        run = training.get_run(int(home.split("/")[2]), 1)
        run.job_id, job.state = job.id, "running"
        job.cancel_requested = True
    page = client.get(f"{home}/1")
    text = text_of(page)
    assert "Is cancelled after this step, 132 of 189 Its checkpoints stay." in text and "Cancelling…" in text
    assert "Cancel run" not in text and "min left" not in text


def test_a_choice_of_questions_comes_again_only_with_more_of_them(client, home, make):
    make(state="running", step=132)
    assert 'name="questions" value="2"' in client.get(f"{home}/1/progress?questions=0").text
    assert 'id="run-questions"' not in client.get(f"{home}/1/progress?sample=1&questions=2").text


def test_how_long_a_bundle_took_is_told_by_its_points(app, client, home, make):
    make(state="waiting", step=-1, where="bundle")
    assert "Waits for its metrics – – – " in text_of(client.get(home))


def test_sample_answers_are_shown_for_the_chosen_question_as_text(client, home, make):
    make(state="running", step=42)
    first, second = client.get(f"{home}/1").text, client.get(f"{home}/1?sample=1").text
    assert (
        "Be at the gate 45 minutes" in first and "deck 4" not in first.split('id="run-answers"')[1].split("</table>")[0]
    )
    assert "&lt;b&gt;cabins" in second and "<b>cabins" not in second and "no answer" in second


def test_a_run_that_is_done_gives_what_came_of_it(client, home, make):
    make()
    text = text_of(client.get(f"{home}/1"))
    assert "Finished in 21 min." in text and "so step 105 is the one to use" in text
    assert "Download model 7 B" in text and "ltt serve-model 1" in text and "ltt run 1 gguf run-1.gguf" in text
    sent = client.get(f"{home}/1/result/file", buffered=True)
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert archive.read("run-1/model.safetensors") == b"weights"
    assert 'filename="run-1.zip"' in sent.headers["Content-Disposition"]
    points = client.get(f"{home}/1/metrics/file", buffered=True).data.splitlines()
    assert [json.loads(line)["step"] for line in points] == list(range(190))
    spec = client.get(f"{home}/1/run.json/file", buffered=True).get_json(force=True)
    assert spec["method"] == "full" and spec["snapshot"]["number"] == 1
    assert "Trained &lt;b&gt;with&lt;/b&gt; care" in client.get(f"{home}/1/log").text
    assert client.get(f"{home}/2").status_code == 404 and client.get(f"{home}/1/other/file").status_code == 404


def test_a_result_is_made_one_model_or_a_gguf_file_by_a_button(client, home, make, app, monkeypatch):
    make()
    with app.app_context(), transaction():
        run = training.get_run(int(home.split("/")[2]), 1)
        run.spec = {**run.spec, "method": "lora"}
        folder = training.folder_of(run)
    page = client.get(f"{home}/1").text
    assert "Merge into the base model" in page and f'action="{home}/1/make/merge"' in page
    assert "make/gguf" not in page and client.get(f"{home}/1/merge/file").status_code == 404
    monkeypatch.setattr("app.services.training.results.find_converter", lambda: "converter")
    job = client.post(f"{home}/1/make/merge").headers["Location"]
    page = client.get(f"{home}/1").text
    assert job.startswith("/jobs/") and "Merge into the base model: under way" in page
    assert client.post(f"{home}/1/make/merge").headers["Location"] == job
    assert client.post(f"{home}/1/make/other").status_code == 404
    (folder / "merged").mkdir()
    (folder / "merged" / "model.safetensors").write_bytes(b"both")
    (folder / "model.gguf").write_bytes(b"GGUF")
    text = text_of(client.get(f"{home}/1"))
    assert "Download merged model 4 B" in text and "Download GGUF 4 B" in text
    sent = client.get(f"{home}/1/merge/file", buffered=True)
    with zipfile.ZipFile(io.BytesIO(sent.data)) as archive:
        assert archive.read("run-1-merged/model.safetensors") == b"both"
    sent = client.get(f"{home}/1/gguf/file", buffered=True)
    assert sent.data == b"GGUF" and 'filename="run-1.gguf"' in sent.headers["Content-Disposition"]


def test_a_run_that_failed_says_why_and_goes_on_from_its_checkpoint(client, home, make, app):
    make(state="failed", step=30)
    with app.app_context(), transaction():
        training.get_run(int(home.split("/")[2]), 1).result = {"error": "Too little memory.", "code": "no_memory"}
    text = text_of(client.get(f"{home}/1"))
    assert "Out of memory, step 30" in text and "Too little memory." in text and "Go on from step 21" in text


def test_a_run_is_paused_and_cancelled(client, home, make, app):
    make()
    client.post(home, data=choose())
    client.post(f"{home}/2/pause")
    assert listed(app, home)[0] == (2, "paused", "")
    assert "Cancel run" in text_of(client.get(f"{home}/2"))
    client.post(f"{home}/2/cancel")
    assert listed(app, home)[0] == (2, "cancelled", "")
    assert client.post(f"{home}/2/cancel").status_code == 409 and client.post(f"{home}/1/resume").status_code == 409


def test_name_note_checkpoints_and_the_whole_run(client, home, make, app):
    make()
    client.post(f"{home}/1/name", data={"name": "Best so far", "note": "Two\nlines"})
    page = client.get(f"{home}/1")
    assert "Run 1, Best so far" in text_of(page) and "Two\nlines</textarea>" in page.text
    said = re.search(r"Delete 2 checkpoints, ([\d.]+ KB)", text_of(page))
    assert said and said[1] in text_of(client.post(f"{home}/1/checkpoints/delete", follow_redirects=True))
    assert "Delete 2 checkpoints" not in text_of(client.get(f"{home}/1"))
    assert "Run 1 is deleted" in text_of(client.post(f"{home}/1/delete", follow_redirects=True))
    assert listed(app, home) == [] and client.get(f"{home}/1").status_code == 404


def test_a_new_run_begins_with_what_is_recommended_and_why(client, home):
    page = client.get(f"{home}/new?look=1")
    text = text_of(page)
    assert (
        "Ready to start" in text
        and "A toy model learns from nothing" in text
        and "12 to train, 4 to validate" in text.replace(" ,", ",")
    )
    assert 'name="learning_rate" maxlength="20" inputmode="decimal"\n            value="1e-3"' in page.text
    assert "ltt train Bank" in text and "--base toy" in text and "Start run 1" in text and "not known" in text


def test_values_that_the_page_filled_in_follow_the_base_model_and_others_stay(client, home):
    page = client.get(f"{home}/new?look=1&asked=1&was=toy:full&base=hub&hub=x/y&learning_rate=1e-3&epochs=7")
    text = text_of(page)
    assert re.search(r'name="learning_rate"[^>]*value="2e-4"', page.text) and re.search(
        r'name="epochs"[^>]*value="7"', page.text
    )
    assert "Use 3" in text and "Say under which licence you use x/y" in text and "LoRA" in text
    typed = client.get(f"{home}/new?look=1&asked=1&was=hub:lora&base=hub&hub=x/y&learning_rate=1e-3").text
    assert re.search(r'name="learning_rate"[^>]*value="1e-3"', typed)


def test_a_button_sets_what_it_says(client, home):
    page = client.get(f"{home}/new?look=1&asked=1&was=toy:full&epochs=7&set=epochs%3D4&set=held_out%3D20")
    assert re.search(r'name="epochs"[^>]*value="4"', page.text) and re.search(
        r'name="held_out"[^>]*value="20"', page.text
    )
    assert (
        client.get(f"{home}/new?set=what").status_code == 400 and client.get(f"{home}/new?set=a%3Db").status_code == 400
    )


@pytest.mark.parametrize(
    ("said", "sentence"),
    [
        ("epochs=0", "Epochs must be from 1 to 1000."),
        ("epochs=many", "Epochs must be a whole number."),
        ("learning_rate=nan", "Learning rate must be a number."),
        ("base=folder", "Name the folder of the base model."),
        ("base=hub", "Name the model of the Hub."),
        ("max_tokens=3", "Longest text must be 16 or more."),
        ("sweep_epochs=1", "A sweep is 2 to 8 runs; these are 1."),
        ("sweep_epochs=1,2,3,4,5,6,7,8,9", "these are 9"),
        ("sweep_rank=4 8", "this run trains the weights themselves"),
        ("toy_width=33", "must be a multiple of 16"),
        ("held_out=99", "Held out must be from 0 to 50."),
        ("snapshot=77", "no snapshot"),
        ("where=moon", "no place"),
        ("sweep_rank=1,x", "Rank must be a whole number."),
    ],
)
def test_what_cannot_be_is_said_beside_the_choices(client, app, home, said, sentence):
    address = f"{home}/new?look=1&asked=1&was=toy:full&{said}"
    text = text_of(client.get(address))
    assert sentence in text and "Something is missing" in text
    name, _, value = said.partition("=")
    refused = client.post(home, data=choose(**{name: value}))
    assert refused.status_code in (400, 404, 409, 422) and sentence in text_of(refused, refused.status_code)
    assert listed(app, home) == []


def test_without_validation_the_page_offers_to_hold_some_out(client, app):
    with app.app_context():
        home = f"/datasets/{make_dataset('Undivided', validation=0, train=30)}/training"
    page = client.get(f"{home}/new?look=1")
    assert "There are no validation pairs." in text_of(page) and 'value="held_out=10"' in page.text
    held = text_of(client.get(f"{home}/new?look=1&asked=1&was=toy:full&held_out=20"))
    assert "There are no validation pairs" not in held and "to validate" in held


def test_a_base_folder_that_is_none_is_said_before_the_start(client, app, home, tmp_path):
    def said(folder):
        fields = choose(base="folder", was="folder:lora", method="lora", folder=str(folder))
        page = text_of(client.get(f"{home}/new", query_string={"look": "1", **fields}))
        refused = client.post(home, data=fields)
        assert refused.status_code in (409, 422) and listed(app, home) == []
        return page

    assert f"There is no folder {tmp_path / 'away'} on this computer." in said(tmp_path / "away")
    page = said(tmp_path)
    assert f"{tmp_path} holds no model: it has no config.json." in page and "1 finding blocks the start" in page
    (tmp_path / "adapter_config.json").write_text("{}")
    assert "holds an adapter and not a whole model" in said(tmp_path)


def test_a_run_that_was_started_meanwhile_is_not_started_twice(client, app, home):
    assert re.search(r'name="number" value="1"', client.get(f"{home}/new").text)
    assert client.post(home, data=choose(number="1")).status_code == 303
    again = client.post(home, data=choose(number="1"))
    said = text_of(again, 409)
    assert "Run 1 was started meanwhile. Start run 2 where you want one more." in said and "Nothing was started" in said
    assert 'name="number" value="2"' in again.text and "disabled" not in again.text.split('id="run-start"')[1][:900]
    assert len(listed(app, home)) == 1
    assert client.post(home, data=choose(number="2")).location == f"{home}/2"


def test_without_pairs_the_page_leads_to_the_import(client, app):
    with app.app_context():
        dataset_id = datasets.create_dataset("Empty").id
    page = client.get(f"/datasets/{dataset_id}/training/new?look=1")
    text = text_of(page)
    assert "1 finding blocks the start" in text and "There are no pairs to train on yet. Import a file…" in text
    assert "No records" not in text and "Checkpoints" not in text.split("You get")[1]


def test_a_model_that_was_not_downloaded_is_told_before_the_start(client, home, make, monkeypatch, tmp_path):
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path))
    address = f"{home}/new?look=1&asked=1&base=hub&hub=acme/small-1b&method=lora&allow_download_shown=1&licence=MIT"
    page = client.get(address)
    assert "acme/small-1b was not downloaded to this computer before" in text_of(page)
    assert 'name="set" value="allow_download=1"' in page.text and "Start run 1" in page.text
    allowed = client.get(f"{address}&set=allow_download%3D1")
    assert "was not downloaded" not in text_of(allowed)
    assert re.search(r'name="allow_download" value="1"\s+checked', allowed.text)
    (tmp_path / "models--acme--small-1b").mkdir()
    assert "was not downloaded" not in text_of(client.get(address))
    make(base="acme/small-1b", method="lora", settings=replace(QUICK, allow_download=True))
    again = client.get(f"{home}/new?look=1&like=1").text
    assert re.search(r'name="allow_download" value="1"\s+checked', again)


def test_an_estimate_counts_the_time_of_training_alone(app, client, home, make):
    make()
    with app.app_context(), transaction():
        run = training.get_run(int(home.split("/")[2]), 1)
        # It was paused over night.
        run.started_at = run.finished_at - timedelta(hours=9)
    fields = choose(epochs="6", batch_size="2", accumulation="1")
    text = text_of(client.get(f"{home}/new", query_string={"look": "1", **fields}))
    # 36 steps of 6.6 s each.
    assert "about, from run 1 Steps 36 6 epochs × 6 Time 4 min" in text


def test_what_a_sweep_will_be_is_told(client, home):
    fields = choose(sweep_epochs="2, 4", sweep_learning_rate="1e-3 3e-3")
    text = text_of(client.get(f"{home}/new", query_string={"look": "1", **fields}))
    assert "Start 4 runs" in text and "Steps 2 to 4 each of 4 runs" in text
    assert "--sweep learning_rate=1e-3,3e-3" in text and "--sweep epochs=2,4" in text


def test_no_more_sample_answers_are_promised_than_there_are_questions(client, app, home):
    assert "4 validation questions at each checkpoint" in text_of(client.get(f"{home}/new?look=1"))
    with app.app_context():
        undivided = f"/datasets/{make_dataset('Undivided', validation=0, train=30)}/training"
    text = text_of(client.get(f"{undivided}/new?look=1"))
    assert "Sample answers none" in text and "when to stop. Divide the dataset" in text


def test_a_run_is_started_from_the_page_and_freezes_the_pairs(client, app, home):
    answer = client.post(home, data=choose(name="Mine", note="For <b>all</b>"))
    assert answer.status_code == 303 and answer.location == f"{home}/1"
    with app.app_context():
        run = training.get_run(int(home.split("/")[2]), 1)
        assert (run.name, run.state, training.spec_of(run).settings.epochs) == ("Mine", "queued", 2)
        assert jobs.get(run.job_id).state == "queued" and len(snapshots.list_snapshots(run.dataset_id)) == 1
    text = text_of(client.get(f"{home}/1"))
    assert "Starts in a moment" in text or "No worker is running" in text


def test_a_sweep_is_one_queue_with_a_table(client, app, home):
    data = choose(sweep_learning_rate="1e-3, 5e-4", sweep_epochs="1 2")
    assert "Start 4 runs" in text_of(client.get(f"{home}/new", query_string={**data, "look": "1"}))
    answer = client.post(home, data=data)
    assert answer.status_code == 303 and [state for _, state, _ in listed(app, home)] == ["queued"] * 4
    text = text_of(client.get(answer.location))
    assert "Runs 4, 3, 2 and 1" in text and "Learning rate 5e-4 same" in text
    many = client.post(home, data=choose(sweep_epochs="1 2 3 4 5 6 7 8 9"))
    assert many.status_code == 422 and "2 to 8 runs" in text_of(many, 422) and len(listed(app, home)) == 4


def test_settings_are_used_again(client, home, make):
    make(settings=replace(QUICK, epochs=9, learning_rate=3e-4), seed=7)
    page = client.get(f"{home}/new?like=1&look=1")
    assert "with the settings of run 1" in text_of(page)
    assert re.search(r'name="epochs"[^>]*value="9"', page.text) and re.search(r'name="seed"[^>]*value="7"', page.text)
    assert re.search(r'name="learning_rate"[^>]*value="3e-4"', page.text) and "from run 1" in page.text
    assert client.get(f"{home}/new?like=9").status_code == 404


def test_this_computer_is_not_asked_while_a_page_waits(client, home, monkeypatch):
    monkeypatch.setattr("app.providers.tuning.local._probed", {})
    monkeypatch.setattr(LocalPlace, "ask", lambda *_, **__: pytest.fail("asked"))
    page = client.get(f"{home}/new")
    assert "Looking what this computer has" in text_of(page) and 'hx-trigger="load"' in page.text


def test_the_navigation_leads_to_training_from_both_tabs(client, home):
    for path in (home, home.replace("training", "advice"), f"{home}/new"):
        assert re.search(rf'<a href="{home}" aria-current="page"\s+data-key="g t"', client.get(path).text), path


def test_a_run_is_taken_away_and_its_metrics_are_dropped_back(app, client, home):
    answer = client.post(home, data=choose(where="bundle", base="hub", hub="acme/small", method="lora"))
    assert answer.status_code == 303, text_of(answer, answer.status_code)
    page = client.get(f"{home}/1")
    assert "Waits for its metrics" in text_of(page) and f"{home}/1/bundle/file?trainer=llama-factory" in page.text
    bundle = client.get(f"{home}/1/bundle/file?trainer=mlx")
    with zipfile.ZipFile(io.BytesIO(bundle.data)) as archive:
        assert "run_1_of_bank_mlx/mlx.yaml" in archive.namelist()
    line = b'{"step": 1, "epoch": 2.0, "validation_loss": 1.5, "finished": true}\n'
    done = client.post(f"{home}/1/metrics", data={"file": (io.BytesIO(line), "metrics.jsonl")}, follow_redirects=True)
    assert "1 point brought back from metrics.jsonl" in text_of(done) and "Finished" in text_of(done)
    assert listed(app, home) == [(1, "done", "")]
    assert b"| best | 1 |" in client.get(f"{home}/1/card/file").data
    broken = client.post(f"{home}/1/metrics", data={"file": (io.BytesIO(b"{"), "metrics.jsonl")})
    assert "Line 1 of this file is broken" in text_of(broken, 422)
    assert "No file was chosen" in text_of(client.post(f"{home}/1/metrics"), 400)


def test_a_finding_that_would_cut_answers_names_the_length_that_does_not(client, home):
    page = client.get(f"{home}/new?look=1&asked=1&was=toy:full&max_tokens=16")
    text = text_of(page)
    assert "A record of whose answer nothing is trained: 16 pairs." in text and "See the findings" in text
    longest = re.search(r'name="set" value="max_tokens=(\d+)"', page.text)[1]
    settled = client.get(f"{home}/new?look=1&asked=1&was=toy:full&max_tokens=16&set=max_tokens%3D{longest}")
    assert "nothing is trained" not in text_of(settled)


def test_what_must_be_fixed_blocks_unless_a_reason_is_given(client, app, home, monkeypatch):
    blocking = Finding("no-answer", "A pair without an answer", "error", 3, "There is nothing to learn.", True)
    monkeypatch.setattr("app.services.training.data._read_findings", lambda closed: [blocking])
    page = client.get(f"{home}/new?look=1")
    text = text_of(page)
    assert "1 finding blocks the start" in text and "A pair without an answer: 3 pairs." in text
    assert re.search(r'disabled\s+aria-describedby="why"', page.text) and 'name="override"' in page.text
    refused = client.post(home, data=choose())
    said = text_of(refused, 409)
    assert "say why to start anyway. " in said and "Nothing was started" in said and "--override" not in said, said
    assert listed(app, home) == []
    allowed = client.get(f"{home}/new?look=1&asked=1&was=toy:full&override=For+a+test")
    assert not re.search(r'disabled\s+aria-describedby="why"', allowed.text)
    assert client.post(home, data=choose(override="For a test")).status_code == 303
    assert "because: For a test" in text_of(client.get(f"{home}/1"))
