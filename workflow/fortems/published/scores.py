"""Printed means and SDs against what the scale, n and the parts of a total allow.

Sources: GRIM, Brown & Heathers (2017, doi 10.1177/1948550616673876); GRIMMER, Anaya (2016) with the parity
condition of Allard (2018); the largest SD on a bounded scale, Bhatia & Davis (2000).
"""

from __future__ import annotations

import math
from collections.abc import Iterable

from fortems.published.findings import IMPOSSIBLE, UNINFORMATIVE, MatrixFinding, finding
from fortems.published.matrix import Printed, PublishedMatrix, Scale
from fortems.study.definition import study


def totals_with_parts(matrix: PublishedMatrix) -> dict[str, list[str]]:
    """Totals whose parts all stand in the table: the printed matrix is singular but for rounding."""
    parts = {total: list(its) for total, its in study().totals.items()}
    return {
        total: parts[total]
        for total in matrix.names
        if total in parts and all(part in matrix.names for part in parts[total])
    }


def scale_checks(matrix: PublishedMatrix) -> list[MatrixFinding]:
    found = []
    for name in matrix.names:
        scale, mean, sd = matrix.scales.get(name), matrix.means.get(name), matrix.sds.get(name)
        if scale is None or mean is None:
            continue
        found.append(_mean_in_range(name, mean, scale))
        if found[-1].verdict == IMPOSSIBLE:
            continue
        grim, sums = _grim(name, mean, scale, matrix)
        found.append(grim)
        if sd is not None:
            found.append(_largest_sd(name, mean, sd, scale, matrix.n))
            found.append(_grimmer(name, sums, sd, scale, matrix))
    return found


def _mean_in_range(name: str, mean: Printed, scale: Scale) -> MatrixFinding:
    bad = not scale.low - mean.half_width <= mean.value <= scale.high + mean.half_width
    allowed = f"{scale.low:g} to {scale.high:g}"
    remedy = "Sum or mean of the items? Declare `scale` if the article scores otherwise"
    return finding("mean", f"mean {name}", bad, f"M = {mean.value:g}", allowed, remedy)


def _largest_sd(name: str, mean: Printed, sd: Printed, scale: Scale, n: int) -> MatrixFinding:
    """SD² ≤ (mean − low)(high − mean) n / (n − 1), at the mean within rounding that allows most."""
    middle = (scale.low + scale.high) / 2
    best = min(max(middle, mean.value - mean.half_width), mean.value + mean.half_width)
    limit = math.sqrt(max((best - scale.low) * (scale.high - best), 0) * n / (n - 1))
    bad = sd.value - sd.half_width > limit
    text = f"SD = {sd.value:g} at M = {mean.value:g} on a scale of {scale.low:g} to {scale.high:g}"
    return finding(
        "sd", f"sd {name}", bad, text, f"at most {limit:.4g}", "Look at SD, mean and the scale's range"
    )


def _grain(scale: Scale) -> int:
    return scale.items if scale.divided else 1


def _grim(name: str, mean: Printed, scale: Scale, matrix: PublishedMatrix) -> tuple[MatrixFinding, list[int]]:
    """Is there a whole-number sum of all scores whose mean rounds to the printed one?"""
    cell = f"mean {name}"
    grain = matrix.n * _grain(scale)
    if not scale.whole or name in matrix.prorated or grain >= 10**mean.decimals:
        why = (
            "single scores need not be whole"
            if grain < 10**mean.decimals
            else "every mean is possible at this n"
        )
        return MatrixFinding(f"grim:{cell}", "grim", cell, UNINFORMATIVE, f"M = {mean.value:g}: {why}"), []
    low = math.ceil((mean.value - mean.half_width) * grain - 1e-9)
    high = math.floor((mean.value + mean.half_width) * grain + 1e-9)
    around = round(mean.value * grain)
    near = " or ".join(f"{k / grain:.{mean.decimals}f}" for k in sorted({around, around + 1, around - 1}))
    text = f"M = {mean.value:g} is {'no' if low > high else 'a'} mean of {matrix.n} whole scores"
    remedy = "Look at the mean and n; scores with replaced missing items are declared by `prorated: true`"
    return finding("grim", cell, low > high, text, near, remedy), list(range(low, high + 1))


