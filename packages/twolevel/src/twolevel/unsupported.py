"""What this version does not do, by the names under which it is looked for, and what comes nearest."""

from __future__ import annotations

from typing import Any, Never

from .errors import ModelError, UnsupportedError, nearest

GROUPS = (
    "several groups are not supported; fit each group by itself, or give the cluster-level group as an indicator variable "
    "of level 2 (w in y ~ w)"
)
CATEGORICAL = (
    "categorical outcomes are not supported; with five categories or more treat them as continuous with se='robust', and "
    "otherwise use a program with weighted least squares (Mplus; single-level in lavaan or semopy)"
)
THREE_LEVELS = (
    "three levels are not supported, the blocks are 'level: 1' and 'level: 2'; cluster by the highest level with se='robust', or give the middle level's "
    "differences as indicator variables"
)
SCALED = (
    "scaled tests are not supported; se='robust' gives cluster-robust standard errors, fit.bootstrap() and "
    "fit.jackknife() resample clusters, and nested models are compared by likelihood_ratio()"
)
SCORES = (
    "factor scores are not supported; put what they were to be used for into the model, as a regression of or on the "
    "latent variable"
)
MODIFICATION = (
    "modification indices are not supported; free the parameter that you think of, fit again and compare by "
    "likelihood_ratio()"
)
# Arguments that users of lavaan, semopy and Mplus try.
ARGUMENTS = {
    "group": GROUPS,
    "groups": GROUPS,
    "group_equal": GROUPS,
    "ordered": CATEGORICAL,
    "categorical": CATEGORICAL,
    "link": CATEGORICAL,
    "test": SCALED,
    "level": THREE_LEVELS,
    "levels": THREE_LEVELS,
    "fixed_x": "covariates are modelled (lavaan's fixed.x = FALSE), or given beside random slopes: leave fixed_x out",
    "std_lv": "std_lv is not supported; fix the latent variable's variance instead: f =~ NA*y1 + y2, f ~~ 1*f",
    "orthogonal": "orthogonal is not supported; write f ~~ 0*g in the model text",
    "meanstructure": "means are always part of the model: leave meanstructure out",
    "weights": "sampling weights are not supported; se='robust' allows for clustering alone",
    "sampling_weights": "sampling weights are not supported; se='robust' allows for clustering alone",
    "sample_cov": "give matrices as the data: fit(model, twolevel.SummaryData(within, between, n=..., J=...))",
    "sample_nobs": "give matrices as the data: fit(model, twolevel.SummaryData(within, between, n=..., J=...))",
}
KNOWN = ("bounds", "missing", "se", "slopes", "cluster")


def refuse(arguments: dict[str, Any]) -> None:
    """Refuse arguments that `fit` does not have, by name.

    Raises
    ------
    UnsupportedError
        For what users of other programs look for.
    ModelError
        For other names.
    """
    for name, value in arguments.items():
        key = name.lower().replace(".", "_")
        if key == "estimator":
            _estimator(str(value))
        elif key in ARGUMENTS:
            raise UnsupportedError(f"{name}={value!r}: {ARGUMENTS[key]}")
        else:
            raise ModelError(f"{name!r} is no argument of fit{nearest(name, KNOWN)}")


def _estimator(value: str) -> None:
    known = value.upper()
    if known == "ML":
        return
    if known in ("MLR", "MLM", "MLMV", "MLMVS", "MLF"):
        raise UnsupportedError(f"estimator={value!r}: {SCALED}")
    if known in ("WLS", "DWLS", "ULS", "WLSMV", "ULSMV"):
        raise UnsupportedError(f"estimator={value!r}: {CATEGORICAL}")
    raise UnsupportedError(
        f"estimator={value!r}: maximum likelihood is the one estimator; leave estimator out"
    )


def refused(what: str) -> Never:
    """Raise `UnsupportedError` with a sentence of this module."""
    raise UnsupportedError(what)
