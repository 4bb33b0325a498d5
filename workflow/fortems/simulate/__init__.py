"""Simulated studies: scenarios that state moments, items solved to have them, and draws.

``scenario.load_scenario`` reads and checks a scenario, ``simulator.calibrate`` solves it, and the ``Simulator`` it
returns draws: ``study`` (one table of raw answers), ``scores`` (thousands of studies), ``calibration`` (stated
against achieved moments). ``normal.draw_normal`` draws plain two-level normal scores from given Sigma_W and
Sigma_B. Only ``scenario`` is light enough to be imported while the workflow is parsed.
"""
