"""Where published numbers have their counterparts, and what only a matrix run makes. No heavy imports."""

#: Results files, below ``results/<run>/``, that an entry of the ledger may point to.
LEDGER_FILES = (
    "data/flow.csv",
    "tables/correlations.csv",
    "tables/descriptives.csv",
    "tables/icc.csv",
    "tables/reliability.csv",
    "mediation/derived.csv",
    "mediation/effects.csv",
    "mediation/fit.csv",
)

#: How far the rounding of a published matrix lets its paths move.
ROUNDING_FILE = "robustness/rounding.csv"

#: Files that a run on a published matrix makes beside those of all runs.
SOURCE_FILE = "tables/matrix_source.csv"
MATRIX_FILES = (
    SOURCE_FILE,
    "tables/matrix_checks.csv",
    "tables/withheld.csv",
    "robustness/between.csv",
    "robustness/clustering.csv",
    ROUNDING_FILE,
)
