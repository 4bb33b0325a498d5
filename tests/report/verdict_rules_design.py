"""What the tables make of sentences on coverage and bias in simulated studies, by rules written a second time (:mod:`verdict_rules`)."""

from __future__ import annotations

import re

from verdict_page import Run, Sentence

#: How sentences call intervals → as tables name them.
INTERVALS = {
    "cluster-jackknife": "robust",
    "Monte Carlo": "montecarlo",
    "delta": "delta",
    "CR2": "cr2",
    "percentile": "percentile",
    "BCa": "bca",
}


def coverage(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    kind = next(value for words, value in INTERVALS.items() if f"The {words}" in sentence.text)
    rows = run.table("design/coverage.csv")
    rows = rows[(rows["population"] == "effect") & (rows["interval"] == kind) & rows["coverage"].notna()]
    below = int((rows["ci_high"] < 0.95).sum())
    counted = re.search(r"in («\d+»|\w+) of («\d+»|\w+) cases", sentence.text)
    return (below, len(rows)) == (run.value(counted[1]), run.value(counted[2])) if counted else below == 0


def coverage_at_zero(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("design/coverage.csv")
    rows = rows[((rows["a"] == 0) != (rows["b"] == 0)) & rows["coverage"].notna()]
    for words, kind in INTERVALS.items():
        own = rows[rows["interval"] == kind]
        below = int((own["ci_high"] < 0.95).sum())
        said = re.search(rf"the {words} interval in («\d+»|\w+) of («\d+»|\w+) cases", sentence.text)
        if (run.value(said[1]) if said else 0) != below or (said and run.value(said[2]) != len(own)):
            return False
    return True


def coverage_of_paths(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("design/coverage_paths.csv")
    rows = rows[rows["coverage"].notna()]
    low = rows[rows["ci_high"] < 0.95]
    counted = re.search(r"in («\d+»|\w+) of («\d+»|\w+) cases", sentence.text)
    if not counted:
        return low.empty
    least = run.row(re.findall(r"design “«(\d+)»”", sentence.text)[0])
    return (run.value(counted[1]), run.value(counted[2])) == (len(low), len(rows)) and bool(
        (rows["coverage"] >= least["coverage"]).all()
    )


def bias(run: Run, found: re.Match[str], sentence: Sentence) -> bool:
    rows = run.table("design/recovery.csv")
    rows = rows[(rows["parameter"] == "indirect") & (rows["bias_se"] > 0)]
    return not bool((rows["bias"].abs() > 3 * rows["bias_se"]).any())
