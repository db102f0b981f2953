"""How far a dataset is: told by what is stored."""

from app.core.record import Record
from app.services import datasets, entries, export, history, pairs, tasks
from app.services.export import ExportOptions
from app.services.pairs import Selection
from app.services.splits import SPLIT, SplitRun
from app.services.stages import view_stages
from app.services.validation import CHECK, CheckRun


def done(dataset_id: int) -> list[str]:
    """The names of the stages that are done."""
    return [stage.name for stage in view_stages(datasets.get(dataset_id)) if stage.is_done]


def test_each_stage_is_done_by_what_the_data_says(app) -> None:
    with app.app_context():
        home = datasets.create_dataset("Harbor").id
        assert done(home) == []
        history.create(home, [Record(f"What is {n}?", f"It is number {n}.") for n in range(20)], summary="Add")
        assert done(home) == ["import"]
        assert view_stages(datasets.get(home))[1].said == "Not checked yet"
        ids = tuple(entry.id for entry in entries.stream_entries(home))
        pairs.set_status(home, Selection(ids=ids[1:]), "approved")
        assert view_stages(datasets.get(home))[2].next_act == "Review 1 pair"
        pairs.set_status(home, Selection(ids=ids), "approved")
        assert done(home) == ["import", "review"]
        tasks.start(CHECK, CheckRun(home, "plain"))
        tasks.start(SPLIT, SplitRun(home))
        export.remember_target(home, ExportOptions(target="openai"))
        assert done(home) == ["import", "fix", "review", "split", "export"]


def test_a_dataset_that_was_emptied_begins_anew(app) -> None:
    with app.app_context():
        home = datasets.create_dataset("Harbor").id
        history.create(home, [Record("What?", "That.")], summary="Add")
        history.delete(home, [entry.id for entry in entries.stream_entries(home)])
        assert done(home) == []
