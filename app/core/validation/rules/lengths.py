"""Rules on what a target makes of a record: its length, its chat template, and what of it is trained."""

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


@rule(
    "template-refuses",
    "A record that the chat template does not write",
    "Many templates stop at roles or an order that they do not know, and the trainer with them.",
    good=_SHORT,
    bad=Trained(False, 0, 0, 0, 0, refused="The template refuses it: System role not supported."),
    level="trained",
    profile="trl",
)
def check_template_refusal(trained: Trained, profile: Profile) -> Problems:
    """Records at which the chosen template ends with an error."""
    if trained.refused:
        yield Problem("", trained.refused)


@rule(
    "template-loses",
    "Content that the chat template leaves out",
    "The template has no place for it, or wants it in another form: it is never trained, and nobody says so.",
    good=_SHORT,
    bad=Trained(True, 20, 5, 5, 5, lost=("a call of weigh",)),
    level="trained",
    profile="trl",
    refused=False,
)
def check_template_loss(trained: Trained, profile: Profile) -> Problems:
    """Records with an answer, a system prompt or tool calls that do not stand in what the template writes."""
    if trained.lost:
        severity = "error" if "the answer" in trained.lost else None
        yield Problem("", f"The template leaves out {' and '.join(trained.lost)}.", severity=severity)


@rule(
    "trained-unclear",
    "Answers of which it cannot be told what is trained",
    "The template writes them otherwise once more turns follow, as where it takes the reasoning of earlier answers "
    "away. Trainers mask such answers in different ways; a row for each turn trains what it shows.",
    good=_SHORT,
    bad=Trained(True, 20, 5, 5, 5, unclear="The template writes answer 1 of 2 otherwise once more turns follow."),
    level="trained",
    profile="axolotl",
    refused=False,
)
def check_unclear(trained: Trained, profile: Profile) -> Problems:
    """Conversations whose earlier turns the chosen template rewrites."""
    if trained.unclear:
        yield Problem("", trained.unclear)


@rule(
    "reasoning-lost",
    "Reasoning that the chat template takes away",
    "The target reads reasoning, but this template leaves it out: the model learns to answer without it.",
    good=_SHORT,
    bad=Trained(True, 20, 5, 5, 5, reasoning="stripped"),
    level="trained",
    profile="trl",
    refused=False,
)
def check_reasoning_lost(trained: Trained, profile: Profile) -> Problems:
    """Records whose answer has reasoning, of which nothing stands in what the template writes."""
    if trained.reasoning == "stripped" and profile.reasoning.key is not None:
        yield Problem("", "The template leaves the reasoning of the answer out.")
