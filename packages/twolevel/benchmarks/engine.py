"""Speed of the two-level engine beside lavaan, semopy and statsmodels, all measured in one run on one core.

    python packages/twolevel/benchmarks/engine.py            # prints the tables
    python packages/twolevel/benchmarks/engine.py --write    # and writes them to packages/twolevel/benchmarks/README.md

lavaan is timed where Rscript and the package are found. Times are processor time (on a quiet machine the same as wall
time, on a busy one fairer), medians, after a first run that is not counted.
"""

from __future__ import annotations

import argparse
import os
import platform
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

for variable in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ[variable] = "1"

import numpy as np  # noqa: E402
import pandas as pd  # noqa: E402

README = Path(__file__).with_name("README.md")
SIZES = np.array(
    [1, 1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 4, 4, 5, 5, 5, 5, 6, 6, 6, 7, 7, 8]
)  # 96 clients, 23 clusters
WITHIN = np.array([[1.0, 0.30, -0.25], [0.30, 1.0, -0.42], [-0.25, -0.42, 1.0]])
MODEL = """
level: 1
  m ~ a*x
  y ~ b*m + c*x
level: 2
  x ~~ x + m + y
  m ~~ m + y
  y ~~ y
"""
ROUNDS = 5
LARGE = (50_000, 1_000_000)  # clusters, clients


def simulate(rng: np.random.Generator, sizes: np.ndarray, icc: float) -> pd.DataFrame:
    """x, m, y with total variances 1 and the same intraclass correlation."""
    cluster = np.repeat(np.arange(len(sizes)), sizes)
    root = np.linalg.cholesky(WITHIN)
    values = np.sqrt(1 - icc) * rng.standard_normal((len(cluster), 3)) @ root.T
    values += np.sqrt(icc) * (rng.standard_normal((len(sizes), 3)) @ root.T)[cluster]
    return pd.DataFrame(values, columns=["x", "m", "y"]).assign(cluster=cluster)


def arrays(frame: pd.DataFrame) -> tuple[np.ndarray, np.ndarray]:
    return frame[["x", "m", "y"]].to_numpy(), frame["cluster"].to_numpy()


def median_seconds(run: Callable[..., object], repeats: int, over: Sequence[object] = ()) -> float:
    """Median processor time of `run()`, or of `run(item)` over all items; the first run is not counted."""
    calls = [(item,) for item in over] or [()]
    run(*calls[0])
    times = []
    for call in calls * repeats:
        begin = time.process_time()
        run(*call)
        times.append(time.process_time() - begin)
    return float(np.median(times))


