"""Data as the likelihood needs them: clusters, moments, checks."""
