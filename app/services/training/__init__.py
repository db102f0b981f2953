"""Training runs: planned, tied to a snapshot, trained at a place, followed, compared and deleted."""

from app.services.training.bundles import MadeBundle, import_metrics, stream_bundle, write_bundle
from app.services.training.choices import RunChoices, usual_choices
from app.services.training.data import Finding, Survey, survey_data
from app.services.training.folders import folder_of, read_run, runs_folder
from app.services.training.listing import (
    ACTIVE,
    ENDED,
    Difference,
    RunComparison,
    as_dict,
    compare_runs,
    count_runs,
    delete_checkpoints,
    delete_run,
    describe_run,
    get_run,
    list_holding,
    list_runs,
    require_run,
    spec_of,
)
from app.services.training.local import serve_model
from app.services.training.places import find_place, list_places
from app.services.training.planning import NO_VALIDATION, Recommendation, RunPlan, plan_run, recommend
from app.services.training.quoting import Quote, read_quote
from app.services.training.records import card_of, read_spec, write_record
from app.services.training.results import MADE, MakeModel, can_write_gguf, list_made, make_of_result
from app.services.training.running import (
    TrainRun,
    cancel_run,
    create_run,
    create_sweep,
    finish_run,
    pause_run,
    plan_start,
    prepare,
    record_runs,
    resume_run,
    start_run,
)
from app.services.training.sweeping import SWEPT, combine_swept
from app.services.training.tasks import AWAY, MAKE, TRAIN

__all__ = [
    "ACTIVE",
    "AWAY",
    "ENDED",
    "MADE",
    "MAKE",
    "NO_VALIDATION",
    "SWEPT",
    "TRAIN",
    "Difference",
    "Finding",
    "MadeBundle",
    "MakeModel",
    "Quote",
    "Recommendation",
    "RunChoices",
    "RunComparison",
    "RunPlan",
    "Survey",
    "TrainRun",
    "as_dict",
    "can_write_gguf",
    "cancel_run",
    "card_of",
    "combine_swept",
    "compare_runs",
    "count_runs",
    "create_run",
    "create_sweep",
    "delete_checkpoints",
    "delete_run",
    "describe_run",
    "find_place",
    "finish_run",
    "folder_of",
    "get_run",
    "import_metrics",
    "list_holding",
    "list_made",
    "list_places",
    "list_runs",
    "make_of_result",
    "pause_run",
    "plan_run",
    "plan_start",
    "prepare",
    "read_quote",
    "read_run",
    "read_spec",
    "recommend",
    "record_runs",
    "require_run",
    "resume_run",
    "runs_folder",
    "serve_model",
    "spec_of",
    "start_run",
    "stream_bundle",
    "survey_data",
    "usual_choices",
    "write_bundle",
    "write_record",
]
