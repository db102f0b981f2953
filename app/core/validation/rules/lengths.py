"""Rules on what is left of a record within the length of a target, and what of that is trained."""

from app.core.text import plural
from app.core.validation.profiles import Profile
from app.core.validation.rules.base import Problem, Problems, chat, rule
from app.core.validation.training import Trained, say_trained

_SHORT = chat("Tare?", "Empty weight.")
_LONG = "Say what stands on the label of each of the boxes. " * 500


@rule(
    "no-answer-left",
    "A record of whose answer nothing is trained",
    "What stands before the answer fills the length that the target takes: no part of the answer is learned.",
    good=_SHORT,
    bad=chat(_LONG, "Empty weight."),
    level="trained",
    profile="trl",
    refused=False,
)
def check_no_answer_left(trained: Trained, profile: Profile) -> Problems:
    """Records that are kept, or dropped for it, without a token of an answer that is trained."""
    if trained.answer_tokens and not trained.trained_answer_tokens and not trained.too_long:
        yield Problem("", say_trained(trained))


@rule(
    "too-long",
    "A record longer than the target takes",
    "It is dropped, or the file is refused, for its length.",
    good=_SHORT,
    bad=chat("Which labels?", _LONG),
    level="trained",
    profile="axolotl",
)
def check_too_long(trained: Trained, profile: Profile) -> Problems:
    """Records over the limit of a target that does not cut them."""
    if trained.too_long:
        yield Problem("", say_trained(trained))


@rule(
    "answer-cut",
    "An answer that is cut",
    "The record is longer than the target takes: the model learns to stop in the middle.",
    good=_SHORT,
    bad=chat("Which labels?", _LONG),
    level="trained",
    profile="trl",
    refused=False,
)
def check_answer_cut(trained: Trained, profile: Profile) -> Problems:
    """Records of whose answers a part is trained, and another is not for its length."""
    if 0 < trained.trained_answer_tokens < trained.answer_tokens:
        yield Problem("", say_trained(trained))


@rule(
    "question-cut",
    "A question that is cut",
    "The answer is trained whole, after a question of which a part is missing.",
    good=_SHORT,
    bad=chat(_LONG, "Empty weight."),
    level="trained",
    profile="llama-factory",
    refused=False,
)
def check_question_cut(trained: Trained, profile: Profile) -> Problems:
    """Records that lose text within the limit, but nothing of their answers."""
    if trained.cut_at is not None and trained.trained_answer_tokens == trained.answer_tokens:
        lost = plural(trained.tokens - trained.cut_at, "token")
        yield Problem("", f"{lost} before the answer are cut off: the record has {trained.tokens:,}.")
