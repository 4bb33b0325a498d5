"""Kinds of models and data at the edge: recipes, model texts and the list of cases.

The tests draw the data again (`DATA`: Cholesky factors and fixed seeds, rounded) and compare with a dense likelihood
(tests/test_kinds_oracle.py). Nothing of lavaan's is stored for them; to compare with it, in this folder:

    python make_cases.py && CASES=$PWD Rscript ../lavaan/fit_lavaan.R     # half an hour and more; writes expected/
"""

from __future__ import annotations

import csv
from pathlib import Path

import numpy as np
import pandas as pd

HERE = Path(__file__).resolve().parent
XMY = ["x", "m", "y"]
WITHIN = np.array([[1.0, 0.35, -0.24], [0.35, 1.0, -0.43], [-0.24, -0.43, 1.0]])
BETWEEN = np.array([[1.0, 0.3, -0.3], [0.3, 1.0, -0.4], [-0.3, -0.4, 1.0]])


def _root(matrix: np.ndarray) -> np.ndarray:
    return np.linalg.cholesky(matrix + 1e-12 * np.eye(len(matrix)))


def _sizes(rng: np.random.Generator, clusters: int, low: int, high: int) -> np.ndarray:
    sizes = rng.integers(low, high + 1, clusters)
    sizes[:2] = max(2, low)
    return sizes


def three(
    seed: int, clusters: int, low: int, high: int, icc: float, within: np.ndarray = WITHIN
) -> pd.DataFrame:
    """x, m, y at both levels, age within only, w between only."""
    rng = np.random.default_rng(seed)
    sizes = _sizes(rng, clusters, low, high)
    code = np.repeat(np.arange(clusters), sizes)
    u = np.sqrt(icc / (1 - icc)) * rng.standard_normal((clusters, 3)) @ _root(BETWEEN).T
    e = rng.standard_normal((len(code), 3)) @ _root(within).T
    frame = pd.DataFrame(u[code] + e, columns=XMY)
    frame["age"] = 0.3 * e[:, 0] + rng.standard_normal(len(code))
    frame["w"] = (0.5 * u[:, 0] + rng.standard_normal(clusters))[code]
    frame.insert(0, "cluster", code + 1)
    return frame.round(4)


def items(
    seed: int,
    clusters: int,
    low: int,
    high: int,
    loadings: np.ndarray,
    phi: np.ndarray,
    share: float,
    shift: float = 0.0,
    residual: float = 0.1,
) -> pd.DataFrame:
    """Indicators q1.. of factors at both levels; the between factors' variance is `share` of the within ones'."""
    rng = np.random.default_rng(seed)
    sizes = _sizes(rng, clusters, low, high)
    code = np.repeat(np.arange(clusters), sizes)
    p, k = loadings.shape
    within = rng.standard_normal((len(code), k)) @ _root(phi).T @ loadings.T
    within += rng.standard_normal((len(code), p)) * np.sqrt(
        np.maximum(1 - (loadings @ phi * loadings).sum(axis=1), 0.1)
    )
    factors = np.sqrt(share) * rng.standard_normal((clusters, k)) @ _root(phi).T
    between = factors @ (loadings + shift * (np.arange(p)[:, None] % 3 - 1)).T
    between += residual * rng.standard_normal((clusters, p))
    frame = pd.DataFrame(within + between[code], columns=[f"q{i + 1}" for i in range(p)])
    frame["w"] = (0.5 * factors[:, 0] + rng.standard_normal(clusters))[code]
    frame.insert(0, "cluster", code + 1)
    return frame.round(4)


def simple(*blocks: int, value: float = 0.7) -> np.ndarray:
    out = np.zeros((sum(blocks), len(blocks)))
    row = 0
    for k, size in enumerate(blocks):
        out[row : row + size, k] = value + 0.03 * (np.arange(size) % 4)
        row += size
    return out


