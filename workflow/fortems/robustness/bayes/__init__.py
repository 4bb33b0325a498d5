"""Posterior of the two-level model: what few therapists say when a maximum at the boundary says nothing."""
