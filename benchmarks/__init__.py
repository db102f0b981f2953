"""Measurements of the product beside the raw limit and other tools: ``python3 run.py bench``."""
