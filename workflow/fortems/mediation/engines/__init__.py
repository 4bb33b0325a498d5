"""One file for each engine that fits mediation models."""
