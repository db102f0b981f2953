"""Metrics files of others, as they come back: each is read as the points it holds, or refused with one sentence."""

import json

import pytest

from app.core.errors import Invalid
from app.core.training import TOY, FrozenData, RunSpec, TrainingSettings
from app.core.training.foreign import read_brought, require_same_run
from app.core.training.points import Point

RUN, OTHER = "0123456789abcdef", "fedcba9876543210"
SPEC = RunSpec(
    "",
    FrozenData("Bank", 1, 1, "", "ab" * 32, 20),
    {"train": 16, "validation": 4},
    TOY,
    "full",
    TrainingSettings(epochs=2),
)
OURS = [
    {"run": RUN, "step": 0, "epoch": 0, "seconds": 1.5, "validation_loss": 6.0},
    {"run": RUN, "step": 4, "epoch": 2.0, "seconds": 9.5, "loss": 4.0, "validation_loss": 3.0, "finished": True},
]
STATE = {
    "best_model_checkpoint": f"/x/bundle/output/{RUN}/checkpoint-4",
    "max_steps": 4,
    "num_train_epochs": 2,
    "log_history": [
        {"epoch": 1.0, "step": 2, "loss": 5.0, "grad_norm": 1.0, "learning_rate": 1e-4},
        {"epoch": 1.0, "step": 2, "eval_loss": 4.5, "eval_runtime": 1.0},
        {"epoch": 2.0, "step": 4, "loss": 4.0},
        {"epoch": 2.0, "step": 4, "eval_loss": 3.0, "eval_accuracy": 0.5},
        {"epoch": 2.0, "step": 4, "train_runtime": 9.0, "train_loss": 4.5},
    ],
}
# As train/callbacks.py of LLaMA-Factory 0.9.5 writes them.
FACTORY = [
    {"current_steps": 2, "total_steps": 4, "loss": 5.0, "lr": 1e-4, "epoch": 1.0, "percentage": 50.0, "elapsed_time": "0:01:10", "remaining_time": "0:01:10"},
    {"current_steps": 2, "total_steps": 4, "eval_loss": 4.5, "epoch": 1.0, "percentage": 50.0, "elapsed_time": "0:01:12", "remaining_time": "0:01:12"},
    {"current_steps": 4, "total_steps": 4, "loss": 4.0, "lr": 0.0, "epoch": 2.0, "percentage": 100.0, "elapsed_time": "1 day, 0:00:10", "remaining_time": "0:00:00"},
    {"current_steps": 4, "total_steps": 4, "epoch": 2.0, "percentage": 100.0, "elapsed_time": "1 day, 0:00:12", "remaining_time": "0:00:00"},
]  # fmt: skip
# As trainers/patcher.py and pipelines/train/sft.py of MS-Swift 4.6.0 write them.
SWIFT = [
    {"loss": 5.0, "grad_norm": 1.0, "learning_rate": 1e-4, "token_acc": 0.4, "epoch": 1.0, "global_step/max_steps": "2/4", "elapsed_time": "1m 10s", "remaining_time": "1m 10s", "memory(GiB)": 2.0, "train_speed(s/it)": 35.0},
    {"eval_loss": 4.5, "eval_token_acc": 0.45, "epoch": 1.0, "global_step/max_steps": "2/4", "elapsed_time": "1m 12s", "remaining_time": "1m 12s"},
    {"train_runtime": 99.0, "train_loss": 4.5, "epoch": 2.0, "global_step/max_steps": "4/4", "elapsed_time": "1h 3m 20s"},
    {"last_model_checkpoint": f"/x/output/{RUN}/checkpoint-4", "best_metric": 3.0, "global_step": 4, "log_history": [], "memory": 2.0},
]  # fmt: skip


def as_lines(rows):
    return "".join(json.dumps(row) + "\n" for row in rows).encode()


def test_our_own_file_names_its_run_and_says_that_it_is_at_its_end():
    brought = read_brought(as_lines(OURS))
    assert brought.points == (
        Point(0, 0, 1.5, validation_loss=6.0),
        Point(4, 2.0, 9.5, loss=4.0, validation_loss=3.0),
    )
    assert brought.run == RUN and brought.is_finished


def test_a_file_that_went_through_an_editor_is_the_same():
    edited = b"\xef\xbb\xbf" + as_lines(OURS).replace(b"\n", b"\r\n") + b"\r\n"
    assert read_brought(edited) == read_brought(as_lines(OURS))


