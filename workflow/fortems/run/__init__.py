"""A run: its jobs, configuration, checks before it, results, manifest, receipts, comparison."""
