"""Mediation: model specifications, engines, effects, intervals, verdicts and what follows from them."""
