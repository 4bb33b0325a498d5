"""Generate the data sets, the lavaan model files and the list of cases of this folder.

    python make_cases.py        # then: Rscript fit_lavaan.R

Every data set is drawn from a two-level normal model ``y_ij = u_j + e_ij`` with its own fixed seed, so that editing
one leaves the others as they are. Data are rounded to three decimals; the rounded values are what is fitted.
"""

from __future__ import annotations

import csv
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

HERE = Path(__file__).resolve().parent


@dataclass(frozen=True)
class DataSet:
    """Recipe of a data set: cluster sizes, and covariance matrices of the two levels."""

    seed: int
    sizes: tuple[int, ...]
    names: tuple[str, ...]
    within: np.ndarray
    between: np.ndarray
    within_only: tuple[str, ...] = ()
    between_only: tuple[str, ...] = ()
    missing: float = 0.0
    means: tuple[float, ...] = ()
    scales: dict[str, float] = field(default_factory=dict)


def uneven(seed: int, clusters: int, low: int, high: int) -> tuple[int, ...]:
    """Cluster sizes drawn uniformly from low..high."""
    return tuple(int(n) for n in np.random.default_rng(seed).integers(low, high + 1, clusters))


def equal(clusters: int, size: int) -> tuple[int, ...]:
    return (size,) * clusters


def path_covariance(a: float, b: float, direct: float, variance: float = 1.0) -> np.ndarray:
    """Covariance matrix of x, m, y with m = a x + ., y = b m + direct x + ., all of the given variance."""
    total = b * a + direct
    r_my = b + direct * a
    return variance * np.array([[1, a, total], [a, 1, r_my], [total, r_my, 1]])


def factor_covariance(loadings: np.ndarray, phi: np.ndarray, variance: float) -> np.ndarray:
    common = loadings @ phi @ loadings.T
    return variance * (common + np.diag(1 - np.diag(common)))


def simple_structure(loadings: tuple[tuple[float, ...], ...]) -> np.ndarray:
    rows = [
        [value if k == factor else 0.0 for k in range(len(loadings))]
        for factor, block in enumerate(loadings)
        for value in block
    ]
    return np.array(rows)


XMY = ("x", "m", "y")
WITHIN = path_covariance(0.35, -0.4, -0.1)
FOUR = simple_structure(((0.8, 0.7, 0.75, 0.65),))
SIX = simple_structure(((0.8, 0.7, 0.75), (0.7, 0.8, 0.65)))
EIGHT = simple_structure(((0.8, 0.7, 0.75, 0.6), (0.7, 0.8, 0.65, 0.7)))
PHI = np.array([[1.0, 0.45], [0.45, 1.0]])


def icc(value: float, a: float = 0.3, b: float = -0.3, direct: float = -0.2) -> np.ndarray:
    """Between covariance matrix with unit within variance and the given intraclass correlation."""
    return path_covariance(a, b, direct, value / (1 - value)) if value else np.zeros((3, 3))


def with_covariates(core: np.ndarray, loadings: list[tuple[float, float, float]]) -> np.ndarray:
    """Append unit-variance covariates that act linearly on the three core variables."""
    k = len(loadings)
    effect = np.array(loadings).T
    top = core + effect @ effect.T
    return np.block([[top, effect], [effect.T, np.eye(k)]])


def parallel(values: tuple[float, ...], variance: float) -> np.ndarray:
    """x, three mediators and y, from one common factor."""
    loading = np.array(values)
    return variance * (np.outer(loading, loading) + np.diag(1 - loading**2))


def pad(between: np.ndarray, k: int) -> np.ndarray:
    p = len(between)
    out = np.zeros((p + k, p + k))
    out[:p, :p] = between
    return out


def between_covariate(within: np.ndarray, between: np.ndarray, loadings: tuple[float, float, float]) -> tuple:
    core = with_covariates(between, [loadings])
    return pad(within, 1), core


_zw, _zb = between_covariate(WITHIN, icc(0.2), (0.2, -0.15, 0.1))
_cw = with_covariates(WITHIN, [(0.2, 0.1, -0.1), (0.0, 0.2, 0.15)])

