"""Write docs/fit.md from the docstrings, and docs/example.ipynb with its output.

python docs/make_docs.py       # in packages/twolevel
"""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path

import twolevel

HERE = Path(__file__).resolve().parent
FIELDS = {
    "model": "The parsed model: `names`, `rows`, `random`, `equations`.",
    "data": "The data as prepared: a ClusterData, or a SummaryData.",
    "moments": "The sufficient statistics that the likelihood used.",
    "bounds": "As given to `fit`: psd or none.",
    "missing": "As given to `fit`: listwise or ml.",
    "se": "As given to `fit`: information, expected or robust.",
    "solution": "The end point: theta, gradient, Hessian, face, iterations.",
    "covariance": "Covariance matrix of the free parameters, its method and what it lacks.",
}
CELLS = [
    ("markdown", "# Two-level mediation with `twolevel`\n\nSimulated clients of 60 therapists. Does `m` carry the effect of `x` on `y` among clients of one therapist?"),
    ("code", 'import numpy as np\nimport pandas as pd\nimport twolevel\n\nrng = np.random.default_rng(1)\ncode = np.repeat(np.arange(60), rng.integers(2, 9, 60))\na, b = 0.3 + 0.25 * rng.standard_normal((2, 60))\nb = b - 0.7\nx = rng.standard_normal(len(code))\nm = 0.5 * rng.standard_normal(60)[code] + a[code] * x + rng.standard_normal(len(code))\ny = 0.5 * rng.standard_normal(60)[code] + b[code] * m + rng.standard_normal(len(code))\ndata = pd.DataFrame({"therapist": code, "x": x, "m": m, "y": y})\nprint(len(data), "clients")'),
    ("markdown", "The same slopes for all therapists: each variable is split into a part within and a part between them."),
    ("code", 'fit = twolevel.fit(\n    """\n    level: 1\n      m ~ a*x\n      y ~ b*m + c*x\n    level: 2\n      x ~~ m + y\n      m ~~ y\n    indirect := a*b\n    """,\n    data,\n    cluster="therapist",\n)\nprint(fit)'),
    ("markdown", "Intervals for the product: Monte Carlo with few degrees of freedom, and over resampled clusters."),
    ("code", 'product = fit.monte_carlo("a*b", rng=np.random.default_rng(2), df=fit.n_clusters - 1)\nprint(f"Monte Carlo {product.low:.2f} to {product.high:.2f}")\nlow, high = fit.bootstrap(100, np.random.default_rng(3)).percentile("indirect")\nprint(f"bootstrap   {low:.2f} to {high:.2f}")'),
    ("markdown", "Slopes that differ between therapists. `m` acts as observed; the covariate `x` is given."),
    ("code", 'random = twolevel.fit(\n    """\n    level: 1\n      m ~ rv("a")*x\n      y ~ rv("b", "observed")*m + c*x\n    level: 2\n      a ~~ b\n      m ~~ y\n    """,\n    data,\n    cluster="therapist",\n)\nprint(random.slope_moments().round(2).to_string())\nfound = random.average_indirect("a", "b", draws=2000, rng=np.random.default_rng(4))\nprint(f"average indirect effect {found.estimate:.2f}, {found.low:.2f} to {found.high:.2f}")'),
    ("markdown", "A hypothesis about several labels, and its test."),
    ("code", 'same = twolevel.fit(\n    """\n    level: 1\n      m ~ a*x\n      y ~ b*m + c*x\n    level: 2\n      x ~~ m + y\n      m ~~ y\n    a + b == 0\n    """,\n    data,\n    cluster="therapist",\n)\ntest = fit.likelihood_ratio(same)\nprint(f"a = -b: chi-squared {test.statistic:.2f}, df {test.df}, p {test.p:.2f}")'),
]  # fmt: skip


def attributes() -> str:
    """The table of all that a fit holds: first sentence of each docstring."""
    lines = [
        "# What a fit holds",
        "",
        "Written by `python docs/make_docs.py` from the docstrings (`help(twolevel.Fit)` has them in full).",
        "",
        "| name | what |",
        "|---|---|",
    ]
    for name in sorted({n for n in dir(twolevel.Fit) if not n.startswith("_")} | set(FIELDS)):
        found = getattr(twolevel.Fit, name, None)
        if name in FIELDS:
            shown, text = f"`{name}`", FIELDS[name]
        else:
            bare = getattr(found, "func", getattr(found, "fget", found))
            text = " ".join(str(bare.__doc__).strip().split("\n\n")[0].split())
            shown = f"`{name}()`" if callable(found) else f"`{name}`"
        lines.append(f"| {shown} | {text.replace('|', chr(92) + '|')} |")
    return "\n".join(lines) + "\n"


def notebook() -> str:
    """The example as a notebook, each cell's output below it."""
    names: dict[str, object] = {}
    cells: list[dict[str, object]] = []
    for k, (kind, source) in enumerate(CELLS):
        cell: dict[str, object] = {
            "cell_type": kind,
            "id": f"cell-{k}",
            "metadata": {},
            "source": source.splitlines(keepends=True),
        }
        if kind == "code":
            out = io.StringIO()
            with contextlib.redirect_stdout(out):
                exec(source, names)
            text = out.getvalue().splitlines(keepends=True)
            cell |= {
                "execution_count": len([c for c in cells if c["cell_type"] == "code"]) + 1,
                "outputs": [{"name": "stdout", "output_type": "stream", "text": text}],
            }
        cells.append(cell)
    kernel = {"display_name": "Python 3", "language": "python", "name": "python3"}
    content = {"cells": cells, "metadata": {"kernelspec": kernel}, "nbformat": 4, "nbformat_minor": 5}
    return json.dumps(content, indent=1, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    (HERE / "fit.md").write_text(attributes())
    (HERE / "example.ipynb").write_text(notebook())
