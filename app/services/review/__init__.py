"""Review: a queue of pairs, one decided after the other, by one reviewer or several at once."""

from app.services.review.audits import AuditResult, describe_audits, get_audit, list_audits, start_audit
from app.services.review.deciding import Decided, decide, decide_all, rate, take_back
from app.services.review.queue import Card, Queue, Today, claim_cards, count_left, first_cards, read_today
from app.services.review.remarks import MAX_COMMENT, Reviewer, add_comment, comments_of

__all__ = [
    "MAX_COMMENT",
    "AuditResult",
    "Card",
    "Decided",
    "Queue",
    "Reviewer",
    "Today",
    "add_comment",
    "claim_cards",
    "comments_of",
    "count_left",
    "decide",
    "decide_all",
    "describe_audits",
    "first_cards",
    "get_audit",
    "list_audits",
    "rate",
    "read_today",
    "start_audit",
    "take_back",
]