def test_a_trainer_state_names_its_run_by_its_folder():
    brought = read_brought(json.dumps(STATE, indent=2).encode())
    assert [(one.step, one.loss, one.validation_loss) for one in brought.points] == [(2, 5.0, 4.5), (4, 4.0, 3.0)]
    assert brought.points[1].validation_token_accuracy == 0.5
    assert (brought.run, brought.steps, brought.epochs, brought.is_finished) == (RUN, 4, 2, True)


def test_the_log_of_llama_factory():
    brought = read_brought(as_lines(FACTORY))
    assert [(one.step, one.loss, one.validation_loss, one.seconds) for one in brought.points] == [
        (2, 5.0, 4.5, 72.0),
        (4, 4.0, None, 86_410.0),
    ]
    assert brought.points[0].learning_rate == 1e-4 and brought.steps == 4 and brought.is_finished


def test_the_log_of_swift():
    brought = read_brought(as_lines(SWIFT))
    assert brought.points == (Point(2, 1.0, 72.0, 5.0, 0.4, 1e-4, 1.0, None, 2048.0, 4.5, 0.45),)
    assert (brought.run, brought.steps, brought.is_finished) == (RUN, 4, True)


def test_a_loss_that_is_no_number_was_not_measured():
    lines = b'{"step": 1, "loss": NaN, "learning_rate": 0.1}\n{"step": 2, "loss": Infinity, "tokens": 7}\n'
    assert read_brought(lines).points == (Point(1, learning_rate=0.1), Point(2, tokens=7))


def test_a_number_beyond_all_bounds_was_not_measured():
    large = b'{"step": 1, "loss": 1' + b"0" * 400 + b', "tokens": 1e300, "epoch": 1e400, "learning_rate": 0.1}'
    assert read_brought(large).points == (Point(1, learning_rate=0.1),)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "This file is empty"),
        (b"\n\n", "This file is empty"),
        (b'{"step": 1, "loss": 2}\n{"step": 2, "lo', "Line 2 of this file is broken"),
        (b"a,b\n1,2\n", "Line 1 of this file is broken"),
        (b"[1, 2]\n", "Line 1 of this file is no point"),
        (b'{"loss": 2}\n', "Line 1 of this file names no step"),
        (b'{"step": -1, "loss": 2}\n', "Line 1 of this file names no step"),
        (b'{"step": true, "loss": 2}\n', "Line 1 of this file names no step"),
        (b"\xff\xfe\x00", "no text in UTF-8"),
        (b'{"log_history": 7}', "The log_history of this file is broken"),
        (b'{"log_history": [7]}', "The log_history of this file is broken"),
        (b'{"log_history": []}', "Nothing was measured in this file yet"),
        (b'{"step": 1, "answer": "a"}\n', "Line 1 of this file is no sample answer"),
        (as_lines([OURS[0], {**OURS[1], "run": OTHER}]), "are of several runs"),
        (b"[" * 100_000, "is broken"),
    ],
)
def test_what_is_broken_is_refused_with_one_sentence_that_says_where(data, said):
    with pytest.raises(Invalid, match=said):
        read_brought(data)


def test_files_of_this_run_are_taken():
    for data in (as_lines(OURS), json.dumps(STATE).encode(), as_lines(FACTORY), as_lines(SWIFT)):
        require_same_run(read_brought(data), RUN, SPEC, 4)


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (as_lines(OURS).replace(RUN.encode(), OTHER.encode()), f"of another run \\({OTHER}\\)"),
        (json.dumps(STATE).replace(RUN, OTHER).encode(), f"of another run \\({OTHER}\\)"),
        (as_lines(SWIFT).replace(RUN.encode(), OTHER.encode()), f"of another run \\({OTHER}\\)"),
        (json.dumps({**STATE, "num_train_epochs": 3}).encode(), "it has 3 epochs, this run has 2"),
        (json.dumps({**STATE, "best_model_checkpoint": None, "max_steps": 40}).encode(), "step 40, this run has 4"),
        (as_lines([{**FACTORY[0], "total_steps": 900}]), "step 900, this run has 4"),
    ],
)
def test_files_of_other_runs_are_refused(data, said):
    with pytest.raises(Invalid, match=said):
        require_same_run(read_brought(data), RUN, SPEC, 4)


def test_several_gpus_need_fewer_steps():
    require_same_run(read_brought(json.dumps({**STATE, "max_steps": 4}).encode()), RUN, SPEC, 16)