def lavaan_seconds(frames: list[pd.DataFrame]) -> tuple[float, str] | None:
    """Median seconds of lavaan's fit over data sets, and its version; None without R or lavaan."""
    if shutil.which("Rscript") is None:
        return None
    with tempfile.TemporaryDirectory() as folder:
        for number, frame in enumerate(frames, 1):
            frame.to_csv(Path(folder) / f"data{number}.csv", index=False)
        (Path(folder) / "model.lav").write_text(MODEL)
        script = f"""
            suppressWarnings(suppressMessages(library(lavaan)))
            data <- lapply(1:{len(frames)}, function(i) read.csv(paste0("data", i, ".csv")))
            model <- paste(readLines("model.lav"), collapse = "\\n")
            run <- function(d) suppressWarnings(sem(model, d, cluster = "cluster", fixed.x = FALSE))
            invisible(run(data[[1]]))
            times <- sapply(data, function(d) sum(system.time(run(d))[c("user.self", "sys.self")]))
            cat(median(times), as.character(packageVersion("lavaan")), "\\n")
        """
        done = subprocess.run(
            ["Rscript", "-e", textwrap.dedent(script)],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    if done.returncode != 0:
        return None
    seconds, version = done.stdout.split()[-2:]
    return float(seconds), version


def one_fit(frames: list[pd.DataFrame]) -> dict[str, float]:
    """Seconds of one fit with standard errors, by engine: medians over the data sets."""
    import semopy
    import statsmodels.formula.api as smf
    import twolevel
    from twolevel import batch

    model = batch.PathModel.mediation("x", "m", "y")

    def batched(pair: tuple[np.ndarray, np.ndarray]) -> None:
        batch.fit(model, batch.weighted_moments(*pair))

    def general(frame: pd.DataFrame) -> None:
        twolevel.fit(MODEL, frame, cluster="cluster")

    def mixed(frame: pd.DataFrame) -> None:
        for formula in ("m ~ x", "y ~ m + x"):
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")
                smf.mixedlm(formula, frame, groups="cluster").fit(method=["bfgs"])

    def effects(frame: pd.DataFrame) -> None:
        fitted = semopy.ModelEffects("m ~ x\ny ~ m + x")
        fitted.fit(frame, group="cluster")
        fitted.inspect()

    columns = [arrays(frame) for frame in frames]
    found = {
        "twolevel.batch.fit (path models; moments included)": median_seconds(batched, 10, columns),
        "twolevel.fit (general)": median_seconds(general, 3, frames),
    }
    lavaan = lavaan_seconds(frames)
    if lavaan:
        found[f"lavaan {lavaan[1]} (R)"] = lavaan[0]
    found[f"semopy {semopy.__version__} ModelEffects"] = median_seconds(effects, 1, frames)
    found["statsmodels MixedLM, two equations"] = median_seconds(mixed, 1, frames)
    return found


def bootstrap(icc: float, replicates: int) -> dict[str, float]:
    """Microseconds per bootstrap replicate and what came of it."""
    from twolevel import batch
    from twolevel.batch.bootstrap import bootstrap_weights

    data, cluster = arrays(simulate(np.random.default_rng(int(1000 * icc) + 1), SIZES, icc))
    model = batch.PathModel.mediation("x", "m", "y")
    sample = batch.fit(model, batch.weighted_moments(data, cluster))
    weights = bootstrap_weights(len(SIZES), replicates, np.random.default_rng(2))
    moments = batch.weighted_moments(data, cluster, weights)
    reweight = median_seconds(lambda: batch.weighted_moments(data, cluster, weights), 5)
    fits = batch.fit(model, moments, sample, vcov=False)
    estimate = median_seconds(lambda: batch.fit(model, moments, sample, vcov=False), 5)
    tight = batch.fit(model, moments, sample, vcov=False, tolerance=1e-11)
    indirect = [f.path("m", "x") * f.path("y", "m") for f in (fits, tight)]
    bounds = [np.quantile(i[:500], [0.025, 0.975]) for i in indirect]
    return {
        "ICC": icc,
        "moments µs": 1e6 * reweight / replicates,
        "fit µs": 1e6 * estimate / replicates,
        "iterations": float(fits.iterations.mean()),
        "at the boundary": float(fits.boundary.mean()),
        "failed": fits.failed,
        "largest gradient": float(fits.gradient.max()),
        "bounds, loose against tight, SD": float(np.abs(bounds[0] - bounds[1]).max() / indirect[1].std()),
    }


def more_variables() -> list[tuple[int, float]]:
    """Microseconds per replicate by number of variables (23 clusters; saturated)."""
    from twolevel import batch
    from twolevel.batch.bootstrap import bootstrap_weights

    rows = []
    for p in (2, 3, 4, 5, 7, 10):
        rng = np.random.default_rng(p)
        cluster = np.repeat(np.arange(len(SIZES)), SIZES)
        common = rng.standard_normal((len(cluster), 1)) + 0.3 * rng.standard_normal((len(SIZES), 1))[cluster]
        data = 0.6 * common + rng.standard_normal((len(cluster), p))
        model = batch.PathModel.saturated([f"v{k}" for k in range(p)])
        sample = batch.fit(model, batch.weighted_moments(data, cluster))
        moments = batch.weighted_moments(data, cluster, bootstrap_weights(len(SIZES), 500, rng))
        rows.append((p, 2000 * median_seconds(lambda: batch.fit(model, moments, sample, vcov=False), 3)))  # noqa: B023
    return rows


def large() -> None:
    """One fit to a million clients; prints seconds and peak memory (run in an interpreter of its own)."""
    import resource

    from twolevel import batch

    clusters, clients = LARGE
    rng = np.random.default_rng(3)
    half = rng.integers(1, 2 * clients // clusters, clusters // 2)
    frame = simulate(rng, np.concatenate([half, 2 * clients // clusters - half]), 0.05)  # 39 distinct sizes
    data, cluster = arrays(frame)
    model = batch.PathModel.mediation("x", "m", "y")
    small = frame[frame["cluster"] < 100]
    batch.fit(model, batch.weighted_moments(*arrays(small)))
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    begin = time.process_time()
    moments = batch.weighted_moments(data, cluster)
    middle = time.process_time()
    fitted = batch.fit(model, moments)
    end = time.process_time()
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    import twolevel

    general = time.process_time()
    twolevel.fit(MODEL, frame, cluster="cluster")
    general = time.process_time() - general
    last = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    assert fitted.converged[0] and len(data) == clients
    print(middle - begin, end - middle, len(moments.sizes), before / 1e6, after / 1e6, general, last / 1e6)


def compile_seconds() -> tuple[float, float]:
    """Seconds to import the library with an empty and with a filled cache of compiled code."""
    import resource

    def once(env: dict[str, str]) -> float:
        before = resource.getrusage(resource.RUSAGE_CHILDREN)
        subprocess.run([sys.executable, "-c", "import twolevel.batch"], env=env, check=True)
        after = resource.getrusage(resource.RUSAGE_CHILDREN)
        return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime

    with tempfile.TemporaryDirectory() as folder:
        env = {**os.environ, "NUMBA_CACHE_DIR": folder}
        cold, warm = once(env), once(env)
    return cold, warm


def stages(replicates: int = 2000) -> list[tuple[str, float]]:
    """Microseconds of one pass through each stage of an iteration, at the paper's size."""
    from numba import njit
    from twolevel import batch, linalg
    from twolevel.batch import kernel

    data, cluster = arrays(simulate(np.random.default_rng(1), SIZES, 0.05))
    model = batch.PathModel.mediation("x", "m", "y")
    moments = batch.weighted_moments(data, cluster)
    entries = np.array(
        [(1, 0), (2, 0), (2, 1), (0, 0), (1, 1), (2, 2), *((a, b) for b in range(3) for a in range(b, 3))]
    )
    df = float((moments.n_clients - moments.n_clusters)[0])
    stats = kernel.Data(
        moments.sizes, moments.count[0], moments.sums[0], moments.cross[0], moments.within[0], df,
        float(len(data)), np.arange(3), entries, len(model.paths), 6,
    )  # fmt: skip
    coef, logd, factor = np.zeros((3, 3)), np.zeros(3), 0.3 * np.eye(3)
    t = factor @ factor.T
    work = kernel.workspace(3, len(moments.sizes), len(entries))
    h = np.eye(12) + 0.1
    step = np.ones(12)

    def timed(function, *args):
        @njit
        def loop(times, *args):
            for _ in range(times):
                function(*args)

        loop(1, *args)
        return 1e6 * median_seconds(lambda: loop(replicates, *args), 5) / replicates

    @njit
    def solve(h, step):
        copy = h.copy()
        linalg.cholesky(copy, 12)
        linalg.cholesky_solve(copy, step, 12)

    return [
        (
            "likelihood, mean and precision matrices, all sizes",
            timed(kernel.objective, stats, coef, logd, t, work),
        ),
        (
            "derivatives with respect to the matrices, all sizes",
            timed(kernel.matrix_derivatives, stats, work),
        ),
        ("chain rule to 12 parameters", timed(kernel.chain_rule, stats, logd, factor, 12, work)),
        ("Newton step (Cholesky and solution, 12 parameters)", timed(solve, h, step)),
    ]


def machine() -> str:
    name = platform.processor() or platform.machine()
    info = Path("/proc/cpuinfo")
    if info.exists():
        names = [
            line.split(":", 1)[1].strip() for line in info.read_text().splitlines() if "model name" in line
        ]
        name = names[0] if names else name
    return f"{name}, {os.cpu_count()} cores, one used; Python {platform.python_version()}"


def number(value: float) -> str:
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def table(header: list[str], rows: list[list[object]]) -> str:
    cells = [[number(c) if isinstance(c, float) else str(c) for c in row] for row in rows]
    lines = ["| " + " | ".join(header) + " |", "|" + "|".join("---" for _ in header) + "|"]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in cells])


def report() -> str:
    """All tables as Markdown."""
    warnings.simplefilter("ignore")
    parts = [
        "# Speed of the two-level engine",
        f"Written by `python packages/twolevel/benchmarks/engine.py --write`. {machine()}. Processor time, medians, first runs not counted.",
        "Type I error and coverage: [operating_characteristics.md](operating_characteristics.md).",
        "## One fit with standard errors",
        "Three variables, saturated within and between, 96 clients of 23 therapists (1 to 8 each), complete data; "
        "medians over 21 simulated data sets, seven each with intraclass correlations of 0, .05 and .10.",
    ]
    frames = [simulate(np.random.default_rng(k), SIZES, (0.0, 0.05, 0.10)[k % 3]) for k in range(21)]
    rounds = pd.DataFrame([one_fit(frames) for _ in range(ROUNDS)])
    fits = rounds.median()
    general = rounds["twolevel.fit (general)"]
    parts.append(
        table(
            [
                "engine",
                "ms",
                "lowest",
                "highest",
                "times `batch.fit`",
                "times `twolevel.fit`",
                "lowest",
                "highest",
            ],
            [
                [
                    name,
                    *(1e3 * rounds[name].quantile([0.5, 0, 1])),
                    fits[name] / fits.iloc[0],
                    *(rounds[name] / general).quantile([0.5, 0, 1]),
                ]
                for name in rounds
            ],
        )
    )
    parts.append(
        f"Medians, lowest and highest of {ROUNDS} rounds of all engines in turn; other work may have run beside."
    )
    parts.append(
        "MixedLM and ModelEffects fit other models (random intercepts per equation): a comparison of what a Python user "
        "would otherwise wait for, not of like with like. MixedLM (bfgs) often warns here that it did not converge, the "
        "intercept variance being zero or near it."
    )
    rows = [bootstrap(icc, 5000) for icc in (0.0, 0.05, 0.10)]
    parts += [
        "## Cluster bootstrap",
        "The same model, 5,000 replicates, stopped at a projected gradient of 1e-5; no standard errors per replicate.",
        table(list(rows[0]), [list(row.values()) for row in rows]),
    ]
    passes = stages()
    iterations = max(row["iterations"] for row in rows)
    slowest_fit = max(row["fit µs"] for row in rows)
    lavaan = next((s for name, s in fits.items() if str(name).startswith("lavaan")), None)
    worst = max(row["moments µs"] + row["fit µs"] for row in rows)
    if lavaan:
        parts.append(
            f"lavaan's fit above takes {lavaan / worst * 1e6:,.0f} times as long as one replicate at its slowest."
        )
    parts += [
        "Last column: largest difference of percentile bounds (2.5 %, 97.5 %) of the indirect effect between fits stopped "
        "at 1e-5 and at 1e-11, 500 replicates, in bootstrap SDs.",
        "Microseconds per replicate by number of variables (all free, same cluster sizes): "
        + "; ".join(f"{p}: {number(us)}" for p, us in more_variables())
        + ".",
        "## Where the time goes",
        "One pass at the paper's size (8 distinct cluster sizes), µs:",
        table(["stage", "µs"], [list(row) for row in passes]),
        f"At {iterations:.1f} iterations these are {100 * iterations * sum(us for _, us in passes) / slowest_fit:.0f} % of a "
        "replicate's time; the rest is the pivoted factorization of Sigma_B, the checks at the end and the workspace. "
        "The arithmetic grows with the number of distinct cluster sizes and with the sixth power of the number of variables "
        "(second derivatives over p(p+1)/2 elements, then the chain rule); what is left to gain is fewer iterations.",
    ]
    done = subprocess.run([sys.executable, __file__, "--large"], capture_output=True, text=True, check=True)
    moments, fitting, sizes, before, after, whole, last = (float(x) for x in done.stdout.split())
    clusters, clients = LARGE
    parts += [
        f"## {clients:,} clients of {clusters:,} therapists",
        table(
            ["stage", "seconds"],
            [
                ["one pass over the data", moments],
                [f"batch fit with standard errors ({sizes:.0f} distinct sizes)", fitting],
                ["`twolevel.fit`, everything", whole],
            ],
        ),
        f"Peak memory {after:.2f} GB in the batch, {last:.2f} GB after `twolevel.fit`, {before:.2f} GB of it the data and "
        "Python before either.",
        "## Compilation",
    ]
    cold, warm = compile_seconds()
    parts.append(
        f"Importing `twolevel` with its batch engine: {cold:.1f} s the first time after a clone, {warm:.1f} s from the cache, "
        "Python and numpy included."
    )
    return "\n\n".join(parts) + "\n"


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--write", action="store_true", help="write packages/twolevel/benchmarks/README.md")
    parser.add_argument("--large", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.large:
        large()
        return
    text = report()
    print(text)
    if options.write:
        README.write_text(text)


if __name__ == "__main__":
    main()
