"""Speed of the general engine, and of another version of it in the same run.

    python packages/twolevel/benchmarks/general.py                         # prints a table
    python packages/twolevel/benchmarks/general.py --against OLD/src --write   # beside another version's sources; writes general.md

Both versions are timed in turn, in processes of their own, processor time, medians; a first run of each is not counted.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROUNDS = 3
ASKED = {  # milliseconds that version 1.0 was to stay below
    "fit of the study's model, from text, with standard errors": 1.5,
    "the same from a parsed model and prepared data": None,
    "bootstrap, a replicate": 1.0,
    "full information, two patterns": 10.0,
    "full information, a refit of the jackknife": 5.0,
    "one factor of 8 items, 1,500 rows, unbounded": None,
    "one factor of 8 items, 1,500 rows, psd": None,
    "random slopes a and b, closed form": None,
}


def measure() -> dict[str, float]:
    """Milliseconds of processor time."""
    import time
    import warnings

    import numpy as np
    import pandas as pd

    sys.path.insert(0, str(HERE))
    import engine
    import twolevel

    warnings.simplefilter("ignore")
    frames = [
        engine.simulate(np.random.default_rng(k), engine.SIZES, (0.0, 0.05, 0.10)[k % 3]) for k in range(21)
    ]
    model = twolevel.Model(engine.MODEL)
    prepared = [twolevel.ClusterData(frame, "cluster") for frame in frames]
    holes = [frame.copy() for frame in frames]
    for frame in holes:
        frame.loc[frame.index % 5 == 1, "m"] = np.nan

    def each(run, over) -> float:
        run(over[0])
        times = []
        for item in over:
            begin = time.process_time()
            run(item)
            times.append(time.process_time() - begin)
        return 1e3 * float(np.median(times))

    def once(run, count: int = 1) -> float:
        run()
        begin = time.process_time()
        run()
        return 1e3 * (time.process_time() - begin) / count

    names = list(ASKED)
    found = {
        names[0]: each(lambda f: twolevel.fit(engine.MODEL, f, cluster="cluster"), frames * 3),
        names[1]: each(lambda d: model.fit(d), prepared * 3),
    }
    fit = model.fit(frames[1], "cluster")
    found[names[2]] = once(lambda: fit.bootstrap(100, np.random.default_rng(1)), 100)
    found[names[3]] = each(lambda f: model.fit(f, "cluster", missing="ml"), holes)
    incomplete = model.fit(holes[1], "cluster", missing="ml")
    found[names[4]] = once(incomplete.jackknife, len(engine.SIZES))
    rng = np.random.default_rng(0)
    code = np.repeat(np.arange(150), 10)
    loadings = np.array([0.8, 0.7, 0.75, 0.6, 0.7, 0.8, 0.65, 0.7])
    values = rng.standard_normal((1500, 1)) * loadings + 0.6 * rng.standard_normal((1500, 8))
    values += (0.5 * rng.standard_normal((150, 1)) * loadings + 0.2 * rng.standard_normal((150, 8)))[code]
    items = pd.DataFrame(values, columns=[f"q{k}" for k in range(8)]).assign(cluster=code)
    listed = " + ".join(items.columns[:8])
    text = f"level: 1\n f =~ {listed}\nlevel: 2\n g =~ {listed}"
    for name, bounds in zip(names[5:7], ("none", "psd"), strict=True):
        found[name] = once(lambda bounds=bounds: twolevel.fit(text, items, "cluster", bounds=bounds))  # type: ignore[misc]
    if hasattr(twolevel.Fit, "average_indirect"):
        slopes = 'level: 1\n m ~ rv("a")*x\n y ~ rv("b", "observed")*m + x\nlevel: 2\n a ~~ b\n m ~~ y'
        found[names[7]] = each(lambda f: twolevel.fit(slopes, f, "cluster"), frames[:7])
    return found


def run(sources: str | None) -> dict[str, float]:
    env = {**os.environ, "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
    if sources:
        env["PYTHONPATH"] = sources
    done = subprocess.run(
        [sys.executable, __file__, "--measure"], env=env, capture_output=True, text=True, check=True
    )
    return dict(json.loads(done.stdout.splitlines()[-1]))


def table(ours: list[dict[str, float]], theirs: list[dict[str, float]]) -> str:
    import numpy as np

    def median(rounds: list[dict[str, float]], name: str) -> float | None:
        values = [r[name] for r in rounds if name in r]
        return float(np.median(values)) if values else None

    lines = ["| what | ms | ms before | share of before | asked, ms |", "|---|---|---|---|---|"]
    for name, asked in ASKED.items():
        now, before = median(ours, name), median(theirs, name)
        cells = [
            f"{now:.2f}" if now is not None else "",
            f"{before:.2f}" if before is not None else "",
            f"{now / before:.2f}" if now is not None and before is not None else "",
            "" if asked is None else f"{asked:g}",
        ]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--measure", action="store_true")
    parser.add_argument("--against", help="folder of another version's sources")
    parser.add_argument("--write", action="store_true")
    options = parser.parse_args()
    if options.measure:
        print(json.dumps(measure()))
        return
    run(None)
    if options.against:
        run(options.against)
    ours, theirs = [], []
    for _ in range(ROUNDS):
        ours.append(run(None))
        if options.against:
            theirs.append(run(options.against))
    found = table(ours, theirs)
    print(found)
    if options.write:
        head = (
            "# The general engine, beside the version before\n\nWritten by `python packages/twolevel/benchmarks/general.py "
            "--against OLD/src --write`: both versions in turn in one run, processor time, medians of "
            f"{ROUNDS} rounds; other work ran beside, so read the shares. What was asked of 1.0 stands in the last column, "
            "met or not.\n\n"
        )
        (HERE / "general.md").write_text(head + found)


if __name__ == "__main__":
    main()