DATA: dict[str, DataSet] = {
    "ten_by_20": DataSet(101, equal(10, 20), XMY, WITHIN, icc(0.3, 0.1, -0.2, 0.0)),
    "paper_size": DataSet(102, uneven(1, 23, 1, 8), XMY, WITHIN, icc(0.5, 0.2, -0.2, -0.1), means=(48, 21, 72), scales={"x": 7, "m": 6, "y": 21}),
    "fifty_small": DataSet(103, uneven(2, 50, 1, 10), XMY, WITHIN, icc(0.25)),
    "two_hundred_fives": DataSet(104, equal(200, 5), XMY, WITHIN, icc(0.1)),
    "thirty_sixties": DataSet(105, equal(30, 60), XMY, WITHIN, icc(0.05)),
    "wide_sizes": DataSet(106, uneven(3, 40, 1, 60), XMY, WITHIN, icc(0.1)),
    "icc_zero_equal": DataSet(107, equal(60, 10), XMY, WITHIN, icc(0.0)),
    "icc_zero_uneven": DataSet(108, uneven(4, 40, 15, 30), XMY, WITHIN, icc(0.0)),
    "icc_zero_small": DataSet(109, uneven(5, 23, 1, 8), XMY, WITHIN, icc(0.0)),
    "icc_small_small": DataSet(110, uneven(6, 23, 1, 8), XMY, WITHIN, icc(0.05)),
    "icc_zero_wide": DataSet(111, uneven(7, 40, 1, 60), XMY, WITHIN, icc(0.0)),
    # at ICC 0: two that lavaan leaves at the singularity of Sigma_W + n Sigma_B, and two regular maxima near it
    "singular_a": DataSet(200, uneven(200, 23, 1, 8), XMY, WITHIN, icc(0.0)),
    "singular_b": DataSet(213, uneven(213, 23, 1, 8), XMY, WITHIN, icc(0.0)),
    "near_singular_a": DataSet(210, uneven(210, 23, 1, 8), XMY, WITHIN, icc(0.0)),
    "near_singular_b": DataSet(212, uneven(212, 23, 1, 8), XMY, WITHIN, icc(0.0)),
    "icc_half": DataSet(112, uneven(8, 80, 2, 6), XMY, WITHIN, icc(0.5)),
    "two_variables": DataSet(113, uneven(9, 80, 1, 9), ("x", "y"), WITHIN[:2, :2], icc(0.2)[:2, :2]),
    "covariates": DataSet(114, uneven(10, 60, 1, 12), (*XMY, "age", "female"), _cw, pad(icc(0.2), 2), within_only=("age", "female"), means=(0, 0, 0, 3.8, 0.6)),
    "between_covariate": DataSet(115, uneven(11, 90, 2, 8), (*XMY, "z"), _zw, _zb, between_only=("z",)),
    "parallel": DataSet(116, uneven(12, 70, 1, 15), ("x", "m1", "m2", "m3", "y"), parallel((0.6, 0.5, 0.7, 0.5, -0.6), 1.0), parallel((0.6, 0.6, 0.5, 0.5, -0.5), 0.35)),
    "four_items": DataSet(117, uneven(13, 80, 2, 10), ("q1", "q2", "q3", "q4"), factor_covariance(FOUR, np.eye(1), 1.0), factor_covariance(FOUR, np.eye(1), 0.3)),
    "six_items": DataSet(118, equal(100, 8), ("q1", "q2", "q3", "q4", "q5", "q6"), factor_covariance(SIX, PHI, 1.0), factor_covariance(SIX, PHI, 0.3)),
    "eight_items": DataSet(119, equal(120, 7), tuple(f"q{i}" for i in range(1, 9)), factor_covariance(EIGHT, PHI, 1.0), factor_covariance(EIGHT, PHI, 0.3)),
    "missing_mcar": DataSet(120, uneven(14, 60, 2, 12), XMY, WITHIN, icc(0.25), missing=0.12),
    "missing_items": DataSet(121, uneven(15, 70, 3, 10), ("q1", "q2", "q3", "q4"), factor_covariance(FOUR, np.eye(1), 1.0), factor_covariance(FOUR, np.eye(1), 0.35), missing=0.1),
    "missing_covariates": DataSet(122, uneven(16, 60, 2, 10), (*XMY, "age", "female"), _cw, pad(icc(0.25), 2), within_only=("age", "female"), missing=0.08),
}  # fmt: skip


