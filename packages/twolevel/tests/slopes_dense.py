"""Mediation with random a and b: studies of it, and its likelihood by stacked densities and integrals on a grid."""

import numpy as np
import pandas as pd
from scipy.stats import multivariate_normal

TEXT = """
level: 1
  m ~ rv("a")*x
  y ~ rv("b", "{kind}")*m + c*x
level: 2
  a ~~ cab*b
  a ~~ m + y
  b ~~ m + y
  m ~~ y
  a ~ ma*1
  b ~ mb*1
{more}
indirect := ma*mb + cab
"""


def draw(seed: int, clusters: int = 30, holes: float = 0.0, low: int = 2, high: int = 9) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    sizes = rng.integers(low, high, clusters)
    code = np.repeat(np.arange(clusters), sizes)
    w = rng.standard_normal(clusters)
    a = 0.3 + 0.2 * w + 0.35 * rng.standard_normal(clusters)
    b = -0.4 + 0.4 * rng.standard_normal(clusters) + 0.5 * (a - 0.3)
    um = 0.6 * rng.standard_normal(clusters)
    uy = 0.5 * rng.standard_normal(clusters) + 0.3 * um
    x = rng.standard_normal(len(code))
    m = 0.5 + um[code] + a[code] * x + rng.standard_normal(len(code))
    y = 1.0 + uy[code] + b[code] * m - 0.1 * x + rng.standard_normal(len(code))
    frame = pd.DataFrame({"cluster": code, "x": x, "m": m, "y": y, "w": w[code]})
    for name in ("m", "y"):
        frame.loc[rng.random(len(frame)) < holes, name] = np.nan
    return frame


def level_two(v: dict[str, float], moderated: bool) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Mean of (m, y, a, b), its slope on w, and covariance."""
    order = ["m", "y", "a", "b"]

    def cov(i, j):
        names = [f"{i}~~{j}.l2", f"{j}~~{i}.l2"] + (["cab"] if {i, j} == {"a", "b"} else [])
        return next(v[n] for n in names if n in v)

    mean = np.array([v["m~1.l2"], v["y~1.l2"], v["ma"], v["mb"]])
    slope = np.array([0.0, 0.0, v["a~w.l2"] if moderated else 0.0, 0.0])
    return mean, slope, np.array([[cov(i, j) for j in order] for i in order])


def dense(
    v: dict[str, float], frame: pd.DataFrame, kind: str, moderated: bool = False, points: int = 1201
) -> float:
    """log L by stacking m and y of a cluster; b by a trapezoid on a wide grid where it does not enter linearly."""
    mean, slope, cov = level_two(v, moderated)
    integrate = kind == "within" or frame["m"].isna().any()
    total = 0.0
    for _, rows in frame.groupby("cluster"):
        x, n = rows["x"].to_numpy(), len(rows)
        here = mean + slope * rows["w"].iloc[0]
        values = np.concatenate([rows["m"], rows["y"]])
        seen = ~np.isnan(values)
        if not integrate:
            m = rows["m"].to_numpy()
            one, zero = np.ones(n), np.zeros(n)
            z = np.vstack([np.column_stack([one, zero, x, zero]), np.column_stack([zero, one, zero, m])])
            fixed = np.concatenate([zero, v["c"] * x])
            noise = np.diag(np.repeat([v["m~~m"], v["y~~y"]], n))
            stacked = z @ cov @ z.T + noise
            at = np.ix_(seen, seen)
            total += multivariate_normal((z @ here + fixed)[seen], stacked[at]).logpdf(values[seen])
            continue
        sd = np.sqrt(cov[3, 3])
        grid = here[3] + sd * np.linspace(-9, 9, points)
        rest = cov[:3, :3] - np.outer(cov[:3, 3], cov[3, :3]) / cov[3, 3]
        logs = np.empty(points)
        for k, b in enumerate(grid):
            mu = here[:3] + cov[:3, 3] / cov[3, 3] * (b - here[3])
            # m = um + a x + em;  y = uy + b (m - um if within else m) + c x + ey
            one, zero = np.ones(n), np.zeros(n)
            zm = np.column_stack([one, zero, x])
            zy = np.column_stack([zero, one, zero]) + b * (
                zm - (np.column_stack([one, zero, zero]) if kind == "within" else 0)
            )
            z = np.vstack([zm, zy])
            e = np.array([[v["m~~m"], b * v["m~~m"]], [b * v["m~~m"], b**2 * v["m~~m"] + v["y~~y"]]])
            stacked = z @ rest @ z.T + np.kron(e, np.eye(n))
            centre = z @ mu + np.concatenate([zero, v["c"] * x])
            logs[k] = multivariate_normal(centre[seen], stacked[np.ix_(seen, seen)]).logpdf(values[seen])
        logs += -0.5 * ((grid - here[3]) / sd) ** 2 - np.log(sd * np.sqrt(2 * np.pi))
        top = logs.max()
        total += top + np.log(np.trapezoid(np.exp(logs - top), grid))
    return float(total)
