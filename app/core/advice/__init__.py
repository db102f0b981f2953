"""Advice: what the field says about how much data, which models and which settings, chosen by what a dataset holds."""

from app.core.advice.advising import Advice, advise
from app.core.advice.facts import load_facts, say_number, say_range

__all__ = ["Advice", "advise", "load_facts", "say_number", "say_range"]
