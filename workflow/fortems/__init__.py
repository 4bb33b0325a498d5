"""The study: instruments, simulation, scores, tables, mediation, claims, figures and report."""
