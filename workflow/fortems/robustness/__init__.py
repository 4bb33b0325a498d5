"""Robustness: every defensible analysis, single clients and therapists, what was not measured, what 23 clusters can say."""
