"""The search for the maximum: starts, bounds, feasible region, steps."""
