"""Small data sets and models that the tests of this folder share."""

import numpy as np
import pandas as pd
from twolevel.likelihood.objective import Objective

TEXTS = {
    "partial": """
        level: 1
          m ~ a*x
          y ~ b*m + x
        level: 2
          x ~~ m + y
          m ~~ y
        indirect := a*b
    """,
    "full": """
        level: 1
          m ~ a*x
          y ~ b*m
        level: 2
          m ~ x
          y ~ m + x
    """,
    "covariates": """
        level: 1
          m ~ a*x + age
          y ~ b*m + x + age
        level: 2
          x ~~ m + y
          m ~~ y
    """,
    "between_covariate": """
        level: 1
          m ~ x
          y ~ m + x
        level: 2
          m ~ x + w
          y ~ m + x + w
    """,
    "equal": """
        level: 1
          m ~ a*x
          y ~ b*m + c*x
        level: 2
          m ~ a*x
          y ~ b*m + c*x
          x ~~ v*x
          m ~~ v*m
    """,
    "latent": """
        level: 1
          f =~ x + m + y + age
        level: 2
          g =~ x + m + y
          g ~ w
    """,
}

WITHIN = np.array(
    [[1.0, 0.3, -0.2, 0.1], [0.3, 1.0, -0.35, 0.1], [-0.2, -0.35, 1.0, 0.0], [0.1, 0.1, 0.0, 1.0]]
)


def draw(
    seed: int, clusters: int = 12, largest: int = 6, icc: float = 0.3, sizes: np.ndarray | None = None
) -> pd.DataFrame:
    """x, m, y at both levels, age within only, w between only, and the cluster."""
    rng = np.random.default_rng(seed)
    if sizes is None:
        sizes = rng.integers(1, largest + 1, clusters)
        sizes[0] = max(2, sizes[0])
    codes = np.repeat(np.arange(len(sizes)), sizes)
    between = np.diag([1.0, 1.0, 1.0, 0.0]) @ WITHIN @ np.diag([1.0, 1.0, 1.0, 0.0])
    u = rng.multivariate_normal(np.zeros(4), between, len(sizes))
    e = rng.multivariate_normal(np.zeros(4), WITHIN, len(codes))
    frame = pd.DataFrame(np.sqrt(icc) * u[codes] + np.sqrt(1 - icc) * e, columns=["x", "m", "y", "age"])
    frame["w"] = (rng.standard_normal(len(sizes)) + 0.5 * u[:, 0])[codes]
    return frame.assign(cluster=codes)


def paper_size(seed: int, icc: float) -> pd.DataFrame:
    """96 clients of 23 therapists who see 1 to 8 of them."""
    sizes = np.array([2, 1, 1, 1, 2, 2, 2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 6, 7, 8, 8, 8, 8])
    return draw(seed, sizes=sizes, icc=icc)


def punch(frame: pd.DataFrame, seed: int, share: float = 0.2) -> pd.DataFrame:
    """Holes at random in the clients' variables, and one cluster's w."""
    rng = np.random.default_rng(seed)
    frame = frame.copy()
    for name in ("x", "m", "y", "age"):
        frame.loc[rng.random(len(frame)) < share, name] = np.nan
    frame.loc[frame["cluster"] == frame["cluster"].iloc[-1], "w"] = np.nan
    frame.loc[:1, ["x", "m", "y", "age"]] = frame.loc[:1, ["x", "m", "y", "age"]].fillna(0.1)
    return frame


def random_theta(objective: Objective, seed: int) -> np.ndarray:
    """A point inside the domain, away from any stationary one."""
    rng = np.random.default_rng(seed)
    theta = np.zeros(objective.layout.n_parameters)
    for k, _, matrix, i, j in objective.layout.places:
        if matrix == 1:
            theta[k] = 0.6 + rng.random() if i == j else 0.1 * rng.standard_normal()
        else:
            theta[k] = 0.3 * rng.standard_normal()
    return theta