def draw(recipe: DataSet) -> tuple[list[str], np.ndarray]:
    """Column names and rows (cluster first) of a data set."""
    rng = np.random.default_rng(recipe.seed)
    sizes = np.array(recipe.sizes)
    cluster = np.repeat(np.arange(1, len(sizes) + 1), sizes)
    p = len(recipe.names)

    def root(matrix: np.ndarray) -> np.ndarray:
        values, vectors = np.linalg.eigh(matrix)
        if values[0] < -1e-10:
            raise ValueError("a population covariance matrix is not positive semi-definite")
        return vectors * np.sqrt(np.clip(values, 0, None))

    between = rng.standard_normal((len(sizes), p)) @ root(recipe.between).T
    within = rng.standard_normal((len(cluster), p)) @ root(recipe.within).T
    values = between[cluster - 1] + within
    values += np.array(recipe.means or (0.0,) * p) / np.array(
        [recipe.scales.get(n, 1.0) for n in recipe.names]
    )
    values *= np.array([recipe.scales.get(n, 1.0) for n in recipe.names])
    values = np.round(values, 3)
    for k, name in enumerate(recipe.names):
        if name == "female":
            values[:, k] = values[:, k] > 0
    if recipe.missing:
        allowed = np.array([name not in recipe.between_only for name in recipe.names])
        hide = (rng.random(values.shape) < recipe.missing) & allowed
        hide[hide.all(axis=1)] = (
            False  # a row without any value carries no information and is dropped by lavaan
        )
        values[hide] = np.nan
    return ["cluster", *recipe.names], np.column_stack([cluster, values])


def saturated(names: tuple[str, ...] | list[str]) -> str:
    lines = [f"  {name} ~~ {' + '.join(names[k:])}" for k, name in enumerate(names)]
    return "\n".join(lines)


def two_level(within: str, between: str, defined: str = "") -> str:
    def indent(text: str) -> str:
        return "\n".join("  " + line.strip() for line in text.strip().splitlines())

    text = f"level: 1\n{indent(within)}\nlevel: 2\n{indent(between)}\n"
    return text + "".join(line.strip() + "\n" for line in defined.strip().splitlines())


PARTIAL = "m ~ a*x\ny ~ b*m + c*x"
FULL = "m ~ a*x\ny ~ b*m"
NO_B = "m ~ a*x\ny ~ c*x\nm ~~ 0*y"
INDIRECT = "indirect := a*b\ntotal := c + a*b"
SATURATED3 = saturated(XMY)
B_PARTIAL = "m ~ ab*x\ny ~ bb*m + cb*x"
B_FULL = "m ~ ab*x\ny ~ bb*m"
B_ONLY_INDIRECT = "contextual_a := ab - a\ncontextual_b := bb - b"