def _grimmer(name: str, sums: list[int], sd: Printed, scale: Scale, matrix: PublishedMatrix) -> MatrixFinding:
    """Is there a whole-number sum of squares, of the sum's parity, whose SD rounds to the printed one?"""
    cell = f"sd {name}"
    n, grain = matrix.n, _grain(scale)
    low, high = max(sd.value - sd.half_width, 0) * grain, (sd.value + sd.half_width) * grain
    if not sums or (n - 1) * (high**2 - low**2) >= 2:
        return MatrixFinding(
            f"grimmer:{cell}", "grimmer", cell, UNINFORMATIVE, f"SD = {sd.value:g}: cannot tell"
        )
    possible = any(
        (square - total) % 2 == 0
        for total in sums
        for square in range(
            math.ceil((n - 1) * low**2 + total**2 / n - 1e-9),
            math.floor((n - 1) * high**2 + total**2 / n + 1e-9) + 1,
        )
    )
    text = f"SD = {sd.value:g} is {'an' if possible else 'no'} SD of {n} whole scores with that mean"
    return finding("grimmer", cell, not possible, text, "", "Look at SD, mean and n")


def sum_checks(matrix: PublishedMatrix) -> list[MatrixFinding]:
    """Do a total's mean, SD and correlations follow from its parts', within what rounding allows?"""
    found = []
    for total, parts in totals_with_parts(matrix).items():
        described = [total, *parts]
        scales = [matrix.scales.get(name) for name in described]
        known = [scale.high for scale in scales if scale is not None and not scale.divided]
        if len(known) < len(described) or known[0] != sum(known[1:]):
            continue  # scored in another way than as a sum
        if all(name in matrix.means for name in described):
            means = [matrix.means[name] for name in parts]
            middle, slack = sum(m.value for m in means), sum(m.half_width for m in means)
            found.append(_sum("mean", total, matrix.means[total], middle - slack, middle + slack))
        if not all(name in matrix.sds for name in described):
            continue
        sds = [_interval(matrix.sds[part]) for part in parts]
        variance = _total_of(
            _product(_product(sds[i], sds[j]), _r(matrix, parts[i], parts[j]))
            for i in range(len(parts))
            for j in range(len(parts))
        )
        low, high = math.sqrt(max(variance[0], 0)), math.sqrt(max(variance[1], 0))
        found.append(_sum("sd", total, matrix.sds[total], low, high))
        for name in matrix.names:
            if name in described or low <= 0:
                continue
            covariance = _total_of(
                _product(sd, _r(matrix, part, name)) for sd, part in zip(sds, parts, strict=True)
            )
            r = _product(covariance, (1 / high, 1 / low))
            cell = matrix.cells.get((total, name)) or matrix.cells[name, total]
            found.append(_sum("r", f"{total}~{name}", cell, *r))
    return found


def _sum(what: str, cell: str, value: Printed, low: float, high: float) -> MatrixFinding:
    bad = not low - value.half_width <= value.value <= high + value.half_width
    remedy = "Is the total another sum than that of the parts in the table, or on other clients?"
    text = (
        f"{what} = {value.value:g} does not follow from the parts"
        if bad
        else f"{what} follows from the parts"
    )
    name = cell if what == "r" else f"{what} {cell}"
    return finding("sum", name, bad, text, f"{low:.3f} to {high:.3f}", remedy)


def _interval(value: Printed) -> tuple[float, float]:
    return value.value - value.half_width, value.value + value.half_width


def _r(matrix: PublishedMatrix, a: str, b: str) -> tuple[float, float]:
    if a == b:
        return 1.0, 1.0
    return _interval(matrix.cells[a, b] if (a, b) in matrix.cells else matrix.cells[b, a])


def _product(x: tuple[float, float], y: tuple[float, float]) -> tuple[float, float]:
    corners = [a * b for a in x for b in y]
    return min(corners), max(corners)


def _total_of(intervals: Iterable[tuple[float, float]]) -> tuple[float, float]:
    lows, highs = zip(*intervals, strict=True)
    return sum(lows), sum(highs)
