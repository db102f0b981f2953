"""Points of a run: each step once, whoever wrote them."""

import json
import math

import pytest

from app.core.training.foreign import read_brought
from app.core.training.points import (
    Point,
    encode_points,
    find_best,
    merge_points,
    perplexity_of,
    read_points,
)


def read_metrics(data):
    return list(read_brought(data).points)


STATE = {
    "global_step": 4,
    "best_metric": 1.5,
    "log_history": [
        {"eval_loss": 3.0, "eval_mean_token_accuracy": 0.2, "eval_runtime": 0.1, "epoch": 0, "step": 0},
        {"loss": 2.5, "grad_norm": 1.25, "learning_rate": 0.001, "mean_token_accuracy": 0.3, "num_tokens": 90.0,
         "epoch": 0.5, "step": 2, "entropy": 4.0},
        {"loss": float("nan"), "learning_rate": 0.0005, "epoch": 1.0, "step": 4},
        {"eval_loss": 1.5, "epoch": 1.0, "step": 4},
        {"train_runtime": 8.0, "train_loss": 2.0, "total_flos": 1.0, "epoch": 1.0, "step": 4},
    ],
}  # fmt: skip


def test_a_trainer_state_gives_a_point_for_each_step_with_our_names():
    assert read_metrics(json.dumps(STATE, indent=1).encode()) == [
        Point(0, epoch=0.0, validation_loss=3.0, validation_token_accuracy=0.2),
        Point(2, epoch=0.5, loss=2.5, token_accuracy=0.3, learning_rate=0.001, gradient_norm=1.25, tokens=90),
        Point(4, epoch=1.0, learning_rate=0.0005, validation_loss=1.5),
    ]


def test_the_same_points_come_back_from_what_was_written():
    points = read_metrics(json.dumps(STATE).encode())
    assert read_metrics(encode_points(points)) == points


def test_a_single_point_of_ours_is_no_trainer_state():
    assert read_metrics(b'{"step":7,"loss":1.0}') == [Point(7, loss=1.0)]


def test_a_step_stands_once_and_the_later_line_counts():
    points = merge_points([Point(4, loss=1.0, tokens=5), Point(2, loss=3.0), Point(4, loss=0.5, validation_loss=2.0)])
    assert points == [Point(2, loss=3.0), Point(4, loss=0.5, tokens=5, validation_loss=2.0)]


def test_a_line_that_is_still_being_written_is_left_out(tmp_path):
    file = tmp_path / "metrics.jsonl"
    assert read_points(file) == []
    file.write_bytes(b'{"step":1,"loss":2.0}\n{"step":2,"loss":NaN,"tokens":9}\n[1]\n{"step":-1}\n{"step":3,"lo')
    assert read_points(file) == [Point(1, loss=2.0), Point(2, tokens=9)]


def test_perplexity_is_e_to_the_loss_where_that_is_a_number():
    assert perplexity_of(0.94) == pytest.approx(2.56, abs=0.001)
    assert Point(0, validation_loss=math.log(12)).perplexity == pytest.approx(12)
    assert (perplexity_of(None), perplexity_of(5000.0), Point(1).perplexity) == (None, None, None)


def test_the_best_point_is_the_first_with_the_lowest_validation_loss():
    points = [
        Point(0, validation_loss=3.0),
        Point(2, validation_loss=1.0),
        Point(3, loss=0.1),
        Point(4, validation_loss=1.0),
    ]
    assert find_best(points) == points[1]
    assert find_best([Point(3, loss=0.1)]) is None and find_best([]) is None


def test_the_best_is_what_training_made():
    base, first, second = Point(0, validation_loss=1.0), Point(5, validation_loss=1.2), Point(9, validation_loss=1.2)
    assert find_best([base, first, second]) == first
    assert find_best([base, Point(7, loss=1.0)]) == base and find_best([Point(7, loss=1.0)]) is None