def bifactor(p: int) -> np.ndarray:
    out = np.zeros((p, 3))
    out[:, 0] = 0.6
    out[: p // 2, 1] = 0.5
    out[p // 2 :, 2] = 0.5
    return out


def scaled(frame: pd.DataFrame, scales: dict[str, float]) -> pd.DataFrame:
    out = frame.copy()
    for name, value in scales.items():
        out[name] = out[name] * value
    return out


def holes(frame: pd.DataFrame, patterns: dict[str, int], names: list[str] | None = None) -> pd.DataFrame:
    """Values missing in every k-th row, by column: few patterns."""
    out = frame.copy()
    for name, step in patterns.items():
        out.loc[out.index % step == 1, name] = np.nan
    return out


def correlated(seed: int, r: float) -> pd.DataFrame:
    frame = three(seed, 60, 4, 8, 0.25)
    rng = np.random.default_rng(seed + 1000)
    sd = np.sqrt(1 - r**2)
    codes = frame["cluster"].to_numpy() - 1
    frame["m"] = (
        r * frame["x"] + sd * rng.standard_normal(len(frame)) + 0.5 * sd * rng.standard_normal(60)[codes]
    ).round(6)
    return frame


I2 = np.array([[1.0, 0.4], [0.4, 1.0]])
DATA = {
    "huge_clusters": lambda: three(1, 12, 480, 520, 0.1),
    "huge_clusters_b": lambda: three(2, 25, 500, 500, 0.3),
    "thousand_clusters": lambda: three(3, 1000, 2, 6, 0.2),
    "thousand_clusters_b": lambda: three(4, 1000, 3, 3, 0.05),
    "icc_95": lambda: three(5, 80, 3, 8, 0.95),
    "icc_95_b": lambda: three(6, 150, 2, 5, 0.95),
    "r_9999": lambda: correlated(7, 0.9999),
    "r_999": lambda: correlated(8, 0.999),
    "micro": lambda: scaled(three(9, 60, 3, 9, 0.3), {"x": 1e-6, "y": 1e-6}),
    "mega": lambda: scaled(three(10, 60, 3, 9, 0.3), {"x": 1e6, "m": 1e6}),
    "mixed_units": lambda: scaled(three(11, 60, 3, 9, 0.3), {"x": 1e-6, "y": 1e6}),
    "plain": lambda: three(12, 70, 2, 10, 0.3),
    "plain_b": lambda: three(13, 120, 2, 5, 0.4),
    "plain_c": lambda: three(14, 40, 5, 15, 0.2),
    "two_patterns": lambda: holes(three(15, 70, 3, 10, 0.3), {"m": 4}),
    "two_patterns_b": lambda: holes(three(16, 90, 3, 6, 0.4), {"y": 3}),
    "three_patterns": lambda: holes(three(17, 70, 3, 10, 0.3), {"m": 5, "y": 7}),
    "four_q": lambda: items(20, 90, 3, 9, simple(4), np.eye(1), 0.4),
    "four_q_shifted": lambda: items(21, 90, 3, 9, simple(4), np.eye(1), 0.4, shift=0.15),
    "six_q": lambda: items(22, 110, 4, 8, simple(3, 3), I2, 0.4),
    "twelve_q": lambda: items(23, 150, 5, 9, simple(6, 6), I2, 0.4, residual=0.3),
    "bifactor_q": lambda: items(24, 150, 5, 9, bifactor(6), np.eye(3), 0.5, residual=0.3),
    "heywood_q": lambda: items(25, 45, 3, 5, simple(3, value=0.85), np.eye(1), 0.15, residual=0.02),
    "four_q_holes": lambda: holes(items(26, 90, 3, 9, simple(4), np.eye(1), 0.4), {"q2": 4}),
    "four_q_residual": lambda: items(27, 120, 3, 9, simple(4), np.eye(1), 0.5, residual=0.3),
    "six_q_residual": lambda: items(28, 140, 4, 8, simple(3, 3), I2, 0.5, residual=0.3),
    "four_q_large": lambda: items(29, 60, 30, 40, simple(4), np.eye(1), 0.3, residual=0.3),
}  # fmt: skip

SATURATED = "  x ~~ x + m + y\n  m ~~ m + y\n  y ~~ y\n"


def _saturated(names: list[str]) -> str:
    return "".join(f"  {n} ~~ {' + '.join(names[k:])}\n" for k, n in enumerate(names))


Q4, Q6 = ["q1", "q2", "q3", "q4"], [f"q{i}" for i in range(1, 7)]
MODELS = {
    "partial": f"level: 1\n  m ~ a*x\n  y ~ b*m + c*x\nlevel: 2\n{SATURATED}indirect := a*b\n",
    "full": f"level: 1\n  m ~ a*x\n  y ~ b*m\nlevel: 2\n{SATURATED}indirect := a*b\n",
    "contextual": "level: 1\n  m ~ a*x\n  y ~ b*m + c*x\nlevel: 2\n  m ~ ab*x\n  y ~ bb*m + cb*x\ncontext_a := ab - a\ncontext_b := bb - b\n",
    "equal_effects": "level: 1\n  m ~ a*x\n  y ~ b*m + c*x\nlevel: 2\n  m ~ a*x\n  y ~ b*m + cb*x\n",
    "two_one_one": "level: 1\n  y ~ b*m\nlevel: 2\n  m ~ a*w\n  y ~ bb*m + c*w\nindirect := a*bb\n",
    "within_only": f"level: 1\n  m ~ a*x + age\n  y ~ b*m + x + age\n  x ~~ age\nlevel: 2\n{SATURATED}",
    "between_only": "level: 1\n  m ~ a*x\n  y ~ b*m + x\nlevel: 2\n  x ~ w\n  m ~ x + w\n  y ~ m + x + w\n",
    "both_kinds": "level: 1\n  m ~ a*x + age\n  y ~ b*m + x + age\n  x ~~ age\nlevel: 2\n  x ~ w\n  m ~ x + w\n  y ~ m + x + w\n",
    "configural": "level: 1\n  f =~ q1 + q2 + q3 + q4\nlevel: 2\n  g =~ q1 + q2 + q3 + q4\n",
    "metric": "level: 1\n  f =~ q1 + l2*q2 + l3*q3 + l4*q4\nlevel: 2\n  g =~ q1 + l2*q2 + l3*q3 + l4*q4\n",
    "scalar": "level: 1\n  f =~ q1 + l2*q2 + l3*q3 + l4*q4\nlevel: 2\n  g =~ q1 + l2*q2 + l3*q3 + l4*q4\n  q1 ~~ 0*q1\n  q2 ~~ 0*q2\n  q3 ~~ 0*q3\n  q4 ~~ 0*q4\n",
    "doubly_latent": "level: 1\n  f =~ q1 + l2*q2 + l3*q3\n  h =~ q4 + k2*q5 + k3*q6\n  h ~ b*f\nlevel: 2\n  fb =~ q1 + l2*q2 + l3*q3\n  hb =~ q4 + k2*q5 + k3*q6\n  hb ~ bb*fb\ncontext := bb - b\n",
    "doubly_latent_w": "level: 1\n  f =~ q1 + q2 + q3\n  h =~ q4 + q5 + q6\n  h ~ b*f\nlevel: 2\n  fb =~ q1 + q2 + q3\n  hb =~ q4 + q5 + q6\n  hb ~ bb*fb + w\n  fb ~ w\n",
    "latent_contextual": "level: 1\n  f =~ q1 + q2 + q3\n  q4 ~ b*f\nlevel: 2\n  fb =~ q1 + q2 + q3\n  q4 ~ bb*fb + w\n  fb ~~ w\n",
    "bifactor": f"level: 1\n  g =~ NA*q1 + q2 + q3 + q4 + q5 + q6\n  g ~~ 1*g\n  s =~ NA*q1 + ls*q2 + ls*q3\n  s ~~ 1*s\n  t =~ NA*q4 + lt*q5 + lt*q6\n  t ~~ 1*t\n  g ~~ 0*s + 0*t\n  s ~~ 0*t\nlevel: 2\n{_saturated(Q6)}",
    "twelve": "level: 1\n  f =~ q1 + q2 + q3 + q4 + q5 + q6\n  h =~ q7 + q8 + q9 + q10 + q11 + q12\nlevel: 2\n  fb =~ q1 + q2 + q3 + q4 + q5 + q6\n  hb =~ q7 + q8 + q9 + q10 + q11 + q12\n",
    "twelve_metric": "level: 1\n  f =~ q1 + a2*q2 + a3*q3 + a4*q4 + a5*q5 + a6*q6\n  h =~ q7 + q8 + q9 + q10 + q11 + q12\nlevel: 2\n  fb =~ q1 + a2*q2 + a3*q3 + a4*q4 + a5*q5 + a6*q6\n  hb =~ q7 + q8 + q9 + q10 + q11 + q12\n",
    "three_items": "level: 1\n  f =~ q1 + q2 + q3\nlevel: 2\n  g =~ q1 + q2 + q3\n",
    "saturated_q": f"level: 1\n  f =~ q1 + q2 + q3 + q4\nlevel: 2\n{_saturated(Q4)}",
}  # fmt: skip

_THREE = ["partial", "full", "contextual"]
CASES = [
    *[(d, m) for d in ("huge_clusters", "huge_clusters_b", "thousand_clusters", "thousand_clusters_b") for m in _THREE],
    *[(d, m) for d in ("icc_95", "icc_95_b", "r_9999", "r_999", "micro", "mega", "mixed_units") for m in _THREE],
    *[(d, m) for d in ("plain", "plain_b", "plain_c") for m in ("contextual", "equal_effects", "two_one_one", "within_only", "between_only", "both_kinds")],
    ("icc_95", "two_one_one"), ("thousand_clusters", "two_one_one"), ("thousand_clusters", "both_kinds"),
    ("micro", "between_only"), ("mega", "within_only"),
    *[(d, m) for d in ("two_patterns", "two_patterns_b", "three_patterns") for m in ("partial", "full", "contextual", "between_only")],
    *[(d, m) for d in ("four_q", "four_q_shifted", "four_q_residual", "four_q_large") for m in ("configural", "metric", "scalar", "saturated_q", "latent_contextual")],
    *[(d, m) for d in ("six_q", "six_q_residual") for m in ("doubly_latent", "doubly_latent_w")],
    ("bifactor_q", "bifactor"), ("twelve_q", "twelve"), ("twelve_q", "twelve_metric"),
    ("heywood_q", "three_items"), ("four_q", "three_items"), ("four_q_residual", "three_items"),
    ("four_q_holes", "configural"), ("four_q_holes", "metric"),
]  # fmt: skip


def main() -> None:
    for folder in ("data", "models", "expected"):
        (HERE / folder).mkdir(exist_ok=True)
    for name, recipe in DATA.items():
        recipe().to_csv(HERE / "data" / f"{name}.csv", index=False, lineterminator="\n", float_format="%.12g")
    for name, text in MODELS.items():
        (HERE / "models" / f"{name}.lav").write_text(text, newline="\n")
    with open(HERE / "cases.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "data", "model", "cluster", "missing"])
        for data, model in CASES:
            missing = "ml" if "pattern" in data or "holes" in data else "listwise"
            writer.writerow([f"{data}__{model}", data, model, "cluster", missing])


if __name__ == "__main__":
    main()
