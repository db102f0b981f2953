"""Statistics of datasets and of uploaded files: counts, lengths, tokens, languages and kinds. No pair is changed."""

from app.services.stats.costs import TargetCost, keep_cost, list_costs
from app.services.stats.measuring import measure_dataset, measure_upload
from app.services.stats.tasks import STATS, StatsRun

__all__ = ["STATS", "StatsRun", "TargetCost", "keep_cost", "list_costs", "measure_dataset", "measure_upload"]