MODELS: dict[str, str] = {
    "saturated": two_level(SATURATED3, SATURATED3),
    "partial": two_level(PARTIAL, SATURATED3, INDIRECT),
    "full": two_level(FULL, SATURATED3, "indirect := a*b"),
    "no_b": two_level(NO_B, SATURATED3),
    "no_a": two_level("m ~~ m\nx ~~ x\nm ~~ 0*x\ny ~ b*m + c*x", SATURATED3),
    "structured": two_level(PARTIAL, B_PARTIAL, INDIRECT + "\n" + B_ONLY_INDIRECT),
    "full_both": two_level(FULL, B_FULL, "indirect := a*b\nindirect_b := ab*bb"),
    "full_within_structured": two_level(FULL, B_PARTIAL, "indirect := a*b"),
    "equal_levels": two_level("m ~ a*x\ny ~ b*m + c*x", "m ~ a*x\ny ~ b*m + c*x", INDIRECT),
    "equal_b": two_level("m ~ a*x\ny ~ b*m + c*x", "m ~ ab*x\ny ~ b*m + cb*x", INDIRECT),
    "equal_variances": two_level("m ~ a*x\ny ~ b*m + c*x\nm ~~ v*m\ny ~~ v*y", SATURATED3),
    "diagonal_between": two_level(PARTIAL, "x ~~ x\nm ~~ m\ny ~~ y\nx ~~ 0*m + 0*y\nm ~~ 0*y", INDIRECT),
    "two_path": two_level("y ~ b*x", "x ~~ x + y\ny ~~ y"),
    "two_path_both": two_level("y ~ b*x", "y ~ bb*x", "contextual := bb - b"),
    "covariates_within": two_level("m ~ a*x + age + female\ny ~ b*m + c*x + age + female\nx ~~ age + female\nage ~~ female", SATURATED3, INDIRECT),
    "covariates_within_full": two_level("m ~ a*x + age\ny ~ b*m + age + female\nx ~~ age + female\nage ~~ female", SATURATED3, "indirect := a*b"),
    "covariates_structured": two_level("m ~ a*x + age + female\ny ~ b*m + c*x + age + female\nx ~ age + female\nage ~~ female", B_PARTIAL, INDIRECT),
    "one_covariate": two_level("m ~ a*x + age\ny ~ b*m + c*x + age\nx ~ age", SATURATED3, INDIRECT),
    "between_covariate": two_level(PARTIAL, "x ~ z\nm ~ ab*x + z\ny ~ bb*m + cb*x + z", INDIRECT),
    "between_covariate_part": two_level(PARTIAL, "x ~~ z\nm ~ ab*x + z\ny ~ bb*m + cb*x", INDIRECT),
    "between_covariate_saturated": two_level(FULL, saturated([*XMY, "z"]), "indirect := a*b"),
    "parallel": two_level(
        "m1 ~ a1*x\nm2 ~ a2*x\nm3 ~ a3*x\ny ~ b1*m1 + b2*m2 + b3*m3 + c*x\nm1 ~~ m2 + m3\nm2 ~~ m3",
        saturated(["x", "m1", "m2", "m3", "y"]),
        "i1 := a1*b1\ni2 := a2*b2\ni3 := a3*b3\nindirect := i1 + i2 + i3",
    ),
    "parallel_uncorrelated": two_level(
        "m1 ~ a1*x\nm2 ~ a2*x\nm3 ~ a3*x\ny ~ b1*m1 + b2*m2 + b3*m3\nm1 ~~ 0*m2 + 0*m3\nm2 ~~ 0*m3",
        saturated(["x", "m1", "m2", "m3", "y"]),
    ),
    "serial": two_level(
        "m1 ~ a1*x\nm2 ~ d*m1 + x\ny ~ b*m2 + m1 + x + m3\nm3 ~ x + m1 + m2",
        saturated(["x", "m1", "m2", "m3", "y"]),
        "serial := a1*d*b",
    ),
    "four_parallel_b": two_level("m1 ~ a*x\nm2 ~ a*x\ny ~ b*m1 + b*m2 + c*x\nm1 ~~ m2", saturated(["x", "m1", "m2", "y"]), "indirect := 2*a*b"),
    "factor_within": two_level("f =~ q1 + q2 + q3 + q4", saturated(["q1", "q2", "q3", "q4"])),
    "factor_both": two_level("f =~ q1 + q2 + q3 + q4", "fb =~ q1 + q2 + q3 + q4"),
    "factor_both_equal": two_level("f =~ q1 + l2*q2 + l3*q3 + l4*q4", "fb =~ q1 + l2*q2 + l3*q3 + l4*q4", "share := l2/l3"),
    "factor_between": two_level(saturated(["q1", "q2", "q3", "q4"]), "fb =~ q1 + q2 + q3 + q4"),
    "two_factors_within": two_level("f =~ q1 + q2 + q3\ng =~ q4 + q5 + q6\ng ~ f", saturated([f"q{i}" for i in range(1, 7)])),
    "two_factors_both": two_level("f =~ q1 + q2 + q3\ng =~ q4 + q5 + q6\ng ~ f", "fb =~ q1 + q2 + q3\ngb =~ q4 + q5 + q6\ngb ~ fb"),
    "two_factors_covary": two_level("f =~ q1 + q2 + q3\ng =~ q4 + q5 + q6\nf ~~ g", "fb =~ q1 + q2 + q3\ngb =~ q4 + q5 + q6\nfb ~~ gb"),
    "factor_outcome": two_level("f =~ q1 + q2 + q3\nq4 ~ b*f", "fb =~ q1 + q2 + q3\nq4 ~ bb*fb"),
    "eight_both": two_level("f =~ q1 + q2 + q3 + q4\ng =~ q5 + q6 + q7 + q8\ng ~ f", "fb =~ q1 + q2 + q3 + q4\ngb =~ q5 + q6 + q7 + q8\ngb ~~ fb"),
    "eight_within": two_level("f =~ q1 + q2 + q3 + q4\ng =~ q5 + q6 + q7 + q8\nf ~~ g", saturated([f"q{i}" for i in range(1, 9)])),
}  # fmt: skip

