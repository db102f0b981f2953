"""The sample dataset."""

from app.services import datasets, entries, sample


def test_the_sample_is_approved_and_complete(app):
    with app.app_context():
        dataset = sample.load_sample()
        assert dataset.entry_count >= 60 and set(dataset.counts) == {"approved"}
        assert len(entries.tag_counts(dataset.id)) > 5


def test_no_question_stands_twice(app):
    questions = [record.question for record in sample.sample_records()]
    assert len(set(questions)) == len(questions)


def test_the_sample_can_be_loaded_again(app):
    with app.app_context():
        assert datasets.compute_digest(sample.load_sample().id) == datasets.compute_digest(sample.load_sample().id)
