"""``ltt advice``: for a file and a dataset, with every source that is cited."""

import json
import re

import pytest


@pytest.fixture
def faq(tmp_path):
    """A file of sixty facts."""
    path = tmp_path / "faq.jsonl"
    rows = [{"question": f"When was depot {n} built?", "answer": f"It was built in {1800 + n}."} for n in range(60)]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def test_each_line_names_sources_that_are_listed(ltt, faq):
    printed = ltt("advice", faq, "--memory", 24).out
    assert (
        "This set teaches facts." in printed
        and "QLoRA" in printed
        and "learning rate: 2e-4, try 1e-4 to 2e-4" in printed
    )
    body, _, listed = printed.partition("\nSources:\n")
    assert set(re.findall(r"\[\d+\]", body)) == set(re.findall(r"^  (\[\d+\])", listed, re.MULTILINE))
    assert all("read 20" in line for line in listed.splitlines() if line)


def test_a_dataset_is_advised_as_its_file_is(ltt, faq):
    ltt("import", faq, "--dataset", "Depots", "--create")
    file, dataset = ltt("advice", faq, "--json").json, ltt("advice", "--dataset", "Depots", "--json").json
    assert file == dataset and file["kind"] == "facts" and file["settings"]["rank"]["start"] == 16


def test_a_set_too_small_to_train_on_gets_no_settings_and_no_heading_for_them(ltt, tmp_path):
    path = tmp_path / "one.jsonl"
    path.write_text(json.dumps({"question": "When was the old depot built?", "answer": "It was built in 1801."}))
    printed = ltt("advice", path).out
    assert printed.startswith("1 record, 1 to train on: ") and "Settings to start with" not in printed
    assert not re.search(r":\n\n", printed) and "licence not known" not in printed


def test_both_languages_of_a_set_are_named(ltt, tmp_path):
    path = tmp_path / "both.jsonl"
    rows = [
        {"question": f"{asked} {n}?", "answer": answer}
        for n in range(6)
        for asked, answer in (
            ("What is the weight of the box with the number", "It is on the label of the box."),
            ("Wie schwer ist die Kiste mit der Nummer", "Das steht auf dem Etikett der Kiste."),
        )
    ]
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    assert "English 50%, German 50%" in ltt("advice", path).out.splitlines()[0]


def test_wrong_usage_is_refused(ltt, faq):
    assert ltt("advice").code == 2 and ltt("advice", faq, "--memory", 0).code == 2
    assert ltt("advice", "nothing.jsonl").code == 3