# data set, model, options; a case is named data__model
CASES: list[tuple[str, str, str]] = [
    ("ten_by_20", "saturated", "listwise"),
    ("ten_by_20", "partial", "listwise"),
    ("ten_by_20", "full", "listwise"),
    ("paper_size", "saturated", "listwise"),
    ("paper_size", "partial", "listwise"),
    ("paper_size", "full", "listwise"),
    ("paper_size", "structured", "listwise"),
    ("fifty_small", "partial", "listwise"),
    ("fifty_small", "full", "listwise"),
    ("fifty_small", "structured", "listwise"),
    ("fifty_small", "full_both", "listwise"),
    ("fifty_small", "equal_levels", "listwise"),
    ("two_hundred_fives", "partial", "listwise"),
    ("two_hundred_fives", "full_within_structured", "listwise"),
    ("two_hundred_fives", "equal_b", "listwise"),
    ("two_hundred_fives", "diagonal_between", "listwise"),
    ("thirty_sixties", "partial", "listwise"),
    ("thirty_sixties", "no_b", "listwise"),
    ("wide_sizes", "saturated", "listwise"),
    ("wide_sizes", "partial", "listwise"),
    ("wide_sizes", "no_a", "listwise"),
    ("icc_zero_equal", "partial", "listwise"),
    ("icc_zero_equal", "full", "listwise"),
    ("icc_zero_uneven", "saturated", "listwise"),
    ("icc_zero_uneven", "partial", "listwise"),
    ("icc_zero_small", "partial", "listwise"),
    ("icc_zero_small", "full", "listwise"),
    ("icc_small_small", "partial", "listwise"),
    ("icc_zero_wide", "partial", "listwise"),
    ("singular_a", "partial", "listwise"),
    ("singular_b", "partial", "listwise"),
    ("near_singular_a", "partial", "listwise"),
    ("near_singular_b", "partial", "listwise"),
    ("icc_half", "partial", "listwise"),
    ("icc_half", "structured", "listwise"),
    ("icc_half", "equal_variances", "listwise"),
    ("two_variables", "two_path", "listwise"),
    ("two_variables", "two_path_both", "listwise"),
    ("covariates", "covariates_within", "listwise"),
    ("covariates", "covariates_within_full", "listwise"),
    ("covariates", "covariates_structured", "listwise"),
    ("covariates", "one_covariate", "listwise"),
    ("between_covariate", "between_covariate", "listwise"),
    ("between_covariate", "between_covariate_part", "listwise"),
    ("between_covariate", "between_covariate_saturated", "listwise"),
    ("parallel", "parallel", "listwise"),
    ("parallel", "parallel_uncorrelated", "listwise"),
    ("parallel", "serial", "listwise"),
    ("parallel", "four_parallel_b", "listwise"),
    ("four_items", "factor_within", "listwise"),
    ("four_items", "factor_both", "listwise"),
    ("four_items", "factor_both_equal", "listwise"),
    ("four_items", "factor_between", "listwise"),
    ("four_items", "factor_outcome", "listwise"),
    ("six_items", "two_factors_within", "listwise"),
    ("six_items", "two_factors_both", "listwise"),
    ("six_items", "two_factors_covary", "listwise"),
    ("eight_items", "eight_both", "listwise"),
    ("eight_items", "eight_within", "listwise"),
    ("missing_mcar", "partial", "ml"),
    ("missing_mcar", "full", "ml"),
    ("missing_mcar", "structured", "ml"),
    ("missing_mcar", "partial", "listwise"),
    ("missing_items", "factor_within", "ml"),
    ("missing_items", "factor_both", "ml"),
    ("missing_covariates", "covariates_within", "ml"),
    ("missing_covariates", "one_covariate", "ml"),
]


def main() -> None:
    for folder in ("data", "models", "expected"):
        (HERE / folder).mkdir(exist_ok=True)
    for name, recipe in DATA.items():
        header, rows = draw(recipe)
        with open(HERE / "data" / f"{name}.csv", "w", newline="\n") as stream:
            stream.write(",".join(header) + "\n")
            for row in rows:
                stream.write(",".join("" if np.isnan(v) else f"{v:.6g}" for v in row) + "\n")
    for name, text in MODELS.items():
        (HERE / "models" / f"{name}.lav").write_text(text, newline="\n")
    with open(HERE / "cases.csv", "w", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["case", "data", "model", "cluster", "missing"])
        for data, model, missing in CASES:
            suffix = "" if missing == "listwise" and not DATA[data].missing else f"__{missing}"
            writer.writerow([f"{data}__{model}{suffix}", data, model, "cluster", missing])


if __name__ == "__main__":
    main()
