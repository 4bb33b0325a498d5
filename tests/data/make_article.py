"""Make the invented article of the worked example: `article.yaml` and `article_published.yaml`.

    python tests/data/make_article.py

Whole-number scores of 80 invented clients of 19 invented therapists are drawn, analysed by least squares, and
printed as an article would print them: two decimals, stars. Nothing here comes from a real study.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import statsmodels.api as sm
from scipy.stats import pearsonr

HERE = Path(__file__).parent
N, THERAPISTS = 80, 19
NAMES = ("bond", "task", "goal", "alliance", "meaning", "distress")
MEANS = {"bond": 15.8, "task": 14.1, "goal": 14.6, "meaning": 20.9, "distress": 71.0}
SDS = {"bond": 2.6, "task": 2.7, "goal": 2.8, "meaning": 6.1, "distress": 21.0}
RANGES = {"bond": (4, 20), "task": (4, 20), "goal": (4, 20), "meaning": (5, 35), "distress": (0, 180)}
R = {
    ("bond", "task"): 0.55,
    ("bond", "goal"): 0.58,
    ("task", "goal"): 0.66,
    ("bond", "meaning"): 0.36,
    ("task", "meaning"): 0.20,
    ("goal", "meaning"): 0.24,
    ("bond", "distress"): -0.30,
    ("task", "distress"): -0.18,
    ("goal", "distress"): -0.27,
    ("meaning", "distress"): -0.46,
}
PATHS = {"alliance": "alliance", "bond": "bond"}


def scores() -> dict[str, np.ndarray]:
    """Draw whole-number scores of all clients."""
    names = list(MEANS)
    r = np.eye(len(names))
    for (a, b), value in R.items():
        i, j = names.index(a), names.index(b)
        r[i, j] = r[j, i] = value
    draws = np.random.default_rng(20210610).multivariate_normal(np.zeros(len(names)), r, N)
    data = {
        name: np.clip(np.round(MEANS[name] + SDS[name] * draws[:, i]), *RANGES[name])
        for i, name in enumerate(names)
    }
    data["alliance"] = data["bond"] + data["task"] + data["goal"]
    return {name: data[name] for name in NAMES}


def cell(x: np.ndarray, y: np.ndarray) -> str:
    """Print a correlation with its stars, as an article does."""
    r, p = pearsonr(x, y)
    stars = "***" if p < 0.001 else "**" if p < 0.01 else "*" if p < 0.05 else ""
    return f"{r:.2f}".replace("0.", ".") + stars


def article(data: dict[str, np.ndarray]) -> str:
    """Return the matrix file."""
    lines = [
        "# An invented article, for the worked example. No such study exists; made by make_article.py.",
        'source: "Invented example article (no such study), Table 1, p. 5"',
        "made_up: true",
        f"n: {N}",
        f"clusters: {THERAPISTS}",
        "variables:",
    ]
    for name in NAMES:
        x = data[name]
        lines.append(f'  {name}: {{mean: "{x.mean():.2f}", sd: "{x.std(ddof=1):.2f}"}}')
    lines += ["correlations:", "  page: 5", f"  order: [{', '.join(NAMES)}]", "  rows:"]
    for i in range(1, len(NAMES)):
        row = ", ".join(f'"{cell(data[NAMES[i]], data[NAMES[j]])}"' for j in range(i))
        lines.append(f"    - [{row}]")
    lines += ["text:"]
    lines += ["  meaning~bond: positive", "  distress~meaning: negative", "  distress~bond: negative"]
    return "\n".join(lines) + "\n"


def published(data: dict[str, np.ndarray]) -> str:
    """Return the ledger file: n, and the paths of two models to two decimals."""
    lines = [
        "# What the invented article prints of its models, for the worked example.",
        'source: "Invented example article (no such study), Table 2, p. 6"',
        "tables:",
        "  paths:",
        "    what: Unstandardized path",
        "    place: Table 2, p. 6",
        "    file: mediation/effects.csv",
        "    where: {level: single, engine: regression}",
        "    by: [model, effect, interval]",
        "    columns: {estimate: estimate}",
        "    rows:",
    ]
    for model, x in PATHS.items():
        first = sm.OLS(data["meaning"], sm.add_constant(data[x])).fit()
        second = sm.OLS(data["distress"], sm.add_constant(np.column_stack([data["meaning"], data[x]]))).fit()
        a, b, direct = first.params[1], second.params[1], second.params[2]
        for effect, interval, value in (
            ("a", "wald", a),
            ("b", "wald", b),
            ("direct", "wald", direct),
            ("indirect", "delta", a * b),
        ):
            lines.append(f'      {model}~{effect}~{interval}: {{estimate: "{value:.2f}"}}')
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    made = scores()
    (HERE / "article.yaml").write_text(article(made), encoding="utf-8")
    (HERE / "article_published.yaml").write_text(published(made), encoding="utf-8")
