"""What can be wrong with a scenario: names, ranges and matrices, each problem with what would be accepted."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations, pairwise
from typing import TYPE_CHECKING, Any

import numpy as np

from fortems.errors import Problem, did_you_mean
from fortems.simulate.moments import nearest_correlation
from fortems.study.instruments import Instrument

if TYPE_CHECKING:
    from fortems.simulate.stated import Scale

#: Smallest eigenvalue of a correlation matrix that counts as positive definite.
SMALLEST_EIGENVALUE = 1e-6

REQUIRED = (
    "title",
    "story",
    "scales",
    "correlations",
    "between_correlations",
    "therapists",
    "sessions",
    "age",
    "gender",
    "missing",
)
PARTS = {
    "sessions": ("min", "mean", "sd"),
    "age": ("min", "max", "mean", "sd"),
    "missing": ("items",),
    "gender": (),
}


def number_problems(
    raw: dict[str, Any], settings: Mapping[str, float], instruments: Mapping[str, Instrument], where: str
) -> list[Problem]:
    """List keys, names, sources and single numbers of a merged scenario that cannot be used.

    Parameters
    ----------
    raw : dict
        The merged files, valid against the schema.
    settings : mapping
        Parameters set by the scenario's name.
    instruments : mapping
        Whose subscales the scenario has to describe.
    where : str
        The file, for messages.
    """
    problems = [Problem(where, f"the key {key!r} is missing") for key in REQUIRED if key not in raw]
    problems += [
        Problem(f"{where}: {key}", f"the key {part!r} is missing")
        for key, parts in PARTS.items()
        for part in parts
        if key in raw and part not in raw[key]
    ]
    problems += _names(raw, instruments, where) + _sources(raw, raw.get("sources", {}), where)
    problems += _parameters(raw, settings, where)
    if not problems:
        problems += _background(raw, where)
    return problems


def _names(raw: dict[str, Any], instruments: Mapping[str, Instrument], where: str) -> list[Problem]:
    """Check that instruments are described wholly or not at all, nothing else is, and each pair at most once."""
    subscales = [name for instrument in instruments.values() for name in instrument.subscales]
    totals = {instrument.total: instrument for instrument in instruments.values() if instrument.total}
    scales = raw.get("scales", {})
    used: list[tuple[str, str]] = [("scales", name) for name in scales]
    used += [("order", name) for name in raw.get("order", [])]
    problems = []
    for key in ("correlations", "between_correlations"):
        seen = set()
        for first, row in raw.get(key, {}).items():
            if first == "others" and key == "between_correlations":
                continue
            used.append((key, first))
            for second in row:
                used.append((f"{key}.{first}", second))
                if first == second:
                    problems.append(Problem(f"{where}: {key}.{first}", "a variable with itself"))
                elif frozenset((first, second)) in seen:
                    what = "is stated twice, in either order"
                    problems.append(Problem(f"{where}: {key}.{first}.{second}", what, "each pair once"))
                seen.add(frozenset((first, second)))
    for key, name in used:
        if name in totals:
            parts = ", ".join(totals[name].subscales)
            what = f"{name!r} is a total and follows from its parts ({parts})"
            problems.append(Problem(f"{where}: {key}", what, "moments of subscales", f"Leave {name} out"))
        elif name not in subscales:
            what, hint = f"unknown variable {name!r}", did_you_mean(name, subscales)
            problems.append(Problem(f"{where}: {key}", what, ", ".join(subscales), hint))
    described = [i for i in instruments.values() if not scales.keys().isdisjoint(i.subscales)]
    for name in [name for instrument in described for name in instrument.subscales]:
        if name not in scales:
            problems.append(Problem(f"{where}: scales", f"the subscale {name!r} is missing"))
        if "order" in raw and name not in raw["order"]:
            problems.append(Problem(f"{where}: order", f"the subscale {name!r} is missing"))
    n_items = {name: len(items) for i in instruments.values() for name, items in i.subscales.items()}
    for name, entry in scales.items():
        for part in ("range", "mean", "sd", "reliability", "icc"):
            if part not in entry:
                problems.append(Problem(f"{where}: scales.{name}", f"the key {part!r} is missing"))
        loadings = entry.get("loadings", {}).get("value")
        if loadings and name in n_items and len(loadings) != n_items[name]:
            what = f"{len(loadings)} loadings for {n_items[name]} items"
            problems.append(Problem(f"{where}: scales.{name}.loadings", what, "one per item"))
        if loadings and min(loadings) <= 0:
            what = f"{min(loadings):g} is not positive"
            problems.append(Problem(f"{where}: scales.{name}.loadings", what, "positive numbers"))
    return problems


def _sources(raw: Any, sources: dict[str, str], where: str, path: tuple[str, ...] = ()) -> list[Problem]:
    if not isinstance(raw, dict):
        return []
    if "value" in raw:
        if raw["source"] in sources:
            return []
        hint = did_you_mean(raw["source"], sources, "Add it to sources")
        what = f"unknown source {raw['source']!r}"
        return [Problem(f"{where}: {'.'.join(path)}", what, ", ".join(sources), hint)]
    return [
        problem
        for key, part in raw.items()
        if key != "sources"
        for problem in _sources(part, sources, where, (*path, str(key)))
    ]


def _parameters(raw: dict[str, Any], settings: Mapping[str, float], where: str) -> list[Problem]:
    known = raw.get("parameters", {})
    used = [(f"correlations.{a}.{b}", p) for a, b, p in _slopes(raw.get("correlations", {}))]
    rest = {key: row for key, row in raw.get("between_correlations", {}).items() if key != "others"}
    used += [(f"between_correlations.{a}.{b}", p) for a, b, p in _slopes(rest)]
    used += [("the scenario's name", name) for name in settings]
    problems = []
    for key, name in used:
        if name not in known:
            what, hint = f"unknown parameter {name!r}", did_you_mean(name, known)
            allowed = ", ".join(known) or "this scenario has no parameters"
            problems.append(Problem(f"{where}: {key}", what, allowed, hint))
    return problems


def _slopes(rows: dict[str, dict[str, Any]]) -> list[tuple[str, str, str]]:
    return [
        (a, b, name) for a, row in rows.items() for b, entry in row.items() for name in entry.get("per", {})
    ]


def _background(raw: dict[str, Any], where: str) -> list[Problem]:
    problems = []

    def check(holds: bool, key: str, what: str, allowed: str) -> None:
        if not holds:
            problems.append(Problem(f"{where}: {key}", what, allowed))

    sizes = raw["therapists"]["value"]
    check(
        all(s == int(s) and s >= 1 for s in sizes),
        "therapists",
        "not all sizes are whole numbers from 1",
        "1, 2, ...",
    )
    check(len(sizes) >= 2, "therapists", f"{len(sizes)} therapist", "at least 2")
    value = {
        key: {part: entry["value"] for part, entry in raw[key].items()}
        for key in ("sessions", "age", "gender")
    }
    sessions, age = value["sessions"], value["age"]
    check(
        sessions["min"] == int(sessions["min"]) and sessions["min"] >= 0,
        "sessions.min",
        f"{sessions['min']:g}",
        "a whole number from 0",
    )
    excess = sessions["mean"] - sessions["min"]
    check(excess > 0, "sessions.mean", f"{sessions['mean']:g} is not above the minimum", "mean > min")
    # A negative binomial count above the minimum has at least the Poisson variance.
    check(
        excess <= 0 or sessions["sd"] ** 2 > excess,
        "sessions.sd",
        f"{sessions['sd']:g} is too small for this mean",
        f"above {np.sqrt(max(excess, 0)):.3g}",
    )
    ordered = [age["min"], age["mean"], age["max"]]
    check(all(a < b for a, b in pairwise(ordered)), "age", f"{ordered}", "min < mean < max")
    most = np.sqrt(max((age["mean"] - age["min"]) * (age["max"] - age["mean"]), 0.0))
    check(0 < age["sd"] < most, "age.sd", f"{age['sd']:g}", f"above 0, below {most:.3g}")
    shares = list(value["gender"].values())
    check(
        bool(shares) and all(0 <= s <= 1 for s in shares) and abs(sum(shares) - 1) < 1e-9,
        "gender",
        f"the shares sum to {sum(shares):g}",
        "shares from 0 to 1 that sum to 1",
    )
    share = raw["missing"]["items"]["value"]
    check(0 <= share < 1, "missing.items", f"{share:g}", "from 0 to below 1")
    kept = raw.get("attenuation", {}).get("value", 1.0)
    check(0 < kept <= 1, "attenuation", f"{kept:g}", "above 0, at most 1")
    for name, entry in raw["scales"].items():
        low, high = entry["range"]
        check(low < high, f"scales.{name}.range", f"{low:g} is not below {high:g}", "low < high")
    return problems


def scale_problems(scales: Mapping[str, Scale], where: str) -> list[Problem]:
    """List means, SDs, reliabilities and ICCs that no score can have."""
    problems = []
    for name, scale in scales.items():
        place = f"{where}: scales.{name}"
        if not scale.low < scale.mean < scale.high:
            allowed = f"between {scale.low:g} and {scale.high:g}"
            problems.append(Problem(f"{place}.mean", f"{scale.mean:g} is out of the possible range", allowed))
        elif not 0 < scale.sd < (most := np.sqrt((scale.mean - scale.low) * (scale.high - scale.mean))):
            allowed = f"above 0, below {most:.4g}"
            problems.append(
                Problem(f"{place}.sd", f"{scale.sd:g} is impossible with this mean and range", allowed)
            )
        if not 0 < scale.reliability <= 1:
            what = f"{scale.reliability:g} is no reliability"
            problems.append(Problem(f"{place}.reliability", what, "above 0, at most 1"))
        if not 0 <= scale.icc < 1:
            problems.append(Problem(f"{place}.icc", f"{scale.icc:g} is no ICC", "from 0 to below 1"))
    return problems


def matrix_problems(
    names: list[str],
    scales: Mapping[str, Scale],
    correlations: np.ndarray,
    between_correlations: np.ndarray,
    where: str,
) -> list[Problem]:
    """List the matrices that no scores can have: total, between and what is left within therapists."""
    icc = np.array([scales[name].icc for name in names])
    root, rest = np.sqrt(icc), np.sqrt(1 - icc)
    problems = definiteness(correlations, names, f"{where}: correlations")
    some = np.flatnonzero(icc > 0)
    problems += definiteness(
        between_correlations[np.ix_(some, some)],
        [names[i] for i in some],
        f"{where}: between_correlations",
        strict=False,
    )
    if problems:
        return problems
    within = (correlations - np.outer(root, root) * between_correlations) / np.outer(rest, rest)
    for i, j in combinations(range(len(names)), 2):
        if abs(within[i, j]) >= 1:
            ends = (correlations[i, j] + np.array([-1, 1]) * rest[i] * rest[j]) / (root[i] * root[j])
            low, high = np.clip(ends, -1, 1)
            place = f"{where}: between_correlations.{names[i]}.{names[j]}"
            what = (
                f"{between_correlations[i, j]:g} with ICCs {icc[i]:g} and {icc[j]:g} leaves a correlation of "
                f"{within[i, j]:.3g} within therapists"
            )
            problems.append(Problem(place, what, f"above {low:.3g}, below {high:.3g}"))
    key = f"{where}: correlations within therapists (what total, between and ICCs leave)"
    return problems or definiteness(within, names, key)


def definiteness(matrix: np.ndarray, names: list[str], where: str, strict: bool = True) -> list[Problem]:
    """Name a correlation matrix that is not positive (semi-)definite, and what the nearest one would have.

    Parameters
    ----------
    matrix : ndarray, shape (V, V)
        Unit diagonal.
    names : list of str
        Its variables.
    where : str
        Place, for the message.
    strict : bool
        Definite; otherwise semi-definite is enough.
    """
    if not len(matrix):
        return []
    smallest = np.linalg.eigvalsh(matrix)[0]
    if smallest >= (SMALLEST_EIGENVALUE if strict else -1e-9):
        return []
    near = nearest_correlation(matrix)
    change = np.abs(np.triu(near - matrix, 1))
    moved = np.argsort(-change, axis=None, kind="stable")[:3]
    moves = ", ".join(
        f"{names[i]}-{names[j]} {near[i, j]:.3f} instead of {matrix[i, j]:.3f}"
        for i, j in (np.unravel_index(place, matrix.shape) for place in moved)
    )
    kind = "definite" if strict else "semi-definite"
    what = f"is not positive {kind} (smallest eigenvalue {smallest:.4g})"
    return [Problem(where, what, f"a positive {kind} matrix", f"Nearest one, largest changes: {moves}")]
